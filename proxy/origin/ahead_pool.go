package origin

import (
	"bufio"
	"compress/gzip"
	"io"
	"sync"
)

// buffers are the beginnings of bodies that nobody reads any more.
var buffers = sync.Pool{New: func() any { return new([aheadLimit]byte) }}

// takeBuffer returns an empty buffer of aheadLimit bytes.
func takeBuffer() []byte { return buffers.Get().(*[aheadLimit]byte)[:0] }

// giveBuffer keeps a buffer for the next body, unless it has grown.
func giveBuffer(b []byte) {
	if cap(b) == aheadLimit {
		buffers.Put((*[aheadLimit]byte)(b[:aheadLimit]))
	}
}

// grown is a buffer with room. What was in it before stays as it is, for who looks at it.
func grown(b []byte) []byte {
	if len(b) < cap(b) {
		return b
	}
	return append(make([]byte, 0, max(aheadLimit, 2*cap(b))), b...)
}

// unzipper unpacks one body after another.
type unzipper struct {
	gzip.Reader
	source *bufio.Reader
	begun  bool // the coding's header came
}

// unzippers are those that are not in use.
var unzippers = sync.Pool{New: func() any { return &unzipper{source: bufio.NewReaderSize(nil, 8<<10)} }}

// begin reads the coding's header from another body.
func (z *unzipper) begin(from io.Reader) error {
	z.source.Reset(from)
	err := z.Reset(z.source)
	z.begun = err == nil
	return err
}

// giveBack keeps the unzipper for the next body.
func (z *unzipper) giveBack() {
	z.source.Reset(nil)
	unzippers.Put(z)
}
