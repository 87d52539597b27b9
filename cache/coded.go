package cache

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// perRendition is what a kept rendition costs besides the bytes of its body.
	perRendition = 1 << 10
	// largestMade is the largest body that a rendition is made of before it is sent: at 15 MB/s
	// a reader waits half a second for it. Larger ones are coded as they leave.
	largestMade = 8 << 20
)

// renditions are the codings of a page's body that were made so far. They never change:
// the page goes from one value to the next.
type renditions struct {
	weak []Field // what a 304 about any of them says; nil where the page's own field is right
	of   [4]*coded
}

// coded is what became of a page in one coding.
type coded struct {
	body  *Body     // nil where none is kept: it is coded anew for each reader
	own   []Field   // of the rendition, with body
	plain bool      // the coding saves too little: identity is sent
	rests time.Time // where none is kept for want of room: when it is tried again
}

// isDue reports whether a rendition is to be made: none was yet, or it is time to see whether
// there is room for it by now.
func (c *coded) isDue(now func() time.Time) bool {
	return c == nil || !c.rests.IsZero() && !now().Before(c.rests)
}

// onlyPlain are the renditions of a page that has no codings. Nobody changes it.
var onlyPlain = &renditions{}

// codings returns the page's renditions, nil where it leaves as identity only.
func (p *Page) codings() *renditions {
	held := p.renditions.Load()
	if held == nil {
		held = onlyPlain
		if header := p.Header.Unpack(); p.Parts == nil && p.Length == p.Body.Size() && offersCodings(p.Status, header, p.Length) {
			held = &renditions{weak: weakened(p.Header)}
		}
		if !p.renditions.CompareAndSwap(nil, held) {
			held = p.renditions.Load()
		}
	}
	if held == onlyPlain {
		return nil
	}
	return held
}

// publish adds what became of the page in a coding.
func (p *Page) publish(coding codings, made *coded) {
	for {
		held := p.renditions.Load()
		next := *held
		next.of[coding.index()] = made
		if p.renditions.CompareAndSwap(held, &next) {
			return
		}
	}
}

// inherit takes over the renditions of the page that this one has the body of, with fields
// made from the new header, and what they cost.
func (p *Page) inherit(from *Page) {
	held := from.renditions.Load()
	if held == nil || held == onlyPlain || p.codings() == nil {
		return
	}
	var cost int64
	for _, coding := range preferred {
		made := held.of[coding.index()]
		switch {
		case made == nil || made.body == nil && !made.plain:
			continue
		case made.body != nil:
			cost += made.cost()
			made = &coded{body: made.body, own: codedFields(p.Header, coding, made.body.Size())}
		}
		p.publish(coding, made)
	}
	p.grown.Store(cost)
}

// cost is the memory that a kept rendition takes.
func (c *coded) cost() int64 { return perRendition + c.body.capacity() }

// codingFor is the coding that the request is answered in, where the page has codings.
// Ranges are those of identity, so that a byte's number means one thing (RFC 9110 §14.2).
func codingFor(request http.Header) codings {
	if len(request["Range"]) > 0 {
		return codingIdentity
	}
	coding := negotiate(request["Accept-Encoding"])
	if coding != codingIdentity && len(request["Cache-Control"]) > 0 && ParseCacheControl(request["Cache-Control"]).NoTransform {
		return codingIdentity
	}
	return coding
}

// render makes the rendition of a stored page that answers the request, in the coding that
// the reader likes best. The cursor, where there is one, is to be followed for its body.
func (c *Cache) render(ctx context.Context, page *Page, r *Request) (Rendition, *Cursor) {
	plain := page.Render(r.HTTP)
	coding := codingFor(r.HTTP.Header)
	if coding == codingIdentity {
		return plain, nil
	}
	held := page.codings()
	if held == nil {
		return plain, nil
	}
	made := held.of[coding.index()]
	switch {
	case plain.Status == http.StatusNotModified && (made == nil || !made.plain):
		plain.Own = held.weak
		return plain, nil
	case plain.Status != page.Status:
		return plain, nil
	case page.Length <= largestMade && made.isDue(c.now):
		made = c.coded(ctx, page, coding)
		if made == nil { // the reader has left, or the cache is closing
			return plain, nil
		}
	}
	switch {
	case made == nil, made.body == nil && !made.plain:
		return c.recode(plain, page, coding, nil)
	case made.plain:
		return plain, nil
	}
	plain.Own, plain.Length = made.own, made.body.Size()
	if plain.Body != nil {
		plain.Body = made.body
	}
	return plain, nil
}

// recode makes a rendition that is coded while it leaves. following is a cursor at the body's
// beginning, or nil for a body that is whole; it is closed with the one that is returned.
func (c *Cache) recode(plain Rendition, page *Page, coding codings, following *Cursor) (Rendition, *Cursor) {
	switch {
	case plain.Status == http.StatusNotModified:
		plain.Own = weakened(page.Header)
		return plain, following
	case plain.Status != page.Status:
		return plain, following
	case plain.Body != nil:
		if following == nil {
			following, _ = page.Body.Follow()
		}
		coder := c.coders.stream(coding, following)
		if coder == nil { // too many at once
			plain.Own = varied(page.Header)
			return plain, following
		}
		following = &Cursor{body: page.Body, coder: coder}
	}
	plain.Own, plain.Length = codedFields(page.Header, coding, -1), -1
	return plain, following
}

// codedFields are the fields of a rendition in a coding, in place of the page's. length is
// that of its body, -1 when it is not known.
func codedFields(header Header, coding codings, length int64) []Field {
	own := []Field{{"Content-Encoding", coding.name()}, {Name: "Content-Length"}}
	if length >= 0 {
		own[1].Value = strconv.FormatInt(length, 10)
	}
	own = append(own, weakened(header)...)
	own = append(own, varied(header)...)
	for _, name := range ofOtherBytes {
		if header.Has(name) {
			own = append(own, Field{Name: name})
		}
	}
	if header.Has("Accept-Ranges") {
		own = append(own, Field{Name: "Accept-Ranges"})
	}
	return own
}

// ofOtherBytes are fields that say something of exactly the bytes that they came with
// (RFC 9530 §2 and §3, RFC 3230 §4.3.2, RFC 1864 §2).
var ofOtherBytes = [...]string{"Content-Digest", "Content-Md5", "Digest", "Repr-Digest"}

// weakened is the entity tag of a coded rendition: that of the page, which names other
// bytes of the same meaning (RFC 9110 §8.8.1). Nil where the page's own field says it.
func weakened(header Header) []Field {
	tag := header.Single("Etag")
	if !strings.HasPrefix(tag, `"`) {
		return nil
	}
	return []Field{{"Etag", "W/" + tag}}
}

// varied says that the answer depends on Accept-Encoding. Nil where the page's own field
// says it.
func varied(header Header) []Field {
	var lines []string
	for name, value := range header.All() {
		if name == "Vary" {
			lines = append(lines, value)
		}
	}
	for _, line := range lines {
		for line != "" {
			var name string
			if name, line = nextElement(line); strings.EqualFold(name, "Accept-Encoding") {
				return nil
			}
		}
	}
	return []Field{{"Vary", strings.Join(append(lines, "Accept-Encoding"), ", ")}}
}
