package resolve

import (
	"net/netip"
	"slices"
)

// Bogons are the addresses that no public name leads to: private, reserved,
// local. An origin's name that leads there was poisoned, or is an attack on the
// edge's own network. The zero value is the full list of [Reserved].
type Bogons struct {
	// Refused are the networks that are bogons; nil is Reserved. The addresses of
	// the edge itself, and known addresses of block pages, belong here too.
	Refused []netip.Prefix
	// Allowed are networks that the operator has opened. They win over Refused.
	Allowed []netip.Prefix
}

// Reserved is a new list of the networks that are reserved in the registries of
// special-purpose addresses, as the field uses it.
func Reserved() []netip.Prefix {
	return prefixes(
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/4", "240.0.0.0/4",
		"::/96", "::ffff:0:0/96", "100::/64", "64:ff9b:1::/48", "2001:10::/28", "2001:db8::/32",
		"fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
	)
}

// Metadata is a new list of the addresses at which clouds hand credentials to
// their machines. Nothing can allow them.
func Metadata() []netip.Prefix {
	return prefixes(
		"169.254.169.254/32", "169.254.170.2/32", "100.100.100.200/32",
		"fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128",
	)
}

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// Contains reports whether an address is a bogon, and says in words why. An
// IPv6 address that carries an IPv4 address of a bogon is one as well.
func (b Bogons) Contains(address netip.Addr) (why string, is bool) {
	address = address.WithZone("")
	images := append(imagesOf(address), address)
	for _, image := range images {
		if _, is := covering(Metadata(), image.Unmap()); is {
			return "a metadata service", true
		}
	}
	if _, is := covering(b.Allowed, address); is {
		return "", false
	}
	refused := b.Refused
	if refused == nil {
		refused = Reserved()
	}
	for _, image := range images {
		if _, allowed := covering(b.Allowed, image); allowed {
			continue
		}
		if network, is := covering(refused, image); is {
			return "in the refused network " + network.String(), true
		}
	}
	return "", false
}

// split parts the bogons from the other addresses, in order.
func (b Bogons) split(addresses []netip.Addr) (usable, bogons []netip.Addr) {
	for _, address := range addresses {
		if _, is := b.Contains(address); is {
			bogons = append(bogons, address)
		} else {
			usable = append(usable, address)
		}
	}
	return usable, bogons
}

func covering(networks []netip.Prefix, address netip.Addr) (netip.Prefix, bool) {
	i := slices.IndexFunc(networks, func(p netip.Prefix) bool { return p.Contains(address) })
	if i < 0 {
		return netip.Prefix{}, false
	}
	return networks[i], true
}

// imagesOf lists the IPv4 addresses inside an IPv6 address: of 6to4 (RFC 3056),
// of Teredo's server and client, the latter inverted (RFC 4380 §4), and of NAT64
// (RFC 6052 §2.1).
func imagesOf(address netip.Addr) []netip.Addr {
	if !address.Is6() {
		return nil
	}
	b := address.As16()
	switch {
	case b[0] == 0x20 && b[1] == 0x02:
		return []netip.Addr{netip.AddrFrom4([4]byte(b[2:6]))}
	case b[0] == 0x20 && b[1] == 0x01 && b[2] == 0 && b[3] == 0:
		client := [4]byte{^b[12], ^b[13], ^b[14], ^b[15]}
		return []netip.Addr{netip.AddrFrom4([4]byte(b[4:8])), netip.AddrFrom4(client)}
	case netip.MustParsePrefix("64:ff9b::/96").Contains(address):
		return []netip.Addr{netip.AddrFrom4([4]byte(b[12:16]))}
	}
	return nil
}
