package cache

import "strings"

// The lexical rules of RFC 9110 §5.6, each as far as the decisions need it.

// nextElement cuts the first element off a comma-separated list and returns it
// without surrounding whitespace, with what is left of the list. Commas within
// a quoted string do not separate, unless the string is never closed.
func nextElement(list string) (element, rest string) {
	for i := 0; i < len(list); i++ {
		switch list[i] {
		case ',':
			return trimOWS(list[:i]), list[i+1:]
		case '"':
			i += max(1, quotedLen(list[i:])) - 1
		}
	}
	return trimOWS(list), ""
}

// quotedLen is the length of the quoted string at the front of s with both its
// quotes, 0 when there is none or it is not closed.
func quotedLen(s string) int {
	if !strings.HasPrefix(s, `"`) {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// tokenLen is the length of the token at the front of s.
func tokenLen(s string) int {
	n := 0
	for n < len(s) && isTokenByte(s[n]) {
		n++
	}
	return n
}

func isTokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}

func isSeparator(c byte) bool { return c == ',' || c == ';' }

func isOWS(c byte) bool { return c == ' ' || c == '\t' }

// atEnd reports whether a directive may end before s.
func atEnd(s string) bool { return s == "" || isSeparator(s[0]) }

func trimOWS(s string) string { return strings.Trim(s, " \t") }

func trimOWSLeft(s string) string { return strings.TrimLeft(s, " \t") }

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}
