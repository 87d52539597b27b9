package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health/dial"
	"github.com/heliograph-edge/heliograph/health/resolve"
)

// resolvers finds the addresses of origins. Origins that are looked up in the same
// way share a resolver, and with it what that remembers.
type resolvers struct {
	controls []resolve.Server
	allow    []netip.Prefix
	fronts   []string // the ports that this edge listens at
	own      []netip.Prefix
	made     map[resolverKey]*resolve.Resolver
}

// resolverKey is what two origins must have in common to share a resolver.
type resolverKey struct {
	server string
	via    string // with its credentials, so never to be printed
	loops  bool   // a name that leads to this machine leads to this edge
}

// newResolvers prepares the resolvers of a configuration. Those before are gone on with
// where nothing that they were made from has changed: the last good addresses must not
// be lost to a reload in the middle of an outage.
func newResolvers(file *configs.File, before *resolvers) (*resolvers, error) {
	own, err := ownAddresses()
	if err != nil {
		return nil, err
	}
	r := &resolvers{controls: file.Control.Resolvers, allow: file.Allow, own: own, made: make(map[resolverKey]*resolve.Resolver)}
	for _, address := range []string{file.Listen.HTTP, file.Listen.HTTPS} {
		if _, port, err := net.SplitHostPort(address); err == nil {
			r.fronts = append(r.fronts, port)
		}
	}
	if before != nil && slices.EqualFunc(r.controls, before.controls, sameServer) && slices.Equal(r.allow, before.allow) &&
		slices.Equal(r.own, before.own) {
		r.made = before.made
	}
	return r, nil
}

// sameServer compares two resolvers as the configuration spells them.
func sameServer(a, b resolve.Server) bool { return a.String() == b.String() }

// ownAddresses lists the addresses of this machine.
func ownAddresses() ([]netip.Prefix, error) {
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("this machine's addresses, which no origin may lead to: %w", err)
	}
	var own []netip.Prefix
	for _, a := range interfaces {
		if network, is := a.(*net.IPNet); is {
			if address, ok := netip.AddrFromSlice(network.IP); ok {
				address = address.Unmap()
				own = append(own, netip.PrefixFrom(address, address.BitLen()))
			}
		}
	}
	return own, nil
}

// lookup finds the addresses of a host, and what is to be made of them.
type lookup = func(ctx context.Context, host string) (resolve.Result, error)

// way is how an origin is connected to. Lookup is what probes ask, nil where Way says
// it all.
func (r *resolvers) way(o *configs.Origin) (dial.Way, lookup, error) {
	roots, err := authorities(o.CA)
	if err != nil {
		return dial.Way{}, nil, err
	}
	w := dial.Way{Addresses: o.Address, Via: o.Via, Roots: roots, Pins: o.Pins}
	made := r.of(o)
	if made == nil {
		return w, nil, nil
	}
	w.Resolver, w.Proved = made.Addresses, made.Proved
	return w, made.Lookup, nil
}

// of is the resolver for an origin. It is nil where nobody is asked here: the
// configuration has the addresses, or the proxy that the origin is reached through
// looks the name up.
func (r *resolvers) of(o *configs.Origin) *resolve.Resolver {
	if len(o.Address) > 0 || !o.Via.Direct() && o.Resolver.System() {
		return nil
	}
	// A name that leads to this machine leads to this edge, where the port is the
	// edge's. At another port it may be an origin beside it.
	loops := slices.Contains(r.fronts, portOf(o))
	way := resolverKey{o.Resolver.String(), o.Via.Key(), loops}
	if made := r.made[way]; made != nil {
		return made
	}
	made := &resolve.Resolver{System: o.Resolver, Controls: r.controls, Bogons: resolve.Bogons{Allowed: r.allow}}
	if loops {
		made.Bogons.Refused = append(resolve.Reserved(), r.own...)
	}
	if !o.Via.Direct() {
		made.Dial = o.Via.DialContext
		// Those that the proxy cannot carry would tell the network which names are looked for.
		made.Controls = slices.DeleteFunc(slices.Clone(r.controls), func(s resolve.Server) bool { return !carried(s) })
	}
	r.made[way] = made
	return made
}

// portOf is the port of an origin, in digits.
func portOf(o *configs.Origin) string {
	switch {
	case o.URL.Port() != "":
		return o.URL.Port()
	case o.URL.Scheme == "https":
		return "443"
	}
	return "80"
}
