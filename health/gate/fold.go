package gate

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// maxFolded is how much folded text is kept of a page.
const maxFolded = 4 << 10

// appendFolded appends text with character references resolved, in lower case,
// without accents, in single spaces.
func appendFolded(dst, text []byte) []byte {
	for len(text) > 0 && len(dst) < maxFolded {
		// Most text is ASCII that needs no more than its case.
		if n := plainRun(text[:min(len(text), maxFolded-len(dst))]); n > 0 {
			dst = append(dst, text[:n]...)
			run := dst[len(dst)-n:]
			for i, c := range run {
				run[i] = lower(c)
			}
			text = text[n:]
			continue
		}
		r, size := rune(text[0]), 1
		switch {
		case r == '&':
			r, size = reference(text)
		case r >= utf8.RuneSelf:
			r, size = utf8.DecodeRune(text)
		}
		text = text[size:]
		switch r = plain(r); {
		case r < 0:
		case r != ' ':
			dst = utf8.AppendRune(dst, r)
		case len(dst) > 0 && dst[len(dst)-1] != ' ':
			dst = append(dst, ' ')
		}
	}
	return dst
}

// plainRun is how much of words of ASCII with single spaces between them a text
// begins with.
func plainRun(text []byte) int {
	for i, c := range text {
		switch {
		case c >= utf8.RuneSelf, c == '&':
			return i
		case c <= ' ':
			if c != ' ' || i == 0 || i+1 == len(text) || text[i+1] <= ' ' {
				return i
			}
		}
	}
	return len(text)
}

// reference reads a character reference: numeric, or one of the few names that
// notices use. Anything else is an ampersand.
func reference(text []byte) (r rune, size int) {
	end := bytes.IndexByte(text[:min(len(text), 12)], ';')
	if end < 2 {
		return '&', 1
	}
	name := text[1:end]
	if name[0] != '#' {
		switch string(name) {
		case "nbsp":
			return ' ', end + 1
		case "amp":
			return '&', end + 1
		case "quot":
			return '"', end + 1
		case "rsquo", "apos", "lsquo":
			return '\'', end + 1
		case "eacute", "egrave", "ecirc":
			return 'e', end + 1
		case "agrave", "aacute", "acirc":
			return 'a', end + 1
		case "ccedil":
			return 'c', end + 1
		case "oacute", "ocirc", "ouml":
			return 'o', end + 1
		case "uacute", "ugrave", "uuml":
			return 'u', end + 1
		case "iacute", "icirc":
			return 'i', end + 1
		case "ntilde":
			return 'n', end + 1
		}
		return '&', 1
	}
	if r, ok := number(name[1:]); ok {
		return r, end + 1
	}
	return '&', 1
}

// number reads the digits of a numeric reference.
func number(digits []byte) (r rune, ok bool) {
	base := rune(10)
	if len(digits) > 1 && lower(digits[0]) == 'x' {
		base, digits = 16, digits[1:]
	}
	if len(digits) == 0 || len(digits) > 7 {
		return 0, false
	}
	for _, c := range digits {
		d := rune(lower(c)) - '0'
		if d > 9 {
			d -= 'a' - '0' - 10
			if d < 10 {
				return 0, false
			}
		}
		if d < 0 || d >= base {
			return 0, false
		}
		r = r*base + d
	}
	return r, r <= unicode.MaxRune
}

// plain is a rune as folded text has it: -1 for what is left out, a space for
// every kind of space.
func plain(r rune) rune {
	switch {
	// The non-joiner of Persian is among the spaces: it is typed as one as often as not.
	case r <= ' ' || r == 0xA0 || r == 0x3000 || r >= 0x2000 && r <= 0x200A || r == 0x200C || r == 0x2028:
		return ' '
	case r < utf8.RuneSelf:
		return rune(lower(byte(r)))
	case r >= 0x300 && r <= 0x36F, r >= 0x64B && r <= 0x65F, r == 0x640, r >= 0x200B && r <= 0x200F, r == 0xAD, r == 0xFEFF:
		return -1 // accents that follow, vowel signs, kashida, joiners, soft hyphens
	case r >= 0x3040 && r <= 0x9FFF:
		return r
	}
	return unaccented(unicode.ToLower(r))
}

// unaccented maps letters that are written in more than one way to one of them.
func unaccented(r rune) rune {
	switch r {
	case 'à', 'á', 'â', 'ã', 'ä', 'å', 'ā', 'ă', 'ą':
		return 'a'
	case 'ç', 'ć', 'č':
		return 'c'
	case 'è', 'é', 'ê', 'ë', 'ē', 'ę', 'ě':
		return 'e'
	case 'ğ':
		return 'g'
	case 'ì', 'í', 'î', 'ï', 'ı', 'ī':
		return 'i'
	case 'ñ', 'ń', 'ň':
		return 'n'
	case 'ò', 'ó', 'ô', 'õ', 'ö', 'ø', 'ő':
		return 'o'
	case 'ş', 'ś', 'š':
		return 's'
	case 'ù', 'ú', 'û', 'ü', 'ū', 'ů', 'ű':
		return 'u'
	case 'ż', 'ź', 'ž':
		return 'z'
	case 'ł':
		return 'l'
	case '’', '‘', 'ʼ':
		return '\''
	case 'ё':
		return 'е'
	case 'ي', 'ى', 'ی':
		return 'ی'
	case 'ك':
		return 'ک'
	case 'أ', 'إ', 'آ', 'ٱ':
		return 'ا'
	case 'ة':
		return 'ه'
	}
	return r
}

// titleWords folds a title into buffer and finds its words: runs of five
// letters or more, and in scripts without spaces every run of three.
func titleWords(buffer, title []byte, words *[maxWords][]byte) (kept []byte, n int) {
	buffer = appendFolded(buffer[:0], title)
	begin, run := 0, 0
	for at := 0; at <= len(buffer); {
		r, size := utf8.DecodeRune(buffer[at:])
		dense := isDense(buffer[at:])
		if size > 0 && (unicode.IsLetter(r) || unicode.IsMark(r)) && !dense {
			if run == 0 {
				begin = at
			}
			run++
			at += size
			continue
		}
		if run >= 5 && n < maxWords {
			words[n] = buffer[begin:at]
			n++
		}
		run = 0
		if size == 0 {
			break
		}
		if dense {
			n = denseWords(buffer, at, words, n)
			for at < len(buffer) && isDense(buffer[at:]) {
				_, size = utf8.DecodeRune(buffer[at:])
				at += size
			}
			continue
		}
		at += size
	}
	return buffer, n
}

// denseWords adds the runs of three of the dense text that begins at at.
func denseWords(buffer []byte, at int, words *[maxWords][]byte, n int) int {
	for n < maxWords {
		end := at
		for range 3 {
			if !isDense(buffer[end:]) {
				return n
			}
			_, size := utf8.DecodeRune(buffer[end:])
			end += size
		}
		words[n] = buffer[at:end]
		n++
		_, size := utf8.DecodeRune(buffer[at:])
		at += size
	}
	return n
}

// isDense reports whether text begins in a script that sets no spaces between words.
func isDense(text []byte) bool {
	r, _ := utf8.DecodeRune(text)
	return r >= 0x3040 && r <= 0x9FFF || r >= 0x0E00 && r <= 0x0EFF
}
