package cache

import (
	"iter"
	"net/http"
)

// Rendition is a page made ready to leave: a status, header fields, and a slice
// of a body. It knows nothing of who sends it or how. It is small, shares all it
// points to, and must not be changed.
//
// Date is among the fields; Age, Cache-Status, Proxy-Status and Via are not: they
// change from one use to the next, and whoever sends the rendition adds them.
type Rendition struct {
	Status int
	Header Header // the page's; see Fields
	// Own are fields of the rendition itself, in place of the page's of the same name;
	// one without a value only removes that.
	Own    []Field
	Body   *Body // nil when none is sent
	From   int64 // first byte of the body that is sent
	Length int64 // bytes that are sent; -1 while a body of unknown length arrives
	// Pieces are the parts of a body of several, in place of From and Length of it; nil
	// for an ordinary one.
	Pieces []Piece

	sends func(name string) bool // which of the page's fields are sent; nil for all
}

// Piece is a text and the part of a page's body that comes after it.
type Piece struct {
	Text         string
	From, Length int64
}

// Fields are the header fields to be sent: those of the rendition itself, then the page's.
func (r *Rendition) Fields() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for _, f := range r.Own {
			if f.Value != "" && !yield(f.Name, f.Value) {
				return
			}
		}
		for rest := r.Header; rest != ""; {
			var name, value string
			name, value, rest = rest.next()
			if r.omits(name) {
				continue
			}
			if !yield(name, value) {
				return
			}
		}
	}
}

// omits reports whether a field of the page's is not sent.
func (r *Rendition) omits(name string) bool {
	if r.sends != nil && !r.sends(name) {
		return true
	}
	for i := range r.Own {
		if r.Own[i].Name == name {
			return true
		}
	}
	return false
}

// Render makes the rendition of the page that answers the request: the whole
// page, 304, 412, a part of it, or its header alone.
func (p *Page) Render(request *http.Request) Rendition {
	_, whole := p.Body.Whole()
	return p.render(request, whole)
}

// render is Render, given whether the body has arrived.
func (p *Page) render(request *http.Request, whole bool) Rendition {
	if p.Status == http.StatusOK {
		if conditional(request.Header) {
			switch held := p.version(); {
			case PreconditionFailed(request.Header, p.Status, held):
				return Rendition{Status: http.StatusPreconditionFailed, Header: p.Header, sends: inPreconditionFailed, Own: emptyBody}
			case NotModified(request.Header, p.Status, held):
				return Rendition{Status: http.StatusNotModified, Header: p.Header, sends: inNotModified}
			}
		}
		if request.Method == http.MethodGet && len(request.Header["Range"]) > 0 {
			if part, ok := p.renderPart(request.Header, whole); ok {
				return part
			}
		}
	}
	if p.Parts != nil {
		return p.part(nil, p.Parts.length()) // nobody may take a part for the page
	}
	r := Rendition{Status: p.Status, Header: p.Header, Body: p.Body, Length: p.Length}
	if whole {
		r.Length = p.Body.Size()
	}
	if request.Method == http.MethodHead {
		r.Body = nil
	}
	return r
}

// emptyBody is what an answer without a body says of it. Nobody changes it.
var emptyBody = []Field{{"Content-Length", "0"}}

// conditional reports whether a request has preconditions that a stored page decides.
func conditional(request http.Header) bool {
	return len(request["If-None-Match"]) > 0 || len(request["If-Modified-Since"]) > 0 ||
		len(request["If-Match"]) > 0 || len(request["If-Unmodified-Since"]) > 0
}

// inNotModified reports whether a field is sent in the 304 that stands for a page: those
// that RFC 9110 §15.4.5 asks for.
func inNotModified(name string) bool {
	switch name {
	case "Cache-Control", "Cdn-Cache-Control", "Content-Location", "Date", "Etag", "Expires", "Vary", "Last-Modified":
		return true
	}
	return false
}

// inPreconditionFailed reports whether a field is sent in the 412 for a reader who wanted
// another version of the page.
func inPreconditionFailed(name string) bool {
	switch name {
	case "Date", "Etag", "Last-Modified", "Vary":
		return true
	}
	return false
}
