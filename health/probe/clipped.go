package probe

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clipped is text that may be from outside, made fit for logs and terminals: in at most limit bytes,
// whole characters only, and with nothing in it that cannot be seen. Control characters, marks that
// turn the direction of what follows, and bytes that are no UTF-8 are written as in a Go string.
// Applied again, it changes nothing.
func clipped(text string, limit int) string {
	if len(text) <= limit && !strings.ContainsFunc(text, unseen) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		seen := text[i : i+size]
		if unseen(r) && seen != string(utf8.RuneError) {
			quoted := strconv.QuoteToASCII(seen)
			seen = quoted[1 : len(quoted)-1]
		}
		if b.Len()+len(seen) > limit {
			b.WriteString("…")
			break
		}
		b.WriteString(seen)
		i += size
	}
	return b.String()
}

// unseen reports whether a character cannot be seen, or may stand for a byte that is none.
func unseen(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
