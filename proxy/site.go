package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/proxy/origin"
	"github.com/heliograph-edge/heliograph/proxy/rewrite"
)

// Site is one publication: its fronts, its origins, its rules. It must not
// change once it serves.
type Site struct {
	Name    string
	Fronts  []string // hostnames, in lower case; none means every name
	Cookies bool     // cookies pass both ways
	Markers []string // identity that its pages are held to, as its pool knows it
	Policy  cache.Policy
	Rules   Rules
	Space   rewrite.Space
	Pool    *origin.Pool

	cached   cache.Site
	keySpace string        // the site's part of its keys
	inFlight *atomic.Int64 // shared with the site of the same name before and after a swap
}

// InFlight is how many of the site's requests are being served.
func (s *Site) InFlight() int64 { return s.inFlight.Load() }

// Sites is what an edge serves at one time.
type Sites struct {
	all      []*Site
	byFront  map[string]*Site
	fallback *Site // the one without fronts; may be nil
}

// NewSites returns the sites, ready to serve. edge is the edge's name in CDN-Loop.
func NewSites(edge string, all []*Site) *Sites {
	s := &Sites{all: all, byFront: make(map[string]*Site)}
	for _, site := range all {
		site.inFlight = new(atomic.Int64)
		site.keySpace = site.Name + "~" + site.generation()
		site.cached = cache.Site{
			Policy: site.Policy, Outage: site.Pool.Futile, Ailing: site.Pool.Outage, Lone: len(site.Pool.Views()) == 1, Fetch: site.fetcher(edge),
		}
		if len(site.Fronts) == 0 {
			s.fallback = site
		}
		for _, front := range site.Fronts {
			s.byFront[front] = site
		}
	}
	return s
}

// inherit goes on with the counts of the sites that these replace: their requests
// under way are the site's still. These must not serve yet.
func (s *Sites) inherit(old *Sites) {
	counts := make(map[string]*atomic.Int64, len(old.all))
	for _, site := range old.all {
		counts[site.Name] = site.inFlight
	}
	for _, site := range s.all {
		if count, ok := counts[site.Name]; ok {
			site.inFlight = count
		}
	}
}

// generation is short for the rules that decide what a page is when it is stored. A
// site whose rules have changed does not find what it kept under others, which
// ages out; the same rules find the same pages, also after a restart.
func (s *Site) generation() string {
	rules := sha256.New()
	fmt.Fprintf(rules, "%q %t %q", s.Space.Canonical.String(), s.Cookies, slices.Sorted(slices.Values(s.Markers)))
	fmt.Fprint(rules, s.Rules.stored())
	return hex.EncodeToString(rules.Sum(nil)[:4])
}

// All lists the sites in the order of the configuration.
func (s *Sites) All() []*Site { return s.all }

// Match returns the site that serves a Host, nil when none does.
func (s *Sites) Match(host string) *Site {
	if len(s.byFront) > 0 {
		if site, ok := s.byFront[frontName(host)]; ok {
			return site
		}
	}
	return s.fallback
}

// frontName is a Host as fronts are named: without port and final dot, in lower case.
func frontName(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.Contains(host[i:], "]") {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// fetcher returns the site's way to its origins, as the cache wants it.
func (s *Site) fetcher(edge string) cache.Fetch {
	return func(ctx context.Context, r *cache.Request, query cache.Query) (*cache.Fetched, error) {
		ask := &origin.Ask{
			Method:  r.HTTP.Method,
			URL:     s.canonical(r.HTTP),
			Header:  s.outgoing(r.HTTP, edge, query),
			Trailer: r.HTTP.Trailer,
			Body:    requestBody(r.HTTP),
			Whole:   query.Whole,
			Interim: s.interim(query.Interim),
		}
		if v, part := query.Validators, query.IfRange; !v.Empty() || !part.Empty() {
			ask.Conditional = func(name string, header http.Header) {
				if name == v.Origin && !v.Empty() {
					v.Apply(header)
				}
				if name == part.Origin && part.ETag != "" {
					header["If-Range"] = []string{part.ETag}
				}
			}
		}
		result, err := s.Pool.Fetch(ctx, ask)
		if err != nil {
			return nil, err
		}
		s.neutralise(result.Response)
		return &cache.Fetched{
			Response: result.Response, Origin: result.Origin, Attempts: len(result.Attempts), Doubtful: result.Doubtful,
			Requested: result.Requested, Responded: result.Responded,
			Questionable: result.Questionable, Agreed: result.Agreed, Lifetime: s.Rules.lifetime(r.HTTP, result.Response),
		}, nil
	}
}

// canonical is the request's URL in canonical space: exactly the target that the
// key was made of. One that may change something is about all that it names.
func (s *Site) canonical(in *http.Request) *url.URL {
	target := cache.Target(in.URL)
	if in.Method == http.MethodGet || in.Method == http.MethodHead {
		target = s.Rules.target(target)
	}
	path, query, asked := strings.Cut(target, "?")
	plain, err := url.PathUnescape(path)
	if err != nil {
		plain = path // Target escapes what is not an escape, so this does not happen
	}
	return &url.URL{
		Scheme: s.Space.Canonical.Scheme, Host: s.Space.Canonical.Host,
		Path: plain, RawPath: path, RawQuery: query, ForceQuery: asked && query == "",
	}
}

// outgoing is the header that goes to an origin, made from a reader's cleaned one and
// what the cache adds to it.
func (s *Site) outgoing(in *http.Request, edge string, query cache.Query) http.Header {
	out := in.Header.Clone()
	if query.Whole || query.Range != "" || in.Method == http.MethodGet && !cache.ModestRange(in.Header) {
		delete(out, "Range")
		delete(out, "If-Range")
	}
	if (query.Whole || query.Range != "") && !query.Conditions {
		for _, name := range conditions {
			delete(out, name)
		}
	}
	if query.Range != "" {
		out["Range"] = []string{query.Range}
	}
	narrowCodings(out, query.Compressed)
	if query.Range != "" {
		out["Accept-Encoding"] = acceptIdentity // parts of what is coded are of no use to others
	}
	s.Space.FromFront(out, in.Host)
	out["Via"] = []string{via(in.ProtoMajor, in.ProtoMinor)} // the reader's own names proxies that the reader uses
	out["Cdn-Loop"] = append(slices.Clip(in.Header["Cdn-Loop"]), edge)
	return out
}

// conditions are the fields by which a reader tells what it has of a page.
var conditions = []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"}

// neutralise makes an origin's answer one of the publication's.
func (s *Site) neutralise(response *http.Response) { s.neutral(response.Header) }

// neutral makes the header of an origin's answer one of the publication's.
func (s *Site) neutral(header http.Header) {
	s.Space.Neutralise(header)
	if !s.Cookies {
		delete(header, "Set-Cookie")
	}
}

// interim makes interim answers those of the publication before somebody is told of them.
func (s *Site) interim(tell func(int, http.Header)) func(int, http.Header) {
	if tell == nil {
		return nil
	}
	return func(code int, header http.Header) {
		s.neutral(header)
		tell(code, header)
	}
}
