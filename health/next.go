package health

import "time"

// Next is the state after one more observation. It is pure and allocates nothing.
//
// Probes: the first failure makes an origin Suspect, Fall in a row make it Blocked or
// Down. Where it answers, but badly (slow, 403, 429), two count as one. One probe is
// enough that shows something else in the publication's place (a block page, another's
// certificate, another publication). A good probe clears a Suspect at once; a fallen
// origin goes through Probation and needs Rise in a row, 5 where something else stood in
// its place; a failure there sends it back at once.
//
// Hijacked is sticky: whoever holds the name can copy the pages too. It is left
// only by a probe that is Proven, after which 5 in a row raise it, the last of them
// proven; or by the operator's word, [State.Clear].
//
// Readers' requests count only while the origin is usable. Three failures in a
// row, half of ten or more within 10 s, or a single one with something else in the
// publication's place accuse it: it is Suspect, and the next probe alone
// decides, either way; only one that the origin answers badly counts as ever, and leaves
// it to the probe after. When a good probe clears it, another accusation waits for
// Interval, so that one broken page cannot make an origin flicker, and no
// number of requests for it takes the origin from everybody else. Good requests
// end a row, and no more.
//
// An InternalError says nothing about the origin and changes only Last.
func (s State) Next(p Policy, o Observation) State {
	return s.next(p.filled(), o, true)
}

// next is Next; without mayFall nothing leaves the verdict it has for a worse
// one than Suspect. The Tracker withholds it while it doubts its own network.
func (s State) next(p Policy, o Observation, mayFall bool) State {
	if s.Verdict == "" {
		s.Verdict = Unknown
	}
	s = s.noted(o)
	switch {
	case o.Class == InternalError:
		return s
	case o.Live:
		return s.afterRequest(p, o)
	case o.OK():
		return s.afterGoodProbe(o)
	}
	s = s.afterFailedProbe(p, o, mayFall)
	return s.patient(o, s.Verdict.fallen() || !mayFall && s.enough(p))
}

// patient counts the probes that met a block which each attempt prolongs, once they
// were enough for a fall, be it withheld or not: the block does not know what the edge
// doubts.
func (s State) patient(o Observation, enough bool) State {
	switch {
	case !enough || !o.Class.network() && !o.Class.residual():
		s.Residual = 0
	case o.Class.residual(), s.Residual > 0:
		// Silence after a cut is the same block: some drop whatever comes next.
		s.Residual++
	}
	return s
}

// noted keeps the facts of an observation, whatever is made of it.
func (s State) noted(o Observation) State {
	if !o.Live {
		s = s.looked(o)
	}
	if o.Class == InternalError {
		return s
	}
	if o.OK() {
		s.LastSuccess = o.At
	}
	if o.OK() || o.Status != 0 {
		s.LastAnswer = o.At
	}
	if o.Live && o.Class == RateLimited && o.RetryAfter > 0 {
		s.RetryAt = s.asked(o)
	}
	switch {
	case o.Live && o.Class == FirstByteTimeout:
		// One slow page, asked of every origin, is no sign of the network.
	case !o.Class.network():
		s.NetworkSince = time.Time{}
	case s.NetworkSince.IsZero():
		s.NetworkSince = o.At
	}
	return s
}

// asked is until when the origin is to be left alone after it has told a reader that
// it is asked too often. However many readers it tells so, a probe comes within
// retryMost of the latest.
func (s State) asked(o Observation) time.Time {
	until := o.At.Add(min(o.RetryAfter, retryMost))
	if most := s.Last.At.Add(retryMost); until.After(most) {
		until = most
	}
	if !until.After(o.At) {
		return s.RetryAt
	}
	return latest(s.RetryAt, until)
}

// looked keeps the facts of a probe.
func (s State) looked(o Observation) State {
	s.Last = Look{
		At: o.At, Class: o.Class, Stage: o.Stage, Reason: o.Reason,
		Status: o.Status, Address: o.Address, Timings: o.Timings,
		NotAfter: o.NotAfter(), Certificate: o.Certificate, Notice: o.Notice,
	}
	if o.Address != "" {
		s.Address = o.Address
	}
	if o.Status != 0 {
		s.CDN = o.CDN
	}
	switch {
	case o.Class == InternalError:
	case o.Class != RateLimited:
		s.RetryAt = time.Time{}
	case o.RetryAfter > 0:
		s.RetryAt = o.At.Add(min(o.RetryAfter, retryMost))
	default:
		s.RetryAt = o.At.Add(retryMost)
	}
	return s
}

func (s State) afterGoodProbe(o Observation) State {
	s.Failures, s.Strains, s.Contrary, s.Residual = 0, 0, 0, 0
	s.Successes++
	switch {
	case s.Verdict.Usable():
		s.Live.Failures = 0
		if s.Accused {
			s.Accused, s.Absolved, s.Live = false, o.At, Live{}
		}
		return s.become(Healthy, o)
	case s.Verdict == Hijacked && !o.Proven:
		return s
	case s.Verdict == Hijacked:
		s.Successes = 1 // what came before proved nothing
	}
	if s.Successes >= s.Required && (o.Proven || !s.sticky()) {
		s.Fallen, s.Required, s.Cleared, s.Live = "", 0, false, Live{}
		return s.become(Healthy, o)
	}
	if s.Verdict != Probation {
		s.Verdict, s.Since = Probation, o.At
	}
	return s
}

func (s State) afterFailedProbe(p Policy, o Observation, mayFall bool) State {
	s.Failures++
	s.Successes = 0
	if o.Class.kind() == strain {
		s.Strains++
	}
	to := o.Class.Verdict()
	switch {
	case s.Verdict.fallen():
		return s.afterFailureWhileFallen(p, o, to, mayFall)
	case s.Verdict == Probation && !mayFall:
		return s
	case s.Verdict == Probation && s.Fallen == Hijacked:
		return s.afterFailureAfterHijack(p, o, to)
	case s.Verdict == Probation:
		return s.fall(p, o, to)
	case !mayFall:
		return s.become(Suspect, o)
	case s.convicted(p, o):
		return s.fall(p, o, to)
	}
	return s.become(Suspect, o)
}

// convicted reports whether the failed probe, which is counted already, is enough for a
// fall, with those before it or with readers' word.
func (s State) convicted(p Policy, o Observation) bool {
	k := o.Class.kind()
	return k == wrong || s.Accused && k != strain || s.enough(p)
}

// enough reports whether the probes failed in a row that take an origin out of use.
func (s State) enough(p Policy) bool { return 2*s.Failures-s.Strains >= 2*p.Fall }

// afterFailureAfterHijack ends the probation of a hijacked origin. Why it fell is still
// what readers must be kept from, unless the operator says that it is over; then
// only something wrong brings it back.
func (s State) afterFailureAfterHijack(p Policy, o Observation, to Verdict) State {
	switch {
	case o.Class.kind() == wrong:
		return s.fall(p, o, Hijacked)
	case s.Cleared:
		return s.fall(p, o, to)
	}
	s.Verdict, s.Since = Hijacked, o.At
	return s
}

// afterFailureWhileFallen lets a fallen origin's verdict follow the facts, but not each
// mood: Down and Blocked change places only after Fall failures in a row that
// say so, or one that shows something wrong; Hijacked is left only by rising.
func (s State) afterFailureWhileFallen(p Policy, o Observation, to Verdict, mayFall bool) State {
	switch {
	case to == s.Verdict:
		s.Contrary, s.Required = 0, max(s.Required, o.Class.rise(p))
		return s.become(to, o)
	case s.Verdict == Hijacked, !mayFall:
		return s
	case o.Class.kind() == wrong:
		return s.fall(p, o, to)
	}
	s.Contrary++
	if s.Contrary < p.Fall {
		return s
	}
	s.Contrary, s.Fallen = 0, to
	return s.become(to, o)
}

func (s State) afterRequest(p Policy, o Observation) State {
	if !s.Verdict.Usable() {
		return s
	}
	s.Live = s.Live.counted(o)
	if o.OK() {
		return s
	}
	accused := o.Class.kind() == wrong || s.Live.failing()
	switch {
	case !accused, o.At.Sub(s.Absolved) < p.Interval:
	case !s.Accused, !s.pressing() && o.Class.kind() != strain:
		s.Accused = true
		return s.become(Suspect, o)
	}
	return s
}

// fall takes the origin out of use. One that has not risen yet needs at least as
// many good probes as it needed before.
func (s State) fall(p Policy, o Observation, to Verdict) State {
	required := o.Class.rise(p)
	if s.Verdict.Usable() {
		s.Flaps++
	} else {
		required = max(required, s.Required)
	}
	s.Fallen, s.Required, s.Contrary, s.Cleared = to, required, 0, false
	s.Successes, s.Accused, s.Live = 0, false, Live{}
	return s.become(to, o)
}

// become sets the verdict and the look it rests on; Since moves only when the
// verdict does.
func (s State) become(v Verdict, o Observation) State {
	if s.Verdict != v {
		s.Verdict, s.Since = v, o.At
	}
	s.Class, s.Stage, s.Reason, s.Evidence = o.Class, o.Stage, o.Reason, o.Evidence
	return s
}
