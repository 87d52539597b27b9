package resolve

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	// defaultConfig is where Unix systems name their servers.
	defaultConfig = "/etc/resolv.conf"
	// maxNameservers is how many of them the C library would use.
	maxNameservers = 3
	// machineTTL is how long the answer of a system holds that does not say.
	machineTTL = 10 * time.Second
)

// bySystem asks the machine's own servers one after the other until one says
// something of the name. Search domains are left out: an origin's name is whole.
func (a asker) bySystem(ctx context.Context, q question) heard {
	servers := a.nameservers()
	if len(servers) == 0 {
		return byMachine(ctx, q)
	}
	var h heard
	for i, server := range servers {
		part, cancel := context.WithTimeout(ctx, share(ctx, len(servers)-i))
		before := h.disbelieved
		h = a.overUDP(part, server, q)
		h.disbelieved += before
		cancel()
		if h.outcome().Definite() || ctx.Err() != nil {
			break
		}
	}
	return h
}

// share is an equal part of the time that is left.
func share(ctx context.Context, among int) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return defaultTimeout
	}
	return time.Until(deadline) / time.Duration(among)
}

// nameserversIn reads the machine's own servers from a file; there are none where
// the system has no such file.
func nameserversIn(file string) []string {
	config, err := dns.ClientConfigFromFile(file)
	if err != nil {
		return nil
	}
	var list []string
	for _, server := range config.Servers {
		if _, err := netip.ParseAddr(server); err == nil && len(list) < maxNameservers {
			list = append(list, net.JoinHostPort(server, config.Port))
		}
	}
	return list
}

// byMachine asks through the standard library, which knows how systems without
// a file of servers resolve. It cannot tell NXDOMAIN from NODATA.
func byMachine(ctx context.Context, q question) heard {
	network := map[string]string{typeA: "ip4", typeAAAA: "ip6"}[q.kind]
	if network == "" {
		return heard{}
	}
	begun := time.Now()
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, network, q.host)
	reply := Reply{Type: q.kind, Outcome: Found, TTL: machineTTL, After: time.Since(begun)}
	for _, address := range addresses[:min(len(addresses), maxAddresses)] {
		reply.Addresses = append(reply.Addresses, address.Unmap())
	}
	var failure *net.DNSError
	switch {
	case errors.As(err, &failure) && failure.IsNotFound:
		reply.Outcome = NoData
	case err != nil:
		return heard{err: err}
	}
	return heard{replies: []Reply{reply}}
}

// pinned looks a host up in the machine's own table of hosts, which the standard
// library reads before it asks any server; it gets none to ask.
// localhost it need not have: RFC 6761 §6.3 says where that is.
func pinned(ctx context.Context, host string) []netip.Addr {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	table := net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("only the table of hosts is asked")
	}}
	addresses, err := table.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil
	}
	for i, address := range addresses {
		addresses[i] = address.Unmap()
	}
	return addresses
}
