package resolve

import (
	"fmt"
	"net/netip"
	"slices"
)

// Kind is what the answers of several resolvers come to.
type Kind string

// The closed set of kinds.
const (
	Consistent  Kind = "consistent"  // the control resolvers say the same
	Unconfirmed Kind = "unconfirmed" // no control resolver is there to say anything
	Suspected   Kind = "suspected"   // the addresses differ; only TLS proves which are right
	Poisoned    Kind = "poisoned"    // here the name leads to an address that no public name has
	Injected    Kind = "injected"    // somebody on the way answers too
	Blocked     Kind = "blocked"     // the name is missing here, and only here
	Gone        Kind = "gone"        // the name does not exist for anybody
	Empty       Kind = "empty"       // the name has no address for anybody
	Failed      Kind = "failed"      // the system's resolver fails
)

// Kinds lists the closed set.
func Kinds() []Kind {
	return []Kind{Consistent, Unconfirmed, Suspected, Poisoned, Injected, Blocked, Gone, Empty, Failed}
}

// Finding is what is made of the answers.
type Finding struct {
	Kind   Kind
	Reason string
	// OnlyHere says that a control resolver knows the name, while here it fails, is
	// missing or is certainly answered wrongly.
	OnlyHere bool
}

// testimony is what the control resolvers say together. Those that fail, and
// those that somebody else answers for, say nothing.
type testimony struct {
	asked     int
	witness   []Answer // definite
	found     []Answer // those of them with addresses
	addresses []netip.Addr
	bogons    []netip.Addr
	injected  *Answer // one that somebody else answers for
}

func testimonyOf(controls []Answer) testimony {
	t := testimony{asked: len(controls)}
	for i, c := range controls {
		switch {
		case c.Injected:
			t.injected = &controls[i]
			continue
		case !c.Outcome.Definite():
			continue
		}
		t.witness = append(t.witness, c)
		if c.Outcome == Found {
			t.found = append(t.found, c)
			t.addresses = append(t.addresses, c.Addresses...)
			t.bogons = append(t.bogons, c.Bogons...)
		}
	}
	return t
}

// all reports whether every witness came to the outcome.
func (t testimony) all(outcome Outcome) bool {
	return !slices.ContainsFunc(t.witness, func(a Answer) bool { return a.Outcome != outcome })
}

// Compare says what is to be made of the system's answer beside those of
// control resolvers. It is pure.
//
// Large sites answer differently in different places, so other addresses alone
// are only Suspected; addresses in one network (/24, /48) count as the same.
func Compare(system Answer, controls []Answer) Finding {
	t := testimonyOf(controls)
	for _, rule := range []func(Answer, testimony) (Finding, bool){
		injected, unwitnessed, failed, missing, ghost, poisoned, agreeing,
	} {
		if finding, applies := rule(system, t); applies {
			return finding
		}
	}
	return Finding{Kind: Suspected, Reason: fmt.Sprintf(
		"here the name leads to %s, and %s says %s", system.words(), t.found[0].Server.name(), t.found[0].words())}
}

func injected(system Answer, t testimony) (Finding, bool) {
	if !system.Injected {
		return Finding{}, false
	}
	return Finding{Kind: Injected, OnlyHere: len(t.found) > 0, Reason: system.injection()}, true
}

// unwitnessed is for a system's answer with nothing to hold against it.
func unwitnessed(system Answer, t testimony) (Finding, bool) {
	switch {
	case len(t.witness) > 0:
		return Finding{}, false
	case t.injected != nil:
		return Finding{Kind: Injected, Reason: t.injected.Server.name() + ": " + t.injected.injection()}, true
	case !system.Outcome.Definite() && t.asked == 0:
		return Finding{Kind: Failed, Reason: system.Server.whose() + ": " + system.words()}, true
	case !system.Outcome.Definite():
		return Finding{Kind: Failed, Reason: "no resolver answered; " + system.Server.whose() + ": " + system.words()}, true
	case t.asked == 0:
		return Finding{Kind: Unconfirmed, Reason: system.words() + "; there is no control resolver"}, true
	}
	return Finding{Kind: Unconfirmed, Reason: system.words() + "; no control resolver answered"}, true
}

func failed(system Answer, t testimony) (Finding, bool) {
	if system.Outcome.Definite() {
		return Finding{}, false
	}
	w := t.witness[0]
	if len(t.found) > 0 {
		w = t.found[0]
	}
	return Finding{Kind: Failed, OnlyHere: len(t.found) > 0, Reason: fmt.Sprintf(
		"%s: %s; %s: %s", system.Server.whose(), system.words(), w.Server.name(), w.words())}, true
}

// missing is for a name without addresses here.
func missing(system Answer, t testimony) (Finding, bool) {
	switch {
	case system.Outcome == Found:
		return Finding{}, false
	case len(t.found) > 0:
		return Finding{Kind: Blocked, OnlyHere: true, Reason: fmt.Sprintf(
			"here %s, and %s says %s", system.words(), t.found[0].Server.name(), t.found[0].words())}, true
	case system.Outcome == NXDomain && t.all(NXDomain):
		return Finding{Kind: Gone, Reason: "every resolver says that the name does not exist (NXDOMAIN)"}, true
	}
	return Finding{Kind: Empty, Reason: "no resolver knows an address of the name"}, true
}

// ghost is for a name that leads somewhere only here: a domain may be gone and
// its block still be there.
func ghost(system Answer, t testimony) (Finding, bool) {
	if len(t.found) > 0 {
		return Finding{}, false
	}
	return Finding{Kind: Suspected, Reason: fmt.Sprintf("here the name leads to %s, and %s says: %s",
		system.words(), t.witness[0].Server.name(), t.witness[0].words())}, true
}

func poisoned(system Answer, t testimony) (Finding, bool) {
	for _, bogon := range system.Bogons {
		if !slices.Contains(t.bogons, bogon) {
			return Finding{Kind: Poisoned, OnlyHere: true, Reason: fmt.Sprintf(
				"here the name leads to %s, which no public name does, and %s says %s",
				bogon, t.found[0].Server.name(), t.found[0].words())}, true
		}
	}
	return Finding{}, false
}

func agreeing(system Answer, t testimony) (Finding, bool) {
	near := func(ours []netip.Addr, theirs []netip.Addr) bool {
		return slices.ContainsFunc(ours, func(a netip.Addr) bool {
			return slices.ContainsFunc(theirs, func(b netip.Addr) bool { return network(a) == network(b) })
		})
	}
	if near(system.Addresses, t.addresses) {
		return Finding{Kind: Consistent, Reason: "the control resolvers know the same addresses"}, true
	}
	if len(system.Addresses) == 0 && len(t.addresses) == 0 {
		return Finding{Kind: Consistent, Reason: "every resolver says " + listed(system.Bogons)}, true
	}
	return Finding{}, false
}

// network is the network that an address shares with its neighbours.
func network(a netip.Addr) netip.Prefix {
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, _ := a.Prefix(bits) // the length fits the family
	return p
}
