package dial

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listen serves each connection on loopback, and ends with the test.
func listen(t *testing.T, serve func(net.Conn)) (address string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var mu sync.Mutex
	var open []net.Conn
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			running.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for _, conn := range open {
			conn.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return listener.Addr().String()
}

// silence takes what comes and says nothing.
func silence(conn net.Conn) { io.Copy(io.Discard, conn) }

// echo says its name, and then what it hears.
func echo(conn net.Conn) {
	io.WriteString(conn, "harbour\n")
	io.Copy(conn, conn)
}

// requireEcho checks that a connection leads to echo and carries both ways, and closes it.
func requireEcho(t *testing.T, conn net.Conn, err error) {
	t.Helper()
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = io.WriteString(conn, "ahoy\n")
	require.NoError(t, err)
	r := bufio.NewReader(conn)
	for _, want := range []string{"harbour\n", "ahoy\n"} {
		line, err := r.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, want, line)
	}
}

// deadAddress is a loopback address that nobody listens at.
func deadAddress(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// issued is a certificate, and the authority that signed it.
type issued struct {
	tls.Certificate
	leaf, authority *x509.Certificate
	roots           *x509.CertPool
}

// issue makes an authority, and a certificate of it.
func issue(t *testing.T, name string) issued {
	now := time.Now()
	sign := func(template, parent *x509.Certificate, key *ecdsa.PrivateKey, by *ecdsa.PrivateKey) *x509.Certificate {
		template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(1), now.Add(-time.Hour), now.Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
		require.NoError(t, err)
		certificate, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		return certificate
	}
	root, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "Authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	i := issued{authority: sign(template, template, root, root), roots: x509.NewCertPool()}
	i.roots.AddCert(i.authority)
	i.leaf = sign(&x509.Certificate{DNSNames: []string{name}, KeyUsage: x509.KeyUsageDigitalSignature}, i.authority, key, root)
	i.Certificate = tls.Certificate{Certificate: [][]byte{i.leaf.Raw}, PrivateKey: key}
	return i
}
