package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/resolve"
)

// named is what the resolve stage came to.
type named struct {
	places []place
	lookup *resolve.Result // nil where no Lookup was asked
	took   time.Duration
	ruling ruling
}

// ruling is a class with its reason; OK has none.
type ruling struct {
	class  health.Class
	reason string
}

// judgeLookup says what the answers of the resolvers mean for a look. Class OK is to go
// on with the addresses; those that only TLS can tell apart are among them.
//
// The origin's own resolver is the one that the edge lives by. A name that is missing,
// failing or wrong there makes a failed look, though control resolvers may know better:
// the operator can make one of them the origin's resolver.
func judgeLookup(found resolve.Result, err error) (ruling, []netip.Addr) {
	if len(found.Answers) == 0 {
		return unexplained(found, err)
	}
	system := found.Answers[0]
	says := func(class health.Class) (ruling, []netip.Addr) {
		return ruling{class, found.Finding.Reason}, nil
	}
	switch found.Finding.Kind {
	case resolve.Gone:
		return says(health.DomainGone)
	case resolve.Empty:
		return says(health.DNSNoAddress)
	case resolve.Poisoned:
		return says(health.DNSPoisoned)
	case resolve.Blocked:
		if system.Outcome == resolve.NXDomain {
			return says(health.DNSNXDomain)
		}
		return says(health.DNSBlocked)
	case resolve.Failed:
		switch {
		case found.Finding.OnlyHere:
			return says(health.DNSBlocked)
		case system.Outcome == resolve.Silence:
			return says(health.DNSTimeout)
		}
		return says(health.DNSError)
	case resolve.Injected:
		if len(found.Addresses) == 0 {
			return says(health.DNSInjected)
		}
		return ruling{class: health.OK}, found.Addresses
	case resolve.Suspected:
		return usable(system, system.Addresses, found, err)
	}
	return usable(system, found.Addresses, found, err)
}

// unexplained judges a lookup without answers: of a host that is an address, or one by
// which nobody was asked.
func unexplained(found resolve.Result, err error) (ruling, []netip.Addr) {
	switch {
	case err != nil:
		return ruling{health.Classify(err, health.StageResolve), err.Error()}, nil
	case len(found.Addresses) == 0:
		return ruling{health.DNSNoAddress, "there is no address"}, nil
	}
	return ruling{class: health.OK}, found.Addresses
}

// usable goes on with addresses, if the resolver here gives any that may be connected to.
// That the last good ones are still remembered does not make a forbidden answer good.
func usable(system resolve.Answer, addresses []netip.Addr, found resolve.Result, err error) (ruling, []netip.Addr) {
	switch {
	case system.Outcome == resolve.NXDomain:
		return ruling{health.DNSNotFound, found.Finding.Reason}, nil
	case system.Outcome == resolve.NoData:
		return ruling{health.DNSNoAddress, found.Finding.Reason}, nil
	case len(system.Addresses) == 0 && len(system.Bogons) > 0, errors.Is(err, health.ErrAddressForbidden):
		reason := found.Finding.Reason
		if err != nil {
			reason = err.Error()
		}
		return ruling{health.AddressForbidden, reason + "; if the origin is really there, name the address in its configuration"}, nil
	case len(addresses) == 0:
		return unexplained(resolve.Result{}, err)
	}
	return ruling{class: health.OK}, addresses
}

// resolve finds the places to look at, or why there are none.
func (t Target) resolve(ctx context.Context) named {
	host := t.URL.Hostname()
	if len(t.Addresses) > 0 {
		return named{places: t.placesOf(t.Addresses)}
	}
	if literal, err := netip.ParseAddr(host); err == nil {
		return named{places: t.placesOf([]netip.Addr{literal})}
	}
	if t.Lookup == nil && !t.Via.Direct() {
		return named{places: []place{t.placeOf(netip.Addr{})}}
	}
	ctx, cancel := context.WithTimeout(ctx, min(t.timeout(), stageTimeout))
	defer cancel()
	begun := time.Now()
	if t.Lookup == nil {
		addresses, err := bySystem(ctx, host)
		ruling, addresses := unexplained(resolve.Result{Addresses: addresses}, err)
		return named{places: t.placesOf(addresses), took: time.Since(begun), ruling: ruling.about(host)}
	}
	found, err := t.Lookup(ctx, host)
	ruling, addresses := judgeLookup(found, err)
	return named{places: t.placesOf(addresses), lookup: &found, took: time.Since(begun), ruling: ruling.about(host)}
}

// about puts the name before the reason.
func (r ruling) about(host string) ruling {
	if r.failed() {
		r.reason = "resolving " + host + ": " + r.reason
	}
	return r
}

// failed reports whether the look ends here.
func (r ruling) failed() bool { return r.class != health.OK && r.class != "" }

// evidence is what each resolver said, and where the controls lead when the one here
// does not.
func (n named) evidence() []string {
	if n.lookup == nil {
		return nil
	}
	lines := slices.Clone(n.lookup.Evidence)
	var texts []string
	for _, answer := range n.lookup.Answers[min(1, len(n.lookup.Answers)):] {
		for _, address := range answer.Addresses {
			if text := address.String(); !slices.Contains(texts, text) && len(texts) < 4 {
				texts = append(texts, text)
			}
		}
	}
	if n.lookup.Finding.OnlyHere && len(texts) > 0 {
		lines = append(lines, "the control resolvers give "+strings.Join(texts, ", ")+
			"; with one of them as the origin's resolver, the edge would go there")
	}
	return lines
}

// kind is what is made of the answers; empty where nobody was asked.
func (n named) kind() resolve.Kind {
	if n.lookup == nil {
		return ""
	}
	return n.lookup.Finding.Kind
}

// step is the resolve stage in words.
func (n named) step() Step {
	s := Step{Stage: health.StageResolve, Took: n.took, Class: health.OK}
	switch {
	case n.ruling.failed():
		s.Class, s.Words = n.ruling.class, clipped(n.ruling.reason, maxReason)
		return s
	case len(n.places) == 1 && !n.places[0].ip.IsValid():
		s.Words = "left to the proxy"
	default:
		var texts []string
		for _, p := range n.places {
			texts = append(texts, p.ip.String())
		}
		s.Words = strings.Join(texts, ", ")
	}
	if n.lookup != nil && n.lookup.Finding.Kind != "" {
		s.Words += " (" + string(n.lookup.Finding.Kind) + ": " + n.lookup.Finding.Reason + ")"
	}
	s.Words = clipped(s.Words, maxReason)
	return s
}

// settle is a look's result in the light of what DNS said. Where the resolvers disagree
// or somebody injects answers, TLS has the last word, and without TLS the identity:
// what it refuses was no address of the origin, and DNS is to blame. An address that TLS has
// verified is the origin's, and what fails later is the origin's own.
func (n named) settle(r *Result, secure bool) {
	r.Lookup, r.Timings.Resolve = n.lookup, n.took
	kind := n.kind()
	injected := kind == resolve.Injected
	switch {
	case r.OK() && injected:
		r.note(health.Notice{Class: health.DNSInjected, Stage: health.StageResolve, Reason: clipped(n.lookup.Finding.Reason, maxReason)})
	case !r.OK() && (injected || kind == resolve.Suspected) && disproved(r.Observation, secure, injected):
		found := fmt.Sprintf("%s: %s", r.Class, r.Reason)
		class := health.DNSPoisoned
		if injected {
			class = health.DNSInjected
		}
		r.Class, r.Stage = class, health.StageResolve
		r.Reason = clipped(fmt.Sprintf("DNS leads to %s, which is not the origin's: %s", r.Address, n.lookup.Finding.Reason), maxReason)
		r.Evidence = append([]string{found}, r.Evidence...)
	}
	if doubtful := kind != "" && kind != resolve.Consistent && kind != resolve.Unconfirmed; doubtful || n.ruling.failed() {
		for _, line := range n.evidence() {
			r.Evidence = append(r.Evidence, clipped(line, maxReason))
		}
	}
}

// disproved reports whether a failed look shows that the address is not the origin's.
// Beside injected answers one that cannot be used at all proves as much.
func disproved(o health.Observation, secure, injected bool) bool {
	switch o.Class {
	case health.TLSUnknownCA, health.TLSWrongHost, health.TLSCertificate, health.TLSPinMismatch, health.TLSNotTLS:
		return true
	case health.InternalError, health.ViaFailed:
		return false
	}
	if injected && (o.Stage == health.StageConnect || o.Stage == health.StageHandshake) {
		return true
	}
	return !secure && (o.Stage == health.StageIdentity || o.Class == health.RedirectOffsite || o.Class == health.BlockPage || o.Class == health.Seized || o.Class == health.Parked)
}
