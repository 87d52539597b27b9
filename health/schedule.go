package health

import "time"

const (
	fastInterval = 2 * time.Second // while a verdict is changing
	longDown     = 5 * time.Minute // after which a fallen origin is no longer news
	spread       = 0.15            // of every interval, so that a fleet does not probe in step
)

// NextProbe is how long to wait before the next probe: Interval when healthy,
// 2 s (never more than Interval) while the verdict is changing or the origin
// fell less than five minutes ago, three times Interval after that. Jitter in
// [0,1) moves it by up to 15 % either way. A drained origin keeps the pace of
// the verdict beneath.
func NextProbe(s State, p Policy, jitter float64) time.Duration {
	p = p.filled()
	wait := min(fastInterval, p.Interval)
	switch {
	case s.Verdict == Healthy:
		wait = p.Interval
	case s.Verdict.fallen() && s.Last.At.Sub(s.Since) > longDown:
		wait = 3 * p.Interval
	}
	return time.Duration(float64(wait) * (1 - spread + 2*spread*jitter))
}
