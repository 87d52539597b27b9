package cache

import (
	"cmp"
	"slices"
	"strings"
)

// mostLanguages is how many members of an Accept-Language field are put in order. No
// reader has that many; a field of more is compared as it stands.
const mostLanguages = 16

// language is one member of an Accept-Language field.
type language struct {
	tag    string
	weight int // in thousandths
}

// appendLanguages appends the languages of an Accept-Language field, in lower case and the
// order of their weights, and of their names where those are the same: there the order
// in which they stand means nothing (RFC 9110 §12.5.4). It is false, and b as it was,
// for a field that is too long or cannot be read.
func appendLanguages(b []byte, lines []string) ([]byte, bool) {
	var room [mostLanguages]language
	all := room[:0]
	for _, line := range lines {
		for line != "" {
			var element string
			if element, line = nextElement(line); element == "" {
				continue
			}
			l, ok := parseLanguage(element)
			if !ok || len(all) == len(room) {
				return b, false
			}
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b language) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), compareFolded(a.tag, b.tag))
	})
	for i, l := range all {
		if i > 0 {
			b = append(b, ',')
		}
		for j := range len(l.tag) {
			b = append(b, lowerASCII(l.tag[j]))
		}
		if l.weight < 1000 {
			b = append(b, ";q=0."...)
			b = append(b, '0'+byte(l.weight/100), '0'+byte(l.weight/10%10), '0'+byte(l.weight%10))
		}
	}
	return b, true
}

// parseLanguage reads one member: a tag, and perhaps its weight.
func parseLanguage(element string) (l language, ok bool) {
	tag, weight, weighted := strings.Cut(element, ";")
	l.tag = trimOWS(tag)
	if tokenLen(l.tag) != len(l.tag) || l.tag == "" {
		return language{}, false
	}
	if !weighted {
		l.weight = 1000
		return l, true
	}
	name, value, _ := strings.Cut(weight, "=")
	if !strings.EqualFold(trimOWS(name), "q") {
		return language{}, false
	}
	l.weight, ok = parseWeight(trimOWS(value))
	return l, ok
}

// parseWeight reads a qvalue (RFC 9110 §12.4.2) in thousandths.
func parseWeight(s string) (thousandths int, ok bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	if whole != "0" && whole != "1" || len(fraction) > 3 {
		return 0, false
	}
	n := 0
	for i := range 3 {
		n *= 10
		if i < len(fraction) {
			if fraction[i] < '0' || fraction[i] > '9' {
				return 0, false
			}
			n += int(fraction[i] - '0')
		}
	}
	if whole == "1" {
		return 1000, n == 0
	}
	return n, true
}

// compareFolded compares without regard to the case of ASCII letters.
func compareFolded(a, b string) int {
	for i := range min(len(a), len(b)) {
		if c := cmp.Compare(lowerASCII(a[i]), lowerASCII(b[i])); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}
