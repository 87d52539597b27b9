package proxy_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/proxy"
)

func TestHeadIsAnsweredFromAStoredPage(t *testing.T) {
	var requests atomic.Int64
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, counted(&requests, pageHandler("the page")))}})
	missed := s.send(http.MethodHead, "/", nil)
	require.Equal(t, http.StatusOK, missed.StatusCode)
	require.Contains(t, missed.Header.Get("Cache-Status"), "fwd=uri-miss")
	require.Empty(t, readAll(t, missed))
	s.get("/")
	s.waitPages(1)
	head := s.send(http.MethodHead, "/", nil)
	require.Contains(t, head.Header.Get("Cache-Status"), "; hit")
	require.Equal(t, int64(len("the page")), head.ContentLength)
	require.Equal(t, "text/html; charset=utf-8", head.Header.Get("Content-Type"))
	require.Empty(t, readAll(t, head))
	require.Equal(t, int64(2), requests.Load())
}

func TestRangeIsCutFromAStoredPageAndPassedOnOtherwise(t *testing.T) {
	const text = "0123456789"
	var requests atomic.Int64
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, counted(&requests, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "a.txt", time.Unix(1e9, 0), strings.NewReader(text))
	}))}})
	passed, body := s.get("/", "Range", "bytes=2-4")
	require.Equal(t, http.StatusPartialContent, passed.StatusCode)
	require.Equal(t, "234", body)
	require.Contains(t, passed.Header.Get("Cache-Status"), "fwd=uri-miss; fwd-status=206")
	_, body = s.get("/")
	require.Equal(t, text, body, "the part was not stored as the whole")
	s.waitPages(1)
	for _, test := range []struct {
		asked, ifRange, want, contentRange string
		status                             int
	}{
		{"bytes=2-4", "", "234", "bytes 2-4/10", 206},
		{"bytes=-3", "", "789", "bytes 7-9/10", 206},
		{"bytes=8-", `"v1"`, "89", "bytes 8-9/10", 206},
		{"bytes=8-", `"v2"`, text, "", 200},
		{"bytes=10-", "", "", "bytes */10", 416},
		{"lines=1-2", "", text, "", 200},
	} {
		fields := []string{"Range", test.asked}
		if test.ifRange != "" {
			fields = append(fields, "If-Range", test.ifRange)
		}
		answer, body := s.get("/", fields...)
		require.Equal(t, test.status, answer.StatusCode, test.asked)
		require.Equal(t, test.want, body, test.asked)
		require.Equal(t, test.contentRange, answer.Header.Get("Content-Range"), test.asked)
		require.Contains(t, answer.Header.Get("Cache-Status"), "; hit")
	}
	require.Equal(t, int64(2), requests.Load())
}

func TestReaderWhoHoldsThePageGets304(t *testing.T) {
	m := newMirror(t, "Cache-Control", "max-age=60", "Etag", `"v1"`, "X-Other", "not in a 304")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	for range 2 { // a miss, then a hit
		answer, body := s.get("/", "If-None-Match", `W/"v1"`)
		require.Equal(t, http.StatusNotModified, answer.StatusCode)
		require.Equal(t, `"v1"`, answer.Header.Get("Etag"))
		require.Empty(t, body)
		require.NotContains(t, answer.Header, "X-Other")
		s.waitPages(1)
	}
	require.Equal(t, `W/"v1"`, m.last.Load().Header.Get("If-None-Match"), "RFC 9111 §4.3.2: for the only origin to evaluate")
	require.Equal(t, int64(1), m.requests.Load())
}

func TestAgeIsThatOfThePage(t *testing.T) {
	m := newMirror(t, "Cache-Control", "max-age=600", "Age", "100")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	missed, _ := s.get("/")
	require.Regexp(t, `^10[01]$`, missed.Header.Get("Age"), "it was old when it came, RFC 9111 §5.1")
	s.waitPages(1)
	s.pass(200 * time.Second)
	hit, _ := s.get("/")
	require.Regexp(t, `^30\d$`, hit.Header.Get("Age"))
	require.Contains(t, hit.Header.Get("Cache-Status"), "; hit; ttl=29")
	fresh := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, pageHandler("new"))}})
	missed, _ = fresh.get("/")
	require.NotContains(t, missed.Header, "Age")
	fresh.waitPages(1)
	hit, _ = fresh.get("/")
	require.Contains(t, hit.Header, "Age")
}

func TestCacheStatusTellsHowTheAnswerCameAbout(t *testing.T) {
	etagged := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", r.URL.Query().Get("cc"))
		w.Header().Set("Etag", `"v1"`)
		w.Header().Set("Vary", "X-Variant")
		if r.Header.Get("If-None-Match") == `"v1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		io.WriteString(w, "a page")
	}
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, etagged)}})
	for i, test := range []struct {
		method, target, fields, want string
		result                       cache.Result
		pages                        int // stored afterwards
	}{
		{"GET", "/?cc=max-age=60", "", "heliograph; fwd=uri-miss; fwd-status=200; stored", cache.Miss, 1},
		{"GET", "/?cc=max-age=60", "", "heliograph; hit; ttl=", cache.Hit, 1},
		{"GET", "/?cc=max-age=60", "X-Variant: 2", "heliograph; fwd=vary-miss; fwd-status=200; stored", cache.Miss, 2},
		{"GET", "/?cc=max-age=60", "Cache-Control: no-cache", "heliograph; fwd=request; fwd-status=304", cache.Revalidated, 2},
		{"GET", "/?cc=no-store", "", "heliograph; fwd=uri-miss; fwd-status=200; detail=no_store", cache.Miss, 2},
		{"GET", "/?cc=private", "Authorization: Bearer x", "heliograph; fwd=uri-miss; fwd-status=200; detail=private", cache.Miss, 2},
		{"HEAD", "/?cc=max-age=9", "", "heliograph; fwd=uri-miss; fwd-status=200", cache.Miss, 2},
		{"POST", "/?cc=max-age=8", "", "heliograph; fwd=method; fwd-status=200", cache.Bypass, 2},
	} {
		var fields []string
		if name, value, ok := strings.Cut(test.fields, ": "); ok {
			fields = []string{name, value}
		}
		answer := s.send(test.method, test.target, nil, fields...)
		readAll(t, answer)
		require.Contains(t, answer.Header.Get("Cache-Status"), test.want, "%d", i)
		records := s.waitRecords(i + 1)
		require.Equal(t, test.result, records[i].Result, "%d", i)
		s.waitPages(test.pages)
	}
}

// What an edge behind this one says stays; ours comes after it, RFC 9211 §2.
func TestStatusOfAnotherCacheIsKept(t *testing.T) {
	m := newMirror(t, "Cache-Control", "max-age=60", "Cache-Status", "inner; hit", "Proxy-Status", "inner", "Via", "2 inner")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	for range 2 {
		answer, _ := s.get("/")
		for _, name := range []string{"Cache-Status", "Proxy-Status", "Via"} {
			require.Len(t, answer.Header[name], 2, name)
			require.Contains(t, answer.Header[name][0], "inner", name)
			require.Contains(t, answer.Header[name][1], "heliograph", name)
		}
		s.waitPages(1)
	}
}

func TestUnsafeRequestInvalidatesBeforeItsAnswer(t *testing.T) {
	var version atomic.Int64
	over := make(chan struct{})
	end := sync.OnceFunc(func() { close(over) })
	defer end()
	server := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			version.Add(1)
			w.Header().Set("Location", canonical+"/also")
			w.Header().Set("Content-Location", "https://elsewhere.test/foreign")
			w.WriteHeader(http.StatusCreated)
			http.NewResponseController(w).Flush()
			<-over
			return
		}
		w.Header().Set("Cache-Control", "max-age=60")
		io.WriteString(w, strings.Repeat("v", int(version.Load())+1))
	})
	s := newStage(t, plan{origins: []*httptest.Server{server}})
	for i, target := range []string{"/page", "/also", "/foreign"} {
		_, body := s.get(target)
		require.Equal(t, "v", body)
		s.waitPages(i + 1)
	}
	created := s.send(http.MethodPost, "/page", strings.NewReader("change"))
	require.Equal(t, http.StatusCreated, created.StatusCode)
	// Its header is here and its body is not; nothing old may come any more.
	for target, want := range map[string]string{"/page": "vv", "/also": "vv", "/foreign": "v"} {
		_, body := s.get(target)
		require.Equal(t, want, body, target)
	}
	end()
	require.Empty(t, readAll(t, created))
}

func TestFailedUnsafeRequestInvalidatesNothing(t *testing.T) {
	server := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		pageHandler("the page")(w, r)
	})
	s := newStage(t, plan{origins: []*httptest.Server{server}})
	s.get("/")
	s.waitPages(1)
	require.Equal(t, http.StatusForbidden, s.send(http.MethodDelete, "/", nil).StatusCode)
	answer, _ := s.get("/")
	require.Contains(t, answer.Header.Get("Cache-Status"), "; hit")
}

func TestReaderWithoutGzipNeverGetsIt(t *testing.T) {
	for name, vary := range map[string]string{"origin says Vary": "Accept-Encoding", "origin forgets Vary": ""} {
		for _, zippedFirst := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Cache-Control", "max-age=60")
					w.Header().Set("Content-Type", "text/html")
					if vary != "" {
						w.Header().Set("Vary", vary)
					}
					if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
						io.WriteString(w, "plain")
						return
					}
					w.Header().Set("Content-Encoding", "gzip")
					zipped := gzip.NewWriter(w)
					io.WriteString(zipped, "plain")
					zipped.Close()
				})}})
				accepts := []string{"gzip, br", "", "br", "gzip;q=0", "identity", "*;q=0, identity", "deflate", "GZIP", "gzip;q=0.5"}
				if !zippedFirst {
					accepts = append([]string{""}, accepts...)
				}
				for _, accept := range accepts {
					var fields []string
					if accept != "" {
						fields = []string{"Accept-Encoding", accept}
					}
					answer, body := s.get("/", fields...)
					if answer.Header.Get("Content-Encoding") != "" {
						require.Equal(t, "gzip", answer.Header.Get("Content-Encoding"))
						require.Contains(t, []string{"gzip, br", "GZIP", "gzip;q=0.5"}, accept)
						unzipped, err := gzip.NewReader(bytes.NewBufferString(body))
						require.NoError(t, err)
						plain, err := io.ReadAll(unzipped)
						require.NoError(t, err)
						body = string(plain)
					}
					require.Equal(t, "plain", body, accept)
				}
			})
		}
	}
}

func TestSitesAreSwappedAsOne(t *testing.T) {
	old, next := newMirror(t, "X-Generation", "old", "Cache-Control", "no-store"), newMirror(t, "X-Generation", "next", "Cache-Control", "no-store")
	s := newStage(t, plan{origins: []*httptest.Server{old.Server}})
	require.Equal(t, "old", s.send(http.MethodGet, "/", nil).Header.Get("X-Generation"))
	site := s.site(plan{origins: []*httptest.Server{next.Server}, adjust: func(site *proxy.Site) { site.Fronts = []string{"new-front.test"} }})
	defer site.Pool.Close()
	s.edge.Serve(proxy.NewSites(edgeID, []*proxy.Site{site}))
	require.Equal(t, "next", s.send(http.MethodGet, "/", nil, "Host", "new-front.test").Header.Get("X-Generation"))
	require.Equal(t, http.StatusMisdirectedRequest, s.send(http.MethodGet, "/", nil).StatusCode)
	require.Equal(t, int64(1), old.requests.Load())
}
