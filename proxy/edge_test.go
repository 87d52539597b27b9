package proxy_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/proxy"
)

func TestALocationOfTheSiteAsTheReaderSeesItIsInvalidated(t *testing.T) { // RFC 9111 §4.4
	for _, c := range []struct {
		host, location string
		gone           bool
	}{
		{"front.test", "http://front.test/also", true},
		{"front.test", "https://FRONT.test./also", true},
		{"front.test", "//front.test/also", true},
		{"front.test", "http://other-front.test/also", true},
		{"front.test", "http://front.test:8080/also", false},
		{"front.test", "http://front.test:443/also", false},
		{"front.test", "http://elsewhere.test/also", false},
		{"front.test", "ftp://front.test/also", false},
		{"front.test:8080", "http://front.test:8080/also", true},
		{"front.test:8080", "//front.test:8080/also", true},
		{"front.test:8080", "http://other-front.test:8080/also", true},
		{"front.test:8080", "https://front.test:8080/also", false},
		{"front.test:8080", "https://other-front.test:8080/also", false},
		{"front.test:8080", "http://front.test:8081/also", false},
		{"front.test", "https://www.gazette.example/also", true},
		{"front.test", "http://www.gazette.example:80/also", true},
	} {
		t.Run(c.host+" "+c.location, func(t *testing.T) {
			origin := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Cache-Control", "max-age=60")
				if r.Method == http.MethodPost {
					w.Header().Set("Content-Location", c.location)
				}
				io.WriteString(w, "x")
			})
			s := newStage(t, plan{origins: []*httptest.Server{origin}})
			s.get("/also")
			s.waitPages(1)
			s.send(http.MethodPost, "/", strings.NewReader("x"), "Host", c.host)
			if c.gone {
				s.waitPages(0)
			}
			answer, _ := s.get("/also")
			require.Equal(t, c.gone, strings.Contains(answer.Header.Get("Cache-Status"), "fwd="), answer.Header.Get("Cache-Status"))
		})
	}
}

func TestAnAnswerThatIsPassedThroughHasOneAge(t *testing.T) { // RFC 9111 §5.1
	for _, c := range []struct{ given, want []string }{
		{[]string{"600"}, []string{"600"}},
		{[]string{"600", "1200"}, []string{"600"}},
		{[]string{"600, 1200"}, []string{"600"}},
		{[]string{"abc", "1200", "5"}, []string{"1200"}},
		{[]string{"-1", "1.5"}, nil},
		{[]string{""}, nil},
		{nil, nil},
	} {
		origin := newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			w.Header()["Age"] = c.given
		})
		s := newStage(t, plan{origins: []*httptest.Server{origin}})
		answer, _ := s.get("/")
		require.Equal(t, c.want, answer.Header["Age"], "%q", c.given)
	}
}

func TestA304ThatNobodyAskedForIsTheOriginsFault(t *testing.T) { // RFC 9110 §15.4.5
	var asked atomic.Int64
	origin := newOrigin(t, counted(&asked, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }))
	records := make(chan proxy.Record, 1)
	s := newStage(t, plan{origins: []*httptest.Server{origin}, options: func(o *proxy.Options) {
		o.Record = func(r *proxy.Record) { records <- *r }
	}})
	answer, body := s.get("/")
	require.Equal(t, http.StatusBadGateway, answer.StatusCode)
	require.Contains(t, answer.Header.Get("Proxy-Status"), "error=http_protocol_error")
	requireNoInternals(t, answer, body, origin)
	require.Equal(t, "http_protocol_error", (<-records).Error)
	require.EqualValues(t, 1, asked.Load())
}
