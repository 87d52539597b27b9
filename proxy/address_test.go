package proxy_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRedirectsStayOnTheFront(t *testing.T) {
	var own string // the origin's own address
	server := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", r.URL.Query().Get("cc"))
		w.Header().Set("Location", strings.ReplaceAll(r.URL.Query().Get("to"), "ORIGIN", own))
		w.Header().Set("Content-Location", w.Header().Get("Location"))
		w.WriteHeader(http.StatusMovedPermanently)
	})
	own = server.URL
	s := newStage(t, plan{origins: []*httptest.Server{server}})
	for to, want := range map[string]string{
		"ORIGIN/a%2Fb?c=%20d%23e":         "/a/b?c= d#e",
		"ORIGIN":                          "/",
		canonical + "/news":               "/news",
		"http://www.gazette.example:80/x": "/x",
		"//www.gazette.example/x":         "/x",
		"/stays":                          "/stays",
		"stays":                           "stays",
		"?stays":                          "?stays",
		"https://elsewhere.test/www.gazette.example/": "https://elsewhere.test/www.gazette.example/",
		"https://www.gazette.example.elsewhere.test/": "https://www.gazette.example.elsewhere.test/",
		"mailto:editor@www.gazette.example":           "mailto:editor@www.gazette.example",
	} {
		for _, store := range []string{"max-age=60", "no-store"} {
			for range 2 {
				answer := s.send(http.MethodGet, "/go?cc="+store+"&to="+to, nil)
				require.Equal(t, want, answer.Header.Get("Location"), to)
				require.Equal(t, want, answer.Header.Get("Content-Location"), to)
			}
		}
	}
}

func TestOriginAndRefererNameTheSelectedOrigin(t *testing.T) {
	m := newMirror(t)
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	for _, test := range []struct{ name, sent, arrives string }{
		{"Origin", "http://" + front, m.URL},
		{"Origin", "https://elsewhere.test", "https://elsewhere.test"},
		{"Origin", "null", "null"},
		{"Referer", "http://" + front + "/a%2Fb?c=d", m.URL + "/a%2Fb?c=d"},
		{"Referer", "http://" + front, m.URL + "/"},
		{"Referer", "https://elsewhere.test/private", ""},
		{"Referer", "http://" + front + ".elsewhere.test/", ""},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			s.send(method, "/"+method+test.sent, nil, test.name, test.sent)
			require.Equal(t, test.arrives, m.last.Load().Header.Get(test.name), test.sent)
		}
	}
}
