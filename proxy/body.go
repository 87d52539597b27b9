package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/heliograph-edge/heliograph/proxy/origin"
)

// readIdle is how long a reader may take for the next bytes of a request's body.
// What stands still for so long holds a connection to an origin for nothing.
const readIdle = 30 * time.Second

// errMalformed ends a request whose body cannot be read. It is the reader's doing,
// and no finding about the origin that was being sent it.
var errMalformed = errors.New("the request's body is malformed")

// readerBody is a request's body as it comes from the reader. Where that is
// malformed, or stops, it ends the request, so that no origin is blamed for half a
// body.
//
// A transport may read it for longer than the handler runs. The deadline is then
// left alone: it is the connection's, and that may be serving the next request.
type readerBody struct {
	io.ReadCloser
	trailer http.Header
	site    *Site
	control *http.ResponseController
	end     context.CancelCauseFunc

	mu      sync.Mutex // guards everything that follows
	read    bool       // to its end
	reading bool
	over    bool // the handler has returned
}

// Read implements io.Reader. net/http has filled the trailer section when it
// reports the end; what origins must not see is removed before they do.
func (b *readerBody) Read(p []byte) (int, error) {
	if !b.begin() {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.ReadCloser.Read(p)
	b.ended(err)
	switch {
	case err == io.EOF:
		scrub(b.trailer, b.site)
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.end(origin.ErrBodyStalled)
	case err != nil && !readerGone(err):
		b.end(errMalformed)
	}
	return n, err
}

// begin sets the deadline for one read. False means that there may be no more.
func (b *readerBody) begin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return false
	}
	b.reading = true
	_ = b.control.SetReadDeadline(time.Now().Add(readIdle)) // writers of tests know none
	return true
}

// ended takes the deadline of a read away. A body's end does, too: net/http waits
// for the reader to leave from then on, and would take the deadline for that.
func (b *readerBody) ended(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading, b.read = false, b.read || err == io.EOF
	if !b.over {
		_ = b.control.SetReadDeadline(time.Time{})
	}
}

// pending reports whether the body has not been read to its end. No body never is.
func (b *readerBody) pending() bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.read
}

// release ends the watch with the handler. net/http then reads what is left of the
// body; that, and a read under way, must not take for ever either.
func (b *readerBody) release() {
	b.mu.Lock()
	b.over = true
	if !b.read && !b.reading {
		_ = b.control.SetReadDeadline(time.Now().Add(readIdle))
	}
	b.mu.Unlock()
	b.end(nil)
}

// readerGone tells an error of the connection, and an end that is too early, from
// one of the framing. For these net/http ends the request itself.
func readerGone(err error) bool {
	var network net.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, http.ErrBodyReadAfterClose) ||
		errors.Is(err, context.Canceled) || errors.As(err, &network)
}

// attend returns the request with its body watched, and what ends the watch. It
// lets the answer begin while the body still arrives: net/http would otherwise
// swallow what the origin has not read by then.
func (x *exchange) attend(in *http.Request, site *Site) (*http.Request, func()) {
	if !sendsBody(in) {
		return in, func() {}
	}
	control := http.NewResponseController(x.w)
	_ = control.EnableFullDuplex() // HTTP/2 always does
	x.extendDeadline()             // for the 100 that net/http may send
	ctx, end := context.WithCancelCause(in.Context())
	x.body = &readerBody{ReadCloser: in.Body, trailer: in.Trailer, site: site, control: control, end: end}
	watched := in.WithContext(ctx)
	watched.Body = x.body
	scrub(in.Trailer, site)
	return watched, x.body.release
}

// sendsBody reports whether origins are sent the request's body. Those of GET and
// HEAD are not: nothing in them is part of the key.
func sendsBody(in *http.Request) bool {
	return in.Method != http.MethodGet && in.Method != http.MethodHead && in.Body != nil && in.Body != http.NoBody
}

// requestBody is the request's body as origins are sent it; nil without one.
func requestBody(in *http.Request) *origin.Body {
	if !sendsBody(in) {
		return nil
	}
	return origin.NewBody(in.Body, in.ContentLength)
}
