package cache

import (
	"context"
	"errors"
	"time"
)

const (
	// passChunk is one allocation for a body that is not kept.
	passChunk = 64 << 10
	// passWindow is how far a body that is too large to keep may run ahead of
	// its slowest reader: the memory that one such transfer costs.
	passWindow = 1 << 20
	// passGrace is for how long in all a reader at the window's end may keep
	// others waiting for bytes, until it has caught up by half the window.
	passGrace = time.Second
)

// ErrTooSlow ends a cursor that kept the other readers of a body too large to
// store waiting. Its reader may ask again, and is then served alone.
var ErrTooSlow = errors.New("the reader is too slow for those it shares a body with")

// window is how a body passes that is too large to keep: the fill stays within
// passWindow of the slowest reader, and the fastest decides how long it waits
// for that one. Body.mu guards it. A nil window is that of a body that is kept.
type window struct {
	stir    chan struct{} // tells the fill to look again
	floor   int64         // the fill waits for every reader to be past it
	lagging int           // readers who are not; 0 when the fill does not wait
	starved time.Time     // since when another reader has waited meanwhile; zero when none does
}

// moved notes that a reader has gone on from an offset.
func (w *window) moved(c *Cursor, before int64) {
	if w == nil || w.lagging == 0 || before > w.floor || c.offset <= w.floor {
		return
	}
	if !w.starved.IsZero() {
		c.held += time.Since(w.starved)
	}
	w.caughtUp()
}

// left notes that a reader has gone, and how many stay.
func (w *window) left(c *Cursor, stay int) {
	if w == nil || w.lagging == 0 {
		return
	}
	if c.offset <= w.floor {
		w.caughtUp()
	}
	if stay == 0 {
		w.wake()
	}
}

// caughtUp notes that one reader less is to be waited for.
func (w *window) caughtUp() {
	if w.lagging--; w.lagging == 0 {
		w.wake()
	}
}

// starves notes that a reader has nothing left to read.
func (w *window) starves() {
	if w != nil && w.lagging > 0 && w.starved.IsZero() {
		w.wake()
	}
}

// wake makes the fill look again.
func (w *window) wake() {
	select {
	case w.stir <- struct{}{}:
	default: // it has been told already
	}
}

// pass turns the body into a bounded window: from now on chunks that every
// follower has read are dropped, and nobody new can follow from the start.
func (b *Body) pass() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.arrivingLocked().window = &window{stir: make(chan struct{}, 1)}
	b.dropReadLocked()
}

// waitPassed blocks until the window has room for more. It returns false when
// no follower is left or ctx is done: there is nobody to read for.
func (b *Body) waitPassed(ctx context.Context) bool {
	for {
		left, full, grace := b.look(time.Now())
		if left == 0 || !full {
			return left > 0
		}
		var over <-chan time.Time
		if grace > 0 {
			timer := time.NewTimer(grace)
			defer timer.Stop() // rounds are few: one for each reader who is cut off, at most
			over = timer.C
		}
		select {
		case <-b.window.stir:
		case <-over:
		case <-ctx.Done():
			return false
		}
	}
}

// look cuts off the readers whose grace is over and tells how many are left,
// whether the window is full, and after what time to look again at the latest if
// anybody starves meanwhile.
func (b *Body) look(now time.Time) (left int, full bool, grace time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.window
	starving := b.starvingLocked()
	var waited time.Duration
	if w.lagging > 0 && !w.starved.IsZero() {
		waited = now.Sub(w.starved)
	}
	w.floor, w.lagging, w.starved = b.size-passWindow, 0, time.Time{}
	grace = passGrace
	for c := range b.cursors {
		switch {
		case c.offset > b.size-passWindow/2:
			c.held = 0
		case c.offset > w.floor:
		default:
			c.held += waited
			if starving && c.held >= passGrace {
				c.slow = true
				delete(b.cursors, c)
				continue
			}
			w.lagging++
			grace = min(grace, passGrace-c.held)
		}
	}
	b.dropReadLocked()
	if !starving || w.lagging == 0 {
		return len(b.cursors), w.lagging > 0, 0
	}
	w.starved = now
	return len(b.cursors), true, grace
}

// starvingLocked reports whether a reader waits who has read everything there is.
func (b *Body) starvingLocked() bool {
	for c := range b.cursors {
		if c.waiting && c.offset == b.size {
			return true
		}
	}
	return false
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
