package probe

import (
	"crypto/tls"
	"sync"
	"time"
)

// fullHandshakeEvery is how long sessions are resumed before a look sees the certificate
// again. What a certificate says changes by the day; who answers is proved each time.
const fullHandshakeEvery = 10 * time.Minute

// Sessions lets the looks at one origin resume TLS sessions, which spares most of a
// handshake's cost. Connections are as fresh as without, and nothing is trusted that
// a full handshake would not: only who holds the origin's ticket keys can resume, anybody
// else is met with the verification of a certificate. crypto/tls looks at name and
// expiry of the certificate again with each resumption, and at pins through
// VerifyConnection.
//
// After ten minutes, and after every failed look that had got as far as a connection, the next
// handshake is a full one. So is the second that a look makes at once where one with a session
// failed. The zero value is ready, and safe for concurrent use.
type Sessions struct {
	mu      sync.Mutex
	tickets map[string]*tls.ClientSessionState
	since   time.Time // of the latest full handshake
}

// Get is for tls.Config.
func (s *Sessions) Get(key string) (*tls.ClientSessionState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.since) > fullHandshakeEvery {
		return nil, false
	}
	ticket, ok := s.tickets[key]
	return ticket, ok
}

// Put is for tls.Config. There are as many keys as the origin and its redirects have names.
func (s *Sessions) Put(key string, ticket *tls.ClientSessionState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case ticket == nil:
		delete(s.tickets, key)
	case s.tickets == nil:
		s.tickets = map[string]*tls.ClientSessionState{key: ticket}
	default:
		s.tickets[key] = ticket
	}
}

// onlyNew takes sessions in for later and offers none.
type onlyNew struct{ *Sessions }

// Get has nothing to go on with.
func (onlyNew) Get(string) (*tls.ClientSessionState, bool) { return nil, false }

// shaken notes a handshake that succeeded.
func (s *Sessions) shaken(resumed bool) {
	if s == nil || resumed {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = time.Now()
}

// Forget makes the next handshake a full one. A nil Sessions has nothing to forget.
func (s *Sessions) Forget() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tickets)
}
