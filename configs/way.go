package configs

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/heliograph-edge/heliograph/health/dial"
	"github.com/heliograph-edge/heliograph/health/resolve"
)

// parseResolver is [resolve.ParseServer] with a problem that does not repeat the
// text, for it may hold a password, or a path that is as good as one.
func parseResolver(text string) (resolve.Server, error) {
	if text == "" {
		return resolve.Server{}, errors.New("is empty")
	}
	s, err := resolve.ParseServer(text)
	if err == nil {
		return s, nil
	}
	problem := parserProblem(errors.Unwrap(err))
	if meant := resolverMeant(text); meant != "" {
		problem = fmt.Sprintf("%s has no scheme (did you mean %q?)", quote(text), meant)
	}
	return resolve.Server{}, errors.New(problem)
}

// resolverMeant is the spelling of a resolver that text is short of a scheme for;
// empty when it is not.
func resolverMeant(text string) string {
	if ip, err := netip.ParseAddr(text); err == nil {
		return "udp://" + bracketed(ip)
	}
	if pair, err := netip.ParseAddrPort(text); err == nil {
		return "udp://" + pair.String()
	}
	if host, _, _ := strings.Cut(text, "/"); strings.Contains(host, ".") && hostProblem(host) == "" {
		return "https://" + host + "/dns-query"
	}
	return ""
}

// bracketed is an address as it stands in a URL.
func bracketed(ip netip.Addr) string {
	return strings.TrimSuffix(net.JoinHostPort(ip.String(), ""), ":")
}

// parseVia is [dial.ParseVia] with a problem that never has the password in it.
func parseVia(text string) (dial.Via, error) {
	via, err := dial.ParseVia(text)
	switch {
	case err == nil:
		return via, nil
	case !strings.Contains(text, "://"):
		return dial.Via{}, errors.New("has no socks5:// or http:// in front")
	}
	return dial.Via{}, errors.New(parserProblem(err))
}

// parserProblem is what is wrong, out of the error of a parser that goes on with the
// spellings it takes: a mistake lists these itself.
func parserProblem(err error) string {
	problem, _, _ := strings.Cut(err.Error(), "; write ")
	return strings.TrimPrefix(problem, "it ")
}

// parsePin is [dial.ParsePin]; a hash is no secret, but a private key in its place is.
func parsePin(text string) (dial.Pin, error) {
	pin, err := dial.ParsePin(text)
	if err != nil {
		return dial.Pin{}, errors.New("is not sha256/ and the base64 of 32 bytes")
	}
	return pin, nil
}

// parseNetwork reads a network, or an address as the network of it alone.
func parseNetwork(text string) (netip.Prefix, error) {
	network, err := netip.ParsePrefix(text)
	if ip, alone := netip.ParseAddr(text); alone == nil && ip.Zone() == "" {
		network, err = netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	if err != nil {
		return netip.Prefix{}, errors.New(quote(text) + " is not a network")
	}
	if ip := network.Addr(); ip.Is4In6() && network.Bits() >= 96 {
		network = netip.PrefixFrom(ip.Unmap(), network.Bits()-96)
	}
	if whole := network.Masked(); whole != network {
		return netip.Prefix{}, fmt.Errorf("%s is an address inside a network (did you mean %q or %q?)", quote(text), whole.String(), network.Addr().String())
	}
	return network, nil
}
