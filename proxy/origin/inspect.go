package origin

import (
	"bytes"
	"fmt"
	"net/http"
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
	// questionable: it must not be stored in place of a page that is.
	questionable bool
	// silent: it says nothing about the origin's health.
	silent bool

	evidence   []string      // in words, strongest first
	notice     health.Notice // what was amiss although the attempt went on
	retryAfter time.Duration // for how long the origin asks to be left alone
	// inHand: all of the body was read ahead.
	inHand bool
}

// inspect decides whether an answer is the site's, as far as its header and the
// beginning of its body tell. It reads that beginning and puts it back. Where no other origin is
// asked after this one, which is the last, it has more patience.
func inspect(response *http.Response, method string, site *Site, last bool) finding {
	found := site.judge(response, method)
	switch {
	case method == http.MethodHead:
		found.silent = true // without a body it proves nothing, whatever it says
		return found
	case found.class != health.OK && found.class != health.ServerError:
		return found
	}
	l := newLook(response, method, site)
	switch {
	case isEmpty(response) || response.Body == http.NoBody:
		return l.empty(found)
	case isEventStream(response.Header), (method != http.MethodGet || found.class == health.ServerError) && !l.maybePage():
		return found
	case l.seeks && !l.readable():
		missing := finding{class: health.IdentityMissing, stage: health.StageIdentity,
			reason: fmt.Sprintf("the page came in the coding %q, which was not asked for and cannot be inspected", l.coding)}
		return l.without(found, missing, beginning{})
	}
	return l.ahead(found, last)
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
	// navigation: a browser shows what comes as a document of its own.
	navigation bool
	coding     string
	seeks      bool // its page must show the site's markers
	// lenient: the reader's header excuses what the path does not.
	lenient bool
	verdict gate.Kind // of its page, once that was judged
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
	if !l.showsIdentity() && response.StatusCode/100 == 2 {
		// A thing was made or done, and what says so may be a page like no other.
		l.known = gate.Known{Hosts: l.known.Hosts}
	}
	l.asset, l.lenient, l.path = wanted(response.Request)
	l.navigation = navigates(response.Request)
	l.coding = response.Header.Get("Content-Encoding")
	l.seeks = len(site.Markers) > 0 && (l.showsIdentity() || l.isGone()) && l.maybePage()
	return l
}

// maybePage reports whether a browser may take the answer for a page, whatever its body.
func (l *look) maybePage() bool { return l.kind == "" || isHTML(l.kind) || gate.IsXML(l.kind) }

// isPage reports whether the answer is a page, as its beginning tells. In place of a file
// only what begins as a page is one: servers call everything so that scripts have made.
func (l *look) isPage(text []byte) bool {
	if (l.asset || l.lenient) && l.response.StatusCode/100 == 2 && isHTML(l.kind) {
		return gate.BeginsAsHTML(text)
	}
	return looksHTML(l.kind, text)
}

// judge asks the gate.
func (l *look) judge(seen beginning) gate.Finding {
	return l.site.Gate.Judge(gate.Answer{
		Status: l.response.StatusCode, Header: l.response.Header, Path: l.path, Navigation: l.navigation,
		Body: seen.text, Whole: seen.whole,
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
	case l.isGone():
		// As likely a server without the publication as a server's own word for a page that is gone.
		missing = missing.doubted()
	case l.asset && status/100 == 2:
		return foreignAsset(missing.reason)
	}
	missing.evidence = judged.Evidence
	return missing
}

// ahead reads ahead, and judges what is there by then.
func (l *look) ahead(found finding, last bool) finding {
	limit, textLimit := aheadLimit, textNeeded(l.response)
	if l.seeks {
		limit, textLimit = rawLimit, inspectLimit
	}
	a := readAhead(l.response, l.isZipped() && (l.maybePage() || l.navigation), limit, textLimit)
	defer a.letGo()
	h := l.newHold(found, last)
	seen := h.wait(a)
	needed := l.method == http.MethodGet && found.class == health.OK || l.seeks && !h.proven
	found.inHand = seen.whole
	switch {
	case seen.broken != nil && needed:
		return bodyFinding(seen.broken, seen.total)
	case !l.readable() || l.isZipped() && !l.maybePage() && !l.navigation:
		return found // for who asked for that coding; and a file is not worth the unpacking
	case !l.maybePage():
		return l.file(found, seen.text)
	case seen.spoiled != nil && needed && (!l.seeks || seen.total < rawLimit):
		return bodyFinding(seen.spoiled, seen.total)
	case seen.text.whole && len(bytes.TrimSpace(seen.text.text)) == 0:
		return l.empty(found)
	case !l.mayBecomePage(seen.text.text, h.stalled.class != ""):
		return l.file(found, seen.text)
	}
	return l.held(found, h, seen.text)
}

// held judges what may be a page, and why it was not held any longer.
func (l *look) held(found finding, h *hold, seen beginning) finding {
	stalled := h.stalled.class != ""
	if len(seen.text) > inspectLimit {
		seen = beginning{text: seen.text[:inspectLimit]}
	}
	switch {
	case l.seeks && !h.proven && stalled:
		return h.stalled
	case l.seeks && !h.proven && !l.identifies(seen):
		missing := finding{class: health.IdentityMissing, stage: health.StageIdentity, reason: errNoIdentity.Error()}
		return l.without(found, missing, seen)
	case len(seen.text) > 0 && l.isJudged():
		found = l.page(found, seen)
	}
	if found.class != health.OK || !h.page {
		return found
	}
	complete := seen.whole || len(seen.text) >= gate.Limit
	found.doubtful = found.doubtful || !complete && !h.proven && l.verdict != gate.Genuine
	if stalled {
		h.stalled.word, h.stalled.doubtful = true, found.doubtful
		return h.stalled
	}
	return found
}

// empty judges an answer without content: it is no page of any publication's.
func (l *look) empty(found finding) finding {
	status := l.response.StatusCode
	if l.method != http.MethodGet || found.class != health.OK || !isHTML(l.kind) ||
		status != http.StatusOK && status != http.StatusNonAuthoritativeInfo {
		return found
	}
	const reason = "the page is empty"
	switch {
	case l.asset:
		return foreignAsset(reason).doubted()
	case l.seeks:
		return finding{class: health.IdentityMissing, stage: health.StageIdentity, reason: reason}
	case l.site.unquestioned():
		return found
	}
	return finding{class: health.IdentityMismatch, stage: health.StageIdentity, reason: reason}.doubted()
}

// mayBecomePage reports whether the answer is a page, or may be one once more of it has come.
func (l *look) mayBecomePage(text []byte, more bool) bool {
	if !l.maybePage() || l.isPage(text) {
		return l.maybePage()
	}
	text = bytes.TrimSpace(bytes.TrimPrefix(text[:min(len(text), sniffed)], []byte("\xef\xbb\xbf")))
	return more && len(text) < sniffed && (len(text) == 0 || text[0] == '<')
}

// isZipped reports whether the answer comes in a coding that is unpacked here.
func (l *look) isZipped() bool { return l.coding == "gzip" || l.coding == "x-gzip" }

// readable reports whether the answer's text can be read.
func (l *look) readable() bool { return l.coding == "" || l.coding == "identity" || l.isZipped() }

// isGone reports whether the answer says that there is no such page.
func (l *look) isGone() bool {
	status := l.response.StatusCode
	return retrieves(l.method) && isGone(status)
}

// page judges an answer by its beginning.
func (l *look) page(found finding, seen beginning) finding {
	judged, asset := l.judge(seen), l.asset && l.response.StatusCode/100 == 2
	l.verdict = judged.Kind
	found.doubtful = found.doubtful || l.lenient && isAsset(l.requested()) && l.response.StatusCode/100 == 2
	switch {
	case judged.Kind == gate.Genuine && asset:
		// The site's way to say that there is no such file. It accuses nobody.
		return foreignAsset("the site's own page came").doubted()
	case judged.Kind == gate.Denied:
		if safe(l.method) && found.class == health.OK && !l.site.unquestioned() {
			return foundBy(judged, health.StageIdentity).doubted()
		}
	case judged.Kind == gate.ForeignType && !asset:
	case asset && l.site.unquestioned() && (judged.Kind == gate.ForeignType || !judged.Kind.Foreign()):
		return foreignAsset("nothing shows that it is the site's").doubted()
	case judged.MerelyUnlike() && !asset && l.site.unquestioned():
	case judged.MerelyUnlike() && !asset:
		// Any publication has pages that look like none of its others.
		return foundBy(judged, health.StageIdentity).doubted()
	case judged.Kind.Foreign() && !judged.MerelyUnlike():
		return foundBy(judged, health.StageIdentity)
	case asset:
		return foreignAsset("nothing shows that it is the site's")
	case found.class == health.OK && closeDelimited(l.response) && seen.unfinished():
		return finding{class: health.BodyUnfinished, stage: health.StageBody, word: true, doubtful: true,
			reason: fmt.Sprintf("the connection was closed after %d bytes of a page that has <html> and no </html>", len(seen.text))}
	}
	return found
}

// isJudged reports whether the gate judges the answer's page: pages, refusals and errors, but
// no parts of pages and nothing that a browser goes on from.
func (l *look) isJudged() bool {
	status := l.response.StatusCode
	return status/100 == 2 && !isPart(l.response) || status >= 400
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

// doubted is the finding where it is no more than a doubt: another origin is asked first, and
// where none has better the answer is passed on, not stored, and accuses nobody.
func (f finding) doubted() finding {
	f.word, f.doubtful, f.silent = true, true, true
	return f
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

// showsIdentity reports whether the answer's HTML must show the site's identity: pages, and
// what comes with the statuses of block pages and seizure banners. What answers a request to do
// something with another success than 200 may be a word or two.
func (l *look) showsIdentity() bool {
	switch status := l.response.StatusCode; {
	case status == http.StatusOK, status == http.StatusNonAuthoritativeInfo, status == http.StatusForbidden, status >= 500:
		return true
	case status/100 == 2:
		return safe(l.method) && !isPart(l.response)
	}
	return false
}
