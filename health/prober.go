package health

import (
	"context"
	"math/rand/v2"
	"time"
)

// Prober looks at one origin again and again. There is one for each origin.
type Prober struct {
	ID      ID
	Policy  Policy   // for the pace; the Tracker has its own copy for the verdict
	Tracker *Tracker // must have been configured with ID before Run

	// Probe looks once. It must bound itself in time and end soon after ctx does.
	Probe func(ctx context.Context) Observation

	// Jitter returns values in [0,1); nil is random.
	Jitter func() float64
}

// Run probes at once, unless the origin is to be left alone for a while yet, then at
// the pace of [NextProbe], and out of turn when the Tracker asks. Where the origin has
// told a reader meanwhile that it is asked too often, the probe waits until it may. It
// returns when ctx ends; what a probe found after that is dropped, because the
// end of the looking says nothing about the origin.
func (p Prober) Run(ctx context.Context) {
	asked := p.Tracker.Confirmations(p.ID)
	s, _ := p.Tracker.State(p.ID)
	timer := time.NewTimer(firstProbe(s, p.Policy, time.Now(), p.jitter()))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-asked:
		}
		if rest := p.rest(); rest > 0 {
			timer.Reset(rest)
			continue
		}
		o := p.Probe(ctx)
		if ctx.Err() != nil {
			return
		}
		o.Live = false
		p.Tracker.Observe(p.ID, o)
		timer.Reset(p.wait())
	}
}

// rest is for how long the origin is to be left alone from now, because it asked for that
// since its latest probe.
func (p Prober) rest() time.Duration {
	s, _ := p.Tracker.State(p.ID)
	return time.Until(s.restUntil())
}

func (p Prober) wait() time.Duration {
	s, _ := p.Tracker.State(p.ID)
	return NextProbe(s, p.Policy, p.jitter())
}

func (p Prober) jitter() float64 {
	if p.Jitter == nil {
		return rand.Float64()
	}
	return p.Jitter()
}
