package origin

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"

	"github.com/heliograph-edge/heliograph/health"
)

// errHandshake ends a TLS handshake that takes too long.
var errHandshake = fmt.Errorf("TLS handshake timeout: %w", os.ErrDeadlineExceeded)

// secured is a connection of HTTP/1.1 over TLS. It stands where net/http would have the
// *tls.Conn, because the header section of an answer can be read above TLS alone.
type secured struct {
	*tls.Conn
	below *connection // nil where the dial function gave another
}

// Read implements net.Conn.
func (s *secured) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if s.below != nil {
		s.below.watch(p[:n])
	}
	return n, err
}

// secure has the transport make its TLS connections so that the answers of HTTP/1.1 can be
// watched. Those of HTTP/2 stay what net/http knows. A request that HTTP/2 cannot carry needs a
// transport without it: which protocols net/http would offer for a request is not told here.
func secure(t *http.Transport) *http.Transport {
	t.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := t.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		config := t.TLSClientConfig.Clone()
		if config.ServerName == "" {
			if config.ServerName, _, err = net.SplitHostPort(address); err != nil {
				conn.Close()
				return nil, err
			}
		}
		if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.TLSHandshakeStart != nil {
			trace.TLSHandshakeStart()
		}
		outer := tls.Client(conn, config)
		if err := shake(ctx, outer); err != nil {
			conn.Close()
			return nil, err
		}
		if outer.ConnectionState().NegotiatedProtocol == "h2" {
			return outer, nil
		}
		below, _ := conn.(*connection)
		return &secured{Conn: outer, below: below}, nil
	}
	return t
}

// shake is the handshake, which may take handshakeTimeout.
func shake(ctx context.Context, conn *tls.Conn) error {
	bounded, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	err := conn.HandshakeContext(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return errHandshake
	}
	return err
}

// roundTrip sends a request by the version of HTTP that the origin is asked by. An origin that
// was left to HTTP/1.1 and does not speak it is asked by HTTP/2 again; a site's only origin,
// of which nothing has proved that it does, already where HTTP/1.1 brings no answer. HTTP/2 has
// no Upgrade (RFC 9113 §8.6), so that such a request says nothing of that.
func (a *attempt) roundTrip(request *http.Request) (*http.Response, error) {
	transport, upgrade := a.origin.at(a.pool.now()), len(request.Header["Upgrade"]) > 0
	if a.http1 || upgrade {
		transport = a.origin.http1
	}
	response, err := transport.RoundTrip(request)
	if err != nil && !upgrade && transport == a.origin.http1 && context.Cause(a.ctx) == nil &&
		(a.progress.once || a.progress.at() == health.StageHandshake) {
		a.origin.cuts.refuted()
	}
	return response, err
}

// securedBy is the TLS connection that net/http tells of; nil where there is no TLS.
func securedBy(conn net.Conn) *tls.Conn {
	switch c := conn.(type) {
	case *tls.Conn:
		return c
	case *secured:
		return c.Conn
	}
	return nil
}
