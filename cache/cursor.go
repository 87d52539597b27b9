package cache

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"
)

// errCursorClosed answers who reads on after Close.
var errCursorClosed = errors.New("the reader has left the body already")

// Cursor is one reader's place in a body. It is not safe for concurrent use.
type Cursor struct {
	body   *Body
	coder  *coder // codes what is read of another cursor; nil otherwise, and then the rest is in use
	chunk  int    // number of the chunk to read next; guarded by body.mu while the body arrives
	within int    // bytes of it already read
	offset int64  // bytes read in all; guarded like chunk
	only   *only  // what the reader is given; nil for everything

	// Guarded by body.mu, while the body passes in a window:
	waiting bool          // Next waits for bytes
	slow    bool          // it was cut off
	held    time.Duration // for how long it has kept others waiting
}

// Follow returns a cursor at the first byte. Close must be called. ok is false
// when the body's beginning has been let go of already, or its fill is being ended.
func (b *Body) Follow() (c *Cursor, ok bool) {
	c = &Cursor{body: b}
	if b.whole.Load() {
		return c, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.whole.Load(): // since we looked
		return c, true
	case b.passingLocked(), b.ending:
		return nil, false
	}
	if b.arrivingLocked().cursors == nil {
		b.cursors = make(map[*Cursor]struct{})
	}
	b.cursors[c] = struct{}{}
	return c, true
}

// only is the part of a body that a cursor gives, as far as it is still to come.
type only struct{ skip, left int64 }

// Next returns the bytes that follow, waiting for them if need be. The bytes are
// the stored ones and must not be changed. The error is io.EOF after the last
// byte of a whole body or of the part that is asked for, ctx's error, what cut the body
// short, [ErrTooSlow] or errCursorClosed.
func (c *Cursor) Next(ctx context.Context) ([]byte, error) {
	for c.only != nil {
		if c.only.left == 0 {
			return nil, io.EOF
		}
		p, err := c.next(ctx)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		if skipped := min(c.only.skip, int64(len(p))); skipped > 0 {
			c.only.skip -= skipped
			p = p[skipped:]
		}
		if p = p[:min(c.only.left, int64(len(p)))]; len(p) > 0 {
			c.only.left -= int64(len(p))
			return p, nil
		}
	}
	return c.next(ctx)
}

// next is Next for everything.
func (c *Cursor) next(ctx context.Context) ([]byte, error) {
	if c.coder != nil {
		return c.coder.next(ctx)
	}
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
		p, change, err := c.nextLocked()
		b.mu.Unlock()
		if p != nil || err != nil {
			return p, err
		}
		select {
		case <-change:
		case <-ctx.Done():
			c.giveUp()
			return nil, context.Cause(ctx)
		}
	}
}

// nextLocked returns bytes, an error, or what to wait for when there is neither.
func (c *Cursor) nextLocked() (p []byte, change <-chan struct{}, err error) {
	b := c.body
	c.waiting = false
	switch _, following := b.cursors[c]; { // bytes may be gone
	case c.slow:
		return nil, nil, ErrTooSlow
	case !following:
		return nil, nil, errCursorClosed
	}
	before := c.offset
	if p = c.takeLocked(b.dropped); p != nil {
		b.window.moved(c, before)
		return p, nil, nil
	}
	if b.ended {
		return nil, nil, cmp.Or(b.err, io.EOF)
	}
	c.waiting = true
	b.window.starves()
	return nil, b.changeLocked(), nil
}

// giveUp notes that Next no longer waits.
func (c *Cursor) giveUp() {
	c.body.mu.Lock()
	defer c.body.mu.Unlock()
	c.waiting = false
}

// nextWhole is Next without the lock: a whole body does not change.
func (c *Cursor) nextWhole() ([]byte, error) {
	if p := c.takeLocked(0); p != nil {
		return p, nil
	}
	return nil, io.EOF
}

// takeLocked moves past the bytes that are there and returns them, nil if none are.
// dropped is how many chunks were in front of those that the body has.
func (c *Cursor) takeLocked(dropped int) []byte {
	for {
		i := c.chunk - dropped
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
	if c.coder != nil {
		c.coder.close()
		return
	}
	b := c.body
	if b.whole.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.whole.Load() { // since we looked
		return
	}
	if _, following := b.cursors[c]; following {
		delete(b.cursors, c)
		b.window.left(c, len(b.cursors))
		b.changedLocked()
	}
}
