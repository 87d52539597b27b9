package origin

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/heliograph-edge/heliograph/health"
)

const (
	// shortestTag is how long an entity tag must be for two origins' to be taken for one.
	shortestTag = 8
	// digestTag is how many letters and digits a digest of the content has at least: 128
	// bits in base64. What servers make of times, lengths and inodes has fewer.
	digestTag = 22
	// overlap is how many bytes that the reader has already are asked for once more, and
	// compared, before another answer goes on.
	overlap = 4 << 10
	// continueWithin is how long an origin may take to begin its part.
	continueWithin = 5 * time.Second
)

// validator is what tells that two origins have the same bytes.
type validator struct {
	tag      string // strong, with its quotes
	length   int64
	coding   string
	modified string // may be empty
	// elsewhere: another origin's answer with this validator has the same bytes.
	elsewhere bool
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
	v.elsewhere = isMedia(kindOf(response.Header)) || isDigest(v.tag)
	return v, strong
}

// isMedia reports whether what has the media type has no addresses of its origin in it,
// so that mirrors of one file are equal. Pages, scripts, feeds, playlists and the like have.
func isMedia(kind string) bool {
	switch top, sub, _ := strings.Cut(kind, "/"); {
	case strings.HasSuffix(sub, "+xml"), strings.HasSuffix(sub, "mpegurl"):
		return false
	case top == "image", top == "audio", top == "video", top == "font":
		return true
	}
	switch kind {
	case "application/octet-stream", "application/pdf", "application/zip", "application/epub+zip":
		return true
	}
	return false
}

// isDigest reports whether an entity tag is long enough to be a digest of the content.
// The usual ones of servers are a file's time and length, which mirrors of
// a page have in common although each names itself in it.
func isDigest(tag string) bool {
	joint := func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("+/_", c)
	}
	for run := range strings.FieldsFuncSeq(tag, joint) {
		if len(run) >= digestTag {
			return true
		}
	}
	return false
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
		if next := b.request(ctx, place, s); next != nil {
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
	} else { // it is asked as readily the next time
		b.tries--
		b.asked = slices.DeleteFunc(b.asked, func(place int) bool { return place == next.attempt.place })
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
// broke, the same origin is asked first, by HTTP/1.1: its tags are its own, whatever they are made of.
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
	if !b.page.elsewhere {
		return -1
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
		places = apart(places, views, from, awake)
	}
	return places[0]
}

// request asks an origin for the rest of the body, and for the end of what the reader has. It is nil
// where it has none that fits.
func (b *resumable) request(ctx context.Context, place int, s *search) *continuation {
	ask := *b.ask
	ask.Body, ask.Interim = nil, nil
	ask.Conditional = func(_ string, header http.Header) {
		delete(header, "If-Match")
		delete(header, "If-Unmodified-Since")
		header["Range"] = []string{fmt.Sprintf("bytes=%d-", s.from())}
		header["If-Range"] = []string{b.page.tag}
	}
	a := &attempt{
		pool: b.pool, origin: b.pool.site.Origins[place], place: place, ask: &ask, moved: true, started: b.pool.now(),
		http1: s.why == health.StreamReset && place == s.broken,
	}
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	late := time.AfterFunc(continueWithin, func() { a.cancel(errOvertaken) })
	e := a.remainder(b.page, s)
	inTime := late.Stop()
	e.report()
	if !inTime || e.found.class != health.OK {
		e.drop(errOvertaken)
		return nil
	}
	return &continuation{attempt: a, body: e.response.Body}
}

// remainder sends the request for the rest of a body, and checks that it fits.
func (a *attempt) remainder(page validator, s *search) ended {
	ctx := a.progress.watch(a.ctx, true, heard{connected: a.origin.connected, seen: &a.origin.keepAlive})
	response, err := a.roundTrip(a.origin.direct(ctx, a.ask, nil, movedOn))
	now := a.pool.now()
	if err != nil {
		stage := a.progress.at()
		class := health.Classify(err, stage)
		if class == health.StreamReset {
			a.origin.cuts.add(now, err.Error())
		}
		return ended{attempt: a, at: now, found: finding{class: class, stage: stage, reason: err.Error()}}
	}
	a.progress.reach(stageBody)
	guarded := a.guard(response)
	guarded.due = page.length - s.from()
	e := ended{attempt: a, response: response, at: now, found: a.pool.site.judge(response, http.MethodGet)}
	e.heed()
	if e.found.class == health.OK {
		e.found = s.fits(page, response)
	}
	if e.found.class == health.OK && a.http1 {
		a.origin.cuts.mended(now)
	}
	guarded.passedOn.Store(true)
	return e
}

// fits finds out whether an answer goes on where a body ended. It reads what both have.
func (s *search) fits(page validator, response *http.Response) finding {
	why := page.continues(response, s.from())
	if why == "" {
		again := make([]byte, len(s.tail))
		if _, err := io.ReadFull(response.Body, again); err != nil {
			return bodyFinding(err, 0)
		}
		if bytes.Equal(again, s.tail) {
			return finding{class: health.OK}
		}
		why = "its bytes are others"
	}
	// No fault of the origin's: it has another version, or gives no parts.
	return finding{class: health.StatusUnexpected, stage: health.StageRequest, reason: "it cannot go on with the body: " + why, silent: true}
}
