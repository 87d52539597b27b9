package console

import (
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync/atomic"
	"time"

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
	mux.HandleFunc("POST /api/v1/reload", a.reload)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /{$}", a.index)
	for pattern, handler := range a.Extra {
		mux.Handle(pattern, handler)
	}
	return localOnly(http.NewCrossOriginProtection().Handler(mux))
}

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
POST /api/v1/reload   read the configuration again
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

// SiteStatus is a site as the API shows it.
type SiteStatus struct {
	Name    string         `json:"name"`
	Fronts  []string       `json:"fronts"`
	Active  string         `json:"active"`
	Outage  bool           `json:"outage"`
	Origins []OriginStatus `json:"origins"`
}

// OriginStatus is an origin as the API shows it. Times are absent for never.
type OriginStatus struct {
	Name         string             `json:"name"`
	Active       bool               `json:"active"`
	Verdict      health.Verdict     `json:"verdict"`
	Class        health.Class       `json:"class,omitempty"`
	Stage        health.Stage       `json:"stage,omitempty"`
	Reason       string             `json:"reason,omitempty"`
	Since        *time.Time         `json:"since,omitempty"`
	LastProbe    *time.Time         `json:"last_probe,omitempty"`
	LastSuccess  *time.Time         `json:"last_success,omitempty"`
	Status       int                `json:"status,omitempty"`
	Address      string             `json:"address,omitempty"`
	NotAfter     *time.Time         `json:"certificate_not_after,omitempty"`
	Failures     int                `json:"failures"`
	LiveFailures int                `json:"live_failures"`
	Timings      map[string]float64 `json:"timings_seconds"`
}

// NetworkStatus says whether the edge doubts its own network.
type NetworkStatus struct {
	Suspected bool       `json:"suspected"`
	Since     *time.Time `json:"since,omitempty"`
	Reason    string     `json:"reason,omitempty"`
}

// Status is everything /api/v1/sites shows.
type Status struct {
	Version string        `json:"version"`
	Network NetworkStatus `json:"network"`
	Sites   []SiteStatus  `json:"sites"`
}

// sites shows every origin of every site.
func (a *Admin) sites(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(a.status()) // the caller is gone if this fails
}

// status takes the snapshot that sites shows.
func (a *Admin) status() Status {
	status := Status{Version: a.Build.Version, Sites: []SiteStatus{}}
	if since, reason, suspected := a.Tracker.Suspected(); suspected {
		status.Network = NetworkStatus{Suspected: true, Since: moment(since), Reason: reason}
	}
	for _, site := range a.Edge.Sites().All() {
		s := SiteStatus{
			Name: site.Name, Fronts: append([]string{}, site.Fronts...), Active: site.Pool.Active(), Outage: site.Pool.Outage(),
			Origins: []OriginStatus{},
		}
		for _, v := range site.Pool.Views() {
			s.Origins = append(s.Origins, originStatus(v, s.Active))
		}
		status.Sites = append(status.Sites, s)
	}
	return status
}

// originStatus is a view as the API shows it.
func originStatus(v health.View, active string) OriginStatus {
	return OriginStatus{
		Name: v.ID.Origin, Active: v.ID.Origin == active, Verdict: v.Verdict, Class: v.Class, Stage: v.Stage,
		Reason: v.Reason, Since: moment(v.Since), LastProbe: moment(v.LastProbe), LastSuccess: moment(v.LastSuccess),
		Status: v.Status, Address: v.Address, NotAfter: moment(v.NotAfter), Failures: v.Failures, LiveFailures: v.LiveFailures,
		Timings: map[string]float64{
			"resolve": v.Timings.Resolve.Seconds(), "connect": v.Timings.Connect.Seconds(),
			"handshake": v.Timings.Handshake.Seconds(), "first_byte": v.Timings.FirstByte.Seconds(),
			"body": v.Timings.Body.Seconds(),
		},
	}
}

// moment is a time as the API shows it: absent when it never was.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}
