package configs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// writePair writes a self-signed certificate and its key into directory as
// name.pem and name.key.
func writePair(t *testing.T, directory, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"gazette.example.net"},
		NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	writePEM(t, filepath.Join(directory, name+".pem"), "CERTIFICATE", cert)
	writePEM(t, filepath.Join(directory, name+".key"), "PRIVATE KEY", private)
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	require.NoError(t, os.WriteFile(path, text, 0o600))
}

func TestFilesThatAreWhatTheyShouldBePass(t *testing.T) {
	directory := t.TempDir()
	writePair(t, directory, "gazette")
	f, err := Parse(filepath.Join(directory, "heliograph.yaml"), []byte(`
tls: {files: [{cert: gazette.pem, key: gazette.key}]}
sites:
  - origins: [{url: https://www.gazette.example, ca: gazette.pem}, https://gazette.example.ir]
`))
	require.NoError(t, err)
	require.NoError(t, f.CheckFiles())
}

func TestFilesThatAreNotAreRefusedAllAtOnce(t *testing.T) {
	directory := t.TempDir()
	writePair(t, directory, "gazette")
	writePair(t, directory, "tribune")
	writePEM(t, filepath.Join(directory, "broken.pem"), "CERTIFICATE", []byte("not DER"))
	require.NoError(t, os.WriteFile(filepath.Join(directory, "empty.pem"), nil, 0o600))
	path := filepath.Join(directory, "heliograph.yaml")
	f, err := Parse(path, []byte(`
tls:
  files:
    - {cert: gazette.pem, key: tribune.key}
    - {cert: missing.pem, key: missing.key}
sites:
  - origins:
      - {url: https://a.gazette.example, ca: missing.pem}
      - {url: https://b.gazette.example, ca: empty.pem}
      - {url: https://c.gazette.example, ca: gazette.key}
      - {url: https://d.gazette.example, ca: broken.pem}
`))
	require.NoError(t, err)

	var refusal *Refusal
	require.ErrorAs(t, f.CheckFiles(), &refusal)
	in := func(name string) string { return filepath.Join(directory, name) }
	const pairs, certificates = "a PEM certificate chain, the leaf first, and its PEM key", "the path of a PEM file with certificates"
	want := []Mistake{
		{Line: 4, Column: 7, Field: "tls.files[0]", Accepted: pairs,
			Problem: in("gazette.pem") + " and " + in("tribune.key") + " are no pair: tls: private key does not match public key"},
		{Line: 5, Column: 14, Field: "tls.files[1].cert", Accepted: acceptedFile,
			Problem: "cannot be read: open " + in("missing.pem") + ": no such file or directory"},
		{Line: 5, Column: 32, Field: "tls.files[1].key", Accepted: acceptedFile,
			Problem: "cannot be read: open " + in("missing.key") + ": no such file or directory"},
		{Line: 8, Column: 46, Field: "sites[0].origins[0].ca", Accepted: certificates,
			Problem: "cannot be read: open " + in("missing.pem") + ": no such file or directory"},
		{Line: 9, Column: 46, Field: "sites[0].origins[1].ca", Accepted: certificates,
			Problem: in("empty.pem") + " holds no certificate in PEM"},
		{Line: 10, Column: 46, Field: "sites[0].origins[2].ca", Accepted: certificates,
			Problem: in("gazette.key") + " holds a PRIVATE KEY"},
	}
	for i := range want {
		want[i].File = path
	}
	require.Len(t, refusal.Mistakes, 7)
	require.Equal(t, want, refusal.Mistakes[:6])
	require.Contains(t, refusal.Mistakes[6].Problem, "certificate 1 in "+in("broken.pem"))
}

func TestListsOfFingerprintsAreThereAndHoldSomething(t *testing.T) {
	directory := t.TempDir()
	in := func(name string) string { return filepath.Join(directory, name) }
	require.NoError(t, os.WriteFile(in("http.csv"), []byte("name,scope\n"), 0o600))
	require.NoError(t, os.WriteFile(in("empty.json"), nil, 0o600))
	path := in("heliograph.yaml")
	check := func(names string) error {
		f, err := Parse(path, []byte("fingerprints: ["+names+"]\nsites: [{origins: [https://www.gazette.example]}]"))
		require.NoError(t, err)
		return f.CheckFiles()
	}
	require.NoError(t, check("http.csv"))

	const accepted = "; accepted: the path of a list of fingerprints: CSV as OONI keeps it, or JSON Lines as Censored Planet does"
	require.EqualError(t, check("http.csv, missing.csv, empty.json, ."),
		path+":1:26: fingerprints[1]: cannot be read: open "+in("missing.csv")+": no such file or directory"+accepted+"\n"+
			path+":1:39: fingerprints[2]: "+in("empty.json")+" is empty"+accepted+"\n"+
			path+":1:51: fingerprints[3]: "+directory+" is no file"+accepted)
}
