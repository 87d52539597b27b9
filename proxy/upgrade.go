package proxy

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"strings"

	"github.com/heliograph-edge/heliograph/cache"
)

// upgrade passes a WebSocket or another protocol through. The standard proxy
// switches the connections; our transport below it chooses the origin, so that
// an upgrade, too, goes to the next one until an origin has answered.
func (x *exchange) upgrade(edge string) {
	x.rec.Result = cache.Bypass
	transport := &upgradeTransport{site: x.site, edge: edge, in: x.in}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(pr *httputil.ProxyRequest) { scrub(pr.Out, x.site) },
		Transport: transport,
		ModifyResponse: func(response *http.Response) error {
			x.rec.Origin, x.rec.Attempts = transport.origin, transport.attempts
			answer := cache.Answer{Response: response, Status: cache.Status{Fwd: cache.FwdBypass, FwdStatus: response.StatusCode}}
			x.stamp(response.Header, &answer)
			x.rec.Status = response.StatusCode
			return nil
		},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) { x.fail(err) },
		ErrorLog:     log.New(io.Discard, "", 0), // the record says it
	}
	proxy.ServeHTTP(x.w, x.in)
}

// upgradeTransport carries one upgrade request to an origin.
type upgradeTransport struct {
	site     *Site
	edge     string
	in       *http.Request
	origin   string
	attempts int
}

// RoundTrip implements http.RoundTripper. out is cleaned, and has the Connection
// and Upgrade fields that the standard proxy put back.
func (t *upgradeTransport) RoundTrip(out *http.Request) (*http.Response, error) {
	request := &cache.Request{HTTP: out, Site: &t.site.cached}
	got, err := t.site.cached.Fetch(out.Context(), request, cache.Query{})
	if err != nil {
		return nil, err
	}
	t.origin, t.attempts = got.Origin, got.Attempts
	return got.Response, nil
}

// connectionNames reports whether Connection names an option.
func connectionNames(header http.Header, option string) bool {
	for _, line := range header["Connection"] {
		for member := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(member), option) {
				return true
			}
		}
	}
	return false
}
