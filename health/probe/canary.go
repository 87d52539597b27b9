package probe

import (
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
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

// canary fetches the canary from the address that the page came from, over a
// connection of its own, and judges it. It is the last thing a look asks.
//
// An origin that cannot be asked (a reset, a timeout, a 5xx) gets the class of that:
// it may be the publication's. One that answers with anything but a good canary is
// not known to be.
func (l *look) canary(address netip.Addr) bool {
	check := l.target.Canary
	if check == nil {
		return true
	}
	text, asked := l.fetchCanary(address)
	if !asked.OK() {
		l.result.Status = cmp.Or(asked.Status, l.result.Status)
		return l.fail(asked.Stage, asked.Class, "the canary: "+asked.Reason, nil)
	}
	now := time.Now()
	found, err := canary.Verify(text, check.Key, canary.Expect{
		Site: check.Site, Now: now, Newest: check.Seen.Newest(check.Site, check.Key), Lag: check.Lag,
	})
	var refusal *canary.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Reason.Stale():
		return l.fail(health.StageIdentity, health.CanaryStale, "the canary: "+refusal.Detail, nil)
	case errors.As(err, &refusal):
		return l.fail(health.StageIdentity, health.CanaryInvalid, "the canary: "+refusal.Detail, nil)
	}
	check.Seen.Note(check.Key, found)
	return true
}

// fetchCanary looks at the canary's path as One does at a page, within the time
// that the look has left.
func (l *look) fetchCanary(address netip.Addr) (text string, asked Result) {
	t := l.target
	t.Path = cmp.Or(t.Canary.Path, canary.Path)
	sub := look{target: t, caller: l.ctx}
	defer sub.end()
	sub.begin(address)
	for _, stage := range []func() bool{sub.connect, sub.handshake, sub.request, sub.canaryAnswered, sub.canaryBody} {
		if !stage() {
			break
		}
	}
	return string(sub.page), sub.result
}

// canaryAnswered reads the header of the canary's answer. Only 200 has a canary: a
// redirect, on the site or off it, would be another's word.
func (l *look) canaryAnswered() bool {
	goesOn := l.answered()
	switch l.result.Class {
	case health.OK, health.Redirected, health.StatusUnexpected:
	default:
		return false
	}
	switch status := l.result.Status; {
	case status == http.StatusOK:
		return goesOn
	case status == http.StatusTooManyRequests:
		return false // it asks for patience, and says nothing else
	case status >= 300 && status < 400 && l.result.Location != "":
		return l.fail(health.StageIdentity, health.CanaryInvalid, fmt.Sprintf("the answer is %d, a redirect to %q", status, l.result.Location), nil)
	default:
		return l.fail(health.StageIdentity, health.CanaryInvalid, fmt.Sprintf("the answer is %d %s", status, http.StatusText(status)), nil)
	}
}

// canaryBody reads one byte more than a canary may have, so that one that is too
// long is seen to be.
func (l *look) canaryBody() bool {
	l.answer.raw.limit = l.limit
	var body io.Reader = io.LimitReader(&l.answer.raw, canary.MaxBytes+1)
	var err error
	if coding := strings.ToLower(strings.TrimSpace(l.answer.Header.Get("Content-Encoding"))); coding == "gzip" || coding == "x-gzip" {
		var decoder *gzip.Reader
		if decoder, err = gzip.NewReader(body); err == nil {
			body = io.LimitReader(decoder, canary.MaxBytes+1)
		}
	}
	if err == nil {
		l.page, err = io.ReadAll(body)
	}
	if err != nil && l.answer.received() <= canary.MaxBytes {
		return l.failWith(health.StageBody, fmt.Sprintf("reading it from %s, after %d bytes", l.address, l.answer.received()), err)
	}
	return true
}
