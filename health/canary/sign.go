package canary

import (
	"crypto/ed25519"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// signedPrefix keeps a signature over a canary from being one over anything else.
const signedPrefix = "heliograph canary signature 1\x00"

// Sign returns the canary with the content of c: site, sequence, times and extra
// lines. Times lose what is finer than a second. The error says what cannot be
// signed, because [Parse] would refuse it.
func Sign(c Canary, key SigningKey) (Canary, error) {
	if c.Site != key.site {
		return Canary{}, fmt.Errorf("the key is of the site %q, not of %q", key.site, c.Site)
	}
	lines := []string{
		firstLine,
		"site: " + c.Site,
		"sequence: " + strconv.FormatUint(c.Sequence, 10),
		"issued: " + c.Issued.UTC().Format(time.RFC3339),
		"expires: " + c.Expires.UTC().Format(time.RFC3339),
	}
	for _, f := range c.Extra {
		lines = append(lines, f.Key+": "+f.Value)
	}
	draft := Canary{message: strings.Join(lines, "\n") + "\n"}
	draft.signature = string(ed25519.Sign(key.private, []byte(signedPrefix+draft.message)))
	signed, err := Parse(draft.String())
	if err != nil {
		return Canary{}, fmt.Errorf("sign: %w", err)
	}
	return signed, nil
}

// signedBy reports whether the signature is of the key.
func (c Canary) signedBy(key Key) bool {
	return !key.IsZero() && ed25519.Verify(ed25519.PublicKey(key.point), []byte(signedPrefix+c.message), []byte(c.signature))
}
