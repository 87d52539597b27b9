package cache

import (
	"net/http"
	"slices"
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
	Length  int64    // of the body
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
	if last, known := c.lastRefusal(audience(r)); known {
		e.Refused = &RefusedAnswer{Reason: last.reason, At: last.at, Until: last.until}
	}
	c.mu.Lock()
	e.Fills = c.byKey[r.Key]
	c.mu.Unlock()
	e.Action, e.Status = c.foresee(r, held, parts, chosen, e.Now)
	return e
}

// peek is pages, without being a use of them.
func (c *Cache) peek(key Key) []*Page {
	return slices.DeleteFunc(slices.Clone(c.store.Peek(key)), func(p *Page) bool { return !c.present(p) })
}

// peekEquivalent is the page of another target that answers the request because of its
// No-Vary-Search, nil without one.
func (c *Cache) peekEquivalent(r *Request) *Page {
	for _, hint := range c.noVary.find(r.Key) {
		if page := Select(c.peek(hint.key), r.HTTP.Header); page != nil && hint.holds(page) && page.serves(r.HTTP.Header) {
			return page
		}
	}
	return nil
}

// foresee says what [Cache.Answer] would do.
func (c *Cache) foresee(r *Request, held, parts []*Page, chosen *Page, now time.Time) (action string, status Status) {
	if fwd := bypass(r); fwd != "" {
		return "pass it to an origin: it is not for the cache", Status{Fwd: fwd}
	}
	directives := ParseCacheControl(r.HTTP.Header["Cache-Control"])
	if chosen == nil || !chosen.serves(r.HTTP.Header) {
		return c.foreseeMiss(r, len(held) > 0, Select(parts, r.HTTP.Header), directives)
	}
	d := c.decide(chosen, r, directives, now)
	status = Status{Hit: true, TTL: d.TTL, HasTTL: true, Detail: d.Detail}
	switch d.Action {
	case Serve:
		return "serve the stored page", status
	case ServeAndRefresh:
		if chosen.isRevived(now) {
			return "serve the stored page; its refresh failed a moment ago", status
		}
		return "serve the stored page, and fetch it anew behind the reader's back", status
	case Refuse:
		return "answer 504: the request wants only what is stored and usable", Status{}
	}
	status = Status{Fwd: d.Detail}
	if chosen.Validators().Empty() {
		return "fetch the page anew: it has nothing to be validated with", status
	}
	return "ask " + chosen.Origin + " whether the stored page still holds", status
}

// foreseeMiss is foresee where nothing stored whole answers the request. parts is what is
// stored in part, or nil.
func (c *Cache) foreseeMiss(r *Request, others bool, parts *Page, directives Directives) (action string, status Status) {
	status = Status{Fwd: FwdURIMiss}
	if others {
		status.Fwd = FwdVaryMiss
	}
	ranged := r.HTTP.Method == http.MethodGet && len(r.HTTP.Header["Range"]) > 0
	if ranged && parts != nil && parts.answers(r.HTTP) {
		if d := c.decide(parts, r, directives, c.now()); d.Action == Serve {
			return "serve the stored part", Status{Hit: true, TTL: d.TTL, HasTTL: true, Detail: d.Detail}
		}
	}
	switch {
	case directives.OnlyIfCached:
		return "answer 504: nothing stored answers the request, and it forbids asking an origin", Status{}
	case directives.NoStore:
		return "fetch it for this reader alone: the request forbids storing", status
	case r.HTTP.Method == http.MethodHead:
		return "ask an origin for the header alone, which is not stored", status
	case c.isDeclined(audience(r)):
		status.Detail = "uncacheable"
		return "fetch it for this reader alone: the latest answer could not be stored", status
	case parts != nil && (ranged || c.restOfPage(r) != nil):
		status.Fwd = FwdPartial
		return "ask an origin for what is missing of the stored parts", status
	case ranged:
		return "ask an origin for that part, and store it if that is allowed", status
	}
	return "fetch it from an origin, and store it if that is allowed", status
}

// explain is the page as it is now.
func (p *Page) explain(chosen bool, policy Policy, now time.Time) PageExplanation {
	f := p.freshness()
	e := PageExplanation{
		Chosen: chosen, Partial: p.Parts != nil, Status: p.Status, Origin: p.Origin, Tags: TagsOf(p.Header), ETag: p.Validators().ETag,
		Codings: p.keptCodings(), Length: p.Body.Size(), Cost: p.Cost(), Age: f.Age(now), TTL: f.TTL(now),
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
