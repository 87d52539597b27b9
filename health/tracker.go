package health

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Options of a Tracker. The zero value is a Tracker that tells nobody.
type Options struct {
	// OnTransition is told of every change of a verdict, one at a time and in
	// order, with no lock held: it may call the Tracker. While it runs, changes
	// seen by other goroutines wait for it without holding those up. May be nil.
	OnTransition func(Transition)
	// OnSuspicion is told when the edge's own network begins and ends to be
	// suspected, in order with the transitions and as they are. May be nil.
	OnSuspicion func(Suspicion)
}

// Suspicion is the beginning or the end of doubt in the edge's own network.
type Suspicion struct {
	Suspected bool      // false at its end
	Since     time.Time // when the failures began that it rests on
	Reason    string    // for which it began
	At        time.Time
}

// Transition is one change of an origin's verdict.
type Transition struct {
	ID       ID
	From     Verdict
	To       Verdict
	Class    Class
	Stage    Stage
	Reason   string
	Evidence []string // read only
	At       time.Time
}

// Tracker keeps one [State] per origin and publishes it. It is safe for
// concurrent use; make it with [NewTracker].
type Tracker struct {
	options Options
	changed chan struct{} // capacity 1: something worth saving happened; read by Keep

	controlAsked chan struct{} // capacity 1: look whether the network works; read by the ControlProber

	mu         sync.Mutex
	entries    map[ID]*entry
	sites      map[string][]*entry // the same, per site, by name
	voices     []voice             // theirs, in no order
	restored   map[ID]remembered   // read from a file, not yet configured
	control    control
	outage     outage
	pending    []func() // tell what was not told yet
	delivering bool     // a goroutine is telling, and will see what is appended
}

// NewTracker is a Tracker without origins.
func NewTracker(o Options) *Tracker {
	return &Tracker{
		options: o, changed: make(chan struct{}, 1), controlAsked: make(chan struct{}, 1),
		entries: map[ID]*entry{}, sites: map[string][]*entry{},
	}
}

// Configure makes the tracked origins exactly these. Origins known already keep
// their state under the new policy, new ones take what was restored for them,
// all others are forgotten.
//
// An origin that is added while the Tracker runs to a site that has a good one begins
// in Probation: readers are well where they are until it has passed three probes. It
// begins as Unknown, and in use at once, where readers may be waiting for it: at a fresh
// start, and where no other origin of the site is known to be of use.
func (t *Tracker) Configure(policies map[ID]Policy) {
	now := time.Now()
	defer t.deliver()
	t.mu.Lock()
	defer t.mu.Unlock()
	entries := make(map[ID]*entry, len(policies))
	sites := make(map[string][]*entry)
	for id, policy := range policies {
		e := t.entries[id]
		if e == nil {
			e = newEntry(id, t.restored[id])
		}
		e.policy = policy.filled()
		e.refresh()
		entries[id] = e
		sites[id.Site] = append(sites[id.Site], e)
	}
	for _, of := range sites {
		slices.SortFunc(of, func(a, b *entry) int { return cmp.Compare(a.id.Origin, b.id.Origin) })
	}
	before := t.entries
	t.entries, t.sites, t.restored = entries, sites, nil
	t.gatherLocked()
	if len(before) > 0 {
		t.admitLocked(before, now)
	}
	if t.outage.network == networkSuspected {
		t.judgeLocked(now)
	}
}

// gatherLocked brings the voices of all entries together.
func (t *Tracker) gatherLocked() {
	t.voices = make([]voice, 0, len(t.entries))
	for _, e := range t.entries {
		t.voices = append(t.voices, *e.voice)
		e.voice = &t.voices[len(t.voices)-1]
	}
}

// admitLocked begins the probation of origins that were not there before.
func (t *Tracker) admitLocked(before map[ID]*entry, now time.Time) {
	for _, of := range t.sites {
		if !slices.ContainsFunc(of, func(e *entry) bool {
			v := e.state.Current()
			return before[e.id] != nil && (v == Healthy || v == Suspect)
		}) {
			continue
		}
		for _, e := range of {
			if was := e.state; before[e.id] == nil && was.Verdict == Unknown {
				e.put(was.admitted(now))
				e.refresh()
				t.noteLocked(e, was, now)
			}
		}
	}
}

// Observe counts one look. A look at an origin that is not configured (any
// more) is dropped; a zero At is now.
func (t *Tracker) Observe(id ID, o Observation) {
	if o.At.IsZero() {
		o.At = time.Now()
	}
	t.mu.Lock()
	if e := t.entries[id]; e != nil {
		t.observeLocked(e, o)
	}
	t.mu.Unlock()
	t.deliver()
}

func (t *Tracker) observeLocked(e *entry, o Observation) {
	before := e.state
	switch {
	case o.Class.network():
		// Its failure counts in the judgement, its fall does not: first as if held.
		e.put(before.next(e.policy, o, false))
		t.judgeLocked(o.At)
		if t.outage.network == networkWorks {
			e.put(before.next(e.policy, o, true))
			break
		}
		t.askOthersLocked(o.At)
		t.wantControlLocked()
	case t.outage.network == networkSuspected:
		// If this look ends the suspicion, it is the first that counts.
		e.put(before.next(e.policy, o, false))
		t.judgeLocked(o.At)
		if t.outage.network != networkSuspected || o.Class.kind() == wrong {
			e.put(before.thawed().next(e.policy, o, true))
		}
	case t.outage.network == networkUnsure:
		e.put(before.next(e.policy, o, true))
		t.judgeLocked(o.At)
	default:
		e.put(before.next(e.policy, o, true))
	}
	if pressed := e.state.pressing() && !before.pressing() && o.At.Before(e.state.RetryAt); pressed || e.state.Accused && !before.Accused {
		e.ask(o.At)
	}
	if !o.Live {
		e.history.add(o)
	}
	e.refresh()
	t.noteLocked(e, before, o.At)
}

// judgeLocked looks at the edge's own network again.
func (t *Tracker) judgeLocked(now time.Time) {
	was := t.outage
	t.outage = judged(t.voices, now, was.network == networkSuspected, t.control)
	switch {
	case was.network == networkSuspected && t.outage.network == networkSuspected:
		t.outage = was
	case was.network == networkSuspected:
		for _, e := range t.entries {
			e.thaw(now)
		}
		t.suspectLocked(Suspicion{Since: was.since, Reason: was.reason, At: now})
	case t.outage.network == networkSuspected:
		t.suspectLocked(Suspicion{Suspected: true, Since: t.outage.since, Reason: t.outage.reason, At: now})
	}
}

// suspectLocked queues the beginning or the end of the suspicion.
func (t *Tracker) suspectLocked(s Suspicion) {
	if t.options.OnSuspicion != nil {
		t.pending = append(t.pending, func() { t.options.OnSuspicion(s) })
	}
}

// askOthersLocked has origins probed that could show whether the network works.
// Sixteen at a time, in the map's random order: one answer is enough, and when
// they fail too, each of them asks sixteen more.
func (t *Tracker) askOthersLocked(now time.Time) {
	left := 16
	for _, e := range t.entries {
		if left == 0 {
			return
		}
		if e.state.NetworkSince.IsZero() {
			e.ask(now)
			left--
		}
	}
}

// Confirmations delivers a value whenever the origin should be probed at once, or as soon
// as the time is over for which it is to be left alone. It is for the origin's one prober, holds at most one value, is never closed,
// and is nil for an origin that is not configured.
func (t *Tracker) Confirmations(id ID) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.entries[id]; e != nil {
		return e.asked
	}
	return nil
}

// noteLocked queues the transition from before to the entry's state, if there is one.
func (t *Tracker) noteLocked(e *entry, before State, at time.Time) {
	from, to := before.Current(), e.state.Current()
	if from == to {
		if before.Verdict != e.state.Verdict {
			t.touch() // changed beneath Drained
		}
		return
	}
	t.touch()
	if t.options.OnTransition == nil {
		return
	}
	v := e.view()
	change := Transition{
		ID: e.id, From: from, To: to, Class: v.Class, Stage: v.Stage, Reason: v.Reason, Evidence: v.Evidence, At: at,
	}
	t.pending = append(t.pending, func() { t.options.OnTransition(change) })
}

// touch wakes Keep.
func (t *Tracker) touch() {
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// deliver tells what is pending. One goroutine at a time does it and goes
// on until none are left, so they stay in order although no lock is held.
func (t *Tracker) deliver() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.delivering {
		return
	}
	t.delivering = true
	defer func() { t.delivering = false }()
	for len(t.pending) > 0 {
		next := t.pending[0]
		t.pending = t.pending[1:]
		t.tell(next)
	}
}

// tell calls a callback with the lock put down.
func (t *Tracker) tell(next func()) {
	t.mu.Unlock()
	defer t.mu.Lock()
	next()
}

// Drain takes an origin out of use until Undrain, across restarts. It fails
// for an origin that is not configured.
func (t *Tracker) Drain(id ID) error {
	now := time.Now()
	return t.change(id, now, func(s State) (State, error) { return s.Drain(now), nil })
}

// Undrain gives a drained origin back to the verdict it has earned meanwhile.
// It fails for an origin that is not configured.
func (t *Tracker) Undrain(id ID) error {
	return t.change(id, time.Now(), func(s State) (State, error) { return s.Undrain(), nil })
}

// Clear is the operator's word that a hijack is over: five fresh good probes in a row
// then bring the origin back, proven or not, and something wrong on the way makes it
// hijacked again. It fails for an origin that is not configured or not hijacked.
func (t *Tracker) Clear(id ID) error {
	now := time.Now()
	return t.change(id, now, func(s State) (State, error) {
		cleared, ok := s.Clear(now)
		if !ok {
			return s, fmt.Errorf("origin %q of site %q is %s, not hijacked: there is nothing to clear", id.Origin, id.Site, s.Current())
		}
		return cleared, nil
	})
}

// change lets the operator change a state.
func (t *Tracker) change(id ID, at time.Time, f func(State) (State, error)) error {
	defer t.deliver()
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[id]
	if e == nil {
		return fmt.Errorf("site %q has no origin %q: see the status page for the names of its origins", id.Site, id.Origin)
	}
	before := e.state
	after, err := f(before)
	if err != nil {
		return err
	}
	e.put(after)
	e.refresh()
	t.touch()
	t.noteLocked(e, before, at)
	return nil
}
