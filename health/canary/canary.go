package canary

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// Path is where a canary stands unless the operator chose another place.
	Path = "/.well-known/heliograph-canary"
	// MaxBytes is the most that a canary may have, as it is sent.
	MaxBytes = 4 << 10

	firstLine = "heliograph-canary: 1"
	maxName   = 253 // bytes of a site's name, as of a host's
)

// Canary is one that was read. What it says is worth nothing before [Verify].
type Canary struct {
	Site            string
	Sequence        uint64    // from 1 on
	Issued, Expires time.Time // UTC, whole seconds; Expires is the later one
	Extra           []Field   // lines of other keys, in their order

	message   string // the lines before the signature's, with LF
	signature string // 64 bytes
}

// Field is one line.
type Field struct {
	Key, Value string
}

// String is the canary's text, with LF at the end of each line.
func (c Canary) String() string {
	return c.message + "signature: " + base64.StdEncoding.EncodeToString([]byte(c.signature)) + "\n"
}

// Parse reads a canary without judging it. The error is a [*Refusal], with the
// reason TooLong or Malformed.
func Parse(text string) (Canary, error) {
	if len(text) > MaxBytes {
		return Canary{}, refuse(TooLong, "it has more than %d bytes", MaxBytes)
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if lines[0] != firstLine {
		return Canary{}, refuse(Malformed, "its first line is not %q", firstLine)
	}
	var c Canary
	given := make(map[string]bool)
	for i, line := range lines[1:] {
		f, problem := parseLine(line)
		if problem == "" && given[f.Key] {
			problem = "the key " + f.Key + " is given twice"
		}
		if problem == "" {
			given[f.Key] = true
			problem = c.read(f)
		}
		if problem != "" {
			return Canary{}, refuse(Malformed, "line %d: %s", i+2, problem)
		}
		if f.Key == "signature" && i+2 != len(lines) {
			return Canary{}, refuse(Malformed, "line %d: something stands after the signature", i+3)
		}
	}
	for _, key := range []string{"site", "sequence", "issued", "expires", "signature"} {
		if !given[key] {
			return Canary{}, refuse(Malformed, "it has no line %q", key)
		}
	}
	if !c.Expires.After(c.Issued) {
		return Canary{}, refuse(Malformed, "it expires before it is issued")
	}
	c.message = strings.Join(lines[:len(lines)-1], "\n") + "\n"
	return c, nil
}

// parseLine takes a line apart.
func parseLine(line string) (Field, string) {
	if !utf8.ValidString(line) {
		return Field{}, "it is not UTF-8"
	}
	// Only what a terminal shows as it is: the text ends up before an operator.
	for _, r := range line {
		if !unicode.IsPrint(r) {
			return Field{}, fmt.Sprintf("it has the character %U", r)
		}
	}
	key, value, found := strings.Cut(line, ": ")
	switch {
	case !found:
		return Field{}, `it is not "key: value"`
	case !validKey(key):
		return Field{}, fmt.Sprintf("%q is not a key of a-z, 0-9 and -", key)
	case value == "" || strings.TrimSpace(value) != value:
		return Field{}, "the value of " + key + " is empty, or has spaces around it"
	}
	return Field{key, value}, ""
}

// validKey reports whether a line may begin with key.
func validKey(key string) bool {
	return key != "" && 'a' <= key[0] && key[0] <= 'z' && strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// validSite reports whether name can be a site's: the same that a configuration accepts.
func validSite(name string) bool {
	return name != "" && len(name) <= maxName && name[0] != '-' && name[0] != '.' &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
}

// read takes one line in, and says what is wrong with it.
func (c *Canary) read(f Field) (problem string) {
	switch f.Key {
	case "site":
		c.Site = f.Value
		if !validSite(f.Value) {
			problem = fmt.Sprintf("%q is not the name of a site", f.Value)
		}
	case "sequence":
		c.Sequence, problem = parseSequence(f.Value)
	case "issued":
		c.Issued, problem = parseTime(f.Value)
	case "expires":
		c.Expires, problem = parseTime(f.Value)
	case "signature":
		var signature []byte
		signature, problem = decode(f.Value, ed25519.SignatureSize)
		c.signature = string(signature)
	default:
		c.Extra = append(c.Extra, f)
	}
	return problem
}

// parseSequence reads a number in the one form that it has.
func parseSequence(text string) (uint64, string) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != text {
		return 0, fmt.Sprintf("%q is not a whole number from 1 on", text)
	}
	return n, ""
}

// parseTime reads a time in the one form that it has. Package time takes more
// than RFC 3339 does.
func parseTime(text string) (time.Time, string) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.UTC().Format(time.RFC3339) != text {
		return time.Time{}, fmt.Sprintf("%q is not a time such as 2026-03-14T12:00:00Z", text)
	}
	return t.UTC(), ""
}

// decode reads base64 of so many bytes, in the one form that it has. Package
// base64 skips line ends, which no line has.
func decode(text string, size int) ([]byte, string) {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != size {
		return nil, fmt.Sprintf("it is not the base64 of %d bytes", size)
	}
	return b, ""
}
