package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// loneIdle is for how long a connection to a site's only origin is used again where
	// the origin does not say for how long it keeps one: less than the 5 s that common
	// servers do. There is no other origin to ask when it is closed meanwhile.
	loneIdle = 4 * time.Second
	// idleMargin is how much sooner than the origin says a connection counts as closed.
	idleMargin = time.Second
)

// errClosedIdle is what is written to a connection that the origin has closed, or is about
// to, before anything was asked on it.
var errClosedIdle = errors.New("the origin has closed the connection while it was idle")

// connection is a connection to an origin that can tell whether a request has left on it.
// Of HTTP/1.1 it carries one at a time.
type connection struct {
	net.Conn
	written atomic.Int64 // bytes, ever
	mark    atomic.Int64 // of them, those from before the latest request
	over    atomic.Bool  // nothing more comes, or may come
	failure atomic.Value // of type failure: why nothing more comes
	keep    atomic.Int64 // for how long the origin keeps it idle, in nanoseconds; 0 where it does not say
	silent  atomic.Bool  // nothing comes while it is idle: TLS has messages of its own
	// head is that of the answer to come; nil once it was read.
	head atomic.Pointer[head]
	turn atomic.Int64           // how many requests it was given
	idle atomic.Pointer[idling] // since the latest of them; nil or of an earlier one while it has one
}

// failure is an error in an atomic.Value, which wants one type.
type failure struct{ error }

// remembered returns the dial function with connections that tell what left on them.
func remembered(dial func(ctx context.Context, network, address string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &connection{Conn: conn}, nil
	}
}

// connectionOf is the connection below one that net/http tells of; nil where it carries many
// requests at a time, by HTTP/2, whose protocol tells which of them were acted on.
func connectionOf(conn net.Conn) *connection {
	switch c := conn.(type) {
	case *secured:
		return c.below
	case *connection:
		c.silent.Store(true)
		return c
	}
	return nil
}

// Read implements net.Conn.
func (c *connection) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		if isOriginsEnd(err) {
			c.learn(time.Now())
		}
		c.failure.CompareAndSwap(nil, failure{err})
		c.over.Store(true)
	}
	if c.silent.Load() {
		c.watch(p[:n])
	}
	return n, err
}

// watch takes what was read, without TLS, for the head that is to come.
func (c *connection) watch(p []byte) {
	if h := c.head.Load(); h != nil && len(p) > 0 && h.feed(p) {
		c.head.CompareAndSwap(h, nil)
	}
}

// Write implements net.Conn. A request does not begin on a connection that is over, so that
// net/http knows that nothing of it was sent.
func (c *connection) Write(p []byte) (int, error) {
	if c.over.Load() && !c.used() {
		return 0, errClosedIdle
	}
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

// begin notes that a request is about to be written. One that was idle for too long, or that
// the origin has closed by now, takes none. The head of the answer is the request's own: net/http
// gives the connection to the next one before it gives an answer without a body to this one.
func (c *connection) begin(reused bool, idle, most time.Duration) *head {
	h := new(head)
	c.head.Store(h)
	c.turn.Add(1)
	c.mark.Store(c.written.Load())
	if keep := time.Duration(c.keep.Load()); keep > 0 {
		most = keep
	}
	if reused && (most > 0 && idle >= most || c.isClosed()) {
		c.over.Store(true)
	}
	return h
}

// used reports whether anything of the latest request was sent.
func (c *connection) used() bool { return c.written.Load() > c.mark.Load() }

// cut is why the connection is over.
func (c *connection) cut() error {
	if f, ok := c.failure.Load().(failure); ok {
		return f.error
	}
	return io.EOF
}

// isClosed reports whether the origin has closed the idle connection, also where net/http
// has not come to read that.
func (c *connection) isClosed() bool {
	if c.over.Load() {
		return true
	}
	raw, ok := c.Conn.(syscall.Conn)
	return ok && hungUp(raw, c.silent.Load())
}

// heed takes note of how long the origin keeps the connection, where its answer says so.
func (c *connection) heed(header http.Header) {
	for _, line := range header["Keep-Alive"] {
		for parameter := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
			seconds, err := strconv.ParseUint(strings.Trim(value, `" `), 10, 16)
			if err == nil && strings.EqualFold(name, "timeout") {
				c.keep.Store(int64(max(time.Duration(seconds)*time.Second-idleMargin, idleMargin/2)))
			}
		}
	}
}

// progressKey is the place of an attempt's *progress in its context.
type progressKey struct{}

// sendOnce is asked by net/http before it takes a connection for a request, as the one that
// chooses a proxy, of which there is none. Of itself, net/http sends a request for the second
// time where a connection that was used before ends without an answer; sendOnce allows that
// of an attempt that may be sent once only where nothing of it has left.
func sendOnce(request *http.Request) (*url.URL, error) {
	p, _ := request.Context().Value(progressKey{}).(*progress)
	if p == nil || !p.once || p.conn == nil || !p.conn.used() {
		return nil, nil
	}
	return nil, fmt.Errorf("the connection ended after the request was sent, which is not sent again to a site's only origin: %w", p.conn.cut())
}
