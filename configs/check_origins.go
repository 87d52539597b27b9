package configs

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

func (c *checks) origins(i int, origins []Origin) {
	if len(origins) == 0 {
		c.refuse(siteField(i)+".origins", "there is no origin")
		return
	}
	names, addresses := taken{}, taken{}
	for j, o := range origins {
		c.origin(names, addresses, originField(i, j), o)
	}
}

func (c *checks) origin(names, addresses taken, field string, o Origin) {
	at, nameAt := field, field
	if c.file.source.gives(field + ".url") {
		at = field + ".url"
	}
	if c.file.source.gives(field + ".name") {
		nameAt = field + ".name"
	}
	c.way(field, o)
	if o.URL == nil {
		c.refuse(field+".url", "is missing")
		return
	}
	if problem := originProblem(o.URL); problem != "" {
		c.refuse(at, problem)
		return
	}
	if !c.unique(addresses, at, o.URL.String()) {
		return
	}
	if problem := originNameProblem(o.Name); problem != "" {
		c.refuse(nameAt, problem)
		return
	}
	c.unique(names, nameAt, o.Name)
}

func originNameProblem(name string) string {
	switch {
	case name == "":
		return "is empty"
	case strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }):
		return quote(name) + " has spaces"
	case name == "." || name == "..":
		return quote(name) + " is no name that the API's paths can have"
	default:
		return ""
	}
}

// connectable refuses the addresses that no connection can be made to.
func (c *checks) connectable(origin string, addresses []netip.Addr) {
	for k, ip := range addresses {
		if !ip.IsValid() || ip.IsUnspecified() || ip.IsMulticast() {
			c.refuse(fmt.Sprintf("%s.address[%d]", origin, k), ip.String()+" is not the address of a host")
		}
	}
}

// way checks how an origin is connected to.
func (c *checks) way(field string, o Origin) {
	c.connectable(field, o.Address)
	if c.file.source.gives(field + ".ca") {
		c.required(field, "ca", o.CA)
	}
	if c.file.source.gives(field + ".via") {
		c.required(field, "via", o.Via.String())
	}
	c.carried(field, o)
	c.pins(field+".pin", o)
	if o.Network != "" || c.file.source.gives(field+".network") {
		c.refuse(field+".network", networkProblem(o.Network))
	}
}

// carried refuses a resolver that cannot be asked through the origin's proxy. One
// that is asked beside it would tell the network which names are looked for.
func (c *checks) carried(field string, o Origin) {
	if o.Via.Direct() || c.file.source.unreadable(field+".via") {
		return
	}
	const accepted = "a resolver over tcp, tls or https; without one, the proxy resolves the name"
	switch {
	case strings.HasPrefix(o.Resolver.String(), "udp://"):
		c.refuseFor(field+".resolver", o.Resolver.String()+" cannot be asked through via, which carries no UDP", accepted)
	case o.Resolver.System() && c.file.source.gives(field+".resolver"):
		c.refuseFor(field+".resolver", "the machine's own resolver cannot be asked through via", accepted)
	}
}

// pins checks that there is a key where keys are pinned.
func (c *checks) pins(field string, o Origin) {
	switch {
	case len(o.Pins) == 0 && !c.file.source.gives(field):
		return
	case len(o.Pins) == 0:
		c.refuse(field, "there is no pin")
	case o.URL != nil && o.URL.Scheme == "http":
		c.refuseFor(field, "the origin is http, which proves no key", "a pin of an https origin")
	}
	all := taken{}
	for k, pin := range o.Pins {
		at := field + "[" + strconv.Itoa(k) + "]"
		if !c.file.source.unreadable(at) {
			c.unique(all, at, pin.String())
		}
	}
}

// networkProblem says why a label is none for a network.
func networkProblem(label string) string {
	switch {
	case label == "":
		return "is empty"
	case utf8.RuneCountInString(label) > maxNetwork:
		return fmt.Sprintf("is longer than %d characters", maxNetwork)
	case strings.TrimSpace(label) != label:
		return quote(label) + " begins or ends with a space"
	case strings.ContainsFunc(label, func(r rune) bool { return !unicode.IsPrint(r) }):
		return quote(label) + " has a character that cannot be printed"
	}
	return ""
}
