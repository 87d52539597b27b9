package health

import "time"

// ID names one origin of one site. Origin is the origin's name as configured
// (its URL unless the operator gave another).
type ID struct {
	Site   string
	Origin string
}

// Verdict is what an origin counts as after many observations.
type Verdict string

// The closed set of verdicts.
const (
	// Unknown: nothing has been seen yet. Readers are sent there in order:
	// an edge that has just started must serve.
	Unknown Verdict = "unknown"
	// Healthy: answers, and is the publication.
	Healthy Verdict = "healthy"
	// Suspect: it failed lately, but fewer times than Policy.Fall.
	Suspect Verdict = "suspect"
	// Blocked: something between here and the origin interferes.
	Blocked Verdict = "blocked"
	// Down: it does not answer, or answers with errors.
	Down Verdict = "down"
	// Hijacked: it answers, but not with the publication.
	Hijacked Verdict = "hijacked"
	// Probation: it answers again after Blocked, Down or Hijacked, but fewer
	// times than Policy.Rise.
	Probation Verdict = "probation"
	// Drained: the operator took it out of use.
	Drained Verdict = "drained"
)

// Verdicts lists the closed set, for metrics that must exist at zero.
func Verdicts() []Verdict {
	return []Verdict{Unknown, Healthy, Suspect, Blocked, Down, Hijacked, Probation, Drained}
}

// Usable reports whether readers' requests may go to an origin with this verdict.
func (v Verdict) Usable() bool { return v == Unknown || v == Healthy || v == Suspect }

// Stage is the step of a probe or request at which something was found.
type Stage string

// The stages, in their order.
const (
	StageResolve   Stage = "resolve"
	StageConnect   Stage = "connect"
	StageHandshake Stage = "handshake"
	StageRequest   Stage = "request" // until the first byte of the answer
	StageBody      Stage = "body"
	StageIdentity  Stage = "identity"
)

// Stages lists the closed set in order.
func Stages() []Stage {
	return []Stage{StageResolve, StageConnect, StageHandshake, StageRequest, StageBody, StageIdentity}
}

// Timings are the durations of a probe's stages. A stage that was not reached is zero.
type Timings struct {
	Resolve   time.Duration `json:"resolve"`
	Connect   time.Duration `json:"connect"`
	Handshake time.Duration `json:"handshake"`
	FirstByte time.Duration `json:"first_byte"`
	Body      time.Duration `json:"body"`
}

// Total is the sum of all stages.
func (t Timings) Total() time.Duration {
	return t.Resolve + t.Connect + t.Handshake + t.FirstByte + t.Body
}

// Certificate is what an operator needs to know of an origin's certificate.
type Certificate struct {
	Names    []string  `json:"names"` // that it is valid for
	Issuer   string    `json:"issuer"`
	NotAfter time.Time `json:"not_after"`
	// Pin is the hash of its public key, as the configuration's pin takes it.
	Pin string `json:"pin,omitempty"`
}

// Notice is something amiss that a look got around: an injected DNS answer beside
// the right one, one dead address of several, a slow first byte. The zero value is none.
type Notice struct {
	Class  Class  `json:"class,omitempty"`
	Stage  Stage  `json:"stage,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Observation is one look at an origin: a probe, or a reader's request.
type Observation struct {
	At      time.Time
	Live    bool  // a reader's request rather than a probe
	Class   Class // OK, or what was found
	Stage   Stage // where it was found; empty for OK
	Reason  string
	Status  int     // of the answer; 0 without one
	Address string  // the address connected to; empty when none was
	Timings Timings // zero for live requests, except FirstByte

	// Evidence says in words what Class rests on beyond Reason, strongest first.
	Evidence []string
	// Notice is what was amiss although the look went on. It moves no verdict.
	Notice Notice
	// RetryAfter is for how long the origin asked to be left alone; 0 when it did not.
	RetryAfter time.Duration
	// Proven: the look saw a good signed canary.
	Proven bool
	// CDN names the network that the answer says it came through; empty if it says nothing.
	CDN string
	// Certificate is what the origin presented to a probe, believed or not; nil without one.
	Certificate *Certificate
}

// OK reports whether the look was good.
func (o Observation) OK() bool { return o.Class == OK }

// NotAfter is when the certificate ends that was presented; zero without one.
func (o Observation) NotAfter() time.Time {
	if o.Certificate == nil {
		return time.Time{}
	}
	return o.Certificate.NotAfter
}
