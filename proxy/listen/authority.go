package listen

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	// leafLifetime is that of the certificates that readers are shown.
	leafLifetime = 90 * 24 * time.Hour
	// renewBefore is how much of that is left when the next one is made: a third, as
	// ACME authorities advise.
	renewBefore = 30 * 24 * time.Hour
	// authorityLifetime is long, because each new one must be imported anew.
	authorityLifetime = 10 * 365 * 24 * time.Hour
)

// authority is an own certificate authority, for development, and the certificate
// that it has issued for the fronts. It is safe for concurrent use.
type authority struct {
	ca    tls.Certificate
	names []string

	mu   sync.Mutex // guards leaf
	leaf *tls.Certificate
}

// newAuthority reads the authority that is kept under data, or makes one there:
// internal-ca.pem is to be imported where it is to be trusted, internal-ca.key is
// secret. One that must not issue for all of the names is replaced.
func newAuthority(data string, names []string) (*authority, error) {
	a := &authority{names: append([]string{"localhost"}, names...)}
	ca, err := readAuthority(data)
	if err == nil && (!permits(ca.Leaf, a.names) || time.Until(ca.Leaf.NotAfter) < renewBefore) {
		err = os.ErrNotExist
	}
	if errors.Is(err, os.ErrNotExist) {
		ca, err = makeAuthority(data, names)
	}
	if err != nil {
		return nil, err
	}
	a.ca = ca
	_, err = a.certificate()
	return a, err
}

// certificate returns the certificate for the fronts. It makes the next one before
// the last has expired; where that fails, the last one must do.
func (a *authority) certificate() (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leaf != nil && time.Until(a.leaf.Leaf.NotAfter) > renewBefore {
		return a.leaf, nil
	}
	next, err := a.issue()
	switch {
	case err == nil:
		a.leaf = next
	case a.leaf == nil:
		return nil, err
	}
	return a.leaf, nil
}

// issue makes a certificate for the names.
func (a *authority) issue() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := certificateTemplate("Heliograph internal", leafLifetime)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames = a.names
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	der, err := x509.CreateCertificate(rand.Reader, template, a.ca.Leaf, key.Public(), a.ca.PrivateKey)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, a.ca.Certificate[0]}, PrivateKey: key, Leaf: leaf}, nil
}

// readAuthority reads the authority kept under data. Earlier editions kept the key
// in the same file as the certificate.
func readAuthority(data string) (tls.Certificate, error) {
	path := filepath.Join(data, "internal-ca.pem")
	public, err := os.ReadFile(path)
	if err != nil {
		return tls.Certificate{}, err
	}
	secret, err := os.ReadFile(filepath.Join(data, "internal-ca.key"))
	if errors.Is(err, os.ErrNotExist) {
		secret, err = public, nil
	}
	if err != nil {
		return tls.Certificate{}, err
	}
	ca, err := tls.X509KeyPair(public, secret)
	if err != nil {
		return ca, fmt.Errorf("%s with internal-ca.key beside it: %w; remove both, and a new authority is made", path, err)
	}
	return ca, nil
}

// makeAuthority makes an authority and keeps it under data. Where there are names,
// it is good for these and this machine's own alone: who gets hold of its key can
// pretend to be nobody else.
func makeAuthority(data string, names []string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := certificateTemplate("Heliograph internal authority", authorityLifetime)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	if len(names) > 0 {
		template.PermittedDNSDomainsCritical = true
		template.PermittedDNSDomains = append([]string{"localhost"}, names...)
		template.PermittedIPRanges = []*net.IPNet{
			{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
			{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return keepAuthority(data,
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

// keepAuthority writes the two files, PEM. The certificate comes last: without it,
// there is no authority.
func keepAuthority(data string, public, secret []byte) (tls.Certificate, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return tls.Certificate{}, err
	}
	path := filepath.Join(data, "internal-ca.pem")
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return tls.Certificate{}, err
	}
	if err := os.WriteFile(filepath.Join(data, "internal-ca.key"), secret, 0o600); err != nil {
		return tls.Certificate{}, err
	}
	if err := os.WriteFile(path, public, 0o644); err != nil { //nolint:gosec // it is to be given away
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(public, secret)
}

// permits reports whether an authority may issue for all of the names.
func permits(ca *x509.Certificate, names []string) bool {
	if len(ca.PermittedDNSDomains) == 0 {
		return true
	}
	for _, name := range names {
		if !slices.Contains(ca.PermittedDNSDomains, name) {
			return false
		}
	}
	return true
}

// certificateTemplate is what all of our certificates have in common.
func certificateTemplate(name string, lifetime time.Duration) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lifetime),
	}
}
