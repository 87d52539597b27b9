package listen

import (
	"context"
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
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// Certificates says where a front's certificates come from.
type Certificates struct {
	Email    string      // ask an ACME authority, with this address as its contact; empty for not
	Files    [][2]string // certificate and key files, PEM
	Internal bool        // an authority of our own, for development
	Names    []string    // the fronts; for ACME and the internal authority
	Data     string      // directory that certificates are kept in
}

// Keeper keeps the certificates that readers are shown. Close it to end its
// background work.
type Keeper struct {
	magic  *certmagic.Config
	cache  *certmagic.Cache
	issuer *certmagic.ACMEIssuer // nil without ACME
}

// NewKeeper loads, makes or orders the certificates. Orders go on in the
// background, on ctx: an edge starts although a certificate is still missing.
func NewKeeper(ctx context.Context, c Certificates) (*Keeper, error) {
	k := &Keeper{}
	k.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return k.magic, nil },
		Logger:           zap.NewNop(), // it would name the readers' addresses
	})
	k.magic = certmagic.New(k.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: filepath.Join(c.Data, "certificates")},
		Logger:  zap.NewNop(),
	})
	if err := k.load(ctx, c); err != nil {
		k.Close()
		return nil, err
	}
	return k, nil
}

// load fills the keeper from each of its sources.
func (k *Keeper) load(ctx context.Context, c Certificates) error {
	for _, f := range c.Files {
		if _, err := k.magic.CacheUnmanagedCertificatePEMFile(ctx, f[0], f[1], nil); err != nil {
			return fmt.Errorf("tls.files: %s with %s: %w", f[0], f[1], err)
		}
	}
	if c.Internal {
		leaf, err := internalCertificate(c.Data, c.Names)
		if err != nil {
			return fmt.Errorf("tls.internal: %w", err)
		}
		if _, err := k.magic.CacheUnmanagedTLSCertificate(ctx, leaf, nil); err != nil {
			return fmt.Errorf("tls.internal: %w", err)
		}
	}
	if c.Email == "" {
		return nil
	}
	k.issuer = certmagic.NewACMEIssuer(k.magic, certmagic.ACMEIssuer{
		CA: certmagic.LetsEncryptProductionCA, Email: c.Email, Agreed: true, Logger: zap.NewNop(),
	})
	k.magic.Issuers = []certmagic.Issuer{k.issuer}
	if err := k.magic.ManageAsync(ctx, c.Names); err != nil {
		return fmt.Errorf("tls.email: certificates for %v: %w", c.Names, err)
	}
	return nil
}

// TLS returns the configuration for a front. A handshake for a name without a
// certificate fails; it is shown no other name's.
func (k *Keeper) TLS() *tls.Config {
	secure := k.magic.TLSConfig()
	secure.MinVersion = tls.VersionTLS12
	secure.NextProtos = append([]string{"h2", "http/1.1"}, secure.NextProtos...)
	return secure
}

// Challenges wraps the handler of the plain front, so that it answers the ACME
// authority's HTTP challenges.
func (k *Keeper) Challenges(next http.Handler) http.Handler {
	if k.issuer == nil {
		return next
	}
	return k.issuer.HTTPChallengeHandler(next)
}

// Close ends the keeper's background work.
func (k *Keeper) Close() { k.cache.Stop() }

// internalCertificate issues a certificate for the names by an authority that is
// kept under data: import its certificate, internal-ca.pem, where it is to be
// trusted.
func internalCertificate(data string, names []string) (tls.Certificate, error) {
	authority, err := internalAuthority(filepath.Join(data, "internal-ca.pem"))
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := certificateTemplate("Heliograph internal", 90*24*time.Hour)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames = append([]string{"localhost"}, names...)
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	der, err := x509.CreateCertificate(rand.Reader, template, authority.Leaf, key.Public(), authority.PrivateKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der, authority.Certificate[0]}, PrivateKey: key, Leaf: leaf}, nil
}

// internalAuthority reads the authority from path, or makes it there.
func internalAuthority(path string) (tls.Certificate, error) {
	text, err := os.ReadFile(path)
	if err == nil {
		return tls.X509KeyPair(text, text)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return tls.Certificate{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := certificateTemplate("Heliograph internal authority", 10*365*24*time.Hour)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	text = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return tls.Certificate{}, err
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(text, text)
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
