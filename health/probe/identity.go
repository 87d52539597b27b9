package probe

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/gate"
)

// identify decides whether the page that was kept is the publication's: by the texts that
// it must contain, by the origin's canary, and, where neither is configured, by its
// likeness to known pages and by what the origin has at a path that does not exist.
//
// The canary is fetched before likeness is judged, for an origin that proves itself may
// look as new as it likes. It does not outweigh a text that is missing.
func (l *look) identify() bool {
	begun := time.Now()
	paged := l.result.Page.Status != 0 // else the page is at another of the origin's names
	if paged && len(l.target.Contains) > 0 {
		if f := l.judge(l.known(false)); f.class != health.OK {
			return l.identified(begun, f)
		}
		return l.identified(begun, l.canary())
	}
	f := l.canary()
	if !paged {
		return l.identified(begun, f)
	}
	seen := l.judge(l.known(l.result.Proven))
	switch {
	case f.class == health.CanaryInvalid && telling(seen.class):
		// What stands there instead says more than that the canary does not.
		seen.evidence = append(seen.evidence, f.reason)
		return l.identified(begun, seen)
	case f.class != health.OK:
		return l.identified(begun, f)
	case l.target.RandomPath && l.target.Gate != nil && !l.result.Proven && l.result.Judged.Kind != gate.Genuine:
		seen = l.wander(seen)
	}
	return l.identified(begun, seen)
}

// identified ends the stage with a finding, and notes it as a step.
func (l *look) identified(begun time.Time, f finding) bool {
	words := f.reason
	if f.class == health.OK {
		words = strings.Join(f.evidence, "; ")
	}
	stage := f.stage
	if stage == "" {
		stage = health.StageIdentity
	}
	l.result.Steps = append(l.result.Steps, Step{
		Stage: stage, Took: time.Since(begun), Class: f.class, Words: clipped(words, maxReason),
	})
	if f.class != health.OK {
		return l.end(f)
	}
	return true
}

// known is what the gate is told of the site. Texts that the page must contain are its markers.
func (l *look) known(vouched bool) gate.Known {
	k := l.target.Known
	k.Explain, k.Vouched = true, vouched
	if len(k.Hosts) == 0 {
		k.Hosts = slices.Concat([]string{l.target.URL.Host}, l.target.Hosts, l.target.Elsewhere)
	}
	if len(l.target.Contains) > 0 {
		k.Markers = l.target.Contains
	}
	return k
}

// judge is what the page that was kept is found to be. Evidence without an objection
// is what speaks for it.
func (l *look) judge(k gate.Known) finding {
	page := l.result.Page
	missing, lacking := lacks(page.Body, l.target.Contains)
	if l.target.Gate == nil {
		if lacking {
			return l.without(missing, nil)
		}
		return finding{class: health.OK, evidence: l.plainProof()}
	}
	l.result.Judged = l.target.Gate.Judge(page, k)
	judged := l.result.Judged
	switch class := judged.Kind.Class(); {
	case class == health.OK && lacking && judged.Kind != gate.Genuine, class == health.IdentityMismatch && lacking:
		// The gate reads charsets: a page that it finds genuine has the text in another one.
		return l.without(missing, judged.Evidence)
	case class == health.IdentityMismatch && l.empty():
		return finding{class, health.StageIdentity, emptyPage, judged.Evidence}
	case class != health.OK:
		return finding{class, health.StageIdentity, said(class, judged), judged.Evidence}
	}
	return finding{class: health.OK, evidence: judged.Evidence}
}

// without is the finding of a page that lacks a text. Of a page that has not come whole in time it
// says only that the page came slowly.
func (l *look) without(missing string, evidence []string) finding {
	if l.short != "" {
		return finding{health.Slow, health.StageBody, fmt.Sprintf(
			"the page comes too slowly to be judged: it came at %s, and what came in time does not contain %q yet", l.short, missing), evidence}
	}
	if l.empty() {
		return finding{health.IdentityMissing, health.StageIdentity, emptyPage,
			append([]string{fmt.Sprintf("it should contain %q", missing)}, evidence...)}
	}
	return finding{health.IdentityMissing, health.StageIdentity,
		fmt.Sprintf("the page of %d bytes does not contain %q", len(l.result.Page.Body), missing), evidence}
}

// emptyPage is the reason of a page that has nothing to be judged by.
const emptyPage = "the page is empty"

// empty reports whether the page came whole and has nothing in it.
func (l *look) empty() bool { return l.result.Page.Whole && len(l.result.Page.Body) == 0 }

// plainProof is what speaks for a page that no gate has judged.
func (l *look) plainProof() []string {
	if len(l.target.Contains) == 0 {
		return []string{"nothing is configured that the page must show"}
	}
	return []string{fmt.Sprintf("the page contains %q", l.target.Contains)}
}

// said is a finding of the gate in one sentence. Whether a mismatch comes from a comparison, its
// evidence says.
func said(class health.Class, f gate.Finding) string {
	meaning := class.Meaning()
	if class == health.IdentityMismatch {
		meaning = "nothing proves the page"
	}
	reason := fmt.Sprintf("%s (%s confidence)", meaning, f.Confidence)
	if len(f.Evidence) > 0 {
		reason += ": " + f.Evidence[0]
	}
	return reason
}

// telling reports whether a class says what it is that stands in the page's place.
func telling(class health.Class) bool {
	switch class {
	case health.BlockPage, health.Seized, health.Parked, health.Challenge:
		return true
	}
	return false
}

// wander asks for a path that nobody can have linked to. An origin that has the same page there
// as at its home may be parked: with that, the page is judged once more.
func (l *look) wander(seen finding) finding {
	path := "/" + strings.ToLower(rand.Text())
	f := l.fetch(&url.URL{Scheme: l.target.URL.Scheme, Host: l.target.URL.Host, Path: path})
	defer f.close()
	if f.open(); f.class != health.OK {
		seen.evidence = append(seen.evidence, "a path that does not exist could not be asked for: "+f.reason)
		return seen
	}
	f.readSome()
	random := gate.Answer{Status: f.answer.StatusCode, Header: f.answer.Header, Path: path, Body: f.body, Whole: f.whole}
	if !gate.RandomPath(l.result.Page, random) {
		seen.evidence = append(seen.evidence, fmt.Sprintf("a path that does not exist is answered %d, and not with this page", f.answer.StatusCode))
		return seen
	}
	k := l.known(false)
	k.Wildcard = true
	return l.judge(k)
}

// shown is what speaks for the page before the canary does.
func (l *look) shown() []string {
	if l.result.Page.Status == 0 {
		return []string{"the page is at another of the origin's names"}
	}
	if l.target.Gate != nil {
		return l.result.Judged.Evidence
	}
	return l.plainProof()
}
