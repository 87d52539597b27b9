package gate

import "bytes"

const (
	// maxHosts is how many different hosts of links are kept of one page.
	maxHosts = 32
	// maxWords is how many words of a title are kept.
	maxWords = 32
	// maxTitle is how many bytes of a title are read.
	maxTitle = 2048
	// smallScript is the most script that a page may hold for its redirects to be looked for.
	smallScript = 4 << 10
)

// page is what one reading of a page's markup has measured. Its slices point
// into the page or into its own buffers, and are reused by the next reading.
type page struct {
	length int // bytes of the whole body, as far as they are known
	tags   int
	text   int // bytes of visible text that is not quoted

	links    int // with an address
	ownLinks int // relative, or to one of the site's hosts
	named    int // to one of the site's hosts by name
	parking  int // links, scripts, frames and redirects of known parking hosts
	parkers  int // those of them that are no links
	images   int
	frames   int
	awayFrom int // frames off the site
	scripts  int // bytes of script in the page
	away     []byte
	scripted []byte // where a script may send the reader to
	parker   []byte
	testing  bool // the script of a documented challenge
	// placed: its canonical link names one of the site's hosts, as no notice has it.
	placed bool

	hosts    [maxHosts][]byte
	sides    [maxHosts]side // of the hosts
	hostsLen int
	title    []byte
	words    [maxWords][]byte
	wordsLen int
	wordsBuf []byte
	sketch   Sketch

	// says is what the page says in its own words, as it stands in the page: title,
	// text and the descriptions of pictures, without what it quotes; nil where a tag
	// parts words.
	says [][]byte
	said int // bytes of it

	own      []string // the site's hosts, bare
	previous [2]uint32
	lex      lexer
}

// side is on whose side a host is.
type side uint8

const (
	sideOther side = iota
	sideOwn
	sideParking
)

// read measures a page. Own are the site's hosts.
func (p *page) read(src []byte, own []string) {
	bare := p.own[:0]
	for _, host := range own {
		bare = append(bare, bareHost(host))
	}
	*p = page{own: bare, wordsBuf: p.wordsBuf[:0], says: p.says[:0], length: len(src)}
	lex := &p.lex
	lex.begin(src)
	quoted := 0
	inTitle := false
	for {
		switch lex.next() {
		case tokenEnd:
			if p.scripted != nil && p.hollow() {
				p.leave(p.scripted)
			}
			return
		case tokenText:
			if inTitle {
				p.readTitle(lex.text)
			}
			if quoted == 0 {
				p.readText(lex.text, inTitle)
			}
		case tokenRaw:
			p.readScript(lex.text)
		case tokenClose:
			inTitle = false
			if quotes(lex.name) && quoted > 0 {
				quoted--
			}
			p.part(lex.name)
		case tokenOpen:
			if quotes(lex.name) {
				quoted++
			}
			// A title inside a drawing is that drawing's.
			inTitle = string(lex.name) == "title" && p.title == nil
			p.part(lex.name)
			p.readTag(lex, quoted == 0)
		}
	}
}

// quotes lists the elements whose text is somebody else's words.
func quotes(name []byte) bool {
	switch string(name) {
	case "blockquote", "q", "pre", "code", "samp", "textarea":
		return true
	}
	return false
}

// element is what a tag means to the measures.
type element uint8

const (
	elementOther element = iota
	elementLink
	elementScript
	elementImage
	elementFrame
	elementMeta
	elementRelation
)

// elementOf sorts a tag by its name.
func elementOf(name []byte) element {
	switch string(name) {
	case "a", "area":
		return elementLink
	case "script":
		return elementScript
	case "img":
		return elementImage
	case "iframe", "frame":
		return elementFrame
	case "meta":
		return elementMeta
	case "link":
		return elementRelation
	}
	return elementOther
}

// readTag measures an open tag and its attributes. Whether the page says it in its
// own words is isOwn.
func (p *page) readTag(lex *lexer, isOwn bool) {
	p.tags++
	kind := elementOf(lex.name)
	shape := hashBytes(hashSeed, lex.name)
	refresh, canonical := false, false
	var target []byte
	for {
		name, value, ok := lex.attribute()
		if !ok {
			break
		}
		switch string(name) {
		case "class", "id":
			shape = hashBytes(shape, value)
		case "href":
			switch kind {
			case elementLink:
				p.readLink(value)
			case elementRelation:
				target = value
			}
		case "rel":
			canonical = kind == elementRelation && equalFold(value, "canonical")
		case "alt":
			if isOwn && len(value) > 0 {
				p.say(nil)
				p.say(value)
			}
		case "src":
			p.readSource(kind, value)
		case "http-equiv":
			refresh = kind == elementMeta && equalFold(value, "refresh")
		case "content":
			if kind == elementMeta {
				p.readRefresh(value, refresh)
			}
		}
	}
	if canonical {
		host, is := hostOf(target)
		p.placed = p.placed || is && len(host) > 0 && p.isOwn(host)
	}
	if kind == elementImage {
		p.images++
	}
	p.sketch.add(hashWord(hashWord(shape, p.previous[0]), p.previous[1]))
	p.previous = [2]uint32{p.previous[1], shape}
}

// readLink measures where a link leads.
func (p *page) readLink(href []byte) {
	host, is := hostOf(href)
	switch {
	case !is:
		return
	case len(host) == 0:
		p.links++
		p.ownLinks++
		return
	}
	p.links++
	switch p.meetHost(host) {
	case sideOwn:
		p.ownLinks++
		p.named++
	case sideParking:
		p.parking++
		p.parker = host
	}
}

// readSource measures where a script or a frame comes from.
func (p *page) readSource(kind element, src []byte) {
	if kind != elementScript && kind != elementFrame {
		return
	}
	if kind == elementFrame {
		p.frames++
	}
	if bytes.Contains(src, []byte("/cdn-cgi/challenge-platform/")) {
		p.testing = true
	}
	host, is := hostOf(src)
	if !is || len(host) == 0 || p.isOwn(host) {
		return
	}
	if kind == elementFrame {
		p.awayFrom++
	}
	p.park(host)
}

// park counts what belongs to a parking host without being a link.
func (p *page) park(host []byte) {
	if isParking(host) {
		p.parking++
		p.parkers++
		p.parker = host
	}
}

// leave notes that the page sends the reader to another host.
func (p *page) leave(host []byte) {
	p.away = host
	p.park(host)
}

// hollow reports whether the page has no content of its own. The script of one that has
// keeps it out of other pages' frames, or waits for a click, as likely as it moves on.
func (p *page) hollow() bool { return p.text < hollowText && p.links <= starkLinks }

// readRefresh takes the address out of the content of a meta refresh. The
// attribute that makes it one may come later than the content.
func (p *page) readRefresh(content []byte, sure bool) {
	if !sure && (len(content) == 0 || content[0]-'0' > 9 && content[0] != ' ') {
		return
	}
	i := indexFold(content, "url=")
	if i < 0 {
		return
	}
	host, is := hostOf(bytes.Trim(content[i+len("url="):], `"' `))
	if is && len(host) > 0 && !p.isOwn(host) {
		p.leave(host)
	}
}

// readScript looks for a challenge, and in a page of little script for the
// address that it sends the reader to.
func (p *page) readScript(code []byte) {
	p.scripts += len(code)
	if p.scripts > smallScript {
		return
	}
	if bytes.Contains(code, []byte("/cdn-cgi/challenge-platform/")) {
		p.testing = true
	}
	i := bytes.Index(code, []byte("location"))
	if i < 0 {
		return
	}
	line := code[i:min(len(code), i+160)]
	from := bytes.IndexAny(line, `"'`)
	if from < 0 {
		return
	}
	if host, is := hostOf(line[from+1:]); is && len(host) > 0 && !p.isOwn(host) {
		p.scripted = host
	}
}

// readTitle keeps a title and its words.
func (p *page) readTitle(text []byte) {
	p.title = text[:min(len(text), maxTitle)]
	p.wordsBuf, p.wordsLen = titleWords(p.wordsBuf, p.title, &p.words)
}

// meetHost remembers a host once, with its side.
func (p *page) meetHost(host []byte) side {
	for i, seen := range p.hosts[:p.hostsLen] {
		if bytes.Equal(seen, host) {
			return p.sides[i]
		}
	}
	s := p.sideOf(host)
	if p.hostsLen < maxHosts {
		p.hosts[p.hostsLen], p.sides[p.hostsLen] = host, s
		p.hostsLen++
	}
	return s
}

// sideOf says on whose side a host is.
func (p *page) sideOf(host []byte) side {
	switch {
	case p.isOwn(host):
		return sideOwn
	case isParking(host):
		return sideParking
	}
	return sideOther
}

// isOwn reports whether a host is the site's or a subdomain of the site's.
func (p *page) isOwn(host []byte) bool {
	for _, own := range p.own {
		if within(host, own) {
			return true
		}
	}
	return false
}
