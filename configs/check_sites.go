package configs

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

func siteField(i int) string { return "sites[" + strconv.Itoa(i) + "]" }

func originField(i, j int) string {
	return siteField(i) + ".origins[" + strconv.Itoa(j) + "]"
}

// primary is the address of the first origin, nil when there is no usable one.
func (s Site) primary() *url.URL {
	if len(s.Origins) == 0 || s.Origins[0].URL == nil || originProblem(s.Origins[0].URL) != "" {
		return nil
	}
	return s.Origins[0].URL
}

// taken maps what has to be unique to the field that has it.
type taken map[string]string

// unique refuses a value that another field has, and reports whether there was
// none.
func (c *checks) unique(all taken, field, value string) bool {
	if first, ok := all[value]; ok {
		c.refuse(field, fmt.Sprintf("%s is the same as %s", quote(value), first))
		return false
	}
	all[value] = field
	return true
}

func (c *checks) sites() {
	if len(c.file.Sites) == 0 {
		c.refuse("sites", "there is no site")
		return
	}
	names, fronts, everyName := taken{}, taken{}, ""
	for i, site := range c.file.Sites {
		field := siteField(i)
		c.origins(i, site.Origins)
		c.siteName(names, field, site)
		c.canonical(field, site)
		c.fronts(fronts, field, site.Fronts)
		if len(site.Fronts) == 0 && !c.file.source.unreadable(field+".fronts") {
			c.frontless(field, everyName)
			everyName = field
		}
		c.identity(field+".identity", site.Identity)
		c.health(field+".health", site.Health)
		c.siteCache(field+".cache", site)
	}
}

// siteName leaves alone a name that could not be derived: the primary origin
// was refused for it.
func (c *checks) siteName(names taken, field string, site Site) {
	field += ".name"
	if site.primary() == nil && !c.file.source.gives(field) {
		return
	}
	problem := siteNameProblem(site.Name)
	c.refuse(field, problem)
	if problem == "" {
		c.unique(names, field, site.Name)
	}
}

func (c *checks) canonical(field string, site Site) {
	switch {
	case site.primary() == nil && !c.file.source.gives(field+".canonical"):
	case site.Canonical == nil:
		c.refuse(field+".canonical", "is missing")
	default:
		c.refuse(field+".canonical", originProblem(site.Canonical))
	}
}

func (c *checks) fronts(all taken, site string, fronts []string) {
	for j, front := range fronts {
		field := site + ".fronts[" + strconv.Itoa(j) + "]"
		problem := frontProblem(front)
		c.refuse(field, problem)
		if problem == "" {
			c.unique(all, field, front)
		}
	}
}

// frontless checks what has to hold for a site that answers to every name;
// other is the site before it that does, if any.
func (c *checks) frontless(field, other string) {
	const accepted = "a list of host names; one site at most goes without"
	if other != "" {
		c.refuseFor(field+".fronts", "is empty, and "+other+" already answers to every name", accepted)
		return
	}
	if c.file.TLS.Email != "" {
		c.refuseFor(field+".fronts", "is empty, but tls.email has certificates issued for the fronts",
			"a list of host names")
	}
}

func (c *checks) identity(field string, identity Identity) {
	for j, marker := range identity.Contains {
		if strings.TrimSpace(marker) == "" {
			c.refuse(fmt.Sprintf("%s.contains[%d]", field, j), "is empty, which every page contains")
		}
	}
	if len(identity.Paths) == 0 {
		c.refuse(field+".paths", "there is no path")
	}
	for j, path := range identity.Paths {
		c.refuse(fmt.Sprintf("%s.paths[%d]", field, j), pathProblem(path))
	}
	c.canary(field+".canary", identity.Canary)
}

// canary checks the canary of a site that asks for one.
func (c *checks) canary(field string, canary Canary) {
	if canary.Key.IsZero() && !c.file.source.gives(field) {
		return
	}
	c.required(field, "key", canary.Key.String())
	c.refuse(field+".path", pathProblem(canary.Path))
	c.within(field+".lag", canary.Lag, 0, maxLag)
}

func pathProblem(path string) string {
	if !strings.HasPrefix(path, "/") {
		return quote(path) + " does not begin with a slash"
	}
	// After a second slash, a reference to this path would name a host.
	_, err := url.ParseRequestURI(path)
	if err != nil || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "# ") {
		return quote(path) + " is not a path"
	}
	return ""
}

func (c *checks) health(field string, health Health) {
	c.within(field+".interval", health.Interval, minInterval, maxInterval)
	c.within(field+".timeout", health.Timeout, minTimeout, maxTimeout)
	between(c, field+".fall", health.Fall, minInARow, maxInARow, strconv.Itoa)
	between(c, field+".rise", health.Rise, minInARow, maxInARow, strconv.Itoa)
}
