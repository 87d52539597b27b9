package configs

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"

	"github.com/heliograph-edge/heliograph/health/resolve"
)

// control checks what the edge compares its own view with.
func (c *checks) control() {
	c.atMost("control.resolvers", len(c.file.Control.Resolvers), maxControls)
	resolvers := taken{}
	for i, server := range c.file.Control.Resolvers {
		field := "control.resolvers[" + strconv.Itoa(i) + "]"
		switch {
		case c.file.source.unreadable(field):
		case server.System():
			c.refuseFor(field, "the machine's own resolver is what the others are compared with",
				"a resolver elsewhere: "+acceptedServer)
		default:
			c.unique(resolvers, field, server.String())
		}
	}
	c.atMost("control.urls", len(c.file.Control.URLs), maxControls)
	urls, origins := taken{}, c.originHosts()
	for i, u := range c.file.Control.URLs {
		field := "control.urls[" + strconv.Itoa(i) + "]"
		if u == nil || c.file.source.unreadable(field) {
			continue
		}
		problem := controlProblem(u)
		if origin := origins[u.Host]; problem == "" && origin != "" {
			problem = "is at the host of " + origin + ", which it is to be compared with"
		}
		c.refuse(field, problem)
		if problem == "" {
			c.unique(urls, field, u.String())
		}
	}
}

// atMost refuses a list that is too long.
func (c *checks) atMost(field string, length, most int) {
	if length > most {
		c.refuse(field, fmt.Sprintf("has %d items, more than %d", length, most))
	}
}

// originHosts maps the hosts of all origins, with their ports, to the fields that
// have them.
func (c *checks) originHosts() map[string]string {
	hosts := map[string]string{}
	for i, site := range c.file.Sites {
		for j, o := range site.Origins {
			if o.URL != nil && hosts[o.URL.Host] == "" {
				hosts[o.URL.Host] = originField(i, j)
			}
		}
	}
	return hosts
}

// controlProblem says why u cannot be asked for to see whether the network works.
func controlProblem(u *url.URL) string {
	if u.Fragment != "" {
		return "has a fragment"
	}
	host := url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host}
	return originProblem(&host)
}

// fingerprints checks the paths of lists; the files are [File.CheckFiles]'s.
func (c *checks) fingerprints() {
	all := taken{}
	for i, path := range c.file.Fingerprints {
		field := "fingerprints[" + strconv.Itoa(i) + "]"
		switch {
		case c.file.source.unreadable(field):
		case path == "":
			c.refuse(field, "is empty")
		default:
			c.unique(all, field, path)
		}
	}
}

// allow checks the networks that DNS may lead to.
func (c *checks) allow() {
	all := taken{}
	for i, network := range c.file.Allow {
		field := "allow[" + strconv.Itoa(i) + "]"
		if c.file.source.unreadable(field) {
			continue
		}
		problem := allowProblem(network)
		c.refuse(field, problem)
		if problem == "" {
			c.unique(all, field, network.String())
		}
	}
}

// allowProblem says why DNS must not be allowed to lead into a network. One that is
// larger than a metadata service and has it inside is let through: the resolver
// refuses that address whatever is allowed.
func allowProblem(network netip.Prefix) string {
	metadata := slices.ContainsFunc(resolve.Metadata(), func(m netip.Prefix) bool {
		return m.Bits() <= network.Bits() && m.Contains(network.Addr())
	})
	switch {
	case !network.IsValid():
		return "is not a network"
	case network.Bits() == 0:
		return network.String() + " is every address there is: a forged answer could then lead the edge anywhere, into its own network too"
	case metadata:
		return network.String() + " is a metadata service, at which clouds hand their machines credentials: no origin is there, and nothing can allow it"
	case network.Addr().IsUnspecified(), network.Addr().IsMulticast():
		return network.String() + " is not where hosts are"
	}
	return ""
}
