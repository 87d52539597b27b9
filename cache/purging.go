package cache

import (
	"math"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

const (
	// fillsLog bounds the purges that are remembered for fills that began before them.
	fillsLog = 10_000
	// sweepPace is how many pages a sweep looks at before it lets others have the
	// processor: a few hundred microseconds' worth.
	sweepPace = 256
)

// purging is all that there is of purges.
//
// Purges and fetches are numbered by one count: a fetch has the number of the last
// purge when it began, and a page the number of the last purge that was applied to
// it. A purge is of no concern to what has its number or a higher one.
type purging struct {
	// active are the purges that are being worked off, nil without any: what is stored
	// is held to them whenever it is looked at.
	active atomic.Pointer[activePurges]
	count  map[PurgeKind]*[2]atomic.Uint64 // by kind, hard and soft; the map does not change
	pages  [2]atomic.Uint64                // that purges were of, hard and soft
	told   func(PurgeReport)               // of what is done; may be nil

	// Guarded by Cache.mu:
	last     uint64         // number of the latest purge
	fetches  map[uint64]int // under way, by their number
	log      []*purge       // that fetches under way are older than, in their order
	lost     uint64         // what fetches of a lower number bring is not stored: the log has been cut
	sweeping bool
	reports  []*purge // in their order
}

// newPurging returns one without any purge.
func newPurging() *purging {
	g := &purging{fetches: make(map[uint64]int), count: make(map[PurgeKind]*[2]atomic.Uint64)}
	for _, kind := range PurgeKinds() {
		g.count[kind] = new([2]atomic.Uint64)
	}
	return g
}

// fetchBeganLocked numbers a fetch. It must be given back to fetchEnded.
func (c *Cache) fetchBeganLocked() uint64 {
	c.purging.fetches[c.purging.last]++
	return c.purging.last
}

// fetchBegan is fetchBeganLocked.
func (c *Cache) fetchBegan() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fetchBeganLocked()
}

// fetchEnded notes that nothing will be stored any more of what a fetch brought.
func (c *Cache) fetchEnded(number uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.purging
	if g.fetches[number]--; g.fetches[number] > 0 {
		return
	}
	delete(g.fetches, number)
	if len(g.log) == 0 {
		return
	}
	oldest := uint64(math.MaxUint64)
	for n := range g.fetches {
		oldest = min(oldest, n)
	}
	keep := slices.IndexFunc(g.log, func(u *purge) bool { return u.id > oldest })
	if keep < 0 {
		keep = len(g.log)
	}
	g.log = slices.Delete(g.log, 0, keep)
}

// logLocked remembers a purge for the fetches under way.
func (g *purging) logLocked(u *purge) {
	if len(g.fetches) == 0 {
		return
	}
	if len(g.log) == fillsLog {
		g.lost = g.log[0].id
		g.log = slices.Delete(g.log, 0, 1)
	}
	g.log = append(g.log, u)
}

// invalidatedLocked notes that nothing is to be stored under a key of what was asked for
// until now: also by fills that nobody can follow any more.
func (g *purging) invalidatedLocked(key Key, now time.Time) {
	g.last++
	g.logLocked(&purge{id: g.last, of: Selection{Kind: PurgeURL, Keys: []Key{wholeKey(key)}}, began: now})
}

// admitLocked holds a page that is about to be stored to the purges since the fetch
// of that number began, and returns whether it may be. from is the stored page that was
// validated or added to, or nil: where page has bytes of it, from's tags count as well.
func (c *Cache) admitLocked(page, from *Page, number uint64) bool {
	g := c.purging
	if from != nil && from.Body != page.Body && page.Parts == nil {
		from = nil
	}
	if number < g.lost || from != nil && from.isGone() {
		return false
	}
	for _, u := range g.log {
		if u.id <= number || !u.of.holds(page) && (from == nil || !u.of.holds(from)) {
			continue
		}
		if !u.soft {
			return false
		}
		page.expire(u.began)
	}
	page.purged.Store(g.last)
	c.holdOthersLocked(page.Key)
	return true
}

// holdOthersLocked holds what is stored beside a page that is about to be to the purges at
// work: a sweep may not be shown what a store moves meanwhile.
func (c *Cache) holdOthersLocked(key Key) {
	active := c.purging.active.Load()
	if active == nil {
		return
	}
	whole := wholeKey(key)
	for _, key := range [...]Key{whole, partKey(whole)} {
		for _, p := range c.store.Peek(key) {
			if !active.leaves(p) {
				c.store.Drop(p)
			}
		}
	}
}

// sweep is one walk through the store that works off the purges that waited for it.
type sweep struct {
	visited atomic.Int64
}

// sweepAll walks through the store for as long as purges wait for it.
func (c *Cache) sweepAll() {
	for {
		work := new(sweep)
		if !c.takeWaiting(work) {
			return
		}
		c.store.Sweep(c.ctx, func(p *Page) bool {
			if work.visited.Add(1)%sweepPace == 0 {
				runtime.Gosched()
			}
			return c.present(p)
		})
		c.retire(work)
	}
}

// takeWaiting gives the active purges to a sweep, but those of single keys. Without any,
// sweeping has ended.
func (c *Cache) takeWaiting(work *sweep) (some bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := c.purging.active.Load().without(func(u *purge) bool { return u.of.Keys != nil })
	if waiting == nil {
		c.purging.sweeping = false
		return false
	}
	for _, u := range waiting.all {
		u.sweep = work
	}
	return true
}

// retire ends the purges that a sweep has worked off, or that the end of the cache has
// interrupted.
func (c *Cache) retire(work *sweep) {
	for _, u := range c.retired(work) {
		c.tell(u)
	}
}

// tell tells of an operator's purge that is done.
func (c *Cache) tell(u *purge) {
	report := u.report()
	c.purging.pages[modeOf(u.soft)].Add(uint64(report.Matched))
	if c.purging.told != nil && u.of.Kind != PurgeGroup {
		c.purging.told(report)
	}
}

// retired is retire, and returns them.
func (c *Cache) retired(work *sweep) (done []*purge) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, interrupted := c.now(), c.ctx.Err() != nil
	c.purging.active.Store(c.purging.active.Load().without(func(u *purge) bool {
		if u.of.Keys != nil || u.sweep != work && !interrupted {
			return false
		}
		u.done, u.interrupted = now, interrupted
		done = append(done, u)
		return true
	}))
	return done
}

// takeBackLocked forgets a purge that another one has become more than.
func (g *purging) takeBackLocked(u *purge) {
	same := func(other *purge) bool { return other == u }
	g.active.Store(g.active.Load().without(same))
	g.log = slices.DeleteFunc(g.log, same)
}

// keepReportLocked keeps a purge to be asked for, and forgets the oldest of those that are done.
func (g *purging) keepReportLocked(u *purge) {
	done := 0
	for _, old := range g.reports {
		if !old.done.IsZero() {
			done++
		}
	}
	g.reports = slices.DeleteFunc(g.reports, func(old *purge) bool {
		if old.done.IsZero() || done < purgesKept {
			return false
		}
		done--
		return true
	})
	g.reports = append(g.reports, u)
}
