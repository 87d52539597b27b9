package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// authority is a certificate authority that lives in memory.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// newAuthority makes an authority that is valid around now.
func newAuthority(commonName string, now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("cannot make the key of the authority %q: %w", commonName, err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: commonName},
		NotBefore:             now.Add(-365 * 24 * time.Hour), // before the expired certificates it signs
		NotAfter:              now.Add(365 * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("cannot sign the authority %q: %w", commonName, err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("cannot read back the authority %q: %w", commonName, err)
	}
	return &authority{certificate: certificate, key: key}, nil
}

// issue signs a server certificate for a host name, and for others besides.
func (a *authority) issue(host string, notBefore, notAfter time.Time, others ...string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("cannot make a key for %s: %w", host, err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("cannot number the certificate for %s: %w", host, err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: host},
		DNSNames:     append([]string{host}, others...),
		NotBefore:    notBefore,
		NotAfter:     notAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("cannot sign the certificate for %s: %w", host, err)
	}
	return tls.Certificate{Certificate: [][]byte{der, a.certificate.Raw}, PrivateKey: key}, nil
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// wardrobe is every certificate that one origin can show.
type wardrobe struct{ right, wrongName, unknownCA, expired tls.Certificate }

// newWardrobe issues them: trusted is the authority clients know, rogue one they do not.
// The certificates with the right name have the others, too.
func newWardrobe(host string, others []string, trusted, rogue *authority, now time.Time) (wardrobe, error) {
	const day = 24 * time.Hour
	var w wardrobe
	for _, wanted := range []struct {
		into           *tls.Certificate
		from           *authority
		host           string
		others         []string
		after, expires time.Time
	}{
		{&w.right, trusted, host, others, now.Add(-day), now.Add(90 * day)},
		{&w.wrongName, trusted, "somewhere-else.example", nil, now.Add(-day), now.Add(90 * day)},
		{&w.unknownCA, rogue, host, others, now.Add(-day), now.Add(90 * day)},
		{&w.expired, trusted, host, others, now.Add(-91 * day), now.Add(-day)},
	} {
		certificate, err := wanted.from.issue(wanted.host, wanted.after, wanted.expires, wanted.others...)
		if err != nil {
			return wardrobe{}, err
		}
		*wanted.into = certificate
	}
	return w, nil
}

// certificate is the one to show under a fault.
func (w *wardrobe) certificate(f Fault) *tls.Certificate {
	switch f {
	case WrongName:
		return &w.wrongName
	case UnknownCA:
		return &w.unknownCA
	case Expired:
		return &w.expired
	default:
		return &w.right
	}
}
