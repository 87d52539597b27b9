package main

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"

	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health/canary"
	"github.com/heliograph-edge/heliograph/health/gate"
	"github.com/heliograph-edge/heliograph/health/probe"
	"github.com/heliograph-edge/heliograph/health/resolve"
)

// planOf is the plan for every origin of the configuration in a file: each page that
// its probes fetch, in the same way.
func planOf(path string) (checkPlan, error) {
	file, err := configs.Load(path)
	if err != nil {
		return checkPlan{}, err
	}
	var plan checkPlan
	judge, warnings, err := gateWith(file.Fingerprints)
	if err != nil {
		return checkPlan{}, fmt.Errorf("fingerprints: %w", err)
	}
	plan.warnings = warnings
	canaries := canary.NewMemory()
	for i := range file.Sites {
		site := &file.Sites[i]
		for j := range site.Origins {
			looks, err := looksAt(file, site, &site.Origins[j], judge, canaries)
			if err != nil {
				return checkPlan{}, fmt.Errorf("site %s, origin %s: %w", site.Name, site.Origins[j].Name, err)
			}
			plan.looks = append(plan.looks, looks...)
		}
	}
	return plan, nil
}

// looksAt are the looks at one origin, one for each page. The canary is fetched beside
// the first.
func looksAt(file *configs.File, site *configs.Site, o *configs.Origin, judge *gate.Gate, canaries *canary.Memory) ([]checkLook, error) {
	roots, err := authorities(o.CA)
	if err != nil {
		return nil, err
	}
	resolver, err := resolverFor(o, file.Control.Resolvers, file.Allow)
	if err != nil {
		return nil, err
	}
	var links []*url.URL
	for _, other := range site.Origins {
		links = append(links, other.URL)
	}
	target := ofPublication(probe.Target{
		URL: o.URL, Addresses: o.Address, Via: o.Via, Roots: roots, Pins: o.Pins, Contains: site.Identity.Contains,
		Gate: judge, Known: gate.Known{Markers: site.Identity.Contains}, RandomPath: true,
		Timeout: site.Health.Timeout, Agent: checkAgent(),
	}, links)
	target.Known.Hosts = slices.Concat(target.Known.Hosts, site.Fronts, []string{site.Canonical.Hostname()})
	var looks []checkLook
	for i, path := range site.Identity.Paths {
		page := target
		page.Path = path
		if wanted := site.Identity.Canary; i == 0 && !wanted.Key.IsZero() {
			page.Canary = &probe.CanaryCheck{Site: site.Name, Key: wanted.Key, Path: wanted.Path, Lag: wanted.Lag, Seen: canaries}
		}
		looks = append(looks, checkLook{url: o.URL.String() + path, site: site.Name, target: page, resolver: resolver})
	}
	return looks, nil
}

// resolverFor makes the resolver of one origin; nil where its proxy resolves. Control
// resolvers that its proxy cannot carry are left out, as they would tell the network
// which names are looked for.
func resolverFor(o *configs.Origin, controls []resolve.Server, allow []netip.Prefix) (*resolve.Resolver, error) {
	r := &resolve.Resolver{System: o.Resolver, Bogons: resolve.Bogons{Allowed: allow}, Timeout: maxLookup}
	if o.Via.Direct() {
		r.Controls = controls
		return r, nil
	}
	if o.Resolver.System() {
		return nil, nil
	}
	for _, s := range controls {
		if carried(s) {
			r.Controls = append(r.Controls, s)
		}
	}
	return through(o.Via, r)
}
