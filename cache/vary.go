package cache

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// VaryNames lists the request fields that chose an answer (RFC 9110 §12.5.5):
// canonical, sorted, each once. Star says that anything may have, which is also
// how a Vary that cannot be read is taken; then there are no names.
func VaryNames(h http.Header) (names []string, star bool) {
	if variesByAnything(h) {
		return nil, true
	}
	for _, line := range h["Vary"] {
		for line != "" {
			var name string
			if name, line = nextElement(line); name != "" {
				names = append(names, textproto.CanonicalMIMEHeaderKey(name))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), false
}

// variesByAnything reports whether a Vary field has a "*" or a member that is no
// field name. It does not allocate.
func variesByAnything(h http.Header) bool {
	for _, line := range h["Vary"] {
		for line != "" {
			var name string
			name, line = nextElement(line)
			if name == "*" || tokenLen(name) != len(name) {
				return true
			}
		}
	}
	return false
}

// VaryValues gives, for each of the names, what the request says in that field,
// in the normal form that [VaryMatch] compares with: lines joined, without
// whitespace around commas and without empty members. Of Accept-Encoding it is
// what [NormalAcceptEncoding] gives; Accept-Language is in lower case,
// without any whitespace, and in the order of its weights. A field that is absent gives "", one that is there
// but empty gives ",": the two do not match each other (RFC 9111 §4.1).
func VaryValues(names []string, request http.Header) []string {
	values := make([]string, len(names))
	for i, name := range names {
		var room [512]byte
		values[i] = string(appendNormal(room[:0], name, request[name]))
	}
	return values
}

// VaryMatch reports whether a request would have chosen the page that was
// stored with these names and values (RFC 9111 §4.1). Without names every
// request does. It does not allocate, unless a field is longer than half a KiB.
func VaryMatch(names, values []string, request http.Header) bool {
	if len(names) != len(values) {
		return false
	}
	for i, name := range names {
		var room [512]byte
		if string(appendNormal(room[:0], name, request[name])) != values[i] {
			return false
		}
	}
	return true
}

// NormalAcceptEncoding reduces an Accept-Encoding field to the set of codings
// among br, gzip, identity and zstd that it accepts, sorted and
// comma-separated: "br,gzip,identity". It is "" for an absent field and "," for
// one that accepts none of them. Ask the origin with this value instead of the
// reader's own: an answer in another coding, such as deflate, would otherwise
// be kept for readers who never accepted it.
func NormalAcceptEncoding(values []string) string {
	var room [32]byte
	return string(appendNormal(room[:0], "Accept-Encoding", values))
}

// appendNormal appends the normal form of a request field.
func appendNormal(b []byte, name string, lines []string) []byte {
	if len(lines) == 0 {
		return b
	}
	start := len(b)
	switch name {
	case "Accept-Encoding":
		b = acceptedCodings(lines).append(b)
	case "Accept-Language":
		if ordered, ok := appendLanguages(b, lines); ok {
			b = ordered
			break
		}
		fallthrough
	default:
		for _, line := range lines {
			b = appendElements(b, start, line, name == "Accept-Language")
		}
	}
	if len(b) == start {
		b = append(b, ',')
	}
	return b
}

// appendElements appends the members of one line to those in b from start on.
// Folded members lose their whitespace and are in lower case.
func appendElements(b []byte, start int, line string, fold bool) []byte {
	for line != "" {
		var element string
		element, line = nextElement(line)
		if element == "" {
			continue
		}
		if len(b) > start {
			b = append(b, ',')
		}
		if !fold {
			b = append(b, element...)
			continue
		}
		for i := range len(element) {
			if c := element[i]; !isOWS(c) {
				b = append(b, lowerASCII(c))
			}
		}
	}
	return b
}

// codings is a set of content codings.
type codings uint8

const (
	codingBrotli codings = 1 << iota
	codingGzip
	codingIdentity
	codingZstd

	codingAll = codingBrotli | codingGzip | codingIdentity | codingZstd
)

// append appends the names of the codings in alphabetical order.
func (c codings) append(b []byte) []byte {
	start := len(b)
	for i, name := range [...]string{"br", "gzip", "identity", "zstd"} {
		if c&(1<<i) == 0 {
			continue
		}
		if len(b) > start {
			b = append(b, ',')
		}
		b = append(b, name...)
	}
	return b
}

// codingOf is the set of what a member of Accept-Encoding is about: one coding,
// or none when it is not one of ours.
func codingOf(name string) codings {
	switch {
	case strings.EqualFold(name, "br"):
		return codingBrotli
	case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
		return codingGzip
	case strings.EqualFold(name, "identity"):
		return codingIdentity
	case strings.EqualFold(name, "zstd"):
		return codingZstd
	}
	return 0
}

// acceptedCodings reads an Accept-Encoding field (RFC 9110 §12.5.3). A coding
// that is both accepted and refused is refused; identity is accepted unless it
// is refused by name, or by "*" without being named.
func acceptedCodings(lines []string) codings {
	var accepted, refused, star, starRefused codings
	for _, line := range lines {
		for line != "" {
			var element string
			element, line = nextElement(line)
			name, params, _ := strings.Cut(element, ";")
			name = trimOWS(name)
			coding, ok := codingOf(name), weighted(params)
			switch {
			case name == "*" && ok:
				star = codingAll
			case name == "*":
				starRefused = codingAll
			case ok:
				accepted |= coding
			default:
				refused |= coding
			}
		}
	}
	rest := (star | codingIdentity) &^ starRefused
	return (accepted | rest) &^ refused
}

// weighted reports whether the parameters of a member give it a weight above
// zero. Without a weight they do; with one that cannot be read they do not.
func weighted(params string) bool {
	for params != "" {
		var param string
		param, params, _ = strings.Cut(params, ";")
		name, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(trimOWS(name), "q") {
			continue
		}
		value = trimOWS(value)
		if strings.Trim(value, "0123456789.") != "" {
			return false
		}
		return strings.Trim(value, "0.") != ""
	}
	return true
}
