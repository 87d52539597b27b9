package probe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heliograph-edge/heliograph/health"
)

func TestMain(m *testing.M) {
	if os.Getenv(benchOrigin) != "" {
		if err := serveBenchOrigin(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

const (
	name = "www.gazette.example"
	page = "<html><title>The Harbour Gazette</title></html>"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// authority of the tests, and what it can sign.
type testAuthority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

func newAuthority(t testing.TB) *testAuthority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority of tests"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	a := &testAuthority{key: key, pool: x509.NewCertPool()}
	a.certificate, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	a.pool.AddCert(a.certificate)
	return a
}

func (a *testAuthority) sign(t testing.TB, host string, until time.Time, more ...string) tls.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: append([]string{host}, more...),
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: until,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, a.key.Public(), a.key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}
}

// serve answers every connection with f and returns the target that leads
// there. The server ends with the test.
func serve(t testing.TB, scheme string, f func(net.Conn)) Target {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer c.Close()
				f(c)
			})
		}
	})
	t.Cleanup(func() { l.Close(); conns.Wait() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return Target{
		URL:       &url.URL{Scheme: scheme, Host: net.JoinHostPort(name, port)},
		Addresses: []netip.Addr{loopback},
		Contains:  []string{"The Harbour Gazette"},
	}
}

// over wraps f in TLS with a certificate; a client that refuses it is no news.
func over(certificate tls.Certificate, f func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		secure := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}})
		if secure.Handshake() == nil {
			f(secure)
			_ = secure.CloseWrite()
		}
	}
}

// hear reads what comes first: a ClientHello, or a request's header, which both
// come in one piece on loopback.
func hear(c net.Conn) string {
	b := make([]byte, 16<<10)
	n, _ := c.Read(b)
	return string(b[:n])
}

// say hears, and answers with the parts.
func say(parts ...string) func(net.Conn) {
	return func(c net.Conn) {
		hear(c)
		for _, p := range parts {
			_, _ = io.WriteString(c, p)
		}
	}
}

func whole(status int, header, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d %s\r\n%sContent-Length: %d\r\n\r\n%s", status, http.StatusText(status), header, len(body), body)
}

func chunked(parts ...string) string {
	var b strings.Builder
	b.WriteString("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	for _, p := range parts {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(p), p)
	}
	return b.String()
}

// reset closes c so that the other side is told of a reset.
func reset(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }

// silent hears, and then waits for the other side to give up.
func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// endless sends first and then piece for as long as somebody reads.
func endless(first, piece string) func(net.Conn) {
	return func(c net.Conn) {
		hear(c)
		_, err := io.WriteString(c, first)
		for err == nil {
			_, err = io.WriteString(c, piece)
		}
	}
}

// requireSteps checks that the steps tell what the result does: in the order of the
// stages, in words, and with the last one the worst.
func requireSteps(t *testing.T, r Result) {
	t.Helper()
	require.NotEmpty(t, r.Steps)
	before := 0
	for i, s := range r.Steps {
		require.NotEmpty(t, s.Words, s.Stage)
		at := slices.Index(health.Stages(), s.Stage)
		require.GreaterOrEqual(t, at, before, "%v", r.Steps)
		before = at
		if i < len(r.Steps)-1 {
			require.Equal(t, health.OK, s.Class, s.Words)
		}
	}
	require.Equal(t, r.Class, r.Steps[len(r.Steps)-1].Class, "%v", r.Steps)
}
