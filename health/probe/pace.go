package probe

import (
	"errors"
	"fmt"
	"time"

	"github.com/heliograph-edge/heliograph/health"
)

const (
	// leastRate, in bytes per second, is what a body must come at over paceWindow. Networks
	// that throttle to make a page unusable go below it; a telephone in the country does not.
	leastRate  = 4000
	paceWindow = 5 * time.Second
	// leastSample is the shortest time over which a rate is worth judging.
	leastSample = time.Second
	// Some networks freeze a connection after 16 to 20 KB of it, headers and TLS included.
	frozenFrom, frozenTo = 12 << 10, 36 << 10
)

var errThrottled = errors.New("the body comes too slowly")

// pace is how a body has come so far.
type pace struct {
	begun, last time.Time // of the body, and of its latest byte
	n           int64
	// The window over which the rate is measured at present.
	since time.Time
	had   int64
}

// begin starts the measuring.
func (p *pace) begin(now time.Time) { *p = pace{begun: now, last: now, since: now} }

// add counts bytes that came, and reports whether the window that is full now held too few.
func (p *pace) add(n int, now time.Time) (throttled bool) {
	p.n += int64(n)
	if n > 0 {
		p.last = now
	}
	span := now.Sub(p.since)
	if span < paceWindow {
		return false
	}
	throttled = rate(p.n-p.had, span) < leastRate
	if !throttled {
		p.since, p.had = now, p.n
	}
	return throttled
}

// rate is bytes per second.
func rate(n int64, span time.Duration) float64 { return float64(n) / span.Seconds() }

// late judges a body that has not ended when the time has: it stopped, it came too slowly, it began
// too late to tell (health.Slow), or it flows, and there was only too much of it (health.OK).
//
// A look's time is often shorter than paceWindow. Then the rate over all that there was of
// it counts, from leastSample on. Silence counts as a stop when it has lasted as long as a
// stage may, or for half of the body's time and a second (a third of a look that has less than three).
func (p *pace) late(now time.Time, timeout time.Duration) health.Class {
	silence, span, window := now.Sub(p.last), now.Sub(p.begun), now.Sub(p.since)
	stopped := silence >= stageTimeout*9/10 || silence >= max(span/2, min(leastSample, timeout/3))
	switch {
	case stopped && p.n >= frozenFrom && p.n <= frozenTo:
		return health.BodyStalled16K
	case stopped:
		return health.BodyStalled
	case rate(p.n-p.had, window) >= leastRate:
		return health.OK
	case window >= leastSample:
		return health.Throttled
	case p.since != p.begun:
		return health.OK // the window before this one was good
	}
	return health.Slow
}

// words says how the body came.
func (p *pace) words(now time.Time) string {
	return fmt.Sprintf("%d bytes in %s, the latest of them %s ago, %s",
		p.n, now.Sub(p.begun).Round(time.Millisecond), now.Sub(p.last).Round(time.Millisecond), p.rate(now))
}

// rate says at what rate the body came.
func (p *pace) rate(now time.Time) string {
	return fmt.Sprintf("%.1f KB/s", rate(p.n, max(now.Sub(p.begun), time.Millisecond))/1000)
}
