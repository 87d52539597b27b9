package console

import (
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Harmless escapes in JSON what a terminal would obey and a JSON encoder lets through:
// the C1 controls, and what turns the direction of writing.
func Harmless(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r < 0x7f, strconv.IsPrint(r):
			out = append(out, text[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[size:]
	}
	return out
}
