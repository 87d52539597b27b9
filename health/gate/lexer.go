package gate

import "bytes"

// token is what the lexer stands on.
type token uint8

const (
	tokenEnd token = iota
	tokenText
	// tokenRaw is the inside of a script or style, which nobody reads.
	tokenRaw
	tokenOpen
	tokenClose
)

// maxNames is how many bytes of a name are read.
const maxNames = 16

// lexer splits HTML into tags and text as a browser would, without allocating
// and without unescaping. begin makes it ready.
type lexer struct {
	src []byte
	at  int
	// name is the lower-case name of the tag the lexer stands on, cut to maxNames: a
	// part of the source, or of names where that has other letters. Text is what lies
	// between tags.
	name []byte
	text []byte
	// inTag: the attributes of an open tag may be left to read.
	inTag bool
	// raw: the element stood on has no tags inside but its own end.
	raw     bool
	names   [maxNames]byte
	attribs [maxNames]byte
}

// begin sets the lexer to the beginning of a page.
func (l *lexer) begin(src []byte) {
	l.src, l.at, l.inTag, l.raw = src, 0, false, false
}

// next moves to the next token.
func (l *lexer) next() token {
	for l.inTag {
		l.attribute()
	}
	if l.raw {
		l.raw = false
		return l.rawText()
	}
	for l.at < len(l.src) {
		if l.src[l.at] != '<' || !l.markup(l.at) {
			l.plainText()
			return tokenText
		}
		switch c := l.src[l.at+1]; {
		case c == '!' || c == '?':
			l.skipDeclaration()
		case c == '/' && l.at+2 < len(l.src) && isLetter(l.src[l.at+2]):
			l.at += 2
			l.readName()
			l.open()
			return tokenClose
		case c == '/':
			l.skipPast(">")
		default:
			l.at++
			l.readName()
			l.open()
			l.raw = hasRawText(l.name)
			return tokenOpen
		}
	}
	return tokenEnd
}

// open sets the lexer behind a tag's name: most tags end there.
func (l *lexer) open() {
	l.inTag = l.at >= len(l.src) || l.src[l.at] != '>'
	if !l.inTag {
		l.at++
	}
}

// markup reports whether the < at i begins a tag, a comment or a declaration.
func (l *lexer) markup(i int) bool {
	if i+1 >= len(l.src) {
		return false
	}
	c := l.src[i+1]
	return isLetter(c) || c == '/' || c == '!' || c == '?'
}

// plainText takes everything up to the next markup.
func (l *lexer) plainText() {
	begin := l.at
	for l.at++; l.at < len(l.src); l.at++ {
		i := bytes.IndexByte(l.src[l.at:], '<')
		if i < 0 {
			l.at = len(l.src)
			break
		}
		if l.at += i; l.markup(l.at) {
			break
		}
	}
	l.text = l.src[begin:l.at]
}

// rawText takes everything up to the end tag of the element stood on.
func (l *lexer) rawText() token {
	begin, isTitle := l.at, string(l.name) == "title" || string(l.name) == "textarea"
	for {
		i := bytes.Index(l.src[l.at:], []byte("</"))
		if i < 0 {
			l.at = len(l.src)
			break
		}
		l.at += i
		if rest := l.src[l.at+2:]; len(rest) >= len(l.name) && equalFold(rest[:len(l.name)], string(l.name)) {
			break
		}
		l.at += 2
	}
	l.text = l.src[begin:l.at]
	if isTitle {
		return tokenText
	}
	return tokenRaw
}

// skipDeclaration passes a comment, doctype or processing instruction.
func (l *lexer) skipDeclaration() {
	if !bytes.HasPrefix(l.src[l.at:], []byte("<!--")) {
		l.skipPast(">")
		return
	}
	l.at += 2 // <!--> and <!---> are whole comments
	l.skipPast("-->")
}

// skipPast moves behind the next occurrence of an end, or to the source's end.
func (l *lexer) skipPast(end string) {
	if i := bytes.Index(l.src[l.at:], []byte(end)); i >= 0 {
		l.at += i + len(end)
	} else {
		l.at = len(l.src)
	}
}

// readName reads the tag's name.
func (l *lexer) readName() {
	rest, upper := l.src[l.at:], false
	for i, c := range rest {
		if c < 64 {
			if tagNameEnds>>c&1 != 0 {
				rest = rest[:i]
				break
			}
		} else if c <= 'Z' {
			upper = true
		}
	}
	l.at += len(rest)
	l.name = rest[:min(len(rest), maxNames)]
	if upper {
		l.name = lowered(&l.names, l.name)
	}
}

// lowered is a name in lower case, in a buffer.
func lowered(buffer *[maxNames]byte, name []byte) []byte {
	for i, c := range name {
		buffer[i] = lower(c)
	}
	return buffer[:len(name)]
}

// attribute reads the next attribute of the tag stood on; ok is false when
// there is none, and the tag is then passed.
func (l *lexer) attribute() (name, value []byte, ok bool) {
	if !l.inTag {
		return nil, nil, false
	}
	src, at := l.src, l.at
	for at < len(src) && (isSpace(src[at]) || src[at] == '/') {
		at++
	}
	if at >= len(src) || src[at] == '>' {
		l.at, l.inTag = min(at+1, len(src)), false
		return nil, nil, false
	}
	first, upper := at, false
	for ; at < len(src); at++ {
		if c := src[at]; c < 64 {
			if attributeNameEnds>>c&1 != 0 && (c != '=' || at > first) {
				break
			}
		} else if c <= 'Z' {
			upper = true
		}
	}
	end := at
	name = src[first:min(end, first+maxNames)]
	if upper {
		name = lowered(&l.attribs, name)
	}
	for at < len(src) && isSpace(src[at]) {
		at++
	}
	if at >= len(src) || src[at] != '=' {
		l.at = end
		return name, nil, true
	}
	for at++; at < len(src) && isSpace(src[at]); at++ {
	}
	value, l.at = attributeValue(src, at)
	return name, value, true
}

// attributeValue reads the value that begins at at, and says where it ends.
func attributeValue(src []byte, at int) (value []byte, end int) {
	if at < len(src) && (src[at] == '"' || src[at] == '\'') {
		rest := src[at+1:]
		if i := bytes.IndexByte(rest, src[at]); i >= 0 {
			return rest[:i], at + i + 2
		}
		return rest, len(src)
	}
	for end = at; end < len(src) && !isSpace(src[end]) && src[end] != '>'; end++ {
	}
	return src[at:end], end
}

// hasRawText lists the elements that have no tags inside. Noscript and noframes
// are not among them: what they hold is what a reader without scripts sees.
func hasRawText(name []byte) bool {
	switch string(name) {
	case "script", "style", "title", "textarea", "xmp", "iframe", "noembed":
		return true
	}
	return false
}

// Sets of bytes below 64: a bit for each in one word.
const (
	spaces            uint64 = 1<<' ' | 1<<'\n' | 1<<'\t' | 1<<'\r' | 1<<'\f'
	tagNameEnds              = spaces | 1<<'>' | 1<<'/'
	attributeNameEnds        = tagNameEnds | 1<<'='
	hostEnds                 = spaces | 1<<'/' | 1<<'?' | 1<<'#' | 1<<'"' | 1<<'\''
)

// isSpace reports whether a byte is one of HTML's spaces.
func isSpace(c byte) bool { return c <= ' ' && spaces>>c&1 != 0 }

// isLetter reports whether a byte is an ASCII letter.
func isLetter(c byte) bool { return (c|0x20)-'a' < 26 }
