package proxy_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/proxy"
)

// ruled starts a stage whose site has rules.
func ruled(t *testing.T, m *mirror, rules proxy.Rules) *stage {
	return newStage(t, plan{origins: []*httptest.Server{m.Server}, adjust: func(site *proxy.Site) {
		site.Cookies, site.Rules = true, rules
	}})
}

func TestAnIgnoredParameterReachesNoOriginAndMakesNoPage(t *testing.T) {
	m := newMirror(t, "Cache-Control", "max-age=60")
	s := ruled(t, m, proxy.Rules{Ignore: []string{"utm_*"}})
	_, body := s.get("/a?utm_source=x&b=1")
	require.Equal(t, "/a?b=1", body, "what the origin gets is what is in the key")
	s.waitPages(1)
	for _, target := range []string{"/a?b=1", "/a?b=1&utm_medium=y", "/a?utm_x&b=1"} {
		answer, _ := s.get(target)
		require.Contains(t, answer.Header.Get("Cache-Status"), "; hit", target)
	}
	s.send(http.MethodPost, "/a?b=1&utm_source=z", nil)
	require.Equal(t, "/a?b=1&utm_source=z", m.last.Load().RequestURI, "a request that may change something is sent as it is")
	answer, _ := s.get("/a?b=1")
	require.Contains(t, answer.Header.Get("Cache-Status"), "fwd=uri-miss", "and spoils the page all the same")
}

func TestABearerOfTheCookieGetsNothingFromTheCacheAndLeavesNothing(t *testing.T) {
	m := newMirror(t, "Cache-Control", "public, max-age=60")
	s := ruled(t, m, proxy.Rules{Bypass: []string{"session*"}})
	for range 2 {
		answer, _ := s.get("/a", "Cookie", "a=1; session=2")
		require.Contains(t, answer.Header.Get("Cache-Status"), "fwd=bypass")
		require.NotContains(t, answer.Header.Get("Cache-Status"), "stored")
	}
	require.Equal(t, int64(2), m.requests.Load())
	require.Zero(t, s.cache.Usage().Pages)
	s.get("/a")
	s.waitPages(1)
	answer, _ := s.get("/a", "Cookie", "sessionid=2")
	require.Contains(t, answer.Header.Get("Cache-Status"), "fwd=bypass")
	answer, _ = s.get("/a")
	require.Contains(t, answer.Header.Get("Cache-Status"), "; hit")
}

func TestALifetimeOfTheOperatorsMakesAPageFresh(t *testing.T) {
	m := newMirror(t)
	s := ruled(t, m, proxy.Rules{Lifetimes: []proxy.Lifetime{{Path: "/static/*", For: time.Hour}}})
	s.get("/static/a")
	s.waitPages(1)
	answer, _ := s.get("/static/a")
	require.Contains(t, answer.Header.Get("Cache-Status"), "; hit")
	require.Equal(t, int64(1), m.requests.Load())
	s.ahead.Store(int64(time.Hour))
	s.get("/static/a")
	require.Equal(t, int64(2), m.requests.Load(), "for so long")
	for range 2 {
		s.get("/other")
	}
	require.Equal(t, int64(4), m.requests.Load())
}

func TestAPageInPlaceOfAFileIsNotStored(t *testing.T) {
	m := newMirror(t, "Cache-Control", "max-age=60", "Content-Type", "text/html")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	for _, target := range []string{"/account;x.css", "/account%2Fx.js", "/account/x.png"} {
		before := m.requests.Load()
		for range 2 {
			answer, body := s.get(target)
			require.Equal(t, target, body)
			require.Contains(t, answer.Header.Get("Cache-Status"), "fwd=uri-miss")
		}
		require.Equal(t, before+2, m.requests.Load(), target)
	}
	require.Zero(t, s.cache.Usage().Pages)
}
