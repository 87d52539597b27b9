package rewrite

import (
	"net/http"
	"net/url"
	"strings"
)

// Space is what is needed to tell a site's addresses from others.
type Space struct {
	Canonical *url.URL   // scheme and host that the site's pages are known by
	Origins   []*url.URL // scheme and host of each origin
}

// addressed lists the response fields that hold one URL of the site's.
var addressed = []string{"Location", "Content-Location"}

// Neutralise changes an origin's answer, in place, so that it says the same
// whichever origin it came from: the origin's address becomes the canonical one,
// and cookies lose the domain that no front could set.
func (s Space) Neutralise(header http.Header) {
	for _, name := range addressed {
		if value := header.Get(name); value != "" {
			header.Set(name, s.toCanonical(value))
		}
	}
	for i, cookie := range header["Set-Cookie"] {
		header["Set-Cookie"][i] = withoutDomain(cookie)
	}
}

// toCanonical turns the absolute URL of one of the site's origins into the
// canonical one, and leaves every other reference as it is.
func (s Space) toCanonical(reference string) string {
	u, err := url.Parse(reference)
	if err != nil || u.Host == "" || !s.Own(u.Host) {
		return reference
	}
	u.Scheme, u.Host = s.Canonical.Scheme, s.Canonical.Host
	return u.String()
}

// Own reports whether a host, with or without its port, is one of the site's.
func (s Space) Own(host string) bool {
	if strings.EqualFold(host, s.Canonical.Host) {
		return true
	}
	for _, o := range s.Origins {
		if strings.EqualFold(host, o.Host) || strings.EqualFold(host, o.Hostname()) {
			return true
		}
	}
	return false
}

// ToFront turns a canonical URL into one that stays on whatever front the reader
// used: a reference without scheme and host. Other references stay as they are.
func (s Space) ToFront(reference string) string {
	u, err := url.Parse(reference)
	if err != nil || !strings.EqualFold(u.Host, s.Canonical.Host) {
		return reference
	}
	u.Scheme, u.Host, u.User = "", "", nil
	if u.Path == "" {
		u.Path = "/"
	}
	if strings.HasPrefix(u.Path, "//") {
		return reference // without a host it would name one
	}
	return u.String()
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
	u, err := url.Parse(referer)
	if err != nil || !strings.EqualFold(u.Host, front) {
		header.Del("Referer")
		return
	}
	header.Set("Referer", canonical+u.RequestURI())
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
