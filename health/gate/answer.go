package gate

import (
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
	// Navigation: a browser shows what comes as a document of its own, plain text too.
	Navigation bool
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

// hasPages reports whether the site is known to answer with pages.
func (k *Known) hasPages() bool {
	return len(k.Markers) > 0 || k.Baseline != nil && k.Baseline.Pages > 0
}

// inWords is what is known of the site where an answer is judged by its wording alone.
func (k *Known) inWords() Known { return Known{Hosts: k.Hosts, Explain: k.Explain} }

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

// isHTML reports whether the answer is a page. One without a type is sniffed, and so is
// XML, which a browser shows as a page where its root is XHTML. What a path that names a
// file is answered with need not be a page because it is called one: servers call
// everything so that scripts of theirs have made.
func (a *Answer) isHTML() bool {
	switch kind := a.mediaType(); {
	case kind == "":
		return len(a.Body) == 0 || BeginsAsHTML(a.Body)
	case strings.EqualFold(kind, "text/html"), strings.EqualFold(kind, "application/xhtml+xml"):
		want := asks(a.Path)
		return len(a.Body) == 0 || a.Status/100 != 2 || want != askedCode && want != askedMedia || BeginsAsHTML(a.Body)
	case IsXML(kind):
		return BeginsAsXHTML(a.Body)
	}
	return false
}

// isText reports whether a browser would show the answer as plain text, which it may also
// take for the type of one without.
func (a *Answer) isText() bool {
	kind := a.mediaType()
	return kind == "" || strings.EqualFold(kind, "text/plain")
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
