package origin

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

func BenchmarkChoose(b *testing.B) {
	known := views(health.Healthy, health.Suspect, health.Healthy, health.Down, health.Healthy)
	route := Choose(noon, known, Route{}, 0).Route
	b.ReportAllocs()
	for b.Loop() {
		Choose(noon, known, route, 0.5)
	}
}

// BenchmarkFetch is a page of 16 KiB over loopback, its identity looked for.
func BenchmarkFetch(b *testing.B) {
	text := page + strings.Repeat("x", 16<<10-len(page))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Length", "16384")
		io.WriteString(w, text)
	}))
	defer server.Close()
	at := netip.MustParseAddrPort(server.Listener.Addr().String())
	o := NewOrigin(Config{ID: id("a"), URL: &url.URL{Scheme: "http", Host: at.String()}})
	tracker := health.NewTracker(health.Options{})
	tracker.Configure(map[health.ID]health.Policy{o.ID: {}})
	pool := NewPool(Site{Name: siteName, Origins: []*Origin{o}, Markers: []string{marker}}, tracker, Events{})
	defer pool.Close()
	b.SetBytes(16 << 10)
	b.ReportAllocs()
	for b.Loop() {
		got, err := pool.Fetch(b.Context(), ask(http.MethodGet, "/"))
		require.NoError(b, err)
		n, err := io.Copy(io.Discard, got.Response.Body)
		require.NoError(b, err)
		require.EqualValues(b, 16<<10, n)
		require.NoError(b, got.Response.Body.Close())
	}
}
