package console

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/proxy"
	"github.com/heliograph-edge/heliograph/proxy/origin"
)

// originMetrics are what is counted of origins as it happens.
type originMetrics struct {
	requests    *prometheus.CounterVec
	errors      *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	probes      *prometheus.CounterVec
	stages      *prometheus.HistogramVec
	transitions *prometheus.CounterVec
	failovers   *prometheus.CounterVec
	switches    *prometheus.CounterVec
	hedges      *prometheus.CounterVec
	noBudget    *prometheus.CounterVec
}

// newOriginMetrics describes them.
func newOriginMetrics() originMetrics {
	return originMetrics{
		requests: prometheus.NewCounterVec(counter("origin_requests_total",
			"Readers' requests that an origin was asked, by class of its answer; none is no answer."),
			[]string{"site", "origin", "code_class"}),
		errors: prometheus.NewCounterVec(counter("origin_errors_total",
			"Readers' requests that an origin failed, by RFC 9209 error type."), []string{"site", "origin", "error"}),
		duration: prometheus.NewHistogramVec(histogram("origin_request_duration_seconds",
			"Time to the first byte of an origin's answer to a reader's request."), []string{"site", "origin"}),
		probes: prometheus.NewCounterVec(counter("origin_probes_total",
			"Probes by what they found."), []string{"site", "origin", "class"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "heliograph_origin_probe_duration_seconds", Help: "Time that a stage of a probe took.",
			Buckets: []float64{.001, .005, .025, .1, .25, 1, 3}, NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 60,
		}, []string{"site", "origin", "stage"}),
		transitions: prometheus.NewCounterVec(counter("origin_transitions_total",
			"Changes of an origin's verdict, by the verdict it changed to."), []string{"site", "origin", "to"}),
		failovers: prometheus.NewCounterVec(counter("failovers_total",
			"Readers' requests that went on to another origin before the reader saw a byte."),
			[]string{"site", "from", "to", "reason"}),
		switches: prometheus.NewCounterVec(counter("route_switches_total",
			"Moves of a site's readers from one origin to another."), []string{"site", "to"}),
		hedges: prometheus.NewCounterVec(counter("hedges_total",
			"Requests that a second origin was asked beside a slow first one, by which answered."), []string{"site", "winner"}),
		noBudget: prometheus.NewCounterVec(counter("retry_budget_exhausted_total",
			"Retries that were due and not made, because there had been too many."), []string{"site"}),
	}
}

// all lists them for registration.
func (m *originMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{
		m.requests, m.errors, m.duration, m.probes, m.stages, m.transitions, m.failovers, m.switches, m.hedges, m.noBudget,
	}
}

// probeStages are the stages that a probe times.
var probeStages = []string{"resolve", "connect", "handshake", "first_byte", "body"}

// configure makes the series of a site's origins exist, and those of others go.
func (m *originMetrics) configure(site string, origins []string) {
	for _, o := range origins {
		m.duration.WithLabelValues(site, o)
		m.switches.WithLabelValues(site, o)
		for _, class := range append(proxy.CodeClasses(), "none") {
			m.requests.WithLabelValues(site, o, class)
		}
		for _, class := range health.Classes() {
			m.probes.WithLabelValues(site, o, string(class))
			if class != health.OK {
				m.errors.WithLabelValues(site, o, class.ProxyError())
			}
		}
		for _, stage := range probeStages {
			m.stages.WithLabelValues(site, o, stage)
		}
		for _, verdict := range health.Verdicts() {
			m.transitions.WithLabelValues(site, o, string(verdict))
		}
		for _, to := range origins {
			for _, reason := range failoverReasons {
				if to != o {
					m.failovers.WithLabelValues(site, o, to, reason)
				}
			}
		}
	}
	for _, winner := range []string{"first", "hedge"} {
		m.hedges.WithLabelValues(site, winner)
	}
	m.noBudget.WithLabelValues(site)
}

// forget deletes the series that have these labels.
func (m *originMetrics) forget(of prometheus.Labels) {
	for _, vec := range []interface{ DeletePartialMatch(prometheus.Labels) int }{
		m.requests, m.errors, m.duration, m.probes, m.stages, m.transitions, m.failovers, m.switches, m.hedges, m.noBudget,
	} {
		vec.DeletePartialMatch(of)
	}
}

// ForgetOrigin deletes the series of an origin that is no longer configured.
func (m *Metrics) ForgetOrigin(id health.ID) {
	m.origin.forget(prometheus.Labels{"site": id.Site, "origin": id.Origin})
	for _, label := range []string{"from", "to"} {
		m.origin.failovers.DeletePartialMatch(prometheus.Labels{"site": id.Site, label: id.Origin})
	}
	m.origin.switches.DeletePartialMatch(prometheus.Labels{"site": id.Site, "to": id.Origin})
}

// Probe counts a probe.
func (m *Metrics) Probe(id health.ID, o health.Observation) {
	if !m.serves(id.Site, id.Origin) {
		return
	}
	m.origin.probes.WithLabelValues(id.Site, id.Origin, string(o.Class)).Inc()
	t := o.Timings
	for i, d := range []float64{
		t.Resolve.Seconds(), t.Connect.Seconds(), t.Handshake.Seconds(), t.FirstByte.Seconds(), t.Body.Seconds(),
	} {
		if d > 0 {
			m.origin.stages.WithLabelValues(id.Site, id.Origin, probeStages[i]).Observe(d)
		}
	}
}

// Transition counts a change of verdict.
func (m *Metrics) Transition(t health.Transition) {
	if !m.serves(t.ID.Site, t.ID.Origin) {
		return
	}
	m.origin.transitions.WithLabelValues(t.ID.Site, t.ID.Origin, string(t.To)).Inc()
}

// Events returns what the pools tell the metrics of.
func (m *Metrics) Events() origin.Events {
	o := &m.origin
	return origin.Events{
		Attempt: func(site string, a origin.Attempt) {
			if !m.serves(site, a.Origin) {
				return
			}
			class := "none"
			if a.Status > 0 {
				class = (&proxy.Record{Status: a.Status}).CodeClass()
				o.duration.WithLabelValues(site, a.Origin).Observe(a.Duration.Seconds())
			}
			if a.Status > 0 || a.Stage != health.StageBody { // what broke off later was counted when it began
				o.requests.WithLabelValues(site, a.Origin, class).Inc()
			}
			if a.Class != health.OK {
				o.errors.WithLabelValues(site, a.Origin, a.Class.ProxyError()).Inc()
			}
		},
		Failover: func(site, from, to string, why health.Class) {
			if !m.serves(site, from) || !m.serves(site, to) {
				return
			}
			o.failovers.WithLabelValues(site, from, to, failoverReason(why)).Inc()
		},
		Moved: func(site, _, to, _ string) {
			if m.serves(site, to) {
				o.switches.WithLabelValues(site, to).Inc()
			}
		},
		Hedged: func(site, winner string) {
			if _, served := (*m.sites.Load())[site]; served {
				o.hedges.WithLabelValues(site, winner).Inc()
			}
		},
		NoBudget: func(site string) {
			if _, served := (*m.sites.Load())[site]; served {
				o.noBudget.WithLabelValues(site).Inc()
			}
		},
	}
}

// snapshot describes a gauge or counter that is read when it is asked for.
func snapshot(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("heliograph_"+name, help, labels, nil)
}

// The series that are read from the parts of the edge when they are asked for.
var (
	originUp = snapshot("origin_up",
		"Whether readers' requests may go to the origin.", "site", "origin")
	originActive = snapshot("origin_active",
		"Whether the site's readers are sent to the origin now.", "site", "origin")
	originState = snapshot("origin_state",
		"The origin's verdict: 1 for the one it has, 0 for the others.", "site", "origin", "state")
	originFailures = snapshot("origin_probe_consecutive_failures",
		"Probes of the origin that failed in a row.", "site", "origin")
	originSuccess = snapshot("origin_last_success_timestamp_seconds",
		"When the origin last answered well; 0 for never.", "site", "origin")
	siteOutage = snapshot("outage_mode",
		"Whether the site has no usable origin, and stored pages are served whatever their age.", "site")
	networkDoubt = snapshot("network_suspected",
		"Whether everything failed at once, so that the edge doubts its own network and keeps its verdicts.")
	requestsNow = snapshot("http_requests_in_flight", "Readers' requests being served now.")

	cachePages     = snapshot("cache_pages", "Pages stored.", "tier")
	cacheBytes     = snapshot("cache_bytes", "Bytes that stored pages and arriving ones take, headers and bookkeeping included.", "tier")
	cacheCapacity  = snapshot("cache_capacity_bytes", "Bytes that they may take.", "tier")
	cacheEvictions = snapshot("cache_evictions_total", "Pages let go to make room.", "tier")
	cacheCollapsed = snapshot("cache_collapsed_requests_total", "Requests that followed another's fill.")
	cacheAborts    = snapshot("cache_fill_aborts_total", "Fills that ended before their body was whole.")
	cacheRefreshes = snapshot("cache_refreshes_total", "Pages fetched anew behind a reader's back.")
	cacheRefused   = snapshot("cache_uncacheable_total", "Answers that were not stored.", "reason")
)

// Snapshots reads the edge's parts when the metrics are asked for.
type Snapshots struct {
	Edge    *proxy.Edge
	Cache   *cache.Cache
	Tracker *health.Tracker
}

// Describe implements prometheus.Collector.
func (s *Snapshots) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		originUp, originActive, originState, originFailures, originSuccess, siteOutage, networkDoubt, requestsNow,
		cachePages, cacheBytes, cacheCapacity, cacheEvictions, cacheCollapsed, cacheAborts, cacheRefreshes, cacheRefused,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (s *Snapshots) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	for _, site := range s.Edge.Sites().All() {
		active := site.Pool.Active()
		gauge(siteOutage, truth(site.Pool.Outage()), site.Name)
		for _, v := range site.Pool.Views() {
			at := []string{site.Name, v.ID.Origin}
			gauge(originUp, truth(v.Verdict.Usable()), at...)
			gauge(originActive, truth(v.ID.Origin == active), at...)
			gauge(originFailures, float64(v.Failures), at...)
			success := 0.0
			if !v.LastSuccess.IsZero() {
				success = float64(v.LastSuccess.UnixMilli()) / 1000
			}
			gauge(originSuccess, success, at...)
			for _, verdict := range health.Verdicts() {
				gauge(originState, truth(v.Verdict == verdict), site.Name, v.ID.Origin, string(verdict))
			}
		}
	}
	_, _, suspected := s.Tracker.Suspected()
	gauge(networkDoubt, truth(suspected))
	gauge(requestsNow, float64(s.Edge.InFlight()))
	usage, count := s.Cache.Usage(), s.Cache.Counters()
	gauge(cachePages, float64(usage.Pages), "memory")
	gauge(cacheBytes, float64(usage.Bytes), "memory")
	gauge(cacheCapacity, float64(usage.Capacity), "memory")
	counter(cacheEvictions, usage.Evictions, "memory")
	counter(cacheCollapsed, count.Collapsed.Load())
	counter(cacheAborts, count.FillAborts.Load())
	counter(cacheRefreshes, count.Refreshes.Load())
	for reason, n := range count.Uncacheable {
		counter(cacheRefused, n.Load(), string(reason))
	}
}

// truth is a bool as a gauge shows it.
func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
