package canary

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// keyPrefix is what a public key begins with as text, so that no other base64 is
// taken for one.
const keyPrefix = "heliograph-canary-key:"

// Key is the public key that a site's canaries are verified with. The zero Key
// verifies nothing.
type Key struct {
	point string // 32 bytes; empty in the zero Key
}

// ParseKey reads a public key in the form of [Key.String]. The error completes
// the sentence "the key …".
func ParseKey(text string) (Key, error) {
	encoded, found := strings.CutPrefix(text, keyPrefix)
	if !found {
		return Key{}, fmt.Errorf("does not begin with %s", keyPrefix)
	}
	point, problem := []byte(nil), "it has a line end"
	if !strings.ContainsAny(encoded, "\r\n") {
		point, problem = decode(encoded, ed25519.PublicKeySize)
	}
	switch {
	case problem != "":
		return Key{}, fmt.Errorf("is not %s and the base64 of %d bytes", keyPrefix, ed25519.PublicKeySize)
	case smallOrder(point):
		return Key{}, errors.New("is one that anybody can sign for")
	}
	return Key{string(point)}, nil
}

// String is the key in one line; empty for the zero Key.
func (k Key) String() string {
	if k.point == "" {
		return ""
	}
	return keyPrefix + base64.StdEncoding.EncodeToString([]byte(k.point))
}

// IsZero reports whether there is no key.
func (k Key) IsZero() bool { return k.point == "" }

// smallOrder reports whether a point has an order of 8 or less. For such a key
// anybody can find signatures, and one fits several texts. A key of nothing but
// zeros, as examples have it, is one of them.
//
// The list is every y of such a point, in all its encodings, without the sign of x.
func smallOrder(point []byte) bool {
	y := append([]byte(nil), point...)
	y[len(y)-1] &= 0x7f
	switch hex.EncodeToString(y) {
	case "0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f":
		return true
	}
	return false
}

// secretLine is what a file with a private key has before its fields.
const secretLine = "heliograph-canary-secret: 1"

// SigningKey is the private key of one site's canaries. It is made by
// [NewSigningKey] or [ParseSigningKey].
type SigningKey struct {
	site    string
	private ed25519.PrivateKey
}

// NewSigningKey makes a key for a site out of random bytes: crypto/rand.Reader,
// except in tests.
func NewSigningKey(site string, random io.Reader) (SigningKey, error) {
	if !validSite(site) {
		return SigningKey{}, fmt.Errorf("%q is not the name of a site: a-z, 0-9, - and ., beginning with a letter or digit", site)
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return SigningKey{}, fmt.Errorf("no random bytes for a key: %w", err)
	}
	return SigningKey{site, ed25519.NewKeyFromSeed(seed)}, nil
}

// ParseSigningKey reads what [SigningKey.File] wrote. Lines that begin with # say
// nothing, CRLF is read as LF. The error repeats nothing of the text.
func ParseSigningKey(text string) (SigningKey, error) {
	if len(text) > MaxBytes {
		return SigningKey{}, fmt.Errorf("it has more than %d bytes", MaxBytes)
	}
	fields := make(map[string]string)
	first := ""
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		switch key, value, found := strings.Cut(line, ": "); {
		case line == "" || line[0] == '#':
		case first == "":
			first = line
		case !found || fields[key] != "" || key != "site" && key != "seed":
			return SigningKey{}, errors.New("it has a line that is neither a comment nor the site nor the seed")
		default:
			fields[key] = value
		}
	}
	seed, problem := decode(fields["seed"], ed25519.SeedSize)
	switch {
	case first != secretLine:
		return SigningKey{}, fmt.Errorf("it does not begin with %q", secretLine)
	case !validSite(fields["site"]):
		return SigningKey{}, errors.New("it names no site")
	case problem != "":
		return SigningKey{}, fmt.Errorf("its seed is not the base64 of %d bytes", ed25519.SeedSize)
	}
	return SigningKey{fields["site"], ed25519.NewKeyFromSeed(seed)}, nil
}

// File is the content of the key's file. It is for that file alone.
func (k SigningKey) File() string {
	return "# Signs the canaries of the site " + k.site + ". Whoever reads this file can speak for the publication.\n" +
		"# Public: " + k.Public().String() + "\n" +
		secretLine + "\nsite: " + k.site + "\nseed: " + base64.StdEncoding.EncodeToString(k.private.Seed()) + "\n"
}

// Site is whose canaries the key signs.
func (k SigningKey) Site() string { return k.site }

// Public is the key that the canaries are verified with.
func (k SigningKey) Public() Key {
	public, _ := k.private.Public().(ed25519.PublicKey) // always is one
	return Key{string(public)}
}

// Format implements fmt.Formatter, so that no verb prints the key.
func (k SigningKey) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "the signing key of "+k.site)
}
