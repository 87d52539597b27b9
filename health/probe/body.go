package probe

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/gate"
)

// read reads what the page is judged by. A body that goes on beyond that is
// none of the probe's business. Proven reports whether a part of the page is enough.
func (f *fetch) read(proven func([]byte) bool, known *gate.Baseline) {
	begun := time.Now()
	until := begun.Add(f.look.pageTime())
	var err error
	f.body, err = f.answer.page(func() error { return f.limitTo(min(stageTimeout, time.Until(until))) })
	now := time.Now()
	took := now.Sub(begun)
	f.timings.Body = took
	n := f.answer.received()
	doing := fmt.Sprintf("reading the body from %s, after %d bytes", f.look.at.label, n)
	f.whole = err == nil && len(f.body) < maxPage && n < maxPage
	switch class := health.Classify(err, health.StageBody); {
	case errors.Is(err, errCoding):
		f.fail(health.StageBody, health.ProtocolError, took, "reading the body: "+err.Error())
	case errors.Is(err, errThrottled):
		f.tooSlow(health.Throttled, now, took)
	case class == health.BodyStalled:
		f.late(now, took, proven)
	case err != nil:
		f.fail(health.StageBody, class, took, doing+": "+err.Error(), framing(f.answer.Response))
	case f.unfinished(known):
		f.fail(health.StageBody, health.BodyUnfinished, took,
			fmt.Sprintf("the page of %d bytes ends with the connection, and without </html>", n),
			"it ends with "+fmt.Sprintf("%q", tail(f.body)), framing(f.answer.Response))
	case f.whole:
		f.step(health.StageBody, took, health.OK, fmt.Sprintf("%d bytes", n))
	default:
		f.step(health.StageBody, took, health.OK, fmt.Sprintf("the first %d bytes; no more is looked at", n))
	}
}

// late judges a body that has not ended when its time has. One that flowed is judged by what came of
// it, and so is any part of a page that proves the whole.
func (f *fetch) late(now time.Time, took time.Duration, proven func([]byte) bool) {
	p := &f.answer.raw.pace
	class := p.late(now, f.look.target.timeout())
	if class != health.OK && (class != health.Slow || !proven(f.body)) {
		f.tooSlow(class, now, took)
		return
	}
	f.short = p.rate(now)
	f.notice = health.Notice{Class: health.Slow, Stage: health.StageBody, Reason: "the page came at " + f.short + " and was not read to its end"}
	f.step(health.StageBody, took, health.OK, "judged by "+p.words(now))
}

// tooSlow is the finding of a body that does not come as it should.
func (f *fetch) tooSlow(class health.Class, now time.Time, took time.Duration) {
	p := &f.answer.raw.pace
	reason := map[health.Class]string{
		health.Throttled:      "the body from %s comes at less than 4 KB/s",
		health.BodyStalled:    "the body from %s stopped coming",
		health.BodyStalled16K: "the body from %s stopped coming where some networks freeze connections",
		health.Slow:           "the body from %s began too late to be judged",
	}[class]
	f.fail(health.StageBody, class, took,
		fmt.Sprintf(reason+", after %d bytes", f.look.at.label, p.n), p.words(now), framing(f.answer.Response))
}

// framing says how the end of the body is marked (RFC 9112 §6.3).
func framing(a *http.Response) string {
	switch {
	case a.ContentLength >= 0:
		return fmt.Sprintf("its length is declared: %d bytes", a.ContentLength)
	case len(a.TransferEncoding) > 0:
		return "it comes in chunks"
	}
	return "its end is that of the connection"
}

// readSome reads as much of an answer that is no page as tells what it is.
func (f *fetch) readSome() {
	f.answer.raw.most = gate.Limit
	body, err := f.answer.page(f.limit)
	f.body, f.whole = body, err == nil && f.answer.received() < gate.Limit && len(body) < gate.Limit
}

// tail is the end of a page.
func tail(page []byte) []byte { return page[max(0, len(page)-60):] }
