package proxy

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"time"

	"github.com/heliograph-edge/heliograph/cache"
)

// upgrade passes a WebSocket or another protocol through. The origin is chosen as
// for any request, so that an upgrade, too, goes to the next one until an origin
// has answered. An origin that does not switch is relayed like any other.
func (x *exchange) upgrade() {
	x.rec.Result = cache.Bypass
	wish := x.in.Header["Upgrade"]
	clean(x.in, x.site)
	x.in.Header["Connection"], x.in.Header["Upgrade"] = []string{"Upgrade"}, wish
	request := &cache.Request{HTTP: x.in, Site: &x.site.cached}
	got, err := x.site.cached.Fetch(x.in.Context(), request, cache.Query{})
	if err != nil {
		x.fail(err, cache.Status{Fwd: cache.FwdBypass})
		return
	}
	answer := cache.Answer{
		Response: got.Response, Origin: got.Origin, Attempts: got.Attempts, Result: cache.Bypass,
		Status: cache.Status{Fwd: cache.FwdBypass, FwdStatus: got.Response.StatusCode},
	}
	if got.Response.StatusCode != http.StatusSwitchingProtocols {
		x.send(&answer)
		return
	}
	x.join(&answer)
}

// join connects the reader with the origin that has switched protocols, until one
// of them ends it. The standard proxy knows how.
func (x *exchange) join(a *cache.Answer) {
	x.rec.Origin, x.rec.Attempts = a.Origin, a.Attempts
	response := a.Response
	through := &tunnel{}
	if both, ok := response.Body.(io.ReadWriteCloser); ok {
		through.ReadWriteCloser = both
		response.Body = through
	}
	x.toFront(response.Header)
	x.stamp(response.Header, a)
	x.extendDeadline()
	x.rec.Status, x.rec.TTFB = response.StatusCode, time.Since(x.rec.Start)
	proxy := &httputil.ReverseProxy{
		Rewrite:      func(*httputil.ProxyRequest) {},
		Transport:    switched{response},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) { x.fail(err, a.Status) },
		ErrorLog:     log.New(io.Discard, "", 0), // the record says it
	}
	proxy.ServeHTTP(x.w, x.in)
	x.rec.Bytes += through.received.Load()
}

// switched is a transport whose origin has answered already.
type switched struct{ response *http.Response }

// RoundTrip implements http.RoundTripper.
func (s switched) RoundTrip(*http.Request) (*http.Response, error) { return s.response, nil }

// tunnel is the connection to an origin that switched protocols. It counts what
// comes from there.
type tunnel struct {
	io.ReadWriteCloser
	received atomic.Int64
}

// Read implements io.Reader.
func (t *tunnel) Read(p []byte) (int, error) {
	n, err := t.ReadWriteCloser.Read(p)
	t.received.Add(int64(n))
	return n, err
}

// upgrades reports whether the request asks for another protocol that is passed
// through. Only a GET without a body does: another method may change what is
// stored, and a body would be taken for the beginning of the other protocol.
// Another version of HTTP, and TLS, is not passed through: what followed would be
// requests that no guard sees. RFC 9110 §7.8 lets a server ignore the wish.
func upgrades(in *http.Request) bool {
	if len(in.Header["Upgrade"]) == 0 || in.Method != http.MethodGet || in.ContentLength != 0 ||
		in.ProtoMajor != 1 || in.ProtoMinor < 1 || !named(in.Header["Connection"], "upgrade") {
		return false
	}
	for member := range members(in.Header["Upgrade"]) {
		name, _, _ := strings.Cut(strings.ToLower(member), "/")
		if name == "h2c" || name == "http" || name == "tls" {
			return false
		}
	}
	return true
}

// named reports whether a list has a member, in whatever case.
func named(lines []string, name string) bool {
	for member := range members(lines) {
		if strings.EqualFold(member, name) {
			return true
		}
	}
	return false
}
