package cache

import (
	"crypto/rand"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// mostRanges is how many ranges of one request are served. Readers of documents ask
	// for a handful; more is what attacks look like (RFC 9110 §17.15).
	mostRanges = 16
	// deepest is how many of them may have a byte in common (§14.2).
	deepest = 2
)

// byteRange is a range of a page's bytes: those from the first on, up to and without to.
type byteRange struct{ from, to int64 }

// size is the number of bytes.
func (r byteRange) size() int64 { return r.to - r.from }

// contains reports whether all of another range is in it.
func (r byteRange) contains(other byteRange) bool { return r.from <= other.from && other.to <= r.to }

// touches reports whether there is nothing between two ranges.
func (r byteRange) touches(other byteRange) bool { return r.from <= other.to && other.from <= r.to }

// rangeSpec is one member of a Range field (RFC 9110 §14.1.1): from first to last, both
// included. first is -1 for a suffix, whose length last is then; last is -1 where it is
// not given.
type rangeSpec struct{ first, last int64 }

// parseRange reads a Range field of bytes. ok is false for anything that must be ignored,
// and for more ranges than are served.
func parseRange(request http.Header) (specs []rangeSpec, ok bool) {
	unit, set, found := strings.Cut(single(request, "Range"), "=")
	if !found || !strings.EqualFold(trimOWS(unit), "bytes") {
		return nil, false
	}
	for member := range strings.SplitSeq(set, ",") {
		if member = trimOWS(member); member == "" {
			continue // RFC 9110 §5.6.1.2
		}
		spec, valid := parseRangeSpec(member)
		if !valid || len(specs) == mostRanges {
			return nil, false
		}
		specs = append(specs, spec)
	}
	return specs, len(specs) > 0
}

// parseRangeSpec reads one member of a Range field.
func parseRangeSpec(s string) (spec rangeSpec, ok bool) {
	first, last, found := strings.Cut(s, "-")
	if !found {
		return rangeSpec{}, false
	}
	spec = rangeSpec{-1, -1}
	if first != "" {
		if spec.first, ok = digits(first); !ok {
			return rangeSpec{}, false
		}
	}
	if last != "" {
		if spec.last, ok = digits(last); !ok {
			return rangeSpec{}, false
		}
	}
	switch {
	case first == "" && last == "", first != "" && last != "" && spec.last < spec.first:
		return rangeSpec{}, false
	}
	return spec, true
}

// of is what the member means of a page of length bytes; ok is false where that is
// nothing (RFC 9110 §14.1.2). Of an empty page, no bytes can be named.
func (s rangeSpec) of(length int64) (r byteRange, ok bool) {
	r = byteRange{s.first, length}
	switch {
	case s.first < 0:
		r.from = max(0, length-s.last)
	case s.last >= 0 && s.last < length:
		r.to = s.last + 1
	}
	return r, r.from < r.to
}

// String is the member as a Range field of its own.
func (s rangeSpec) String() string {
	b := []byte("bytes=")
	if s.first >= 0 {
		b = strconv.AppendInt(b, s.first, 10)
	}
	b = append(b, '-')
	if s.last >= 0 {
		b = strconv.AppendInt(b, s.last, 10)
	}
	return string(b)
}

// rangesOf are what the members ask for of a page of length bytes: in their order, and
// joined where they overlap or touch (RFC 9110 §15.3.7.2). None is what cannot be
// satisfied. sane is false for a set that the whole page is the better answer to: one
// that wants more than there is, or the same bytes again and again (§14.2).
func rangesOf(specs []rangeSpec, length int64) (ranges []byteRange, sane bool) {
	for _, spec := range specs {
		if r, ok := spec.of(length); ok {
			ranges = append(ranges, r)
		}
	}
	if len(ranges) < 2 {
		return ranges, true
	}
	left := length
	for _, r := range ranges {
		if left -= r.size(); left < 0 || depth(ranges, r.from) > deepest {
			return nil, false
		}
	}
	return joinRanges(ranges), true
}

// depth is how many ranges have the byte.
func depth(ranges []byteRange, at int64) int {
	n := 0
	for _, r := range ranges {
		if r.from <= at && at < r.to {
			n++
		}
	}
	return n
}

// joinRanges joins ranges that overlap or touch, each where the first of them stood.
func joinRanges(ranges []byteRange) []byteRange {
	var joined []byteRange
	for _, r := range ranges {
		at := len(joined)
		for i := 0; i < len(joined); {
			if !joined[i].touches(r) {
				i++
				continue
			}
			r = byteRange{min(r.from, joined[i].from), max(r.to, joined[i].to)}
			at = min(at, i)
			joined = slices.Delete(joined, i, i+1)
		}
		joined = slices.Insert(joined, min(at, len(joined)), r)
	}
	return joined
}

// wanted are the ranges that a request asks for of a page of length bytes, one where the
// body is not whole. asked is false where the whole page is the right answer. The
// request's preconditions come before it (RFC 9110 §13.2.2).
func (p *Page) wanted(request http.Header, length int64, whole bool) (ranges []byteRange, asked bool) {
	if length < 0 || !ifRange(request, p.version()) {
		return nil, false
	}
	specs, ok := parseRange(request)
	if !ok {
		return nil, false
	}
	ranges, sane := rangesOf(specs, length)
	switch {
	case !sane, len(ranges) > 1 && !whole, len(ranges) == 0 && length == 0 && specs[0].first < 0:
		return nil, false // the last is a suffix of an empty page: all of it
	}
	return ranges, true
}

// renderPart is the rendition of what the request's Range asks for. ok is false where that
// is to be ignored, or not all of it is there. whole says that the body has arrived.
func (p *Page) renderPart(request http.Header, whole bool) (r Rendition, ok bool) {
	length := p.Length
	switch {
	case p.Parts != nil:
		length = p.Parts.length()
	case whole:
		length = p.Body.Size() // known also of a page that had to be followed to its end
	}
	ranges, asked := p.wanted(request, length, whole)
	if !asked || len(ranges) == 0 && length == math.MaxInt64 {
		return Rendition{}, false
	}
	for _, want := range ranges {
		if _, there := p.offset(want); !there {
			return Rendition{}, false
		}
	}
	return p.part(ranges, length), true
}

// part is the rendition of these ranges of a page whose length is known: 206, or 416 where
// there are none (RFC 9110 §14, §15.3.7, §15.5.17). All of them are there.
func (p *Page) part(ranges []byteRange, length int64) Rendition {
	size := "*"
	if length != math.MaxInt64 {
		size = strconv.FormatInt(length, 10)
	}
	switch len(ranges) {
	case 0:
		return Rendition{
			Status: http.StatusRequestedRangeNotSatisfiable,
			Own:    []Field{{"Content-Length", "0"}, {"Content-Range", "bytes */" + size}},
		}
	case 1:
		at, _ := p.offset(ranges[0])
		return Rendition{
			Status: http.StatusPartialContent, Header: p.Header, Body: p.Body, From: at, Length: ranges[0].size(),
			Own: []Field{
				{"Content-Length", strconv.FormatInt(ranges[0].size(), 10)},
				{"Content-Range", contentRange(ranges[0], size)},
			},
		}
	}
	return p.multipart(ranges, size)
}

// multipart is the rendition of several ranges (RFC 9110 §14.6, §15.3.7.2).
func (p *Page) multipart(ranges []byteRange, size string) Rendition {
	boundary := rand.Text() // that nobody who writes a page can know
	kind := p.Header.Get("Content-Type")
	r := Rendition{Status: http.StatusPartialContent, Header: p.Header, Body: p.Body}
	before := "--"
	for _, part := range ranges {
		text := before + boundary + "\r\n"
		if kind != "" {
			text += "Content-Type: " + kind + "\r\n"
		}
		text += "Content-Range: " + contentRange(part, size) + "\r\n\r\n"
		at, _ := p.offset(part)
		r.Pieces = append(r.Pieces, Piece{Text: text, From: at, Length: part.size()})
		before = "\r\n--"
	}
	r.Pieces = append(r.Pieces, Piece{Text: before + boundary + "--\r\n"})
	for _, piece := range r.Pieces {
		r.Length += int64(len(piece.Text)) + piece.Length
	}
	r.Own = []Field{
		{"Content-Length", strconv.FormatInt(r.Length, 10)},
		{"Content-Range", ""}, // each part has its own
		{"Content-Type", "multipart/byteranges; boundary=" + boundary},
	}
	return r
}

// offset is where in the body a range begins; ok is false where not all of it is there.
func (p *Page) offset(r byteRange) (at int64, ok bool) {
	if p.Parts == nil {
		return r.from, true
	}
	return p.Parts.offset(r)
}

// contentRange is the value of a Content-Range field.
func contentRange(r byteRange, size string) string {
	b := strconv.AppendInt([]byte("bytes "), r.from, 10)
	b = strconv.AppendInt(append(b, '-'), r.to-1, 10)
	return string(append(append(b, '/'), size...))
}

// parseContentRange reads a Content-Range field of a 206 in bytes (RFC 9110 §14.4).
// complete is -1 where the length is not told.
func parseContentRange(field string) (r byteRange, complete int64, ok bool) {
	unit, rest, _ := strings.Cut(trimOWS(field), " ")
	span, size, found := strings.Cut(rest, "/")
	first, last, dashed := strings.Cut(span, "-")
	if !strings.EqualFold(unit, "bytes") || !found || !dashed {
		return byteRange{}, 0, false
	}
	from, valid := digits(first)
	to, alsoValid := digits(last)
	if !valid || !alsoValid || to < from || to == math.MaxInt64 {
		return byteRange{}, 0, false
	}
	if size == "*" {
		return byteRange{from, to + 1}, -1, true
	}
	if complete, ok = digits(size); !ok || complete == math.MaxInt64 || complete <= to {
		return byteRange{}, 0, false
	}
	return byteRange{from, to + 1}, complete, true
}

// ifRange reports whether If-Range, when there, names the stored version: by strong
// comparison of tags, or by the very date of a modification that the page was fetched
// long enough after for it to be strong, too (RFC 9110 §13.1.5, §8.8.2.2).
func ifRange(request http.Header, held Version) bool {
	if len(request["If-Range"]) == 0 {
		return true
	}
	condition := trimOWS(single(request, "If-Range"))
	if strings.HasPrefix(condition, `"`) {
		return condition == held.ETag
	}
	if condition == "" || condition != held.LastModified {
		return false
	}
	modified, ok := ParseDate(held.LastModified)
	date, dated := ParseDate(held.Date)
	return ok && dated && date.Sub(modified) >= time.Second
}

// isStrong reports whether an entity tag is a strong one (RFC 9110 §8.8.1).
func isStrong(tag string) bool { return len(tag) > 1 && tag[0] == '"' && tag[len(tag)-1] == '"' }

// digits reads a number made of nothing but digits. One that is too large counts as the
// largest there is.
func digits(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return math.MaxInt64, true
	}
	return n, true
}

// limit makes a cursor at the body's beginning give what the rendition of a part has of
// it. A nil cursor stays one.
func (c *Cursor) limit(r *Rendition) {
	if c != nil && r.Status == http.StatusPartialContent {
		c.only = &only{skip: r.From, left: r.Length}
	}
}
