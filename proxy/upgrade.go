package proxy

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/cache"
)

// upgrade passes a WebSocket or another protocol through. The standard proxy
// switches the connections; our transport below it chooses the origin, so that
// an upgrade, too, goes to the next one until an origin has answered.
func (x *exchange) upgrade(edge string) {
	x.rec.Result = cache.Bypass
	transport := &upgradeTransport{site: x.site, edge: edge, in: x.in}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.Out.URL.RawQuery = pr.In.URL.RawQuery // or the standard proxy drops what it cannot parse
			scrub(pr.Out.Header, x.site)
			narrowCodings(pr.Out.Header)
		},
		Transport: transport,
		ModifyResponse: func(response *http.Response) error {
			x.rec.Origin, x.rec.Attempts = transport.origin, transport.attempts
			answer := cache.Answer{Response: response, Status: cache.Status{Fwd: cache.FwdBypass, FwdStatus: response.StatusCode}}
			x.toFront(response.Header)
			x.stamp(response.Header, &answer)
			x.extendDeadline()
			x.rec.Status, x.rec.TTFB = response.StatusCode, time.Since(x.rec.Start)
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

// upgrades reports whether the request asks for another protocol that is passed
// through. Another version of HTTP, and TLS, is not: what followed would be
// requests that no guard sees. RFC 9110 §7.8 lets a server ignore the wish.
func upgrades(in *http.Request) bool {
	if len(in.Header["Upgrade"]) == 0 || !in.ProtoAtLeast(1, 1) || !connectionNames(in.Header, "upgrade") {
		return false
	}
	for _, line := range in.Header["Upgrade"] {
		for member := range strings.SplitSeq(strings.ToLower(line), ",") {
			name, _, _ := strings.Cut(strings.TrimSpace(member), "/")
			if name == "h2c" || name == "http" || name == "tls" {
				return false
			}
		}
	}
	return true
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
