package proxy_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
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
		"/", "/?", "/?a=1&b=2", "/?b=2&a=1", "/a", "/a/", "/a?", "/A", "/a/b", "/a%2Fb", "/a%252Fb",
		"//", "//a", "/a//b", "/.", "/..", "/a/../b", "/a/./b", "/%2E%2E/b", "/a;v=1/b", "/a%3Bv=1/b", "/a%20b", "/a+b",
		"/caf%C3%A9", "/%D8%B1%D9%88%D8%B2", "/a%3Fb", "/a%23b", "/a?b?c", "/a?b=%20", "/a?b=+", "/a?b=;c", "/a:b",
		"/a@b", "/a!$&'()*,=~b", "/%00", "/a[b]", "/a;x.css", "/a%00.css", "/a%0D%0AHost:%20evil.test", "/a%5Cb", "/%2F%2Fevil.test/",
		"/a%2E%2E%2Fb", "/..%2Fa", "/a/..;/b", "/a%2F..%2Fb", "/a?x=//evil.test", "/a?x=%00&y=%0A", "/a??", "/a?&", "/a?=", "/?/../",
		"/index.css/", "/%252F~", "/a%FF", "/a.", "/a%20", "/a?_method=DELETE",
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
		"/caf%c3%a9":                             "/caf%C3%A9",
		"/%61%5Fb%7e":                            "/a_b~",
		"/%25%32%46":                             "/%252F",
		"/caf\xc3\xa9":                           "/caf%C3%A9",
		"/a?q=\xc3\xa9":                          "/a?q=%C3%A9",
		"/a?q=%c3%a9":                            "/a?q=%C3%A9",
		"/a#b":                                   "/a%23b",
		"http://" + front + "/x?":                "/x?",
		"http://" + front:                        "/",
		`/a\b`:                                   "/a%5Cb",
		"/a^b|c`d{e}\"":                          "/a%5Eb%7Cc%60d%7Be%7D%22",
		"http://" + otherFront + "/%c3%a9?q=%c3": "/%C3%A9?q=%C3",
		"https://" + front + ":8443/y":           "/y",
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

// Whose host a target names in full decides, as RFC 9112 §3.2.2 has it: a Host beside it changes
// neither the page nor the site.
func TestATargetInFullOutranksItsHost(t *testing.T) {
	m := newMirror(t, "Cache-Control", "max-age=60")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	for target, status := range map[string]int{
		"http://" + front + "/a": http.StatusOK, "http://evil.test/a": http.StatusMisdirectedRequest, "http:///a": http.StatusBadRequest,
		"http://user@" + front + "/a": http.StatusOK,
	} {
		conn := s.rawConn()
		conn.say("GET " + target + " HTTP/1.1\r\nHost: " + otherFront + "\r\n\r\n")
		answer := conn.answer(http.MethodGet)
		require.Equal(t, status, answer.StatusCode, target)
		if body := readAll(t, answer); status == http.StatusOK {
			require.Equal(t, "/a", body)
			require.NotContains(t, m.last.Load().Header, "Authorization")
		}
		conn.Close()
	}
	require.Equal(t, int64(1), m.requests.Load())
}

// A request with a body is answered as one without: what is stored is what the key says.
func TestAGetWithABodyIsThePageOfOneWithout(t *testing.T) {
	m := newMirror(t, "Cache-Control", "max-age=60")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	for i, framing := range []string{
		"Content-Length: 4\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Encoding: gzip\r\n\r\na=b&",
		"Transfer-Encoding: chunked\r\nTrailer: X-Method-Override\r\n\r\n3\r\na=b\r\n0\r\nX-Method-Override: PUT\r\n\r\n", "\r\n",
	} {
		conn := s.rawConn()
		conn.say("GET /fat HTTP/1.1\r\nHost: " + front + "\r\n" + framing)
		answer := conn.answer(http.MethodGet)
		require.Equal(t, "/fat", readAll(t, answer))
		require.Equal(t, i > 0, strings.Contains(answer.Header.Get("Cache-Status"), "; hit"))
		s.waitPages(1)
		conn.Close()
	}
	arrived := m.last.Load()
	require.Equal(t, int64(1), m.requests.Load())
	require.Zero(t, arrived.ContentLength)
	require.Empty(t, arrived.TransferEncoding)
	for _, name := range []string{"Content-Type", "Content-Encoding", "Trailer", "Content-Length"} {
		require.NotContains(t, arrived.Header, name)
	}
}
