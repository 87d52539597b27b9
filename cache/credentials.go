package cache

import "net/http"

// personal reports whether a request carries what may make its answer one reader's: a
// cookie, which only sites that want cookies see, or credentials.
func personal(request http.Header) bool {
	return len(request["Cookie"]) > 0 || len(request["Authorization"]) > 0
}

// serves reports whether a stored page may answer a request with these fields. Who shows
// credentials gets only what was made for more than one reader (RFC 9111 §3.5): a page
// that is not may differ for this one without saying so.
func (p *Page) serves(request http.Header) bool {
	if len(request["Authorization"]) == 0 {
		return true
	}
	d := p.Header.directives()
	return d.Public || d.SMaxAge != Absent || d.MustRevalidate
}
