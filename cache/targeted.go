package cache

import (
	"net/http"
	"time"

	"github.com/dunglas/httpsfv"
)

// ResponseDirectives are the directives of an answer that are for this cache: those of a
// valid CDN-Cache-Control, which replace Cache-Control and Expires wholly (RFC 9213 §2.2),
// or else those of Cache-Control. It allocates only for an answer with the former.
//
// A CDN-Cache-Control that is empty, or no Dictionary, is as if it were not there (§2.1).
// One with a value of the wrong type permits nothing either; but what it forbids in members
// that can be read is added to what Cache-Control says.
func ResponseDirectives(h http.Header) Directives {
	general := ParseCacheControl(h["Cache-Control"])
	if lines := h["Cdn-Cache-Control"]; len(lines) > 0 {
		return target(general, lines)
	}
	return general
}

// directives is [ResponseDirectives] of a stored header.
func (h Header) directives() Directives {
	d := noDirectives()
	var targeted []string
	for rest := h; rest != ""; {
		var name, value string
		switch name, value, rest = rest.next(); name {
		case "Cache-Control":
			d.read(value)
		case "Cdn-Cache-Control":
			targeted = append(targeted, value)
		}
	}
	if len(targeted) > 0 {
		return target(d, targeted)
	}
	return d
}

// target reads a CDN-Cache-Control beside which the answer has the general directives.
func target(general Directives, lines []string) Directives {
	members, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil || len(members.Names()) == 0 {
		return general
	}
	d, valid := noDirectives(), true
	d.Targeted = true
	for _, name := range members.Names() {
		var value any
		if member, _ := members.Get(name); member != nil {
			if item, ok := member.(httpsfv.Item); ok {
				value = item.Value // an inner list is of no type that a directive has
			}
		}
		valid = d.takeTyped(name, value) && valid
	}
	if valid {
		return d
	}
	general.restrictBy(&d)
	return general
}

// takeTyped adds one member of a CDN-Cache-Control. It is false where the value is not of
// the directive's type: an Integer of seconds, a Boolean, or a Boolean or a String with field names.
// Directives that are not known, or not for answers, are ignored.
func (d *Directives) takeTyped(name string, value any) bool {
	switch name {
	case "no-store":
		return set(&d.NoStore, value)
	case "must-revalidate":
		return set(&d.MustRevalidate, value)
	case "proxy-revalidate":
		return set(&d.ProxyRevalidate, value)
	case "public":
		return set(&d.Public, value)
	case "no-transform":
		return set(&d.NoTransform, value)
	case "must-understand":
		return set(&d.MustUnderstand, value)
	case "immutable":
		return set(&d.Immutable, value)
	case "no-cache":
		return setOrQualify(&d.NoCache, &d.NoCacheFields, value)
	case "private":
		return setOrQualify(&d.Private, &d.PrivateFields, value)
	case "max-age":
		return setSeconds(&d.MaxAge, value)
	case "s-maxage":
		return setSeconds(&d.SMaxAge, value)
	case "stale-while-revalidate":
		return setSeconds(&d.StaleWhileRevalidate, value)
	case "stale-if-error":
		return setSeconds(&d.StaleIfError, value)
	}
	return true
}

// set sets a flag.
func set(flag *bool, value any) (ok bool) {
	*flag, ok = value.(bool)
	return ok
}

// setOrQualify sets a flag that may be about some fields only.
func setOrQualify(whole *bool, fields *string, value any) bool {
	names, ok := value.(string)
	if !ok {
		return set(whole, value)
	}
	*fields = directive{value: names, valued: true}.qualify(whole, "")
	return true
}

// setSeconds sets a duration, capped as parseSeconds does it.
func setSeconds(to *time.Duration, value any) bool {
	seconds, ok := value.(int64)
	if !ok || seconds < 0 {
		return false
	}
	*to = min(time.Duration(seconds), maxDelta/time.Second) * time.Second
	return true
}

// restrictBy adds what other forbids, which comes from a field that cannot be trusted in
// what it permits.
func (d *Directives) restrictBy(other *Directives) {
	d.NoStore = d.NoStore || other.NoStore
	d.MustUnderstand = d.MustUnderstand && !other.NoStore // which it would lift
	d.NoCache = d.NoCache || other.NoCache
	d.Private = d.Private || other.Private
	d.MustRevalidate = d.MustRevalidate || other.MustRevalidate
	d.ProxyRevalidate = d.ProxyRevalidate || other.ProxyRevalidate
	d.NoTransform = d.NoTransform || other.NoTransform
	d.NoCacheFields = joinNames(d.NoCacheFields, other.NoCacheFields)
	d.PrivateFields = joinNames(d.PrivateFields, other.PrivateFields)
}

// joinNames joins two lists of field names.
func joinNames(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "," + b
}
