package cache

import "slices"

// present reports whether a page is still there for who found it a moment ago.
func (c *Cache) present(p *Page) bool { return c.purging.active.Load().leaves(p) }

// pages are the pages stored under key that no purge is of. What a purge was of is let go
// of where it is found.
func (c *Cache) pages(key Key) []*Page {
	pages := c.store.Pages(key)
	active := c.purging.active.Load()
	gone := func(p *Page) bool { return !active.leaves(p) }
	if !slices.ContainsFunc(pages, gone) {
		return pages
	}
	left := make([]*Page, 0, len(pages))
	for _, p := range pages {
		if gone(p) {
			c.store.Drop(p)
			continue
		}
		left = append(left, p)
	}
	return left
}

// activePurges are purges at work. It never changes. Nil is none.
type activePurges struct {
	all    []*purge // in their order
	newest uint64   // number of the last
}

// size is how many there are.
func (a *activePurges) size() int {
	if a == nil {
		return 0
	}
	return len(a.all)
}

// with is the same and one more.
func (a *activePurges) with(u *purge) *activePurges {
	if a == nil {
		return &activePurges{all: []*purge{u}, newest: u.id}
	}
	return &activePurges{all: append(slices.Clone(a.all), u), newest: u.id}
}

// without is what is left without those that gone reports, nil when none is.
func (a *activePurges) without(gone func(*purge) bool) *activePurges {
	if a == nil {
		return nil
	}
	left := slices.DeleteFunc(slices.Clone(a.all), gone)
	if len(left) == 0 {
		return nil
	}
	return &activePurges{all: left, newest: left[len(left)-1].id}
}

// waitingGroups is the purge of groups of a site that no sweep has begun with, nil without.
// Cache.mu must be held.
func (a *activePurges) waitingGroups(site string) *purge {
	if a == nil {
		return nil
	}
	for _, u := range a.all {
		if u.of.Kind == PurgeGroup && u.sweep == nil && u.what == site {
			return u
		}
	}
	return nil
}

// leaves applies the purges to a stored page, once each, and reports whether it is
// there still. It must be asked of all that are at work: the page takes the number of the
// newest, and so counts as held to every one before.
func (a *activePurges) leaves(p *Page) bool {
	for {
		before := p.purged.Load()
		if a == nil || before >= a.newest || p.isGone() {
			return !p.isGone()
		}
		for _, u := range a.all {
			if u.id <= before || !u.of.holds(p) {
				continue
			}
			if !u.soft {
				if p.let() {
					u.count(p)
				}
				return false
			}
			p.expire(u.began)
			p.revived.Store(0) // it is to be asked for anew, not to rest
		}
		if p.purged.CompareAndSwap(before, a.newest) {
			a.countSoft(p, before)
			return true
		}
	}
}

// foreseen is what [activePurges.leaves] would make of a stored page, which stays as it is:
// nil for one that goes, and for one that becomes stale another that is.
func (a *activePurges) foreseen(p *Page) *Page {
	if p.isGone() {
		return nil
	}
	before, seen := p.purged.Load(), p
	for i := 0; i < a.size(); i++ {
		u := a.all[i]
		switch {
		case u.id <= before || !u.of.holds(p):
		case !u.soft:
			return nil
		case seen == p:
			seen = p.shadow()
			seen.expire(u.began)
		}
	}
	return seen
}

// shadow is the page once more, without the rest after a failed refresh. It is to be
// looked at, and not to be stored.
func (p *Page) shadow() *Page {
	next := p.withParts(p.Parts, p.Body)
	next.Decoded = p.Decoded
	next.grown.Store(p.grown.Load())
	next.renditions.Store(p.renditions.Load())
	return next
}

// countSoft counts a page for the soft purges that were new to it.
func (a *activePurges) countSoft(p *Page, before uint64) {
	for _, u := range a.all {
		if u.id > before && u.soft && u.of.holds(p) {
			u.count(p)
		}
	}
}
