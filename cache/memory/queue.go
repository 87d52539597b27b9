package memory

import (
	"math"
	"sync/atomic"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/heliograph-edge/heliograph/cache"
)

// The figures are the best over all traces of package trace; none has figures of its own. A
// small queue of 5 or 20 %, a promotion after two uses, fewer uses counted, or a larger ghost
// cost half a point to two points of the hit ratio somewhere, and gain less elsewhere.
const (
	// smallShare is the part of the budget, one in so many, that the small queue keeps
	// while pages of the main queue have to leave.
	smallShare = 10
	// mostUses is as far as uses are counted: for how many rounds a page stays in the main
	// queue without being asked for again.
	mostUses = 3
	// ghostShare is one hash in the ghost for so many keys that are held, and leastGhost
	// how many it keeps at least.
	ghostShare, leastGhost = 3, 16
	// patience is how many entries that were asked for are spared before one leaves all the
	// same: what one call may do under the lock has an end. It costs 0.1 points.
	patience = 64
)

// entry is what one key holds: its variants, most recently stored first. The
// slice is replaced, never changed, so that readers may keep it.
type entry struct {
	pages  []*cache.Page
	only   [1]*cache.Page // what pages is made of where there is one: no allocation of its own
	cost   int64
	uses   atomic.Uint32 // since it was last looked at, at most mostUses
	proven bool          // belongs to the main queue
}

// newEntry makes an entry of pages, of which there is one at least.
func newEntry(pages []*cache.Page, cost int64) *entry {
	e := &entry{pages: pages, cost: cost}
	if len(pages) == 1 {
		e.only[0] = pages[0]
		e.pages = e.only[:]
	}
	return e
}

// key is what the pages are kept under.
func (e *entry) key() cache.Key { return e.pages[0].Key }

// use counts that somebody asked. Two who ask at once may count as one.
func (e *entry) use() {
	if n := e.uses.Load(); n < mostUses {
		e.uses.CompareAndSwap(n, n+1)
	}
}

// queue is a list of entries, the newest first.
type queue struct {
	list  *simplelru.LRU[*entry, struct{}]
	bytes int64
}

// newQueue returns an empty queue.
func newQueue() queue { return queue{list: newList[*entry]()} }

// newList returns a list that is bounded by whoever fills it.
func newList[K comparable]() *simplelru.LRU[K, struct{}] {
	list, err := simplelru.NewLRU[K, struct{}](math.MaxInt, nil)
	if err != nil {
		panic(err) // only for a size below one
	}
	return list
}

// add puts an entry in front.
func (q *queue) add(e *entry) {
	q.list.Add(e, struct{}{})
	q.bytes += e.cost
}

// remove takes an entry out.
func (q *queue) remove(e *entry) {
	q.list.Remove(e)
	q.bytes -= e.cost
}

// oldest is the entry at the end; nil when there is none.
func (q *queue) oldest() *entry {
	e, _, _ := q.list.GetOldest()
	return e
}

// again puts the entry at the end in front.
func (q *queue) again(e *entry) { q.list.Get(e) }

// ghost remembers the hashes of keys that left without having been proven, and no page.
type ghost struct {
	list *simplelru.LRU[uint64, struct{}]
}

// newGhost returns an empty ghost.
func newGhost() ghost { return ghost{newList[uint64]()} }

// remember adds a hash, and forgets the oldest ones beyond limit.
func (g ghost) remember(hash uint64, limit int) {
	g.list.Add(hash, struct{}{})
	for g.list.Len() > limit {
		g.list.RemoveOldest()
	}
}

// take forgets a hash and reports whether it was remembered.
func (g ghost) take(hash uint64) bool { return g.list.Remove(hash) }
