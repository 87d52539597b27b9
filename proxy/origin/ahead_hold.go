package origin

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/gate"
)

const (
	// holdTime is how long after its header a page is held for something to prove it.
	holdTime = 2 * time.Second
	// silence is how long a page's beginning may stop coming before another origin is asked.
	silence = time.Second
	// flowTime is after how long a proven page flows that still comes.
	flowTime = 300 * time.Millisecond
	// freezeEnd is where a connection is past what some networks freeze.
	freezeEnd = 36 << 10
)

// hold decides how long the beginning of a body is waited for.
type hold struct {
	look  *look
	began time.Time
	// page: it is held until it can be judged; else it flows after aheadTime.
	page bool
	// patient: the first byte is waited for, however long it takes.
	patient bool
	// last: no other origin is asked after this one.
	last bool

	missing  []string // markers that were not seen yet
	searched int      // bytes of text that were searched for them
	measured int      // bytes of text when likeness was last asked for
	proven   bool     // the page has its markers, or is like the site's
	stalled  finding  // why another origin is asked; its class is empty where the body has not stopped
}

// wait blocks until what of a body is there is enough, and returns it.
func (h *hold) wait(a *ahead) glimpse {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		seen := a.glimpse()
		over, wake := h.step(seen, time.Now())
		if over {
			return seen
		}
		if h.proven {
			a.enough(max(aheadLimit, seen.total), textNeeded(h.look.response))
		}
		var due <-chan time.Time
		if !wake.IsZero() {
			timer.Reset(time.Until(wake))
			due = timer.C
		}
		select {
		case <-a.change:
		case <-due:
		}
	}
}

// step decides by what is there whether that is enough, and else when to look again although
// nothing more has come; zero is never.
func (h *hold) step(seen glimpse, now time.Time) (over bool, wake time.Time) {
	page := h.look.readable() && h.look.mayBecomePage(seen.text.text, !seen.ended)
	if page {
		h.prove(seen.text.text)
	}
	switch {
	case seen.ended || seen.broken != nil || seen.spoiled != nil:
		return true, wake
	case page && h.look.seeks && !h.proven && len(seen.text.text) >= inspectLimit:
		return true, wake
	case page && h.page:
		return h.hold(seen, now)
	case page && h.look.seeks && !h.proven:
		return false, wake
	}
	from := h.began
	if h.patient {
		if seen.total == 0 {
			return false, wake
		}
		from = seen.first
	}
	wake = from.Add(aheadTime)
	return !now.Before(wake), wake
}

// hold is step for a page that is held until it can be judged.
func (h *hold) hold(seen glimpse, now time.Time) (over bool, wake time.Time) {
	latest := h.began.Add(holdTime)
	quiet := latest
	if seen.total > 0 {
		quiet = seen.last.Add(silence)
	}
	switch {
	case h.proven && (seen.total >= freezeEnd || seen.last.Sub(h.began) >= flowTime):
		return true, wake
	case !h.proven && seen.total >= aheadLimit && !h.look.seeks:
		return true, wake
	case !h.last && !now.Before(quiet):
		h.stalled = stall(seen.total)
		return true, wake
	case h.proven:
		return !now.Before(quiet), quiet
	case h.look.seeks && h.last:
		return false, wake // what has markers is shown with them or not at all
	case h.look.seeks:
		return false, quiet
	case h.last || quiet.After(latest):
		return !now.Before(latest), latest
	}
	return !now.Before(latest), quiet
}

// prove looks for what proves a page in the text that has come.
func (h *hold) prove(text []byte) {
	switch {
	case h.proven:
	case h.look.seeks:
		h.missing = slices.DeleteFunc(h.missing, func(m string) bool {
			// Of what was searched before, only the end can hold the beginning of a
			// marker: a page that drips must not cost its length at every drop.
			return bytes.Contains(text[max(0, min(h.searched, inspectLimit)-len(m)+1):min(len(text), inspectLimit)], []byte(m))
		})
		h.searched = len(text)
		h.proven = len(h.missing) == 0
	case h.page && h.look.known.Baseline != nil && len(text) < gate.Limit && len(text) >= 2*h.measured+1<<10:
		h.measured = len(text)
		h.proven = h.look.judge(beginning{text: text}).Kind == gate.Genuine
	}
}

// stall is the finding about a page that stopped coming after some bytes.
func stall(after int) finding {
	if after == 0 {
		return finding{class: health.FirstByteTimeout, stage: health.StageBody, reason: fmt.Sprintf("nothing of the page came within %s of its header", holdTime)}
	}
	return finding{class: stalledAt(int64(after)), stage: health.StageBody, reason: fmt.Sprintf("the page stopped coming at byte %d for %s", after, silence)}
}

// newHold is how long the answer under inspection is waited for.
func (l *look) newHold(found finding, last bool) *hold {
	ok := l.method == http.MethodGet && found.class == health.OK
	return &hold{
		look: l, began: time.Now(), last: last, page: ok && l.maybePage() && (l.isJudged() && l.response.StatusCode/100 == 2 || l.isGone()),
		patient: ok && l.response.ContentLength > 0, missing: slices.Clone(l.site.Markers),
	}
}
