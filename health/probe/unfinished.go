package probe

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/heliograph-edge/heliograph/health/gate"
)

// unfinished reports whether a page whose end is only that of the connection seems to
// lack its own. It has begun <html> and not ended it, which publications may leave out, and something
// is open at its end that HTML lets nobody leave open. A page about as long as one that is known is whole.
func (f *fetch) unfinished(known *gate.Baseline) bool {
	if !f.whole || !endsWithConnection(f.answer.Response) {
		return false
	}
	page := bytes.ToLower(f.body)
	if !bytes.Contains(page, []byte("<html")) || bytes.Contains(page, []byte("</html")) || bytes.Contains(page, []byte("</body")) {
		return false
	}
	if known != nil {
		for _, length := range known.Lengths {
			if at := min(len(page), gate.Limit); 10*min(at, length) >= 9*max(at, length) {
				return false
			}
		}
	}
	return leftOpen(page)
}

// endsWithConnection reports whether nothing but the end of the connection says where an uncoded
// page ends.
func endsWithConnection(a *http.Response) bool {
	coded := a.Header.Get("Content-Encoding")
	if a.ContentLength >= 0 || len(a.TransferEncoding) > 0 || coded != "" && coded != "identity" {
		return false
	}
	kind := strings.ToLower(a.Header.Get("Content-Type"))
	return kind == "" || strings.Contains(kind, "html")
}

// closed are the elements whose end tags are looked for. HTML §13.1.2.4 lets no author leave them out, as it
// does with </p>, </li>, </td>, </body> and more. What only styles words is not
// here: many leave it open, and it does not show where a page was cut.
var closed = map[string]bool{
	"a": true, "address": true, "article": true, "aside": true, "audio": true, "blockquote": true, "button": true,
	"canvas": true, "details": true, "dialog": true, "div": true, "dl": true, "fieldset": true, "figcaption": true,
	"figure": true, "footer": true, "form": true, "h1": true, "h2": true, "h3": true, "h4": true, "h5": true, "h6": true,
	"header": true, "iframe": true, "label": true, "main": true, "menu": true, "nav": true, "noscript": true,
	"object": true, "ol": true, "picture": true, "pre": true, "script": true, "section": true, "select": true,
	"span": true, "style": true, "summary": true, "svg": true, "table": true, "template": true, "textarea": true,
	"title": true, "ul": true, "video": true,
}

// verbatim are the elements whose content is text up to their own end tag.
var verbatim = map[string]bool{"script": true, "style": true, "textarea": true, "title": true}

// leftOpen reports whether a page in lower case ends inside a tag, a comment, a script or another element
// that has to be closed.
func leftOpen(page []byte) bool {
	var open elements
	for {
		start := bytes.IndexByte(page, '<')
		if start < 0 {
			return len(open.names) > 0
		}
		page = page[start+1:]
		switch {
		case len(page) == 0:
			return true
		case bytes.HasPrefix(page, []byte("!--")):
			end := bytes.Index(page[1:], []byte("-->"))
			if end < 0 {
				return true
			}
			page = page[end+1:]
			continue
		case page[0] != '/' && page[0] != '!' && page[0] != '?' && !isLetter(page[0]):
			continue // a sign in a text
		}
		name := nameOf(page)
		end, selfClosed := tagEnd(page)
		if end < 0 {
			return true
		}
		ending := page[0] == '/'
		page = page[end+1:]
		switch {
		case ending:
			open.end(name)
		case selfClosed || !closed[name]:
		case verbatim[name]:
			end := bytes.Index(page, []byte("</"+name))
			if end < 0 {
				return true
			}
			page = page[end:]
		default:
			open.begin(name)
		}
	}
}

// elements are those that are open, the innermost last.
type elements struct {
	names []string
	count map[string]int
}

// begin opens an element.
func (e *elements) begin(name string) {
	if e.count == nil {
		e.count = map[string]int{}
	}
	e.names = append(e.names, name)
	e.count[name]++
}

// end closes an element, and whatever was left open inside it. What ends nothing is passed over.
func (e *elements) end(name string) {
	for e.count[name] > 0 {
		last := e.names[len(e.names)-1]
		e.names = e.names[:len(e.names)-1]
		e.count[last]--
		if last == name {
			return
		}
	}
}

// nameOf is the name with which a tag begins, after < and perhaps a slash.
func nameOf(tag []byte) string {
	tag = bytes.TrimPrefix(tag, []byte("/"))
	if end := bytes.IndexAny(tag, spaces+"/>"); end >= 0 {
		tag = tag[:end]
	}
	return string(tag)
}

// spaces are what HTML has between attributes.
const spaces = " \t\r\n\f"

// tagEnd is where the > of a tag is, below zero where there is none. Slashes and brackets in the values of
// attributes end nothing: <a href=/news/> is an open tag.
func tagEnd(tag []byte) (end int, selfClosed bool) {
	value := false // an attribute's value is to come
	for i := 0; i < len(tag); i++ {
		c := tag[i]
		switch {
		case c == '>':
			return i, selfClosed
		case strings.IndexByte(spaces, c) >= 0:
		case value:
			length := valueLength(tag[i:])
			if length < 0 {
				return -1, false
			}
			i += length - 1
			value = false
		default:
			value, selfClosed = c == '=', c == '/'
		}
	}
	return -1, false
}

// valueLength is the length of the attribute's value that text begins with, below zero where it has no end.
func valueLength(text []byte) int {
	if text[0] != '"' && text[0] != '\'' {
		return bytes.IndexAny(text, spaces+">")
	}
	end := bytes.IndexByte(text[1:], text[0])
	if end < 0 {
		return -1
	}
	return end + 2
}

// isLetter reports whether c is a letter in lower case.
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' }
