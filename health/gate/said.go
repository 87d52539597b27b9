package gate

import "bytes"

// maxSaid is how much text is kept to be folded. What comes of it is shorter by
// spaces and accents, and to a third where letters are written as references.
const maxSaid = 2 * maxFolded

// readText measures text that is the page's own, and keeps it.
func (p *page) readText(text []byte, isTitle bool) {
	size := trimmedLen(text)
	if !isTitle {
		p.text += size
	}
	if size > 0 {
		p.say(text)
	} else {
		p.say(nil)
	}
}

// part keeps that a tag parts words.
func (p *page) part(name []byte) {
	if p.said < maxSaid && parts(name) {
		p.say(nil)
	}
}

// say keeps a piece of the page's own words, or with nil a space.
func (p *page) say(text []byte) {
	if n := len(p.says); p.said < maxSaid && (text != nil || n > 0 && p.says[n-1] != nil) {
		p.says = append(p.says, text)
		p.said += len(text)
	}
}

// trimmedLen is the length of text without the spaces around it.
func trimmedLen(text []byte) int {
	from, to := 0, len(text)
	for from < to && isSpace(text[from]) {
		from++
	}
	for from < to && isSpace(text[to-1]) {
		to--
	}
	if from < to && (text[from] >= 0x80 || text[to-1] >= 0x80) {
		return len(bytes.TrimSpace(text[from:to])) // there are wider spaces
	}
	return to - from
}

// ownWords appends the folded text that a page says in its own words.
func ownWords(dst []byte, own [][]byte) []byte {
	for _, text := range own {
		switch {
		case len(dst) >= maxFolded:
			return dst
		case text != nil:
			dst = appendFolded(dst, text)
		case len(dst) > 0 && dst[len(dst)-1] != ' ':
			dst = append(dst, ' ')
		}
	}
	return dst
}

// parts reports whether a tag parts words; some do not.
func parts(name []byte) bool {
	switch string(name) {
	case "b", "i", "em", "strong", "span", "a", "u", "font", "wbr", "small", "big", "mark":
		return false
	}
	return true
}
