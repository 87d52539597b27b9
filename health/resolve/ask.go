package resolve

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"sync"
	"time"
)

// heard is all that came back on one question.
type heard struct {
	kind        string  // the question's type
	replies     []Reply // the different ones, in the order in which they came
	disbelieved int
	recased     bool // there were answers with the letter case changed
	garbage     bool // there were messages with the right ID that are no answer
	err         error
}

// add takes a reply unless it repeats an earlier one.
func (h *heard) add(r Reply) {
	if !slices.ContainsFunc(h.replies, r.sameAs) {
		h.replies = append(h.replies, r)
	}
}

// note takes what a message was found to be, and reports whether it ends the
// waiting for a first answer.
func (h *heard) note(r Reply, f fit) bool {
	switch f {
	case fits:
		h.add(r)
		return true
	case recased:
		h.recased = true
	case broken:
		h.garbage = true
	}
	h.disbelieved++
	return f != foreign
}

// outcome is what the question came to. With several replies one with
// addresses counts, and otherwise the last.
func (h heard) outcome() Outcome {
	var timeout interface{ Timeout() bool }
	switch {
	case slices.ContainsFunc(h.replies, func(r Reply) bool { return r.Outcome == Found }):
		return Found
	case len(h.replies) > 0:
		return h.replies[len(h.replies)-1].Outcome
	case h.garbage:
		return Garbage
	case h.err == nil, errors.Is(h.err, context.DeadlineExceeded), errors.Is(h.err, context.Canceled),
		errors.As(h.err, &timeout) && timeout.Timeout():
		return Silence
	}
	return Unreachable
}

// injected reports whether somebody else answered as well. A truncated reply
// says less than the whole one, and differs from it by right.
func (h heard) injected() bool {
	var first *Reply
	for i, r := range h.replies {
		switch {
		case r.truncated:
		case r.Type == typeCNAME && len(r.Addresses) > 0:
			return true
		case first == nil:
			first = &h.replies[i]
		case !first.sameAs(r):
			return true
		}
	}
	return false
}

// asker asks servers. It keeps nothing.
type asker struct {
	roots       *x509.CertPool
	dial        func(ctx context.Context, network, address string) (net.Conn, error) // for streams
	listen      time.Duration                                                        // after the first answer over UDP
	timeout     time.Duration
	nameservers func() []string // the machine's own, with ports
}

// host asks one server about one host: for both families at once and, where
// somebody could answer in the server's place, for an alias as well.
func (a asker) host(ctx context.Context, server Server, host string) Answer {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	ask, done := a.way(server)
	defer done()
	kinds := []string{typeA, typeAAAA}
	if server.System() || server.scheme == schemeUDP {
		kinds = append(kinds, typeCNAME)
	}
	asks := make([]func(context.Context) heard, len(kinds))
	for i, kind := range kinds {
		asks[i] = func(ctx context.Context) heard {
			h := ask(ctx, question{host: host, kind: kind})
			h.kind = kind
			return h
		}
	}
	// Some middleboxes drop questions of one type; the other must not wait for long.
	answer := answerOf(server, gather(ctx, a.timeout/4, asks, func(h heard) bool {
		return h.kind != typeCNAME && h.outcome().Definite()
	}))
	answer.Duration = time.Since(begun)
	return answer
}

// way is how a server is asked, and what to call when there are no more questions.
func (a asker) way(server Server) (ask func(context.Context, question) heard, done func()) {
	switch server.scheme {
	case schemeUDP:
		return func(ctx context.Context, q question) heard { return a.overUDP(ctx, server.addresses()[0], q) }, func() {}
	case schemeTCP, schemeTLS:
		return func(ctx context.Context, q question) heard { return a.overStream(ctx, server, q) }, func() {}
	case schemeHTTPS:
		transport := a.transport(server)
		return func(ctx context.Context, q question) heard { return a.overHTTPS(ctx, transport, server, q) }, transport.CloseIdleConnections
	}
	return a.bySystem, func() {}
}

// gather runs all asks at once and waits for them. From the first result that
// settles the matter on, the others have only patience left.
func gather[T any](ctx context.Context, patience time.Duration, asks []func(context.Context) T, settles func(T) bool) []T {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		results = make([]T, len(asks))
		running sync.WaitGroup
		settled sync.Once
		limit   *time.Timer
	)
	for i, ask := range asks {
		running.Go(func() {
			results[i] = ask(ctx)
			if settles(results[i]) {
				settled.Do(func() { limit = time.AfterFunc(patience, cancel) })
			}
		})
	}
	running.Wait()
	if limit != nil {
		limit.Stop()
	}
	return results
}
