package origin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/heliograph-edge/heliograph/health"
)

// The timeouts of one attempt. Each is well below the deadline of the whole
// fetch, so that a dead origin leaves time for the next one.
const (
	connectTimeout   = 2 * time.Second
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
	// leastConnect is the least that one of several fixed addresses gets of connectTimeout.
	leastConnect = 500 * time.Millisecond
	// maxHeader bounds an answer's header section.
	maxHeader = 64 << 10
)

// Origin is an address that the publication's pages can be fetched from.
type Origin struct {
	ID  health.ID
	URL *url.URL // scheme and host

	transport *http.Transport
	latency   latency
}

// Config is what an origin is made from.
type Config struct {
	ID        health.ID
	URL       *url.URL
	Addresses []netip.Addr   // connect to these in order instead of asking DNS; may be empty
	Roots     *x509.CertPool // authorities to trust; nil means the system's
}

// NewOrigin returns an origin with a transport of its own. Close ends its idle connections.
func NewOrigin(c Config) *Origin {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &Origin{
		ID:  c.ID,
		URL: c.URL,
		transport: &http.Transport{
			DialContext:            dialer(c.Addresses),
			TLSClientConfig:        &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12},
			Protocols:              protocols,
			HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
			TLSHandshakeTimeout:    handshakeTimeout,
			ResponseHeaderTimeout:  firstByteTimeout,
			ExpectContinueTimeout:  continueTimeout,
			IdleConnTimeout:        60 * time.Second,
			MaxIdleConnsPerHost:    128,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true, // what the reader accepts is asked for, no more
			ReadBufferSize:         16 << 10,
			WriteBufferSize:        8 << 10,
		},
	}
}

// dialer connects to fixed addresses where there are any, else to what the
// system's resolver says. However many they are, they share connectTimeout.
func dialer(addresses []netip.Addr) func(ctx context.Context, network, address string) (net.Conn, error) {
	d := &net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}
	if len(addresses) == 0 {
		return d.DialContext
	}
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		deadline, _ := ctx.Deadline()
		for i, a := range addresses {
			one := *d
			one.Timeout = max(leastConnect, time.Until(deadline)/time.Duration(len(addresses)-i))
			conn, err = one.DialContext(ctx, network, net.JoinHostPort(a.String(), port))
			if err == nil || ctx.Err() != nil {
				break
			}
		}
		return conn, err
	}
}

// Close ends the idle connections. Those in use end with their requests.
func (o *Origin) Close() { o.transport.CloseIdleConnections() }
