package mirrors

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/blake2b"
)

const (
	// MaxSignature is how long a signature file may be: a trusted comment of the most
	// that minisign writes, and the rest.
	MaxSignature = 10 << 10

	pure      = "Ed" // Ed25519 over the file
	prehashed = "ED" // Ed25519 over the BLAKE2b-512 of the file, minisign's default

	keyIDSize = 8
	untrusted = "untrusted comment: "
	trusted   = "trusted comment: "
)

// Key is a public key of minisign. The zero Key verifies nothing.
type Key struct {
	id    string // 8 bytes
	point string // 32 bytes; empty in the zero Key
}

// ParseKey reads a public key: the line of base64, or the whole file that it stands
// in. The error completes the sentence "the key …".
func ParseKey(text string) (Key, error) {
	lines := lines(text)
	if len(lines) == 2 && strings.HasPrefix(lines[0], untrusted) {
		lines = lines[1:]
	}
	const size = len(pure) + keyIDSize + ed25519.PublicKeySize
	if len(lines) != 1 || len(lines[0]) != base64.StdEncoding.EncodedLen(size) {
		return Key{}, errors.New(`is not one line of base64 as in the file that "minisign -G" writes as minisign.pub`)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(lines[0])
	if err != nil || len(raw) != size || string(raw[:2]) != pure {
		return Key{}, errors.New("is not the public key of minisign: its base64 begins with RW")
	}
	key := Key{string(raw[2 : 2+keyIDSize]), string(raw[2+keyIDSize:])}
	if key.anybodys() {
		return Key{}, errors.New("is one that anybody can sign for")
	}
	return key, nil
}

// String is the key as minisign takes it with -P; empty for the zero Key.
func (k Key) String() string {
	if k.point == "" {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(pure + k.id + k.point))
}

// ID is the key's number as minisign shows it.
func (k Key) ID() string { return idText(k.id) }

// idText is a key's number: eight bytes, the last one first.
func idText(id string) string {
	b := []byte(id)
	slices.Reverse(b)
	return strings.ToUpper(hex.EncodeToString(b))
}

// anybodys reports whether the key's point is of small order, as that of a key of
// nothing but zeros is. A signature of nothing but the neutral point then fits one
// text in eight or more, and no text under a key that was really made: of so many
// texts none is left out by chance.
func (k Key) anybodys() bool {
	forged := make([]byte, ed25519.SignatureSize)
	forged[0] = 1
	for text := range byte(64) {
		if ed25519.Verify([]byte(k.point), []byte{text}, forged) {
			return true
		}
	}
	return false
}

// signature is a signature file of minisign that was read.
type signature struct {
	algorithm string
	id        string
	sig       []byte
	comment   string // the trusted one
	global    []byte // over sig and comment
}

// parseSignature reads a .minisig file. The error completes "the signature …".
func parseSignature(text []byte) (signature, error) {
	if len(text) > MaxSignature {
		return signature{}, fmt.Errorf("has more than %d bytes", MaxSignature)
	}
	lines := lines(string(text))
	if len(lines) != 4 {
		return signature{}, fmt.Errorf("has %d lines, and one of minisign has 4", len(lines))
	}
	comment, is := strings.CutPrefix(lines[2], trusted)
	if !is || !strings.HasPrefix(lines[0], untrusted) {
		return signature{}, errors.New("lacks the comments that minisign writes")
	}
	raw, err := decoded(lines[1], len(pure)+keyIDSize+ed25519.SignatureSize)
	if err != nil {
		return signature{}, fmt.Errorf("has a second line that %w", err)
	}
	global, err := decoded(lines[3], ed25519.SignatureSize)
	if err != nil {
		return signature{}, fmt.Errorf("has a fourth line that %w", err)
	}
	s := signature{algorithm: string(raw[:2]), id: string(raw[2 : 2+keyIDSize]), sig: raw[2+keyIDSize:], comment: comment, global: global}
	if s.algorithm != pure && s.algorithm != prehashed {
		return signature{}, fmt.Errorf("is by an algorithm that is neither %s nor %s", pure, prehashed)
	}
	return s, nil
}

// lines are the lines of a file; the last one may lack its end.
func lines(text string) []string {
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
}

// decoded reads base64 of so many bytes, in the one form that it has.
func decoded(text string, size int) ([]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != size || strings.ContainsAny(text, "\r\n") {
		return nil, fmt.Errorf("is not the base64 of %d bytes", size)
	}
	return raw, nil
}

// by reports whether the signature is the key's, over a text and over its own
// trusted comment.
func (s signature) by(key Key, text []byte) bool {
	if len(key.point) != ed25519.PublicKeySize || key.id != s.id {
		return false
	}
	message := text
	if s.algorithm == prehashed {
		sum := blake2b.Sum512(text)
		message = sum[:]
	}
	point := []byte(key.point)
	return ed25519.Verify(point, message, s.sig) &&
		ed25519.Verify(point, append(bytes.Clone(s.sig), s.comment...), s.global)
}
