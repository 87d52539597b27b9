package console_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/proxy"
)

func TestConnectionsAreShownByListenerAndState(t *testing.T) {
	d := newDesk(t)
	for state, want := range map[string]float64{"new": 1, "active": 2, "idle": 3} {
		require.Equal(t, want, d.value("heliograph_http_connections", map[string]string{"listener": "http", "state": state}), state)
	}
}

func TestTheEndOfACertificateIsThatOfTheLatestProbe(t *testing.T) {
	d := newDesk(t)
	d.open()
	at := map[string]string{"site": "gazette", "origin": "primary"}
	const name = "heliograph_origin_cert_not_after_timestamp_seconds"
	require.Zero(t, d.value(name, at), "before the first probe")
	d.tracker.Observe(primary, health.Observation{Class: health.OK, Certificate: &health.Certificate{NotAfter: time.Unix(2e9, 0)}})
	require.Equal(t, 2e9, d.value(name, at))
	d.tracker.Observe(primary, health.Observation{Live: true, Class: health.OK})
	require.Equal(t, 2e9, d.value(name, at), "a reader's request says nothing of it")
	d.tracker.Observe(primary, health.Observation{Class: health.ConnectRefused, Stage: health.StageConnect})
	require.Zero(t, d.value(name, at), "none was presented")
}

func TestContentMatchesAsTheLatestProbeThatCouldTellFound(t *testing.T) {
	d := newDesk(t)
	at := map[string]string{"site": "gazette", "origin": "primary"}
	for _, step := range []struct {
		seen health.Observation
		want float64
		why  string
	}{
		{health.Observation{Class: health.ConnectRefused}, 0, "nothing was seen yet"},
		{health.Observation{Class: health.OK, Status: 302}, 0, "a redirect on the site has no page"},
		{health.Observation{Class: health.OK, Status: 200}, 1, "found"},
		{health.Observation{Class: health.ConnectRefused}, 1, "no page says nothing"},
		{health.Observation{Class: health.ServerError, Status: 500}, 1, "an error page is nobody's"},
		{health.Observation{Class: health.OK, Status: 301}, 1, "still"},
		{health.Observation{Class: health.IdentityMissing, Status: 200}, 0, "another's page"},
		{health.Observation{Class: health.OK, Status: 200}, 1, "found again"},
		{health.Observation{Class: health.RedirectOffsite, Status: 302}, 0, "led away"},
	} {
		d.metrics.Probe(primary, step.seen)
		require.Equal(t, step.want, d.value("heliograph_origin_content_match", at), step.why)
	}
	require.Zero(t, d.value("heliograph_origin_content_match", map[string]string{"origin": "alternate"}), "nobody else's")
}

func TestSitesWithoutIdentityTextHaveNoContentMatch(t *testing.T) {
	d := newDesk(t)
	d.metrics.Probe(primary, health.Observation{Class: health.OK, Status: 200})
	d.metrics.Configure(map[string][]string{"gazette": {"primary", "alternate"}}, map[string]bool{"gazette": false})
	d.metrics.Probe(primary, health.Observation{Class: health.OK, Status: 200})
	require.NotContains(t, d.families(), "heliograph_origin_content_match")
	d.metrics.Configure(map[string][]string{"gazette": {"primary", "alternate"}}, map[string]bool{"gazette": true})
	require.Len(t, d.families()["heliograph_origin_content_match"].GetMetric(), 2)
}

// What histograms are made of, beyond how much of it there was.
func TestSizesAndAgesFallIntoTheirBuckets(t *testing.T) {
	d := newDesk(t)
	d.metrics.Record(&proxy.Record{
		Site: "gazette", Method: "POST", Status: 200, Result: cache.Stale, Bytes: 2 << 30, Declared: 1000, Overdue: 2 * time.Hour,
	})
	for name, want := range map[string]struct {
		sum, first, last float64
		buckets          int
		within           int // how many buckets hold it
	}{
		"heliograph_http_request_size_bytes":  {1000, 256, 1 << 30, 12, 11},
		"heliograph_http_response_size_bytes": {2 << 30, 256, 1 << 30, 12, 0},
		"heliograph_stale_age_seconds":        {7200, 1, 30 * 24 * 3600, 11, 5},
	} {
		series := d.families()[name].GetMetric()
		require.Len(t, series, 1, name)
		h := series[0].GetHistogram()
		require.Equal(t, want.sum, h.GetSampleSum(), name)
		require.Len(t, h.GetBucket(), want.buckets, name)
		require.Equal(t, want.first, h.GetBucket()[0].GetUpperBound(), name)
		require.Equal(t, want.last, h.GetBucket()[want.buckets-1].GetUpperBound(), name)
		within := 0
		for _, b := range h.GetBucket() {
			within += int(b.GetCumulativeCount())
		}
		require.Equal(t, want.within, within, name)
	}
}
