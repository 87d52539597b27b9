package cache

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	// mostStreams bounds how many bodies are coded at once while they leave: each takes 500 to 800
	// KiB of memory. Further readers get identity.
	mostStreams = 128
	// streamPiece is how much a reader's encoder is given at once.
	streamPiece = 32 << 10
	// lengthPatience is how long it may take a body of unknown length to show that it is long
	// enough to be coded. A body that came with its header has shown it before.
	lengthPatience = 20 * time.Millisecond
)

// coder codes a body while it leaves for one reader.
type coder struct {
	coders *coders
	coding codings
	inner  *Cursor // in the page's body
	chunk  []byte  // of it, still to be coded
	ended  bool    // the last bytes were returned

	mu      sync.Mutex // guards everything that follows: Close comes from anywhere
	encoder encoder    // nil after Close
	out     bytes.Buffer
}

// stream returns a coder of what a cursor reads, nil when there are too many already.
func (c *coders) stream(coding codings, inner *Cursor) *coder {
	if c.streams.Add(1) > mostStreams {
		c.streams.Add(-1)
		return nil
	}
	s := &coder{coders: c, coding: coding, inner: inner, encoder: c.take(coding, true)}
	s.encoder.Reset(&s.out)
	return s
}

// next is [Cursor.Next]: the coded bytes of what has arrived, flushed whenever there would be
// a wait for more. They are good until the next call.
func (s *coder) next(ctx context.Context) ([]byte, error) {
	for !s.ended {
		if len(s.chunk) == 0 {
			p, err := s.inner.Next(ctx)
			if err != nil && err != io.EOF {
				return nil, err
			}
			s.chunk, s.ended = p, err == io.EOF
		}
		piece := s.chunk[:min(len(s.chunk), streamPiece)]
		s.chunk = s.chunk[len(piece):]
		out, err := s.code(piece)
		if len(out) > 0 || err != nil {
			return out, err
		}
	}
	return nil, io.EOF
}

// code codes the next bytes.
func (s *coder) code(piece []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.encoder == nil {
		return nil, errCursorClosed
	}
	s.out.Reset()
	_, err := s.encoder.Write(piece)
	switch {
	case err != nil:
	case s.ended:
		err = s.encoder.Close()
	case len(s.chunk) == 0:
		err = s.encoder.Flush()
	}
	return s.out.Bytes(), err
}

// close ends following and coding.
func (s *coder) close() {
	s.inner.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.encoder == nil {
		return
	}
	s.coders.give(s.coding, true, s.encoder)
	s.encoder = nil
	s.coders.streams.Add(-1)
}

// offer tells which coding a reader who follows a page from its origin is sent, and whether
// others would be sent others.
func (p *Page) offer(ctx context.Context, request http.Header) (coding codings, offers bool) {
	if !offersCodings(p.Status, p.Header.Unpack(), leastCoded) {
		return codingIdentity, false
	}
	length := p.Length
	if length < 0 {
		length = p.Body.arrived(ctx, leastCoded, lengthPatience)
	}
	if length < leastCoded {
		return codingIdentity, false
	}
	return codingFor(request), true
}

// arrived waits until n bytes of the body are there or it has ended, for as long as most,
// and returns how many there are.
func (b *Body) arrived(ctx context.Context, n int64, most time.Duration) int64 {
	timer := time.NewTimer(most)
	defer timer.Stop()
	for {
		b.mu.Lock()
		size, ended := b.size, b.ended
		change := b.changeLocked()
		b.mu.Unlock()
		if size >= n || ended {
			return size
		}
		select {
		case <-change:
		case <-timer.C:
			return size
		case <-ctx.Done():
			return size
		}
	}
}

// arrive gives the answer a page whose body arrives, or has just arrived, in the coding that
// the reader likes best. False means that the body's beginning has been let go of.
func (c *Cache) arrive(ctx context.Context, f *fill, r *Request, leading bool, a *Answer) bool {
	page := f.page
	coding, offers := page.offer(ctx, r.HTTP.Header)
	_, whole := page.Body.Whole() // once: a body that ends meanwhile must not change the rest
	a.Rendition = page.render(r.HTTP, whole)
	cursor, ok := f.place(leading, a.Rendition.Body != nil && (!whole || coding != codingIdentity))
	a.Cursor = cursor
	switch {
	case !ok || !offers:
	case coding != codingIdentity:
		a.Rendition, a.Cursor = c.recode(a.Rendition, page, coding, cursor)
	case a.Rendition.Own == nil:
		a.Rendition.Own = varied(page.Header)
	}
	return ok
}

// lengthFields are the fields of a page whose length was not known before, in place of those
// that it had.
func (p *Page) lengthFields(length int64) []Field {
	fields := []Field{{"Content-Length", strconv.FormatInt(length, 10)}}
	if offersCodings(p.Status, p.Header.Unpack(), length) {
		fields = append(fields, varied(p.Header)...)
	}
	return fields
}
