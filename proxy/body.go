package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/heliograph-edge/heliograph/proxy/origin"
)

// errMalformed ends a request whose body cannot be read. It is the reader's doing,
// and no finding about the origin that was being sent it.
var errMalformed = errors.New("the request's body is malformed")

// readerBody is a request's body as it comes from the reader. Where that is
// malformed it ends the request, so that no origin is blamed for half a body.
type readerBody struct {
	io.ReadCloser
	trailer http.Header
	site    *Site
	end     context.CancelCauseFunc
}

// Read implements io.Reader. net/http has filled the trailer section when it
// reports the end; what origins must not see is removed before they do.
func (b *readerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == io.EOF:
		scrub(b.trailer, b.site)
	case err != nil && !readerGone(err):
		b.end(errMalformed)
	}
	return n, err
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
	_ = http.NewResponseController(x.w).EnableFullDuplex() // HTTP/2 always does
	x.extendDeadline()                                     // for the 100 that net/http may send
	ctx, end := context.WithCancelCause(in.Context())
	watched := in.WithContext(ctx)
	watched.Body = &readerBody{ReadCloser: in.Body, trailer: in.Trailer, site: site, end: end}
	scrub(in.Trailer, site)
	return watched, func() { end(nil) }
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
