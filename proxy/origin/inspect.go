package origin

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/gate"
)

// finding is what an inspection says of an answer.
type finding struct {
	class  health.Class
	stage  health.Stage
	reason string
	// word: the answer may still be passed on where no other origin gives a better one.
	word bool
	// doubtful: it must not be stored, even where it is passed on.
	doubtful bool
	// silent: it says nothing about the origin's health.
	silent bool

	evidence   []string      // in words, strongest first
	notice     health.Notice // what was amiss although the attempt went on
	retryAfter time.Duration // for how long the origin asks to be left alone
	// inHand: all of the body was read ahead.
	inHand bool
}

// inspect decides whether an answer is the site's, as far as its header and the
// beginning of its body tell. It reads that beginning and puts it back.
func inspect(response *http.Response, method string, site *Site) finding {
	found := site.judge(response, method)
	switch {
	case method == http.MethodHead:
		found.silent = true // without a body it proves nothing, whatever it says
		return found
	case found.class != health.OK && found.class != health.ServerError, isEmpty(response):
		return found
	}
	l := newLook(response, method, site)
	if len(site.Markers) > 0 && showsIdentity(response.StatusCode) && l.maybePage() {
		var missing finding
		missing, l.marked = seekIdentity(response, site.Markers, l.kind == "")
		if missing.class != health.OK && !l.identifies(l.marked) {
			return l.without(found, missing, l.marked)
		}
	}
	if method != http.MethodGet && !l.maybePage() || found.class == health.ServerError && !l.maybePage() {
		return found
	}
	return l.ahead(found)
}

// look is one answer under inspection.
type look struct {
	site     *Site
	response *http.Response
	method   string
	kind     string // its media type; empty where there is none
	asset    bool   // what was asked for is never a page
	path     string // that was asked for, as the gate is to see it
	known    gate.Known
	marked   beginning // as far as it was read for its identity; empty where that was not sought
}

// newLook gathers what an answer is judged by.
func newLook(response *http.Response, method string, site *Site) *look {
	l := &look{site: site, response: response, method: method, kind: kindOf(response.Header)}
	if site.Known != nil {
		l.known = site.Known()
	}
	if len(l.known.Markers) == 0 {
		l.known.Markers = site.Markers
	}
	l.asset, l.path = wanted(response.Request)
	return l
}

// maybePage reports whether a browser may take the answer for a page.
func (l *look) maybePage() bool { return l.kind == "" || isHTML(l.kind) }

// judge asks the gate.
func (l *look) judge(seen beginning) gate.Finding {
	return l.site.Gate.Judge(gate.Answer{
		Status: l.response.StatusCode, Header: l.response.Header, Path: l.path, Body: seen.text, Whole: seen.whole,
	}, l.known)
}

// identifies reports whether a page has the site's identity after all, in another charset.
func (l *look) identifies(seen beginning) bool {
	return len(seen.text) > 0 && l.judge(seen).Kind == gate.Genuine
}

// without is the finding about an answer in whose page the identity could not be found.
func (l *look) without(found, missing finding, seen beginning) finding {
	if missing.class != health.IdentityMissing {
		return missing
	}
	judged := l.judge(seen)
	switch status := l.response.StatusCode; {
	case isNotice(judged.Kind):
		return foundBy(judged, health.StageIdentity)
	case found.class == health.ServerError:
		// A server's own error page. It speaks of trouble, not of another publication.
		found.reason, found.word = found.reason+", and "+missing.reason, false
		return found
	case status == http.StatusForbidden:
		// A server's own refusal, as likely as a block page; the request may be to blame.
		missing.silent = true
		if safe(l.method) {
			missing.class, missing.word, missing.doubtful = health.Denied, true, true
		}
	case l.asset && status/100 == 2:
		return foreignAsset(missing.reason)
	}
	missing.evidence = judged.Evidence
	return missing
}

// ahead reads ahead, and judges what is there by then.
func (l *look) ahead(found finding) finding {
	get := l.method == http.MethodGet
	raw, whole, err := readAhead(l.response, get && found.class == health.OK)
	if err != nil && get && found.class == health.OK {
		return bodyFinding(err, len(raw))
	}
	found.inHand = whole
	if !l.maybePage() {
		return l.file(found, raw)
	}
	seen, err := decode(raw, whole, l.response.Header.Get("Content-Encoding"))
	switch {
	case errors.Is(err, errUnreadable):
		return found // for who asked for that coding
	case err != nil && get && found.class == health.OK:
		return bodyFinding(err, len(raw))
	case len(seen.text) == 0 || !isJudged(l.response.StatusCode):
		return found
	}
	if len(seen.text) < len(l.marked.text) {
		seen = l.marked // the identity may come late in a page
	}
	return l.page(found, seen)
}

// page judges an answer by its beginning.
func (l *look) page(found finding, seen beginning) finding {
	judged, asset := l.judge(seen), l.asset && l.response.StatusCode/100 == 2 && looksHTML(l.kind, seen.text)
	switch {
	case judged.Kind == gate.Genuine && asset:
		// The site's way to say that there is no such file. It accuses nobody.
		soft := foreignAsset("the site's own page came")
		soft.word, soft.doubtful, soft.silent = true, true, true
		return soft
	case judged.Kind == gate.Denied:
		if safe(l.method) && found.class == health.OK {
			denied := foundBy(judged, health.StageIdentity)
			denied.word, denied.doubtful, denied.silent = true, true, true
			return denied
		}
	case judged.Kind == gate.ForeignType && !asset:
	case judged.Kind.Foreign():
		return foundBy(judged, health.StageIdentity)
	case judged.Kind == gate.Unknown && asset:
		return foreignAsset("nothing shows that it is the site's")
	case found.class == health.OK && closeDelimited(l.response) && seen.unfinished():
		return finding{class: health.BodyUnfinished, stage: health.StageBody, word: true, doubtful: true,
			reason: fmt.Sprintf("the connection was closed after %d bytes of a page that has <html> and no </html>", len(seen.text))}
	}
	return found
}

// file judges an answer that is no page by its type: it must not begin as one all the same.
func (l *look) file(found finding, raw []byte) finding {
	if coding := l.response.Header.Get("Content-Encoding"); coding != "" && coding != "identity" || l.response.StatusCode/100 != 2 {
		return found
	}
	if l.path != "/" {
		l.path = "" // a picture may well come from a path that ends in .php
	}
	if judged := l.judge(beginning{text: raw, whole: found.inHand}); judged.Kind == gate.ForeignType {
		return foundBy(judged, health.StageIdentity)
	}
	return found
}

// isJudged lists the statuses whose pages the gate judges: pages, refusals and errors, but
// no parts and nothing that a browser goes on from.
func isJudged(status int) bool {
	return status == http.StatusOK || status == http.StatusNonAuthoritativeInfo || status >= 400
}

// isNotice reports whether a kind says what stands in the publication's place, more than
// that it is not the publication.
func isNotice(kind gate.Kind) bool {
	switch kind {
	case gate.BlockPage, gate.Seized, gate.Parked, gate.Challenge:
		return true
	}
	return false
}

// foreignAsset is the finding about a page where a file was asked for.
func foreignAsset(why string) finding {
	return finding{class: health.ForeignType, stage: health.StageIdentity, reason: health.ForeignType.Meaning() + ": " + why}
}

// isEmpty reports whether an answer has no content, RFC 9110 §15.3.5, §15.3.6 and §15.4.5.
func isEmpty(response *http.Response) bool {
	switch response.StatusCode {
	case http.StatusNoContent, http.StatusResetContent, http.StatusNotModified:
		return true
	}
	return response.ContentLength == 0
}

// clip shortens a text that an origin sent.
func clip(text string) string {
	const most = 200
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// showsIdentity lists the statuses whose HTML must show the site's identity: pages,
// and the statuses that block pages and seizure banners come with.
func showsIdentity(status int) bool {
	switch status {
	case http.StatusOK, http.StatusNonAuthoritativeInfo, http.StatusForbidden:
		return true
	}
	return status >= 500
}

// kindOf is an answer's media type without parameters, however broken those are; empty
// where there is none, so that a browser would look at the content.
func kindOf(header http.Header) string {
	value := header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(value)
	if err != nil && kind == "" {
		kind, _, _ = strings.Cut(value, ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
	}
	if !strings.Contains(kind, "/") {
		return ""
	}
	return kind
}

// isHTML reports whether a browser takes the media type for a page.
func isHTML(kind string) bool { return kind == "text/html" || kind == "application/xhtml+xml" }
