package gate

import (
	"cmp"
	"slices"
	"time"
)

const (
	// youngPages is how many pages a baseline takes as they come; later it takes
	// one per learnEvery, so that no burst of odd pages can turn it.
	youngPages = 8
	learnEvery = 10 * time.Minute
	// fullPages is the count at which all counts are halved: what the site no
	// longer shows fades.
	fullPages = 64

	keptWords    = 64
	keptHosts    = 64
	keptFields   = 24
	keptLengths  = 16
	keptSketches = 8
	// sameSketch is the percentage from which two pages are of one template.
	sameSketch = 60
)

// Counted is a text and in how many pages it was seen.
type Counted struct {
	Text string `json:"text"`
	Seen int    `json:"seen"`
}

// Baseline is what pages that passed looked like. Its size is bounded, and it
// is never changed: [Baseline.Learn] makes a new one. The zero value knows nothing.
type Baseline struct {
	Pages    int       `json:"pages"`
	Updated  time.Time `json:"updated,omitzero"`
	Words    []Counted `json:"words,omitempty"`  // of titles
	Hosts    []Counted `json:"hosts,omitempty"`  // that pages link to
	Fields   []Counted `json:"fields,omitempty"` // names of header fields that are not common
	Lengths  []int     `json:"lengths,omitempty"`
	Sketches []*Sketch `json:"sketches,omitempty"` // one per template
}

// Learn is the baseline with one page more. Only a page that was found genuine,
// is whole up to Limit and is answered 200 teaches anything; taken is false, and
// the baseline the same, where it does not or the time has not come.
func (b *Baseline) Learn(a Answer, k Known, f Finding, now time.Time) (next *Baseline, taken bool) {
	if b == nil {
		b = &Baseline{}
	}
	if f.Kind != Genuine || a.Status != 200 || !a.isHTML() || !a.complete() ||
		b.Pages >= youngPages && now.Sub(b.Updated) < learnEvery {
		return b, false
	}
	var r reading
	r.measure(&a, &k)
	next = &Baseline{Pages: b.Pages + 1, Updated: now}
	next.Words = learnt(b.Words, tellingWords(&r.page), keptWords)
	next.Hosts = learnt(b.Hosts, tellingHosts(&r.page), keptHosts)
	next.Fields = learnt(b.Fields, tellingFields(&a), keptFields)
	next.Lengths = append(slices.Clone(b.Lengths), r.page.length)
	next.Lengths = next.Lengths[max(0, len(next.Lengths)-keptLengths):]
	next.Sketches = withSketch(b.Sketches, &r.page.sketch)
	if next.Pages >= fullPages {
		next.halve()
	}
	return next, true
}

// learnt counts texts, each once, and keeps those seen most.
func learnt(known []Counted, texts []string, keep int) []Counted {
	next := slices.Clone(known)
	slices.Sort(texts)
	for _, text := range slices.Compact(texts) {
		if i := slices.IndexFunc(next, func(c Counted) bool { return c.Text == text }); i >= 0 {
			next[i].Seen++
		} else {
			next = append(next, Counted{text, 1})
		}
	}
	// Stable, so that among texts seen equally often the older stay.
	slices.SortStableFunc(next, func(x, y Counted) int { return cmp.Compare(y.Seen, x.Seen) })
	if len(next) > keep {
		// The last quarter is for the new, or a full list would never learn.
		fresh := next[len(next)-min(keep/4, len(next)-keep):]
		next = append(next[:keep-len(fresh):keep-len(fresh)], fresh...)
	}
	return next
}

// halve lets old counts fade.
func (b *Baseline) halve() {
	b.Pages /= 2
	for _, list := range []*[]Counted{&b.Words, &b.Hosts, &b.Fields} {
		for i := range *list {
			(*list)[i].Seen /= 2
		}
		*list = slices.DeleteFunc(*list, func(c Counted) bool { return c.Seen == 0 })
	}
}

// withSketch keeps one sketch per template, the newest of each, the newest last.
func withSketch(known []*Sketch, s *Sketch) []*Sketch {
	if s.taken() < sketchEnough {
		return known
	}
	next := slices.DeleteFunc(slices.Clone(known), func(old *Sketch) bool { return old.alike(s) >= sameSketch })
	kept := *s
	next = append(next, &kept)
	return next[max(0, len(next)-keptSketches):]
}

// tellingWords are a title's words without those that notices are written in.
func tellingWords(p *page) []string {
	notices := noticeWords()
	var words []string
	for _, w := range p.words[:p.wordsLen] {
		if text := string(w); !notices[text] && len(text) <= 128 {
			words = append(words, text)
		}
	}
	return words
}

// tellingHosts are the hosts that a page links to, without everybody's.
func tellingHosts(p *page) []string {
	var hosts []string
	for _, host := range p.hosts[:p.hostsLen] {
		if len(host) > 255 || isEverybodys(host) {
			continue
		}
		folded := make([]byte, len(host))
		for i, c := range host {
			folded[i] = lower(c)
		}
		hosts = append(hosts, string(folded))
	}
	return hosts
}

// tellingFields are the names of header fields that not every server sends.
func tellingFields(a *Answer) []string {
	var names []string
	for name := range a.Header {
		if len(name) <= 64 && !isCommonField(name) {
			names = append(names, name)
		}
	}
	return names
}

// isCommonField lists the fields whose presence tells nothing; OONI's list, and
// what has become as common since.
func isCommonField(name string) bool {
	switch name {
	case "Date", "Content-Type", "Server", "Cache-Control", "Vary", "Set-Cookie", "Location", "Expires", "X-Powered-By",
		"Content-Encoding", "Last-Modified", "Accept-Ranges", "Pragma", "X-Frame-Options", "Etag", "X-Content-Type-Options",
		"Age", "Via", "P3p", "X-Xss-Protection", "Content-Language", "Cf-Ray", "Strict-Transport-Security", "Link", "X-Varnish",
		"Content-Length", "Connection", "Transfer-Encoding", "Keep-Alive", "Retry-After", "Alt-Svc", "Referrer-Policy",
		"Permissions-Policy", "Content-Security-Policy", "Nel", "Report-To", "Cf-Cache-Status", "X-Cache", "X-Request-Id":
		return true
	}
	return false
}
