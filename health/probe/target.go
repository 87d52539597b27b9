package probe

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/dial"
	"github.com/heliograph-edge/heliograph/health/gate"
	"github.com/heliograph-edge/heliograph/health/resolve"
)

const (
	defaultTimeout = 5 * time.Second
	stageTimeout   = 3 * time.Second
	defaultAgent   = "heliograph (health probe)"
	// browserAgent is a widespread browser, of a version that many keep.
	browserAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
)

// Target is what to look at and what to expect there. Only URL is required.
type Target struct {
	URL  *url.URL // the origin: scheme http or https, host, and port unless it is the scheme's own
	Path string   // of the page to fetch, with its query if it has one; "/" when empty
	Host string   // the Host header; the origin's host when empty. The certificate is always checked for the origin's

	Addresses []netip.Addr // to connect to; resolved by Lookup when empty
	// Lookup finds the addresses of a host and says what is to be made of them. Nil is the
	// system's resolver, with nothing to compare it with; through a proxy, nil leaves the
	// name to that. An error that wraps health.ErrAddressForbidden keeps the probe from connecting.
	Lookup func(ctx context.Context, host string) (resolve.Result, error)
	// Proved is told of each address at which a verified handshake succeeded; may be nil.
	Proved func(host string, address netip.Addr)
	Via    dial.Via       // the proxy to connect through; the zero value is none
	Roots  *x509.CertPool // authorities to trust; nil is the system's
	Pins   dial.Pins      // keys of which the chain must have one; may be empty
	// Sessions lets looks resume what earlier ones began; nil makes every handshake a full one.
	Sessions *Sessions
	// OtherNames are names that may be in a ClientHello in place of the origin's, to see whether
	// it is the name that has a handshake cut. They should be names of the same publication.
	OtherNames []string

	// Contains are texts that the page must all have, within its first 512 KiB.
	Contains []string
	// Gate judges the page, with what is Known of the site; nil judges by Contains alone.
	Gate  *gate.Gate
	Known gate.Known
	// RandomPath asks for a path, too, that nobody can have linked to: an origin that has
	// a page for it may be parked.
	RandomPath bool
	// Canary is what the origin's canary must be, besides; nil asks for none.
	Canary *CanaryCheck
	// Hosts are other names of this origin, such as the one with www, with a port where it is not
	// the scheme's own. A redirect to one of them or below it, or to the origin itself, is as good as a
	// page; where the canary redirects there, it is followed at the same address.
	Hosts []string
	// Elsewhere are the publication's other addresses: other origins, the canonical name, the fronts.
	// An origin that redirects there serves nothing itself. Hosts counts for a host that is in both,
	// and Elsewhere for one that is below one of Hosts.
	Elsewhere []string

	Timeout time.Duration // of one look at one address, and once more of its canary; 5 s when 0. A stage has 3 s of it at most (a handshake two thirds of what is left), a body 3 s for each read
	Agent   string        // User-Agent; "heliograph (health probe)" when empty
	EdgeID  string        // this edge's name in CDN-Loop (RFC 8586); the header is left out when empty
}

// Step is one stage of a look as a person follows it.
type Step struct {
	Stage health.Stage
	Took  time.Duration
	Class health.Class // OK, or what was found
	Words string       // what was seen, in a few words
}

// Result is one look at one address of an origin.
type Result struct {
	health.Observation

	Steps  []Step          // the stages that were reached, in order
	Lookup *resolve.Result // nil where no Lookup was asked
	Page   gate.Answer     // the page, as far as it was read and decoded
	Judged gate.Finding    // of the Gate; the zero value without one

	Location  string // of a redirect, as sent but for what cannot be seen
	BodyBytes int64  // of the body as it came, before decoding
}

func (t Target) timeout() time.Duration { return cmp.Or(t.Timeout, defaultTimeout) }

func (t Target) secure() bool { return t.URL.Scheme == "https" }

// port is the origin's port, in digits.
func (t Target) port() string {
	switch {
	case t.URL.Port() != "":
		return t.URL.Port()
	case t.secure():
		return "443"
	}
	return "80"
}

// pageURL is what to fetch. Path is taken apart by itself, so that none can
// lead to another host.
func (t Target) pageURL() (*url.URL, error) {
	path, err := url.ParseRequestURI(cmp.Or(t.Path, "/"))
	if err != nil {
		return nil, fmt.Errorf("the path to probe: %w", err)
	}
	return &url.URL{
		Scheme: t.URL.Scheme, Host: t.URL.Host,
		Path: path.Path, RawPath: path.RawPath, RawQuery: path.RawQuery,
	}, nil
}

// check finds what makes a target impossible to look at.
func (t Target) check() error {
	switch {
	case t.URL == nil || t.URL.Hostname() == "":
		return errors.New("the origin's URL has no host")
	case t.URL.Scheme != "http" && t.URL.Scheme != "https":
		return fmt.Errorf("the origin's URL has the scheme %q, not http or https", t.URL.Scheme)
	}
	_, err := t.pageURL()
	return err
}

// place is where a look connects to.
type place struct {
	ip      netip.Addr // not valid where the name is left to a proxy
	address string     // host and port
	label   string     // the address as people read it, with the proxy
}

// placeOf is the place of one address; of the name, where it is not valid.
func (t Target) placeOf(ip netip.Addr) place {
	p := place{ip: ip.Unmap(), address: net.JoinHostPort(t.URL.Hostname(), t.port())}
	if ip.IsValid() {
		p.address = net.JoinHostPort(p.ip.String(), t.port())
	}
	p.label = p.address
	if !t.Via.Direct() {
		p.label += " via " + t.Via.String()
	}
	return p
}

// placesOf are the places of the addresses, of so many as one look may ask.
func (t Target) placesOf(addresses []netip.Addr) []place {
	var places []place
	for _, a := range addresses[:min(len(addresses), maxAddresses)] {
		places = append(places, t.placeOf(a))
	}
	return places
}

// bySystem asks the machine's own resolver, with nothing to compare it with.
func bySystem(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// authority is a host in the one form in which two can be compared: lower
// case, no final dot, no port that is a scheme's own.
func authority(host string) string {
	host = strings.ToLower(host)
	if name, port, err := net.SplitHostPort(host); err == nil {
		name = strings.TrimSuffix(name, ".")
		if port == "80" || port == "443" || port == "" {
			return name
		}
		return net.JoinHostPort(name, port)
	}
	return strings.TrimSuffix(strings.Trim(host, "[]"), ".")
}
