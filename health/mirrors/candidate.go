package mirrors

import (
	"bytes"
	"net/http"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	// MaxPage is how much of a page is read. Notices stand at its end as often as not.
	MaxPage = 1 << 20
	// MaxCandidates is how many candidates are taken from a page.
	MaxCandidates = 32

	// noticeReach is how many bytes of text a notice reaches beyond its words.
	noticeReach = 1500
	// pieceSize is how much text is looked at at once, up to the next space; maxPiece
	// how much where no space comes. Every address is shorter.
	pieceSize = 512
	maxPiece  = 4096
	// maxField is how much of a header field is read.
	maxField = 16 << 10
)

// Place is where a page names an address.
type Place string

// The closed set of places.
const (
	// LinkDuplicate: a link of the relation duplicate (RFC 6249 §3), in the header or the page.
	LinkDuplicate Place = "link_duplicate"
	// OnionLocation: the header field or the meta element of that name. Tor Browser
	// heeds it from an https page alone, and so should who asks.
	OnionLocation Place = "onion_location"
	// Notice: a sentence that the publication can also be read elsewhere.
	Notice Place = "notice"
)

// Places lists the closed set.
func Places() []Place { return []Place{LinkDuplicate, OnionLocation, Notice} }

// Candidate is an address that a page names as an alternate. Anybody who can change
// the page can name one: it is to be proven before anything is sent to readers from it.
type Candidate struct {
	Address
	Where Place
	// Words are those of the notice that announced it, folded; empty elsewhere.
	Words string
}

// Candidates are the alternates that a page names, each once, in the order in which
// they are found. Page is HTML in UTF-8; own are the hosts that are known already.
func Candidates(header http.Header, page []byte, own []string) []Candidate {
	f := finder{own: map[string]bool{}, seen: map[string]bool{}, phrases: phrases()}
	for _, host := range own {
		if bare, flaw := ReadAddress(host, "https"); flaw == "" {
			f.own[apex(bare.Host)] = true
		}
	}
	for _, value := range header.Values("Link") {
		for _, target := range duplicates(value[:min(len(value), maxField)]) {
			if absolute(target) {
				f.add(target, LinkDuplicate, "")
			}
		}
	}
	f.add(header.Get("Onion-Location"), OnionLocation, "")
	f.read(page[:min(len(page), MaxPage)])
	return f.found
}

// apex is a host without www, which names the same site.
func apex(host string) string { return strings.TrimPrefix(host, "www.") }

// duplicates are the targets of a Link field's links of the relation duplicate
// (RFC 8288 §3).
func duplicates(field string) []string {
	var targets []string
	for {
		_, rest, found := strings.Cut(field, "<")
		if !found {
			return targets
		}
		target, after, found := strings.Cut(rest, ">")
		if !found {
			return targets
		}
		var parameters string
		parameters, field = until(',', after)
		for parameters != "" {
			var parameter string
			parameter, parameters = until(';', parameters)
			name, value, _ := strings.Cut(parameter, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "rel") {
				continue
			}
			if hasWord(strings.Trim(strings.TrimSpace(value), `"`), "duplicate") {
				targets = append(targets, target)
			}
			break // the first rel counts
		}
	}
}

// until parts a list at its first separator outside quotes.
func until(separator byte, text string) (before, after string) {
	quoted := false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}

// hasWord looks for one of a list of words, in any case.
func hasWord(list, word string) bool {
	for candidate := range strings.FieldsSeq(list) {
		if strings.EqualFold(candidate, word) {
			return true
		}
	}
	return false
}

// finder goes through one page.
type finder struct {
	own, seen map[string]bool
	phrases   [][]byte
	found     []Candidate

	mute   bool   // the next token is the inside of a script or the like
	quoted int    // elements around that hold somebody else's words
	heard  []byte // the folded text of the block so far, its end
	reach  int    // bytes of text that the last notice still reaches
	words  string // of the last notice
}

// add takes an address in, unless it is known or cannot be one.
func (f *finder) add(text string, where Place, words string) {
	if len(f.found) >= MaxCandidates || text == "" {
		return
	}
	address, flaw := ReadAddress(text, "https")
	if flaw != "" || f.own[apex(address.Host)] || f.seen[address.URL] || where == OnionLocation && !address.Onion() {
		return
	}
	f.seen[address.URL] = true
	f.found = append(f.found, Candidate{address, where, words})
}

// read goes through the markup.
func (f *finder) read(page []byte) {
	z := html.NewTokenizer(bytes.NewReader(page))
	for len(f.found) < MaxCandidates {
		token, mute := z.Next(), f.mute
		f.mute = false
		switch token {
		case html.ErrorToken: // the end: a reader of bytes has no other error
			return
		case html.TextToken:
			if !mute {
				f.text(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			f.open(z)
		case html.EndTagToken:
			name, _ := z.TagName()
			f.close(atom.Lookup(name))
		}
	}
}

// open reads the beginning of an element.
func (f *finder) open(z *html.Tokenizer) {
	raw, more := z.TagName()
	name := atom.Lookup(raw)
	attributes := map[string]string{}
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		switch string(key) {
		case "href", "rel", "content", "http-equiv":
			if _, given := attributes[string(key)]; !given {
				attributes[string(key)] = string(value)
			}
		}
	}
	switch name {
	case atom.Script, atom.Style, atom.Textarea, atom.Title, atom.Iframe, atom.Noembed, atom.Noframes, atom.Xmp:
		f.mute = true // their inside is one token of text, and nothing that a page says
	case atom.Link:
		if hasWord(attributes["rel"], "duplicate") && absolute(attributes["href"]) {
			f.add(attributes["href"], LinkDuplicate, "")
		}
	case atom.Meta:
		if strings.EqualFold(attributes["http-equiv"], "onion-location") {
			f.add(attributes["content"], OnionLocation, "")
		}
	case atom.A:
		if f.reach > 0 && absolute(attributes["href"]) {
			f.add(attributes["href"], Notice, f.words)
		}
	}
	if quotes(name) {
		f.quoted++
	}
	if ends(name) {
		f.reach = 0
	}
	f.part(name)
}

// absolute reports whether a link names a host: only then can it lead elsewhere.
func absolute(href string) bool {
	href = strings.ToLower(strings.TrimSpace(href))
	return strings.HasPrefix(href, "https://") || strings.HasPrefix(href, "http://") || strings.HasPrefix(href, "//")
}

// close reads the end of an element.
func (f *finder) close(name atom.Atom) {
	switch {
	case quotes(name):
		f.quoted = max(0, f.quoted-1)
	case name == atom.Section, name == atom.Footer, name == atom.Aside, name == atom.Header:
		f.reach = 0
	}
	f.part(name)
}

// text reads text in pieces, so that a notice reaches as far from its words in a long
// one as in a short one.
func (f *finder) text(text []byte) {
	for len(text) > 0 {
		n := min(pieceSize, len(text))
		if space := bytes.IndexAny(text[n:], " \n\t\r"); space >= 0 {
			n += space
		} else {
			n = len(text)
		}
		if n > maxPiece {
			for n = maxPiece; n < len(text) && !utf8.RuneStart(text[n]); n++ {
			}
		}
		f.piece(text[:n])
		text = text[n:]
	}
}

// piece listens for a notice, and looks behind one for addresses. What a page quotes
// is no notice of its own.
func (f *finder) piece(text []byte) {
	if f.quoted == 0 {
		f.heard = appendFolded(f.heard, text)
		if words := f.announced(); words != "" {
			f.words, f.reach, f.heard = words, noticeReach+len(text), f.heard[:0]
		}
		f.heard = append(f.heard[:0], f.heard[max(0, len(f.heard)-longestPhrase):]...)
	}
	if f.reach <= 0 {
		return
	}
	for _, address := range addressesIn(string(text)) {
		f.add(address, Notice, f.words)
	}
	f.reach -= len(text)
}

// announced is the phrase of a notice that was heard in the block; empty without one.
func (f *finder) announced() string {
	for _, phrase := range f.phrases {
		if bytes.Contains(f.heard, phrase) {
			return string(phrase)
		}
	}
	return ""
}

// part forgets the sentence so far where an element begins another block.
func (f *finder) part(name atom.Atom) {
	switch name {
	case atom.A, atom.B, atom.I, atom.Em, atom.Strong, atom.Span, atom.U, atom.Font, atom.Small, atom.Mark, atom.Wbr, atom.Bdi, atom.Bdo, atom.Abbr:
	case atom.Br:
		f.heard = append(f.heard, ' ')
	default:
		f.heard = f.heard[:0]
	}
}

// quotes lists the elements whose text is somebody else's words.
func quotes(name atom.Atom) bool {
	switch name {
	case atom.Blockquote, atom.Q, atom.Pre, atom.Code, atom.Samp:
		return true
	}
	return false
}

// ends lists the elements with which a notice is over.
func ends(name atom.Atom) bool {
	switch name {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Article, atom.Nav, atom.Form, atom.Main:
		return true
	}
	return false
}
