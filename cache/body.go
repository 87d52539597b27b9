package cache

import (
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

	mu       sync.Mutex // guards everything that follows, until whole is set
	ended    bool
	ending   bool // nobody follows, and the fill is being ended
	chunks   [][]byte
	size     int64 // bytes appended so far
	trailer  http.Header
	*arrival // nil while nobody has followed, and again for good when the body is whole
}

// arrival is what need not be known of a body any more when it is whole: most bodies are,
// and there are many. Body.mu guards it.
type arrival struct {
	dropped int // chunks that were in front of the body's; only when passing
	err     error
	change  chan struct{} // closed at the next change; nil when nobody waits
	cursors map[*Cursor]struct{}
	window  *window // how it passes; nil as long as it is kept
}

// arrivingLocked is the body's arrival. The body is not whole.
func (b *Body) arrivingLocked() *arrival {
	if b.arrival == nil {
		b.arrival = new(arrival)
	}
	return b.arrival
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
	if b.passingLocked() || len(b.chunks) == 0 {
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
	b.ended, b.trailer = true, trailer
	b.arrivingLocked().err = err
	b.changedLocked()
	if err == nil && b.window == nil {
		b.arrival = nil // nobody need be told of anything any more
		b.whole.Store(true)
	}
}

// passingLocked reports whether the body is not kept.
func (b *Body) passingLocked() bool { return b.arrival != nil && b.window != nil }

// changedLocked wakes everybody who waits for the next change.
func (b *Body) changedLocked() {
	if b.arrival != nil && b.change != nil {
		close(b.change)
		b.change = nil
	}
}

// changeLocked returns a channel that is closed at the next change; nil when there will
// be none.
func (b *Body) changeLocked() <-chan struct{} {
	if b.ended {
		return nil
	}
	if b.arrivingLocked().change == nil {
		b.change = make(chan struct{})
	}
	return b.change
}

// abandon makes sure that nobody can follow any more. It returns false when
// somebody does.
func (b *Body) abandon() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.arrival != nil && len(b.cursors) > 0 {
		return false
	}
	b.ending = true
	return true
}
