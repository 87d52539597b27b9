package main

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/gate"
	"github.com/heliograph-edge/heliograph/health/probe"
	"github.com/heliograph-edge/heliograph/proxy/rewrite"
)

// looks is how one origin is looked at, again and again.
type looks struct {
	id       health.ID
	tracker  *health.Tracker
	sessions *probe.Sessions
	pages    []probe.Target                                        // each must be good; the canary is asked for beside the first
	known    func() gate.Known                                     // of the site, as of now
	learn    func(origin string, r probe.Result, known gate.Known) // from a good look
	told     func(health.ID, health.Observation)
}

// once looks at each page in turn, until one is not good.
func (l *looks) once(ctx context.Context) health.Observation {
	known := l.known()
	pages := make([]probe.Target, len(l.pages))
	if v, ok := l.tracker.State(l.id); ok && v.Current() != health.Healthy {
		l.sessions.Forget() // in doubt, the certificate is looked at
	}
	for i, t := range l.pages {
		t.Known, t.Sessions = known, l.sessions
		pages[i] = t
	}
	found := probe.Each(ctx, pages)
	seen := probe.Sum(found)
	if ctx.Err() != nil {
		return seen
	}
	for _, r := range found {
		if r.OK() {
			l.learn(l.id.Origin, r, known)
		}
	}
	l.told(l.id, seen)
	return seen
}

// pagesOf are the pages of one origin to look at, without the way to it.
func pagesOf(site *configs.Site, o *configs.Origin, p parts) []probe.Target {
	elsewhere := append([]string{site.Canonical.Host}, site.Fronts...)
	var others []string
	for i := range site.Origins {
		u := site.Origins[i].URL
		if u.Host != o.URL.Host {
			elsewhere = append(elsewhere, u.Host)
		}
		if u.Hostname() != o.URL.Hostname() && u.Scheme == "https" {
			others = append(others, u.Hostname())
		}
	}
	hosts := besideWWW(o.URL.Host)
	if slices.Contains(elsewhere, hosts[len(hosts)-1]) {
		hosts = hosts[:1]
	}
	var pages []probe.Target
	for _, path := range site.Identity.Paths {
		pages = append(pages, probe.Target{
			URL: o.URL, Path: path, Hosts: hosts, Elsewhere: elsewhere, OtherNames: others,
			Contains: site.Identity.Contains, RandomPath: !proves(site),
			Timeout: site.Health.Timeout, Agent: "heliograph/" + version + " (health probe)", EdgeID: p.edge,
		})
	}
	if wanted := site.Identity.Canary; !wanted.Key.IsZero() {
		pages[0].Canary = &probe.CanaryCheck{
			Site: site.Name, Key: wanted.Key, Path: wanted.Path, Lag: wanted.Lag, Seen: p.canaries,
		}
	}
	return pages
}

// proves reports whether something in the configuration proves the publication.
func proves(site *configs.Site) bool {
	return len(site.Identity.Contains) > 0 || !site.Identity.Canary.Key.IsZero()
}

// ownNames are the names of the publication: its addresses and its fronts, without www.
func ownNames(space rewrite.Space, fronts []string) []string {
	names := slices.Clone(fronts)
	for _, u := range append([]*url.URL{space.Canonical}, space.Origins...) {
		names = append(names, u.Hostname())
	}
	for i, name := range names {
		names[i] = strings.TrimPrefix(strings.ToLower(name), "www.")
	}
	return names
}
