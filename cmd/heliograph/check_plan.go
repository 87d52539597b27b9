package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/health/canary"
	"github.com/heliograph-edge/heliograph/health/dial"
	"github.com/heliograph-edge/heliograph/health/gate"
	"github.com/heliograph-edge/heliograph/health/probe"
	"github.com/heliograph-edge/heliograph/health/resolve"
)

// checkFlags are the flags of check.
type checkFlags struct {
	config          string
	contains        []string
	canaryKey, site string
	resolver        string
	control         []string
	via             string
	pins            []string
	fingerprints    []string
	address         []string
	ca              string
	allow           []string
	timeout         time.Duration
	json            bool
	color           string
}

// maxLookup is the longest that one lookup may take.
const maxLookup = 4 * time.Second

// checkPlan is all that is to be looked at.
type checkPlan struct {
	looks    []checkLook
	warnings []string // of what is left out
}

// checkLook is one URL and how it is looked at.
type checkLook struct {
	url      string
	site     string            // whose origin it is; URLs of one command line are one publication, without a name
	target   probe.Target      // without Lookup
	resolver *resolve.Resolver // nil leaves names to target.Via
}

// agree refuses flags that do not go together. Changed reports whether a flag was given.
func (f *checkFlags) agree(changed func(flag string) bool, urls []string) error {
	switch {
	case len(urls) == 0 && f.config == "":
		return errors.New("nothing to look at: give URLs, or a configuration file with -c")
	case len(urls) > 0 && f.config != "":
		return errors.New("give URLs, or a configuration file with -c, not both")
	case f.timeout <= 0:
		return fmt.Errorf("--timeout %s: give a time above zero", f.timeout)
	case f.color != "auto" && f.color != "always" && f.color != "never":
		return fmt.Errorf("--color %s: give auto, always or never", f.color)
	case (f.canaryKey == "") != (f.site == ""):
		return errors.New("--canary-key and --site go together: the key signs for a site, by its name")
	case f.config == "":
		return nil
	}
	for _, flag := range []string{
		"contains", "canary-key", "site", "resolver", "control", "via", "pin", "fingerprints", "address", "ca", "allow", "timeout",
	} {
		if changed(flag) {
			return fmt.Errorf("--%s goes with URLs: with -c the configuration says it", flag)
		}
	}
	return nil
}

// plan reads what the flags name. URLs are refused as origins in a configuration
// are, all at once; only a path is allowed besides.
func (f *checkFlags) plan(urls []string) (checkPlan, error) {
	if f.config != "" {
		return planOf(f.config)
	}
	links, err := parseLinks(urls)
	if err != nil {
		return checkPlan{}, err
	}
	target, err := f.target()
	if err != nil {
		return checkPlan{}, err
	}
	resolver, err := f.resolverOf(target)
	if err != nil {
		return checkPlan{}, err
	}
	var plan checkPlan
	if target.Gate, plan.warnings, err = gateWith(f.fingerprints); err != nil {
		return checkPlan{}, fmt.Errorf("--fingerprints: %w", err)
	}
	target = ofPublication(target, links)
	for _, u := range links {
		target.URL, target.Path = &url.URL{Scheme: u.Scheme, Host: u.Host}, u.RequestURI()
		plan.looks = append(plan.looks, checkLook{url: u.String(), target: target, resolver: resolver})
	}
	return plan, nil
}

// target is what all targets of the command line have in common, but for the gate.
func (f *checkFlags) target() (t probe.Target, err error) {
	t = probe.Target{
		Contains: f.contains, Timeout: f.timeout, Agent: checkAgent(),
		RandomPath: true, Known: gate.Known{Markers: f.contains},
	}
	if t.Roots, err = authorities(f.ca); err != nil {
		return t, fmt.Errorf("--ca: %w", err)
	}
	if t.Via, err = dial.ParseVia(f.via); err != nil {
		return t, fmt.Errorf("--via: %w", err)
	}
	for _, text := range f.address {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return t, fmt.Errorf("--address %s: not an IP address", text)
		}
		t.Addresses = append(t.Addresses, address)
	}
	for _, text := range f.pins {
		pin, err := dial.ParsePin(text)
		if err != nil {
			return t, fmt.Errorf("--pin %s: %w", text, err)
		}
		t.Pins = append(t.Pins, pin)
	}
	if f.canaryKey != "" {
		key, err := canary.ParseKey(f.canaryKey)
		if err != nil {
			return t, fmt.Errorf("--canary-key: the public key %w", err)
		}
		t.Canary = &probe.CanaryCheck{Site: f.site, Key: key, Seen: canary.NewMemory()}
	}
	return t, nil
}

// checkAgent is how check introduces itself.
func checkAgent() string { return "heliograph/" + version + " (check)" }

// resolverOf makes the resolver that the flags describe, or none where the proxy
// resolves. It trusts the authorities of --ca, too, beside the system's.
func (f *checkFlags) resolverOf(t probe.Target) (*resolve.Resolver, error) {
	r := &resolve.Resolver{Timeout: min(f.timeout, maxLookup)}
	var err error
	if r.System, err = resolve.ParseServer(f.resolver); err != nil {
		return nil, fmt.Errorf("--resolver: %w", err)
	}
	for _, spec := range f.control {
		server, err := resolve.ParseServer(spec)
		if err != nil {
			return nil, fmt.Errorf("--control: %w", err)
		}
		r.Controls = append(r.Controls, server)
	}
	for _, text := range f.allow {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("--allow %s: not a network such as 10.1.0.0/16", text)
		}
		r.Bogons.Allowed = append(r.Bogons.Allowed, network)
	}
	if f.ca != "" {
		if r.Roots, err = withSystem(f.ca); err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
	}
	if t.Via.Direct() {
		return r, nil
	}
	return through(t.Via, r)
}

// through makes a resolver ask through a proxy, so that the network does not learn
// which names are looked for. Without servers to ask the proxy resolves, and there is none.
func through(via dial.Via, r *resolve.Resolver) (*resolve.Resolver, error) {
	if r.System.System() && len(r.Controls) == 0 {
		return nil, nil
	}
	for _, s := range append([]resolve.Server{r.System}, r.Controls...) {
		if !carried(s) {
			return nil, fmt.Errorf("the resolver %s cannot be asked through --via: name one over tcp, tls or https, or none, and the proxy resolves", s)
		}
	}
	r.Dial = via.DialContext
	return r, nil
}

// withSystem is the system's authorities and those in the file.
func withSystem(file string) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return authorities(file) // there are no others to trust
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool.AppendCertsFromPEM(text)
	return pool, nil
}

// gateWith makes a gate with the fingerprints of the files. Broken rows are left out
// and told of.
func gateWith(files []string) (*gate.Gate, []string, error) {
	var sets []*gate.Set
	var warnings []string
	for _, file := range files {
		set, broken, err := gate.LoadFile(file)
		if err != nil {
			return nil, nil, err
		}
		for _, row := range broken {
			warnings = append(warnings, row.Error())
		}
		sets = append(sets, set)
	}
	return gate.New(sets...), warnings, nil
}

// carried reports whether a resolver can be asked through a proxy.
func carried(s resolve.Server) bool { return !s.System() && !strings.HasPrefix(s.String(), "udp://") }
