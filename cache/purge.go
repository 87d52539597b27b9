package cache

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"
)

const (
	// mostPurges is how many purges may be at work at one time. All that wait are worked
	// off by the next sweep together, so only a flood of them comes to so many.
	mostPurges = 1000
	// purgesKept is how many of those that are done can still be asked for.
	purgesKept = 100
)

// ErrTooManyPurges refuses a purge for now.
var ErrTooManyPurges = errors.New("1000 purges are at work already: ask again in a few seconds, or purge by prefix or site what is many")

// Purge says what is to go, and how.
type Purge struct {
	Of   Selection
	What string // Of in words, for operators
	// Soft only makes the pages stale: each is fetched anew or confirmed at its next use,
	// and stands in where an origin fails.
	Soft bool
	// DryRun only counts.
	DryRun bool
}

// PurgeReport is how far a purge has come.
type PurgeReport struct {
	ID          uint64 // counts from one; 0 for a dry run
	Kind        PurgeKind
	What        string
	Soft        bool
	DryRun      bool
	Began       time.Time
	Done        time.Time // zero while pages are being let go of
	Interrupted bool      // by the end of the cache: it did not come to all pages
	Stored      int       // pages that there were when it began
	Visited     int64     // of them
	Matched     int64     // pages that it was of
	Bytes       int64     // that they took
}

// Mode is how the pages go: hard or soft.
func (r PurgeReport) Mode() string {
	if r.Soft {
		return "soft"
	}
	return "hard"
}

// purge is one that was asked for. It takes effect for readers and fills when it is
// begun; what is stored is let go of by a sweep behind them.
type purge struct {
	id     uint64
	of     Selection
	what   string
	soft   bool
	began  time.Time
	stored int

	matched, bytes atomic.Int64

	// Guarded by Cache.mu:
	sweep       *sweep // that works it off; nil before
	done        time.Time
	interrupted bool
}

// count notes a page that the purge is of.
func (u *purge) count(p *Page) {
	u.matched.Add(1)
	u.bytes.Add(p.Cost())
}

// report is how far the purge has come.
func (u *purge) report() PurgeReport {
	r := PurgeReport{
		ID: u.id, Kind: u.of.Kind, What: u.what, Soft: u.soft, Began: u.began, Done: u.done, Interrupted: u.interrupted,
		Stored: u.stored, Matched: u.matched.Load(), Bytes: u.bytes.Load(),
	}
	if u.sweep != nil {
		r.Visited = u.sweep.visited.Load()
	}
	return r
}

// Purge lets go of the pages that are meant. When it returns, no reader who asks from
// then on gets one of them as it was, and no fill that was under way stores one; what
// was fetched since is untouched. A purge of single keys is done, the others go on in
// the background: see [Cache.PurgeOf]. The error is ErrTooManyPurges, ctx's for a dry
// run, or that the cache is shutting down.
func (c *Cache) Purge(ctx context.Context, p Purge) (PurgeReport, error) {
	p.Of = c.widened(p.Of)
	if p.DryRun {
		return c.countPages(ctx, p)
	}
	u := &purge{of: p.Of, what: p.What, soft: p.Soft, began: c.now(), stored: c.store.Usage().Pages}
	if err := c.begin(u); err != nil {
		return PurgeReport{}, err
	}
	if u.of.Keys != nil {
		c.purgeKeys(u)
		c.tell(u)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return u.report(), nil
}

// widened is a selection with the targets that a No-Vary-Search makes equal to its own.
func (c *Cache) widened(of Selection) Selection {
	var all []Key
	for _, key := range of.Keys {
		for _, key := range c.noVary.equals(key) {
			if !slices.Contains(all, key) {
				all = append(all, key)
			}
		}
	}
	if all != nil {
		of.Keys = all
	}
	return of
}

// begin makes a purge take effect, and has it worked off.
func (c *Cache) begin(u *purge) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return errClosed
	case c.purging.active.Load().size() >= mostPurges:
		return ErrTooManyPurges
	}
	c.beginLocked(u)
	c.purging.keepReportLocked(u)
	return nil
}

// beginLocked is begin without a limit and a report.
func (c *Cache) beginLocked(u *purge) {
	c.purging.last++
	u.id = c.purging.last
	c.purging.count[u.of.Kind][modeOf(u.soft)].Add(1)
	c.purging.logLocked(u)
	for _, f := range c.fills { // who comes later must not follow what was asked for before
		if u.of.mayHold(f) {
			c.leaveLocked(f)
		}
	}
	c.purging.active.Store(c.purging.active.Load().with(u))
	if u.of.Keys == nil && !c.purging.sweeping {
		c.purging.sweeping = true
		c.work.Go(c.sweepAll)
	}
}

// modeOf is the index of a mode in counts: hard or soft.
func modeOf(soft bool) int {
	if soft {
		return 1
	}
	return 0
}

// purgeKeys works off a purge of single keys.
func (c *Cache) purgeKeys(u *purge) {
	work := new(sweep)
	for _, key := range u.of.Keys {
		for _, key := range []Key{key, partKey(key)} {
			for _, page := range c.store.Peek(key) {
				work.visited.Add(1)
				if !c.present(page) {
					c.store.Drop(page)
				}
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	u.sweep, u.done = work, c.now()
	c.purging.active.Store(c.purging.active.Load().without(func(other *purge) bool { return other == u }))
}

// InvalidateGroups lets go of what is stored for these groups of a site, as an origin says
// in its answer to an unsafe request (RFC 9875 §3). site is that of the keys.
func (c *Cache) InvalidateGroups(site string, groups []string) {
	if len(groups) == 0 {
		return
	}
	u := &purge{
		of:    Selection{Kind: PurgeGroup, Space: func(of string) bool { return of == site }, groups: newGroupSet(groups)},
		began: c.now(), what: site,
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	// One that nobody works at yet is made part of this one, so that a stream of
	// answers that invalidate does not become a stream of purges.
	before := c.purging.active.Load().waitingGroups(site)
	if before != nil {
		u.of.groups = u.of.groups.union(before.of.groups)
	}
	c.beginLocked(u)
	if before != nil { // not earlier, or it would be without effect meanwhile
		c.purging.takeBackLocked(before)
	}
}

// countPages is a dry run.
func (c *Cache) countPages(ctx context.Context, p Purge) (PurgeReport, error) {
	r := PurgeReport{
		Kind: p.Of.Kind, What: p.What, Soft: p.Soft, DryRun: true, Began: c.now(), Stored: c.store.Usage().Pages,
	}
	count := func(page *Page) bool {
		r.Visited++
		if p.Of.holds(page) && !page.isGone() {
			r.Matched++
			r.Bytes += page.Cost()
		}
		return true
	}
	if p.Of.Keys == nil {
		c.store.Sweep(ctx, count)
	}
	for _, key := range p.Of.Keys {
		for _, page := range slices.Concat(c.store.Peek(key), c.store.Peek(partKey(key))) {
			count(page)
		}
	}
	r.Done = c.now()
	return r, ctx.Err()
}

// Purges are those at work and the latest that are done, most recent first.
func (c *Cache) Purges() []PurgeReport {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]PurgeReport, 0, len(c.purging.reports))
	for _, u := range slices.Backward(c.purging.reports) {
		all = append(all, u.report())
	}
	return all
}

// PurgeOf is how far the purge of that number has come. ok is false for one that never
// was, or is forgotten.
func (c *Cache) PurgeOf(id uint64) (r PurgeReport, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, u := range c.purging.reports {
		if u.id == id {
			return u.report(), true
		}
	}
	return PurgeReport{}, false
}

// PurgeCount is how many there were since the start, by mode.
type PurgeCount struct {
	Hard, Soft uint64
}

// PurgeCounts are what is known of all purges together.
type PurgeCounts struct {
	Purges map[PurgeKind]PurgeCount // that were begun
	Pages  PurgeCount               // that those were of which are done
	Active int                      // purges at work now
}

// PurgeCounts counts the purges since the start.
func (c *Cache) PurgeCounts() PurgeCounts {
	g := c.purging
	counts := PurgeCounts{
		Purges: make(map[PurgeKind]PurgeCount, len(g.count)), Pages: countOf(&g.pages), Active: g.active.Load().size(),
	}
	for kind, n := range g.count {
		counts.Purges[kind] = countOf(n)
	}
	return counts
}

// countOf reads a pair of counts.
func countOf(n *[2]atomic.Uint64) PurgeCount { return PurgeCount{Hard: n[0].Load(), Soft: n[1].Load()} }
