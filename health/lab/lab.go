package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/heliograph-edge/heliograph/health/canary"
)

// Options say what lab to start. The zero value is three origins with TLS.
type Options struct {
	// Origins are the host names, the primary first. Empty means
	// www.gazette.example, gazette.example.net and gazette.example.org.
	Origins []string
	// Together are those of the Origins that share the primary's address and port, as
	// names of one server do. What breaks its port breaks all of them.
	Together []string
	// Plain makes every origin speak HTTP without TLS.
	Plain bool

	// Delay is how late answers begin under Slow. Zero means 3 s.
	Delay time.Duration
	// Pause is the time between two pieces of 64 bytes under SlowBody. Zero
	// means 50 ms, which is a page in some seconds.
	Pause time.Duration
	// Rate is how many bytes a second come under Throttle. Zero means 4000.
	Rate int
	// Turn is how long connections are reset, and then let through, under Flap. Zero
	// means 2 s.
	Turn time.Duration
	// Residual is for how long nobody must try to connect before connections pass under
	// Residual. Zero means 180 s.
	Residual time.Duration
	// TTL is for how long the nameservers say that an answer holds, and so how long the
	// faults of names may take until they are seen. Zero means 1 s.
	TTL time.Duration
	// Now is the clock of Flap, Residual, the certificates and the canaries. Nil means time.Now.
	Now func() time.Time
}

// withDefaults is the options with their zeros replaced.
func (o Options) withDefaults() Options {
	if len(o.Origins) == 0 {
		o.Origins = []string{"www.gazette.example", "gazette.example.net", "gazette.example.org"}
	}
	o.Delay = orElse(o.Delay, 3*time.Second)
	o.Pause = orElse(o.Pause, 50*time.Millisecond)
	o.Rate = orElse(o.Rate, 4000)
	o.Turn = orElse(o.Turn, 2*time.Second)
	o.Residual = orElse(o.Residual, 180*time.Second)
	o.TTL = orElse(o.TTL, time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Lab is a running set of origins with one certificate authority and two nameservers.
// Its methods may be called concurrently.
type Lab struct {
	// set when it starts, never changed
	options        Options
	authority      *authority
	rogue          *authority
	key            canary.Key
	proofs         proofs
	local, control *Nameserver
	endpoints      []*endpoint
	origins        []*Origin
	imposter       *Origin // nil where the origins have one address for all
	client         *http.Client

	mu      sync.Mutex // guards all that follows
	readers []*Reader
	edge    *url.URL
	extras  []func() error // close what was started besides
}

// Start makes the authority, the certificates and the canaries, and opens the
// nameservers and the origins. Close the lab when done. It fails for a name that is no
// host name or comes twice, and when a port cannot be opened.
func Start(options Options) (*Lab, error) {
	l := &Lab{options: options.withDefaults()}
	if err := l.options.check(); err != nil {
		return nil, err
	}
	if err := l.open(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	l.client = &http.Client{Transport: &http.Transport{
		DialContext:     l.DialContext,
		TLSClientConfig: &tls.Config{RootCAs: l.CA()},
	}}
	return l, nil
}

// check refuses names that cannot be served.
func (o Options) check() error {
	for i, name := range o.Origins {
		if u, err := url.Parse("//" + name); err != nil || name == "" || u.Host != name || u.Port() != "" {
			return fmt.Errorf("origin %q is no host name: give a name without scheme, port or path", name)
		}
		if slices.Contains(o.Origins[:i], name) {
			return fmt.Errorf("origin %s is given twice: every origin needs a name of its own", name)
		}
	}
	for _, name := range o.Together {
		if !slices.Contains(o.Origins, name) {
			return fmt.Errorf("%s is to share the primary's address and is no origin: name it among the origins, too", name)
		}
	}
	return nil
}

// CA is a new pool with the one authority that signs the origins' certificates.
func (l *Lab) CA() *x509.CertPool { return l.authority.pool() }

// CAPEM is the authority's certificate in PEM.
func (l *Lab) CAPEM() []byte { return l.authority.pem() }

// CanaryKey is the key that the newspaper's canaries are signed with, for the site [Site].
// Every origin has one at canary.Path.
func (l *Lab) CanaryKey() canary.Key { return l.key }

// Local is the nameserver that a reader's network has. The faults of names act on it.
func (l *Lab) Local() *Nameserver { return l.local }

// Control is the nameserver that is out of the reach of a reader's network. It tells the
// truth, which is for [DomainGone] alone that a name does not exist.
func (l *Lab) Control() *Nameserver { return l.control }

// SetEdge says where the edge is, for [Loop] and [DNSLoopback]: its URL with an address.
func (l *Lab) SetEdge(base string) error {
	edge, err := url.Parse(base)
	if err != nil {
		return fmt.Errorf("the edge's URL: %w", err)
	}
	if _, err := netip.ParseAddr(edge.Hostname()); err != nil {
		return fmt.Errorf("the edge's URL %q has no address: give one such as http://127.0.0.1:8080", base)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.edge = edge
	return nil
}

func (l *Lab) whereEdge() *url.URL {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.edge
}

// Addresses lists every address that a sound answer about the lab's names may have, the
// block-page server's and the dead ones among them. What else a nameserver gives is a
// lie that leads off the lab.
func (l *Lab) Addresses() []netip.Addr {
	var all []netip.Addr
	for _, o := range l.origins {
		for _, a := range []netip.Addr{o.phone.own, o.phone.spare, o.phone.dead, o.phone.imposter} {
			if a.IsValid() && !slices.Contains(all, a) {
				all = append(all, a)
			}
		}
	}
	return all
}

// Origins lists the origins, the primary first.
func (l *Lab) Origins() []*Origin { return slices.Clone(l.origins) }

// Origin finds an origin by its host name, with or without www, or its alias: primary,
// alternate1, alternate2 and so on.
func (l *Lab) Origin(name string) (*Origin, bool) {
	for _, origin := range l.origins {
		if origin.hasName(name) || name == origin.alias {
			return origin, true
		}
	}
	return nil, false
}

// Mend takes the fault from every origin. It goes on after an error and joins them.
func (l *Lab) Mend() error {
	var errs []error
	for _, origin := range l.origins {
		errs = append(errs, origin.Mend())
	}
	return errors.Join(errs...)
}

// DialContext connects to an origin by its invented name, with the port that is
// asked for; a name that is no origin's is an error, never looked up. It fits
// http.Transport and every other client that takes a dial function. The nameservers
// are not asked.
func (l *Lab) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("cannot dial %q: %w", address, err)
	}
	origin, ok := l.Origin(host)
	if !ok {
		return nil, &net.DNSError{Err: "no origin of the lab has this name", Name: host, IsNotFound: true}
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, network, net.JoinHostPort(origin.Addr().Addr().String(), port))
}

// Client is a client that finds the origins by name and trusts the lab's
// authority, and nothing else. The lab closes its connections.
func (l *Lab) Client() *http.Client { return l.client }

// Attach adds a reader whose tally [Lab.Handler] shows.
func (l *Lab) Attach(reader *Reader) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readers = append(l.readers, reader)
}

// adopt has the lab close something that it started.
func (l *Lab) adopt(closing func() error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.extras = append(l.extras, closing)
}

// Close ends every origin, proxy and nameserver of the lab and waits for what they were
// serving. Connections are reset. It may be called again.
func (l *Lab) Close() error {
	l.mu.Lock()
	extras := slices.Clone(l.extras)
	l.mu.Unlock()
	var errs []error
	for _, closing := range extras {
		errs = append(errs, closing())
	}
	for _, e := range l.endpoints {
		errs = append(errs, e.close())
	}
	if l.client != nil {
		l.client.CloseIdleConnections()
	}
	return errors.Join(append(errs, l.closeNameservers())...)
}
