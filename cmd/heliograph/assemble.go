package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/canary"
	"github.com/heliograph-edge/heliograph/health/gate"
	"github.com/heliograph-edge/heliograph/health/probe"
	"github.com/heliograph-edge/heliograph/proxy"
	"github.com/heliograph-edge/heliograph/proxy/origin"
	"github.com/heliograph-edge/heliograph/proxy/rewrite"
)

// assembly is everything that is built from one configuration and swapped by a
// reload: sites, pools and probers.
type assembly struct {
	file      *configs.File
	sites     []*proxy.Site
	policies  map[health.ID]health.Policy
	learners  map[string]*learner // by site
	resolvers *resolvers
	probers   []health.Prober
	control   *health.ControlProber // nil without control URLs

	stop    context.CancelFunc
	running sync.WaitGroup // probers
}

// parts are what an assembly is connected to.
type parts struct {
	edge      string // its name in CDN-Loop
	tracker   *health.Tracker
	canaries  *canary.Memory
	baselines *baselines
	resolvers *resolvers // of the assembly before; nil for the first
	events    origin.Events
	probed    func(health.ID, health.Observation)
	warn      func(message string, args ...any) // of what is wrong and keeps nothing from running
}

// assemble builds the sites of a configuration. Nothing runs yet.
func assemble(file *configs.File, p parts) (*assembly, error) {
	a := &assembly{file: file, policies: make(map[health.ID]health.Policy), learners: make(map[string]*learner)}
	judges := newGate(file.Fingerprints, p.warn)
	ask, err := newResolvers(file, p.resolvers)
	if err != nil {
		return nil, err
	}
	a.resolvers = ask
	for i := range file.Sites {
		if err := a.addSite(&file.Sites[i], p, judges, ask); err != nil {
			return nil, err
		}
	}
	if len(file.Control.URLs) > 0 {
		a.control = &health.ControlProber{Tracker: p.tracker, Look: controlLook(file.Control.URLs)}
	}
	return a, nil
}

// newGate makes the gate of the built-in wording and the files' fingerprints. They are
// evidence and nothing else, so a list that cannot be read, or a row of it, is told of and left out.
func newGate(files []string, warn func(string, ...any)) *gate.Gate {
	var sets []*gate.Set
	for _, path := range files {
		set, broken, err := gate.LoadFile(path)
		if err != nil {
			warn("a list of fingerprints is left out", "error", err)
			continue
		}
		for _, row := range broken {
			warn("a fingerprint is left out", "error", row)
		}
		sets = append(sets, set)
	}
	return gate.New(sets...)
}

// addSite builds one site, its pool and its probers.
func (a *assembly) addSite(site *configs.Site, p parts, judges *gate.Gate, ask *resolvers) error {
	space := rewrite.Space{Canonical: site.Canonical}
	for _, o := range site.Origins {
		space.Origins = append(space.Origins, o.URL)
	}
	learning := newLearner(site, p.baselines, p.warn)
	a.learners[site.Name] = learning
	known := learning.known(ownNames(space, site.Fronts))
	var origins []*origin.Origin
	for i := range site.Origins {
		o := &site.Origins[i]
		id := health.ID{Site: site.Name, Origin: o.Name}
		way, lookup, err := ask.way(o)
		if err != nil {
			return fmt.Errorf("site %s, origin %s: %w", site.Name, o.Name, err)
		}
		policy := health.Policy{
			Interval: site.Health.Interval, Timeout: site.Health.Timeout, Fall: site.Health.Fall, Rise: site.Health.Rise,
			Network: o.Network,
		}
		look := looks{id: id, tracker: p.tracker, sessions: new(probe.Sessions), known: known, learn: learning.take, told: p.probed}
		for _, page := range pagesOf(site, o, p) {
			page.Addresses, page.Lookup, page.Proved, page.Via, page.Roots, page.Pins = way.Addresses, lookup, way.Proved, way.Via, way.Roots, way.Pins
			page.Gate = judges
			look.pages = append(look.pages, page)
		}
		origins = append(origins, origin.NewOrigin(origin.Config{ID: id, URL: o.URL, Way: way}))
		a.policies[id] = policy
		a.probers = append(a.probers, health.Prober{ID: id, Policy: policy, Tracker: p.tracker, Probe: look.once})
	}
	a.sites = append(a.sites, &proxy.Site{
		Name: site.Name, Fronts: site.Fronts, Cookies: site.Cookies, Markers: site.Identity.Contains, Space: space,
		Policy: cache.Policy{Stale: site.Cache.Stale, Outage: site.Cache.Outage}, Rules: rulesOf(site.Cache),
		Pool: origin.NewPool(origin.Site{
			Name: site.Name, Origins: origins, Markers: site.Identity.Contains, Gate: judges, Known: known,
			Own: publication(space, site.Fronts),
		}, p.tracker, p.events),
	})
	return nil
}

// rulesOf are the operator's rules for the cache of a site.
func rulesOf(c configs.SiteCache) proxy.Rules {
	rules := proxy.Rules{Ignore: c.Query.Ignore, Keep: c.Query.Keep, Bypass: c.Bypass.Cookies}
	for _, l := range c.Lifetime {
		rules.Lifetimes = append(rules.Lifetimes, proxy.Lifetime{Path: l.Path, For: l.For})
	}
	return rules
}

// publication returns what tells the publication's hosts from others: its addresses,
// its fronts, and the names below them.
func publication(space rewrite.Space, fronts []string) func(string) bool {
	names := ownNames(space, fronts)
	return func(host string) bool {
		u := url.URL{Host: host}
		host = strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
		return slices.ContainsFunc(names, func(name string) bool {
			return host == name || strings.HasSuffix(host, "."+name)
		})
	}
}

// authorities reads the certificates that an origin may be signed by; nil stands
// for the system's.
func authorities(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no PEM certificate", path)
	}
	return pool, nil
}

// start begins probing.
func (a *assembly) start() {
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	for _, p := range a.probers {
		a.running.Go(func() { p.Run(ctx) })
	}
	if a.control != nil {
		a.running.Go(func() { a.control.Run(ctx) })
	}
}

// end ends probing, and lets go of idle connections.
func (a *assembly) end() {
	a.stop()
	a.running.Wait()
	for _, s := range a.sites {
		s.Pool.Close()
	}
}

// origins lists the names of each site's origins, for the metrics.
func (a *assembly) origins() map[string][]string {
	names := make(map[string][]string)
	for _, site := range a.file.Sites {
		for _, o := range site.Origins {
			names[site.Name] = append(names[site.Name], o.Name)
		}
	}
	return names
}

// fronts lists the names that certificates are wanted for.
func fronts(file *configs.File) []string {
	var names []string
	for _, s := range file.Sites {
		names = append(names, s.Fronts...)
	}
	return names
}

// urlOf is a listener's address as a person opens it.
func urlOf(scheme, address string) string {
	return (&url.URL{Scheme: scheme, Host: address}).String()
}
