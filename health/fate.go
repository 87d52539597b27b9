package health

import (
	"net"
	"net/netip"
	"slices"
)

// SharesFate reports whether what takes one of two origins away takes the other one with
// it, and what they share. The same address does, and the same network as the operator
// labelled it ([Policy.Network]). The same CDN alone does not: it has many addresses, and
// names on it are blocked one by one; it is named all the same, with ok false, for those
// who have a choice. Nothing in common is "" and false.
//
// It is of use after a failure that is of the address, see [Class.OfAddress].
func SharesFate(a, b View) (with string, ok bool) {
	for _, fate := range a.Fates {
		switch {
		case !slices.Contains(b.Fates, fate):
		case fate != a.CDN, a.Network == fate && b.Network == fate:
			return fate, true
		default:
			with = fate
		}
	}
	return with, false
}

// OfAddress reports whether a failure of the class is one of the server or of the way
// to it rather than of the name: whoever shares the address will hardly do better. A
// connection that is not made, a server that takes the request and is silent, or answers
// 5xx: behind one address is mostly one backend. A freeze after some KiB is done to
// whole networks.
//
// What may be done to the name is not among them: DNS, handshakes (they carry the name),
// and requests that are cut (so do they). Nor is what the origin says of itself, such as
// 429, nor another's content.
func (c Class) OfAddress() bool {
	switch c {
	case ConnectRefused, ConnectTimeout, ConnectReset, Unreachable, FirstByteTimeout, ServerError, BodyStalled16K:
		return true
	}
	return false
}

// fatesOf lists what an origin shares its fate with: the address of its latest probe
// without the port, the operator's label of its network, and its CDN. On loopback the
// port stays: there each is the end of another tunnel.
func fatesOf(address, network, cdn string) []string {
	var fates []string
	for _, fate := range []string{fateOfAddress(address), network, cdn} {
		if fate != "" && !slices.Contains(fates, fate) {
			fates = append(fates, fate)
		}
	}
	return fates
}

// fateOfAddress is the address that an origin stands or falls with.
func fateOfAddress(address string) string {
	if a, err := netip.ParseAddrPort(address); err == nil {
		if a.Addr().Unmap().IsLoopback() {
			return address
		}
		return a.Addr().Unmap().String()
	}
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}
