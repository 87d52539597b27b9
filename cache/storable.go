package cache

import "net/http"

// Reason says why an answer is not stored. The zero value "" says that it may
// be. Reasons are a closed set, fit to label a metric.
type Reason string

// The reasons that [Storable] gives.
const (
	ReasonMethod         Reason = "method"           // the request is no GET
	ReasonRequestNoStore Reason = "request_no_store" // the reader forbids it (RFC 9111 §5.2.1.5)
	ReasonNoStore        Reason = "no_store"         // the origin forbids it (§5.2.2.5)
	ReasonPrivate        Reason = "private"          // meant for one reader (§5.2.2.7)
	ReasonAuthorization  Reason = "authorization"    // asked with credentials, not released to others (§3.5)
	ReasonCookie         Reason = "cookie"           // asked with a cookie, not released to others
	ReasonStatus         Reason = "status"           // the status is not final, or answers this request alone
	ReasonPartial        Reason = "partial"          // 206: not the whole page
	ReasonVaryStar       Reason = "vary_star"        // Vary: *, or one that cannot be read: never matches (§4.1)
	ReasonNoFreshness    Reason = "no_freshness"     // neither a lifetime nor a validator
	ReasonSetCookie      Reason = "set_cookie"       // sets a cookie and does not say for how long it may be used again
	ReasonMustUnderstand Reason = "must_understand"  // its status is unknown here (§5.2.2.3)
	ReasonUpgrade        Reason = "upgrade"          // 101: the connection speaks another protocol now
)

// The reasons that only the one who stores can give.
const (
	ReasonTooLarge   Reason = "too_large"  // larger than a page may be
	ReasonIncomplete Reason = "incomplete" // ended before its declared length
	ReasonNoSpace    Reason = "no_space"   // the store has no room, or failed
	ReasonForeign    Reason = "foreign"    // not this publication's answer
	// ReasonUnconfirmed is about a 404 or 410 that no second origin could agree on.
	ReasonUnconfirmed Reason = "unconfirmed"
	ReasonStreaming   Reason = "streaming" // a stream of events, which never ends
	ReasonBypass      Reason = "bypass"    // a rule of the site keeps it out of the cache
	ReasonOlder       Reason = "older"     // of another origin than what is stored, and an earlier version

	// ReasonContentType: it is no such file as its path ends in, see [Contradicts].
	ReasonContentType Reason = "content_type"
)

// Reasons lists every reason there is, in a fixed order, so that metrics can
// start at zero. The caller owns the slice.
func Reasons() []Reason {
	return []Reason{
		ReasonMethod, ReasonRequestNoStore, ReasonNoStore, ReasonPrivate,
		ReasonAuthorization, ReasonCookie, ReasonStatus, ReasonPartial, ReasonVaryStar,
		ReasonNoFreshness, ReasonSetCookie, ReasonMustUnderstand, ReasonUpgrade,
		ReasonTooLarge, ReasonIncomplete, ReasonNoSpace, ReasonForeign, ReasonUnconfirmed, ReasonStreaming, ReasonContentType, ReasonBypass, ReasonOlder,
	}
}

// Storable decides whether a shared cache may keep an answer (RFC 9111 §3), and
// returns "" or the reason why not. The header is the answer's as it came, before [Hop]
// and [Directives.Withhold]; or, for a page that a 304 has confirmed, what [Merge]
// made of both. It does not allocate.
//
// Only GET makes a page. An answer with neither an explicit lifetime nor a
// validator is refused, although a heuristically cacheable one might be kept:
// it could never be validated. One that sets a cookie is refused unless the origin says
// outright for how long it may be used again (RFC 9111 §7.3). One to a request with a
// cookie, which is a credential like any other, is refused unless it is declared public
// or has s-maxage.
func Storable(method string, request http.Header, status int, response http.Header) Reason {
	if method != http.MethodGet {
		return ReasonMethod
	}
	if r := storableStatus(status); r != "" {
		return r
	}
	if asked := request["Cache-Control"]; len(asked) > 0 && ParseCacheControl(asked).NoStore {
		return ReasonRequestNoStore
	}
	d := ResponseDirectives(response)
	released := d.Public || d.SMaxAge != Absent // made for more than one reader
	switch {
	case d.MustUnderstand && !understood(status):
		return ReasonMustUnderstand
	case d.NoStore && !d.MustUnderstand:
		// With must-understand and a status that is understood, no-store is
		// there for other caches (§5.2.2.3).
		return ReasonNoStore
	case d.Private:
		return ReasonPrivate
	case len(request["Authorization"]) > 0 && !released && !d.MustRevalidate:
		return ReasonAuthorization
	case len(request["Cookie"]) > 0 && !released:
		return ReasonCookie
	case variesByAnything(response):
		return ReasonVaryStar
	case len(response["Set-Cookie"]) > 0 && !d.sharesCookies(response) && !d.withholds("Set-Cookie"):
		return ReasonSetCookie
	case d.MaxAge != Absent, d.SMaxAge != Absent, len(response["Expires"]) > 0 && !d.Targeted:
		return ""
	case (heuristic(status) || d.Public) && hasValidator(response):
		return ""
	}
	return ReasonNoFreshness
}

// sharesCookies reports whether the origin means an answer with the header h, Set-Cookie and
// all, for more than one reader: it is declared public, or has a lifetime that is stated,
// not over at once, and not taken back by no-cache.
func (d *Directives) sharesCookies(h http.Header) bool {
	if d.Public || d.NoCache {
		return d.Public
	}
	// Without a Date there is no telling whether Expires is over. The zero time would
	// make every date a future one.
	date, ok := ParseDate(single(h, "Date"))
	if !ok && d.MaxAge == Absent && d.SMaxAge == Absent {
		return false
	}
	lifetime, stated := statedLifetime(d, h, date)
	return stated && lifetime > 0
}

// storableStatus refuses the statuses that can never be a page.
func storableStatus(status int) Reason {
	switch status {
	case http.StatusSwitchingProtocols:
		return ReasonUpgrade
	case http.StatusPartialContent:
		return ReasonPartial
	case http.StatusNotModified,
		// These answer the connection, the preconditions or the range of one
		// request, none of which is part of the key.
		http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable,
		http.StatusMisdirectedRequest, http.StatusTooEarly,
		// RFC 6585 §3 to §6: never stored.
		http.StatusPreconditionRequired, http.StatusTooManyRequests,
		http.StatusRequestHeaderFieldsTooLarge, http.StatusNetworkAuthenticationRequired:
		return ReasonStatus
	}
	if status < 200 || status > 599 {
		return ReasonStatus
	}
	return ""
}

// heuristic reports whether an answer with this status may be kept without
// saying so (RFC 9110 §15.1). 206 would be one of them, if parts were stored.
func heuristic(status int) bool {
	switch status {
	case 200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501:
		return true
	}
	return false
}

// understood reports whether what RFC 9110 §15 says about caching this status
// is known and kept here.
func understood(status int) bool {
	switch {
	case 200 <= status && status <= 205,
		300 <= status && status <= 303, status == 305, status == 307, status == 308,
		400 <= status && status <= 411, 413 <= status && status <= 415, status == 417,
		status == 422, status == 426,
		500 <= status && status <= 505:
		return true
	}
	return false
}
