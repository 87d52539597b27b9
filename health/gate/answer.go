package gate

import (
	"bytes"
	"net/http"
	"strings"
)

// Limit is how much of a body is judged.
const Limit = 64 << 10

// Answer is what came back, as far as it has been read.
type Answer struct {
	Status int
	Header http.Header
	// Path is the path of the request, without the query.
	Path string
	// Body is the beginning of the body, without content coding.
	Body []byte
	// Whole: the body ends where Body ends.
	Whole bool
}

// Known is what is known of the site whose answer is judged.
type Known struct {
	// Hosts are the site's own: canonical, origins, fronts. A subdomain of one counts as own.
	Hosts []string
	// Markers are the texts that every page of the site contains, all of them.
	Markers []string
	// Baseline is what pages that passed looked like; nil if none has.
	Baseline *Baseline
	// Vouched: the origin has just proven itself otherwise, by its canary. A page
	// that is not like the baseline is then a redesign.
	Vouched bool
	// Proven: the site's origins prove themselves otherwise now and then, by their canaries.
	// Being unlike the baseline then speaks no more against a page; being like it still
	// speaks for one.
	Proven bool
	// Wildcard: RandomPath found that the origin answers any path with one page.
	Wildcard bool
	// Explain asks for evidence also where there is no objection.
	Explain bool
}

// field is the first value of a header field, whose name is in canonical form.
func (a *Answer) field(name string) string {
	if values := a.Header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// mediaType is the answer's type without parameters; the case is as it came.
func (a *Answer) mediaType() string {
	value, _, _ := strings.Cut(a.field("Content-Type"), ";")
	return strings.TrimSpace(value)
}

// isHTML reports whether a browser would take the answer for a page. One
// without a type is sniffed.
func (a *Answer) isHTML() bool {
	switch kind := a.mediaType(); {
	case kind == "":
		return len(a.Body) == 0 || beginsAsHTML(a.Body)
	case strings.EqualFold(kind, "text/html"), strings.EqualFold(kind, "application/xhtml+xml"):
		return true
	}
	return false
}

// beginsAsHTML reports whether a body begins as only an HTML page does.
func beginsAsHTML(body []byte) bool {
	body = bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), " \t\r\n\f")
	for bytes.HasPrefix(body, []byte("<!--")) {
		end := bytes.Index(body, []byte("-->"))
		if end < 0 {
			return false
		}
		body = bytes.TrimLeft(body[end+3:], " \t\r\n\f")
	}
	for _, start := range [...]string{"<!doctype html", "<html", "<head", "<body", "<title", "<meta", "<script", "<iframe", "<h1"} {
		if len(body) > len(start) && equalFold(body[:len(start)], start) {
			switch body[len(start)] {
			case ' ', '>', '\t', '\r', '\n', '/':
				return true
			}
		}
	}
	return false
}

// asked is what kind of thing a path asks for, as far as its extension tells.
type asked uint8

const (
	askedAnything asked = iota
	askedPage
	// askedCode: what is never a page, whatever a site makes of its paths.
	askedCode
	// askedMedia: pictures and files, whose names some sites also give to pages about them.
	askedMedia
)

// asks reads the extension of a path.
func asks(path string) asked {
	name := path[strings.LastIndexByte(path, '/')+1:]
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || len(name)-dot > 6 {
		return askedAnything
	}
	for _, group := range [...]struct {
		want asked
		list string
	}{
		{askedPage, ".html.htm.xhtml.php.aspx.jsp."},
		{askedCode, ".js.mjs.css.map.json.woff.woff2.ttf.otf.wasm."},
		{askedMedia, ".png.jpg.jpeg.gif.webp.avif.svg.ico.mp4.webm.mp3.ogg.m4a.m3u8.ts.pdf.zip.xml.rss.atom.txt."},
	} {
		if listed(group.list, name[dot:]) {
			if group.want == askedMedia && strings.Contains(name, ":") {
				return askedAnything // wikis call the page about a picture File:name.jpg
			}
			return group.want
		}
	}
	return askedAnything
}

// listed looks for an extension, dot first, in a list of them.
func listed(list, extension string) bool {
	for i := 0; i+len(extension) < len(list); i++ {
		if list[i] == '.' && list[i+len(extension)] == '.' && strings.EqualFold(list[i:i+len(extension)], extension) {
			return true
		}
	}
	return false
}

// equalFold compares without regard to the case of ASCII letters.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if lower(b[i]) != lower(s[i]) {
			return false
		}
	}
	return true
}

// lower is the lower case of an ASCII letter, and any other byte as it is.
func lower(c byte) byte {
	if c-'A' < 26 {
		return c | 0x20
	}
	return c
}
