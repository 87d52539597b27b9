package health

import "time"

// Policy says how many looks make a verdict and how often to look. The zero
// value of every field stands for its default.
type Policy struct {
	Interval time.Duration // between probes of a healthy origin; default 10 s
	Timeout  time.Duration // of one whole probe; default 5 s
	Fall     int           // failed probes in a row that take an origin out of use; default 3
	Rise     int           // good probes in a row that bring it back; default 2
	// Network is the operator's label for where the origin is connected, such as AS64500.
	// Origins with the same label fail together, see SharesFate. Empty is none.
	Network string
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

const (
	// slowRise is how many good probes bring back an origin in whose place something
	// else stood. Wrong content is worse than no content.
	slowRise = 5
	// newRise is how many good probes an origin must pass that a reload adds.
	newRise = 3
	// retryMost is for how long probes leave an origin alone that says it is asked too
	// often, at most and where it does not say until when. Who asks for more may be
	// somebody who wants nobody to look.
	retryMost = 5 * time.Minute
	// pressGap is the least time between probes of such an origin while readers meet
	// worse there than that it is busy.
	pressGap = time.Minute
)

// State is everything the edge holds against or for one origin. It is a value:
// [State.Next] returns a new one, and nothing that it points to is ever written to.
// The zero State is an origin never looked at.
type State struct {
	// The verdict as earned by observations, and the look it rests on. A
	// Probation keeps the class and reason of the fall it comes back from.
	Verdict Verdict   `json:"verdict"` // empty means Unknown
	Class   Class     `json:"class,omitempty"`
	Stage   Stage     `json:"stage,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	// Evidence is what that look gave beyond the reason.
	Evidence []string `json:"evidence,omitempty"`

	// The operator's hand. It covers the earned verdict and outlives it.
	DrainedSince time.Time `json:"drained_since,omitzero"` // zero when not drained

	// Counted probes.
	Failures  int `json:"failures,omitempty"`  // in a row
	Strains   int `json:"strains,omitempty"`   // of Failures, those that answered badly rather than not
	Successes int `json:"successes,omitempty"` // in a row
	Flaps     int `json:"flaps,omitempty"`     // falls from usable since the origin was first seen

	// Only of fallen origins.
	Fallen   Verdict `json:"fallen,omitempty"`   // what it fell to; a Probation returns there
	Required int     `json:"required,omitempty"` // good probes in a row that bring it back
	Contrary int     `json:"contrary,omitempty"` // failures in a row that speak for another verdict than Fallen
	Cleared  bool    `json:"cleared,omitempty"`  // a hijack of which the operator says that it is over

	// Residual counts failures in a row of a block that each attempt prolongs, since the
	// origin fell, or since it would have fallen but for the doubt in the edge's own network.
	Residual int `json:"residual,omitempty"`
	// RetryAt is until when the origin asked to be left alone, by a probe's answer or a reader's.
	RetryAt time.Time `json:"retry_at,omitzero"`

	// What readers' requests say.
	Live     Live      `json:"-"`
	Accused  bool      `json:"accused,omitempty"` // they failed; the next probe decides
	Absolved time.Time `json:"absolved,omitzero"` // when a good probe last contradicted them

	// Facts that no verdict changes.
	Last        Look      `json:"last,omitzero"`         // the latest probe
	LastSuccess time.Time `json:"last_success,omitzero"` // the latest good look, probe or live
	LastAnswer  time.Time `json:"last_answer,omitzero"`  // the latest HTTP answer, good or not

	// Address is that of the latest probe that had one, and CDN what the latest answer
	// came through: what the origin shares its fate with.
	Address string `json:"address,omitempty"`
	CDN     string `json:"cdn,omitempty"`

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
	NotAfter    time.Time    `json:"not_after,omitzero"`
	Certificate *Certificate `json:"certificate,omitempty"`
	Notice      Notice       `json:"notice,omitzero"`
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

// Clear is the operator's word that a hijack is over. It takes slowRise fresh good
// probes all the same, but none of them needs to be proven; something wrong on the way
// makes it a hijack again. It is false for what is not hijacked.
func (s State) Clear(at time.Time) (State, bool) {
	if s.Verdict != Hijacked && s.Fallen != Hijacked {
		return s, false
	}
	if s.Verdict != Probation {
		s.Verdict, s.Since = Probation, at
	}
	s.Fallen, s.Required, s.Successes, s.Cleared = Hijacked, max(s.Required, slowRise), 0, true
	return s, true
}

// admitted is an origin that nothing is known of, on probation before its first use.
func (s State) admitted(at time.Time) State {
	s.Verdict, s.Since, s.Required = Probation, at, newRise
	s.Reason = "new: it has to pass 3 probes in a row first, because other origins are good"
	return s
}

// sticky reports whether only a signed canary, or the operator, ends what it fell to.
func (s State) sticky() bool { return s.Fallen == Hijacked && !s.Cleared }

// shownAgain reports whether the latest probe of a hijacked origin was good, and proved nothing.
func (s State) shownAgain() bool { return s.Verdict == Hijacked && s.Last.Class == OK }

// fallen reports whether the verdict is one an origin must rise from.
func (v Verdict) fallen() bool { return v == Down || v == Blocked || v == Hijacked }
