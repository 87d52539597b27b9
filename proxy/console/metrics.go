package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
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
	codes     [600]prometheus.Counter // by status; 0 stands for the others
	duration  *prometheus.HistogramVec
	ttfb      *prometheus.HistogramVec
	sent      *prometheus.CounterVec
	staleness *prometheus.CounterVec
	staleAge  *prometheus.HistogramVec
	asked     *prometheus.HistogramVec
	answered  *prometheus.HistogramVec
	lookups   map[cache.Result]prometheus.Counter
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
	staleAge prometheus.Observer
	asked    prometheus.Observer
	answered prometheus.Observer
	content  map[string]prometheus.Gauge // by origin; none for a site without identity text
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

// overdue are the buckets for how far past its lifetime a page was, in seconds: from
// a refresh under way to a month's outage.
var overdue = []float64{1, 10, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 3 * 24 * 3600, 7 * 24 * 3600, 30 * 24 * 3600}

// sizes describes a histogram of bodies, 256 B to 1 GiB. It has no native buckets:
// it is counted for each hit, and nobody needs sizes to a tenth.
func sizes(name, help string) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{Name: "heliograph_" + name, Help: help, Buckets: prometheus.ExponentialBuckets(256, 4, 12)}
}

// counter describes a counter.
func counter(name, help string) prometheus.CounterOpts {
	return prometheus.CounterOpts{Name: "heliograph_" + name, Help: help}
}

// gauge describes a gauge.
func gauge(name, help string) prometheus.GaugeOpts {
	return prometheus.GaugeOpts{Name: "heliograph_" + name, Help: help}
}

// rejections are the reasons for which a request goes no further than the guard.
var rejections = map[int]string{400: "malformed", 405: "method", 421: "unknown_front", 508: "loop"}

// NewMetrics returns metrics with a registry of their own, without any site yet.
func NewMetrics(build Build) *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(counter("http_requests_total",
			"Readers' requests, by site, method, class of the status, and what the cache did."),
			[]string{"site", "method", "code_class", "cache"}),
		duration: prometheus.NewHistogramVec(histogram("http_request_duration_seconds",
			"Time from a request's header to the last byte of its answer."), []string{"site", "cache"}),
		ttfb: prometheus.NewHistogramVec(histogram("http_ttfb_seconds",
			"Time from a request's header to the first byte of its answer."), []string{"site", "cache"}),
		sent: prometheus.NewCounterVec(counter("http_response_bytes_total",
			"Bytes of bodies sent to readers."), []string{"site"}),
		aborted: prometheus.NewCounterVec(counter("http_aborted_responses_total",
			"Answers that broke off after their header was sent, by reader or origin."), []string{"site"}),
		staleness: prometheus.NewCounterVec(counter("stale_served_total",
			"Pages served past their lifetime: while being refreshed (stale), instead of an error (error), because no origin is of use (outage), after a failed refresh (revived), because the origins take too long (slow)."),
			[]string{"site", "reason"}),
		staleAge: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "heliograph_stale_age_seconds", Help: "How far past its lifetime a page was that was served stale.", Buckets: overdue,
		}, []string{"site"}),
		asked: prometheus.NewHistogramVec(sizes("http_request_size_bytes",
			"Bodies of readers' requests by their declared size; a request that declares none is not counted."), []string{"site"}),
		answered: prometheus.NewHistogramVec(sizes("http_response_size_bytes",
			"Bodies of answers by the size that was sent."), []string{"site"}),
		rejected: prometheus.NewCounterVec(counter("guard_rejected_total",
			"Requests that went no further than the guard."), []string{"reason"}),
		reloads: prometheus.NewCounterVec(counter("config_reloads_total",
			"Reloads of the configuration."), []string{"result"}),
		loaded: prometheus.NewGauge(gauge("config_last_reload_successful",
			"Whether the configuration was accepted when it was last loaded, at the start or by a reload.")),
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
	m.Registry.MustRegister(m.requests, m.duration, m.ttfb, m.sent, m.aborted, m.staleness, m.staleAge, m.asked, m.answered, m.rejected,
		m.reloads, m.loaded, m.loadAt, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, f := range m.origin.all() {
		m.Registry.MustRegister(f)
	}
	m.lookups = newLookups(m.Registry)
	m.codes = newCodes(m.Registry)
	for _, reason := range rejections {
		m.rejected.WithLabelValues(reason)
	}
	for _, result := range []string{"accepted", "refused"} {
		m.reloads.WithLabelValues(result)
	}
	return m
}

// newCodes registers the answers by status, and looks their series up.
func newCodes(registry *prometheus.Registry) (of [600]prometheus.Counter) {
	codes := prometheus.NewCounterVec(counter("http_responses_total",
		"Answers to readers by status; 499 is a reader who left before there was one."), []string{"code"})
	registry.MustRegister(codes)
	for status := range of {
		of[status] = codes.WithLabelValues(code(status))
	}
	return of
}

// newLookups registers what the cache did, and looks its series up.
func newLookups(registry *prometheus.Registry) map[cache.Result]prometheus.Counter {
	lookups := prometheus.NewCounterVec(counter("cache_lookups_total",
		"Readers' requests of all sites, by what the cache did; bypass did not look, and error had nothing to serve."), []string{"result"})
	registry.MustRegister(lookups)
	of := make(map[cache.Result]prometheus.Counter)
	for _, result := range cache.Results() {
		of[result] = lookups.WithLabelValues(string(result))
	}
	return of
}

// Configure makes the series of the configured sites and their origins exist, and
// those of others go. sites holds the names of each site's origins, identified the
// sites with identity text.
func (m *Metrics) Configure(sites map[string][]string, identified map[string]bool) {
	before := *m.sites.Load()
	next := make(map[string]*siteMetrics, len(sites))
	for site, origins := range sites {
		next[site] = m.site(site)
		next[site].origins = origins
		next[site].content = m.origin.matches(site, origins, identified[site])
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
		staleAge: m.staleAge.WithLabelValues(site),
		asked:    m.asked.WithLabelValues(site),
		answered: m.answered.WithLabelValues(site),
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
	for _, detail := range cache.Details() {
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
	for _, f := range []family{
		m.requests, m.duration, m.ttfb, m.sent, m.aborted, m.staleness, m.staleAge, m.asked, m.answered,
	} {
		f.DeletePartialMatch(of)
	}
	m.origin.forget(of)
}

// Record counts a finished request.
func (m *Metrics) Record(r *proxy.Record) {
	status := r.Status
	if status < 0 || status >= len(m.codes) {
		status = 0
	}
	m.codes[status].Inc()
	if r.Site != "" {
		m.lookups[r.Result].Inc()
	}
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
	s.answered.Observe(float64(r.Bytes))
	if r.Declared > 0 {
		s.asked.Observe(float64(r.Declared))
	}
	if r.Aborted {
		s.aborted.Inc()
	}
	if r.Result == cache.Stale {
		s.staleAge.Observe(r.Overdue.Seconds())
		if c, ok := s.stale[r.Detail]; ok {
			c.Inc()
		}
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
	m.Loaded(at)
}

// Loaded notes that a configuration was accepted, by a reload or at the start.
func (m *Metrics) Loaded(at float64) {
	m.loaded.Set(1)
	m.loadAt.Set(at)
}

// failoverReason is a class as failovers count it: coarse, so that every
// combination of origins and reasons can exist at zero.
func failoverReason(c health.Class) string {
	begins := func(with string) bool { return strings.HasPrefix(string(c), with) }
	switch {
	case begins("dns_"), c == health.DomainGone:
		return "resolve"
	case begins("connect_"), c == health.Unreachable, c == health.AddressForbidden, c == health.ViaFailed:
		return "connect"
	case begins("tls_"):
		return "handshake"
	case begins("body_"), c == health.Throttled:
		return "body"
	case c == health.ServerError:
		return "server_error"
	case c.Foreign():
		return "identity"
	}
	return "request"
}

// failoverReasons lists the closed set.
var failoverReasons = []string{"resolve", "connect", "handshake", "request", "server_error", "identity", "body"}
