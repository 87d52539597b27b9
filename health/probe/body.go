package probe

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/gate"
)

// read reads what the page is judged by. A body that goes on beyond that is
// none of the probe's business. Proven reports whether a part of the page is enough.
func (f *fetch) read(proven func([]byte) bool, known *gate.Baseline) {
	begun := time.Now()
	var err error
	f.body, err = f.answer.page(f.limit)
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
		if class = f.answer.raw.pace.late(now, f.look.target.timeout()); class == health.Slow && proven(f.body) {
			f.notice = health.Notice{Class: health.Slow, Stage: health.StageBody, Reason: "the page is judged by its first " + f.answer.raw.pace.words(now)}
			f.step(health.StageBody, took, health.OK, "judged by "+f.answer.raw.pace.words(now))
			return
		}
		f.tooSlow(class, now, took)
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

// tooSlow is the finding of a body that does not come as it should.
func (f *fetch) tooSlow(class health.Class, now time.Time, took time.Duration) {
	p := &f.answer.raw.pace
	reason := map[health.Class]string{
		health.Throttled:      "the body from %s comes at less than 4 KB/s",
		health.BodyStalled:    "the body from %s stopped coming",
		health.BodyStalled16K: "the body from %s stopped coming where some networks freeze connections",
		health.Slow:           "the body from %s has not come whole in time",
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

// unfinished reports whether a page whose end is only that of the connection seems to
// lack its own. It has begun <html>, and not ended it. Publications may leave that out:
// a page about as long as one that is known is whole, and so is one that ends with an end
// tag and leaves no element open.
func (f *fetch) unfinished(known *gate.Baseline) bool {
	a := f.answer
	coded := a.Header.Get("Content-Encoding")
	if !f.whole || a.ContentLength >= 0 || len(a.TransferEncoding) > 0 || coded != "" && coded != "identity" {
		return false
	}
	if kind := strings.ToLower(a.Header.Get("Content-Type")); kind != "" && !strings.Contains(kind, "html") {
		return false
	}
	page := bytes.ToLower(f.body)
	if !bytes.Contains(page, []byte("<html")) || bytes.Contains(page, []byte("</html")) || bytes.Contains(page, []byte("</body")) {
		return false
	}
	if known != nil {
		for _, length := range known.Lengths {
			if at := min(len(page), gate.Limit); 10*min(at, length) >= 9*max(at, length) {
				return false
			}
		}
	}
	return !balanced(page)
}

// balanced reports whether a page in lower case ends with an end tag, and closes every element
// that must be closed (HTML §13.1.2.4 lets </p>, </li>, </body> and some more be left out).
func balanced(page []byte) bool {
	page = bytes.TrimSpace(page)
	last := bytes.LastIndexByte(page, '<')
	if last < 0 || !bytes.HasPrefix(page[last:], []byte("</")) || !bytes.HasSuffix(page, []byte(">")) {
		return false
	}
	for _, element := range [...]string{
		"div", "main", "article", "section", "header", "footer", "nav", "aside", "table", "ul", "ol", "a",
		"span", "form", "script", "style", "svg", "h1", "h2", "title", "figure", "picture", "select", "button",
	} {
		if tags(page, "<"+element) != tags(page, "</"+element) {
			return false
		}
	}
	return true
}

// tags counts how often a tag begins in a page.
func tags(page []byte, start string) int {
	n := 0
	for {
		i := bytes.Index(page, []byte(start))
		if i < 0 {
			return n
		}
		page = page[i+len(start):]
		if len(page) > 0 && bytes.IndexByte([]byte(" \t\r\n\f/>"), page[0]) >= 0 {
			n++
		}
	}
}

// tail is the end of a page.
func tail(page []byte) []byte { return page[max(0, len(page)-60):] }
