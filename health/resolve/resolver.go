package resolve

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/heliograph-edge/heliograph/health"
)

const (
	defaultTimeout = 4 * time.Second
	// defaultListen is how much later than an injector's answer the server's own
	// may come.
	defaultListen = 200 * time.Millisecond
)

// Resolver finds addresses. The zero value asks the machine's own resolver and
// has nothing to compare it with. The fields must not change after the first
// lookup.
type Resolver struct {
	System   Server   // to look at as readers' software would; the zero value is the machine's own
	Controls []Server // to compare it with
	Bogons   Bogons   // never to connect to; the zero value is the full list

	Roots *x509.CertPool // for resolvers over TLS; nil is the system's
	// Dial opens the connections for TCP, TLS and HTTPS; nil is a net.Dialer.
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Timeout time.Duration    // of one lookup; 4 s when 0
	Listen  time.Duration    // for other answers after the first over UDP; 200 ms when 0
	Now     func() time.Time // for the cache; time.Now when nil

	nameservers func() []string                                     // instead of the machine's
	hosts       func(ctx context.Context, host string) []netip.Addr // instead of the machine's table

	mu    sync.Mutex // guards what follows
	cache *cache     // made by the first lookup
	under map[string]*flight
}

// Result is what one lookup found.
type Result struct {
	// Addresses may be connected to, best first: proved by a handshake, then
	// known to the control resolvers, then what else was heard. Of equals, IPv4
	// comes first.
	Addresses []netip.Addr
	Finding   Finding
	Evidence  []string // what each server answered, in words
	Answers   []Answer // the system's first; not to be changed
	Stale     bool     // nobody answered, and the addresses are of an earlier lookup
	Duration  time.Duration
}

// clone keeps a caller's changes from the cache.
func (r Result) clone() Result {
	r.Addresses, r.Evidence = slices.Clone(r.Addresses), slices.Clone(r.Evidence)
	return r
}

// Lookup finds the addresses of a host. The error is for health.Classify: a
// *net.DNSError, or one that wraps health.ErrAddressForbidden. The result has
// finding and evidence even then.
//
// Lookups of one host at the same time are one. An answer is remembered for its
// time to live; when no resolver answers, or all addresses are forbidden, the last good
// addresses serve for a day.
func (r *Resolver) Lookup(ctx context.Context, host string) (Result, error) {
	if literal, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return r.literal(literal)
	}
	name := canonical(host)
	if !isHostname(name) {
		return Result{}, &net.DNSError{Err: "this is no host name in ASCII", Name: fmt.Sprintf("%.100q", host)}
	}
	result, err := r.known(ctx, name)
	if err != nil {
		return Result{}, err
	}
	return result, result.failure(name, r.Bogons)
}

// Addresses is Lookup for those who connect for a reader. They do not wait, as a Lookup
// over UDP does at least for Listen, while addresses are at hand that were right a minute
// ago: probes look the same host up every few seconds, and what they find replaces them.
func (r *Resolver) Addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if ready := r.ready(canonical(host)); len(ready) > 0 {
		return ready, nil
	}
	result, err := r.Lookup(ctx, host)
	return result.Addresses, err
}

// canonical is a host in the one form in which two can be compared.
func canonical(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// literal is for a host that is an address already. It may come from a page or
// a list, so the bogons are refused here too.
func (r *Resolver) literal(address netip.Addr) (Result, error) {
	result := Result{Finding: Finding{Kind: Unconfirmed, Reason: "the host is an address"}}
	if why, is := r.Bogons.Contains(address); is {
		return result, forbidden(address.String(), address, why)
	}
	result.Addresses = []netip.Addr{address.Unmap()}
	return result, nil
}

// ask looks a host up, whatever is remembered of it.
func (r *Resolver) ask(ctx context.Context, host string) Result {
	begun := time.Now()
	if r.System.System() {
		if addresses := r.table()(ctx, host); len(addresses) > 0 {
			return r.pinned(addresses)
		}
	}
	a := r.asker()
	servers := append([]Server{r.System}, r.Controls...)
	asks := make([]func(context.Context) Answer, len(servers))
	for i, server := range servers {
		asks[i] = func(ctx context.Context) Answer { return a.host(ctx, server, host) }
	}
	answers := gather(ctx, a.timeout/2, asks, func(a Answer) bool { return a.Outcome.Definite() })
	result := Result{Answers: answers}
	for i := range answers {
		answers[i].Addresses, answers[i].Bogons = r.Bogons.split(answers[i].Addresses)
		result.Evidence = append(result.Evidence, answers[i].Evidence()...)
	}
	result.Finding = Compare(answers[0], answers[1:])
	result.Addresses = ranked(answers[0], answers[1:])
	result.Duration = time.Since(begun)
	return result
}

// pinned is the result for a host that the machine's own table has. Its operator has
// said where it is, as nobody on the network could: of the bogons only those are
// refused that nothing can allow.
func (r *Resolver) pinned(addresses []netip.Addr) Result {
	usable, bogons := Bogons{Refused: Metadata()}.split(addresses)
	answer := Answer{Server: r.System, Outcome: Found, Addresses: usable, Bogons: bogons, TTL: machineTTL}
	return Result{
		Addresses: usable,
		Answers:   []Answer{answer},
		Finding:   Finding{Kind: Unconfirmed, Reason: "the table of hosts of this machine says " + listed(addresses)},
		Evidence:  []string{"table of hosts: " + listed(addresses)},
	}
}

func (r *Resolver) asker() asker {
	a := asker{
		roots: r.Roots, dial: r.Dial, nameservers: r.nameservers,
		listen: cmp.Or(r.Listen, defaultListen), timeout: cmp.Or(r.Timeout, defaultTimeout),
	}
	if a.dial == nil {
		a.dial = (&net.Dialer{}).DialContext
	}
	if a.nameservers == nil {
		a.nameservers = func() []string { return nameserversIn(defaultConfig) }
	}
	return a
}

func (r *Resolver) table() func(context.Context, string) []netip.Addr {
	if r.hosts != nil {
		return r.hosts
	}
	return pinned
}

func (r *Resolver) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

// ranked lists all usable addresses: first those that most control resolvers
// know, of these first those that the system knows too. Answers that somebody
// else had a hand in come last.
func ranked(system Answer, controls []Answer) []netip.Addr {
	points := make(map[netip.Addr]int)
	var all []netip.Addr
	add := func(a Answer, worth int) {
		if a.Injected {
			worth = 0
		}
		for _, address := range a.Addresses {
			if _, seen := points[address]; !seen {
				all = append(all, address)
			}
			points[address] += worth
		}
	}
	for _, c := range controls {
		add(c, 2)
	}
	add(system, 1)
	slices.SortStableFunc(all, func(a, b netip.Addr) int { return points[b] - points[a] })
	return all[:min(len(all), maxAddresses)]
}

// failure is why a result has no addresses; nil when it has some.
func (r Result) failure(host string, bogons Bogons) error {
	if len(r.Addresses) > 0 {
		return nil
	}
	silent := len(r.Answers) > 0
	for _, answer := range r.Answers {
		if len(answer.Bogons) > 0 {
			why, _ := bogons.Contains(answer.Bogons[0])
			return forbidden(host, answer.Bogons[0], why)
		}
		silent = silent && answer.Outcome == Silence
	}
	missing := r.Finding.Kind == Gone || r.Finding.Kind == Empty || r.Finding.Kind == Unconfirmed
	return &net.DNSError{Err: r.Finding.Reason, Name: host, IsNotFound: missing, IsTimeout: silent}
}

func forbidden(host string, address netip.Addr, why string) error {
	return fmt.Errorf("%s leads to %s, %s: %w", host, address, why, health.ErrAddressForbidden)
}
