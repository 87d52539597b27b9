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
)

const (
	defaultTimeout = 5 * time.Second
	stageTimeout   = 3 * time.Second
	defaultAgent   = "heliograph (health probe)"
)

// Target is what to look at and what to expect there. Only URL is required.
type Target struct {
	URL  *url.URL // the origin: scheme http or https, host, and port unless it is the scheme's own
	Path string   // of the page to fetch, with its query if it has one; "/" when empty
	Host string   // the Host header; the origin's host when empty. The certificate is always checked for the origin's

	Addresses []netip.Addr // to connect to; resolved by Resolver when empty
	// Resolver finds the addresses of a host. Nil is the system's. An error that
	// wraps health.ErrAddressForbidden keeps the probe from connecting.
	Resolver func(ctx context.Context, host string) ([]netip.Addr, error)
	Roots    *x509.CertPool // authorities to trust; nil is the system's

	// Contains are texts that the page must all have, within its first 512 KiB.
	Contains []string
	// Canary is what the origin's canary must be, besides; nil asks for none.
	Canary *CanaryCheck
	// Hosts are hosts of the publication, with a port where it is not the
	// scheme's own. A redirect to one of them, or to the origin itself, stays on the site.
	Hosts []string

	Timeout time.Duration // of one look at one address; 5 s when 0. A stage has 3 s of it at most, a body 3 s for each read
	Agent   string        // User-Agent; "heliograph (health probe)" when empty
	EdgeID  string        // this edge's name in CDN-Loop (RFC 8586); the header is left out when empty
}

// Result is one look at one address of an origin.
type Result struct {
	health.Observation

	Certificate *Certificate // what the origin presented, believed or not; nil when it presented none
	Location    string       // of a redirect, as sent
	BodyBytes   int64        // of the body as it came, before decoding
}

// Certificate is what an operator needs to know of an origin's certificate.
type Certificate struct {
	Names    []string // that it is valid for
	Issuer   string
	NotAfter time.Time
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

// resolve finds the addresses to look at.
func (t Target) resolve(ctx context.Context) ([]netip.Addr, error) {
	if len(t.Addresses) > 0 {
		return t.Addresses, nil
	}
	host := t.URL.Hostname()
	if literal, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{literal}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, min(t.timeout(), stageTimeout))
	defer cancel()
	resolver := t.Resolver
	if resolver == nil {
		resolver = bySystem
	}
	addresses, err := resolver(ctx, host)
	if err == nil && len(addresses) == 0 {
		err = &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	return addresses, err
}

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
