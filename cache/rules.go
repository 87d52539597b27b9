package cache

import (
	"net/http"
	"time"
)

// GoneFor is for how long a 404 or 410 is kept that several origins agree on, or that the
// only one gives without a lifetime. Where the origins themselves may come and go, a page
// that is gone may be back soon. RFC 9111 §4.2.2 lets a cache choose.
const GoneFor = 30 * time.Second

// rule puts what the operator and the origins' agreement say of an answer's lifetime in
// place of what it says itself. Both count from when it arrived.
func (f *Freshness) rule(got *Fetched) {
	switch {
	case got.Lifetime > 0:
		f.Lifetime, f.Explicit = f.InitialAge+got.Lifetime, true
	case got.Agreed && !f.Explicit:
		f.Lifetime, f.Explicit = f.InitialAge+GoneFor, true
	case got.Agreed:
		f.Lifetime = min(f.Lifetime, f.InitialAge+GoneFor)
	}
}

// believe settles what an answer says of a page that is gone: where there is no other origin
// to ask, one that states no lifetime counts as agreed.
func (got *Fetched) believe(site *Site) {
	if !site.Lone || !isGone(got.Response.StatusCode) {
		return
	}
	d := ResponseDirectives(got.Response.Header)
	_, stated := statedLifetime(&d, got.Response.Header, got.Responded)
	got.Agreed = got.Agreed || !stated
}

// rules reports whether [Freshness.rule] gives the answer a lifetime that it may not have
// of its own.
func (got *Fetched) rules() bool {
	return got.Lifetime > 0 || got.Agreed && isGone(got.Response.StatusCode)
}

// isGone reports whether a status says that there is no such page.
func isGone(status int) bool { return status == http.StatusNotFound || status == http.StatusGone }
