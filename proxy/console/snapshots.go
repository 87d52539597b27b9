package console

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/proxy"
)

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
	originCertificate = snapshot("origin_cert_not_after_timestamp_seconds",
		"When the certificate ends that the origin presented to the latest probe, believed or not; 0 without one.", "site", "origin")
	requestsNow    = snapshot("http_requests_in_flight", "Readers' requests being served now.", "site")
	connectionsNow = snapshot("http_connections",
		"Open connections, new until something is asked. Upgraded ones are not counted.", "listener", "state")

	cachePages     = snapshot("cache_pages", "Pages stored.", "tier")
	cacheBytes     = snapshot("cache_bytes", "Bytes that stored pages and arriving ones take, headers and bookkeeping included.", "tier")
	cacheCapacity  = snapshot("cache_capacity_bytes", "Bytes that they may take.", "tier")
	cacheEvictions = snapshot("cache_evictions_total", "Pages let go to make room.", "tier")
	cacheCollapsed = snapshot("cache_collapsed_requests_total", "Requests that followed another's fill.")
	cacheAborts    = snapshot("cache_fill_aborts_total", "Fills that ended before their body was whole.")
	cacheRefreshes = snapshot("cache_refreshes_total", "Pages fetched anew behind a reader's back.")
	cacheRefused   = snapshot("cache_uncacheable_total", "Answers that were not stored.", "reason")
	cacheCoded     = snapshot("cache_renditions_total", "Renditions of pages that were compressed to be kept, by coding.", "coding")
	cacheParts     = snapshot("cache_parts_total",
		"Requests for ranges of pages that are not stored whole: answered from what is stored (hit), by a fill (filled), by an origin for one reader alone (passed), not at all (failed).", "outcome")

	purgesBegun = snapshot("cache_purges_total",
		"Purges, by what they were asked of (group: an origin's Cache-Group-Invalidation), and whether pages go (hard) or become stale (soft).", "by", "mode")
	purgesActive = snapshot("cache_purges_active", "Purges that the store is being gone through for.")
	purgedPages  = snapshot("cache_purged_pages_total", "Pages that purges were of, counted when a purge is done.", "mode")
)

// Snapshots reads the edge's parts when the metrics are asked for.
type Snapshots struct {
	Edge    *proxy.Edge
	Cache   *cache.Cache
	Tracker *health.Tracker
	// Connections tells of each listener's open connections. May be nil.
	Connections func() map[string]Connections
}

// Connections are a listener's open connections by their state.
type Connections struct {
	New    int64
	Active int64
	Idle   int64
}

// Describe implements prometheus.Collector.
func (s *Snapshots) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		originUp, originActive, originState, originFailures, originSuccess, originCertificate, siteOutage, networkDoubt,
		requestsNow, connectionsNow,
		cachePages, cacheBytes, cacheCapacity, cacheEvictions, cacheCollapsed, cacheAborts, cacheRefreshes, cacheRefused,
		cacheCoded, cacheParts,
		purgesBegun, purgesActive, purgedPages,
	} {
		out <- d
	}
}

// emit sends the present value of a series.
type emit func(d *prometheus.Desc, v float64, labels ...string)

// Collect implements prometheus.Collector.
func (s *Snapshots) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	for _, site := range s.Edge.Sites().All() {
		collectSite(site, gauge)
	}
	_, _, suspected := s.Tracker.Suspected()
	gauge(networkDoubt, truth(suspected))
	s.collectConnections(gauge)
	s.collectCache(gauge, counter)
	s.collectPurges(gauge, counter)
}

// collectSite reads a site and its origins.
func collectSite(site *proxy.Site, gauge emit) {
	active := site.Pool.Active()
	gauge(siteOutage, truth(site.Pool.Outage()), site.Name)
	gauge(requestsNow, float64(site.InFlight()), site.Name)
	for _, v := range site.Pool.Views() {
		at := []string{site.Name, v.ID.Origin}
		gauge(originUp, truth(v.Verdict.Usable()), at...)
		gauge(originActive, truth(v.ID.Origin == active), at...)
		gauge(originFailures, float64(v.Failures), at...)
		gauge(originSuccess, timestamp(v.LastSuccess), at...)
		gauge(originCertificate, timestamp(v.NotAfter), at...)
		for _, verdict := range health.Verdicts() {
			gauge(originState, truth(v.Verdict == verdict), site.Name, v.ID.Origin, string(verdict))
		}
	}
}

// collectConnections reads the listeners.
func (s *Snapshots) collectConnections(gauge emit) {
	if s.Connections == nil {
		return
	}
	for listener, c := range s.Connections() {
		gauge(connectionsNow, float64(c.New), listener, "new")
		gauge(connectionsNow, float64(c.Active), listener, "active")
		gauge(connectionsNow, float64(c.Idle), listener, "idle")
	}
}

// collectCache reads the cache and its store.
func (s *Snapshots) collectCache(gauge, counter emit) {
	usage, count := s.Cache.Usage(), s.Cache.Counters()
	gauge(cachePages, float64(usage.Pages), "memory")
	gauge(cacheBytes, float64(usage.Bytes), "memory")
	gauge(cacheCapacity, float64(usage.Capacity), "memory")
	counter(cacheEvictions, float64(usage.Evictions), "memory")
	counter(cacheCollapsed, float64(count.Collapsed.Load()))
	counter(cacheAborts, float64(count.FillAborts.Load()))
	counter(cacheRefreshes, float64(count.Refreshes.Load()))
	for reason, n := range count.Uncacheable {
		counter(cacheRefused, float64(n.Load()), string(reason))
	}
	for coding, n := range count.Renditions {
		counter(cacheCoded, float64(n.Load()), coding)
	}
	for outcome, n := range count.Parts {
		counter(cacheParts, float64(n.Load()), string(outcome))
	}
}

// collectPurges reads what the cache knows of purges.
func (s *Snapshots) collectPurges(gauge, counter emit) {
	counts := s.Cache.PurgeCounts()
	gauge(purgesActive, float64(counts.Active))
	counter(purgedPages, float64(counts.Pages.Hard), "hard")
	counter(purgedPages, float64(counts.Pages.Soft), "soft")
	for by, n := range counts.Purges {
		counter(purgesBegun, float64(n.Hard), string(by), "hard")
		counter(purgesBegun, float64(n.Soft), string(by), "soft")
	}
}

// timestamp is a time as a gauge shows it; 0 for never.
func timestamp(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

// truth is a bool as a gauge shows it.
func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
