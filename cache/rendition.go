package cache

import (
	"iter"
	"net/http"
	"strconv"
	"strings"
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
		if whole && request.Method == http.MethodGet && len(request.Header["Range"]) > 0 {
			if part, ok := p.part(request.Header); ok {
				return part
			}
		}
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

// part is the single range that the request asks for, RFC 9110 §14, of a page whose
// body has arrived. ok is false where the whole page is the right answer: the Range
// is malformed or lists several, or If-Range names another version.
func (p *Page) part(request http.Header) (r Rendition, ok bool) {
	if !ifRange(request, p.version()) {
		return Rendition{}, false
	}
	length := p.Body.Size() // unlike p.Length, known also of a page that had to be followed to its end
	from, to, satisfiable, valid := parseRange(request.Get("Range"), length)
	if !valid {
		return Rendition{}, false
	}
	size := strconv.FormatInt(length, 10)
	if !satisfiable {
		return Rendition{
			Status: http.StatusRequestedRangeNotSatisfiable,
			Own:    []Field{{"Content-Length", "0"}, {"Content-Range", "bytes */" + size}},
		}, true
	}
	span := strconv.FormatInt(from, 10) + "-" + strconv.FormatInt(to-1, 10)
	r = Rendition{Status: http.StatusPartialContent, Header: p.Header, Body: p.Body, From: from, Length: to - from}
	r.Own = []Field{
		{"Content-Length", strconv.FormatInt(to-from, 10)},
		{"Content-Range", "bytes " + span + "/" + size},
	}
	return r, true
}

// ifRange reports whether If-Range, when there, names the stored version
// (strongly: RFC 9110 §13.1.5).
func ifRange(request http.Header, held Version) bool {
	condition := request.Get("If-Range")
	switch {
	case condition == "":
		return true
	case strings.HasPrefix(condition, `"`):
		return condition == held.ETag
	default:
		return condition == held.LastModified
	}
}

// parseRange reads a single byte range against a body of size bytes; to is one
// past the last byte. valid is false for anything that must be ignored.
func parseRange(field string, size int64) (from, to int64, satisfiable, valid bool) {
	unit, set, ok := strings.Cut(field, "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") || strings.Contains(set, ",") {
		return 0, 0, false, false
	}
	first, last, ok := strings.Cut(strings.TrimSpace(set), "-")
	if !ok {
		return 0, 0, false, false
	}
	if first == "" { // the last n bytes
		n, ok := digits(last)
		if !ok {
			return 0, 0, false, false
		}
		return max(0, size-n), size, n > 0 && size > 0, true
	}
	from, ok = digits(first)
	if !ok {
		return 0, 0, false, false
	}
	to = size
	if last != "" {
		end, ok := digits(last)
		if !ok || end < from {
			return 0, 0, false, false
		}
		if end < size-1 {
			to = end + 1
		}
	}
	return from, to, from < size, true
}

// digits reads a number made of nothing but digits.
func digits(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
