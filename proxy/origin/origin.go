package origin

import (
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/dial"
)

// The timeouts of one attempt after the time to connect, which is dial.Way's. Each is
// well below the deadline of the whole fetch, so that a dead origin leaves time for the
// next one.
const (
	handshakeTimeout = 3 * time.Second
	firstByteTimeout = 10 * time.Second
	bodyIdleTimeout  = 15 * time.Second
	fetchDeadline    = 20 * time.Second
	// continueTimeout is how long an origin may think about Expect: 100-continue
	// before the body is sent anyway, RFC 9110 §10.1.1.
	continueTimeout = time.Second
	// pingAfter and pingTimeout find out that an HTTP/2 connection is dead, which
	// would otherwise cost each request on it the whole firstByteTimeout.
	pingAfter   = 10 * time.Second
	pingTimeout = 5 * time.Second
	// maxHeader bounds an answer's header section.
	maxHeader = 64 << 10
)

// Origin is an address that the publication's pages can be fetched from.
type Origin struct {
	ID  health.ID
	URL *url.URL // scheme and host

	way       dial.Way
	transport *http.Transport // HTTP/2 where the origin has it, else HTTP/1.1
	http1     *http.Transport // HTTP/1.1 alone
	latency   latency

	keepAlive keepAlive    // for how long it was seen to keep idle connections
	absent    *absences    // what it lacks
	cuts      cuts         // of its HTTP/2
	restUntil atomic.Int64 // when it may be asked like the others again, in Unix nanoseconds
	tried     atomic.Int64 // when it was last asked although it rests, in Unix nanoseconds
}

// Config is what an origin is made from.
type Config struct {
	ID  health.ID
	URL *url.URL
	Way dial.Way // how it is connected to; the zero value is as the machine would
}

// NewOrigin returns an origin with transports of its own. Close ends its idle connections.
func NewOrigin(c Config) *Origin {
	return &Origin{
		ID: c.ID, URL: c.URL, way: c.Way, transport: newTransport(c, true), http1: newTransport(c, false), absent: newAbsences(),
	}
}

// newTransport returns a transport to one origin.
func newTransport(c Config, http2 bool) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(http2)
	name := ""
	if c.URL != nil {
		name = c.URL.Hostname()
	}
	return secure(&http.Transport{
		Proxy:                  sendOnce,
		DialContext:            remembered(c.Way.DialContext),
		TLSClientConfig:        c.Way.TLS(name),
		Protocols:              protocols,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		ResponseHeaderTimeout:  firstByteTimeout,
		ExpectContinueTimeout:  continueTimeout,
		IdleConnTimeout:        60 * time.Second,
		MaxIdleConnsPerHost:    128,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // what the reader accepts is asked for, no more
		ReadBufferSize:         16 << 10,
		WriteBufferSize:        8 << 10,
	})
}

// at is the transport for a request at that time.
func (o *Origin) at(now time.Time) *http.Transport {
	if o.cuts.heeded(now) {
		return o.http1
	}
	return o.transport
}

// connected tells the origin's Way of a new connection. One with TLS was verified, or it
// would not be there.
func (o *Origin) connected(conn net.Conn) {
	if securedBy(conn) != nil {
		o.way.Handshaken(o.URL.Hostname(), conn)
	}
}

// Close ends the idle connections. Those in use end with their requests.
func (o *Origin) Close() {
	o.transport.CloseIdleConnections()
	o.http1.CloseIdleConnections()
}
