package replay

import (
	"time"

	"github.com/heliograph-edge/heliograph/cache"
)

// Store is the policy of a [cache.Store].
type Store struct {
	store    cache.Store
	largest  int64
	lifetime time.Duration
	body     *cache.Body // of all pages
}

// NewStore makes a policy of an empty store that is given no page whose body is larger than
// largest. Pages older than lifetime are fetched again; 0 keeps them for ever.
func NewStore(store cache.Store, largest int64, lifetime time.Duration) *Store {
	return &Store{store: store, largest: largest, lifetime: lifetime, body: cache.NewBody(nil)}
}

// Ask implements [Policy].
func (s *Store) Ask(r Request) bool {
	if r.Size > s.largest {
		return false
	}
	if pages := s.store.Pages(r.Key); len(pages) > 0 && !expired(pages[0].Freshness.Responded, r.At, s.lifetime) {
		return true
	}
	s.store.Put(page(r, s.body), 0)
	return false
}

// Holds implements [Policy].
func (s *Store) Holds() Holding {
	u := s.store.Usage()
	return Holding{Pages: u.Pages, Bytes: u.Bytes, Evictions: u.Evictions}
}

// expired reports whether what was fetched then is older than lifetime now.
func expired(then, now time.Time, lifetime time.Duration) bool {
	return lifetime > 0 && now.Sub(then) > lifetime
}
