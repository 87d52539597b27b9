package origin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/health"
)

const (
	// shortestTag is how long an entity tag must be for two origins' to be taken for one.
	shortestTag = 8
	// continueWithin is how long an origin may take to begin its part.
	continueWithin = 5 * time.Second
)

// validator is what tells that two origins have the same bytes.
type validator struct {
	tag      string // strong, with its quotes
	length   int64
	coding   string
	modified string // may be empty
}

// validatorOf is the validator of an answer that can be gone on with.
func validatorOf(response *http.Response) (v validator, ok bool) {
	if response == nil || response.StatusCode != http.StatusOK || response.ContentLength <= 0 || len(response.Header["Etag"]) != 1 {
		return validator{}, false
	}
	v = validator{
		tag: response.Header["Etag"][0], length: response.ContentLength,
		coding: response.Header.Get("Content-Encoding"), modified: response.Header.Get("Last-Modified"),
	}
	strong := len(v.tag) >= shortestTag+2 && v.tag[0] == '"' && v.tag[len(v.tag)-1] == '"' && !strings.Contains(v.tag[1:len(v.tag)-1], `"`)
	return v, strong
}

// continues says why an answer does not go on from a byte; empty where it does.
func (v validator) continues(response *http.Response, at int64) string {
	header := response.Header
	length := v.length - at
	switch want := fmt.Sprintf("bytes %d-%d/%d", at, v.length-1, v.length); {
	case response.StatusCode != http.StatusPartialContent:
		return fmt.Sprintf("it answered %d", response.StatusCode)
	case len(header["Etag"]) != 1 || header["Etag"][0] != v.tag:
		return "its entity tag is another"
	case header.Get("Content-Range") != want:
		return fmt.Sprintf("it gave %s, not %s", clip(header.Get("Content-Range")), want)
	case response.ContentLength >= 0 && response.ContentLength != length:
		return fmt.Sprintf("its part has %d bytes, not %d", response.ContentLength, length)
	case header.Get("Content-Encoding") != v.coding:
		return "its coding is another"
	case v.modified != "" && header.Get("Last-Modified") != "" && header.Get("Last-Modified") != v.modified:
		return "it was modified at another time"
	}
	return ""
}

// continuation is the rest of a body from another origin.
type continuation struct {
	attempt *attempt
	body    io.ReadCloser
}

// part is a continuation's body. Closing it ends its search.
type part struct {
	io.ReadCloser
	end context.CancelFunc
}

// Close implements io.Closer.
func (p *part) Close() error {
	defer p.end()
	return p.ReadCloser.Close()
}

// run searches, one origin after the other.
func (b *resumable) run(ctx context.Context, s *search) {
	defer close(s.done)
	for {
		place := b.successor(s.why)
		if place < 0 || ctx.Err() != nil || !b.pool.allowed(false) {
			break
		}
		b.mu.Lock()
		b.tries++
		b.asked = append(b.asked, place)
		b.mu.Unlock()
		if next := b.request(ctx, place, s.at); next != nil {
			next.body = &part{ReadCloser: next.body, end: s.cancel}
			b.hand(s, next)
			return
		}
	}
	s.cancel()
}

// hand gives what was found to the one who reads, and ends the wait for the first
// origin; unless the body was closed, or has come on where it had only stalled.
func (b *resumable) hand(s *search, next *continuation) {
	b.mu.Lock()
	from := b.attempt
	stands := !b.closed && b.offset < b.page.length && (s.why != health.BodyStalled || b.offset == s.at)
	if stands {
		s.found = next
	}
	b.mu.Unlock()
	if !stands {
		next.body.Close()
		return
	}
	if s.why == health.BodyStalled || s.why == health.Throttled {
		b.accuse(from, s)
	}
	from.cancel(errContinued)
}

// accuse tells health of an origin whose body was too slow: that another one goes on with
// it shows that it is neither the page nor the edge's own network. Of a body that broke off,
// health knows already.
func (b *resumable) accuse(from *attempt, s *search) {
	class, reason := s.why, fmt.Sprintf("the body came at less than %d bytes a second by byte %d", leastRate, s.at)
	if s.why == health.BodyStalled {
		class, reason = stalledAt(s.at), fmt.Sprintf("the body stopped coming at byte %d for %s", s.at, stallTime)
	}
	b.pool.observe(from.origin, health.Observation{
		At: b.pool.now(), Live: true, Class: class, Stage: health.StageBody, Reason: reason + ", and another origin had the rest",
	}, from.hedge)
}

// successor is the next origin that may go on with the body; -1 without one. Where it is HTTP/2 that
// broke, the same origin is asked first, by HTTP/1.1.
func (b *resumable) successor(why health.Class) int {
	b.mu.Lock()
	asked, now, tries := slices.Clone(b.asked), b.attempt.place, b.tries
	b.mu.Unlock()
	if tries >= maxRetries {
		return -1
	}
	if why == health.StreamReset && !slices.Contains(asked, now) {
		return now
	}
	return b.pool.alternate(append(asked, now), now, why)
}

// alternate is the best usable origin other than some; -1 without one. It moves no route.
func (p *Pool) alternate(other []int, from int, why health.Class) int {
	now, views := p.now(), p.Views()
	p.mu.Lock()
	route := p.route
	p.mu.Unlock()
	places := slices.DeleteFunc(order(now, views, route, 0), func(i int) bool {
		return !views[i].Verdict.Usable() || slices.Contains(other, i) || p.site.Origins[i].resting(now)
	})
	if len(places) == 0 {
		return -1
	}
	if why.OfAddress() {
		places = apart(places, views, from)
	}
	return places[0]
}

// request asks an origin for the rest of the body. It is nil where it has none that fits.
func (b *resumable) request(ctx context.Context, place int, at int64) *continuation {
	ask := *b.ask
	ask.Body, ask.Interim = nil, nil
	ask.Conditional = func(_ string, header http.Header) {
		delete(header, "If-Match")
		delete(header, "If-Unmodified-Since")
		header["Range"] = []string{fmt.Sprintf("bytes=%d-", at)}
		header["If-Range"] = []string{b.page.tag}
	}
	a := &attempt{
		pool: b.pool, origin: b.pool.site.Origins[place], place: place, ask: &ask, moved: true, started: b.pool.now(),
	}
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	late := time.AfterFunc(continueWithin, func() { a.cancel(errOvertaken) })
	e := a.remainder(b.page, at)
	inTime := late.Stop()
	e.report()
	if !inTime || e.found.class != health.OK {
		e.drop(errOvertaken)
		return nil
	}
	return &continuation{attempt: a, body: e.response.Body}
}

// remainder sends the request for the rest of a body, and checks that it fits.
func (a *attempt) remainder(page validator, at int64) ended {
	ctx := a.progress.watch(a.ctx, true, heard{connected: a.origin.connected})
	response, err := a.origin.at(a.started).RoundTrip(a.origin.direct(ctx, a.ask, nil, true))
	now := a.pool.now()
	if err != nil {
		stage := a.progress.at()
		class := health.Classify(err, stage)
		if class == health.StreamReset {
			a.origin.leaveHTTP2(now)
		}
		return ended{attempt: a, at: now, found: finding{class: class, stage: stage, reason: err.Error()}}
	}
	a.progress.reach(stageBody)
	guarded := a.guard(response)
	guarded.passedOn.Store(true)
	e := ended{attempt: a, response: response, at: now, found: a.pool.site.judge(response, http.MethodGet)}
	if why := page.continues(response, at); why != "" && e.found.class == health.OK {
		// No fault of the origin's: it has another version, or gives no parts.
		e.found = finding{class: health.StatusUnexpected, stage: health.StageRequest, reason: "it cannot go on with the body: " + why, silent: true}
	}
	return e
}
