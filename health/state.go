package health

import "time"

// Policy says how many looks make a verdict and how often to look. The zero
// value of every field stands for its default.
type Policy struct {
	Interval time.Duration // between probes of a healthy origin; default 10 s
	Timeout  time.Duration // of one whole probe; default 5 s
	Fall     int           // failed probes in a row that take an origin out of use; default 3
	Rise     int           // good probes in a row that bring it back; default 2
}

// filled is the policy with its defaults in place.
func (p Policy) filled() Policy {
	if p.Interval <= 0 {
		p.Interval = 10 * time.Second
	}
	if p.Timeout <= 0 {
		p.Timeout = 5 * time.Second
	}
	if p.Fall <= 0 {
		p.Fall = 3
	}
	if p.Rise <= 0 {
		p.Rise = 2
	}
	return p
}

// slowRise is how many good probes bring back what probes alone cannot vouch
// for: an origin that served something else, or one that failed readers while
// its probes were good. Wrong content is worse than no content.
const slowRise = 5

// State is everything the edge holds against or for one origin. It is a value:
// [State.Next] returns a new one. The zero State is an origin never looked at.
type State struct {
	// The verdict as earned by observations, and the look it rests on. A
	// Probation keeps the class and reason of the fall it comes back from.
	Verdict Verdict   `json:"verdict"` // empty means Unknown
	Class   Class     `json:"class,omitempty"`
	Stage   Stage     `json:"stage,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Since   time.Time `json:"since,omitzero"`

	// The operator's hand. It covers the earned verdict and outlives it.
	DrainedSince time.Time `json:"drained_since,omitzero"` // zero when not drained

	// Counted probes.
	Failures  int `json:"failures,omitempty"`  // in a row
	Successes int `json:"successes,omitempty"` // in a row
	Flaps     int `json:"flaps,omitempty"`     // falls from usable since the origin was first seen

	// Only of fallen origins.
	Fallen   Verdict `json:"fallen,omitempty"`   // what it fell to; a Probation returns there
	Required int     `json:"required,omitempty"` // good probes in a row that bring it back
	Contrary int     `json:"contrary,omitempty"` // failures in a row that speak for another verdict than Fallen

	// What readers' requests say.
	Live     Live      `json:"-"`
	Accused  bool      `json:"accused,omitempty"` // they failed; the next probe decides
	Absolved time.Time `json:"absolved,omitzero"` // when a good probe last contradicted them

	// Facts that no verdict changes.
	Last        Look      `json:"last,omitzero"`         // the latest probe
	LastSuccess time.Time `json:"last_success,omitzero"` // the latest good look, probe or live
	LastAnswer  time.Time `json:"last_answer,omitzero"`  // the latest HTTP answer, good or not

	// NetworkSince is when the present unbroken run of looks began that all
	// ended in the network, without any answer. Zero when the latest look did
	// not. It is not saved: a run that spans a restart proves nothing.
	NetworkSince time.Time `json:"-"`
}

// Look is what is kept of one probe.
type Look struct {
	At      time.Time `json:"at"`
	Class   Class     `json:"class"`
	Stage   Stage     `json:"stage,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Status  int       `json:"status,omitempty"`
	Address string    `json:"address,omitempty"`
	Timings Timings   `json:"timings"`
	// NotAfter is of the certificate that was presented; zero without one.
	NotAfter time.Time `json:"not_after,omitzero"`
}

// Current is the verdict that counts: Drained if the operator said so, else
// the earned one. It is never empty.
func (s State) Current() Verdict {
	switch {
	case !s.DrainedSince.IsZero():
		return Drained
	case s.Verdict == "":
		return Unknown
	}
	return s.Verdict
}

// Drain takes the origin out of use. Observations go on being counted beneath.
// An origin that is drained already keeps its time.
func (s State) Drain(at time.Time) State {
	if s.DrainedSince.IsZero() {
		s.DrainedSince = at
	}
	return s
}

// Undrain gives the origin back to the verdict it has earned meanwhile.
func (s State) Undrain() State {
	s.DrainedSince = time.Time{}
	return s
}

// Next is the state after one more observation. It is pure and allocates nothing.
//
// Probes: the first failure makes an origin Suspect, Fall in a row make it
// Blocked or Down, one that shows another publication makes it Hijacked at
// once. A good probe clears a Suspect at once; a fallen origin goes through
// Probation and needs Rise in a row (5 after Hijacked); a failure there sends it
// back at once.
//
// Readers' requests count only while the origin is usable. Three failures in a
// row, half of ten or more within 10 s, or a single one without the
// publication's identity accuse it: it is Suspect, and the next probe alone
// decides, either way. When that probe clears it, another accusation waits for
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
		return s.afterRequest(p, o, mayFall)
	case o.OK():
		return s.afterGoodProbe(o)
	}
	return s.afterFailedProbe(p, o, mayFall)
}

// noted keeps the facts of an observation, whatever is made of it.
func (s State) noted(o Observation) State {
	if !o.Live {
		s.Last = Look{
			At: o.At, Class: o.Class, Stage: o.Stage, Reason: o.Reason,
			Status: o.Status, Address: o.Address, Timings: o.Timings, NotAfter: o.NotAfter,
		}
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

func (s State) afterGoodProbe(o Observation) State {
	s.Failures, s.Contrary = 0, 0
	s.Successes++
	if s.Verdict.Usable() {
		s.Live.Failures = 0
		if s.Accused {
			s.Accused, s.Absolved, s.Live = false, o.At, Live{}
		}
		return s.become(Healthy, o)
	}
	if s.Successes >= s.Required {
		s.Fallen, s.Required, s.Live = "", 0, Live{}
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
	to := o.Class.fallsTo()
	switch {
	case s.Verdict.fallen():
		return s.afterFailureWhileFallen(p, o, to, mayFall)
	case s.Verdict == Probation && !mayFall:
		return s
	case s.Verdict == Probation && s.Fallen == Hijacked:
		// Why it fell is still what readers must be kept from.
		s.Verdict, s.Since = Hijacked, o.At
		if to == Hijacked {
			s = s.become(Hijacked, o)
		}
		return s
	case s.Verdict == Probation:
		return s.fall(p, o, to)
	case !mayFall:
		return s.become(Suspect, o)
	case to == Hijacked, s.Accused, s.Failures >= p.Fall:
		return s.fall(p, o, to)
	}
	return s.become(Suspect, o)
}

// afterFailureWhileFallen lets a fallen origin's verdict follow the facts, but not each
// mood: Down and Blocked change places only after Fall failures in a row that
// say so, Hijacked is entered at once and left only by rising.
func (s State) afterFailureWhileFallen(p Policy, o Observation, to Verdict, mayFall bool) State {
	switch {
	case to == s.Verdict:
		s.Contrary = 0
		return s.become(to, o)
	case s.Verdict == Hijacked, !mayFall:
		return s
	case to == Hijacked:
		return s.fall(p, o, to)
	}
	s.Contrary++
	if s.Contrary < p.Fall {
		return s
	}
	s.Contrary, s.Fallen = 0, to
	return s.become(to, o)
}

func (s State) afterRequest(p Policy, o Observation, mayFall bool) State {
	if !s.Verdict.Usable() {
		return s
	}
	s.Live = s.Live.counted(o)
	if o.OK() {
		return s
	}
	to := o.Class.fallsTo()
	accused := to == Hijacked || s.Live.failing()
	if accused && !s.Accused && o.At.Sub(s.Absolved) >= p.Interval {
		s.Accused = true
		return s.become(Suspect, o)
	}
	return s
}

// fall takes the origin out of use.
func (s State) fall(p Policy, o Observation, to Verdict) State {
	if s.Verdict.Usable() {
		s.Flaps++
	}
	s.Fallen, s.Required, s.Contrary = to, p.Rise, 0
	if to == Hijacked {
		s.Required = max(p.Rise, slowRise)
	}
	s.Successes, s.Accused, s.Live = 0, false, Live{}
	return s.become(to, o)
}

// become sets the verdict and the look it rests on; Since moves only when the
// verdict does.
func (s State) become(v Verdict, o Observation) State {
	if s.Verdict != v {
		s.Verdict, s.Since = v, o.At
	}
	s.Class, s.Stage, s.Reason = o.Class, o.Stage, o.Reason
	return s
}

// fallen reports whether the verdict is one an origin must rise from.
func (v Verdict) fallen() bool { return v == Down || v == Blocked || v == Hijacked }

// fallsTo is the verdict that failures of this class end in.
func (c Class) fallsTo() Verdict {
	switch c {
	case IdentityMissing, CanaryInvalid, CanaryStale, Redirected:
		return Hijacked
	case TLSReset, TLSCertificate, AddressForbidden:
		// The three that a failing server hardly ever brings about itself: a cut
		// once the name was sent, another's certificate, a forged address.
		return Blocked
	}
	return Down
}

// network reports whether a look of this class ended before anything answered,
// as it also would if the edge's own network were gone.
func (c Class) network() bool {
	switch c {
	case DNSError, DNSNotFound, DNSTimeout, ConnectRefused, ConnectTimeout, ConnectReset, Unreachable,
		TLSReset, TLSTimeout, RequestReset, FirstByteTimeout:
		return true
	}
	return false
}
