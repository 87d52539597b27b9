package listen_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/proxy/listen"
)

func TestInternalCertificateIsGoodForTheFronts(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	c := listen.Certificates{Internal: true, Names: []string{"front.test", "read.front.test"}, Data: data}
	s := serve(t, http.HandlerFunc(greeting), newKeeper(t, c).TLS(), &journal{})
	roots := authority(t, data)
	for _, host := range []string{"front.test", "read.front.test", "localhost", "127.0.0.1"} {
		body, err := fetch(clientTo(t, s, roots, nil), "https://"+host+"/")
		require.NoError(t, err, host)
		require.NotEmpty(t, body)
	}
}

func TestUnknownNameIsShownNoCertificate(t *testing.T) {
	data := t.TempDir()
	c := listen.Certificates{Internal: true, Names: []string{"front.test"}, Data: data}
	log := &journal{}
	s := serve(t, http.HandlerFunc(greeting), newKeeper(t, c).TLS(), log)
	for _, name := range []string{"elsewhere.test", "sub.front.test", "front.test.elsewhere.test"} {
		var shown []*x509.Certificate
		conn, err := tls.Dial("tcp", s.Addr().String(), &tls.Config{
			ServerName: name, InsecureSkipVerify: true, // to see what is shown, not to trust it
			VerifyConnection: func(state tls.ConnectionState) error {
				shown = state.PeerCertificates
				return nil
			},
		})
		if err == nil {
			conn.Close()
		}
		require.Error(t, err, name)
		require.Empty(t, shown, name)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	data := t.TempDir()
	c := listen.Certificates{Internal: true, Names: []string{"front.test"}, Data: data}
	s := serve(t, http.HandlerFunc(greeting), newKeeper(t, c).TLS(), &journal{})
	_, err := tls.Dial("tcp", s.Addr().String(), &tls.Config{
		ServerName: "front.test", RootCAs: authority(t, data), MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11,
	})
	require.ErrorContains(t, err, "protocol version")
}

func TestBothProtocolsAreSpokenOverTLS(t *testing.T) {
	data := t.TempDir()
	c := listen.Certificates{Internal: true, Names: []string{"front.test"}, Data: data}
	s := serve(t, http.HandlerFunc(greeting), newKeeper(t, c).TLS(), &journal{})
	both, one := new(http.Protocols), new(http.Protocols)
	both.SetHTTP1(true)
	both.SetHTTP2(true)
	one.SetHTTP1(true)
	for want, protocols := range map[string]*http.Protocols{"HTTP/2.0": both, "HTTP/1.1": one} {
		got, err := fetch(clientTo(t, s, authority(t, data), protocols), "https://front.test/")
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// writePair writes a self-signed certificate for the name, and its key.
func writePair(t *testing.T, name string) (files [2]string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	dir := t.TempDir()
	files = [2]string{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	require.NoError(t, os.WriteFile(files[0], public, 0o600))
	require.NoError(t, os.WriteFile(files[1], pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	roots = x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(public))
	return files, roots
}

func TestCertificatesComeFromFiles(t *testing.T) {
	first, firstRoots := writePair(t, "front.test")
	second, secondRoots := writePair(t, "other.test")
	k := newKeeper(t, listen.Certificates{Files: [][2]string{first, second}, Data: t.TempDir()})
	s := serve(t, http.HandlerFunc(greeting), k.TLS(), &journal{})
	for host, roots := range map[string]*x509.CertPool{"front.test": firstRoots, "other.test": secondRoots} {
		_, err := fetch(clientTo(t, s, roots, nil), "https://"+host+"/")
		require.NoError(t, err, host)
	}
	_, err := listen.NewKeeper(listen.Certificates{Files: [][2]string{{first[0], second[1]}}, Data: t.TempDir()})
	require.ErrorContains(t, err, "tls.files: "+first[0]+" with "+second[1])
}

func TestChallengesAreOnlyForAnACMEAuthority(t *testing.T) {
	k := newKeeper(t, listen.Certificates{Internal: true, Names: []string{"front.test"}, Data: t.TempDir()})
	s := serve(t, k.Challenges(http.HandlerFunc(greeting)), nil, &journal{})
	body, err := fetch(clientTo(t, s, nil, nil), "http://front.test/.well-known/acme-challenge/x")
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1", body, "without an authority it is a path like any other")
}

// A reload closes the keeper before it: an order that goes on would be for names
// that are perhaps no front any more.
func TestOrdersEndWithTheKeeper(t *testing.T) {
	asked, ended := make(chan struct{}, 1), make(chan struct{}, 1)
	acme := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done() // the authority takes its time
		ended <- struct{}{}
	}))
	defer acme.Close()
	k, err := listen.NewKeeper(listen.Certificates{
		Email: "ops@gazette.example", ACME: acme.URL, Names: []string{"front.example"}, Data: t.TempDir(),
	})
	require.NoError(t, err)
	requireSoon(t, asked, "begun")
	k.Close()
	requireSoon(t, ended, "ended")
}

// requireSoon waits for something to happen.
func requireSoon(t *testing.T, happened <-chan struct{}, what string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLong)
	defer cancel()
	select {
	case <-happened:
	case <-ctx.Done():
		require.Fail(t, "the order was never "+what)
	}
}
