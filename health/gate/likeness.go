package gate

import (
	"fmt"
	"strings"
)

// The measures of likeness are OONI's, on a site's pages instead of one: a
// length ratio above 0.7, a long word in common in the title, an uncommon
// header field in common. Two of its mistakes are avoided: titles are found by a
// reader of HTML and not by an expression that attributes or length defeat, and
// long words are of five runes, of which one in common suffices.
const (
	likeRatio = 70 // percent, to be exceeded
	// alikeSome and alikeMuch are percentages of structure in common.
	alikeSome = 20
	alikeMuch = 50
	// enoughPoints make a page alike.
	enoughPoints = 2
)

// Score is how much a page is like those that passed.
type Score struct {
	// Words is how many of the site's words the title has; Word is one of them.
	Words int
	Word  string
	// Hosts: it links to the hosts that the site's pages link to.
	Hosts bool
	// Structure is the percentage of structure in common with the nearest template.
	Structure int
	// Length: it is about as long as a known page.
	Length bool
	// Fields: the header has an uncommon field in common.
	Fields bool
	// known: there was something to compare with.
	known bool
}

// Likeness compares a page with what is known of the site.
func Likeness(a Answer, k Known) Score {
	var r reading
	r.measure(&a, &k)
	return r.score
}

// Points adds the measures up. The identity of the site is in the title, the
// links and the structure; length and header only support them.
func (s Score) Points() int {
	points := min(s.Words, 2)
	if s.Hosts {
		points++
	}
	switch {
	case s.Structure >= alikeMuch:
		points += 2
	case s.Structure >= alikeSome:
		points++
	}
	if points > 0 && s.Length {
		points++
	}
	if points > 0 && s.Fields {
		points++
	}
	return points
}

// Like reports whether the page is like the publication.
func (s Score) Like() bool { return s.known && s.Points() >= enoughPoints }

// Unlike reports whether nothing of the publication is in the page. Between
// Like and Unlike nothing is said.
func (s Score) Unlike() bool { return s.known && s.Words == 0 && !s.Hosts && s.Structure < alikeSome/2 }

// Reason is the score in words.
func (s Score) Reason() string {
	if !s.known {
		return "no page of the site is known to compare with"
	}
	var has, lacks []string
	note := func(holds bool, yes, no string) {
		if holds {
			has = append(has, yes)
		} else {
			lacks = append(lacks, no)
		}
	}
	note(s.Words > 0, fmt.Sprintf("the title has the site's word %q", s.Word), "none of the site's words in the title")
	note(s.Hosts, "it links where the site links", "no links to where the site links")
	note(s.Structure >= alikeSome/2, fmt.Sprintf("%d %% of a known structure", s.Structure), "no known structure")
	note(s.Length, "a known length", "no known length")
	note(s.Fields, "a known header field", "no known header field")
	return strings.Join(append(has, lacks...), ", ")
}

// compare scores a page that was read.
func (r *reading) compare(a *Answer, b *Baseline) Score {
	if b == nil || b.Pages == 0 {
		return Score{}
	}
	p := &r.page
	s := Score{known: true, Hosts: r.sharesHosts(b)}
	for _, w := range p.words[:p.wordsLen] {
		if text, shared := b.has(b.Words, w); shared {
			s.Words++
			s.Word = text
		}
	}
	for _, sketch := range b.Sketches {
		s.Structure = max(s.Structure, p.sketch.alike(sketch))
	}
	for _, length := range b.Lengths {
		if 100*min(length, p.length) > likeRatio*max(length, p.length) {
			s.Length = true
		}
	}
	for _, c := range b.Fields {
		if a.field(c.Text) != "" {
			s.Fields = true
		}
	}
	return s
}

// has looks for a text that is common in the baseline: of one page in three.
func (b *Baseline) has(list []Counted, text []byte) (string, bool) {
	for i := range list {
		if c := &list[i]; equalFold(text, c.Text) {
			return c.Text, 3*c.Seen >= b.Pages
		}
	}
	return "", false
}

// sharesHosts reports whether a page links like the site: to two hosts that its
// pages link to, or three times to the site by name. A notice that names what it
// blocks links there once.
func (r *reading) sharesHosts(b *Baseline) bool {
	p := &r.page
	if p.named >= 3 {
		return true
	}
	shared := 0
	for _, host := range p.hosts[:p.hostsLen] {
		if _, known := b.has(b.Hosts, host); known {
			shared++
		}
	}
	return shared >= 2
}
