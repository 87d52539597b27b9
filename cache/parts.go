package cache

import (
	"math"
	"slices"
)

const (
	// slice is what a large page is fetched in: a reader who looks around in a video
	// fills it piece by piece.
	slice = 1 << 20
	// mostSpans bounds the spans of one page, and so what a reader who asks for single
	// bytes of it can cost.
	mostSpans = 64
	// perSpan is what a span costs besides its bytes.
	perSpan = 64
)

// Parts tell which bytes a page has that is stored in part (RFC 9111 §3.3). They never
// change.
type Parts struct {
	Complete int64  // length of the whole page; -1 where the origin does not tell
	Spans    []Span // in order; there is something missing between any two
}

// Span is a range of bytes that are there: from From on, up to and without To. The bodies
// of the spans follow each other in that of the page.
type Span struct{ From, To int64 }

// length is that of the whole page, the largest number where it is not known.
func (s *Parts) length() int64 {
	if s.Complete < 0 {
		return math.MaxInt64
	}
	return s.Complete
}

// cost is the memory that they take.
func (s *Parts) cost() int64 {
	if s == nil {
		return 0
	}
	return perSpan * int64(len(s.Spans))
}

// offset is where in the body a range begins; ok is false where not all of it is there.
func (s *Parts) offset(r byteRange) (at int64, ok bool) {
	for _, span := range s.Spans {
		if (byteRange{span.From, span.To}).contains(r) {
			return at + r.from - span.From, true
		}
		at += span.To - span.From
	}
	return 0, false
}

// missing is the shortest range that has all bytes of want that are not there.
func (s *Parts) missing(want byteRange) byteRange {
	for _, span := range s.Spans {
		if span.From <= want.from && want.from < span.To {
			want.from = min(span.To, want.to)
		}
	}
	for _, span := range slices.Backward(s.Spans) {
		if span.From < want.to && want.to <= span.To {
			want.to = max(span.From, want.from)
		}
	}
	return want
}

// isWhole reports whether nothing is missing.
func (s *Parts) isWhole() bool {
	return len(s.Spans) == 1 && s.Spans[0] == Span{0, s.Complete}
}

// rounded is a range of a page that is fetched in slices, rounded out to them; that of a
// small page stays as it is.
func rounded(r byteRange, complete int64) byteRange {
	if complete <= slice {
		return r
	}
	to := complete
	if last := (r.to - 1) / slice; last < complete/slice {
		to = (last + 1) * slice
	}
	return byteRange{r.from / slice * slice, to}
}

// piece is a range of bytes that are there, and the chunks that they are in. The chunks
// are shared with whoever else has them, and nobody writes into them.
type piece struct {
	byteRange
	chunks [][]byte
}

// cut is what a piece has of a range.
func (p piece) cut(r byteRange) piece {
	r = byteRange{max(p.from, r.from), min(p.to, r.to)}
	if r.from >= r.to {
		return piece{}
	}
	out := piece{byteRange: r}
	at := p.from
	for _, chunk := range p.chunks {
		begin, end := max(r.from-at, 0), min(r.to-at, int64(len(chunk)))
		at += int64(len(chunk))
		if begin >= end {
			continue
		}
		kept := chunk[begin:end:end]
		if len(kept) < len(chunk)/2 {
			kept = slices.Clone(kept) // or all of the chunk would stay for its sake
		}
		out.chunks = append(out.chunks, kept)
	}
	return out
}

// pieces are the spans of a page whose body has arrived, with their bytes.
func (p *Page) pieces() []piece {
	chunks, _ := p.Body.Whole()
	all := piece{byteRange{0, p.Body.Size()}, chunks}
	if p.Parts == nil {
		return []piece{all}
	}
	var pieces []piece
	at := int64(0)
	for _, span := range p.Parts.Spans {
		size := span.To - span.From
		own := all.cut(byteRange{at, at + size})
		own.byteRange = byteRange{span.From, span.To}
		pieces, at = append(pieces, own), at+size
	}
	return pieces
}

// combine adds a piece to others of the same page, which are in order and apart. Where
// they overlap, the bytes are the new one's.
func combine(held []piece, fresh piece) []piece {
	var before, after []piece
	for _, p := range held {
		if p.from < fresh.from {
			before = append(before, p.cut(byteRange{p.from, fresh.from}))
		}
		if p.to > fresh.to {
			after = append(after, p.cut(byteRange{fresh.to, p.to}))
		}
	}
	if n := len(before); n > 0 && before[n-1].to == fresh.from {
		fresh = glue(before[n-1], fresh)
		before = before[:n-1]
	}
	if len(after) > 0 && after[0].from == fresh.to {
		fresh = glue(fresh, after[0])
		after = after[1:]
	}
	return slices.Concat(before, []piece{fresh}, after)
}

// glue makes one piece of two that follow each other. Small chunks become one, so that a
// page of many single bytes does not cost more than the bytes.
func glue(a, b piece) piece {
	chunks := slices.Clone(a.chunks)
	for _, chunk := range b.chunks {
		if n := len(chunks); n > 0 && len(chunks[n-1])+len(chunk) <= firstChunk {
			chunks[n-1] = slices.Concat(chunks[n-1], chunk)
			continue
		}
		chunks = append(chunks, chunk)
	}
	return piece{byteRange{a.from, b.to}, chunks}
}

// bounded lets go of what is farthest from the latest range until the pieces have no more
// than most bytes, and are no more than mostSpans. The latest must be one of them or in
// one.
func bounded(pieces []piece, latest byteRange, most int64) []piece {
	total := int64(0)
	for _, p := range pieces {
		total += p.size()
	}
	for len(pieces) > 1 && (total > most || len(pieces) > mostSpans) {
		first, last := pieces[0], pieces[len(pieces)-1]
		if latest.from-first.to >= last.from-latest.to {
			total -= first.size()
			pieces = pieces[1:]
			continue
		}
		total -= last.size()
		pieces = pieces[:len(pieces)-1]
	}
	if total <= most {
		return pieces
	}
	to := min(pieces[0].to, max(latest.to, pieces[0].from+most))
	return []piece{pieces[0].cut(byteRange{to - most, to})}
}

// assemble makes the parts and the body of pieces.
func assemble(pieces []piece, complete int64) (*Parts, *Body) {
	parts := &Parts{Complete: complete}
	body := &Body{ended: true}
	for _, p := range pieces {
		parts.Spans = append(parts.Spans, Span{p.from, p.to})
		body.chunks = append(body.chunks, p.chunks...)
		body.size += p.size()
	}
	body.whole.Store(true)
	return parts, body
}
