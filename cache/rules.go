package cache

import (
	"net/http"
	"time"
)

// GoneFor is for how long a 404 or 410 is kept that several origins agree on. Where the
// origins themselves may come and go, a page that is gone may be back soon.
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

// rules reports whether [Freshness.rule] gives the answer a lifetime that it may not have
// of its own.
func (got *Fetched) rules() bool {
	status := got.Response.StatusCode
	gone := status == http.StatusNotFound || status == http.StatusGone
	return got.Lifetime > 0 || got.Agreed && gone
}
