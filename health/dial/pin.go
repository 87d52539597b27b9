package dial

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/heliograph-edge/heliograph/health"
)

// pinPrefix is how RFC 7469 §2.1.1's hash is told apart in text.
const pinPrefix = "sha256/"

// Pin is the SHA-256 of a public key as certificates carry it
// (SubjectPublicKeyInfo). A key may outlive many certificates.
type Pin [sha256.Size]byte

// ParsePin reads sha256/ and the hash in base64, as Pin.String writes it.
func ParsePin(text string) (Pin, error) {
	encoded, ok := strings.CutPrefix(text, pinPrefix)
	hash, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(hash) != sha256.Size {
		return Pin{}, errors.New("a pin is sha256/ and 44 characters of base64; heliograph check prints an origin's")
	}
	return Pin(hash), nil
}

// PinOf is the pin of a certificate's key.
func PinOf(c *x509.Certificate) Pin { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

// String is the pin as ParsePin reads it.
func (p Pin) String() string { return pinPrefix + base64.StdEncoding.EncodeToString(p[:]) }

// Pins are the keys of which an origin's chain must have one. Without any, every chain
// that is trusted will do.
type Pins []Pin

// Verify is for tls.Config.VerifyConnection: after the verification of the chain, it
// looks for a pinned key in the chains that were verified. Its error wraps
// health.ErrPinMismatch. Unlike VerifyPeerCertificate it is asked on resumption, too.
func (p Pins) Verify(state tls.ConnectionState) error {
	if len(p) == 0 {
		return nil
	}
	for _, chain := range state.VerifiedChains {
		for _, c := range chain {
			if p.contain(PinOf(c)) {
				return nil
			}
		}
	}
	if len(state.PeerCertificates) == 0 {
		return fmt.Errorf("%w: there was no certificate", health.ErrPinMismatch)
	}
	return fmt.Errorf("%w: it is %s, of %q", health.ErrPinMismatch, PinOf(state.PeerCertificates[0]), state.PeerCertificates[0].Subject)
}

func (p Pins) contain(one Pin) bool {
	for _, pin := range p {
		if bytes.Equal(pin[:], one[:]) {
			return true
		}
	}
	return false
}
