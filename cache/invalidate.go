package cache

import (
	"net/http"
	"net/url"
	"slices"
)

// Invalidates reports whether an answer with this status to a request with this
// method spoils what is stored for its target (RFC 9111 §4.4): any non-error
// answer to a method that is not known to be safe.
func Invalidates(method string, status int) bool {
	return status >= 200 && status < 400 && !safe(method)
}

// safe reports whether the method is registered as safe. PRI is, too, but is no
// method that can be served (RFC 9113 §11.6). Methods are case-sensitive (RFC 9110
// §9.1).
func safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace,
		"PROPFIND", "QUERY", "REPORT", "SEARCH":
		return true
	}
	return false
}

// InvalidatedTargets lists the request targets that an answer with the header h
// to an invalidating request for u spoils: that of u first, then those in
// Location and Content-Location (RFC 9111 §4.4), each once and in the form of
// [Target]. An address with a host counts only if sameSite says that it is of the
// site: an answer must not spoil what others wrote. That address has no scheme where
// it is whatever the request's was. Addresses that cannot be read are left out.
func InvalidatedTargets(u *url.URL, h http.Header, sameSite func(address *url.URL) bool) []string {
	targets := []string{Target(u)}
	for _, name := range [...]string{"Location", "Content-Location"} {
		for _, value := range h[name] {
			ref, err := url.Parse(trimOWS(value))
			if err != nil || !isOwn(ref, sameSite) {
				continue
			}
			if target := Target(u.ResolveReference(ref)); !slices.Contains(targets, target) {
				targets = append(targets, target)
			}
		}
	}
	return targets
}

// isOwn reports whether a reference can only be to the site: relative, or an
// http address of one of its hosts.
func isOwn(ref *url.URL, sameSite func(address *url.URL) bool) bool {
	switch {
	case ref.Opaque != "":
		return false
	case ref.Host == "":
		return ref.Scheme == ""
	case ref.Scheme != "" && ref.Scheme != "http" && ref.Scheme != "https":
		return false
	}
	return sameSite(ref)
}
