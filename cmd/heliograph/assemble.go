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
	"github.com/heliograph-edge/heliograph/health/probe"
	"github.com/heliograph-edge/heliograph/proxy"
	"github.com/heliograph-edge/heliograph/proxy/origin"
	"github.com/heliograph-edge/heliograph/proxy/rewrite"
)

// assembly is everything that is built from one configuration and swapped by a
// reload: sites, pools and probers.
type assembly struct {
	file     *configs.File
	sites    []*proxy.Site
	policies map[health.ID]health.Policy
	probers  []health.Prober

	stop    context.CancelFunc
	running sync.WaitGroup // probers
}

// parts are what an assembly is connected to.
type parts struct {
	edge     string // its name in CDN-Loop
	tracker  *health.Tracker
	canaries *canary.Memory
	events   origin.Events
	probed   func(health.ID, health.Observation)
}

// assemble builds the sites of a configuration. Nothing runs yet.
func assemble(file *configs.File, p parts) (*assembly, error) {
	a := &assembly{file: file, policies: make(map[health.ID]health.Policy)}
	for i := range file.Sites {
		if err := a.addSite(&file.Sites[i], p); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// addSite builds one site, its pool and its probers.
func (a *assembly) addSite(site *configs.Site, p parts) error {
	space := rewrite.Space{Canonical: site.Canonical}
	var hosts []string
	for _, o := range site.Origins {
		space.Origins = append(space.Origins, o.URL)
		hosts = append(hosts, o.URL.Host)
	}
	policy := health.Policy{
		Interval: site.Health.Interval, Timeout: site.Health.Timeout, Fall: site.Health.Fall, Rise: site.Health.Rise,
	}
	var origins []*origin.Origin
	for i := range site.Origins {
		o := &site.Origins[i]
		id := health.ID{Site: site.Name, Origin: o.Name}
		roots, err := authorities(o.CA)
		if err != nil {
			return fmt.Errorf("site %s, origin %s: %w", site.Name, o.Name, err)
		}
		origins = append(origins, origin.NewOrigin(origin.Config{ID: id, URL: o.URL, Addresses: o.Address, Roots: roots}))
		a.policies[id] = policy
		a.probers = append(a.probers, health.Prober{
			ID: id, Policy: policy, Tracker: p.tracker, Probe: prober(id, site, o, hosts, roots, p),
		})
	}
	a.sites = append(a.sites, &proxy.Site{
		Name: site.Name, Fronts: site.Fronts, Cookies: site.Cookies, Markers: site.Identity.Contains, Space: space,
		Policy: cache.Policy{Stale: site.Cache.Stale, Outage: site.Cache.Outage},
		Pool: origin.NewPool(origin.Site{
			Name: site.Name, Origins: origins, Markers: site.Identity.Contains, Own: publication(space, site.Fronts),
		}, p.tracker, p.events),
	})
	return nil
}

// publication returns what tells the publication's hosts from others: its addresses,
// its fronts, and the names below them.
func publication(space rewrite.Space, fronts []string) func(string) bool {
	names := slices.Clone(fronts)
	for _, u := range append([]*url.URL{space.Canonical}, space.Origins...) {
		names = append(names, u.Hostname())
	}
	return func(host string) bool {
		u := url.URL{Host: host}
		host = strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
		return slices.ContainsFunc(names, func(name string) bool {
			name = strings.TrimPrefix(name, "www.")
			return host == name || strings.HasSuffix(host, "."+name)
		})
	}
}

// prober returns how one origin is looked at: each of the identity's paths in turn,
// and the canary beside the first.
func prober(id health.ID, site *configs.Site, o *configs.Origin, hosts []string, roots *x509.CertPool, p parts,
) func(context.Context) health.Observation {
	var pages []probe.Target
	for _, path := range site.Identity.Paths {
		pages = append(pages, probe.Target{
			URL: o.URL, Path: path, Addresses: o.Address, Roots: roots, Hosts: hosts,
			Contains: site.Identity.Contains, Timeout: site.Health.Timeout,
			Agent: "heliograph/" + version + " (health probe)", EdgeID: p.edge,
		})
	}
	if wanted := site.Identity.Canary; !wanted.Key.IsZero() {
		pages[0].Canary = &probe.CanaryCheck{
			Site: site.Name, Key: wanted.Key, Path: wanted.Path, Lag: wanted.Lag, Seen: p.canaries,
		}
	}
	return func(ctx context.Context) health.Observation {
		seen := probe.Round(ctx, pages)
		if ctx.Err() == nil {
			p.probed(id, seen)
		}
		return seen
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
