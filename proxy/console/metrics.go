package console

import (
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/proxy"
)

// Build says which program runs.
type Build struct {
	Version   string
	Revision  string
	GoVersion string
}

// Metrics keeps an edge's counters and histograms. Its methods are safe for
// concurrent use. Make it with [NewMetrics].
type Metrics struct {
	Registry *prometheus.Registry

	requests  *prometheus.CounterVec
	codes     *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	ttfb      *prometheus.HistogramVec
	sent      *prometheus.CounterVec
	staleness *prometheus.CounterVec
	rejected  *prometheus.CounterVec
	aborted   *prometheus.CounterVec

	origin  originMetrics
	reloads *prometheus.CounterVec
	loaded  prometheus.Gauge
	loadAt  prometheus.Gauge

	sites atomic.Pointer[map[string]*siteMetrics]
}

// siteMetrics are one site's series, looked up once so that a request does not have to.
type siteMetrics struct {
	requests map[string]map[string]map[cache.Result]prometheus.Counter
	duration map[cache.Result]prometheus.Observer
	ttfb     map[cache.Result]prometheus.Observer
	sent     prometheus.Counter
	aborted  prometheus.Counter
	stale    map[string]prometheus.Counter
	origins  []string
}

// seconds are the classic buckets for answers to readers: from a hit to the deadline.
var seconds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20}

// histogram describes a histogram with classic buckets, and native ones beside them.
func histogram(name, help string) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name: "heliograph_" + name, Help: help, Buckets: seconds,
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100,
	}
}

// counter describes a counter.
func counter(name, help string) prometheus.CounterOpts {
	return prometheus.CounterOpts{Name: "heliograph_" + name, Help: help}
}

// gauge describes a gauge.
func gauge(name, help string) prometheus.GaugeOpts {
	return prometheus.GaugeOpts{Name: "heliograph_" + name, Help: help}
}

// staleDetails are the reasons for which a stale page is served.
var staleDetails = []string{cache.DetailStale, cache.DetailError, cache.DetailOutage, cache.DetailRevived}

// rejections are the reasons for which a request goes no further than the guard.
var rejections = map[int]string{400: "malformed", 405: "method", 421: "unknown_front", 508: "loop"}

// NewMetrics returns metrics with a registry of their own, without any site yet.
func NewMetrics(build Build) *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(counter("http_requests_total",
			"Readers' requests, by site, method, class of the status, and what the cache did."),
			[]string{"site", "method", "code_class", "cache"}),
		codes: prometheus.NewCounterVec(counter("http_responses_total",
			"Answers to readers by status; 499 is a reader who left before there was one."), []string{"code"}),
		duration: prometheus.NewHistogramVec(histogram("http_request_duration_seconds",
			"Time from a request's header to the last byte of its answer."), []string{"site", "cache"}),
		ttfb: prometheus.NewHistogramVec(histogram("http_ttfb_seconds",
			"Time from a request's header to the first byte of its answer."), []string{"site", "cache"}),
		sent: prometheus.NewCounterVec(counter("http_response_bytes_total",
			"Bytes of bodies sent to readers."), []string{"site"}),
		aborted: prometheus.NewCounterVec(counter("http_aborted_responses_total",
			"Answers that broke off after their header was sent, by reader or origin."), []string{"site"}),
		staleness: prometheus.NewCounterVec(counter("stale_served_total",
			"Pages served past their lifetime: while being refreshed (stale), instead of an error (error), because no origin is of use (outage), after a failed refresh (revived)."),
			[]string{"site", "reason"}),
		rejected: prometheus.NewCounterVec(counter("guard_rejected_total",
			"Requests that went no further than the guard."), []string{"reason"}),
		reloads: prometheus.NewCounterVec(counter("config_reloads_total",
			"Reloads of the configuration."), []string{"result"}),
		loaded: prometheus.NewGauge(gauge("config_last_reload_successful",
			"Whether the last reload of the configuration was accepted.")),
		loadAt: prometheus.NewGauge(gauge("config_last_reload_success_timestamp_seconds",
			"When a configuration was last accepted.")),
		origin: newOriginMetrics(),
	}
	m.sites.Store(&map[string]*siteMetrics{})
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "heliograph_build_info", Help: "Which program runs; always 1.",
		ConstLabels: prometheus.Labels{"version": build.Version, "revision": build.Revision, "goversion": build.GoVersion},
	})
	info.Set(1)
	m.Registry.MustRegister(m.requests, m.codes, m.duration, m.ttfb, m.sent, m.aborted, m.staleness, m.rejected,
		m.reloads, m.loaded, m.loadAt, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.Registry.MustRegister(m.origin.all()...)
	for status := 100; status <= 600; status++ { // 600 stands for the others
		m.codes.WithLabelValues(code(status))
	}
	for _, reason := range rejections {
		m.rejected.WithLabelValues(reason)
	}
	for _, result := range []string{"accepted", "refused"} {
		m.reloads.WithLabelValues(result)
	}
	return m
}

// Configure makes the series of the configured sites and their origins exist, and
// those of others go. sites holds the names of each site's origins.
func (m *Metrics) Configure(sites map[string][]string) {
	before := *m.sites.Load()
	next := make(map[string]*siteMetrics, len(sites))
	for site, origins := range sites {
		next[site] = m.site(site)
		next[site].origins = origins
		m.origin.configure(site, origins)
	}
	m.sites.Store(&next)
	for site := range before {
		if _, kept := next[site]; !kept {
			m.forget(site)
		}
	}
}

// site looks up, and so makes, all series of a site.
func (m *Metrics) site(site string) *siteMetrics {
	s := &siteMetrics{
		requests: make(map[string]map[string]map[cache.Result]prometheus.Counter),
		duration: make(map[cache.Result]prometheus.Observer),
		ttfb:     make(map[cache.Result]prometheus.Observer),
		stale:    make(map[string]prometheus.Counter),
		sent:     m.sent.WithLabelValues(site),
		aborted:  m.aborted.WithLabelValues(site),
	}
	for _, method := range proxy.MethodLabels() {
		s.requests[method] = make(map[string]map[cache.Result]prometheus.Counter)
		for _, class := range proxy.CodeClasses() {
			s.requests[method][class] = make(map[cache.Result]prometheus.Counter)
			for _, result := range cache.Results() {
				s.requests[method][class][result] = m.requests.WithLabelValues(site, method, class, string(result))
			}
		}
	}
	for _, result := range cache.Results() {
		s.duration[result] = m.duration.WithLabelValues(site, string(result))
		s.ttfb[result] = m.ttfb.WithLabelValues(site, string(result))
	}
	for _, detail := range staleDetails {
		s.stale[detail] = m.staleness.WithLabelValues(site, detail)
	}
	return s
}

// serves reports whether an origin is configured. What is told of one that is not
// comes too late, and would make series that nothing deletes.
func (m *Metrics) serves(site, origin string) bool {
	s, ok := (*m.sites.Load())[site]
	return ok && slices.Contains(s.origins, origin)
}

// forget deletes all series of a site.
func (m *Metrics) forget(site string) {
	of := prometheus.Labels{"site": site}
	for _, vec := range []interface{ DeletePartialMatch(prometheus.Labels) int }{
		m.requests, m.duration, m.ttfb, m.sent, m.aborted, m.staleness,
	} {
		vec.DeletePartialMatch(of)
	}
	m.origin.forget(of)
}

// Record counts a finished request.
func (m *Metrics) Record(r *proxy.Record) {
	m.codes.WithLabelValues(code(r.Status)).Inc()
	s, ok := (*m.sites.Load())[r.Site]
	if !ok {
		if reason, known := rejections[r.Status]; known {
			m.rejected.WithLabelValues(reason).Inc()
		}
		return
	}
	s.requests[r.MethodLabel()][r.CodeClass()][r.Result].Inc()
	s.duration[r.Result].Observe(r.Duration.Seconds())
	if r.TTFB > 0 {
		s.ttfb[r.Result].Observe(r.TTFB.Seconds())
	}
	s.sent.Add(float64(r.Bytes))
	if r.Aborted {
		s.aborted.Inc()
	}
	if c, ok := s.stale[r.Detail]; ok && r.Result == cache.Stale {
		c.Inc()
	}
}

// code is a status as a label: what is not registered is counted together. 499 is
// the record's, for a reader who left.
func code(status int) string {
	if http.StatusText(status) == "" && status != 499 {
		return "other"
	}
	return strconv.Itoa(status)
}

// Reloaded counts a reload.
func (m *Metrics) Reloaded(accepted bool, at float64) {
	if !accepted {
		m.reloads.WithLabelValues("refused").Inc()
		m.loaded.Set(0)
		return
	}
	m.reloads.WithLabelValues("accepted").Inc()
	m.loaded.Set(1)
	m.loadAt.Set(at)
}

// failoverReason is a class as failovers count it: coarse, so that every
// combination of origins and reasons can exist at zero.
func failoverReason(c health.Class) string {
	switch c {
	case health.DNSError, health.DNSNotFound, health.DNSTimeout:
		return "resolve"
	case health.ConnectRefused, health.ConnectTimeout, health.ConnectReset, health.Unreachable, health.AddressForbidden:
		return "connect"
	case health.TLSReset, health.TLSTimeout, health.TLSProtocol, health.TLSCertificate:
		return "handshake"
	case health.ServerError:
		return "server_error"
	case health.IdentityMissing, health.Redirected:
		return "identity"
	case health.BodyTruncated, health.BodyTimeout:
		return "body"
	default:
		return "request"
	}
}

// failoverReasons lists the closed set.
var failoverReasons = []string{"resolve", "connect", "handshake", "request", "server_error", "identity", "body"}
