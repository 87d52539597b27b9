package memory

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/heliograph-edge/heliograph/cache"
)

// maxVariants bounds what one key can hold, so that Vary on a field with
// endless values cannot fill the store from one address.
const maxVariants = 16

// shard is a part of the store with a budget of its own. What a key holds is in
// exactly one of its queues.
type shard struct {
	budget  int64
	seed    maphash.Seed
	evicted *atomic.Uint64 // the store's

	mu       sync.RWMutex // guards everything that follows; asking takes it for reading
	held     map[cache.Key]*entry
	small    queue
	main     queue
	ghost    ghost
	reserved int64 // by bodies that are arriving
	pages    int
}

// newShard returns an empty shard.
func newShard(budget int64, seed maphash.Seed, evicted *atomic.Uint64) *shard {
	return &shard{
		budget: budget, seed: seed, evicted: evicted, held: make(map[cache.Key]*entry),
		small: newQueue(), main: newQueue(), ghost: newGhost(),
	}
}

// maxPage is the largest page that is worth storing.
func (sh *shard) maxPage() int64 { return sh.budget / 4 }

// mostOfOne is what one key's pages may grow to: the largest page and as much again for
// its renditions.
func (sh *shard) mostOfOne() int64 { return sh.budget / 2 }

// usedLocked is what the pages cost.
func (sh *shard) usedLocked() int64 { return sh.small.bytes + sh.main.bytes }

// putLocked stores page beside the other variants of its key.
func (sh *shard) putLocked(page *cache.Page) bool {
	old := sh.held[page.Key]
	var others []*cache.Page
	if old != nil {
		sh.detachLocked(old)
		for _, p := range old.pages {
			if len(others) < maxVariants-1 && !page.SameVariant(p) {
				others = append(others, p)
			}
		}
	}
	fits := sh.reserved+page.Cost() <= sh.budget
	pages := others
	if fits {
		pages = append([]*cache.Page{page}, others...)
	}
	var cost int64
	for _, p := range pages {
		cost += p.Cost()
	}
	// The variants of one key can be more than the shard holds.
	for sh.reserved+cost > sh.budget {
		last := len(pages) - 1
		cost -= pages[last].Cost()
		pages = pages[:last]
		sh.evicted.Add(1)
	}
	if len(pages) == 0 {
		delete(sh.held, page.Key)
		return fits
	}
	next := newEntry(pages, cost)
	if old != nil {
		next.proven = old.proven
		next.uses.Store(old.uses.Load())
	} else {
		next.proven = sh.ghost.take(sh.hash(page.Key))
	}
	sh.makeRoomLocked(cost)
	sh.held[page.Key] = next
	sh.attachLocked(next)
	return fits
}

// dropLocked lets go of one page.
func (sh *shard) dropLocked(page *cache.Page) bool {
	e := sh.held[page.Key]
	if e == nil {
		return false
	}
	i := slices.Index(e.pages, page)
	switch {
	case i < 0:
		return false
	case len(e.pages) == 1:
		sh.letGoLocked(e)
		return true
	}
	cost := page.Cost()
	e.pages = slices.Delete(slices.Clone(e.pages), i, i+1)
	e.cost -= cost
	sh.queue(e).bytes -= cost
	sh.pages--
	return true
}

// growLocked adds to what a page costs.
func (sh *shard) growLocked(page *cache.Page, n int64) bool {
	e := sh.held[page.Key]
	if e == nil || !slices.Contains(e.pages, page) || e.cost+n > sh.mostOfOne() {
		return false
	}
	// Out of its queue it cannot make room for itself.
	sh.detachLocked(e)
	fits := sh.makeRoomLocked(e.cost + n)
	if fits {
		page.Grew(n)
		e.cost += n
	}
	sh.attachLocked(e)
	return fits
}

// each shows what every key holds, without the lock while it does, and [atOnce] keys at
// a time. It ends when show is false.
//
// The map is only touched under the lock, also by the iteration, which goes on where it
// was: a key that is there throughout is shown once, one that comes or goes at most once.
// One that is taken out and put back would come and go: what moves stays in the map.
func (sh *shard) each(show func(pages []*cache.Page) (more bool)) {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	batch := make([][]*cache.Page, 0, atOnce)
	flush := func() (more bool) {
		sh.mu.RUnlock()
		defer sh.mu.RLock()
		for _, pages := range batch {
			if !show(pages) {
				return false
			}
		}
		batch = batch[:0]
		return true
	}
	for _, e := range sh.held {
		if batch = append(batch, e.pages); len(batch) == atOnce && !flush() {
			return
		}
	}
	flush()
}

// attachLocked puts an entry at the front of its queue.
func (sh *shard) attachLocked(e *entry) {
	sh.pages += len(e.pages)
	sh.queue(e).add(e)
}

// detachLocked takes an entry out of its queue, and out of what is counted.
func (sh *shard) detachLocked(e *entry) {
	sh.queue(e).remove(e)
	sh.pages -= len(e.pages)
}

// removeLocked takes an entry out.
func (sh *shard) removeLocked(e *entry) {
	sh.detachLocked(e)
	delete(sh.held, e.key())
}

// queue is where an entry belongs.
func (sh *shard) queue(e *entry) *queue {
	if e.proven {
		return &sh.main
	}
	return &sh.small
}
