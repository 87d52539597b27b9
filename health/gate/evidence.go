package gate

import (
	"fmt"
	"net/http"
	"strings"
)

// genuine is the finding of a page that is the publication's.
func (r *reading) genuine() Finding {
	f := Finding{Kind: Genuine, Confidence: Medium}
	if r.marked {
		f.Confidence = High
	}
	if r.known.Explain {
		f.Evidence = r.proofs()
	}
	return f
}

// unproven is the finding where nothing is proven.
func (r *reading) unproven() Finding {
	f := Finding{Kind: Unknown}
	if r.known.Explain {
		f.Evidence = append([]string{"nothing proves the page, and nothing speaks against it"}, r.objections()...)
	}
	return f
}

// found is an objection with its evidence.
func (r *reading) found(kind Kind, sure Confidence) Finding {
	f := Finding{Kind: kind, Confidence: sure}
	if first := r.tally.first[kind]; first != nil {
		f.Fingerprint = first.name
		f.Evidence = append(f.Evidence, fmt.Sprintf("it says %q, as %s", shortened(first.text), first.name))
	}
	f.Evidence = append(f.Evidence, r.objections()...)
	return f
}

// proofs says in words why a page is trusted.
func (r *reading) proofs() []string {
	var words []string
	if r.marked {
		words = append(words, "the page has the site's markers")
	}
	if r.known.Vouched {
		words = append(words, "the origin has proven itself by its canary")
	}
	if r.score.known {
		words = append(words, "compared with known pages: "+r.score.Reason())
	}
	return words
}

// objections says in words what speaks against a page.
func (r *reading) objections() []string {
	var words []string
	note := func(holds bool, format string, args ...any) {
		if holds {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	p := &r.page
	status := r.answer.Status
	note(status/100 != 2, "the answer is %d", status)
	note(p.testing, "it loads the script of a challenge")
	note(p.parking > 0, "%s, which parks domains, is in it", p.parker)
	note(r.missing != "" && r.answer.Whole, "the site's marker %q is not in it", r.missing)
	note(r.missing != "" && !r.answer.Whole, "the site's marker %q has not come in the first %d bytes", r.missing, len(r.answer.Body))
	note(r.unlike(), "it is not like the known pages: %s", r.score.Reason())
	note(len(p.away) > 0, "it sends the reader to %s", p.away)
	note(p.frames > 0 && p.awayFrom == p.frames && p.text < hollowText, "it is only the frame of another site's page")
	note(r.foreignPath(), "it is a page, and %s asks for something else", r.answer.Path)
	note(r.known.Wildcard, "any path is answered with the same page")
	note(len(r.text) == 0 && r.answer.Whole, "it is empty")
	note(r.bare(), "it is bare: %d links, %d bytes of text", p.links, p.text)
	note(r.tally.m != nil && r.tally.benign != nil, "%s is in it, which good pages have, too", benignName(r.tally.benign))
	return words
}

// benignName is the name of a fingerprint that may be nil.
func benignName(f *fingerprint) string {
	if f == nil {
		return ""
	}
	return f.name
}

// shortened cuts a pattern to what fits into a line.
func shortened(text string) string {
	runes := []rune(text)
	if len(runes) <= 60 {
		return text
	}
	return string(runes[:60]) + "…"
}

// legalEvidence says who has a 451 answered, as far as the header tells.
func legalEvidence(a *Answer) []string {
	words := []string{"the answer is 451"}
	for _, link := range a.Header["Link"] {
		target, parameters, found := strings.Cut(link, ">")
		if found && strings.Contains(parameters, "blocked-by") {
			words = append(words, "blocked by "+strings.TrimPrefix(strings.TrimSpace(target), "<"))
		}
	}
	return words
}

// notHTML judges an answer that is no page by its type.
func notHTML(a *Answer, k *Known) Finding {
	kind := a.mediaType()
	want := asks(a.Path)
	if a.Path == "/" && k.hasPages() {
		want = askedPage
	}
	evidence := ""
	switch {
	case a.Status == http.StatusForbidden:
		return Finding{Kind: Denied, Confidence: Low, Evidence: []string{"the answer is 403"}}
	case a.Status/100 != 2:
	case BeginsAsHTML(a.Body) && isNeverHTML(kind, want):
		evidence = fmt.Sprintf("it is called %s and begins as a page", kind)
	case want == askedPage && isMedia(kind):
		evidence = fmt.Sprintf("%s asks for a page, and %s came", a.Path, kind)
	case want == askedCode && (startsFold(kind, "image/") || startsFold(kind, "video/") || startsFold(kind, "audio/")):
		evidence = fmt.Sprintf("%s asks for code, and %s came", a.Path, kind)
	}
	if evidence != "" {
		return Finding{Kind: ForeignType, Confidence: Medium, Evidence: []string{evidence}}
	}
	f := Finding{Kind: Unknown}
	if k.Explain {
		f.Evidence = []string{"it is no page, and so has nothing to be known by"}
	}
	return f
}

// isNeverHTML reports whether a body of that type or at such a path cannot begin as a page does.
func isNeverHTML(kind string, want asked) bool {
	if IsXML(kind) {
		return false // it would have been found to be a page
	}
	if want == askedCode || want == askedMedia && !strings.EqualFold(kind, "text/plain") {
		return true
	}
	switch {
	case startsFold(kind, "image/"), startsFold(kind, "font/"), startsFold(kind, "text/css"), startsFold(kind, "text/javascript"),
		startsFold(kind, "application/javascript"), startsFold(kind, "application/json"):
		return true
	}
	return false
}

// isMedia reports whether a type is one that no page is sent as.
func isMedia(kind string) bool {
	for _, prefix := range [...]string{"image/", "video/", "audio/", "font/", "application/octet-stream", "application/zip",
		"application/x-msdownload", "application/vnd.android", "application/x-msdos", "application/javascript", "text/javascript", "text/css"} {
		if startsFold(kind, prefix) {
			return true
		}
	}
	return false
}

// startsFold reports whether a type begins with a prefix, in any case.
func startsFold(kind, prefix string) bool {
	return len(kind) >= len(prefix) && strings.EqualFold(kind[:len(prefix)], prefix)
}
