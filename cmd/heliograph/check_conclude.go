package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/probe"
	"github.com/heliograph-edge/heliograph/health/resolve"
)

// conclusion is what all that was found of one URL comes to.
type conclusion struct {
	// Verdict is healthy when every address is well, suspect when some are, unknown
	// when the looks say nothing of the URL, and else what one address's class ends in.
	Verdict health.Verdict
	Words   string // one line
}

// concludeAll concludes for every URL, in the light of the others.
func concludeAll(found []checked) []conclusion {
	all := make([]conclusion, len(found))
	for i, c := range found {
		all[i] = conclude(c, slices.Delete(slices.Clone(found), i, i+1))
	}
	return all
}

// conclude says in one line what was found of a URL. The others are what was found of
// other URLs that were looked at together with it. It is pure.
func conclude(c checked, others []checked) conclusion {
	groups := grouped(c.results)
	for _, rule := range []func(checked, []group, []checked) (conclusion, bool){
		unseen, misled, well, partlyWell,
	} {
		if made, applies := rule(c, groups, others); applies {
			return made
		}
	}
	return unwell(c, groups, others)
}

// group is the addresses of which the same is to be said.
type group struct {
	class     health.Class
	verdict   health.Verdict
	said      saying
	addresses []string
}

// grouped sorts results into groups: the gravest verdict first, what was not looked at last.
func grouped(results []probe.Result) []group {
	var groups []group
	for _, r := range results {
		said := sayingOf(r)
		i := slices.IndexFunc(groups, func(g group) bool { return g.class == r.Class && g.said == said })
		if i < 0 {
			i = len(groups)
			groups = append(groups, group{class: r.Class, verdict: verdictOf(r.Class), said: said})
		}
		if host := hostOf(r.Address); host != "" {
			groups[i].addresses = append(groups[i].addresses, host)
		}
	}
	rank := []health.Verdict{health.Healthy, health.Hijacked, health.Blocked, health.Down, health.Unknown}
	slices.SortStableFunc(groups, func(a, b group) int {
		return cmp.Compare(slices.Index(rank, a.verdict), slices.Index(rank, b.verdict))
	})
	return groups
}

// verdictOf is what one look of the class says. A look that failed on our side says nothing.
func verdictOf(c health.Class) health.Verdict {
	switch c {
	case health.OK:
		return health.Healthy
	case health.InternalError, health.ViaFailed:
		return health.Unknown
	}
	return c.Verdict()
}

// hostOf is the host of an address with a port.
func hostOf(address string) string {
	if a, err := netip.ParseAddrPort(address); err == nil {
		return a.Addr().String()
	}
	host, _, _ := strings.Cut(address, ":")
	return host
}

// unseen is for looks that say nothing.
func unseen(c checked, groups []group, _ []checked) (conclusion, bool) {
	if slices.ContainsFunc(groups, func(g group) bool { return g.verdict != health.Unknown }) {
		return conclusion{}, false
	}
	words := "not looked at"
	switch {
	case len(groups) == 0:
	case groups[0].class == health.InternalError:
		words += ": " + c.results[0].Reason
	default:
		words += ": " + groups[0].said.at(groups[0].addresses, len(groups) == 1)
	}
	return conclusion{health.Unknown, words}, true
}

// misled is for a name that DNS lies about.
func misled(c checked, groups []group, _ []checked) (conclusion, bool) {
	if c.lookup == nil || !lied(c) {
		return conclusion{}, false
	}
	words := "blocked here: " + tellLie(*c.lookup)
	for _, g := range groups {
		if len(g.addresses) > 0 && !slices.Contains(liesOf(*c.lookup), g.addresses[0]) {
			return conclusion{health.Blocked, words + "; " + g.said.at(g.addresses, false)}, true
		}
	}
	return conclusion{health.Blocked, words}, true
}

// lied reports whether what the resolver said was certainly wrong. That other resolvers
// give other addresses is not enough: it takes an address that has not the publication
// beside one that has.
func lied(c checked) bool {
	switch f := c.lookup.Finding; f.Kind {
	case resolve.Poisoned, resolve.Injected, resolve.Blocked:
		return true
	case resolve.Failed:
		return f.OnlyHere
	}
	if len(c.lookup.Answers) == 0 {
		return false
	}
	disproved := func(r probe.Result) bool { return r.Class == health.DNSPoisoned || r.Class == health.DNSInjected }
	if slices.ContainsFunc(c.results, disproved) {
		return true
	}
	lies, seen, truth := liesOf(*c.lookup), false, false
	if c.lookup.Finding.Kind != resolve.Suspected && len(lies) < len(given(c.lookup.Answers[0])) {
		return false // one address is also among those of the control resolvers
	}
	for _, r := range c.results {
		if slices.Contains(lies, hostOf(r.Address)) {
			if r.OK() {
				return false
			}
			seen = seen || verdictOf(r.Class) == health.Blocked || verdictOf(r.Class) == health.Hijacked
		} else {
			truth = truth || r.OK()
		}
	}
	return seen && truth
}

// liesOf are the addresses that the resolver gives and no control resolver does.
func liesOf(l resolve.Result) []string {
	var lies []string
	if len(l.Answers) == 0 {
		return nil
	}
	_, truth := controls(l)
	for _, a := range given(l.Answers[0]) {
		if len(truth) > 0 && !slices.Contains(truth, a) {
			lies = append(lies, a)
		}
	}
	return lies
}

// controls counts the control resolvers that know addresses, and lists these.
func controls(l resolve.Result) (knowing int, addresses []string) {
	for _, answer := range l.Answers[min(1, len(l.Answers)):] {
		if answer.Outcome != resolve.Found || answer.Injected {
			continue
		}
		knowing++
		for _, a := range given(answer) {
			if !slices.Contains(addresses, a) {
				addresses = append(addresses, a)
			}
		}
	}
	return knowing, addresses
}

// given are all addresses that a server gave.
func given(answer resolve.Answer) []string {
	list := []string{}
	for _, a := range slices.Concat(answer.Bogons, answer.Addresses) {
		list = append(list, a.String())
	}
	return list
}

// tellLie says what the resolver says, and what control resolvers say.
func tellLie(l resolve.Result) string {
	if len(l.Answers) == 0 {
		return l.Finding.Reason
	}
	here, lies := l.Answers[0], liesOf(l)
	text := "DNS fails: " + here.Outcome.Words()
	switch {
	case l.Finding.Kind == resolve.Injected && len(lies) > 0:
		text = "somebody on the way answers DNS questions, too, and gives " + enumerated(lies)
	case l.Finding.Kind == resolve.Injected:
		text = "somebody on the way answers DNS questions, too"
	case here.Outcome == resolve.Found && len(lies) > 0:
		text = "DNS gives " + enumerated(lies)
	case here.Outcome == resolve.Found:
		text = "DNS gives " + enumerated(given(here))
	case here.Outcome == resolve.NXDomain:
		text = "DNS says that the name does not exist"
	case here.Outcome == resolve.NoData:
		text = "DNS gives no address"
	}
	switch knowing, truth := controls(l); knowing {
	case 0:
		return text
	case 1:
		return text + ", a control resolver gives " + enumerated(truth)
	default:
		return text + ", control resolvers give " + enumerated(truth)
	}
}

// well is for a URL that has the publication at every address.
func well(c checked, groups []group, _ []checked) (conclusion, bool) {
	if len(groups) != 1 || groups[0].class != health.OK {
		return conclusion{}, false
	}
	words := "well: its one address answers"
	if n := len(c.results); n > 1 {
		words = fmt.Sprintf("well: %d of %d addresses", n, n)
	}
	return conclusion{health.Healthy, words + noticed(c.results)}, true
}

// noticed tells of the first thing amiss that looks got around.
func noticed(results []probe.Result) string {
	for _, r := range results {
		if n := r.Notice; n.Class != "" {
			return "; but " + cmp.Or(n.Reason, n.Class.Meaning())
		}
	}
	return ""
}

// partlyWell is for a URL that has the publication at some addresses.
func partlyWell(c checked, groups []group, _ []checked) (conclusion, bool) {
	if groups[0].class != health.OK {
		return conclusion{}, false
	}
	words := fmt.Sprintf("partly well: %d of %d addresses", len(groups[0].addresses), len(c.results))
	return conclusion{health.Suspect, words + furthermore(groups[1:])}, true
}

// furthermore tells of groups after something that was said already.
func furthermore(groups []group) string {
	const most = 2
	var text strings.Builder
	for _, g := range groups[:min(len(groups), most)] {
		text.WriteString("; " + g.said.at(g.addresses, false))
	}
	if len(groups) > most {
		text.WriteString("; and more, see above")
	}
	return text.String()
}

// unwell is for a URL that has the publication at no address.
func unwell(c checked, groups []group, others []checked) conclusion {
	first := groups[0]
	said := first.said.at(first.addresses, len(groups) == 1)
	if first.class == health.AddressForbidden && c.lookup != nil {
		said = tellForbidden(c, said)
	}
	return conclusion{first.verdict, heading(first) + ": " + said + furthermore(groups[1:]) + wayRound(c, others)}
}

// heading is the word that an operator acts on.
func heading(g group) string {
	switch g.class {
	case health.TLSExpired, health.StatusUnexpected, health.Slow, health.Denied, health.RateLimited, health.Challenge,
		health.Throttled, health.ForeignType:
		return "unwell" // it is there, and somebody has something to do
	}
	switch g.verdict {
	case health.Hijacked:
		return "an impostor"
	case health.Blocked:
		return "blocked here"
	}
	return "down"
}

// tellForbidden says which address was not connected to, and how to have it done.
func tellForbidden(c checked, otherwise string) string {
	if len(c.lookup.Answers) == 0 || len(c.lookup.Answers[0].Bogons) == 0 {
		return otherwise
	}
	here := c.lookup.Answers[0]
	address := here.Bogons[0]
	alone := netip.PrefixFrom(address, address.BitLen())
	text := fmt.Sprintf("DNS gives %s, which no public name has", enumerated(given(here)))
	_, never := resolve.Bogons{Allowed: []netip.Prefix{alone}}.Contains(address)
	switch {
	case never:
		return text
	case c.configured():
		return text + fmt.Sprintf(" (if it is meant: allow: [%s])", alone)
	}
	return text + fmt.Sprintf(" (if it is meant: --allow %s)", alone)
}

// wayRound is the other name under which the same address is well, where a handshake
// is cut.
func wayRound(c checked, others []checked) string {
	for _, r := range c.results {
		switch r.Class {
		case health.TLSReset, health.TLSEOF, health.TLSTimeout, health.TLSResetSNI, health.TLSTimeoutSNI:
		default:
			continue
		}
		for _, other := range others {
			name := other.target.URL.Hostname()
			same := func(o probe.Result) bool { return o.OK() && o.Address == r.Address }
			if other.site == c.site && name != c.target.URL.Hostname() && slices.ContainsFunc(other.results, same) {
				return "; reachable by the alternate name " + name + " on the same address"
			}
		}
	}
	return ""
}
