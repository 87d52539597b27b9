package listen

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"path/filepath"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// Certificates says where a front's certificates come from.
type Certificates struct {
	Email    string      // ask an ACME authority, with this address as its contact; empty for not
	ACME     string      // URL of that authority's directory; empty for Let's Encrypt
	Files    [][2]string // certificate and key files, PEM
	Internal bool        // an authority of our own, for development
	Names    []string    // the fronts; for ACME and the internal authority
	Data     string      // directory that certificates are kept in
}

// Keeper keeps the certificates that readers are shown. Close it to end its
// background work.
type Keeper struct {
	ctx    context.Context // of all orders; ends with Close
	cancel context.CancelFunc

	magic    *certmagic.Config
	cache    *certmagic.Cache
	issuer   *certmagic.ACMEIssuer // nil without ACME
	internal *authority            // nil without an own one
	alone    bool                  // internal is the only source
}

// NewKeeper loads, makes or orders the certificates. Orders go on in the
// background until Close: an edge starts although a certificate is still missing.
func NewKeeper(c Certificates) (*Keeper, error) {
	k := &Keeper{alone: len(c.Files) == 0 && c.Email == ""}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	k.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return k.magic, nil },
		Logger:           zap.NewNop(), // it would name the readers' addresses
	})
	k.magic = certmagic.New(k.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: filepath.Join(c.Data, "certificates")},
		Logger:  zap.NewNop(),
	})
	if err := k.load(c); err != nil {
		k.Close()
		return nil, err
	}
	return k, nil
}

// load fills the keeper from each of its sources.
func (k *Keeper) load(c Certificates) error {
	for _, f := range c.Files {
		if _, err := k.magic.CacheUnmanagedCertificatePEMFile(k.ctx, f[0], f[1], nil); err != nil {
			return fmt.Errorf("tls.files: %s with %s: %w", f[0], f[1], err)
		}
	}
	if c.Internal {
		own, err := newAuthority(c.Data, c.Names)
		if err != nil {
			return fmt.Errorf("tls.internal: %w", err)
		}
		k.internal = own
	}
	if c.Email == "" {
		return nil
	}
	if c.ACME == "" {
		c.ACME = certmagic.LetsEncryptProductionCA
	}
	k.issuer = certmagic.NewACMEIssuer(k.magic, certmagic.ACMEIssuer{
		CA: c.ACME, Email: c.Email, Agreed: true, Logger: zap.NewNop(),
	})
	k.magic.Issuers = []certmagic.Issuer{k.issuer}
	if err := k.magic.ManageAsync(k.ctx, c.Names); err != nil {
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
	if k.internal != nil {
		secure.GetCertificate = k.certificate
	}
	return secure
}

// certificate chooses for a handshake: files and ACME first, then the internal
// authority.
func (k *Keeper) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if !k.alone {
		if found, err := k.magic.GetCertificate(hello); err == nil {
			return found, nil
		}
	}
	leaf, err := k.internal.certificate()
	if err != nil {
		return nil, err
	}
	if err := leaf.Leaf.VerifyHostname(askedName(hello)); err != nil {
		return nil, err
	}
	return leaf, nil
}

// askedName is the name that a handshake is for. Who connects to an address sends
// none, RFC 6066 §3.
func askedName(hello *tls.ClientHelloInfo) string {
	if hello.ServerName != "" || hello.Conn == nil {
		return hello.ServerName
	}
	host, _, err := net.SplitHostPort(hello.Conn.LocalAddr().String())
	if err != nil {
		return ""
	}
	return host
}

// Challenges wraps the handler of the plain front, so that it answers the ACME
// authority's HTTP challenges.
func (k *Keeper) Challenges(next http.Handler) http.Handler {
	if k.issuer == nil {
		return next
	}
	return k.issuer.HTTPChallengeHandler(next)
}

// Close ends the keeper's background work, orders that are under way among it.
func (k *Keeper) Close() {
	k.cancel()
	k.cache.Stop()
}
