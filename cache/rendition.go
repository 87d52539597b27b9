package cache

import (
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
	Fields []Field
	Body   *Body // nil when none is sent
	From   int64 // first byte of the body that is sent
	Length int64 // bytes that are sent; -1 while a body of unknown length arrives
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
		if PreconditionFailed(request.Header, p.Status, p.Header) {
			return p.preconditionFailed()
		}
		if NotModified(request.Header, p.Status, p.Header) {
			return p.notModified()
		}
		if whole && request.Method == http.MethodGet && len(request.Header["Range"]) > 0 {
			if part, ok := p.part(request.Header); ok {
				return part
			}
		}
	}
	r := Rendition{Status: p.Status, Fields: p.fields, Body: p.Body, Length: p.Length}
	if whole {
		r.Length = p.Body.Size()
	}
	if request.Method == http.MethodHead {
		r.Body = nil
	}
	return r
}

// notModified is the 304 that stands for the page, with the fields that
// RFC 9110 §15.4.5 asks for.
func (p *Page) notModified() Rendition {
	r := Rendition{Status: http.StatusNotModified, Fields: make([]Field, 0, 7)}
	for _, f := range p.fields {
		switch f.Name {
		case "Cache-Control", "Content-Location", "Date", "Etag", "Expires", "Vary", "Last-Modified":
			r.Fields = append(r.Fields, f)
		}
	}
	return r
}

// preconditionFailed is the 412 for a reader who wanted another version of the page.
func (p *Page) preconditionFailed() Rendition {
	r := Rendition{Status: http.StatusPreconditionFailed, Fields: make([]Field, 0, 5)}
	r.Fields = append(r.Fields, Field{"Content-Length", []string{"0"}})
	for _, f := range p.fields {
		switch f.Name {
		case "Date", "Etag", "Last-Modified", "Vary":
			r.Fields = append(r.Fields, f)
		}
	}
	return r
}

// part is the single range that the request asks for, RFC 9110 §14, of a page whose
// body has arrived. ok is false where the whole page is the right answer: the Range
// is malformed or lists several, or If-Range names another version.
func (p *Page) part(request http.Header) (r Rendition, ok bool) {
	if !ifRange(request, p.Header) {
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
			Fields: []Field{{"Content-Length", []string{"0"}}, {"Content-Range", []string{"bytes */" + size}}},
		}, true
	}
	span := strconv.FormatInt(from, 10) + "-" + strconv.FormatInt(to-1, 10)
	r = Rendition{Status: http.StatusPartialContent, Body: p.Body, From: from, Length: to - from}
	r.Fields = make([]Field, 0, len(p.fields)+2)
	r.Fields = append(r.Fields,
		Field{"Content-Length", []string{strconv.FormatInt(to-from, 10)}},
		Field{"Content-Range", []string{"bytes " + span + "/" + size}})
	for _, f := range p.fields {
		if f.Name != "Content-Length" {
			r.Fields = append(r.Fields, f)
		}
	}
	return r, true
}

// ifRange reports whether If-Range, when there, names the stored version
// (strongly: RFC 9110 §13.1.5).
func ifRange(request, page http.Header) bool {
	condition := request.Get("If-Range")
	switch {
	case condition == "":
		return true
	case strings.HasPrefix(condition, `"`):
		return condition == page.Get("Etag")
	default:
		return condition == page.Get("Last-Modified")
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
