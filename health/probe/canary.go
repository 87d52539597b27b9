package probe

import (
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/canary"
)

// CanaryCheck is what the canary of an origin must be.
type CanaryCheck struct {
	Site string         // that it must be for
	Key  canary.Key     // that must have signed it
	Path string         // where it stands; canary.Path when empty
	Lag  time.Duration  // for how long one before the newest passes, see canary.Expect
	Seen *canary.Memory // of the newest; good ones are noted there. It must not be nil
}

// verify judges a canary's text, and notes a good one. Its class is that of what is wrong.
func (c *CanaryCheck) verify(text string, now time.Time) (sequence uint64, wrong ruling) {
	found, err := canary.Verify(text, c.Key, canary.Expect{
		Site: c.Site, Now: now, Newest: c.Seen.Newest(c.Site, c.Key), Lag: c.Lag,
	})
	var refusal *canary.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Reason.Stale():
		return 0, ruling{health.CanaryStale, refusal.Detail}
	case errors.As(err, &refusal):
		return 0, ruling{health.CanaryInvalid, refusal.Detail}
	}
	c.Seen.Note(c.Key, found)
	return found.Sequence, ruling{class: health.OK}
}

// canary asks for the canary where there should be one, and keeps whether it was good.
//
// An origin that cannot be asked (a reset, a timeout, a 5xx) gets the class of that:
// it may be the publication's. One that answers with anything but a good canary is
// not known to be.
func (l *look) canary() finding {
	if l.target.Canary == nil {
		return finding{class: health.OK, evidence: l.shown()}
	}
	text, asked := l.fetchCanary()
	if asked.class != health.OK {
		asked.reason = "the canary: " + asked.reason
		return asked
	}
	sequence, wrong := l.target.Canary.verify(text, time.Now())
	if wrong.failed() {
		return finding{class: wrong.class, stage: health.StageIdentity, reason: "the canary: " + wrong.reason}
	}
	l.result.Proven = true
	return finding{class: health.OK, evidence: append(l.shown(), fmt.Sprintf("the canary is good, sequence %d", sequence))}
}

// fetchCanary fetches the canary from the place that the page came from, over a
// connection of its own, within the time that the look has left.
func (l *look) fetchCanary() (text string, asked finding) {
	path, err := url.ParseRequestURI(cmp.Or(l.target.Canary.Path, canary.Path))
	if err != nil {
		return "", finding{class: health.InternalError, stage: health.StageIdentity, reason: err.Error()}
	}
	f := l.fetch(&url.URL{
		Scheme: l.target.URL.Scheme, Host: l.target.URL.Host,
		Path: path.Path, RawPath: path.RawPath, RawQuery: path.RawQuery,
	})
	defer f.close()
	f.open()
	if f.class == health.OK {
		l.judgeCanary(f)
	}
	if f.class != health.OK && f.answer != nil {
		l.result.Status = f.answer.StatusCode
		l.result.RetryAfter = retryAfter(f.answer.Response, time.Now())
	}
	return string(f.body), f.finding
}

// judgeCanary reads the canary's answer. Only 200 has a canary: a redirect, on the site or off it,
// would be another's word.
func (l *look) judgeCanary(f *fetch) {
	status, location := f.answer.StatusCode, f.answer.Header.Get("Location")
	found := l.target.judgeHeader(f.answer.Response, f.url)
	switch found.class {
	case health.ServerError, health.RateLimited, health.Challenge, health.LoopDetected:
		f.finding = found.finding // it asks for patience, or fails, and says nothing else
		return
	}
	switch {
	case status == http.StatusOK:
		f.readCanary()
	case status >= 300 && status < 400 && location != "":
		f.finding = finding{health.CanaryInvalid, health.StageIdentity, fmt.Sprintf("the answer is %d, a redirect to %q", status, clipped(location, 200)), nil}
	default:
		f.finding = finding{health.CanaryInvalid, health.StageIdentity, fmt.Sprintf("the answer is %d %s", status, http.StatusText(status)), nil}
	}
}

// readCanary reads one byte more than a canary may have, so that one that is too
// long is seen to be.
func (f *fetch) readCanary() {
	begun := time.Now()
	f.answer.raw.limit = f.limit
	f.answer.raw.pace.begin(begun)
	var body io.Reader = io.LimitReader(&f.answer.raw, canary.MaxBytes+1)
	var err error
	if coding := strings.ToLower(strings.TrimSpace(f.answer.Header.Get("Content-Encoding"))); coding == "gzip" || coding == "x-gzip" {
		var decoder *gzip.Reader
		if decoder, err = gzip.NewReader(body); err == nil {
			body = io.LimitReader(decoder, canary.MaxBytes+1)
		}
	}
	if err == nil {
		f.body, err = io.ReadAll(body)
	}
	if err != nil && f.answer.received() <= canary.MaxBytes {
		doing := fmt.Sprintf("reading it from %s, after %d bytes", f.look.at.label, f.answer.received())
		f.failWith(health.StageBody, time.Since(begun), doing, err)
	}
}
