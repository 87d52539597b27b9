package health

import "time"

const (
	fastInterval = 2 * time.Second // while a verdict is changing
	longDown     = 5 * time.Minute // after which a fallen origin is no longer news
	spread       = 0.15            // of every interval, so that a fleet does not probe in step

	// residualFirst is doubled with each probe that meets the block still. Some networks
	// go on cutting for about 180 s after each attempt that carried the name, so the
	// longest wait, less its jitter, must be more than that.
	residualFirst = 30 * time.Second
	residualMost  = 240 * time.Second
)

// NextProbe is how long to wait after the latest probe before the next: Interval when
// healthy, 2 s (never more than Interval) while the verdict is changing or the origin
// fell less than five minutes ago, three times Interval after that. An origin behind a
// block that each attempt prolongs is left alone for 30, 60, 120 and then 240 s, and
// looked at fast again as soon as a probe is good. An origin that says it is asked
// too often is not asked before the time it names, which is five minutes away at most,
// or one after the latest probe where readers meet worse. Jitter in [0,1) moves all of
// this by up to 15 % either way, but nothing to before that time, nor out of the five
// minutes. A drained origin keeps the pace of the verdict beneath.
func NextProbe(s State, p Policy, jitter float64) time.Duration {
	p = p.filled()
	wait := min(fastInterval, p.Interval)
	switch {
	case s.Verdict == Healthy:
		wait = p.Interval
	case s.Verdict.fallen() && s.Last.At.Sub(s.Since) > longDown:
		wait = 3 * p.Interval
	}
	if s.Residual > 0 {
		wait = max(wait, min(residualFirst<<min(s.Residual-1, 3), residualMost))
	}
	wait = time.Duration(float64(wait) * (1 - spread + 2*spread*jitter))
	if rest := s.restUntil().Sub(s.Last.At); rest > 0 {
		wait = max(wait, min(time.Duration(float64(rest)*(1+spread*jitter)), retryMost))
	}
	return wait
}

// firstProbe is how long to wait at now, when looking begins or begins again: not at
// all, unless the origin must be left alone. Then a restart or a reload changes nothing
// in when it is asked next.
func firstProbe(s State, p Policy, now time.Time, jitter float64) time.Duration {
	if !s.leftAlone(now) {
		return 0
	}
	wait := NextProbe(s, p, jitter)
	// The latest probe is in the future where the clock was set back.
	return min(wait, max(0, s.Last.At.Add(wait).Sub(now)))
}

// leftAlone reports whether a probe out of turn could do harm at now.
func (s *State) leftAlone(now time.Time) bool { return s.Residual > 0 || now.Before(s.restUntil()) }

// restUntil is until when probes heed that the origin asked to be left alone.
func (s *State) restUntil() time.Time {
	if soon := s.Last.At.Add(pressGap); s.pressing() && soon.Before(s.RetryAt) {
		return soon
	}
	return s.RetryAt
}

// pressing reports whether readers met worse than an origin that is busy, so that its
// wish to be left alone must not hide it.
func (s *State) pressing() bool { return s.Accused && s.Class.kind() != strain }

// harmlessAt is when something may be sent again to an origin that asked for rest, or
// that fell by a block which each attempt prolongs; zero for all others.
func (s *State) harmlessAt(p Policy) time.Time {
	if s.Residual > 0 && s.Verdict.fallen() {
		return latest(s.RetryAt, s.Last.At.Add(NextProbe(*s, p, 0)))
	}
	return s.RetryAt
}
