package console

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/proxy"
)

// Admin answers operators and machines on the admin listener.
type Admin struct {
	Edge    *proxy.Edge
	Tracker *health.Tracker
	Metrics *Metrics
	Build   Build
	Log     *slog.Logger
	// Reload reads the configuration again; its error is shown to the caller.
	Reload func() error
	// Clear lets a hijacked origin begin anew, on the operator's word. Its error, that
	// there is no such origin, is shown to the caller.
	Clear func(health.ID) error
	// Extra are further handlers, by pattern. It may be nil.
	Extra map[string]http.Handler

	draining atomic.Bool
}

// Drain makes the edge say that it is not ready any more, so that balancers
// leave it alone while it ends.
func (a *Admin) Drain() { a.draining.Store(true) }

// Handler returns the admin API. Requests for a Host that is no loopback name or
// address are refused, and so are state-changing ones from other web origins: a
// page that an operator reads must not steer the edge (DNS rebinding, CSRF).
func (a *Admin) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.Metrics.Registry, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", a.ready)
	mux.HandleFunc("GET /api/v1/sites", a.sites)
	mux.HandleFunc("GET /api/v1/sites/{site}/origins/{origin}", a.origin)
	mux.HandleFunc("POST /api/v1/sites/{site}/origins/{origin}/clear", a.clear)
	mux.HandleFunc("POST /api/v1/reload", a.reload)
	mux.HandleFunc("POST /api/v1/purge", a.purge)
	mux.HandleFunc("GET /api/v1/purges", a.purges)
	mux.HandleFunc("GET /api/v1/purges/{id}", a.purgeOf)
	mux.HandleFunc("GET /api/v1/explain", a.explain)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /{$}", a.index)
	for pattern, handler := range a.Extra {
		mux.Handle(pattern, handler)
	}
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		Problem(w, http.StatusForbidden, "the admin API obeys no page of another web origin")
	}))
	return localOnly(protection.Handler(explained(mux)))
}

// explained has what no handler is for answered with a problem body, as all else is.
func explained(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern == "" {
			w = &unhandled{w, r}
		}
		mux.ServeHTTP(w, r)
	})
}

// unhandled turns the answer of a mux that has no handler for a request into a problem body.
type unhandled struct {
	http.ResponseWriter
	request *http.Request
}

// WriteHeader writes the whole answer.
func (u *unhandled) WriteHeader(status int) {
	detail := fmt.Sprintf("there is nothing at %s: see /", u.request.URL.Path)
	if allowed := u.Header().Get("Allow"); status == http.StatusMethodNotAllowed {
		detail = fmt.Sprintf("%s is not for %s, but for %s", u.request.URL.Path, u.request.Method, allowed)
	}
	Problem(u.ResponseWriter, status, detail)
}

// Write drops what the mux would say.
func (u *unhandled) Write(text []byte) (int, error) { return len(text), nil }

// localOnly refuses requests whose Host does not name this machine to itself.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if !local(host, r) {
			Problem(w, http.StatusForbidden, "the admin API answers only to localhost and loopback addresses")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// local reports whether a host names this machine to itself: by a loopback name or
// address, or by the name of the edge where the request came by a socket of the
// file system, which has no address.
func local(host string, r *http.Request) bool {
	switch host {
	case "", "localhost":
		return true
	case proxy.Name:
		by, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		return ok && by.Network() == "unix"
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}

// Problem answers with a problem body, RFC 9457.
func Problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"title": http.StatusText(status), "status": status, "detail": detail,
	}) // the caller is gone if this fails
}

// text answers with a line of text.
func text(w http.ResponseWriter, status int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(line)) // the caller is gone if this fails
}

// index lists what there is.
func (a *Admin) index(w http.ResponseWriter, _ *http.Request) {
	text(w, http.StatusOK, "heliograph "+a.Build.Version+`

GET  /metrics         Prometheus metrics
GET  /healthz         is the process alive
GET  /readyz          does it serve readers
GET  /api/v1/sites    every origin with its verdict, class, reason and timings
GET  /api/v1/sites/{site}/origins/{origin}         one origin, with its latest probes
POST /api/v1/sites/{site}/origins/{origin}/clear   let a hijacked origin begin anew
POST /api/v1/reload   read the configuration again
POST /api/v1/purge    let go of stored pages: {"url"|"prefix"|"tag"|"site"|"everything": …, "soft": …, "dry_run": …}
GET  /api/v1/purges   purges at work and the latest ones; /api/v1/purges/{id} for one
GET  /api/v1/explain?url=…   why a page comes from where it comes
GET  /debug/pprof/    profiles
`)
}

// ready answers whether readers are served.
func (a *Admin) ready(w http.ResponseWriter, _ *http.Request) {
	switch {
	case a.draining.Load():
		text(w, http.StatusServiceUnavailable, "draining\n")
	case len(a.Edge.Sites().All()) == 0:
		text(w, http.StatusServiceUnavailable, "no site is served yet\n")
	default:
		text(w, http.StatusOK, "ready\n")
	}
}

// reload reads the configuration again.
func (a *Admin) reload(w http.ResponseWriter, _ *http.Request) {
	if err := a.Reload(); err != nil {
		Problem(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
