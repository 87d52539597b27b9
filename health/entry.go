package health

import (
	"fmt"
	"time"
)

// entry is all that the tracker has of one origin. It is guarded by Tracker.mu.
type entry struct {
	id      ID
	policy  Policy
	state   State  // changed by put alone
	voice   *voice // what state says of the edge's own network
	history history
	asked   chan struct{} // capacity 1: probe now

	// What the View adds to the state. It is made when that changes, not when it is read.
	fates  []string  // never written to: Views share them
	fateOf [3]string // address, network and CDN that fates was made of
	reason string
}

// newEntry is an origin that nothing is known of but what was restored.
func newEntry(id ID, known remembered) *entry {
	e := &entry{id: id, voice: &voice{}, asked: make(chan struct{}, 1)}
	e.put(State{Verdict: Unknown})
	e.remember(known)
	return e
}

// remember takes over what was known before a restart, if anything was.
func (e *entry) remember(known remembered) {
	if known.state.Verdict != "" {
		e.history = known.history
		e.put(known.state)
	}
}

// put changes the state.
func (e *entry) put(s State) {
	e.state = s
	*e.voice = s.voice(e.id.Origin)
}

// refresh follows a change of the state or the policy.
func (e *entry) refresh() {
	e.reason = e.state.reason()
	if of := [...]string{e.state.Address, e.policy.Network, e.state.CDN}; of != e.fateOf {
		e.fateOf, e.fates = of, fatesOf(of[0], of[1], of[2])
	}
}

// thaw ends the doubt in the edge's own network. An origin whose probes became rare
// because of what is void now is looked at again.
func (e *entry) thaw(now time.Time) {
	before := e.state
	e.put(before.thawed())
	if before.Residual > 0 && e.state.Residual == 0 {
		e.ask(now)
	}
}

// ask wants a probe now. One that is wanted already covers this one. An origin that is
// to be left alone is not asked out of turn, unless readers press for it: then the
// Prober waits until it may.
func (e *entry) ask(now time.Time) {
	if e.state.leftAlone(now) && (e.state.Residual > 0 || !e.state.pressing()) {
		return
	}
	select {
	case e.asked <- struct{}{}:
	default:
	}
}

// reason is why the origin has its verdict, and what the operator has to do about it
// where nobody else can.
func (s State) reason() string {
	switch {
	case s.shownAgain():
		return joined(s.Reason, "it shows the publication again; clear it, or configure a canary")
	case s.Verdict == Probation && s.sticky() && s.Successes >= s.Required:
		return joined(s.Reason, fmt.Sprintf("%d good probes since; the next that its canary proves brings it back", s.Successes))
	case s.Class == DomainGone:
		return joined(s.Reason, "the registration may have expired: ask the registrar, and renew it before somebody else takes the domain")
	case s.Class == TLSExpired:
		return joined(s.Reason, "renew the certificate, or set the clock, at the origin")
	}
	return s.Reason
}

// joined is what was found, and what to make of it.
func joined(found, advice string) string {
	if found == "" {
		return advice
	}
	return found + "; " + advice
}
