package cache

import (
	"net/http"
	"time"
)

// Policy is how long the operator lets a page be served past its lifetime. The
// zero value allows nothing that the page itself does not allow.
type Policy struct {
	// Stale is for how long past its lifetime a page may replace an origin's
	// failure, where the page does not say (stale-if-error) nor forbid it.
	Stale time.Duration
	// Outage is for how long past its lifetime a page is served while no
	// origin is usable. It overrides what the page forbids, which RFC 9111
	// §4.2.4 does not allow for; the decision says so in its Detail.
	Outage time.Duration
}

// Action is what to do with a stored page.
type Action uint8

// The actions. The zero value is Serve.
const (
	Serve           Action = iota // send it
	ServeAndRefresh               // send it, and fetch it anew behind the reader's back
	Validate                      // ask an origin first
	Refuse                        // answer 504: the reader wants only what is cached
)

// String is the action's name in words.
func (a Action) String() string {
	switch a {
	case Serve:
		return "serve"
	case ServeAndRefresh:
		return "serve and refresh"
	case Validate:
		return "validate"
	case Refuse:
		return "refuse"
	}
	return "unknown"
}

// The details of a decision, or of what came of it: a closed set. "" is an ordinary fresh page.
const (
	DetailOutage  = "outage"  // no origin is usable; served in spite of its age or of a demand
	DetailStale   = "stale"   // it is past its lifetime, or must be validated at every use
	DetailRequest = "request" // it is fresh, but the reader asks for more than that
	DetailError   = "error"   // it replaces an origin's failure
	DetailRevived = "revived" // it is past its lifetime, and its refresh failed a moment ago
	DetailSlow    = "slow"    // it is past its lifetime, and the origins take too long to confirm it
)

// Details lists the details that the answer of a stale page can have, in a fixed
// order, so that metrics can start at zero. The caller owns the slice.
func Details() []string {
	return []string{DetailStale, DetailError, DetailOutage, DetailRevived, DetailSlow}
}

// Decision is what [Decide] found.
type Decision struct {
	Action Action
	// Detail is the reason: one of the Detail constants. With Validate and
	// Refuse, DetailStale and DetailRequest are also the Cache-Status fwd
	// values of the same name.
	Detail string
	// Stale says that the page is past its lifetime.
	Stale bool
	// TTL is the page's remaining lifetime, zero or negative when Stale.
	TTL time.Duration
}

// Decide says what to do with a stored page that matches a request (RFC 9111
// §4). Request holds the request's own directives and pragmaNoCache what
// [PragmaNoCache] says of it; outage, that the site has no usable origin. It
// does not allocate.
func Decide(f *Freshness, request Directives, pragmaNoCache bool, p Policy, outage bool, now time.Time) Decision {
	ttl := f.TTL(now)
	d := Decision{TTL: ttl, Stale: ttl <= 0}
	usable := !d.Stale && !f.NoCache
	content := !pragmaNoCache && satisfied(f, &request, now)
	switch {
	case usable && content:
		d.Action = Serve
	case outage && -ttl <= p.Outage:
		d.Action, d.Detail = Serve, DetailOutage
	case usable:
		d.Action, d.Detail = Validate, DetailRequest
	case content && !f.NoCache && !f.NoStale && request.MaxStale >= 0 && -ttl <= request.MaxStale:
		d.Action, d.Detail = Serve, DetailStale
	case content && !f.NoCache && !f.NoStale && request.MaxAge < 0 && -ttl < f.StaleWhileRevalidate:
		// A request with max-age and no max-stale does not want a stale page
		// (§5.2.1.1).
		d.Action, d.Detail = ServeAndRefresh, DetailStale
	default:
		d.Action, d.Detail = Validate, DetailStale
	}
	if d.Action == Validate && request.OnlyIfCached {
		d.Action = Refuse
	}
	return d
}

// satisfied reports whether a page meets what the request itself demands (RFC 9111
// §5.2.1). Max-age, which is how user agents reload, asks nothing of an immutable page that
// is fresh; no-cache is the signal that it is to be validated all the same (RFC 8246 §2).
func satisfied(f *Freshness, request *Directives, now time.Time) bool {
	age, ttl := f.Age(now), f.TTL(now)
	switch {
	case request.NoCache, request.NoCacheFields != "", request.Broken:
		return false
	case request.MaxAge >= 0 && age > request.MaxAge && (!f.Immutable || ttl <= 0):
		return false
	case request.MinFresh >= 0 && ttl < request.MinFresh:
		return false
	}
	return true
}

// demandsMore reports whether a request says of itself that a page past its lifetime is not
// enough before an origin was asked (RFC 9111 §5.2.1.1, §5.2.1.3, §5.2.1.4, §5.4).
func demandsMore(request Directives, header http.Header) bool {
	return request.NoCache || request.NoCacheFields != "" || request.Broken ||
		request.MaxAge >= 0 || request.MinFresh >= 0 || PragmaNoCache(header)
}

// tolerating is the freshness as it counts for a request with its own stale-if-error, which
// allows for that request what neither the answer nor the operator does (RFC 5861 §4).
func (f Freshness) tolerating(request Directives, p Policy) Freshness {
	allowed := f.StaleIfError
	if allowed < 0 {
		allowed = p.Stale
	}
	if request.StaleIfError > allowed {
		f.StaleIfError = request.StaleIfError
	}
	return f
}

// OnError says whether a stored page may replace an origin's failure, and with
// which detail (RFC 9111 §4.2.4, RFC 5861 §4). Outage says that no origin is
// left, in general or for this request. A failure is no answer within the time
// allowed, or a status of which [Replaceable] says so.
func OnError(f *Freshness, p Policy, outage bool, now time.Time) (serve bool, detail string) {
	overdue := -f.TTL(now)
	allowed := f.StaleIfError
	if allowed < 0 {
		allowed = p.Stale
	}
	switch {
	case outage && overdue <= p.Outage:
		return true, DetailOutage
	case f.NoCache:
		return false, ""
	case overdue < 0: // still fresh: it was the reader who asked for validation
		return true, DetailError
	case f.NoStale || allowed <= 0 || overdue > allowed:
		return false, ""
	}
	return true, DetailError
}

// Replaceable reports whether an answer with this status is a failure that a
// stale page may replace (RFC 5861 §4).
func Replaceable(status int) bool {
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
