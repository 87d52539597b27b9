package cache

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

const (
	// firstChunk is the first allocation for a body of unknown length: most
	// HTML fits in a few of them, and a body of ten bytes wastes little.
	firstChunk = 4 << 10
	// largeChunk bounds one allocation: what is asked of the garbage collector
	// at once, and what one follower can be handed in one piece.
	largeChunk = 256 << 10
	// passChunk is one allocation for a body that is not kept.
	passChunk = 64 << 10
	// passWindow is how far a body that is too large to keep may run ahead of
	// its slowest reader: the memory that one such transfer costs.
	passWindow = 1 << 20
)

// Body is the bytes of one page. One fill appends to it while any number of
// readers follow with a [Cursor] each; once it has ended it never changes.
//
// Bytes live in chunks that are never moved or copied, so a follower is handed
// the stored bytes themselves. The zero value is an empty body still arriving.
// Methods are safe for concurrent use, except that grow and end belong to the
// one fill.
type Body struct {
	whole atomic.Bool // set once, after chunks, size and trailer are final and err is nil

	mu      sync.Mutex // guards everything that follows, until whole is set
	chunks  [][]byte
	dropped int   // chunks that were in front of these; only when passing
	size    int64 // bytes appended so far
	ended   bool
	err     error
	trailer http.Header
	change  chan struct{} // closed at the next change; nil when nobody waits
	cursors map[*Cursor]struct{}
	passing bool
}

// NewBody returns a whole body made of b, which the caller must not change afterwards.
func NewBody(b []byte) *Body {
	body := &Body{size: int64(len(b)), ended: true}
	if len(b) > 0 {
		body.chunks = [][]byte{b}
	}
	body.whole.Store(true)
	return body
}

// Whole returns all chunks of a body that has arrived completely. The bytes
// are shared: they must not be changed.
func (b *Body) Whole() (chunks [][]byte, ok bool) {
	if !b.whole.Load() {
		return nil, false
	}
	return b.chunks, true
}

// Size is the number of bytes that have arrived.
func (b *Body) Size() int64 {
	if b.whole.Load() {
		return b.size
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size
}

// Trailer is the trailer section that ended the body, nil without one or before the end.
func (b *Body) Trailer() http.Header {
	if b.whole.Load() {
		return b.trailer
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.trailer
}

// capacity is the memory that the chunks hold, used or not.
func (b *Body) capacity() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	var n int64
	for _, c := range b.chunks {
		n += int64(cap(c))
	}
	return n
}

// room returns unused bytes at the end for the fill to read into, or nil when
// a new chunk must be added with extend first.
func (b *Body) room() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.chunks) == 0 {
		return nil
	}
	last := b.chunks[len(b.chunks)-1]
	return last[len(last):cap(last)]
}

// extend adds an empty chunk with capacity n.
func (b *Body) extend(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.chunks = append(b.chunks, make([]byte, 0, n))
}

// grow publishes the first n bytes of room to the followers.
func (b *Body) grow(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := len(b.chunks) - 1
	b.chunks[i] = b.chunks[i][:len(b.chunks[i])+n]
	b.size += int64(n)
	b.changedLocked()
}

// trim gives back the unused end of the last chunk when it is worth a copy.
// Followers keep the bytes that they were handed.
func (b *Body) trim() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.passing || len(b.chunks) == 0 {
		return
	}
	last := &b.chunks[len(b.chunks)-1]
	if waste := cap(*last) - len(*last); waste > cap(*last)/8 {
		*last = append(make([]byte, 0, len(*last)), *last...)
	}
}

// end is the last change: err nil says that the body is whole.
func (b *Body) end(err error, trailer http.Header) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended, b.err, b.trailer = true, err, trailer
	if err == nil && !b.passing {
		b.cursors = nil // they need not be told of anything any more
		b.whole.Store(true)
	}
	b.changedLocked()
}

// changedLocked wakes everybody who waits for the next change.
func (b *Body) changedLocked() {
	if b.change != nil {
		close(b.change)
		b.change = nil
	}
}

// changeLocked returns a channel that is closed at the next change.
func (b *Body) changeLocked() <-chan struct{} {
	if b.change == nil {
		b.change = make(chan struct{})
	}
	return b.change
}

// pass turns the body into a bounded window: from now on chunks that every
// follower has read are dropped, and nobody new can follow from the start.
func (b *Body) pass() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.passing = true
	b.dropReadLocked()
}

// waitPassed blocks until the window has room for more. It returns false when
// no follower is left or ctx is done: there is nobody to read for.
func (b *Body) waitPassed(ctx context.Context) bool {
	for {
		b.mu.Lock()
		b.dropReadLocked()
		left := len(b.cursors)
		behind := b.size - b.slowestLocked()
		change := b.changeLocked()
		b.mu.Unlock()
		if left == 0 {
			return false
		}
		if behind < passWindow {
			return true
		}
		select {
		case <-change:
		case <-ctx.Done():
			return false
		}
	}
}

// slowestLocked is the offset of the follower that is furthest behind.
func (b *Body) slowestLocked() int64 {
	slowest := b.size
	for c := range b.cursors {
		slowest = min(slowest, c.offset)
	}
	return slowest
}

// dropReadLocked lets go of the chunks that every follower has left behind.
func (b *Body) dropReadLocked() {
	unread := b.dropped + len(b.chunks) - 1 // the last chunk is being written
	for c := range b.cursors {
		unread = min(unread, c.chunk)
	}
	if n := unread - b.dropped; n > 0 {
		clear(b.chunks[:n])
		b.chunks = b.chunks[n:]
		b.dropped = unread
	}
}

// errCursorClosed answers who reads on after Close.
var errCursorClosed = errors.New("the reader has left the body already")

// Cursor is one reader's place in a body. It is not safe for concurrent use.
type Cursor struct {
	body   *Body
	chunk  int   // number of the chunk to read next; guarded by body.mu while the body arrives
	within int   // bytes of it already read
	offset int64 // bytes read in all; guarded like chunk
}

// Follow returns a cursor at the first byte. Close must be called. ok is false
// when the body's beginning has been let go of already.
func (b *Body) Follow() (c *Cursor, ok bool) {
	c = &Cursor{body: b}
	if b.whole.Load() {
		return c, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.passing {
		return nil, false
	}
	if b.cursors == nil {
		b.cursors = make(map[*Cursor]struct{})
	}
	b.cursors[c] = struct{}{}
	return c, true
}

// Next returns the bytes that follow, waiting for them if need be. The bytes are
// the stored ones and must not be changed. The error is io.EOF after the last
// byte of a whole body, ctx's error, what cut the body short, or errCursorClosed.
func (c *Cursor) Next(ctx context.Context) ([]byte, error) {
	b := c.body
	if b.whole.Load() {
		return c.nextWhole()
	}
	for {
		b.mu.Lock()
		if b.whole.Load() { // since we looked
			b.mu.Unlock()
			return c.nextWhole()
		}
		if _, following := b.cursors[c]; !following { // bytes may be gone
			b.mu.Unlock()
			return nil, errCursorClosed
		}
		if p := c.takeLocked(); p != nil {
			if b.passing {
				b.changedLocked() // the fill may be waiting for room
			}
			b.mu.Unlock()
			return p, nil
		}
		if b.ended {
			err := b.err
			b.mu.Unlock()
			if err == nil {
				err = io.EOF
			}
			return nil, err
		}
		change := b.changeLocked()
		b.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// nextWhole is Next without the lock: a whole body does not change.
func (c *Cursor) nextWhole() ([]byte, error) {
	if p := c.takeLocked(); p != nil {
		return p, nil
	}
	return nil, io.EOF
}

// takeLocked moves past the bytes that are there and returns them, nil if none are.
func (c *Cursor) takeLocked() []byte {
	for {
		i := c.chunk - c.body.dropped
		if i >= len(c.body.chunks) {
			return nil
		}
		chunk := c.body.chunks[i]
		if c.within < len(chunk) {
			p := chunk[c.within:]
			c.within += len(p)
			c.offset += int64(len(p))
			return p
		}
		if i == len(c.body.chunks)-1 {
			return nil // it may still grow
		}
		c.chunk++
		c.within = 0
	}
}

// Close ends following. It is safe to call more than once, and from another goroutine.
func (c *Cursor) Close() {
	b := c.body
	if b.whole.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, following := b.cursors[c]; following {
		delete(b.cursors, c)
		b.changedLocked()
	}
}
