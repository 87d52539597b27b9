package cache

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// encodePiece is how much is encoded between two looks at whether anybody still wants it.
	encodePiece = 64 << 10
	// codingWindow is how far back encoders look, where that can be chosen: what an encoder of a
	// kept rendition takes of memory follows from it.
	codingWindow = 1 << 20
	// leastSaved is which part of the body a coding must save to be worth it.
	leastSaved = 10
	// smallBody is the longest body that is made ready without waiting for longer ones: at 15 MB/s
	// it takes 17 ms.
	smallBody = 256 << 10
	// renditionPatience is how long a reader waits for a rendition that is being made: the pause
	// that one notices. One of less than a megabyte is there by then.
	renditionPatience = 100 * time.Millisecond
	// noRoomRest is how long a rendition that the store had no room for is not made again.
	noRoomRest = time.Minute
)

// encoder writes a coding. It can be used again.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(to io.Writer)
}

// coders are what a cache encodes and decodes with.
type coders struct {
	kept, fast [4]sync.Pool  // of encoder, by coding: for what is kept, and for what leaves at once
	unzip      sync.Pool     // of *gzip.Reader
	small      chan struct{} // a place for each rendition of a small body that may be made at once
	large      chan struct{} // and for each of a large one
	streams    atomic.Int64  // bodies that are coded while they leave

	mu     sync.Mutex // guards everything that follows
	making map[wanted]*making
}

// wanted names one rendition.
type wanted struct {
	page   *Page
	coding codings
}

// making is a rendition that is being made.
type making struct {
	done   chan struct{}
	made   *coded        // once done; nil when the cache closed first
	left   chan struct{} // has a value when the last reader may have left
	served bool          // a reader went on without it, and still likes it: others will; guarded by coders.mu
	// readers wait for it; guarded by coders.mu, too.
	readers int
}

// open makes ready for use.
func (c *coders) open() {
	processors := runtime.GOMAXPROCS(0)
	c.small = make(chan struct{}, processors)
	c.large = make(chan struct{}, max(1, processors-1))
	c.making = make(map[wanted]*making)
}

// coded returns what becomes of the page in a coding. The first who asks has it made, on the
// cache's time; others wait for the same, each for [renditionPatience] at most: what is not
// there by then is coded for that reader as it leaves. Nil means that ctx or the cache ended
// first.
func (c *Cache) coded(ctx context.Context, page *Page, coding codings) *coded {
	m, made := c.make(wanted{page, coding})
	if m == nil {
		return made
	}
	timer := time.NewTimer(renditionPatience)
	defer timer.Stop()
	select {
	case <-m.done:
		return m.made
	case <-timer.C:
		c.coders.leave(m, true)
		return &coded{}
	case <-ctx.Done():
		c.coders.leave(m, false)
		return nil
	}
}

// make returns the making of a rendition, begun now if need be, with the caller among its
// readers, or else what was made since the caller looked. Both are nil when the cache is
// closed.
func (c *Cache) make(w wanted) (*making, *coded) {
	c.coders.mu.Lock()
	defer c.coders.mu.Unlock()
	if m, running := c.coders.making[w]; running {
		m.readers++
		return m, nil
	}
	if made := w.page.renditions.Load().of[w.coding.index()]; !made.isDue(c.now) {
		return nil, made
	}
	m := &making{done: make(chan struct{}), left: make(chan struct{}, 1), readers: 1}
	if !c.start(func() { c.finish(w, m) }) {
		return nil, nil
	}
	c.coders.making[w] = m
	return m, nil
}

// leave takes a reader off a making. served says that it got the page otherwise.
func (c *coders) leave(m *making, served bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m.readers--
	m.served = m.served || served
	select {
	case m.left <- struct{}{}:
	default:
	}
}

// abandon takes a making that nobody wants any more out of the way of later readers, who begin
// anew. False means that somebody does want it.
func (c *coders) abandon(w wanted, m *making) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.readers > 0 || m.served {
		return false
	}
	if c.making[w] == m {
		delete(c.making, w)
	}
	return true
}

// start runs work that ends with the cache. False means that it is closed.
func (c *Cache) start(work func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.work.Go(work)
	return true
}

// finish makes a rendition in its turn and keeps it, if the store has room for it. Without
// room, those who wait get it, and later readers one each that is made as it leaves, until it
// is tried again.
func (c *Cache) finish(w wanted, m *making) {
	defer close(m.done)
	places := c.coders.large
	if w.page.Body.Size() <= smallBody {
		places = c.coders.small
	}
	for began := false; !began; {
		select {
		case places <- struct{}{}:
			began = true
		case <-m.left:
			if c.coders.abandon(w, m) {
				return
			}
		case <-c.ctx.Done():
			c.coders.done(w, m)
			return
		}
	}
	defer func() { <-places }()
	defer c.coders.done(w, m)
	if m.made = c.encode(w, m); m.made == nil {
		return
	}
	made := m.made
	if made.body != nil && !c.store.Grow(w.page, made.cost()) {
		made = &coded{rests: c.now().Add(noRoomRest)}
	}
	w.page.publish(w.coding, made)
}

// done ends a making, unless it was abandoned.
func (c *coders) done(w wanted, m *making) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.making[w] == m {
		delete(c.making, w)
	}
}

// encode makes a rendition of a whole page. Nil means that the cache is closing, or that
// nobody wants it any more and most of the work is still to be done.
func (c *Cache) encode(w wanted, m *making) *coded {
	size := w.page.Body.Size()
	to := &limited{most: int(size - size/leastSaved)}
	encoder := c.coders.take(w.coding, false)
	defer c.coders.give(w.coding, false, encoder)
	encoder.Reset(to)
	chunks, _ := w.page.Body.Whole()
	left := size
	for _, chunk := range chunks {
		for piece := range slices.Chunk(chunk, encodePiece) {
			if c.ctx.Err() != nil || left > size/4 && c.coders.abandon(w, m) {
				return nil
			}
			if _, err := encoder.Write(piece); err != nil {
				return &coded{plain: true}
			}
			left -= int64(len(piece))
		}
	}
	if err := encoder.Close(); err != nil {
		return &coded{plain: true}
	}
	c.count.Renditions[w.coding.name()].Add(1)
	body := NewBody(slices.Clone(to.bytes)) // without what append had to spare
	return &coded{body: body, own: codedFields(w.page.Header, w.coding, body.Size())}
}

// limited is a buffer that refuses what would not be worth it.
type limited struct {
	bytes []byte
	most  int
}

// errNotWorth ends an encoding that saves too little.
var errNotWorth = errors.New("the coding saves too little")

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if len(l.bytes)+len(p) > l.most {
		return 0, errNotWorth
	}
	l.bytes = append(l.bytes, p...)
	return len(p), nil
}

// take returns an encoder, for what leaves at once or what is kept.
func (c *coders) take(coding codings, fast bool) encoder {
	if e, ok := c.pool(coding, fast).Get().(encoder); ok {
		return e
	}
	return newEncoder(coding, fast)
}

// give takes an encoder back.
func (c *coders) give(coding codings, fast bool, e encoder) {
	e.Reset(io.Discard) // it must not hold on to a reader's buffer
	c.pool(coding, fast).Put(e)
}

// pool is where the encoders of one kind are.
func (c *coders) pool(coding codings, fast bool) *sync.Pool {
	if fast {
		return &c.fast[coding.index()]
	}
	return &c.kept[coding.index()]
}

// newEncoder returns an encoder of a coding. The levels are where more time stops
// saving much: gzip 6, Brotli 5 and Zstandard's default make HTML a third of its size and
// less, at 45, 15 and 100 MB/s. What leaves at once is coded at two to four times that pace,
// in less memory.
func newEncoder(coding codings, fast bool) encoder {
	switch coding {
	case codingBrotli:
		if fast {
			return brotli.NewWriterOptions(nil, brotli.WriterOptions{Quality: 1, LGWin: 16})
		}
		return brotli.NewWriterOptions(nil, brotli.WriterOptions{Quality: 5, LGWin: 20})
	case codingZstd:
		level, window := zstd.SpeedDefault, codingWindow
		if fast {
			level, window = zstd.SpeedFastest, codingWindow/8
		}
		// RFC 9659 §3 bounds the window at 8 MiB. One goroutine: that of the caller.
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithWindowSize(window),
			zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic(err) // only for options that are none
		}
		return e
	}
	level := 6
	if fast {
		level = gzip.BestSpeed
	}
	w, err := gzip.NewWriterLevel(nil, level)
	if err != nil {
		panic(err) // only for a level that is none
	}
	return w
}
