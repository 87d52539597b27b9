package cache

import (
	"net/http"
	"net/textproto"
)

// Validators are what a stored page can be validated with (RFC 9110 §8.8), and
// the origin that gave them: an entity tag means nothing to another origin. The
// zero value has none.
type Validators struct {
	Origin       string // the origin's name, as the caller knows it
	ETag         string // as received, with quotes and W/
	LastModified string // as received; always a valid date
}

// ValidatorsOf picks the validators out of an answer of the named origin. A
// Last-Modified that is no date, and a field given twice with different values,
// is no validator.
func ValidatorsOf(origin string, h http.Header) Validators {
	v := Validators{Origin: origin, ETag: single(h, "Etag")}
	if modified := single(h, "Last-Modified"); isDate(modified) {
		v.LastModified = modified
	}
	return v
}

// VersionOf is what preconditions compare of an answer with the header h.
func VersionOf(h http.Header) Version {
	return Version{ETag: single(h, "Etag"), LastModified: single(h, "Last-Modified"), Date: single(h, "Date")}
}

// Empty reports whether there is nothing to validate with.
func (v Validators) Empty() bool { return v.ETag == "" && v.LastModified == "" }

// Apply makes a request for the page conditional on exactly v (RFC 9111
// §4.3.1): it sets If-None-Match and If-Modified-Since, and removes the one
// that v has nothing for.
func (v Validators) Apply(h http.Header) {
	setOrDelete(h, "If-None-Match", v.ETag)
	setOrDelete(h, "If-Modified-Since", v.LastModified)
}

func setOrDelete(h http.Header, name, value string) {
	if value == "" {
		h.Del(name)
		return
	}
	h.Set(name, value)
}

func hasValidator(h http.Header) bool { return !ValidatorsOf("", h).Empty() }

func isDate(s string) bool {
	_, ok := ParseDate(s)
	return ok
}

// Confirms reports whether a 304 is about the stored page, given what both are validated with
// (RFC 9111 §4.3.4). When it is not, the stored page must be neither updated nor
// used: ask again without validators. A 304 without any validator answers the
// ones it was asked with.
//
// A strong tag in the 304 is taken to confirm the weak tag of the same text:
// servers that compress on the fly weaken the tag of what they send but not that
// of what they confirm, and refusing would fetch every such page twice.
func Confirms(held, given Validators) bool {
	switch {
	case given.ETag != "":
		return opaqueTag(held.ETag) == opaqueTag(given.ETag)
	case given.LastModified != "":
		return held.LastModified == given.LastModified
	}
	return true
}

// UnaskedError says that an origin answered 304 to a request without conditions, which is no
// answer (RFC 9110 §15.4.5).
type UnaskedError struct {
	Origin string // the origin's name, as the caller knows it
}

// Error says what is wrong with the answer.
func (e *UnaskedError) Error() string {
	return e.Origin + " answered 304 to a request without conditions"
}

// ProxyError is the error's type in Proxy-Status, RFC 9209 §2.3.
func (e *UnaskedError) ProxyError() string { return "http_protocol_error" }

// unasked closes an answer to a request without conditions that is a 304, and is the error
// that this is; it is nil for every other answer.
func unasked(got *Fetched) error {
	if got.Response.StatusCode != http.StatusNotModified {
		return nil
	}
	got.Response.Body.Close()
	return &UnaskedError{got.Origin}
}

// Merge gives the header of a stored page after the 304 with the header fresh
// has confirmed it. Both arguments stay as they are, and the result shares
// nothing with them. Ask [Storable] about the result before keeping it: the 304
// may have changed that.
//
// Every field of the 304 replaces the stored one (RFC 9111 §3.2), except
//
//   - what is not stored: hop-by-hop fields, Trailer, and those that a
//     qualified private or no-cache withholds (§3.1);
//   - Content-Length, and Content-Encoding and Content-Range: the stored body is
//     whole, and may have been decoded, so that these are no longer about it
//     (§3.2, third paragraph);
//   - Set-Cookie, unless the origin means it for more than one reader (§7.3);
//   - a strong ETag confirming the weak one (see [Confirms]), which would claim
//     more of the stored bytes than is known.
//
// Age and Date are about the answer that carried them, and do not outlive it.
func Merge(stored, fresh http.Header) http.Header {
	merged := merge(stored, fresh)
	d := ResponseDirectives(merged)
	d.Withhold(merged)
	return merged
}

// merge is [Merge] with what must not be stored still in it: freshness is reckoned with that.
func merge(stored, fresh http.Header) http.Header {
	update := fresh.Clone()
	Hop(update)
	delete(update, "Trailer")
	for _, name := range [...]string{"Content-Length", "Content-Encoding", "Content-Range"} {
		delete(update, name)
	}
	if given := single(fresh, "Etag"); given != "" && single(stored, "Etag") == "W/"+given {
		delete(update, "Etag")
	}
	merged := stored.Clone()
	if merged == nil {
		merged = http.Header{}
	}
	delete(merged, "Age")
	delete(merged, "Date")
	for name, values := range update {
		merged[name] = values
	}
	d := ResponseDirectives(merged)
	if len(update["Set-Cookie"]) > 0 && !d.sharesCookies(merged) {
		delete(merged, "Set-Cookie")
	}
	return merged
}

// Hop removes from h, in place, the fields that are about one connection only
// (RFC 9110 §7.6.1) or one proxy (§11.7), and those that Connection names. It
// serves for storing, for requests to an origin and for relaying an answer. The
// Trailer field stays: see [Trailers].
//
// Connection cannot name a field that decides how the message is read or kept:
// §7.6.1 forbids it, and heeding it would let a hop hide a no-store.
func Hop(h http.Header) {
	for _, line := range h["Connection"] {
		for line != "" {
			var name string
			name, line = nextElement(line)
			if name = textproto.CanonicalMIMEHeaderKey(name); !endToEnd(name) {
				delete(h, name)
			}
		}
	}
	for _, name := range [...]string{
		"Connection", "Proxy-Connection", "Keep-Alive", "Te", "Transfer-Encoding", "Upgrade",
		"Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization",
	} {
		delete(h, name)
	}
}

// endToEnd reports whether the field is for every recipient, whatever a
// Connection field says.
func endToEnd(name string) bool {
	switch name {
	case "Age", "Cache-Control", "Cdn-Cache-Control", "Content-Encoding", "Content-Length", "Content-Range",
		"Content-Type", "Date", "Etag", "Expires", "Last-Modified", "Vary":
		return true
	}
	return false
}

// Trailers lists the fields that h announces for the trailer section (RFC 9110
// §6.6.2), with canonical names, and leaves out those that a trailer may not
// carry (§6.5.1). Who relays an answer announces these anew; a stored page has
// no trailers.
func Trailers(h http.Header) []string {
	var names []string
	for _, line := range h["Trailer"] {
		for line != "" {
			var name string
			name, line = nextElement(line)
			if name == "" || tokenLen(name) != len(name) {
				continue
			}
			if name = textproto.CanonicalMIMEHeaderKey(name); !headerOnly(name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// headerOnly reports whether a field must be known before the body, so that it
// cannot come after it.
func headerOnly(name string) bool {
	switch name {
	case "Connection", "Content-Range", "Host", "Keep-Alive", "Location", "Proxy-Connection",
		"Retry-After", "Set-Cookie", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Authorization", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization",
		"Www-Authenticate":
		return true
	}
	return endToEnd(name)
}
