package proxy_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPageIsTheSameThroughEveryFront(t *testing.T) {
	m := newMirror(t, "Cache-Control", "max-age=60")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	first, _ := s.get("/a?b=1", "Host", front)
	require.Contains(t, first.Header.Get("Cache-Status"), "fwd=uri-miss")
	s.waitPages(1)
	for _, host := range []string{otherFront, "Front.Test", otherFront + ":8443"} {
		again, body := s.get("/a?b=1", "Host", host)
		require.Contains(t, again.Header.Get("Cache-Status"), "; hit", host)
		require.Equal(t, "/a?b=1", body)
	}
	require.Equal(t, int64(1), m.requests.Load())
}

// Targets that an origin could tell apart are different pages, and each reaches
// it as it is keyed.
func TestTargetReachesTheOriginAsItIsKeyed(t *testing.T) {
	m := newMirror(t, "Cache-Control", "max-age=60")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	targets := []string{
		"/", "/?", "/?a=1&b=2", "/?b=2&a=1", "/a", "/a/", "/a?", "/A", "/%41", "/a/b", "/a%2Fb", "/a%252Fb",
		"//", "//a", "/a//b", "/.", "/..", "/a/../b", "/a/./b", "/%2E%2E/b", "/a;v=1/b", "/a%3Bv=1/b", "/a%20b", "/a+b",
		"/caf%C3%A9", "/%D8%B1%D9%88%D8%B2", "/a%3Fb", "/a%23b", "/a?b?c", "/a?b=%20", "/a?b=+", "/a?b=;c", "/a:b",
		"/a@b", "/a!$&'()*,=~b", "/%00", "/a[b]",
	}
	for i, target := range targets {
		conn := s.rawConn()
		for _, want := range []string{"fwd=uri-miss", "; hit"} {
			conn.say("GET " + target + " HTTP/1.1\r\nHost: " + front + "\r\n\r\n")
			answer := conn.answer(http.MethodGet)
			body := readAll(t, answer)
			require.Equal(t, target, body)
			require.Contains(t, answer.Header.Get("Cache-Status"), want, target)
			s.waitPages(i + 1)
		}
		conn.Close()
	}
}

// What RFC 3986 §6.2.2 calls the same is one page.
func TestEquivalentTargetsAreOnePage(t *testing.T) {
	m := newMirror(t, "Cache-Control", "max-age=60")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	for asked, keyed := range map[string]string{
		"/caf%c3%a9":              "/caf%C3%A9",
		"/caf\xc3\xa9":            "/caf%C3%A9",
		"/a?q=\xc3\xa9":           "/a?q=%C3%A9",
		"/a?q=%c3%a9":             "/a?q=%C3%A9",
		"/a#b":                    "/a%23b",
		"http://" + front + "/x?": "/x?",
		"http://" + front:         "/",
	} {
		conn := s.rawConn()
		conn.say("GET " + asked + " HTTP/1.1\r\nHost: " + front + "\r\n\r\n")
		require.Equal(t, keyed, readAll(t, conn.answer(http.MethodGet)), asked)
		conn.Close()
		before := m.requests.Load()
		_, body := s.get(keyed)
		require.Equal(t, keyed, body)
		require.Equal(t, before, m.requests.Load(), "%s is stored already", keyed)
	}
}

func TestMethodOverrideCannotPoisonAPage(t *testing.T) {
	var requests atomic.Int64
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, counted(&requests, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"X-Http-Method-Override", "X-Original-Url", "X-Forwarded-Host", "X-Host"} {
			if value := r.Header.Get(name); value != "" {
				pageHandler("poisoned by "+name)(w, r)
				return
			}
		}
		pageHandler("clean")(w, r)
	}))}})
	_, body := s.get("/", "X-HTTP-Method-Override", "POST", "X-Original-URL", "/admin",
		"X-Forwarded-Host", "evil.test", "X-Host", "evil.test")
	require.Equal(t, "clean", body)
	s.waitPages(1)
	answer, body := s.get("/")
	require.Equal(t, "clean", body)
	require.Contains(t, answer.Header.Get("Cache-Status"), "; hit")
}

// The body of a GET is no part of the key, so no origin sees it.
func TestBodyOfAGetStaysBehind(t *testing.T) {
	m := newMirror(t, "Cache-Control", "max-age=60")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	conn := s.rawConn()
	conn.say("GET /a HTTP/1.1\r\nHost: " + front + "\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody" +
		"GET /b HTTP/1.1\r\nHost: " + front + "\r\nConnection: close\r\n\r\n")
	answer := conn.answer(http.MethodGet)
	require.Equal(t, "/a", readAll(t, answer))
	arrived := m.last.Load()
	require.Zero(t, arrived.ContentLength)
	require.NotContains(t, arrived.Header, "Expect")
	require.NotContains(t, arrived.Header, "Content-Length")
}
