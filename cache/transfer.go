package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// progressSpan is the time over which a transfer's progress is measured.
	progressSpan = time.Minute
	// leastProgress is what must arrive in it when nobody follows: 1 KiB/s.
	leastProgress = int64(progressSpan/time.Second) << 10
	// longestAlone is how long a transfer may take in all when nobody follows.
	longestAlone = 10 * time.Minute
)

// errNobodyFollows ends a transfer that is too large to store and has no reader left.
var errNobodyFollows = errors.New("no reader is left to follow a body that is not stored")

// transfer is the arrival of one body.
type transfer struct {
	cache    *Cache
	fill     *fill
	body     *Body
	length   int64 // declared; -1 when it is not
	reserved int64 // bytes of the store's budget
	passing  bool  // too large to keep: only a window of it is held
}

// copy reads the body to its end. One that is shorter or longer than declared is an
// error.
func (t *transfer) copy(ctx context.Context, from io.Reader) error {
	for {
		room := t.body.room()
		if len(room) == 0 {
			if t.length >= 0 && t.body.Size() >= t.length {
				return expectEnd(from)
			}
			if err := t.extend(ctx); err != nil {
				return err
			}
			room = t.body.room()
		}
		n, err := from.Read(room)
		if n > 0 {
			if t.length >= 0 && t.body.Size()+int64(n) >= t.length {
				t.cache.ends(t.fill)
			}
			t.body.grow(n)
		}
		if !t.passing && bloated(from) {
			t.startPassing(ReasonTooLarge)
		}
		if err == io.EOF && t.body.Size() < t.length {
			err = io.ErrUnexpectedEOF
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the body broke off after %d bytes: %w", t.body.Size(), err)
		}
		if t.passing && !t.body.waitPassed(ctx) {
			return errNobodyFollows
		}
	}
}

// watch ends a transfer that drips, or takes too long in all, once nobody follows
// it. It returns when the transfer has ended.
func (t *transfer) watch(ctx context.Context, end context.CancelFunc) {
	tick := time.NewTicker(progressSpan)
	defer tick.Stop()
	var before int64
	for began := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		size := t.body.Size()
		tooLong := size-before < leastProgress || time.Since(began) >= longestAlone
		before = size
		if tooLong && t.body.abandon() {
			t.cache.leave(t.fill)
			end()
			return
		}
	}
}

// extend makes room for more bytes: within the budget while the page can still be
// stored, in a window behind the readers once it cannot.
func (t *transfer) extend(ctx context.Context) error {
	n := t.nextChunk()
	switch {
	case t.passing:
	case n <= 0:
		t.startPassing(ReasonTooLarge)
	case !t.cache.store.Reserve(t.fill.key, n):
		t.startPassing(ReasonNoSpace)
	}
	if t.passing {
		n = passChunk
		if !t.body.waitPassed(ctx) {
			return errNobodyFollows
		}
	} else {
		t.reserved += n
	}
	t.body.extend(int(n))
	return nil
}

// nextChunk is the size of the next allocation for a body that is kept: exact when
// the length is known, else as much again as there is already. There is room for
// one byte more than may be kept, to tell a body that ends just there from one that
// goes on; zero means that it did.
func (t *transfer) nextChunk() int64 {
	size := t.body.Size()
	if t.length >= 0 {
		return min(t.length-size, largeChunk)
	}
	return min(max(size, firstChunk), largeChunk, t.cache.maxPage+1-size)
}

// startPassing gives up storing the page: readers that follow get it all, later
// ones fetch for themselves.
func (t *transfer) startPassing(reason Reason) {
	t.passing = true
	t.cache.decline(t.fill.audience, reason)
	t.cache.leave(t.fill)
	t.body.pass()
	t.cache.store.Release(t.fill.key, t.reserved)
	t.reserved = 0
}

// expectEnd makes sure that nothing follows a body that has its declared length.
func expectEnd(from io.Reader) error {
	var one [1]byte
	for {
		n, err := from.Read(one[:])
		switch {
		case n > 0:
			return errors.New("the body is longer than declared")
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}
