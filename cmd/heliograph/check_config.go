package main

import (
	"fmt"

	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health/canary"
	"github.com/heliograph-edge/heliograph/health/gate"
	"github.com/heliograph-edge/heliograph/proxy/rewrite"
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
	ask, err := newResolvers(file, nil)
	if err != nil {
		return checkPlan{}, err
	}
	canaries := canary.NewMemory()
	for i := range file.Sites {
		site := &file.Sites[i]
		for j := range site.Origins {
			looks, err := looksAt(site, &site.Origins[j], ask, judge, canaries)
			if err != nil {
				return checkPlan{}, fmt.Errorf("site %s, origin %s: %w", site.Name, site.Origins[j].Name, err)
			}
			plan.looks = append(plan.looks, looks...)
		}
	}
	return plan, nil
}

// looksAt are the looks at one origin, one for each page, as its probes take them. An edge
// that runs has learnt more of the site, and of its canaries.
func looksAt(site *configs.Site, o *configs.Origin, ask *resolvers, judge *gate.Gate, canaries *canary.Memory) ([]checkLook, error) {
	way, _, err := ask.way(o)
	if err != nil {
		return nil, err
	}
	space := rewrite.Space{Canonical: site.Canonical}
	for _, other := range site.Origins {
		space.Origins = append(space.Origins, other.URL)
	}
	var looks []checkLook
	for _, page := range pagesOf(site, o, parts{canaries: canaries}) {
		page.Addresses, page.Via, page.Roots, page.Pins = way.Addresses, way.Via, way.Roots, way.Pins
		page.Gate, page.Agent = judge, checkAgent()
		page.Known = gate.Known{Hosts: ownNames(space, site.Fronts), Markers: site.Identity.Contains}
		looks = append(looks, checkLook{url: o.URL.String() + page.Path, site: site.Name, target: page, resolver: ask.of(o)})
	}
	return looks, nil
}
