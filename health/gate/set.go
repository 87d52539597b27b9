package gate

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
)

const (
	// maxRegexps is how many expressions are tried on one page.
	maxRegexps = 16
	// smallPage is the longest page on which expressions without a literal are tried.
	smallPage = 8 << 10
)

// place is where a fingerprint is sought.
type place uint8

const (
	placeWords  place = iota // the folded text of the page's own words
	placeBody                // the bytes of the body
	placeHeader              // the first value of a header field
)

// clearWeight is that of a fingerprint which says what only a notice says.
const clearWeight = 2

// manner is how a fingerprint is compared.
type manner uint8

const (
	mannerContains manner = iota
	mannerPrefix
	mannerFull
	mannerRegexp
)

// fingerprint is one text, or one expression, that notices are known by.
type fingerprint struct {
	name   string
	kind   Kind
	weight uint8 // 1: vague; 2: believed with one sign; 3: the list is sure of it
	// benign: known to be found in good pages, too. It is told and never decides.
	benign bool
	place  place
	field  string // of placeHeader, in canonical form
	manner manner
	text   string
	re     *regexp.Regexp
}

// holds compares a fingerprint with a whole value.
func (f *fingerprint) holds(value []byte) bool {
	switch f.manner {
	case mannerContains:
		return bytes.Contains(value, []byte(f.text))
	case mannerPrefix:
		return len(value) >= len(f.text) && string(value[:len(f.text)]) == f.text
	case mannerFull:
		return string(value) == f.text
	}
	return f.re.Match(value)
}

// holdsField compares a fingerprint with a header field.
func (f *fingerprint) holdsField(value string) bool {
	switch f.manner {
	case mannerContains:
		return strings.Contains(value, f.text)
	case mannerPrefix:
		return strings.HasPrefix(value, f.text)
	case mannerFull:
		return value == f.text
	}
	return f.re.MatchString(value)
}

// Set is a list of fingerprints, as one file or the built-in wording gives it.
type Set struct {
	prints []fingerprint
}

// Len is how many fingerprints the set has.
func (s *Set) Len() int { return len(s.prints) }

// matcher is all sets together, made ready.
type matcher struct {
	prints []fingerprint
	// words and body are the literals sought in each of the two places.
	words, body lexicon
	// anchored begin where the body begins, loose are expressions without a
	// literal, fields are about the header.
	anchored, loose, fields []int32
}

// lexicon is the literals that are sought in one place: the automaton, and the
// fingerprints of its literals.
type lexicon struct {
	*automaton
	owners []int32
}

// newMatcher sorts the fingerprints of all sets by how they are found.
func newMatcher(sets ...*Set) *matcher {
	m := &matcher{}
	for _, set := range sets {
		m.prints = append(m.prints, set.prints...)
	}
	var literals [2][]string // by place
	for i := range m.prints {
		f, at := &m.prints[i], int32(i)
		literal := f.text
		if f.manner == mannerRegexp {
			literal = required(f.text)
		}
		switch {
		case f.place == placeHeader:
			m.fields = append(m.fields, at)
		case f.manner == mannerPrefix, f.manner == mannerFull:
			m.anchored = append(m.anchored, at)
		case len(literal) < minLiteral:
			m.loose = append(m.loose, at)
		default:
			literals[f.place] = append(literals[f.place], literal)
			in := &m.words
			if f.place == placeBody {
				in = &m.body
			}
			in.owners = append(in.owners, at)
		}
	}
	m.words.automaton, m.body.automaton = newAutomaton(literals[placeWords]), newAutomaton(literals[placeBody])
	return m
}

// tally is what was found of fingerprints in one answer. The zero value is
// ready; begin prepares it again.
type tally struct {
	m       *matcher
	owners  []int32 // of the literals that are being sought
	seen    []uint64
	regexps int
	weight  [kinds]uint8
	first   [kinds]*fingerprint // the weightiest of each kind
	benign  *fingerprint
}

// begin empties the tally.
func (t *tally) begin(m *matcher) {
	seen := t.seen
	if len(seen) != len(m.prints)/64+1 {
		seen = make([]uint64, len(m.prints)/64+1)
	}
	clear(seen)
	*t = tally{m: m, seen: seen}
}

// match looks for every fingerprint in an answer: in its own words, its body
// and its header.
func (t *tally) match(words, body []byte, header http.Header) {
	t.owners = t.m.words.owners
	t.m.words.find(words, t)
	t.owners = t.m.body.owners
	t.m.body.find(body, t)
	for _, i := range t.m.anchored {
		if t.m.prints[i].holds(body) {
			t.count(i)
		}
	}
	if len(body) <= smallPage {
		for _, i := range t.m.loose {
			t.try(i, body)
		}
	}
	for _, i := range t.m.fields {
		f := &t.m.prints[i]
		if values := header[f.field]; len(values) > 0 && f.holdsField(values[0]) {
			t.count(i)
		}
	}
}

// meet is told by the automaton where the letters of a literal are.
func (t *tally) meet(text []byte, literal int32, begin int) {
	i := t.owners[literal]
	f := &t.m.prints[i]
	switch {
	case t.seen[i/64]&(1<<(i%64)) != 0:
	case f.manner == mannerRegexp:
		t.seen[i/64] |= 1 << (i % 64) // tried once, whatever comes of it
		t.try(i, text)
	case len(text)-begin >= len(f.text) && string(text[begin:begin+len(f.text)]) == f.text:
		t.count(i)
	}
}

// try compares an expression, while any may still be tried.
func (t *tally) try(i int32, body []byte) {
	if t.regexps++; t.regexps <= maxRegexps && t.m.prints[i].holds(body) {
		t.count(i)
	}
}

// count takes a fingerprint that was found into the tally.
func (t *tally) count(i int32) {
	t.seen[i/64] |= 1 << (i % 64)
	f := &t.m.prints[i]
	if f.benign {
		t.benign = f
		return
	}
	t.weight[f.kind] = min(t.weight[f.kind]+f.weight, 200)
	if first := t.first[f.kind]; first == nil || f.weight > first.weight {
		t.first[f.kind] = f
	}
}

// clear reports whether a single fingerprint of a kind says what only a notice says.
func (t *tally) clear(kind Kind) bool {
	first := t.first[kind]
	return first != nil && first.weight >= clearWeight
}

// named is the kind that most speaks for. No number of vague phrases outweighs a clear one.
func (t *tally) named() (kind Kind, weight int) {
	for _, k := range [...]Kind{Seized, Parked, BlockPage, Challenge, Mismatch} {
		w := int(t.weight[k])
		if w > 0 && (weight == 0 || t.clear(k) && !t.clear(kind) || w > weight && t.clear(k) == t.clear(kind)) {
			kind, weight = k, w
		}
	}
	return kind, weight
}
