package configs

import (
	"fmt"
	"strings"
)

// siteCache checks the cache's rules of a site.
func (c *checks) siteCache(field string, site Site) {
	c.within(field+".stale", site.Cache.Stale, minStale, maxStale)
	c.within(field+".outage", site.Cache.Outage, minStale, maxStale)
	query := site.Cache.Query
	c.patterns(field+".query.ignore", query.Ignore, parameterProblem)
	c.patterns(field+".query.keep", query.Keep, parameterProblem)
	if len(query.Ignore) > 0 && len(query.Keep) > 0 {
		c.refuse(field+".query.keep", "stands beside ignore, and only one of the two can decide")
	}
	cookies := field + ".bypass.cookies"
	c.patterns(cookies, site.Cache.Bypass.Cookies, cookieProblem)
	if len(site.Cache.Bypass.Cookies) > 0 && !site.Cookies {
		c.refuseFor(cookies, "has names, but no cookie of a reader is let through", "such a list beside cookies: true of the site")
	}
	paths := taken{}
	for i, l := range site.Cache.Lifetime {
		at := fmt.Sprintf("%s.lifetime[%d]", field, i)
		c.required(at, "path", l.Path)
		if l.Path != "" {
			problem := patternProblem(l.Path)
			c.refuse(at+".path", problem)
			if problem == "" {
				c.unique(paths, at+".path", l.Path)
			}
		}
		if l.For == 0 && !c.file.source.gives(at+".for") {
			c.refuse(at+".for", "is missing")
			continue
		}
		c.within(at+".for", l.For, minLifetime, maxLifetime)
	}
}

// patterns checks names, each of which stands once.
func (c *checks) patterns(field string, names []string, problem func(string) string) {
	all := taken{}
	for i, name := range names {
		at := fmt.Sprintf("%s[%d]", field, i)
		found := problem(name)
		c.refuse(at, found)
		if found == "" {
			c.unique(all, at, name)
		}
	}
}

// parameterProblem says what is wrong with the name of a query parameter.
func parameterProblem(name string) string {
	switch {
	case name == "":
		return "is empty"
	case strings.ContainsAny(name, "?&=#") || hasControl(name):
		return quote(name) + " is no name of a query parameter"
	}
	return ""
}

// cookieProblem says what is wrong with the name of a cookie: RFC 6265 §4.1.1 makes it a token.
func cookieProblem(name string) string {
	switch {
	case name == "":
		return "is empty"
	case strings.ContainsAny(name, "()<>@,;:\\\"/[]?={} ") || hasControl(name):
		return quote(name) + " is no name of a cookie"
	}
	return ""
}

// patternProblem says what is wrong with a pattern of paths.
func patternProblem(path string) string {
	switch {
	case path[0] != '/' && path[0] != '*':
		return quote(path) + " does not begin with a slash or a star"
	case strings.ContainsAny(path, "?#; ") || hasControl(path) || strings.Contains(path, "//") || strings.Contains(path, "/../"):
		return quote(path) + " is no pattern of paths"
	}
	return ""
}

// hasControl reports whether a text has characters that nobody sees.
func hasControl(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f })
}
