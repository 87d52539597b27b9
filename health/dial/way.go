package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"time"
)

const (
	// leastConnect is the least that one of several addresses gets of Timeout.
	leastConnect   = 500 * time.Millisecond
	defaultConnect = 2 * time.Second
)

// Way is how one origin is connected to. The zero value connects directly, to what the
// machine's resolver says, and trusts the machine's authorities.
type Way struct {
	// Addresses to connect to, in order, instead of asking the Resolver.
	Addresses []netip.Addr
	// Resolver finds the addresses of a name, best first, and refuses those that must not
	// be connected to (health.ErrAddressForbidden). Nil leaves names to the machine's
	// resolver, or to the proxy where there is one.
	Resolver func(ctx context.Context, host string) ([]netip.Addr, error)
	// Proved is told of each address at which a verified handshake for a name succeeded. It
	// may be nil.
	Proved  func(host string, address netip.Addr)
	Via     Via
	Roots   *x509.CertPool // authorities to trust; nil is the machine's
	Pins    Pins
	Timeout time.Duration // to connect, over all addresses; 2 s when 0
}

// DialContext connects to the host and port, an address after the other until one
// answers. They share Timeout.
func (w Way) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if w.Timeout <= 0 {
		w.Timeout = defaultConnect
	}
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addresses := w.Addresses
	if len(addresses) == 0 && isName(host) && w.Resolver != nil {
		if addresses, err = w.resolved(ctx, host); err != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: err}
		}
	}
	if len(addresses) == 0 {
		return w.Via.DialContext(ctx, network, address)
	}
	return w.first(ctx, network, addresses, port)
}

// resolved asks the Resolver. That it finds nothing is an error: another resolver, which
// refuses no address, must not be asked in its place.
func (w Way) resolved(ctx context.Context, host string) ([]netip.Addr, error) {
	addresses, err := w.Resolver(ctx, host)
	var known *net.DNSError
	switch {
	case err == nil && len(addresses) == 0:
		return nil, &net.DNSError{Err: "the resolver has no address for it", Name: host, IsNotFound: true}
	case errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &known):
		return nil, &net.DNSError{Err: "the resolver did not answer in time", UnwrapErr: err, Name: host, IsTimeout: true}
	}
	return addresses, err
}

// first connects to the first address that answers.
func (w Way) first(ctx context.Context, network string, addresses []netip.Addr, port string) (conn net.Conn, err error) {
	deadline, _ := ctx.Deadline()
	for i, a := range addresses {
		share := max(leastConnect, time.Until(deadline)/time.Duration(len(addresses)-i))
		one, cancel := context.WithTimeout(ctx, share)
		conn, err = w.Via.DialContext(one, network, net.JoinHostPort(a.String(), port))
		cancel()
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	return conn, err
}

// TLS is the configuration of a handshake with the origin of that name. It is the
// caller's to add to.
func (w Way) TLS(name string) *tls.Config {
	return &tls.Config{ServerName: name, RootCAs: w.Roots, MinVersion: tls.VersionTLS12, VerifyConnection: w.Pins.Verify}
}

// Handshaken tells Proved of a verified connection. Connections through a proxy prove
// nothing about addresses seen from here.
func (w Way) Handshaken(host string, conn net.Conn) {
	if w.Proved == nil || !w.Via.Direct() {
		return
	}
	if remote, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		w.Proved(host, remote.Addr().Unmap())
	}
}
