package rewrite

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Space is what is needed to tell a site's addresses from others.
type Space struct {
	Canonical *url.URL   // scheme and host that the site's pages are known by
	Origins   []*url.URL // scheme and host of each origin
}

// addressed lists the response fields that hold one URL of the site's.
var addressed = []string{"Location", "Content-Location"}

// personal lists the response fields that speak for the origin's own address and
// connection, with what every value has that a browser can obey. One that did would go there
// past the front, send reports there, or hold the origin's keys against the front. A value without
// is nobody's order, and passes like that of any other field.
var personal = []struct{ name, mark string }{
	{"Alt-Svc", "="}, {"Nel", "{"}, {"Report-To", "{"}, {"Reporting-Endpoints", "="},
	{"Public-Key-Pins", "pin-"}, {"Public-Key-Pins-Report-Only", "pin-"},
}

// Neutralise changes an origin's answer, in place, so that it says the same
// whichever origin it came from: the origin's address becomes the canonical one,
// cookies lose the domain that no front could set, and what is the origin's alone goes.
func (s Space) Neutralise(header http.Header) {
	for _, name := range addressed {
		for i, value := range header[name] {
			header[name][i] = s.toCanonical(value)
		}
	}
	for _, field := range personal {
		if slices.ContainsFunc(header[field.name], func(value string) bool { return containsFold(value, field.mark) }) {
			delete(header, field.name)
		}
	}
	for i, cookie := range header["Set-Cookie"] {
		header["Set-Cookie"][i] = withoutDomain(cookie)
	}
}

// containsFold reports whether a value has a part, which is in lower case, in any case.
func containsFold(value, part string) bool { return strings.Contains(strings.ToLower(value), part) }

// toCanonical turns the absolute URL of one of the site's origins into the
// canonical one, and leaves every other reference as it is. What follows the host
// is not touched, however it is encoded.
func (s Space) toCanonical(reference string) string {
	host, rest, ok := splitHost(reference)
	if !ok || !s.Own(host) {
		return reference
	}
	return s.Canonical.Scheme + "://" + s.Canonical.Host + rest
}

// splitHost cuts an http or https URL, or one without a scheme, into its host,
// with the port if there is one, and what follows. ok is false for references
// that name no host. A backslash ends the host, because browsers take it for a
// slash.
func splitHost(reference string) (host, rest string, ok bool) {
	scheme, after, ok := strings.Cut(reference, "//")
	if !ok || scheme != "" && !strings.EqualFold(scheme, "http:") && !strings.EqualFold(scheme, "https:") {
		return "", "", false
	}
	end := strings.IndexAny(after, `/\?#`)
	if end < 0 {
		end = len(after)
	}
	host, rest = after[:end], after[end:]
	host = host[strings.LastIndexByte(host, '@')+1:] // without user and password
	return host, rest, host != ""
}

// Own reports whether a host, with its port unless that is a scheme's own, is one of
// the site's.
func (s Space) Own(host string) bool {
	if sameHost(host, s.Canonical) {
		return true
	}
	for _, o := range s.Origins {
		if sameHost(host, o) {
			return true
		}
	}
	return false
}

// sameHost reports whether a host is that of the URL, and the port the same. The two
// schemes' own ports count as one: what is served on one redirects to the other.
func sameHost(host string, u *url.URL) bool {
	return strings.EqualFold(withoutDefaultPort(host), withoutDefaultPort(u.Host))
}

// withoutDefaultPort removes a port that is a scheme's own.
func withoutDefaultPort(host string) string {
	return strings.TrimSuffix(strings.TrimSuffix(host, ":443"), ":80")
}

// withoutBreaks removes what browsers leave out of a URL before they read it (WHATWG URL §4.4).
var withoutBreaks = strings.NewReplacer("\t", "", "\n", "", "\r", "")

// ToFront turns a canonical URL into one that stays on whatever front the reader
// used: a reference without scheme and host. Other references stay as they are.
func (s Space) ToFront(reference string) string {
	host, rest, ok := splitHost(reference)
	if !ok || !sameHost(host, s.Canonical) {
		return reference
	}
	rest = withoutBreaks.Replace(rest)
	rest = "/" + strings.TrimPrefix(strings.TrimPrefix(rest, `\`), "/")
	if len(rest) > 1 && (rest[1] == '/' || rest[1] == '\\') {
		return "/." + rest // without the dot it would name a host, RFC 3986 §4.2
	}
	return rest
}

// FromFront changes the fields of a reader's request, in place, that name the
// front: they name the canonical address instead. A Referer of another site is
// dropped: it is the reader's own business.
func (s Space) FromFront(header http.Header, front string) {
	canonical := s.Canonical.Scheme + "://" + s.Canonical.Host
	if origin := header.Get("Origin"); origin != "" {
		if _, host, ok := strings.Cut(origin, "://"); ok && strings.EqualFold(host, front) {
			header.Set("Origin", canonical)
		}
	}
	referer := header.Get("Referer")
	if referer == "" {
		return
	}
	host, rest, ok := splitHost(referer)
	if !ok || !strings.EqualFold(host, front) {
		header.Del("Referer")
		return
	}
	header.Set("Referer", canonical+"/"+strings.TrimPrefix(rest, "/"))
}

// withoutDomain removes the Domain attribute, so that the cookie is for the host
// that it is received from, RFC 6265 §5.3.
func withoutDomain(cookie string) string {
	parts := strings.Split(cookie, ";")
	kept := parts[:1]
	for _, p := range parts[1:] {
		name, _, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "Domain") {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, ";")
}
