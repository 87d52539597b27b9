package gate

import (
	"bytes"
	"sync"
)

// Gate judges answers. It holds what is made once of all fingerprints.
type Gate struct {
	matcher  *matcher
	readings sync.Pool
}

// New makes a gate of the built-in wording and further sets.
func New(sets ...*Set) *Gate {
	g := &Gate{matcher: newMatcher(append([]*Set{Builtin()}, sets...)...)}
	g.readings.New = func() any { return new(reading) }
	return g
}

// Judge says what an answer is. Give it the first Limit bytes of the body, or
// all of a shorter one with Whole set. Where the markers have not come by then,
// it may be asked again with more of the body.
func (g *Gate) Judge(a Answer, k Known) Finding {
	if f, certain := byStatus(&a); certain {
		return f
	}
	switch {
	case a.isHTML():
	case a.Navigation && a.isText():
		k = k.inWords()
	default:
		return notHTML(&a, &k)
	}
	r := g.readings.Get().(*reading)
	defer g.giveBack(r)
	r.measure(&a, &k)
	if r.trusted() && !r.stark() {
		return r.genuine()
	}
	r.tally.begin(g.matcher)
	if r.listens() {
		r.words = ownWords(r.words[:0], r.page.says)
		r.tally.match(r.words, r.text, a.Header)
	}
	if r.trusted() {
		return r.contradicted()
	}
	return r.untrusted()
}

// giveBack keeps a reading for the next judgement, without what it read.
func (g *Gate) giveBack(r *reading) {
	r.answer, r.known, r.text = Answer{}, Known{}, nil
	clear(r.page.says)
	g.readings.Put(r)
}

// complete reports whether as much of the body is there as is judged.
func (a *Answer) complete() bool { return a.Whole || len(a.Body) >= Limit }

// reading is all that is measured of one answer. It is reused.
type reading struct {
	answer Answer
	known  Known
	text   []byte // the body up to Limit, in UTF-8
	page   page
	score  Score
	tally  tally
	// missing is the first marker that is not there; marked says that there are
	// markers, and all are.
	missing string
	marked  bool

	words   []byte
	charset []byte
}

// measure decodes, measures and compares.
func (r *reading) measure(a *Answer, k *Known) {
	r.answer, r.known = *a, *k
	r.text, r.charset = decoded(a, a.Body[:min(len(a.Body), Limit)], r.charset)
	r.page.read(r.text, k.Hosts)
	r.missing, r.marked = "", len(k.Markers) > 0
	for _, marker := range k.Markers {
		if !bytes.Contains(a.Body, []byte(marker)) && !bytes.Contains(r.text, []byte(marker)) {
			r.missing, r.marked = marker, false
			break
		}
	}
	if a.Status/100 == 3 {
		if host, is := hostOf([]byte(a.field("Location"))); is && len(host) > 0 && !r.page.isOwn(host) {
			r.page.leave(host)
		}
	}
	r.score = r.compare(a, k.Baseline)
}

// trusted reports whether the page proves itself: by its markers, or where there
// are none by its likeness or the origin's own proof.
func (r *reading) trusted() bool {
	return r.marked || len(r.known.Markers) == 0 && (r.score.Like() || r.known.Vouched)
}

// listens reports whether it matters what the page says: without an independent
// sign no fingerprint is believed, and only a refusal can be a challenge.
func (r *reading) listens() bool {
	return r.known.Explain || r.answer.Status/100 != 2 || r.trusted() || r.signs() > 0 || r.page.parking > 0
}

const (
	// barePage is how little a page has whose wording may be taken for a notice's.
	bareLinks = 8
	bareOwn   = 2
	bareText  = 3000
	// starkPage is how little it has where a notice may even contradict a marker.
	starkLinks = 4
	starkOwn   = 2
	starkText  = 1200
	// hollowText is how little text has a page that is only a way to another.
	hollowText = 200
)

// bare reports whether the page has little text and few ways on, and hardly any
// into the site itself, as a notice has. The shortest article has a menu, or says by
// its canonical link where it belongs.
func (r *reading) bare() bool {
	p := &r.page
	return r.answer.complete() && !p.placed && p.links <= bareLinks && p.ownLinks <= bareOwn && p.text <= bareText
}

// stark reports whether the page is so bare that its markers can be those of a
// notice that names the publication.
func (r *reading) stark() bool {
	p := &r.page
	return r.answer.complete() && !p.placed && p.links <= starkLinks && p.ownLinks <= starkOwn && p.text <= starkText
}
