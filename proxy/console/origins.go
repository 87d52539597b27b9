package console

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/proxy"
	"github.com/heliograph-edge/heliograph/proxy/origin"
)

// originMetrics are what is counted of origins as it happens.
type originMetrics struct {
	requests    *prometheus.CounterVec
	errors      *prometheus.CounterVec
	rejected    *prometheus.CounterVec
	resumed     *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	probes      *prometheus.CounterVec
	stages      *prometheus.HistogramVec
	content     *prometheus.GaugeVec
	transitions *prometheus.CounterVec
	failovers   *prometheus.CounterVec
	retries     *prometheus.CounterVec
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
		rejected: prometheus.NewCounterVec(counter("origin_answers_rejected_total",
			"Answers to readers' requests that were not taken for the publication's page, by what they were: a block page, a banner, a challenge, 451."),
			[]string{"site", "origin", "class"}),
		resumed: prometheus.NewCounterVec(counter("resumed_bodies_total",
			"Bodies that broke off or stalled at one origin after the reader had some of them, and were gone on with from another."),
			[]string{"site", "from", "to"}),
		duration: prometheus.NewHistogramVec(histogram("origin_request_duration_seconds",
			"Time to the first byte of an origin's answer to a reader's request."), []string{"site", "origin"}),
		probes: prometheus.NewCounterVec(counter("origin_probes_total",
			"Probes by what they found."), []string{"site", "origin", "class"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "heliograph_origin_probe_duration_seconds", Help: "Time that a stage of a probe took.",
			Buckets: []float64{.001, .005, .025, .1, .25, 1, 3}, NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 60,
		}, []string{"site", "origin", "stage"}),
		content: prometheus.NewGaugeVec(gauge("origin_content_match",
			"Whether the latest probe that could tell found the site's identity: 0 when it was missing or the origin redirected elsewhere, and before the first. Only for sites with identity text."),
			[]string{"site", "origin"}),
		transitions: prometheus.NewCounterVec(counter("origin_transitions_total",
			"Changes of an origin's verdict, by the verdict it had and the one it got."), []string{"site", "origin", "from", "to"}),
		failovers: prometheus.NewCounterVec(counter("failovers_total",
			"Readers' requests that went on to another origin before the reader saw a byte."),
			[]string{"site", "from", "to", "reason"}),
		retries: prometheus.NewCounterVec(counter("retries_total",
			"Attempts that readers' requests were given after a failed one, each at another origin, by why that failed."),
			[]string{"site", "reason"}),
		switches: prometheus.NewCounterVec(counter("route_switches_total",
			"Moves of a site's readers from one origin to another."), []string{"site", "to"}),
		hedges: prometheus.NewCounterVec(counter("hedges_total",
			"Requests that a second origin was asked beside a slow first one, by which answered."), []string{"site", "winner"}),
		noBudget: prometheus.NewCounterVec(counter("retry_budget_exhausted_total",
			"Retries that were due and not made, because there had been too many."), []string{"site"}),
	}
}

// family is all series of one name.
type family interface {
	prometheus.Collector
	DeletePartialMatch(prometheus.Labels) int
}

// all lists the families.
func (m *originMetrics) all() []family {
	return []family{
		m.requests, m.errors, m.rejected, m.resumed, m.duration, m.probes, m.stages, m.content, m.transitions,
		m.failovers, m.retries, m.switches, m.hedges, m.noBudget,
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
			if class.Foreign() {
				m.rejected.WithLabelValues(site, o, string(class))
			}
		}
		for _, stage := range probeStages {
			m.stages.WithLabelValues(site, o, stage)
		}
		m.configurePairs(site, o, origins)
	}
	for _, reason := range failoverReasons {
		m.retries.WithLabelValues(site, reason)
	}
	for _, winner := range []string{"first", "hedge"} {
		m.hedges.WithLabelValues(site, winner)
	}
	m.noBudget.WithLabelValues(site)
}

// configurePairs makes the series exist that lead from one verdict, or from the
// origin, to another.
func (m *originMetrics) configurePairs(site, o string, origins []string) {
	for _, from := range health.Verdicts() {
		for _, to := range health.Verdicts() {
			if to != from {
				m.transitions.WithLabelValues(site, o, string(from), string(to))
			}
		}
	}
	for _, to := range origins {
		if to != o {
			m.resumed.WithLabelValues(site, o, to)
		}
		for _, reason := range failoverReasons {
			if to != o {
				m.failovers.WithLabelValues(site, o, to, reason)
			}
		}
	}
}

// matches looks up, and so makes, the series that say whether origins serve the
// site's identity. Of a site that has none they go, and there is nothing to set.
func (m *originMetrics) matches(site string, origins []string, identified bool) map[string]prometheus.Gauge {
	if !identified {
		m.content.DeletePartialMatch(prometheus.Labels{"site": site})
		return nil
	}
	gauges := make(map[string]prometheus.Gauge, len(origins))
	for _, o := range origins {
		gauges[o] = m.content.WithLabelValues(site, o)
	}
	return gauges
}

// forget deletes the series that have these labels.
func (m *originMetrics) forget(of prometheus.Labels) {
	for _, f := range m.all() {
		f.DeletePartialMatch(of)
	}
}

// ForgetOrigin deletes the series of an origin that is no longer configured.
func (m *Metrics) ForgetOrigin(id health.ID) {
	m.origin.forget(prometheus.Labels{"site": id.Site, "origin": id.Origin})
	for _, label := range []string{"from", "to"} {
		m.origin.failovers.DeletePartialMatch(prometheus.Labels{"site": id.Site, label: id.Origin})
		m.origin.resumed.DeletePartialMatch(prometheus.Labels{"site": id.Site, label: id.Origin})
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
	if s, ok := (*m.sites.Load())[id.Site]; ok {
		s.match(id.Origin, o)
	}
}

// match notes whether a probe found the site's identity. Most failures, and a
// redirect on the site, say nothing of it.
func (s *siteMetrics) match(origin string, o health.Observation) {
	g, ok := s.content[origin]
	switch {
	case !ok:
	case o.Class.Foreign():
		g.Set(0)
	case o.OK() && o.Status < 300:
		g.Set(1)
	}
}

// Transition counts a change of verdict.
func (m *Metrics) Transition(t health.Transition) {
	if !m.serves(t.ID.Site, t.ID.Origin) {
		return
	}
	m.origin.transitions.WithLabelValues(t.ID.Site, t.ID.Origin, string(t.From), string(t.To)).Inc()
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
			if a.Class.Foreign() {
				o.rejected.WithLabelValues(site, a.Origin, string(a.Class)).Inc()
			}
		},
		Failover: func(site, from, to string, why health.Class) {
			if !m.serves(site, from) || !m.serves(site, to) {
				return
			}
			reason := failoverReason(why)
			o.failovers.WithLabelValues(site, from, to, reason).Inc()
			o.retries.WithLabelValues(site, reason).Inc()
		},
		Resumed: func(site, from, to string, _ int64) {
			if m.serves(site, from) && m.serves(site, to) {
				o.resumed.WithLabelValues(site, from, to).Inc()
			}
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
