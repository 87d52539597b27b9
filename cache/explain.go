package cache

import (
	"time"
)

// Explanation is what the cache knows of a request's target, and what it would do with the
// request now. Making one is no use of a page, asks no origin and changes nothing.
type Explanation struct {
	Key     Key
	Now     time.Time
	Pages   []PageExplanation // most recent first; those that are kept in parts come last
	Equal   Key               // whose page answers the request because of its No-Vary-Search; empty for none
	Refused *RefusedAnswer    // the latest answer that was not stored; nil when the latest was
	Fills   int               // under way for the key
	// Action is what would happen now, in words; Status is what Cache-Status would say of it, as
	// far as that is known before an origin is asked.
	Action string
	Status Status
	Outage bool // no origin of the site is of use
}

// PageExplanation is one stored page.
type PageExplanation struct {
	Chosen  bool // for the request
	Partial bool // not all of the body is there
	Status  int
	Origin  string
	Vary    []Field  // the request fields that it varies by, with the values that it answers
	Codings []string // its body was compressed so, and is kept so
	Tags    []string // that it can be purged by
	ETag    string   // as the origin minted it
	Length  int64    // of the body, as far as it is there
	Parts   *Parts   // which bytes are there; nil for all
	Cost    int64    // in the store, in bytes
	Age     time.Duration
	TTL     time.Duration // negative once it is stale
	Steps   []Step        // how its age and lifetime are reckoned
}

// RefusedAnswer is an answer that was not stored.
type RefusedAnswer struct {
	Reason Reason
	At     time.Time
	// Until then readers do not wait for each other, since no answer is expected to be stored;
	// zero where it says nothing of the next one.
	Until time.Time
}

// Explain tells what is known of a request's target, and what would be done with the request.
func (c *Cache) Explain(r *Request) Explanation {
	e := Explanation{Key: r.Key, Now: c.now(), Outage: r.Site.inOutage()}
	held, parts := c.peek(r.Key), c.peek(partKey(r.Key))
	chosen := Select(held, r.HTTP.Header)
	if chosen == nil {
		if page := c.peekEquivalent(r); page != nil {
			e.Equal, chosen = page.Key, page
			held = append([]*Page{page}, held...)
		}
	}
	for _, p := range append(held, parts...) {
		e.Pages = append(e.Pages, p.explain(p == chosen, r.Site.Policy, e.Now))
	}
	e.Refused = c.refusedTo(r, chosen)
	c.mu.Lock()
	e.Fills = c.byKey[r.Key]
	c.mu.Unlock()
	e.Action, e.Status = c.foresee(r, held, parts, chosen, e.Now)
	return e
}

// refusedTo is the latest answer that was not stored: of parts where the request is for
// these and the latest of them is known, else of the page. Nil without one.
func (c *Cache) refusedTo(r *Request, chosen *Page) *RefusedAnswer {
	last, known := refusal{}, false
	if r.ranged() && (chosen == nil || !chosen.serves(r.HTTP.Header)) {
		of := audience(r.inParts())
		if last, known = c.lastRefusal(of); !known {
			last, known = c.lastRefusal(lengthKey(of))
		}
	}
	if !known {
		last, known = c.lastRefusal(audience(r))
	}
	if !known {
		return nil
	}
	return &RefusedAnswer{Reason: last.reason, At: last.at, Until: last.until}
}

// peek is pages, without being a use of them, and as the purges at work would leave them.
func (c *Cache) peek(key Key) []*Page {
	active := c.purging.active.Load()
	var pages []*Page
	for _, p := range c.store.Peek(key) {
		if p = active.foreseen(p); p != nil {
			pages = append(pages, p)
		}
	}
	return pages
}

// peekEquivalent is the page of another target that answers the request because of its
// No-Vary-Search, nil without one.
func (c *Cache) peekEquivalent(r *Request) *Page {
	for hint := range c.noVary.find(r.Key) {
		if page := Select(c.peek(hint.key), r.HTTP.Header); page != nil && hint.holds(page) && page.serves(r.HTTP.Header) {
			return page
		}
	}
	return nil
}

// explain is the page as it is now.
func (p *Page) explain(chosen bool, policy Policy, now time.Time) PageExplanation {
	f := p.freshness()
	e := PageExplanation{
		Chosen: chosen, Partial: p.Parts != nil, Status: p.Status, Origin: p.Origin, Tags: TagsOf(p.Header), ETag: p.Validators().ETag,
		Codings: p.keptCodings(), Length: p.Body.Size(), Parts: p.Parts, Cost: p.Cost(), Age: f.Age(now), TTL: f.TTL(now),
		Steps: p.steps(policy, now),
	}
	if p.Variant != nil {
		for i, name := range p.Variant.Names {
			value := p.Variant.Values[i]
			if isCredential(name) && value != "" {
				value = "(not shown)"
			}
			e.Vary = append(e.Vary, Field{name, value})
		}
	}
	return e
}

// isCredential reports whether a request field says who the reader is.
func isCredential(name string) bool {
	switch name {
	case "Authorization", "Cookie", "Proxy-Authorization":
		return true
	}
	return false
}

// keptCodings are the codings that the page's body is kept in beside its own.
func (p *Page) keptCodings() []string {
	held := p.renditions.Load()
	if held == nil {
		return nil
	}
	var names []string
	for _, coding := range preferred {
		if made := held.of[coding.index()]; made != nil && made.body != nil {
			names = append(names, coding.name())
		}
	}
	return names
}
