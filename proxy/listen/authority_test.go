package listen_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/proxy/listen"
)

// internalTo is an internal authority for the names.
func internalTo(data string, names ...string) listen.Certificates {
	return listen.Certificates{Internal: true, Names: names, Data: data}
}

// authorityFile is the certificate to be imported.
func authorityFile(t *testing.T, data string) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "internal-ca.pem"))
	require.NoError(t, err)
	block, rest := pem.Decode(text)
	require.Empty(t, rest, "what is given away holds nothing else")
	certificate, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return certificate
}

func TestInternalAuthorityIsKept(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	newKeeper(t, internalTo(data, "front.test", "read.front.test"))
	first := authorityFile(t, data)
	about, err := os.Stat(filepath.Join(data, "internal-ca.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), about.Mode().Perm())
	s := serve(t, http.HandlerFunc(greeting), newKeeper(t, internalTo(data, "front.test")).TLS(), &journal{})
	require.Equal(t, first.Raw, authorityFile(t, data).Raw, "what was imported once stays good")
	_, err = fetch(clientTo(t, s, authority(t, data), nil), "https://front.test/")
	require.NoError(t, err)
}

func TestInternalAuthorityThatCannotBeReadIsAnError(t *testing.T) {
	for name, text := range map[string]string{"internal-ca.pem": "not a certificate", "internal-ca.key": "not a key"} {
		data := t.TempDir()
		newKeeper(t, internalTo(data, "front.test"))
		require.NoError(t, os.WriteFile(filepath.Join(data, name), []byte(text), 0o600))
		_, err := listen.NewKeeper(internalTo(data, "front.test"))
		require.ErrorContains(t, err, "tls.internal: ")
		require.ErrorContains(t, err, "remove both")
	}
}

func TestInternalAuthorityOfOneFileIsStillRead(t *testing.T) {
	data := t.TempDir()
	newKeeper(t, internalTo(data))
	path, secret := filepath.Join(data, "internal-ca.pem"), filepath.Join(data, "internal-ca.key")
	both, err := os.ReadFile(path)
	require.NoError(t, err)
	key, err := os.ReadFile(secret)
	require.NoError(t, err)
	both = append(both, key...)
	require.NoError(t, os.Remove(secret))
	require.NoError(t, os.WriteFile(path, both, 0o600))
	s := serve(t, http.HandlerFunc(greeting), newKeeper(t, internalTo(data, "front.test")).TLS(), &journal{})
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, both, now)
	_, err = fetch(clientTo(t, s, authority(t, data), nil), "https://front.test/")
	require.NoError(t, err)
}

// Who trusts the authority trusts it with the fronts, and with nobody else's names.
func TestInternalAuthorityIsGoodForTheFrontsOnly(t *testing.T) {
	data := t.TempDir()
	newKeeper(t, internalTo(data, "front.test"))
	first := authorityFile(t, data)
	require.True(t, first.PermittedDNSDomainsCritical)
	require.Equal(t, []string{"localhost", "front.test"}, first.PermittedDNSDomains)
	var ranges []string
	for _, r := range first.PermittedIPRanges {
		ranges = append(ranges, r.String())
	}
	require.Equal(t, []string{"127.0.0.0/8", "::1/128"}, ranges)

	s := serve(t, http.HandlerFunc(greeting), newKeeper(t, internalTo(data, "front.test", "new.test")).TLS(), &journal{})
	require.NotEqual(t, first.Raw, authorityFile(t, data).Raw, "the old one is of no use to the new front")
	for _, host := range []string{"new.test", "127.0.0.1", "localhost"} {
		_, err := fetch(clientTo(t, s, authority(t, data), nil), "https://"+host+"/")
		require.NoError(t, err)
	}
}

func TestInternalCertificateIsRenewedWhileTheEdgeRuns(t *testing.T) {
	const day = 24 * time.Hour
	synctest.Test(t, func(t *testing.T) {
		k, err := listen.NewKeeper(internalTo(t.TempDir(), "front.test"))
		require.NoError(t, err)
		defer k.Close()
		shown := func() *tls.Certificate {
			found, err := k.TLS().GetCertificate(&tls.ClientHelloInfo{ServerName: "front.test"})
			require.NoError(t, err)
			return found
		}
		first := shown()
		require.WithinDuration(t, time.Now().Add(90*day), first.Leaf.NotAfter, time.Hour)
		time.Sleep(59 * day)
		require.Equal(t, first.Certificate, shown().Certificate)
		time.Sleep(2 * day)
		second := shown()
		require.WithinDuration(t, time.Now().Add(90*day), second.Leaf.NotAfter, time.Hour)
		require.Equal(t, first.Certificate[1], second.Certificate[1], "the authority is the same")
		require.Equal(t, second.Certificate, shown().Certificate)
	})
}
