package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// home is what tests resolve to.
var home = netip.MustParseAddr("127.0.0.1")

// port is an address's port.
func port(t *testing.T, address string) string {
	_, p, err := net.SplitHostPort(address)
	require.NoError(t, err)
	return p
}

func TestAddressesAreTriedInOrder(t *testing.T) {
	at := listen(t, echo)
	w := Way{
		Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.2"), home},
		Resolver:  func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("it is not asked") },
	}
	conn, err := w.DialContext(t.Context(), "tcp", "www.gazette.example:"+port(t, at))
	requireEcho(t, conn, err)

	_, err = w.DialContext(t.Context(), "tcp", "www.gazette.example")
	require.ErrorContains(t, err, "missing port")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = w.DialContext(ctx, "tcp", "www.gazette.example:"+port(t, at))
	require.ErrorIs(t, err, context.Canceled)
}

func TestAddressesShareTheTime(t *testing.T) {
	// A proxy that answers nothing stands for addresses that do not.
	silent := via(t, "http://"+listen(t, silence))
	w := Way{Addresses: []netip.Addr{home, home, home, home}, Via: silent, Timeout: 100 * time.Millisecond}
	began := time.Now()
	_, err := w.DialContext(t.Context(), "tcp", "www.gazette.example:443")
	require.Error(t, err)
	require.GreaterOrEqual(t, time.Since(began), 100*time.Millisecond)
	require.Less(t, time.Since(began), 4*leastConnect, "not the least for each of the four")

	w.Timeout = 2 * leastConnect
	w.Addresses = []netip.Addr{home, netip.MustParseAddr("127.0.0.2")}
	var asked atomic.Int64
	s := &socks{to: listen(t, echo), asked: make(chan string, 9)}
	w.Via = via(t, "socks5://"+listen(t, func(conn net.Conn) {
		if asked.Add(1) == 1 {
			silence(conn)
			return
		}
		s.serve(conn)
	}))
	conn, err := w.DialContext(t.Context(), "tcp", "www.gazette.example:443")
	requireEcho(t, conn, err)
	require.Equal(t, "127.0.0.2", <-s.asked, "the silence of the first leaves time for the second")
}

func TestNamesAreResolvedByTheResolverAlone(t *testing.T) {
	at := listen(t, echo)
	var asked []string
	answer, failure := []netip.Addr{home}, error(nil)
	w := Way{Resolver: func(_ context.Context, host string) ([]netip.Addr, error) {
		asked = append(asked, host)
		return answer, failure
	}}
	conn, err := w.DialContext(t.Context(), "tcp", "localhost:"+port(t, at))
	requireEcho(t, conn, err)
	conn, err = w.DialContext(t.Context(), "tcp", at)
	requireEcho(t, conn, err)
	require.Equal(t, []string{"localhost"}, asked, "an address needs no resolver")

	for _, test := range []struct {
		name  string
		found []netip.Addr
		err   error
		class health.Class
	}{
		{"forbidden", answer, fmt.Errorf("it leads to 169.254.169.254: %w", health.ErrAddressForbidden), health.AddressForbidden},
		{"nothing", nil, nil, health.DNSNotFound},
		{"not found", nil, &net.DNSError{Err: "no such host", IsNotFound: true}, health.DNSNotFound},
		{"a time-out of its own", nil, context.DeadlineExceeded, health.DNSTimeout},
		{"a time-out", nil, &net.DNSError{Err: "no answer", IsTimeout: true}, health.DNSTimeout},
		{"garbage", nil, &net.DNSError{Err: "garbage"}, health.DNSError},
	} {
		answer, failure = test.found, test.err
		var heard atomic.Int64
		at := listen(t, func(net.Conn) { heard.Add(1) })
		_, err := w.DialContext(t.Context(), "tcp", "localhost:"+port(t, at))
		require.Error(t, err, test.name)
		require.Equal(t, test.class, health.Classify(err, health.StageResolve), test.name)
		require.Zero(t, heard.Load(), "nothing is connected to")
	}
}

func TestAProxyResolvesWhereThereIsNoResolver(t *testing.T) {
	s := &socks{to: listen(t, echo), asked: make(chan string, 9)}
	w := Way{Via: via(t, "socks5://"+listen(t, s.serve))}
	conn, err := w.DialContext(t.Context(), "tcp", "www.gazette.example:443")
	requireEcho(t, conn, err)
	require.Equal(t, "www.gazette.example", <-s.asked)
	w.Resolver = func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{home}, nil }
	conn, err = w.DialContext(t.Context(), "tcp", "www.gazette.example:443")
	requireEcho(t, conn, err)
	require.Equal(t, "127.0.0.1", <-s.asked)
}

func TestAHandshakeProvesItsAddress(t *testing.T) {
	var proved []string
	w := Way{Proved: func(host string, address netip.Addr) { proved = append(proved, host+" "+address.String()) }}
	conn, err := w.DialContext(t.Context(), "tcp", listen(t, echo))
	require.NoError(t, err)
	defer conn.Close()
	w.Handshaken("www.gazette.example", conn)
	require.Equal(t, []string{"www.gazette.example 127.0.0.1"}, proved)
	w.Via = Via{scheme: "http", address: "proxy.example:1"}
	w.Handshaken("www.gazette.example", conn)
	require.Len(t, proved, 1, "a connection through a proxy proves nothing of what is seen from here")
	Way{}.Handshaken("www.gazette.example", conn)
}

// handshakes serves TLS, and ends each connection after its handshake.
func handshakes(t *testing.T, certificate tls.Certificate) string {
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	return listen(t, func(conn net.Conn) {
		secure := tls.Server(conn, config)
		if secure.Handshake() == nil {
			secure.Write([]byte("harbour\n"))
			silence(secure)
		}
	})
}

// handshake connects and reads a line, so that a session can be resumed. It reports
// whether it was.
func handshake(t *testing.T, w Way, config *tls.Config, at string) (resumed bool, err error) {
	conn, err := w.DialContext(t.Context(), "tcp", at)
	require.NoError(t, err)
	defer conn.Close()
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(t.Context()); err != nil {
		return false, err
	}
	_, err = secure.Read(make([]byte, 8))
	return secure.ConnectionState().DidResume, err
}

func TestPins(t *testing.T) {
	const name = "www.gazette.example"
	good, other := issue(t, name), issue(t, name)
	at := handshakes(t, good.Certificate)
	wrong := Pins{PinOf(other.leaf)}
	for _, test := range []struct {
		name  string
		way   Way
		class health.Class
	}{
		{"none", Way{Roots: good.roots}, health.OK},
		{"the key's", Way{Roots: good.roots, Pins: append(wrong, PinOf(good.leaf))}, health.OK},
		{"the authority's", Way{Roots: good.roots, Pins: Pins{PinOf(good.authority)}}, health.OK},
		{"another key's", Way{Roots: good.roots, Pins: wrong}, health.TLSPinMismatch},
		{"the key's, and nobody trusts it", Way{Roots: other.roots, Pins: Pins{PinOf(good.leaf)}}, health.TLSUnknownCA},
	} {
		_, err := handshake(t, test.way, test.way.TLS(name), at)
		require.Equal(t, test.class, health.Classify(err, health.StageHandshake), "%s: %v", test.name, err)
		if test.class == health.TLSPinMismatch {
			require.ErrorContains(t, err, PinOf(good.leaf).String(), "it says what the pin would have to be")
		}
	}
	_, err := handshake(t, Way{}, Way{Roots: good.roots}.TLS("elsewhere.example"), at)
	require.Equal(t, health.TLSWrongHost, health.Classify(err, health.StageHandshake))
}

func TestPinsAreAskedForOnResumption(t *testing.T) {
	const name = "www.gazette.example"
	good := issue(t, name)
	at := handshakes(t, good.Certificate)
	sessions := tls.NewLRUClientSessionCache(4)
	config := Way{Roots: good.roots, Pins: Pins{PinOf(good.leaf)}}.TLS(name)
	config.ClientSessionCache = sessions
	for _, want := range []bool{false, true} {
		resumed, err := handshake(t, Way{}, config, at)
		require.NoError(t, err)
		require.Equal(t, want, resumed)
	}
	config = Way{Roots: good.roots, Pins: Pins{{1}}}.TLS(name)
	config.ClientSessionCache = sessions
	_, err := handshake(t, Way{}, config, at)
	require.ErrorIs(t, err, health.ErrPinMismatch)
}

func TestPinsAreReadAndRefused(t *testing.T) {
	pin := PinOf(issue(t, "www.gazette.example").leaf)
	again, err := ParsePin(pin.String())
	require.NoError(t, err)
	require.Equal(t, pin, again)
	for _, text := range []string{"", "sha256/", "sha1/" + pin.String()[7:], pin.String()[7:], pin.String() + "A", pin.String()[:40]} {
		_, err := ParsePin(text)
		require.ErrorContains(t, err, "heliograph check prints", text)
	}
	require.ErrorContains(t, Pins{pin}.Verify(tls.ConnectionState{}), "no certificate")
}
