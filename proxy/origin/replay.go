package origin

import (
	"errors"
	"io"
	"sync"
	"time"
)

// replayLimit is how much of a request body is kept in memory so that it can be
// sent again. What is longer is sent once.
const replayLimit = 64 << 10

// errTakenOver is what an abandoned attempt reads once the next one has the body.
var errTakenOver = errors.New("the request body went to another attempt")

// Body is a request's body: it streams from the reader to an origin, and its
// beginning is kept so that a second attempt can send it from the start.
type Body struct {
	Length int64 // declared; -1 when it is not

	mu      sync.Mutex // guards everything that follows
	source  io.Reader
	kept    []byte
	spilled bool      // more than replayLimit was read: it cannot be sent again
	reading bool      // an attempt is inside source.Read
	sent    int       // attempts so far
	arrived int64     // bytes that came from the reader
	whole   bool      // all of it arrived
	since   time.Time // whoever is waited for has been since then
}

// NewBody returns a body that reads from source.
func NewBody(source io.Reader, length int64) *Body {
	return &Body{Length: length, source: source}
}

// open returns the body from its first byte for the next attempt. ok is false
// when that cannot be had any more.
func (b *Body) open() (body io.ReadCloser, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spilled || b.reading {
		return nil, false
	}
	b.sent++
	b.since = time.Now()
	return &bodyReader{body: b, attempt: b.sent}, true
}

// isWhole reports whether all of the body has come from the reader.
func (b *Body) isWhole() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.whole
}

// waits tells who is waited for, the reader or else the origin that is to take what
// has come, and since when.
func (b *Body) waits() (forReader bool, since time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reading, b.since
}

// arrivedLocked notes what one read of the source brought.
func (b *Body) arrivedLocked(n int, err error) {
	b.reading, b.since = false, time.Now()
	b.arrived += int64(n)
	b.whole = b.whole || err == io.EOF || b.Length >= 0 && b.arrived >= b.Length
}

// bodyReader is one attempt's view of the body. Closing it leaves the reader's
// connection alone.
type bodyReader struct {
	body    *Body
	attempt int
	offset  int
}

// Read implements io.Reader: first what is kept, then what comes from the reader.
func (r *bodyReader) Read(p []byte) (int, error) {
	b := r.body
	b.mu.Lock()
	if r.attempt != b.sent {
		b.mu.Unlock()
		return 0, errTakenOver
	}
	if r.offset < len(b.kept) {
		n := copy(p, b.kept[r.offset:])
		r.offset += n
		b.since = time.Now()
		b.mu.Unlock()
		return n, nil
	}
	b.reading, b.since = true, time.Now()
	b.mu.Unlock()

	n, err := b.source.Read(p) // may block for as long as the reader takes

	b.mu.Lock()
	defer b.mu.Unlock()
	b.arrivedLocked(n, err)
	if len(b.kept)+n > replayLimit {
		b.spilled = true
		b.kept = nil
	}
	if !b.spilled {
		b.kept = append(b.kept, p[:n]...)
		r.offset += n
	}
	return n, err
}

// Close implements io.Closer. The source belongs to the reader's request.
func (r *bodyReader) Close() error { return nil }
