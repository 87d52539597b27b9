package resolve

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// maxHosts bounds what is remembered; an edge has some tens of origins.
	maxHosts = 1024
	// maxFresh bounds how long an answer is believed without asking again: a block
	// that begins has to be seen, however long the times to live are.
	maxFresh = 10 * time.Minute
	// maxDoubtful is the same for an answer that something is wrong with. An
	// injector's time to live means nothing.
	maxDoubtful = 30 * time.Second
	// maxStale is how long addresses serve that nobody confirms.
	maxStale  = 24 * time.Hour
	maxProved = 16
	// grace is for how long after its time an answer still does for a reader.
	grace = time.Minute
)

// memory is what is known of one host.
type memory struct {
	result Result
	until  time.Time // the result is fresh
	good   []netip.Addr
	goodAt time.Time
	proved map[netip.Addr]time.Time
}

// cache is bounded; whoever was asked for longest ago is forgotten first.
type cache = simplelru.LRU[string, *memory]

// flight is one lookup under way, with those who wait for it.
type flight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int
	result  Result
}

// known is what is remembered of a host while it is fresh, or else the result of
// asking. It fails only when ctx ends.
func (r *Resolver) known(ctx context.Context, host string) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	r.mu.Lock()
	m := r.memoryLocked(host)
	if r.now().Before(m.until) {
		result := m.settled(r.now())
		r.mu.Unlock()
		return result, nil
	}
	f := r.joinLocked(host)
	r.mu.Unlock()
	select {
	case <-f.done:
		return f.result.clone(), nil
	case <-ctx.Done():
		r.leave(f, host)
		return Result{}, ctx.Err()
	}
}

// ready are the addresses of a host that may be connected to without asking anybody.
func (r *Resolver) ready(host string) []netip.Addr {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.memoryLocked(host)
	now := r.now()
	if m.until.IsZero() || now.After(m.until.Add(grace)) {
		return nil
	}
	return m.settled(now).Addresses
}

// joinLocked waits with others for a lookup of the host, or begins one. It ends
// with itself, within the timeouts of the servers, or when nobody waits any more.
func (r *Resolver) joinLocked(host string) *flight {
	if f := r.under[host]; f != nil {
		f.waiting++
		return f
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &flight{done: make(chan struct{}), cancel: cancel, waiting: 1}
	if r.under == nil {
		r.under = make(map[string]*flight)
	}
	r.under[host] = f
	go func() {
		defer cancel()
		result := r.ask(ctx, host)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.under[host] == f {
			delete(r.under, host)
		}
		if ctx.Err() == nil { // else everybody left, and what was found is about us
			m := r.memoryLocked(host)
			m.remember(result, r.now())
			f.result = m.settled(r.now())
		}
		close(f.done)
	}()
	return f
}

// leave ends a lookup that nobody waits for any more.
func (r *Resolver) leave(f *flight, host string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.waiting--
	if f.waiting == 0 {
		if r.under[host] == f {
			delete(r.under, host)
		}
		f.cancel()
	}
}

// Proved tells that a verified TLS handshake for a host succeeded at an address.
// For a day the address comes first, and an answer that has it is not suspected.
func (r *Resolver) Proved(host string, address netip.Addr) {
	name := canonical(host)
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.memoryLocked(name)
	if m.proved == nil {
		m.proved = make(map[netip.Addr]time.Time)
	}
	m.proved[address.Unmap()] = r.now()
	for len(m.proved) > maxProved {
		delete(m.proved, m.oldest())
	}
}

// memoryLocked is what is known of a host, made if need be.
func (r *Resolver) memoryLocked(host string) *memory {
	if r.cache == nil {
		r.cache, _ = simplelru.NewLRU[string, *memory](maxHosts, nil) // fails for no size only
	}
	m, ok := r.cache.Get(host)
	if !ok {
		m = &memory{}
		r.cache.Add(host, m)
	}
	return m
}

// oldest is the address whose proof lies back furthest.
func (m *memory) oldest() netip.Addr {
	var first netip.Addr
	for address, at := range m.proved {
		if !first.IsValid() || at.Before(m.proved[first]) {
			first = address
		}
	}
	return first
}

// remember takes a new result in. Addresses that nobody vouches for do not
// replace good ones.
func (m *memory) remember(result Result, now time.Time) {
	m.result, m.until = result, now.Add(result.freshness())
	vouched := result.Finding.Kind == Consistent || result.Finding.Kind == Unconfirmed
	for _, answer := range result.Answers[min(1, len(result.Answers)):] {
		vouched = vouched || (answer.Outcome == Found && !answer.Injected)
	}
	if vouched && len(result.Addresses) > 0 {
		m.good, m.goodAt = slices.Clone(result.Addresses), now
	}
}

// freshness is how long a result needs no new one. Failures are not remembered.
func (r Result) freshness() time.Duration {
	fresh := time.Duration(-1)
	for _, answer := range r.Answers {
		if answer.Outcome.Definite() && (fresh < 0 || answer.TTL < fresh) {
			fresh = answer.TTL
		}
	}
	limit := maxDoubtful
	if r.Finding.Kind == Consistent || r.Finding.Kind == Unconfirmed {
		limit = maxFresh
	}
	return max(0, min(fresh, limit))
}

// settled is the result in the light of what is known beside it: proofs, and the
// last good addresses when there are no others.
func (m *memory) settled(now time.Time) Result {
	result := m.result.clone()
	proof := func(a netip.Addr) bool {
		at, ok := m.proved[a]
		return ok && now.Sub(at) < maxStale
	}
	slices.SortStableFunc(result.Addresses, func(a, b netip.Addr) int {
		switch {
		case proof(a) == proof(b):
			return 0
		case proof(a):
			return -1
		}
		return 1
	})
	if f := &result.Finding; f.Kind == Suspected && len(result.Answers) > 0 {
		if i := slices.IndexFunc(result.Answers[0].Addresses, proof); i >= 0 {
			*f = Finding{Kind: Consistent, Reason: "a verified handshake has proved " + result.Answers[0].Addresses[i].String()}
		}
	}
	if len(result.Addresses) == 0 && !result.definite() && now.Sub(m.goodAt) < maxStale && len(m.good) > 0 {
		result.Addresses, result.Stale = slices.Clone(m.good), true
		result.Evidence = append(result.Evidence, "the addresses are those of "+m.goodAt.UTC().Format(time.RFC3339))
	}
	return result
}

// definite reports whether a resolver has said that the name has no address.
// One that led only to forbidden addresses has not.
func (r Result) definite() bool {
	return slices.ContainsFunc(r.Answers, func(a Answer) bool { return a.Outcome == NXDomain || a.Outcome == NoData })
}
