package proxy

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

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
	Policy  cache.Policy
	Space   rewrite.Space
	Pool    *origin.Pool

	cached cache.Site
}

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
		site.cached = cache.Site{Policy: site.Policy, Outage: site.Pool.Outage, Fetch: site.fetcher(edge)}
		if len(site.Fronts) == 0 {
			s.fallback = site
		}
		for _, front := range site.Fronts {
			s.byFront[front] = site
		}
	}
	return s
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
			URL:     s.canonical(r.HTTP.URL),
			Header:  s.outgoing(r.HTTP, edge, query.Whole),
			Trailer: r.HTTP.Trailer,
			Body:    requestBody(r.HTTP),
			Interim: query.Interim,
		}
		if v := query.Validators; !v.Empty() {
			ask.Conditional = func(name string, header http.Header) {
				if name == v.Origin {
					v.Apply(header)
				}
			}
		}
		result, err := s.Pool.Fetch(ctx, ask)
		if err != nil {
			return nil, err
		}
		s.neutralise(result.Response)
		return &cache.Fetched{
			Response: result.Response, Origin: result.Origin, Attempts: len(result.Attempts),
			Requested: result.Requested, Responded: result.Responded,
		}, nil
	}
}

// canonical is the request's URL in canonical space: exactly the target that the
// key was made of.
func (s *Site) canonical(in *url.URL) *url.URL {
	path, query, asked := strings.Cut(cache.Target(in), "?")
	plain, err := url.PathUnescape(path)
	if err != nil {
		plain = path // Target escapes what is not an escape, so this does not happen
	}
	return &url.URL{
		Scheme: s.Space.Canonical.Scheme, Host: s.Space.Canonical.Host,
		Path: plain, RawPath: path, RawQuery: query, ForceQuery: asked && query == "",
	}
}

// outgoing is the header that goes to an origin, made from a reader's cleaned one.
// whole leaves the reader's own conditions and ranges behind.
func (s *Site) outgoing(in *http.Request, edge string, whole bool) http.Header {
	out := in.Header.Clone()
	if whole {
		for _, name := range conditions {
			delete(out, name)
		}
	}
	s.Space.FromFront(out, in.Host)
	out["Via"] = append(slices.Clip(in.Header["Via"]), via(in.ProtoMajor, in.ProtoMinor))
	out["Cdn-Loop"] = append(slices.Clip(in.Header["Cdn-Loop"]), edge)
	return out
}

// conditions are the fields that make an answer less than the whole page.
var conditions = []string{
	"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range",
}

// neutralise makes an origin's answer one of the publication's.
func (s *Site) neutralise(response *http.Response) {
	s.Space.Neutralise(response.Header)
	if !s.Cookies {
		delete(response.Header, "Set-Cookie")
	}
}
