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
// A CDN-Cache-Control that is empty, no Dictionary, or has a value of the wrong type, is as if
// it were not there (§2.1).
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
	if !valid {
		return general
	}
	return d
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
		return d.setLifetime(&d.MaxAge, value)
	case "s-maxage":
		return d.setLifetime(&d.SMaxAge, value)
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

// setLifetime is setSeconds of max-age and s-maxage, which cannot be read where they are less
// than nothing.
func (d *Directives) setLifetime(to *time.Duration, value any) bool {
	ok := setSeconds(to, value)
	d.Broken = d.Broken || ok && *to == Absent
	return ok
}

// setSeconds sets a duration, capped as parseSeconds does it. A negative one is of the type of
// the directive, and no delta-seconds (RFC 9111 §1.2.2): the directive counts as not there.
func setSeconds(to *time.Duration, value any) bool {
	seconds, ok := value.(int64)
	switch {
	case !ok:
		return false
	case seconds < 0:
		*to = Absent
	default:
		*to = min(time.Duration(seconds), maxDelta/time.Second) * time.Second
	}
	return true
}
