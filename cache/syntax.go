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

// directive is one member of a Cache-Control field. The zero value stands for
// bytes that are no directive at all.
type directive struct {
	name, value string
	valued      bool // there was an "="
	// malformed says that it is not by the grammar: after or before something other than a
	// comma, with whitespace around "=", or with an open quote.
	malformed bool
}

// nextDirective reads one directive from the front of line and returns what is
// left, always shorter than line. Semicolons end a directive, too, which are a
// frequent mistake, and a malformed member is gone on with where it could not be
// read, so that what follows in it is still seen; but both are malformed. torn says
// that the line begins in the midst of such a member.
func nextDirective(line string, torn bool) (d directive, rest string) {
	d.malformed = torn
	for line != "" && (isOWS(line[0]) || isSeparator(line[0])) {
		d.malformed = d.malformed && line[0] != ',' || line[0] == ';'
		line = line[1:]
	}
	n := tokenLen(line)
	switch {
	case line == "":
		return d, ""
	case n == 0:
		return d, line[max(1, quotedLen(line)):]
	}
	d.name, rest = line[:n], trimOWSLeft(line[n:])
	if bare := strings.Trim(d.name, "'"); bare != d.name { // somebody's quotes, and bytes of a token to RFC 9110
		d.name, d.malformed = bare, true
	}
	if !strings.HasPrefix(rest, "=") {
		d.malformed = d.malformed || !atEnd(rest)
		return d, rest
	}
	d.valued, rest = true, rest[1:]
	d.malformed = d.malformed || isOWS(line[n]) || rest != "" && isOWS(rest[0])
	rest = trimOWSLeft(rest)

	if strings.HasPrefix(rest, `"`) {
		n := quotedLen(rest)
		after := trimOWSLeft(rest[n:])
		if n == 0 || !atEnd(after) {
			// The quotes do not pair up as their author meant. What is within
			// them may be directives: go on reading behind the first one.
			d.malformed = true
			return d, rest[1:]
		}
		d.value = rest[1 : n-1]
		return d, after
	}
	n = 0
	for n < len(rest) && !isOWS(rest[n]) && !isSeparator(rest[n]) {
		n++
	}
	d.value, rest = rest[:n], trimOWSLeft(rest[n:])
	d.malformed = d.malformed || !atEnd(rest)
	return d, rest
}

// quotedFirst is what stands in quotes at the front of a list where a name belongs, and what
// comes after it: somebody has quoted the whole field, or a directive. It is "" where no
// quotes are, or nothing is in them. Those that are not closed reach to the end.
func quotedFirst(list string) (quoted, rest string) {
	open := strings.TrimLeft(list, " \t,;")
	if !strings.HasPrefix(open, `"`) {
		return "", list
	}
	n := quotedLen(open)
	if n == 0 {
		return open[1:], ""
	}
	return open[1 : n-1], open[n:]
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
func atEnd(s string) bool { return s == "" || s[0] == ',' }

func trimOWS(s string) string { return strings.Trim(s, " \t") }

func trimOWSLeft(s string) string { return strings.TrimLeft(s, " \t") }

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}
