package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say what lab to start. The zero value is three origins with TLS.
type Options struct {
	// Origins are the host names, the primary first. Empty means
	// www.gazette.example, gazette.example.net and gazette.example.org.
	Origins []string
	// Plain makes every origin speak HTTP without TLS.
	Plain bool
	// Delay is how late answers begin under Slow. Zero means 3 s.
	Delay time.Duration
	// Pause is the time between two pieces of 64 bytes under SlowBody. Zero
	// means 50 ms, which is a page in some seconds.
	Pause time.Duration
}

// Lab is a running set of origins with one certificate authority. Its methods
// may be called concurrently.
type Lab struct {
	authority *authority
	origins   []*Origin
	client    *http.Client

	mu      sync.Mutex // guards readers
	readers []*Reader
}

// Start makes the authority and the certificates and opens the origins. Close
// the lab when done. It fails for a name that is no host name or comes twice,
// and when a port cannot be opened.
func Start(options Options) (*Lab, error) {
	names := options.Origins
	if len(names) == 0 {
		names = []string{"www.gazette.example", "gazette.example.net", "gazette.example.org"}
	}
	if err := checkNames(names); err != nil {
		return nil, err
	}
	now := time.Now()
	trusted, err := newAuthority("Harbour Lab Authority", now)
	if err != nil {
		return nil, err
	}
	rogue, err := newAuthority("Somebody Else's Authority", now)
	if err != nil {
		return nil, err
	}
	l := &Lab{authority: trusted}
	for i, name := range names {
		origin, err := newOrigin(name, i, options)
		if err == nil && !options.Plain {
			origin.certs, err = newWardrobe(name, trusted, rogue, now)
		}
		if err == nil {
			err = startOrigin(origin)
		}
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		l.origins = append(l.origins, origin)
	}
	l.client = &http.Client{Transport: &http.Transport{
		DialContext:     l.DialContext,
		TLSClientConfig: &tls.Config{RootCAs: l.CA()},
	}}
	return l, nil
}

func checkNames(names []string) error {
	for i, name := range names {
		if u, err := url.Parse("//" + name); err != nil || name == "" || u.Host != name || u.Port() != "" {
			return fmt.Errorf("origin %q is no host name: give a name without scheme, port or path", name)
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("origin %s is given twice: every origin needs a name of its own", name)
		}
	}
	return nil
}

func newOrigin(name string, index int, options Options) (*Origin, error) {
	alias := "primary"
	if index > 0 {
		alias = fmt.Sprintf("alternate%d", index)
	}
	paper, err := newNewspaper(name)
	if err != nil {
		return nil, err
	}
	calm := spell{paper: paper, delay: options.Delay, pause: options.Pause}
	if calm.delay == 0 {
		calm.delay = 3 * time.Second
	}
	if calm.pause == 0 {
		calm.pause = 50 * time.Millisecond
	}
	return &Origin{name: name, alias: alias, plain: options.Plain, calm: calm}, nil
}

// CA is a new pool with the one authority that signs the origins' certificates.
func (l *Lab) CA() *x509.CertPool { return l.authority.pool() }

// CAPEM is the authority's certificate in PEM.
func (l *Lab) CAPEM() []byte { return l.authority.pem() }

// Origins lists the origins, the primary first.
func (l *Lab) Origins() []*Origin { return slices.Clone(l.origins) }

// Origin finds an origin by its host name or its alias: primary, alternate1,
// alternate2 and so on.
func (l *Lab) Origin(name string) (*Origin, bool) {
	for _, origin := range l.origins {
		if strings.EqualFold(name, origin.name) || name == origin.alias {
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
// http.Transport and every other client that takes a dial function.
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

// Close ends every origin and waits for what they were serving. Connections are
// reset. It may be called again.
func (l *Lab) Close() error {
	var errs []error
	for _, origin := range l.origins {
		errs = append(errs, origin.close())
	}
	if l.client != nil {
		l.client.CloseIdleConnections()
	}
	return errors.Join(errs...)
}
