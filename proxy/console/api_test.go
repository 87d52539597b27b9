package console_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/proxy/console"
)

func TestAdminAnswersOnlyToLoopbackNames(t *testing.T) {
	d := newDesk(t)
	for host, want := range map[string]int{
		"127.0.0.1:8081": 200, "127.0.0.1": 200, "127.8.8.8:1": 200, "localhost": 200, "localhost:8081": 200,
		"[::1]:8081": 200, "[::1]": 200, "heliograph": 403,
		"rebound.test": 403, "rebound.test:8081": 403, "192.0.2.1:8081": 403, "localhost.rebound.test": 403,
		"127.0.0.1.rebound.test": 403, "0.0.0.0:8081": 403, "[::]:8081": 403, "10.0.0.1": 403,
	} {
		for _, path := range []string{"/healthz", "/metrics", "/api/v1/sites", "/debug/pprof/cmdline"} {
			answer := d.ask(http.MethodGet, path, "Host", host)
			require.Equal(t, want, answer.StatusCode, "%s %s", host, path)
		}
	}
	refused := d.ask(http.MethodGet, "/", "Host", "rebound.test")
	require.Equal(t, "application/problem+json", refused.Header.Get("Content-Type"))
	require.Contains(t, text(t, refused), "only to localhost")
}

// The name would be another machine's where a connection can come from one.
func TestAdminKnowsTheEdgesNameOnASocketOfTheFileSystemOnly(t *testing.T) {
	d := newDesk(t)
	for want, by := range map[int]net.Addr{
		http.StatusOK: &net.UnixAddr{Name: "/run/admin", Net: "unix"}, http.StatusForbidden: &net.TCPAddr{IP: net.IPv6loopback},
	} {
		request := httptest.NewRequest(http.MethodGet, "/healthz", nil)
		request.Host = "heliograph"
		w := httptest.NewRecorder()
		d.admin.Handler().ServeHTTP(w, request.WithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, by)))
		require.Equal(t, want, w.Code)
	}
}

func TestAdminObeysNoOtherWebOrigin(t *testing.T) {
	d := newDesk(t)
	for _, test := range []struct {
		fields []string
		want   int
	}{
		{nil, 204}, // not a browser
		{[]string{"Sec-Fetch-Site", "same-origin"}, 204},
		{[]string{"Origin", "http://127.0.0.1:8081"}, 204},
		{[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		{[]string{"Sec-Fetch-Site", "same-site"}, 403},
		{[]string{"Origin", "https://evil.test"}, 403},
		{[]string{"Origin", "null"}, 403},
	} {
		require.Equal(t, test.want, d.ask(http.MethodPost, "/api/v1/reload", test.fields...).StatusCode, test.fields)
	}
	require.Equal(t, http.StatusForbidden, d.ask(http.MethodPost, "/api/v1/extra", "Origin", "https://evil.test").StatusCode)
	require.Equal(t, http.StatusAccepted, d.ask(http.MethodPost, "/api/v1/extra").StatusCode)
	require.Equal(t, http.StatusMethodNotAllowed, d.ask(http.MethodGet, "/api/v1/reload").StatusCode, "a link must not reload")
}

func TestRefusedReloadSaysWhy(t *testing.T) {
	d := newDesk(t)
	d.refuse = errRefused
	answer := d.ask(http.MethodPost, "/api/v1/reload")
	require.Equal(t, http.StatusUnprocessableEntity, answer.StatusCode)
	var problem struct {
		Title, Detail string
		Status        int
	}
	require.NoError(t, json.Unmarshal([]byte(text(t, answer)), &problem))
	require.Equal(t, errRefused.Error(), problem.Detail)
	require.Equal(t, http.StatusUnprocessableEntity, problem.Status)
}

func TestReadyWhileSitesAreServedAndNothingDrains(t *testing.T) {
	d := newDesk(t)
	steps := []struct {
		do   func()
		want int
		says string
	}{
		{func() {}, http.StatusServiceUnavailable, "no site is served yet\n"},
		{d.open, http.StatusOK, "ready\n"},
		{d.admin.Drain, http.StatusServiceUnavailable, "draining\n"},
	}
	for _, step := range steps {
		step.do()
		answer := d.ask(http.MethodGet, "/readyz")
		require.Equal(t, step.want, answer.StatusCode)
		require.Equal(t, step.says, text(t, answer))
		require.Equal(t, http.StatusOK, d.ask(http.MethodGet, "/healthz").StatusCode, "alive in any case")
	}
}

func TestSitesAreShownWithEveryOrigin(t *testing.T) {
	d := newDesk(t)
	var empty console.Status
	require.NoError(t, json.Unmarshal([]byte(text(t, d.ask(http.MethodGet, "/api/v1/sites"))), &empty))
	require.Equal(t, console.Status{Version: "v1.2.3", Sites: []console.SiteStatus{}}, empty)

	d.open()
	seen := time.Date(2026, 5, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	d.tracker.Observe(primary, health.Observation{
		At: seen, Class: health.OK, Status: 200, Address: "192.0.2.10:443", Timings: health.Timings{Connect: 5 * time.Millisecond},
		Certificate: &health.Certificate{NotAfter: seen.Add(time.Hour)},
	})
	answer := d.ask(http.MethodGet, "/api/v1/sites")
	require.Equal(t, "application/json", answer.Header.Get("Content-Type"))
	body := text(t, answer)
	require.NotContains(t, body, `"since": "0001-01-01`, "never is absent")
	var status console.Status
	require.NoError(t, json.Unmarshal([]byte(body), &status))
	require.Len(t, status.Sites, 1)
	site := status.Sites[0]
	require.Equal(t, "gazette", site.Name)
	require.Equal(t, []string{"front.test"}, site.Fronts)
	require.Equal(t, "primary", site.Active)
	require.False(t, site.Outage)
	require.Len(t, site.Origins, 2)
	first, second := site.Origins[0], site.Origins[1]
	require.Equal(t, "primary", first.Name)
	require.True(t, first.Active)
	require.Equal(t, 200, first.Status)
	require.Equal(t, "192.0.2.10:443", first.Address)
	require.Equal(t, seen.UTC(), *first.LastSuccess)
	require.Equal(t, seen.Add(time.Hour).UTC(), *first.NotAfter)
	require.Contains(t, body, `"certificate_not_after": "2026-05-01T12:00:00Z"`)
	require.InDelta(t, 0.005, first.Timings["connect"], 1e-9)
	require.Equal(t, health.Unknown, second.Verdict)
	require.Nil(t, second.LastProbe)
	require.Nil(t, second.NotAfter)
	require.False(t, second.Active)
}

func TestSiteWithoutFrontsHasAnEmptyList(t *testing.T) {
	d := newDesk(t)
	d.open()
	d.edge.Sites().All()[0].Fronts = nil
	require.Contains(t, text(t, d.ask(http.MethodGet, "/api/v1/sites")), `"fronts": []`)
}

func TestMetricsAreServed(t *testing.T) {
	d := newDesk(t)
	body := text(t, d.ask(http.MethodGet, "/metrics"))
	require.Contains(t, body, `heliograph_build_info{goversion="go1",revision="abc",version="v1.2.3"} 1`)
	require.Contains(t, body, "# HELP heliograph_http_requests_total ")
	index := text(t, d.ask(http.MethodGet, "/"))
	require.Contains(t, index, "heliograph v1.2.3")
	nowhere := d.ask(http.MethodGet, "/nowhere")
	require.Equal(t, http.StatusNotFound, nowhere.StatusCode)
	require.Equal(t, "application/problem+json", nowhere.Header.Get("Content-Type"))
	require.Contains(t, text(t, nowhere), "there is nothing at /nowhere")
}
