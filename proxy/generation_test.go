package proxy_test

import (
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/proxy"
)

// What was stored under other rules was not rewritten, stripped or inspected by
// those that hold now.
func TestPageIsFoundOnlyUnderTheRulesThatItWasStoredUnder(t *testing.T) {
	m := newMirror(t, "Cache-Control", "max-age=60")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	swap := func(adjust func(*proxy.Site)) {
		site := s.site(plan{origins: []*httptest.Server{m.Server}, adjust: adjust})
		t.Cleanup(site.Pool.Close)
		s.edge.Serve(proxy.NewSites(edgeID, []*proxy.Site{site}))
	}
	ordinary := func(site *proxy.Site) { site.Markers = []string{"Harbour", "Gazette"} }
	swap(ordinary)
	s.get("/")
	s.waitPages(1)
	for i, other := range []func(*proxy.Site){
		func(site *proxy.Site) {
			ordinary(site)
			site.Space.Canonical = &url.URL{Scheme: "https", Host: "gazette.example"}
		},
		func(site *proxy.Site) { ordinary(site); site.Cookies = true },
		func(site *proxy.Site) { site.Markers = []string{"Harbour"} },
		func(site *proxy.Site) { site.Markers = []string{"Harbour Gazette"} },
		func(site *proxy.Site) { ordinary(site); site.Rules.Bypass = []string{"session"} },
		func(site *proxy.Site) {
			ordinary(site)
			site.Rules.Lifetimes = []proxy.Lifetime{{Path: "/", For: time.Minute}}
		},
	} {
		swap(other)
		answer, _ := s.get("/")
		require.Contains(t, answer.Header.Get("Cache-Status"), "fwd=uri-miss")
		s.waitPages(i + 2)
	}
	asked := m.requests.Load()
	for _, same := range []func(*proxy.Site){
		ordinary,
		func(site *proxy.Site) { site.Markers = []string{"Gazette", "Harbour"} },
		func(site *proxy.Site) { ordinary(site); site.Policy.Stale = 1; site.Fronts = []string{front} },
		func(site *proxy.Site) { ordinary(site); site.Rules.Ignore = []string{"utm_*"} },
	} {
		swap(same)
		answer, _ := s.get("/")
		require.Contains(t, answer.Header.Get("Cache-Status"), "; hit")
	}
	require.Equal(t, asked, m.requests.Load())
}
