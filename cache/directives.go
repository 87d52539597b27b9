package cache

import (
	"math"
	"net/http"
	"strings"
	"time"
)

const (
	// Absent is the value of a duration in [Directives] or [Freshness] whose
	// directive was not there, or could not be read.
	Absent time.Duration = -1

	// Unlimited is the value of [Directives.MaxStale] for a max-stale without
	// a number: the reader takes a stale page of any age.
	Unlimited time.Duration = math.MaxInt64

	// maxDelta is what delta-seconds are capped to. RFC 9111 §1.2.2 names 2^31
	// as the value a recipient falls back to when the number overflows.
	maxDelta = (1 << 31) * time.Second
)

// Directives are the members of a Cache-Control field, of a request or of an
// answer. Durations are [Absent] (-1) where the directive is not there; the
// zero value therefore says max-age=0 and is of little use: ParseCacheControl(nil)
// gives the directives of a message without the field.
type Directives struct {
	NoStore, NoCache, Private, Public bool
	MustRevalidate, ProxyRevalidate   bool
	NoTransform, MustUnderstand       bool
	Immutable, OnlyIfCached           bool

	// NoCacheFields and PrivateFields are the field names of a qualified
	// no-cache="…" or private="…", comma-separated as received. A qualified
	// directive leaves NoCache or Private false: it is about those fields only.
	NoCacheFields, PrivateFields string

	MaxAge, SMaxAge, MinFresh          time.Duration
	MaxStale                           time.Duration // Unlimited when it came without a number
	StaleWhileRevalidate, StaleIfError time.Duration

	// Broken says that max-age or s-maxage could not be read, or appeared with
	// different values. RFC 9111 §4.2.1 encourages treating such an answer as
	// stale; such a request is answered after validation.
	Broken bool
	// Targeted says that they are those of a CDN-Cache-Control, beside which Expires
	// means nothing (RFC 9213 §2.2).
	Targeted bool
}

// ParseCacheControl reads the lines of a Cache-Control field. It never fails:
// each directive is judged alone, so that one malformed member cannot hide
// another's no-store or private: a member that is not by the grammar still
// restricts, and does not permit. Names are matched without regard to case;
// quoted numbers and numbers beyond 2^31 (capped) are read; of a repeated
// directive the most restrictive value is kept. Unknown
// directives are ignored. It does not allocate, unless a qualified directive
// is repeated.
func ParseCacheControl(values []string) Directives {
	d := noDirectives()
	for _, line := range values {
		d.read(line)
	}
	return d
}

// noDirectives are those of a message without the field.
func noDirectives() Directives {
	return Directives{
		MaxAge: Absent, SMaxAge: Absent, MinFresh: Absent, MaxStale: Absent,
		StaleWhileRevalidate: Absent, StaleIfError: Absent,
	}
}

// read adds the directives of one line.
func (d *Directives) read(line string) {
	for torn := false; line != ""; torn = !atEnd(line) {
		var quoted string
		quoted, line = quotedFirst(line)
		for inner := quoted; inner != ""; {
			var item directive
			item, inner = nextDirective(inner, true)
			item.malformed = true // it may restrict, and not permit
			d.take(item)
		}
		if quoted == "" {
			var item directive
			item, line = nextDirective(line, torn)
			d.take(item)
		}
	}
}

// PragmaNoCache reports whether a request asks for validation in the manner of
// HTTP/1.0: Pragma: no-cache, which counts only when the request has no
// Cache-Control field (RFC 9111 §5.4).
func PragmaNoCache(request http.Header) bool {
	if len(request["Cache-Control"]) > 0 {
		return false
	}
	for _, line := range request["Pragma"] {
		for line != "" {
			var item directive
			item, line = nextDirective(line, false)
			if strings.EqualFold(item.name, "no-cache") {
				return true
			}
		}
	}
	return false
}

// Withhold removes from h, in place, the fields that a qualified private or
// no-cache keeps from being stored (RFC 9111 §3.1). Without such a directive
// it does nothing.
func (d *Directives) Withhold(h http.Header) {
	for _, names := range [...]string{d.PrivateFields, d.NoCacheFields} {
		for names != "" {
			var name string
			name, names = nextElement(names)
			h.Del(name)
		}
	}
}

// withheld are the fields of an answer that Withhold keeps from being stored. They are for
// the reader who asked for it, and for nobody else.
func withheld(h http.Header) []Field {
	d := ResponseDirectives(h)
	if d.PrivateFields == "" && d.NoCacheFields == "" {
		return nil
	}
	h = h.Clone()
	Hop(h)
	var fields []Field
	for name, values := range h {
		for _, value := range values {
			if d.withholds(name) {
				fields = append(fields, Field{name, value})
			}
		}
	}
	return fields
}

// withholds reports whether Withhold would remove the named field.
func (d *Directives) withholds(field string) bool {
	for _, names := range [...]string{d.PrivateFields, d.NoCacheFields} {
		for names != "" {
			var name string
			name, names = nextElement(names)
			if strings.EqualFold(name, field) {
				return true
			}
		}
	}
	return false
}

// take adds one directive. Where an argument is wrong, a directive that
// restricts counts as if it had none, and one that permits does not count.
func (d *Directives) take(item directive) {
	var lower [len("stale-while-revalidate")]byte // the longest known name
	if len(item.name) > len(lower) {
		return
	}
	for i := range len(item.name) {
		lower[i] = lowerASCII(item.name[i])
	}
	switch string(lower[:len(item.name)]) {
	case "no-store":
		d.NoStore = true
	case "no-cache":
		d.NoCacheFields = item.qualify(&d.NoCache, d.NoCacheFields)
	case "private":
		d.PrivateFields = item.qualify(&d.Private, d.PrivateFields)
	case "public":
		d.Public = d.Public || item.bare()
	case "must-revalidate":
		d.MustRevalidate = true
	case "proxy-revalidate":
		d.ProxyRevalidate = true
	case "no-transform":
		d.NoTransform = true
	case "must-understand":
		d.MustUnderstand = d.MustUnderstand || item.bare()
	case "immutable":
		d.Immutable = d.Immutable || item.bare()
	case "only-if-cached":
		d.OnlyIfCached = true
	case "max-age":
		d.MaxAge = d.lifetime(d.MaxAge, item)
	case "s-maxage":
		d.SMaxAge = d.lifetime(d.SMaxAge, item)
	case "min-fresh":
		d.MinFresh = max(d.MinFresh, item.demand())
	case "max-stale":
		d.MaxStale = item.staleness(d.MaxStale)
	case "stale-while-revalidate":
		d.StaleWhileRevalidate = item.tolerance(d.StaleWhileRevalidate)
	case "stale-if-error":
		d.StaleIfError = item.tolerance(d.StaleIfError)
	}
}

// lifetime combines what is already held with one more max-age or s-maxage. Two different values contradict each other: RFC 9111 §4.2.1 lets a
// cache use the first or consider the answer stale, and stale is the safer.
func (d *Directives) lifetime(held time.Duration, item directive) time.Duration {
	v, ok := item.seconds()
	switch {
	case !ok:
		d.Broken = true
		return held
	case held == Absent:
		return v
	case held != v:
		d.Broken = true
	}
	return min(held, v)
}

// bare reports whether the directive came without an argument.
func (d directive) bare() bool { return !d.valued && !d.malformed }

// seconds reads the argument as delta-seconds, capped at 2^31.
func (d directive) seconds() (time.Duration, bool) {
	if d.malformed {
		return 0, false
	}
	return parseSeconds(d.value)
}

// demand reads min-fresh: one that cannot be read is met by no page. It is not for answers,
// in which it must not spoil what is.
func (d directive) demand() time.Duration {
	v, ok := d.seconds()
	if !ok {
		return maxDelta
	}
	return v
}

// tolerance reads stale-while-revalidate and stale-if-error: the shortest wins,
// and one that cannot be read is not there.
func (d directive) tolerance(held time.Duration) time.Duration {
	v, ok := d.seconds()
	switch {
	case !ok:
		return held
	case held == Absent:
		return v
	}
	return min(held, v)
}

// staleness reads max-stale, whose number is optional.
func (d directive) staleness(held time.Duration) time.Duration {
	if d.bare() && held == Absent {
		return Unlimited
	}
	return d.tolerance(held)
}

// qualify reads no-cache and private. Without an argument, or with one that is
// no list of field names, or has one in it without which the rest cannot be read
// or kept, the directive is about the whole message and sets *whole; otherwise
// the names are added to those held.
func (d directive) qualify(whole *bool, held string) string {
	switch {
	case d.malformed || !isNameList(d.value):
		*whole = true
		return held
	case held == "":
		return d.value
	}
	return held + "," + d.value
}

// isNameList reports whether s is a comma-separated list of at least one field
// name and nothing else, and all of them can be missed.
func isNameList(s string) bool {
	some := false
	for s != "" {
		var name string
		name, s = nextElement(s)
		if tokenLen(name) != len(name) || isEssential(name) {
			return false
		}
		some = some || name != ""
	}
	return some
}

// isEssential reports whether a header without this field would say something else of
// the body, or of who may have it.
func isEssential(name string) bool {
	for _, essential := range [...]string{
		"Cache-Control", "CDN-Cache-Control", "Content-Encoding", "Content-Length", "Content-Range", "Content-Type", "Vary",
	} {
		if strings.EqualFold(name, essential) {
			return true
		}
	}
	return false
}

// parseSeconds reads delta-seconds (RFC 9111 §1.2.2): digits and nothing else,
// capped at 2^31.
func parseSeconds(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	var n time.Duration
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = min(n*10+time.Duration(s[i]-'0'), maxDelta/time.Second)
	}
	return n * time.Second, true
}
