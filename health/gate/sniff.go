package gate

import (
	"bytes"
	"strings"
)

// xhtml is the namespace whose elements a browser shows as those of a page.
const xhtml = "http://www.w3.org/1999/xhtml"

// htmlStarts are the tags that a page begins with and nothing else does.
var htmlStarts = [...]string{
	"<!doctype html", "<html", "<head", "<body", "<title", "<meta", "<script", "<iframe", "<frameset", "<noscript", "<style", "<link",
	"<base", "<h1", "<h2", "<h3", "<p", "<div", "<center", "<table", "<font", "<img", "<br", "<b", "<strong", "<span", "<a",
}

// BeginsAsHTML reports whether a body begins as only an HTML page does.
func BeginsAsHTML(body []byte) bool {
	body = pastPrologue(body, false)
	for _, start := range htmlStarts {
		if len(body) > len(start) && equalFold(body[:len(start)], start) {
			switch body[len(start)] {
			case ' ', '>', '\t', '\r', '\n', '/':
				return true
			}
		}
	}
	return false
}

// BeginsAsXHTML reports whether the root element of an XML document is one of XHTML, so
// that a browser shows the document as a page.
func BeginsAsXHTML(body []byte) bool {
	body = pastPrologue(body, true)
	if len(body) < 2 || body[0] != '<' {
		return false
	}
	root := body[1:]
	if end := bytes.IndexByte(root, '>'); end >= 0 {
		root = root[:end]
	}
	name := root
	if end := bytes.IndexAny(root, " \t\r\n/"); end >= 0 {
		name = root[:end]
	}
	prefix, local, prefixed := bytes.Cut(name, []byte(":"))
	declaration := "xmlns"
	if prefixed {
		declaration += ":" + string(prefix)
	} else {
		local = name
	}
	return equalFold(local, "html") || declares(root, declaration)
}

// declares reports whether a tag gives a prefix the namespace of XHTML.
func declares(tag []byte, declaration string) bool {
	for rest := tag; ; {
		at := bytes.Index(rest, []byte(declaration))
		if at < 0 {
			return false
		}
		value, is := bytes.CutPrefix(bytes.TrimLeft(rest[at+len(declaration):], " \t\r\n"), []byte("="))
		value = bytes.TrimLeft(value, " \t\r\n")
		if is && len(value) > len(xhtml) && string(value[1:len(xhtml)+1]) == xhtml {
			return true
		}
		rest = rest[at+len(declaration):]
	}
}

// pastPrologue is a body from its first tag on: behind a byte order mark, spaces and
// comments, and in XML behind declarations, too.
func pastPrologue(body []byte, isXML bool) []byte {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	for {
		body = bytes.TrimLeft(body, " \t\r\n\f")
		var end string
		switch {
		case bytes.HasPrefix(body, []byte("<!--")):
			end = "-->"
		case isXML && bytes.HasPrefix(body, []byte("<?")):
			end = "?>"
		case isXML && bytes.HasPrefix(body, []byte("<!")):
			end = ">"
		default:
			return body
		}
		at := bytes.Index(body, []byte(end))
		if at < 0 {
			return nil
		}
		body = body[at+len(end):]
	}
}

// IsXML reports whether a media type is one of XML documents.
func IsXML(kind string) bool {
	const suffix = "+xml"
	return strings.EqualFold(kind, "text/xml") || strings.EqualFold(kind, "application/xml") ||
		len(kind) > len(suffix) && strings.EqualFold(kind[len(kind)-len(suffix):], suffix)
}
