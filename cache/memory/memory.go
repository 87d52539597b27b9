package memory

import (
	"context"
	"hash/maphash"
	"sync/atomic"

	"github.com/heliograph-edge/heliograph/cache"
)

const (
	// perShard is the budget that is worth a lock of its own.
	perShard = 8 << 20
	// maxShards bounds the split: a page can be no larger than its shard.
	maxShards = 16
	// atOnce is how many keys a sweep looks at before it lets others have the lock.
	atOnce = 32
)

// Store is a [cache.Store] in memory. Make it with [New].
type Store struct {
	seed     maphash.Seed
	shards   []*shard
	capacity int64
	evicted  atomic.Uint64
}

// New returns an empty store that holds at most capacity bytes, reckoned as
// [cache.Store] says.
func New(capacity int64) *Store {
	shards := int(min(max(capacity/perShard, 1), maxShards))
	s := &Store{seed: maphash.MakeSeed(), capacity: capacity}
	for range shards {
		s.shards = append(s.shards, newShard(capacity/int64(shards), s.seed, &s.evicted))
	}
	return s
}

// MaxPage is the largest page that is worth storing: a quarter of a shard, so
// that one page never empties its shard of all others.
func (s *Store) MaxPage() int64 { return s.shards[0].maxPage() }

// shard returns the shard that key lives in.
func (s *Store) shard(key cache.Key) *shard {
	if len(s.shards) == 1 {
		return s.shards[0]
	}
	return s.shards[maphash.String(s.seed, string(key))%uint64(len(s.shards))]
}

// Pages implements [cache.Store]. It moves nothing and keeps out nobody else who asks.
func (s *Store) Pages(key cache.Key) []*cache.Page {
	sh := s.shard(key)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	if e := sh.held[key]; e != nil {
		e.use()
		return e.pages
	}
	return nil
}

// Peek implements [cache.Store].
func (s *Store) Peek(key cache.Key) []*cache.Page {
	sh := s.shard(key)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	if e := sh.held[key]; e != nil {
		return e.pages
	}
	return nil
}

// Reserve implements [cache.Store].
func (s *Store) Reserve(key cache.Key, n int64) bool {
	sh := s.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if !sh.makeRoomLocked(n) {
		return false
	}
	sh.reserved += n
	return true
}

// Release implements [cache.Store].
func (s *Store) Release(key cache.Key, n int64) {
	sh := s.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.reserved -= n
}

// Put implements [cache.Store].
func (s *Store) Put(page *cache.Page, reserved int64) bool {
	sh := s.shard(page.Key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.reserved -= reserved
	return sh.putLocked(page)
}

// Remove implements [cache.Store].
func (s *Store) Remove(key cache.Key) bool {
	sh := s.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e := sh.held[key]
	if e != nil {
		sh.letGoLocked(e)
	}
	return e != nil
}

// Drop implements [cache.Store]. The variants that stay keep their place.
func (s *Store) Drop(page *cache.Page) bool {
	sh := s.shard(page.Key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.dropLocked(page)
}

// Grow implements [cache.Store]. There is no room for what makes a key's pages larger
// together than half a shard.
func (s *Store) Grow(page *cache.Page, n int64) bool {
	sh := s.shard(page.Key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.growLocked(page, n)
}

// Sweep implements [cache.Store].
func (s *Store) Sweep(ctx context.Context, visit func(*cache.Page) bool) {
	for _, sh := range s.shards {
		sh.each(func(pages []*cache.Page) (more bool) {
			for _, page := range pages {
				if ctx.Err() != nil {
					return false
				}
				if !visit(page) {
					s.Drop(page)
				}
			}
			return true
		})
	}
}

// Usage implements [cache.Store].
func (s *Store) Usage() cache.Usage {
	u := cache.Usage{Capacity: s.capacity, Evictions: s.evicted.Load()}
	for _, sh := range s.shards {
		sh.mu.RLock()
		u.Pages += sh.pages
		u.Bytes += sh.usedLocked() + sh.reserved
		sh.mu.RUnlock()
	}
	return u
}
