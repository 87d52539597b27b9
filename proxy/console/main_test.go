package console_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/cache/memory"
	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/proxy"
	"github.com/heliograph-edge/heliograph/proxy/console"
	"github.com/heliograph-edge/heliograph/proxy/origin"
	"github.com/heliograph-edge/heliograph/proxy/rewrite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is an admin API over an edge with one site of two origins.
type desk struct {
	t       *testing.T
	edge    *proxy.Edge
	tracker *health.Tracker
	metrics *console.Metrics
	pages   *cache.Cache
	admin   *console.Admin
	refuse  error // what a reload comes to
}

// The two origins of the desk's site.
var (
	primary   = health.ID{Site: "gazette", Origin: "primary"}
	alternate = health.ID{Site: "gazette", Origin: "alternate"}
)

// newDesk builds it. Nothing of it runs.
func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, metrics: console.NewMetrics(console.Build{Version: "v1.2.3", Revision: "abc", GoVersion: "go1"})}
	d.tracker = health.NewTracker(health.Options{OnTransition: d.metrics.Transition})
	d.tracker.Configure(map[health.ID]health.Policy{primary: {}, alternate: {}})
	pages := cache.New(cache.Options{Store: memory.New(1 << 20), MaxPage: 1 << 18})
	t.Cleanup(pages.Close)
	d.pages = pages
	d.edge = proxy.NewEdge(proxy.Options{ID: "heliograph-test", Cache: pages, Record: d.metrics.Record})
	d.metrics.Registry.MustRegister(&console.Snapshots{
		Edge: d.edge, Cache: pages, Tracker: d.tracker,
		Connections: func() map[string]console.Connections {
			return map[string]console.Connections{"http": {New: 1, Active: 2, Idle: 3}}
		},
	})
	d.admin = &console.Admin{
		Edge: d.edge, Tracker: d.tracker, Metrics: d.metrics, Build: console.Build{Version: "v1.2.3"},
		Log: slog.New(slog.DiscardHandler), Reload: func() error { return d.refuse },
		Extra: map[string]http.Handler{"POST /api/v1/extra": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusAccepted)
		})},
	}
	d.metrics.Configure(map[string][]string{"gazette": {"primary", "alternate"}}, map[string]bool{"gazette": true})
	return d
}

// open takes the site into service. Nothing answers at its origins.
func (d *desk) open() {
	d.t.Helper()
	d.openAt("http://origin.test")
}

// openAt is open with origins that are both at an address.
func (d *desk) openAt(address string) {
	d.t.Helper()
	var origins []*origin.Origin
	for _, id := range []health.ID{primary, alternate} {
		u, err := url.Parse(address)
		require.NoError(d.t, err)
		origins = append(origins, origin.NewOrigin(origin.Config{ID: id, URL: u}))
	}
	home, err := url.Parse("https://www.gazette.example")
	require.NoError(d.t, err)
	d.edge.Serve(proxy.NewSites("heliograph-test", []*proxy.Site{{
		Name: "gazette", Fronts: []string{"front.test"}, Space: rewrite.Space{Canonical: home},
		Pool: origin.NewPool(origin.Site{Name: "gazette", Origins: origins}, d.tracker, d.metrics.Events()),
	}}))
}

// ask sends a request to the admin API. Fields come as name, value pairs; Host is one.
func (d *desk) ask(method, path string, fields ...string) *http.Response {
	d.t.Helper()
	request := httptest.NewRequest(method, path, nil)
	request.Host = "127.0.0.1:8081"
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == "Host" {
			request.Host = fields[i+1]
			continue
		}
		request.Header.Set(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	d.admin.Handler().ServeHTTP(w, request)
	return w.Result()
}

// text is an answer's body.
func text(t *testing.T, answer *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(body)
}

// families gathers the metrics by name.
func (d *desk) families() map[string]*dto.MetricFamily {
	d.t.Helper()
	gathered, err := d.metrics.Registry.Gather()
	require.NoError(d.t, err)
	byName := make(map[string]*dto.MetricFamily)
	for _, f := range gathered {
		byName[f.GetName()] = f
	}
	return byName
}

// labels are a series' labels.
func labels(m *dto.Metric) map[string]string {
	all := make(map[string]string)
	for _, pair := range m.GetLabel() {
		all[pair.GetName()] = pair.GetValue()
	}
	return all
}

// value is what the one series with these labels counts; -1 without one.
func (d *desk) value(name string, want map[string]string) float64 {
	d.t.Helper()
	for _, m := range d.families()[name].GetMetric() {
		have := labels(m)
		match := true
		for label, v := range want {
			match = match && have[label] == v
		}
		switch {
		case !match:
		case m.GetHistogram() != nil:
			return float64(m.GetHistogram().GetSampleCount())
		case m.GetGauge() != nil:
			return m.GetGauge().GetValue()
		default:
			return m.GetCounter().GetValue()
		}
	}
	return -1
}

// errRefused is what a refused reload says.
var errRefused = errors.New("heliograph.yaml:3:5: sites[0].origins: is empty")
