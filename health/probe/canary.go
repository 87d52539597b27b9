package probe

import (
	"cmp"
	"compress/gzip"
	"context"
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

// fetchCanary fetches the canary from the place that the page came from, over connections of its
// own and within a Timeout of its own, along redirects that stay at the origin and its names. Who
// signed the canary is proven by itself, wherever it stands.
func (l *look) fetchCanary() (text string, asked finding) {
	path, err := url.ParseRequestURI(cmp.Or(l.target.Canary.Path, canary.Path))
	if err != nil {
		return "", finding{class: health.InternalError, stage: health.StageIdentity, reason: err.Error()}
	}
	ctx, cancel := context.WithTimeout(l.caller, l.target.timeout())
	defer cancel()
	at := &url.URL{
		Scheme: l.target.URL.Scheme, Host: l.target.URL.Host,
		Path: path.Path, RawPath: path.RawPath, RawQuery: path.RawQuery,
	}
	trail := []string{at.String()}
	for {
		f, next := l.askCanary(ctx, at)
		switch {
		case next == nil:
			return string(f.body), f.finding
		case len(trail) > maxRedirects:
			return "", wandering(fmt.Sprintf("more than %d redirects", maxRedirects), trail)
		case known(trail, next):
			return "", wandering("a redirect back to "+clipped(next.String(), 100), trail)
		}
		at = next
		trail = append(trail, at.String())
	}
}

// askCanary asks for the canary at one address. Next is where that leads to, if it does.
func (l *look) askCanary(ctx context.Context, at *url.URL) (f *fetch, next *url.URL) {
	f = l.under(ctx, at).fetch(at)
	defer f.close()
	f.open()
	if f.class == health.OK {
		next = l.judgeCanary(f)
	}
	switch {
	case f.class == health.OK:
	case f.expired:
		f.finding = finding{health.Slow, health.StageBody,
			fmt.Sprintf("it did not come within %s, though nothing failed until then", l.target.timeout()), []string{f.reason}}
	case at.Host != l.target.URL.Host && disproved(health.Observation{Class: f.class}, true, false):
		f.finding = finding{health.RedirectLoop, health.StageRequest,
			fmt.Sprintf("it redirects to %s, which the same address does not prove to be", at.Host), []string{f.reason}}
	case f.answer != nil:
		l.result.Status = f.answer.StatusCode
		l.result.RetryAfter = retryAfter(f.answer.Response, time.Now())
	}
	return f, next
}

// under is a look at the same place, for an address that may be under another of the origin's
// names. TLS has to prove that name there, in a handshake that no session shortens.
func (l *look) under(ctx context.Context, at *url.URL) *look {
	o := &look{target: l.target, at: l.at, caller: l.caller, ctx: ctx, browser: l.browser, proved: true}
	if at.Host != l.target.URL.Host || at.Scheme != l.target.URL.Scheme {
		o.target.URL, o.target.Sessions = &url.URL{Scheme: at.Scheme, Host: at.Host}, nil
		if at.Host != l.target.URL.Host {
			o.target.Host = ""
		}
		o.at = o.target.placeOf(l.at.ip)
	}
	return o
}

// judgeCanary reads the canary's answer, or says where it leads to. Only 200 has a canary, and a
// redirect off the publication would be another's word.
func (l *look) judgeCanary(f *fetch) (next *url.URL) {
	status, location := f.answer.StatusCode, f.answer.Header.Get("Location")
	found := l.target.judgeHeader(f.answer.Response, f.url)
	switch found.class {
	case health.ServerError, health.RateLimited, health.Challenge, health.LoopDetected, health.RedirectLoop:
		f.finding = found.finding // it asks for patience, or fails, and says nothing else
		return nil
	}
	switch {
	case found.next != nil:
		return found.next
	case found.aside != nil:
		return found.aside
	case status == http.StatusOK:
		f.readCanary()
	case status >= 300 && status < 400 && location != "":
		f.finding = finding{health.CanaryInvalid, health.StageIdentity, fmt.Sprintf("the answer is %d, a redirect to %q", status, location), nil}
	default:
		f.finding = finding{health.CanaryInvalid, health.StageIdentity, fmt.Sprintf("the answer is %d %s", status, http.StatusText(status)), nil}
	}
	return nil
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
	doing := fmt.Sprintf("reading it from %s, after %d bytes", f.look.at.label, f.answer.received())
	switch {
	case err == nil || f.answer.received() > canary.MaxBytes:
	case errors.Is(err, errThrottled):
		f.fail(health.StageBody, health.Throttled, time.Since(begun), doing+": "+err.Error())
	default:
		f.failWith(health.StageBody, time.Since(begun), doing, err)
	}
}
