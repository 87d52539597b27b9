package cache

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dunglas/httpsfv"
)

// searchVariance is what a No-Vary-Search field says: which query parameters choose an
// answer, and which do not. The zero value is the rule without the field: all of them do,
// in the order and the spelling in which they stand.
type searchVariance struct {
	anyOrder bool     // key-order: the order of different parameters does not matter
	all      bool     // params: none of them matters, except those in names
	names    []string // that do not matter; with all, those that do
}

// parseNoVarySearch reads the lines of a No-Vary-Search field. What is invalid in any part
// is as if it were not there, so that a doubt costs a hit and no more. ok is false for
// that, and for a field that says nothing.
func parseNoVarySearch(lines []string) (v searchVariance, ok bool) {
	if len(lines) == 0 {
		return searchVariance{}, false
	}
	members, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil {
		return searchVariance{}, false
	}
	if order, given := members.Get("key-order"); given {
		if v.anyOrder, ok = flagIn(order); !ok {
			return searchVariance{}, false
		}
	}
	if params, given := members.Get("params"); given {
		if v.all, ok = flagIn(params); !ok {
			if v.names, ok = namesIn(params); !ok {
				return searchVariance{}, false
			}
		}
	}
	if except, given := members.Get("except"); given {
		if v.names, ok = namesIn(except); !ok || !v.all {
			return searchVariance{}, false
		}
	}
	return v, v.anyOrder || v.all || len(v.names) > 0
}

// flagIn is a member that is a Boolean.
func flagIn(member httpsfv.Member) (set, ok bool) {
	item, ok := member.(httpsfv.Item)
	if !ok {
		return false, false
	}
	set, ok = item.Value.(bool)
	return set, ok
}

// namesIn are the parameters that a member lists as Strings, decoded as queries are.
func namesIn(member httpsfv.Member) (names []string, ok bool) {
	list, ok := member.(httpsfv.InnerList)
	if !ok {
		return nil, false
	}
	for _, item := range list.Items {
		name, ok := item.Value.(string)
		if !ok {
			return nil, false
		}
		names = append(names, decodeForm(name))
	}
	return names, true
}

// normal is the form in which two queries are equal if the field makes them so: parsed as
// application/x-www-form-urlencoded, without what does not matter, and written in one way.
func (v *searchVariance) normal(query string) string {
	type parameter struct{ name, value string }
	var few [8]parameter // most queries have no more
	kept := few[:0]
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		if name = decodeForm(name); slices.Contains(v.names, name) == v.all {
			kept = append(kept, parameter{name, decodeForm(value)})
		}
	}
	if v.anyOrder { // that of parameters of one name stays
		slices.SortStableFunc(kept, func(a, b parameter) int { return strings.Compare(a.name, b.name) })
	}
	if len(kept) == 0 {
		return ""
	}
	var b strings.Builder
	b.Grow(len(query) + 2)
	for _, p := range kept {
		b.WriteString(url.QueryEscape(p.name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(p.value))
		b.WriteByte('&')
	}
	return b.String()
}

// decodeForm decodes a name or a value of a query. An escape that is none stands for
// itself, and each byte that is no UTF-8 for U+FFFD, as in the URL standard.
func decodeForm(s string) string {
	if strings.IndexByte(s, '%') >= 0 || strings.IndexByte(s, '+') >= 0 {
		b := make([]byte, 0, len(s))
		for i := 0; i < len(s); i++ {
			switch c := s[i]; {
			case c == '+':
				b = append(b, ' ')
			case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
				b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
				i += 2
			default:
				b = append(b, c)
			}
		}
		s = string(b)
	}
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// unhex is the value of a hexadecimal digit.
func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return upperASCII(c) - 'A' + 10
}

// SameTarget reports whether the No-Vary-Search of an answer with the header h makes two
// request targets equal, so that an answer to one is an answer to the other.
func SameTarget(h http.Header, a, b string) bool {
	v, ok := parseNoVarySearch(h["No-Vary-Search"])
	if !ok || a == b {
		return a == b
	}
	aPath, aQuery, _ := strings.Cut(a, "?")
	bPath, bQuery, _ := strings.Cut(b, "?")
	return aPath == bPath && v.normal(aQuery) == v.normal(bQuery)
}
