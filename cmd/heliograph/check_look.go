package main

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/probe"
	"github.com/heliograph-edge/heliograph/health/resolve"
)

// maxLooks is how many lookups and looks are under way at once. A check must not be
// what fills a narrow line, and the times that it shows with it.
const maxLooks = 16

// checked is one URL and all that was found of it.
type checked struct {
	checkLook
	lookup  *resolve.Result // nil where none was made
	results []probe.Result  // one for each address; at least one
}

// configured reports whether a configuration says how the URL is looked at, rather than flags.
func (c checked) configured() bool { return c.site != "" }

// lookAll looks at all URLs beside each other. When ctx ends it returns at once, with
// what is known by then.
func lookAll(ctx context.Context, looks []checkLook, p *checkProgress) []checked {
	found := make([]checked, len(looks))
	slots := make(chan struct{}, maxLooks)
	p.expect(len(looks))
	var running sync.WaitGroup
	for i, l := range looks {
		running.Go(func() { found[i] = l.look(ctx, slots, p) })
	}
	running.Wait()
	return found
}

// look resolves, and looks at each address.
func (l checkLook) look(ctx context.Context, slots chan struct{}, p *checkProgress) checked {
	c := checked{checkLook: l}
	targets := []probe.Target{l.target}
	if addresses := l.known(); len(addresses) > 0 {
		targets = l.straightTo(addresses)
	} else if l.resolver != nil {
		var result resolve.Result
		var err error
		within(slots, func() { result, err = l.resolver.Lookup(ctx, l.target.URL.Hostname()) })
		c.lookup = &result
		targets = l.ledBy(result, err)
	}
	p.expect(len(targets) - 1)
	c.results = make([]probe.Result, len(targets))
	var running sync.WaitGroup
	for i, t := range targets {
		running.Go(func() {
			within(slots, func() { c.results[i] = probe.Run(ctx, t)[0] })
			c.resolvedIn(i)
			p.done()
		})
	}
	running.Wait()
	l.settle(ctx, &c)
	return c
}

// ledBy makes a target for each address that the resolver leads to, or one that says why
// there is none, and besides one for each that only control resolvers know: what is
// there says what a wrong answer keeps readers from.
func (l checkLook) ledBy(result resolve.Result, err error) []probe.Target {
	var targets []probe.Target
	here := usableHere(result, err)
	for _, a := range here {
		one := result
		one.Addresses, one.Answers = []netip.Addr{a}, slices.Clone(result.Answers)
		if len(one.Answers) > 0 {
			one.Answers[0].Addresses = one.Addresses
		}
		t := l.target
		t.Lookup, t.Proved = answered(one, nil), l.resolver.Proved
		targets = append(targets, t)
	}
	if len(here) == 0 {
		t := l.target
		t.Lookup = answered(result, err)
		targets = append(targets, t)
	}
	if f := result.Finding; !f.OnlyHere && f.Kind != resolve.Suspected {
		return targets
	}
	var elsewhere []netip.Addr
	for _, answer := range result.Answers[min(1, len(result.Answers)):] {
		for _, a := range answer.Addresses {
			if !slices.Contains(here, a) && !slices.Contains(elsewhere, a) {
				elsewhere = append(elsewhere, a)
			}
		}
	}
	return append(targets, l.straightTo(elsewhere)...)
}

// usableHere are the addresses that the resolver, beside its controls, leads to.
func usableHere(result resolve.Result, err error) []netip.Addr {
	switch result.Finding.Kind {
	case resolve.Suspected:
		return result.Answers[0].Addresses
	case resolve.Consistent, resolve.Unconfirmed, resolve.Injected:
		if err == nil {
			return result.Addresses
		}
	}
	return nil
}

// settle asks again what is to be made of the lookup where other addresses were all
// that was odd: a handshake may have proved them meanwhile.
func (l checkLook) settle(ctx context.Context, c *checked) {
	if c.lookup == nil || c.lookup.Finding.Kind != resolve.Suspected {
		return
	}
	if again, err := l.resolver.Lookup(ctx, l.target.URL.Hostname()); err == nil {
		c.lookup.Finding = again.Finding
	}
}

// known are the addresses that nobody has to be asked for.
func (l checkLook) known() []netip.Addr {
	if len(l.target.Addresses) > 0 {
		return l.target.Addresses
	}
	if literal, err := netip.ParseAddr(l.target.URL.Hostname()); err == nil {
		return []netip.Addr{literal}
	}
	return nil
}

// straightTo makes a target for every address, without DNS.
func (l checkLook) straightTo(addresses []netip.Addr) []probe.Target {
	targets := make([]probe.Target, len(addresses))
	for i, a := range addresses {
		targets[i] = l.target
		targets[i].Addresses = []netip.Addr{a}
		if l.resolver != nil {
			targets[i].Proved = l.resolver.Proved
		}
	}
	return targets
}

// answered is a lookup that has been made already.
func answered(result resolve.Result, err error) func(context.Context, string) (resolve.Result, error) {
	return func(context.Context, string) (resolve.Result, error) { return result, err }
}

// resolvedIn gives the i-th result the time that resolving took: its look was handed
// the answer.
func (c *checked) resolvedIn(i int) {
	if c.lookup == nil {
		return
	}
	c.results[i].Timings.Resolve = c.lookup.Duration
	for j := range c.results[i].Steps {
		if step := &c.results[i].Steps[j]; step.Stage == health.StageResolve {
			step.Took = c.lookup.Duration
		}
	}
}

// within does something once a slot is free.
func within(slots chan struct{}, do func()) {
	slots <- struct{}{}
	defer func() { <-slots }()
	do()
}
