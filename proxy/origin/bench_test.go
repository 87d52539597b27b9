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

// BenchmarkInspect is what an inspection adds to a page of 64 KiB that came with its header:
// reading ahead, the search for its identity, and the gate.
func BenchmarkInspect(b *testing.B) {
	text := "<!doctype html><html><head><title>" + marker + "</title></head><body>"
	for len(text) < 64<<10-len("</body></html>") {
		text += article[len("<!doctype html><html><head><title>High water at noon</title></head><body>") : len(article)-len("</body></html>")]
	}
	text = text[:64<<10-len("</body></html>")] + "</body></html>"
	for name, site := range map[string]*Site{"marked": gated(Site{Markers: []string{marker}}), "unmarked": gated(Site{})} {
		for coding, body := range map[string]string{"": text, "gzip": zipped(b, text)} {
			b.Run(name+"/"+coding, func(b *testing.B) {
				b.SetBytes(64 << 10)
				b.ReportAllocs()
				for b.Loop() {
					response := answered(200, strings.NewReader(body), "Content-Encoding", coding)
					response.ContentLength = int64(len(body))
					if found := inspect(response, http.MethodGet, site, true); found.class != health.OK {
						b.Fatal(found)
					}
					response.Body.Close()
				}
			})
		}
	}
}

// BenchmarkReadAhead is the part of it that has nothing to do with the gate.
func BenchmarkReadAhead(b *testing.B) {
	body := strings.Repeat("x", 64<<10)
	b.SetBytes(64 << 10)
	b.ReportAllocs()
	for b.Loop() {
		response := answered(200, strings.NewReader(body))
		response.ContentLength = int64(len(body))
		a := readAhead(response, false, aheadLimit, aheadLimit)
		for !a.glimpse().ended {
			<-a.change
		}
		a.letGo()
		response.Body.Close()
	}
}

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
