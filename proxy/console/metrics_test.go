package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/proxy"
	"github.com/heliograph-edge/heliograph/proxy/origin"
)

func TestEveryMetricIsNamedAndExplained(t *testing.T) {
	d := newDesk(t)
	d.open()
	for name, family := range d.families() {
		if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") {
			continue // the runtime's own
		}
		require.True(t, strings.HasPrefix(name, "heliograph_"), name)
		require.Regexp(t, `^[A-Z].*\.$|always 1\.$`, family.GetHelp(), name)
		if family.GetType().String() == "COUNTER" {
			require.True(t, strings.HasSuffix(name, "_total"), name)
		}
	}
}

// How many series a family has from the start, for one site with two origins.
func TestEveryCombinationExistsAtZero(t *testing.T) {
	d := newDesk(t)
	d.open()
	errors := make(map[string]bool)
	for _, class := range health.Classes() {
		if class != health.OK {
			errors[class.ProxyError()] = true
		}
	}
	results, verdicts := len(cache.Results()), len(health.Verdicts())
	families := d.families()
	for name, want := range map[string]int{
		"heliograph_http_requests_total":                     len(proxy.MethodLabels()) * len(proxy.CodeClasses()) * results,
		"heliograph_http_request_duration_seconds":           results,
		"heliograph_http_ttfb_seconds":                       results,
		"heliograph_http_response_bytes_total":               1,
		"heliograph_http_aborted_responses_total":            1,
		"heliograph_stale_served_total":                      5,
		"heliograph_stale_age_seconds":                       1,
		"heliograph_http_request_size_bytes":                 1,
		"heliograph_http_response_size_bytes":                1,
		"heliograph_http_connections":                        3,
		"heliograph_cache_lookups_total":                     results,
		"heliograph_origin_content_match":                    2,
		"heliograph_origin_cert_not_after_timestamp_seconds": 2,
		"heliograph_retries_total":                           7,
		"heliograph_guard_rejected_total":                    4,
		"heliograph_config_reloads_total":                    2,
		"heliograph_origin_requests_total":                   2 * (len(proxy.CodeClasses()) + 1),
		"heliograph_origin_errors_total":                     2 * len(errors),
		"heliograph_origin_request_duration_seconds":         2,
		"heliograph_origin_probes_total":                     2 * len(health.Classes()),
		"heliograph_origin_probe_duration_seconds":           2 * 5,
		"heliograph_origin_transitions_total":                2 * verdicts * (verdicts - 1),
		"heliograph_origin_state":                            2 * verdicts,
		"heliograph_origin_up":                               2,
		"heliograph_origin_active":                           2,
		"heliograph_origin_probe_consecutive_failures":       2,
		"heliograph_origin_last_success_timestamp_seconds":   2,
		"heliograph_failovers_total":                         2 * 7,
		"heliograph_route_switches_total":                    2,
		"heliograph_hedges_total":                            2,
		"heliograph_retry_budget_exhausted_total":            1,
		"heliograph_outage_mode":                             1,
		"heliograph_network_suspected":                       1,
		"heliograph_http_requests_in_flight":                 1,
		"heliograph_cache_pages":                             1,
		"heliograph_cache_bytes":                             1,
		"heliograph_cache_capacity_bytes":                    1,
		"heliograph_cache_evictions_total":                   1,
		"heliograph_cache_collapsed_requests_total":          1,
		"heliograph_cache_fill_aborts_total":                 1,
		"heliograph_cache_refreshes_total":                   1,
		"heliograph_cache_uncacheable_total":                 len(cache.Reasons()),
		"heliograph_cache_renditions_total":                  3,
		"heliograph_cache_parts_total":                       len(cache.PartOutcomes()),
		"heliograph_cache_purges_total":                      2 * len(cache.PurgeKinds()),
		"heliograph_cache_purges_active":                     1,
		"heliograph_cache_purged_pages_total":                2,
		"heliograph_build_info":                              1,
	} {
		require.Contains(t, families, name)
		require.Len(t, families[name].GetMetric(), want, name)
		for _, series := range families[name].GetMetric() {
			require.Zero(t, series.GetCounter().GetValue(), name)
			require.Zero(t, series.GetHistogram().GetSampleCount(), name)
		}
	}
	for _, code := range []string{"200", "404", "421", "499", "502", "503", "504", "508", "other"} {
		require.Zero(t, d.value("heliograph_http_responses_total", map[string]string{"code": code}), code)
	}
}

// Whatever requests and origins bring, no series is added.
func TestNothingAReaderOrAnOriginSendsMakesASeries(t *testing.T) {
	d := newDesk(t)
	d.open()
	count := func() (n int) {
		for _, family := range d.families() {
			if strings.HasPrefix(family.GetName(), "heliograph_") {
				n += len(family.GetMetric())
			}
		}
		return n
	}
	before := count()
	events := d.metrics.Events()
	for _, status := range []int{0, 200, 299, 418, 499, 599, 777, 999} {
		for _, site := range []string{"gazette", "", "unknown"} {
			d.metrics.Record(&proxy.Record{
				Site: site, Method: "BREW", Path: "/" + site, Status: status, Result: cache.Stale, Detail: "whatever", TTFB: 1, Aborted: true,
			})
		}
		events.Attempt("gazette", origin.Attempt{Origin: "primary", Class: health.OK, Status: status})
	}
	for _, class := range health.Classes() {
		events.Attempt("gazette", origin.Attempt{Origin: "primary", Class: class})
		events.Failover("gazette", "primary", "alternate", class)
		d.metrics.Probe(primary, health.Observation{Class: class})
	}
	for _, from := range health.Verdicts() {
		for _, to := range health.Verdicts() {
			if to != from {
				d.metrics.Transition(health.Transition{ID: primary, From: from, To: to})
			}
		}
	}
	require.Equal(t, before, count())
}

func TestRecordIsCounted(t *testing.T) {
	d := newDesk(t)
	d.metrics.Record(&proxy.Record{
		Site: "gazette", Method: "GET", Status: 200, Result: cache.Stale, Detail: cache.DetailError, Bytes: 1000,
		Declared: 300, Overdue: 90 * time.Second,
		TTFB: time.Millisecond, Duration: time.Second,
	})
	d.metrics.Record(&proxy.Record{Site: "gazette", Method: "GET", Status: 200, Result: cache.Miss, Bytes: 24, Aborted: true})
	d.metrics.Record(&proxy.Record{Method: "GET", Status: 421, Result: cache.Bypass})
	for name, want := range map[string]float64{
		"heliograph_http_requests_total code_class=2xx cache=stale": 1,
		"heliograph_http_requests_total code_class=2xx cache=miss":  1,
		"heliograph_http_request_duration_seconds cache=stale":      1,
		"heliograph_http_ttfb_seconds cache=stale":                  1,
		"heliograph_http_ttfb_seconds cache=miss":                   0,
		"heliograph_http_response_bytes_total site=gazette":         1024,
		"heliograph_http_aborted_responses_total site=gazette":      1,
		"heliograph_stale_served_total reason=error":                1,
		"heliograph_stale_age_seconds site=gazette":                 1,
		"heliograph_http_request_size_bytes site=gazette":           1,
		"heliograph_http_response_size_bytes site=gazette":          2,
		"heliograph_cache_lookups_total result=stale":               1,
		"heliograph_cache_lookups_total result=miss":                1,
		"heliograph_cache_lookups_total result=bypass":              0,
		"heliograph_guard_rejected_total reason=unknown_front":      1,
		"heliograph_http_responses_total code=200":                  2,
		"heliograph_http_responses_total code=421":                  1,
	} {
		words := strings.Fields(name)
		with := map[string]string{}
		for _, pair := range words[1:] {
			label, value, _ := strings.Cut(pair, "=")
			with[label] = value
		}
		if strings.Contains(name, "requests_total") {
			with["method"] = "GET"
		}
		require.Equal(t, want, d.value(words[0], with), name)
	}
}

func TestOriginsAreCounted(t *testing.T) {
	d := newDesk(t)
	d.open()
	events := d.metrics.Events()
	events.Attempt("gazette", origin.Attempt{Origin: "primary", Class: health.ServerError, Stage: health.StageRequest, Status: 500})
	events.Attempt("gazette", origin.Attempt{Origin: "primary", Class: health.BodyTruncated, Stage: health.StageBody})
	events.Failover("gazette", "primary", "alternate", health.ConnectRefused)
	events.Moved("gazette", "primary", "alternate", "why")
	events.Hedged("gazette", "hedge")
	events.NoBudget("gazette")
	d.metrics.Probe(primary, health.Observation{Class: health.OK, Timings: health.Timings{Connect: time.Millisecond}})
	for range 5 {
		d.tracker.Observe(alternate, health.Observation{At: time.Now(), Class: health.ServerError, Stage: health.StageRequest})
	}
	for _, test := range []struct {
		name  string
		label []string
		want  float64
	}{
		{"origin_requests_total", []string{"origin", "primary", "code_class", "5xx"}, 1},
		{"origin_requests_total", []string{"origin", "primary", "code_class", "none"}, 0}, // counted when it began
		{"origin_errors_total", []string{"origin", "primary", "error", "http_response_incomplete"}, 1},
		{"failovers_total", []string{"from", "primary", "to", "alternate", "reason", "connect"}, 1},
		{"retries_total", []string{"site", "gazette", "reason", "connect"}, 1},
		{"route_switches_total", []string{"to", "alternate"}, 1},
		{"hedges_total", []string{"winner", "hedge"}, 1},
		{"retry_budget_exhausted_total", []string{"site", "gazette"}, 1},
		{"origin_probes_total", []string{"origin", "primary", "class", "ok"}, 1},
		{"origin_probe_duration_seconds", []string{"origin", "primary", "stage", "connect"}, 1},
		{"origin_transitions_total", []string{"origin", "alternate", "from", "suspect", "to", "down"}, 1},
		{"origin_up", []string{"origin", "alternate"}, 0},
		{"origin_up", []string{"origin", "primary"}, 1},
		{"origin_state", []string{"origin", "alternate", "state", "down"}, 1},
	} {
		with := map[string]string{}
		for i := 0; i < len(test.label); i += 2 {
			with[test.label[i]] = test.label[i+1]
		}
		require.Equal(t, test.want, d.value("heliograph_"+test.name, with), "%s %v", test.name, with)
	}
}

// What is configured no longer leaves no series, and what is told of it late makes none.
func TestReconfigurationForgets(t *testing.T) {
	d := newDesk(t)
	events := d.metrics.Events()
	d.metrics.Configure(map[string][]string{"gazette": {"primary"}, "herald": {"new"}}, map[string]bool{"gazette": true, "herald": true})
	d.metrics.ForgetOrigin(alternate)
	late := func(site, name string) {
		id := health.ID{Site: site, Origin: name}
		events.Attempt(site, origin.Attempt{Origin: name, Class: health.ServerError, Status: 500})
		events.Failover(site, name, "primary", health.ServerError)
		events.Failover(site, "primary", name, health.ServerError)
		events.Moved(site, "primary", name, "why")
		d.metrics.Probe(id, health.Observation{Class: health.OK, Timings: health.Timings{Body: 1}})
		d.metrics.Transition(health.Transition{ID: id, From: health.Suspect, To: health.Down})
	}
	mentions := func(word string) (names []string) {
		for name, family := range d.families() {
			for _, series := range family.GetMetric() {
				for _, value := range labels(series) {
					if value == word {
						names = append(names, name)
					}
				}
			}
		}
		return names
	}
	late("gazette", "alternate")
	require.Empty(t, mentions("alternate"))
	require.NotEmpty(t, mentions("primary"))
	require.NotEmpty(t, mentions("new"))

	d.metrics.Configure(map[string][]string{"herald": {"new"}}, nil)
	require.Empty(t, d.families()["heliograph_origin_content_match"].GetMetric(), "no site has identity text any more")
	late("gazette", "primary")
	events.Hedged("gazette", "first")
	events.NoBudget("gazette")
	d.metrics.Record(&proxy.Record{Site: "gazette", Method: "GET", Status: 200, Result: cache.Hit})
	require.Empty(t, mentions("gazette"))
	require.NotEmpty(t, mentions("herald"))
}

func TestTheConfigurationOfTheStartWasAcceptedToo(t *testing.T) {
	d := newDesk(t)
	d.metrics.Loaded(5e8)
	require.Equal(t, 1.0, d.value("heliograph_config_last_reload_successful", nil))
	require.Equal(t, 5e8, d.value("heliograph_config_last_reload_success_timestamp_seconds", nil))
	require.Zero(t, d.value("heliograph_config_reloads_total", map[string]string{"result": "accepted"}), "it was no reload")
}

func TestReloadsAreCounted(t *testing.T) {
	d := newDesk(t)
	d.metrics.Reloaded(true, 1e9)
	require.Equal(t, 1.0, d.value("heliograph_config_last_reload_successful", nil))
	d.metrics.Reloaded(false, 2e9)
	require.Zero(t, d.value("heliograph_config_last_reload_successful", nil))
	require.Equal(t, 1e9, d.value("heliograph_config_last_reload_success_timestamp_seconds", nil))
	for _, result := range []string{"accepted", "refused"} {
		require.Equal(t, 1.0, d.value("heliograph_config_reloads_total", map[string]string{"result": result}))
	}
}
