package proxy

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/heliograph-edge/heliograph/cache"
)

// Name is the edge's name in Via, Cache-Status and Proxy-Status.
const Name = "heliograph"

// Edge serves readers. It is an http.Handler; make it with [NewEdge].
type Edge struct {
	id       string // in CDN-Loop
	cache    *cache.Cache
	options  Options
	sites    atomic.Pointer[Sites]
	inFlight atomic.Int64
	spare    sync.Pool // of *exchange
}

// Options are what an Edge needs.
type Options struct {
	ID    string // its name in CDN-Loop, different for each edge
	Cache *cache.Cache
	// Record is told of each finished request. It must be quick and safe for
	// concurrent use, and must not keep the record. May be nil.
	Record func(*Record)
	// Reader is what a record may hold of a reader's address. Nil means nothing.
	Reader func(remoteAddr string) string
}

// NewEdge returns an edge that serves no site yet.
func NewEdge(o Options) *Edge {
	e := &Edge{id: o.ID, cache: o.Cache, options: o}
	e.sites.Store(NewSites(o.ID, nil))
	e.spare.New = func() any { return newExchange() }
	return e
}

// Serve swaps the sites, one call at a time. Requests under way keep those that
// they began with.
func (e *Edge) Serve(sites *Sites) {
	sites.inherit(e.sites.Load())
	e.sites.Store(sites)
}

// Sites returns what is served now.
func (e *Edge) Sites() *Sites { return e.sites.Load() }

// ID is the edge's name in CDN-Loop.
func (e *Edge) ID() string { return e.id }

// InFlight is how many requests are being served, also those that no site matches.
func (e *Edge) InFlight() int64 { return e.inFlight.Load() }

// ServeHTTP takes a request through its journey.
func (e *Edge) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	x := e.begin(w, in)
	defer e.finish(x)

	if refused, ok := guard(in, e.id); !ok {
		x.refuse(refused)
		return
	}
	site := e.sites.Load().Match(in.Host)
	if site == nil {
		x.refuse(refusal{http.StatusMisdirectedRequest, requestDenied, "no site has this front"})
		return
	}
	x.site, x.rec.Site = site, site.Name
	site.inFlight.Add(1)
	if upgrades(in) {
		x.upgrade()
		return
	}
	clean(in, site)
	in, unwatch := x.attend(in, site)
	defer unwatch()
	x.in = in
	x.request.Site, x.request.HTTP = &site.cached, in
	x.request.Key, x.request.Bypass = site.key(in.URL), site.Rules.bypasses(in.Header)
	answer, err := e.cache.Answer(in.Context(), &x.request)
	if err != nil {
		x.fail(err, answer.Status)
		return
	}
	e.invalidate(x, answer.Response)
	x.send(&answer)
}

// invalidate lets go of the pages that an unsafe request made obsolete, RFC 9111
// §4.4, and of those in the groups that its answer names, RFC 9875 §3. It comes before
// the answer, so that a reader who has that never gets the old page; and it needs no
// more than the answer's header.
func (e *Edge) invalidate(x *exchange, response *http.Response) {
	if response == nil {
		return
	}
	e.cache.InvalidateGroups(x.site.keySpace, cache.InvalidatedGroups(x.in.Method, response.StatusCode, response.Header))
	if !cache.Invalidates(x.in.Method, response.StatusCode) {
		return
	}
	for _, target := range cache.InvalidatedTargets(x.in.URL, response.Header, x.isOwn) {
		e.cache.Invalidate(cache.KeyOf(x.site.keySpace, x.site.Rules.target(target)))
	}
}

// isOwn reports whether an address is of the site as the reader sees it, or as the origins
// do: of the Host that the reader used, or of a front, where readers come to the same port.
func (x *exchange) isOwn(address *url.URL) bool {
	used := &url.URL{Scheme: "http", Host: x.in.Host}
	if x.in.TLS != nil {
		used.Scheme = "https"
	}
	if sameOrigin(address, used) || sameOrigin(address, x.site.Space.Canonical) ||
		slices.ContainsFunc(x.site.Space.Origins, func(o *url.URL) bool { return sameOrigin(address, o) }) {
		return true
	}
	there := &url.URL{Scheme: cmp.Or(address.Scheme, used.Scheme), Host: address.Host}
	return slices.Contains(x.site.Fronts, frontName(address.Host)) && (portOf(there) == "" || portOf(there) == portOf(used) && there.Scheme == used.Scheme)
}

// sameOrigin reports whether an address, which may lack a scheme, is of the same origin as
// base (RFC 9110 §4.3.1). The two schemes' own ports count as one: what is served on one
// redirects to the other.
func sameOrigin(address, base *url.URL) bool {
	address = &url.URL{Scheme: cmp.Or(address.Scheme, base.Scheme), Host: address.Host}
	port := portOf(address)
	return frontName(address.Host) == frontName(base.Host) && port == portOf(base) && (port == "" || strings.EqualFold(address.Scheme, base.Scheme))
}

// portOf is the port of an http address; "" for that of its scheme.
func portOf(u *url.URL) string {
	port := u.Port()
	if strings.EqualFold(u.Scheme, "http") && port == "80" || strings.EqualFold(u.Scheme, "https") && port == "443" {
		return ""
	}
	return port
}

// begin takes an exchange out of the spare ones.
func (e *Edge) begin(w http.ResponseWriter, in *http.Request) *exchange {
	e.inFlight.Add(1)
	x := e.spare.Get().(*exchange)
	x.w, x.in = w, in
	x.rec = Record{
		Start: time.Now(), Method: in.Method, Path: in.URL.Path, Proto: in.Proto, Result: cache.Failed,
		Declared: max(0, in.ContentLength),
	}
	return x
}

// finish ends every exchange, also one whose answer was cut: its record is told,
// and it goes back to the spare ones.
func (e *Edge) finish(x *exchange) {
	x.rec.Duration = time.Since(x.rec.Start)
	if e.options.Reader != nil {
		x.rec.Reader = e.options.Reader(x.in.RemoteAddr)
	}
	if e.options.Record != nil {
		e.options.Record(&x.rec)
	}
	if x.site != nil {
		x.site.inFlight.Add(-1)
	}
	x.reset()
	e.spare.Put(x)
	e.inFlight.Add(-1)
}
