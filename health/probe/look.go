package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/gate"
)

const (
	// What an origin sends and an operator reads is cut to these many bytes.
	maxReason   = 512
	maxLocation = 2048
	// maxRedirects is how many redirects a page may be away.
	maxRedirects = 10
	// slowAnswer is from when on a first byte that still comes in time is noted.
	slowAnswer = time.Second
)

// look is all that is asked of one address: the page, as far as redirects and
// denials lead, and what proves it. Each fetch of it has its own connection.
type look struct {
	target Target
	at     place
	caller context.Context // for the difference between our limit and the caller's end
	ctx    context.Context // caller with Timeout
	proved bool            // Proved has been told

	browser bool   // asks as a browser does, after a denial
	denied  string // the answer that the edge's own request got before that

	short  string // at what rate the page came that was not read to its end; empty for others
	result Result
}

// finding is where a fetch or a look ended.
type finding struct {
	class    health.Class
	stage    health.Stage
	reason   string
	evidence []string
}

// lookAt takes a look at one place.
func (t Target) lookAt(ctx context.Context, at place) Result {
	limited, cancel := context.WithTimeout(ctx, t.timeout())
	defer cancel()
	l := &look{target: t, at: at, caller: ctx, ctx: limited}
	l.result.Address, l.result.Class = at.label, health.OK
	if l.page() {
		l.identify()
	}
	l.conclude()
	if !l.result.OK() && l.connected() {
		t.Sessions.Forget()
	}
	return l.result
}

// connected reports whether there was a connection. A place that cannot be connected to says
// nothing about who answers at the others.
func (l *look) connected() bool {
	return slices.ContainsFunc(l.result.Steps, func(s Step) bool {
		return s.Stage != health.StageConnect || s.Class == health.OK
	})
}

// end ends the look with a finding. It is false, so that a step of the look can return it.
func (l *look) end(f finding) bool {
	if l.caller != nil && errors.Is(l.caller.Err(), context.Canceled) {
		f.class, f.reason = health.InternalError, "the look was cut short: "+f.reason
	}
	l.result.Class, l.result.Stage = f.class, f.stage
	l.result.Reason = clipped(f.reason, maxReason)
	for _, line := range f.evidence {
		l.result.Evidence = append(l.result.Evidence, clipped(line, maxReason))
	}
	if last := len(l.result.Steps) - 1; last >= 0 && l.result.Steps[last].Class == health.OK {
		l.result.Steps[last].Class = l.result.Class
	}
	return false
}

// conclude adds what is only known at the end.
func (l *look) conclude() {
	r := &l.result
	r.At = time.Now()
	if r.OK() {
		if l.denied != "" {
			r.note(health.Notice{Class: health.Denied, Stage: health.StageRequest, Reason: fmt.Sprintf(
				"only the edge's own request was answered %s: asked as a browser does, the origin gave the page", l.denied)})
		}
		if r.Timings.FirstByte > slowAnswer {
			r.note(health.Notice{Class: health.Slow, Stage: health.StageRequest, Reason: fmt.Sprintf(
				"the answer began after %s", r.Timings.FirstByte.Round(time.Millisecond))})
		}
		return
	}
	if l.denied != "" && r.Class != health.Denied {
		r.Evidence = append(r.Evidence, "before that, the edge's own request was answered "+l.denied)
	}
	if r.CDN != "" {
		r.Evidence = append(r.Evidence, "the answer came through "+r.CDN)
	}
	if len(r.Evidence) == 0 {
		r.Evidence = []string{reached(r.Steps)}
	}
}

// reached says what was well before a look failed.
func reached(steps []Step) string {
	var parts []string
	for _, s := range steps {
		if s.Class == health.OK {
			parts = append(parts, fmt.Sprintf("%s in %s", s.Stage, s.Took.Round(10*time.Microsecond)))
		}
	}
	if len(parts) == 0 {
		return "nothing was reached before"
	}
	return "well until then: " + strings.Join(parts, ", ")
}

// page fetches the page, along redirects that stay at this origin and past a denial
// that is meant for robots. It reports whether there is something to identify.
func (l *look) page() bool {
	at, err := l.target.pageURL()
	if err != nil {
		return l.end(finding{class: health.InternalError, stage: health.StageRequest, reason: err.Error()})
	}
	trail := []string{at.String()}
	for {
		f := l.ask(at, len(trail) > 1)
		if f.class != health.OK {
			return l.end(f.finding)
		}
		found := l.target.judgeHeader(f.answer.Response, at)
		switch {
		case found.next != nil && len(trail) > maxRedirects:
			f.close()
			return l.end(wandering(fmt.Sprintf("more than %d redirects", maxRedirects), trail))
		case found.next != nil:
			f.close()
			if known(trail, found.next) {
				return l.end(wandering("a redirect back to "+clipped(found.next.String(), 100), trail))
			}
			at = found.next
			trail = append(trail, at.String())
			continue
		case found.class != health.OK:
			l.refuse(f, found.finding)
			return false
		case f.answer.StatusCode >= 300:
			f.close() // its page is at another of its own names: the origin is well
			return true
		}
		return l.read(f)
	}
}

// known reports whether the trail has been at an address before.
func known(trail []string, next *url.URL) bool {
	for _, before := range trail {
		if before == next.String() {
			return true
		}
	}
	return false
}

// wandering is the finding of redirects that lead to no page.
func wandering(reason string, trail []string) finding {
	return finding{health.RedirectLoop, health.StageRequest, reason,
		[]string{"the way was " + strings.Join(trail, " → ")}}
}

// ask fetches the header of a page. A denial of the edge's own request is asked about
// once more, as a browser would: many servers deny whatever they do not know.
func (l *look) ask(at *url.URL, hop bool) *fetch {
	f := l.fetch(at)
	f.open()
	l.take(f, hop)
	if f.class != health.OK || l.browser || !denies(f.answer.Response) {
		return f
	}
	f.close()
	denied := fmt.Sprintf("%d %s", f.answer.StatusCode, http.StatusText(f.answer.StatusCode))
	l.browser, l.denied = true, denied
	again := l.fetch(at)
	if again.open(); again.class == health.OK {
		l.take(again, true)
		return again
	}
	f.finding = finding{health.Denied, health.StageRequest, "the answer is " + denied,
		[]string{fmt.Sprintf("asked as a browser does, it fails otherwise: %s: %s", again.class, again.reason)}}
	return f
}

// take keeps the facts of a fetch of the page. Of a further one only the request
// is a step of its own, unless it failed earlier.
func (l *look) take(f *fetch, further bool) {
	r := &l.result
	if !further {
		r.Timings = f.timings
	}
	r.Timings.FirstByte = f.timings.FirstByte
	for _, s := range f.steps {
		if !further || s.Stage == health.StageRequest || s.Class != health.OK {
			r.Steps = append(r.Steps, s)
		}
	}
	if f.certificate != nil {
		r.Certificate = f.certificate
	}
	if f.answer != nil {
		r.Status = f.answer.StatusCode
		r.Location = clipped(f.answer.Header.Get("Location"), maxLocation)
		r.CDN = cdnOf(f.answer.Header)
		r.RetryAfter = retryAfter(f.answer.Response, time.Now())
	}
}

// refuse ends the look with an answer that is no page. Its beginning may say more than
// its status: that it is a notice or a challenge.
func (l *look) refuse(f *fetch, found finding) {
	defer f.close()
	switch found.class {
	case health.ServerError, health.StatusUnexpected, health.Denied:
		if l.target.Gate == nil {
			break
		}
		f.readSome()
		l.keep(f)
		l.result.BodyBytes = f.answer.received()
		l.result.Judged = l.target.Gate.Judge(l.result.Page, l.known(false))
		if class := l.result.Judged.Kind.Class(); telling(class) {
			found = finding{class, health.StageIdentity, said(class, l.result.Judged), append(l.result.Judged.Evidence, found.reason)}
		}
	}
	l.end(found)
}

// read reads the page that the header promised, and keeps it.
func (l *look) read(f *fetch) bool {
	defer f.close()
	proven := func(page []byte) bool {
		_, missing := lacks(page, l.target.Contains)
		return len(l.target.Contains) > 0 && !missing
	}
	f.read(proven, l.target.Known.Baseline)
	l.result.Timings.Body, l.result.BodyBytes = f.timings.Body, f.answer.received()
	l.result.Steps = append(l.result.Steps, f.steps[len(f.steps)-1])
	l.keep(f)
	l.short = f.short
	l.result.note(f.notice)
	if f.class == health.BodyUnfinished && l.target.Gate != nil {
		// Notices are often written without care, and unfinished pages of the publication say nothing else.
		if seen := l.judge(l.known(false)); telling(seen.class) {
			seen.evidence = append(seen.evidence, f.reason)
			return l.end(seen)
		}
	}
	if f.class != health.OK {
		return l.end(f.finding)
	}
	return true
}

// pageTime is how long reading the page may take: all that is left, or two thirds of it where a
// random path will be asked for. A canary has its own time.
func (l *look) pageTime() time.Duration {
	if l.target.RandomPath {
		return l.left() * 2 / 3
	}
	return l.left()
}

// keep makes the answer that was read what is judged.
func (l *look) keep(f *fetch) {
	l.result.Page = gate.Answer{
		Status: f.answer.StatusCode, Header: f.answer.Header, Path: f.url.Path, Body: f.body, Whole: f.whole,
	}
}
