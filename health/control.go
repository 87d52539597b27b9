package health

import (
	"context"
	"time"
)

const (
	// controlGap is the least time between two control looks: a control URL is somebody
	// else's server.
	controlGap = 10 * time.Second
	// controlPace is how often they are taken while the network is in doubt.
	controlPace = 30 * time.Second
	// controlTimeout bounds one of them.
	controlTimeout = 5 * time.Second
	// controlHold is how long a fall waits for one that is wanted: the gap, and the look.
	controlHold = controlGap + controlTimeout
)

// control is the latest look at something that is no origin, to see whether the edge's
// own network works.
type control struct {
	on     bool // such looks are taken
	at     time.Time
	ok     bool
	reason string
}

// denies reports whether the latest control look says that the network is gone: it
// failed after the failures began, and no origin has answered since.
func (c control) denies(first, answered time.Time) bool {
	return c.on && !c.ok && !c.at.Before(first) && !c.at.Before(answered)
}

// confirms reports whether the latest control look says that the network works: it
// was good after the last of the failures began.
func (c control) confirms(last time.Time) bool { return c.on && c.ok && !c.at.Before(last) }

// SetControl says whether control looks are taken; without them, which is where a
// Tracker begins, the network is judged by the origins alone. With them their word
// outranks that guess, and even a single origin does not fall while they fail.
func (t *Tracker) SetControl(on bool) {
	defer t.deliver()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.control.on == on {
		return
	}
	t.control = control{on: on}
	t.judgeLocked(time.Now())
}

// ObserveControl counts one control look, which began at that time. It is dropped where
// none are to be taken. Reason says in words why it failed.
func (t *Tracker) ObserveControl(at time.Time, ok bool, reason string) {
	defer t.deliver()
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.control.on || at.Before(t.control.at) {
		return
	}
	t.control = control{on: true, at: at, ok: ok, reason: reason}
	t.judgeLocked(at)
}

// ControlWanted delivers a value whenever a control look should be taken. It is for the one
// ControlProber, holds at most one value, and is never closed.
func (t *Tracker) ControlWanted() <-chan struct{} { return t.controlAsked }

// wantControlLocked asks for a control look where such are taken.
func (t *Tracker) wantControlLocked() {
	if !t.control.on {
		return
	}
	select {
	case t.controlAsked <- struct{}{}:
	default:
	}
}

// controlDue reports whether a control look could change anything: the network is
// suspected, or an origin in use fails as it would without one.
func (t *Tracker) controlDue() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.control.on {
		return false
	}
	if t.outage.network == networkSuspected {
		return true
	}
	for _, e := range t.entries {
		if e.state.witness() && !e.state.NetworkSince.IsZero() {
			return true
		}
	}
	return false
}

// ControlProber takes the control looks. There is one for each Tracker.
type ControlProber struct {
	Tracker *Tracker
	// Look fetches something that is reached over the same network and has nothing to do with
	// the publication. Nil, or any answer at all, means that the network works. It
	// has 5 s, and must end soon after ctx does.
	Look func(ctx context.Context) error
}

// Run looks when the Tracker asks, which it does at the first failure that may be the
// network's, and every 30 s while that lasts; never more often than every 10 s, and
// not at all while all is well. It returns when ctx ends.
func (p ControlProber) Run(ctx context.Context) {
	pace := time.NewTicker(controlPace)
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.Tracker.ControlWanted():
		case <-pace.C:
		}
		if !p.Tracker.controlDue() {
			continue
		}
		p.once(ctx)
		pace.Reset(controlPace)
		if !wait(ctx, controlGap) {
			return
		}
	}
}

// once takes one look. One that was cut short says nothing.
func (p ControlProber) once(ctx context.Context) {
	begun := time.Now()
	within, cancel := context.WithTimeout(ctx, controlTimeout)
	err := p.Look(within)
	cancel()
	switch {
	case ctx.Err() != nil:
	case err != nil:
		p.Tracker.ObserveControl(begun, false, err.Error())
	default:
		p.Tracker.ObserveControl(begun, true, "")
	}
}
