package health

import (
	"maps"
	"slices"
	"time"
)

// View is one origin as everybody else sees it. What it points to is everybody's: read
// only.
type View struct {
	ID       ID
	Verdict  Verdict   // Drained covers the earned verdict
	Class    Class     // what the verdict rests on; empty before the first look
	Stage    Stage     // where that was found; empty when good
	Reason   string    // the same in words, and what is missing for a better verdict; may be empty when good
	Evidence []string  // what it rests on beyond Reason, strongest first
	Since    time.Time // of the verdict; zero before the first look

	// Of the latest probe, and zero before the first.
	LastProbe   time.Time
	Status      int          // 0 without an answer
	Address     string       // that it connected to
	Timings     Timings      //
	Notice      Notice       // what was amiss although it went on
	Certificate *Certificate // that it was shown; nil without one
	NotAfter    time.Time    // of that certificate; zero without one

	LastSuccess time.Time // probe or reader's request; zero before the first
	Failures    int       // failed probes in a row
	Successes   int       // good probes in a row
	Required    int       // good probes in a row that bring a fallen or new origin into use; 0 for others
	// LiveFailures is how many readers' requests failed in a row since the
	// latest good probe or request.
	LiveFailures int
	Flaps        int       // falls from usable since first seen
	RetryAt      time.Time // until when the origin asked to be left alone; zero when it did not
	// LeftAloneUntil is until when nothing need be sent to the origin by whoever can do
	// without: RetryAt, or, where it fell by a block that each attempt prolongs, the
	// earliest time of the next probe. Zero where an attempt does no harm.
	LeftAloneUntil time.Time

	// What it shares its fate with, see SharesFate.
	Fates   []string
	Network string // the operator's label
	CDN     string // of the latest answer; empty if it did not say
}

// View is one origin; Unknown for one that is not configured.
func (t *Tracker) View(id ID) View {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.entries[id]; e != nil {
		return e.view()
	}
	return View{ID: id, Verdict: Unknown}
}

// State is the whole state of one origin; false for one that is not configured.
func (t *Tracker) State(id ID) (State, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.entries[id]; e != nil {
		return e.state, true
	}
	return State{}, false
}

// Site is the origins of one site, ordered by name. The slice is the caller's;
// it is the only allocation.
func (t *Tracker) Site(site string) []View {
	t.mu.Lock()
	defer t.mu.Unlock()
	of := t.sites[site]
	views := make([]View, len(of))
	for i, e := range of {
		views[i] = e.view()
	}
	return views
}

// All is every origin, ordered by site and name.
func (t *Tracker) All() []View {
	t.mu.Lock()
	defer t.mu.Unlock()
	views := make([]View, 0, len(t.entries))
	for _, site := range slices.Sorted(maps.Keys(t.sites)) {
		for _, e := range t.sites[site] {
			views = append(views, e.view())
		}
	}
	return views
}

// Suspected reports whether the edge's own network is suspected, because all
// origins failed at once; since when, and why in words. Verdicts are frozen
// while it is.
func (t *Tracker) Suspected() (since time.Time, reason string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.outage.network != networkSuspected {
		return time.Time{}, "", false
	}
	return t.outage.since, t.outage.reason, true
}

func (e *entry) view() View {
	s := &e.state
	v := View{
		ID: e.id, Verdict: s.Current(), Class: s.Class, Stage: s.Stage, Reason: e.reason, Evidence: s.Evidence, Since: s.Since,
		LastProbe: s.Last.At, Status: s.Last.Status, Address: s.Last.Address, Timings: s.Last.Timings,
		Notice: s.Last.Notice, Certificate: s.Last.Certificate, NotAfter: s.Last.NotAfter,
		LastSuccess: s.LastSuccess, Failures: s.Failures, Successes: s.Successes, Required: s.Required,
		LiveFailures: s.Live.Failures, Flaps: s.Flaps, RetryAt: s.RetryAt, LeftAloneUntil: s.harmlessAt(e.policy),
		Fates: e.fates, Network: e.policy.Network, CDN: s.CDN,
	}
	if v.Verdict == Drained {
		v.Since, v.Reason = s.DrainedSince, "taken out of use by the operator"
	}
	return v
}
