package memory

import (
	"context"
	"hash/maphash"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/heliograph-edge/heliograph/cache"
)

const (
	// perShard is the budget that is worth a lock of its own.
	perShard = 8 << 20
	// maxShards bounds the split: a page can be no larger than its shard.
	maxShards = 16
	// maxVariants bounds what one key can hold, so that Vary on a field with
	// endless values cannot fill the store from one address.
	maxVariants = 16
)

// Store is a [cache.Store] in memory. Make it with [New].
type Store struct {
	seed     maphash.Seed
	shards   []*shard
	capacity int64
	evicted  atomic.Uint64
}

// shard is an LRU of its own, with its part of the budget.
type shard struct {
	mu       sync.Mutex // guards everything that follows
	lru      *simplelru.LRU[cache.Key, *entry]
	budget   int64
	used     int64 // by pages
	reserved int64 // by bodies that are arriving
	pages    int
}

// entry is what one key holds: its variants, most recently stored first. The
// slice is replaced, never changed, so that readers may keep it.
type entry struct {
	pages []*cache.Page
	cost  int64
}

// New returns an empty store that holds at most capacity bytes, reckoned as
// [cache.Store] says.
func New(capacity int64) *Store {
	shards := int(min(max(capacity/perShard, 1), maxShards))
	s := &Store{seed: maphash.MakeSeed(), capacity: capacity}
	for range shards {
		lru, err := simplelru.NewLRU[cache.Key, *entry](math.MaxInt, nil)
		if err != nil {
			panic(err) // only for a size below one
		}
		s.shards = append(s.shards, &shard{lru: lru, budget: capacity / int64(shards)})
	}
	return s
}

// MaxPage is the largest page that is worth storing: a quarter of a shard, so
// that one page never empties its shard of all others.
func (s *Store) MaxPage() int64 { return s.shards[0].budget / 4 }

// shard returns the shard that key lives in.
func (s *Store) shard(key cache.Key) *shard {
	if len(s.shards) == 1 {
		return s.shards[0]
	}
	return s.shards[maphash.String(s.seed, string(key))%uint64(len(s.shards))]
}

// Pages implements [cache.Store].
func (s *Store) Pages(key cache.Key) []*cache.Page {
	sh := s.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if e, ok := sh.lru.Get(key); ok {
		return e.pages
	}
	return nil
}

// Peek implements [cache.Store].
func (s *Store) Peek(key cache.Key) []*cache.Page {
	sh := s.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if e, ok := sh.lru.Peek(key); ok {
		return e.pages
	}
	return nil
}

// Grow implements [cache.Store].
func (s *Store) Grow(page *cache.Page, n int64) bool {
	sh := s.shard(page.Key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e, ok := sh.lru.Get(page.Key)
	if !ok || !slices.Contains(e.pages, page) || e.cost+n > sh.budget/4 || !s.makeRoomLocked(sh, n) {
		return false
	}
	if !sh.lru.Contains(page.Key) {
		return false
	}
	page.Grew(n)
	e.cost += n
	sh.used += n
	return true
}

// Sweep implements [cache.Store].
func (s *Store) Sweep(ctx context.Context, visit func(*cache.Page) bool) {
	for _, sh := range s.shards {
		sh.mu.Lock()
		keys := sh.lru.Keys()
		sh.mu.Unlock()
		for _, key := range keys {
			if ctx.Err() != nil {
				return
			}
			for _, page := range s.Peek(key) {
				if !visit(page) {
					s.Drop(page)
				}
			}
		}
	}
}

// Reserve implements [cache.Store].
func (s *Store) Reserve(key cache.Key, n int64) bool {
	sh := s.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if !s.makeRoomLocked(sh, n) {
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
	others := sh.takeOthersLocked(page)
	next := &entry{pages: append([]*cache.Page{page}, others...)}
	fits := sh.reserved+page.Cost() <= sh.budget
	if !fits {
		next.pages = others
	}
	for _, p := range next.pages {
		next.cost += p.Cost()
	}
	// The variants of one key can be more than the shard holds.
	for sh.reserved+next.cost > sh.budget {
		last := len(next.pages) - 1
		next.cost -= next.pages[last].Cost()
		next.pages = next.pages[:last]
		s.evicted.Add(1)
	}
	if len(next.pages) > 0 && s.makeRoomLocked(sh, next.cost) {
		sh.lru.Add(page.Key, next)
		sh.used += next.cost
		sh.pages += len(next.pages)
	}
	return fits
}

// takeOthersLocked takes the entry that page goes into out of the shard, and
// returns the variants in it that stay beside page.
func (sh *shard) takeOthersLocked(page *cache.Page) []*cache.Page {
	old, ok := sh.lru.Peek(page.Key)
	if !ok {
		return nil
	}
	sh.removeLocked(page.Key)
	var others []*cache.Page
	for _, p := range old.pages {
		if len(others) < maxVariants-1 && !page.SameVariant(p) {
			others = append(others, p)
		}
	}
	return others
}

// Remove implements [cache.Store].
func (s *Store) Remove(key cache.Key) bool {
	sh := s.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.removeLocked(key)
}

// Drop implements [cache.Store]. The variants that stay keep their place in the
// order of use.
func (s *Store) Drop(page *cache.Page) bool {
	sh := s.shard(page.Key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e, ok := sh.lru.Peek(page.Key)
	if !ok {
		return false
	}
	i := slices.Index(e.pages, page)
	switch {
	case i < 0:
		return false
	case len(e.pages) == 1:
		return sh.removeLocked(page.Key)
	}
	cost := page.Cost()
	e.pages = slices.Delete(slices.Clone(e.pages), i, i+1)
	e.cost -= cost
	sh.used -= cost
	sh.pages--
	return true
}

// Usage implements [cache.Store].
func (s *Store) Usage() cache.Usage {
	u := cache.Usage{Capacity: s.capacity, Evictions: s.evicted.Load()}
	for _, sh := range s.shards {
		sh.mu.Lock()
		u.Pages += sh.pages
		u.Bytes += sh.used + sh.reserved
		sh.mu.Unlock()
	}
	return u
}

// makeRoomLocked lets go of the least recently used until n more bytes fit.
func (s *Store) makeRoomLocked(sh *shard, n int64) bool {
	if sh.reserved+n > sh.budget {
		return false
	}
	for sh.used+sh.reserved+n > sh.budget {
		key, e, ok := sh.lru.GetOldest()
		if !ok {
			return false
		}
		s.evicted.Add(uint64(len(e.pages)))
		sh.removeLocked(key)
	}
	return true
}

// removeLocked lets go of what key holds.
func (sh *shard) removeLocked(key cache.Key) bool {
	e, ok := sh.lru.Peek(key)
	if !ok {
		return false
	}
	sh.used -= e.cost
	sh.pages -= len(e.pages)
	return sh.lru.Remove(key)
}
