package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/heliograph-edge/heliograph/health"
)

const (
	// stallTime is how long a body may stop before another origin is asked to go on
	// with it. The first is waited for all the same, as long as bodyIdleTimeout.
	stallTime = 2 * time.Second
	// throttleSpan and leastRate are what makes a body throttled: fewer bytes a second
	// over so much time of waiting for them.
	throttleSpan = 5 * time.Second
	leastRate    = 4 << 10
)

// errContinued ends an attempt whose body another origin goes on with.
var errContinued = errors.New("another origin goes on with the body")

// resumable is an answer's body that another origin can go on with where it breaks off,
// stalls or is throttled after its reader already has a part of it.
//
// Origins are told apart by their hosts, and a page may have its origin's host in it. Two
// parts are joined only where both origins give the same strong entity tag, which says
// that their bytes are equal (RFC 9110 §8.8.3), and the same length, and where the last 4 KiB that
// the reader has are the same in both. Tags of two servers may collide: short ones, such
// as version numbers, are not trusted, and of what may name its origin only those that
// are as long as a digest of the content. What neutralises a
// body may go on as it began: the bytes are those of the first origin.
type resumable struct {
	pool   *Pool
	ask    *Ask
	parent context.Context
	page   validator
	stall  *time.Timer // runs while a read waits

	// Of the one who reads.
	skip    int64         // bytes of source that the reader has already
	waited  time.Duration // in reads of the present span
	arrived int64         // bytes in the present span

	mu      sync.Mutex // guards everything that follows
	source  io.ReadCloser
	attempt *attempt // whose body source is
	offset  int64    // bytes that the reader has
	tail    []byte   // the last of them, overlap at most
	since   time.Time
	reading bool
	search  *search // under way or just done; nil without one
	tries   int     // how often an origin was asked to go on
	asked   []int   // origins that are not asked any more
	closed  bool
}

// search is one search for an origin that goes on with a body.
type search struct {
	at     int64  // the byte to go on from
	tail   []byte // the bytes before it
	broken int    // the place of the origin whose body is to be gone on with
	why    health.Class
	cancel context.CancelFunc
	done   chan struct{} // closed when it is over
	// found is set before done is closed; nil when nobody could.
	found *continuation
}

// from is the byte that a continuation is asked for from, so that it can be compared.
func (s *search) from() int64 { return s.at - int64(len(s.tail)) }

// resume makes the answer's body one that another origin can go on with, where that is
// possible and there is more of it to come.
func (e *ended) resume(parent context.Context) {
	page, ok := validatorOf(e.response)
	if !ok || e.found.inHand || e.found.class != health.OK || e.attempt.ask.Method != http.MethodGet {
		return
	}
	if !page.elsewhere && e.response.ProtoMajor < 2 {
		return // nobody could
	}
	b := &resumable{
		pool: e.attempt.pool, ask: e.attempt.ask, parent: parent, page: page,
		source: e.response.Body, attempt: e.attempt,
	}
	b.stall = time.AfterFunc(stallTime, b.stalled)
	b.stall.Stop()
	e.response.Body = b
}

// Read implements io.Reader. Time that passes outside it is the reader's own.
func (b *resumable) Read(p []byte) (int, error) {
	for {
		b.adopt()
		began := b.pool.now()
		source := b.begin(began)
		n, err := source.Read(p)
		b.stall.Stop()
		if b.skip > 0 {
			known := int(min(int64(n), b.skip))
			copy(p, p[known:n])
			n, b.skip = n-known, b.skip-int64(known)
		}
		b.end(p[:n])
		switch slow := b.slow(n, b.pool.now().Sub(began)); {
		case err == io.EOF:
			return n, err
		case err != nil && !b.rescue(err):
			return n, err
		case err == nil && slow:
			b.look(health.Throttled)
		}
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
}

// begin notes that a read waits, and returns what is read.
func (b *resumable) begin(now time.Time) io.Reader {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading, b.since = true, now
	b.stall.Reset(stallTime)
	return b.source
}

// end notes what a read brought.
func (b *resumable) end(brought []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = false
	b.offset += int64(len(brought))
	brought = brought[max(0, len(brought)-overlap):]
	b.tail = slices.Delete(b.tail, 0, max(0, len(b.tail)+len(brought)-overlap))
	b.tail = append(b.tail, brought...)
}

// slow counts what came in how much time, and reports whether that is too little.
func (b *resumable) slow(n int, waited time.Duration) bool {
	b.waited += waited
	b.arrived += int64(n)
	enough := b.arrived >= leastRate*int64(throttleSpan/time.Second)
	if !enough && b.waited < throttleSpan {
		return false
	}
	b.waited, b.arrived = 0, 0
	return !enough
}

// stalled asks for another origin while a read waits.
func (b *resumable) stalled() {
	b.mu.Lock()
	due := b.reading && b.pool.now().Sub(b.since) >= stallTime
	b.mu.Unlock()
	if due { // and not a timer that fired just before it was stopped
		b.look(health.BodyStalled)
	}
}

// rescue looks for another origin after the body broke off, and waits for it. It reports
// whether there is one.
func (b *resumable) rescue(err error) bool {
	b.mu.Lock()
	before := b.search
	b.mu.Unlock()
	if before != nil { // begun while the body stalled, perhaps the very one that ended it
		if <-before.done; before.found != nil {
			return b.open()
		}
	}
	if b.parent.Err() != nil {
		return false
	}
	s := b.look(health.Classify(err, health.StageBody))
	if s == nil {
		return false
	}
	<-s.done
	return s.found != nil && b.open()
}

// open reports whether the body was not closed yet.
func (b *resumable) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.closed
}

// look begins a search, unless one is under way or the body was closed; then it is nil.
func (b *resumable) look(why health.Class) *search {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	if b.search != nil {
		select {
		case <-b.search.done:
			if b.search.found != nil {
				return b.search
			}
		default:
			return nil
		}
	}
	if b.tries >= maxRetries {
		return nil
	}
	ctx, cancel := context.WithCancel(b.parent)
	s := &search{
		at: b.offset, tail: slices.Clone(b.tail), broken: b.attempt.place, why: why, cancel: cancel, done: make(chan struct{}),
	}
	b.search = s
	// It ends with the answer to its last question, or with the body.
	go b.run(ctx, s)
	return s
}

// adopt goes on with what a search has found. Only the one who reads does so.
func (b *resumable) adopt() {
	b.mu.Lock()
	s := b.search
	if s == nil || s.found == nil || b.closed {
		b.mu.Unlock()
		return
	}
	old, from, next := b.source, b.attempt, s.found
	b.source, b.attempt, b.search = next.body, next.attempt, nil
	b.skip = b.offset - s.at
	b.asked = append(b.asked, from.place)
	b.mu.Unlock()
	old.Close()
	b.waited, b.arrived = 0, 0
	if b.pool.events.Resumed != nil {
		b.pool.events.Resumed(b.pool.site.Name, from.origin.ID.Origin, next.attempt.origin.ID.Origin, s.at)
	}
}

// Close implements io.Closer. It ends a search, too.
func (b *resumable) Close() error {
	b.stall.Stop()
	b.mu.Lock()
	b.closed = true
	source, s := b.source, b.search
	b.mu.Unlock()
	if s != nil {
		s.cancel()
		<-s.done
		if s.found != nil {
			s.found.body.Close()
		}
	}
	if err := source.Close(); err != nil {
		return fmt.Errorf("cannot close the body: %w", err)
	}
	return nil
}
