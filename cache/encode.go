package cache

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

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
	slots      chan struct{} // one for each rendition that may be made at once
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
	done chan struct{}
	made *coded // once done; nil when the cache closed first
}

// open makes ready for use.
func (c *coders) open() {
	c.slots = make(chan struct{}, runtime.GOMAXPROCS(0))
	c.making = make(map[wanted]*making)
}

// coded returns what becomes of the page in a coding. The first who asks has it made, on the
// cache's time; others wait for the same. Nil means that ctx or the cache ended first.
func (c *Cache) coded(ctx context.Context, page *Page, coding codings) *coded {
	m, made := c.make(wanted{page, coding})
	if m == nil {
		return made
	}
	select {
	case <-m.done:
		return m.made
	case <-ctx.Done():
		return nil
	}
}

// make returns the making of a rendition, begun now if need be, or else what was made since
// the caller looked. Both are nil when the cache is closed.
func (c *Cache) make(w wanted) (*making, *coded) {
	c.coders.mu.Lock()
	defer c.coders.mu.Unlock()
	if m, running := c.coders.making[w]; running {
		return m, nil
	}
	if made := w.page.renditions.Load().of[w.coding.index()]; made != nil {
		return nil, made
	}
	m := &making{done: make(chan struct{})}
	if !c.start(func() { c.finish(w, m) }) {
		return nil, nil
	}
	c.coders.making[w] = m
	return m, nil
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

// finish makes a rendition and keeps it, if the store has room for it. Without room, those
// who wait get it, and later readers one each that is made as it leaves: to make it again and
// again would take more than it saves.
func (c *Cache) finish(w wanted, m *making) {
	select {
	case c.coders.slots <- struct{}{}:
		m.made = c.encode(w)
		<-c.coders.slots
	case <-c.ctx.Done():
	}
	if made := m.made; made != nil {
		if made.body != nil && !c.store.Grow(w.page, made.cost()) {
			made = &coded{}
		}
		w.page.publish(w.coding, made)
	}
	c.coders.mu.Lock()
	delete(c.coders.making, w)
	c.coders.mu.Unlock()
	close(m.done)
}

// encode makes a rendition of a whole page. Nil means that the cache is closing.
func (c *Cache) encode(w wanted) *coded {
	size := w.page.Body.Size()
	to := &limited{most: int(size - size/leastSaved)}
	encoder := c.coders.take(w.coding, false)
	defer c.coders.give(w.coding, false, encoder)
	encoder.Reset(to)
	chunks, _ := w.page.Body.Whole()
	for _, chunk := range chunks {
		for piece := range slices.Chunk(chunk, encodePiece) {
			if c.ctx.Err() != nil {
				return nil
			}
			if _, err := encoder.Write(piece); err != nil {
				return &coded{plain: true}
			}
		}
	}
	if err := encoder.Close(); err != nil {
		return &coded{plain: true}
	}
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
