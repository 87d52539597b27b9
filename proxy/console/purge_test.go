package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/proxy/console"
)

// order sends an order to the admin API. Fields come as name, value pairs.
func (d *desk) order(body string, fields ...string) *http.Response {
	d.t.Helper()
	request := httptest.NewRequest(http.MethodPost, "/api/v1/purge", strings.NewReader(body))
	request.Host = "127.0.0.1:8081"
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == "Host" {
			request.Host = fields[i+1]
			continue
		}
		request.Header.Set(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	d.admin.Handler().ServeHTTP(w, request)
	return w.Result()
}

// read decodes an answer.
func read[T any](t *testing.T, answer *http.Response) (v T) {
	t.Helper()
	require.Equal(t, "application/json", answer.Header.Get("Content-Type"))
	require.NoError(t, json.Unmarshal([]byte(text(t, answer)), &v))
	return v
}

// shelve serves the desk's site from origins that answer, and has pages of it stored.
func (d *desk) shelve(paths ...string) {
	d.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		w.Header().Set("Cache-Tag", "front")
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<p>news</p>"))
	}))
	d.t.Cleanup(server.Close)
	d.openAt(server.URL)
	for _, path := range paths {
		request := httptest.NewRequest(http.MethodGet, path, nil)
		request.Host = "front.test"
		w := httptest.NewRecorder()
		d.edge.ServeHTTP(w, request)
		require.Equal(d.t, http.StatusOK, w.Code)
		require.Equal(d.t, "<p>news</p>", w.Body.String())
	}
	require.Eventually(d.t, func() bool { return d.value("heliograph_cache_pages", nil) == float64(len(paths)) }, time.Minute, time.Millisecond)
}

func TestAPurgeOfAURLIsDoneWhenItIsAnswered(t *testing.T) {
	d := newDesk(t)
	d.shelve("/", "/news")
	answer := d.order(`{"url": "https://front.test/news"}`)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	done := read[console.PurgeStatus](t, answer)
	require.NotNil(t, done.Done)
	require.Positive(t, done.Bytes)
	want := console.PurgeStatus{
		ID: 1, By: cache.PurgeURL, What: "https://www.gazette.example/news", Mode: "hard", State: console.PurgeDone,
		Began: done.Began, Done: done.Done, Stored: 2, Visited: 1, Matched: 1, Bytes: done.Bytes,
	}
	require.Equal(t, want, done)
	require.Equal(t, want, read[console.PurgeStatus](t, d.ask(http.MethodGet, "/api/v1/purges/1")))
	require.EqualValues(t, 1, d.value("heliograph_cache_purges_total", map[string]string{"by": "url", "mode": "hard"}))
	require.EqualValues(t, 1, d.value("heliograph_cache_purged_pages_total", map[string]string{"mode": "hard"}))
}

func TestAPurgeInTheBackgroundSaysWhereToLook(t *testing.T) {
	d := newDesk(t)
	d.shelve("/", "/news", "/sport")
	answer := d.order(`{"tag": "front", "site": "gazette", "soft": true}`)
	const place = "/api/v1/purges/1"
	begun := read[console.PurgeStatus](t, answer)
	if begun.State == console.PurgeDone { // so few pages may be gone through before the answer is written
		require.Equal(t, http.StatusOK, answer.StatusCode)
	} else {
		require.Equal(t, http.StatusAccepted, answer.StatusCode)
		require.Equal(t, place, answer.Header.Get("Location"))
	}
	require.Equal(t, `tag "front" of gazette`, begun.What)
	require.Equal(t, "soft", begun.Mode)
	var done console.PurgeStatus
	require.Eventually(t, func() bool {
		done = read[console.PurgeStatus](t, d.ask(http.MethodGet, place))
		return done.State == console.PurgeDone
	}, time.Minute, time.Millisecond)
	require.EqualValues(t, 3, done.Matched)
	require.EqualValues(t, 3, d.value("heliograph_cache_pages", nil), "they stay to stand in")
	require.Zero(t, d.value("heliograph_cache_purges_active", nil))

	all := read[console.PurgesStatus](t, d.ask(http.MethodGet, "/api/v1/purges"))
	require.Equal(t, []console.PurgeStatus{done}, all.Purges)
}

func TestADryRunCountsAndDoesNothing(t *testing.T) {
	d := newDesk(t)
	d.shelve("/", "/news")
	answer := d.order(`{"everything": true, "dry_run": true}`)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	counted := read[console.PurgeStatus](t, answer)
	require.True(t, counted.DryRun)
	require.EqualValues(t, 2, counted.Matched)
	require.EqualValues(t, 2, d.value("heliograph_cache_pages", nil))
	require.Contains(t, text(t, d.ask(http.MethodGet, "/api/v1/purges")), `"purges": []`)
}

func TestAnOrderThatCannotBeCarriedOutIsRefusedWithAProblem(t *testing.T) {
	d := newDesk(t)
	d.open()
	for _, c := range []struct {
		body   string
		fields []string
		status int
		says   string
	}{
		{``, nil, 400, "cannot be read"},
		{`[]`, nil, 400, "cannot be read"},
		{`{"urls": ["/"]}`, nil, 400, `unknown field \"urls\"`},
		{`{"url": 1}`, nil, 400, "cannot be read"},
		{`{"url": "/"} {"url": "/"}`, nil, 400, "something follows"},
		{`{"url": "` + strings.Repeat("x", 1<<17) + `"}`, nil, 413, "too large"},
		{`{"url": "/"}` + strings.Repeat(" ", 1<<17), nil, 413, "too large"},
		{`{}`, nil, 400, "exactly one thing"},
		{`{"url": "/", "everything": true}`, nil, 400, "exactly one thing"},
		{`{"url": "ftp://front.test/"}`, nil, 400, "neither a URL"},
		{`{"url": "https://elsewhere.test/"}`, nil, 404, "elsewhere.test"},
		{`{"site": "herald"}`, nil, 404, "this edge serves gazette"},
		{`{"everything": true}`, []string{"Host", "rebound.test"}, 403, "only to localhost"},
		{`{"everything": true}`, []string{"Origin", "https://evil.test"}, 403, "another web origin"},
		{`{"everything": true}`, []string{"Sec-Fetch-Site", "cross-site"}, 403, "another web origin"},
	} {
		answer := d.order(c.body, c.fields...)
		name := fmt.Sprintf("%.60s %v", c.body, c.fields)
		require.Equal(t, c.status, answer.StatusCode, name)
		said := text(t, answer)
		require.Contains(t, said, c.says, name)
		require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"), name)
	}
	link := d.ask(http.MethodGet, "/api/v1/purge")
	require.Equal(t, http.StatusMethodNotAllowed, link.StatusCode, "a link must not purge")
	require.Equal(t, http.MethodPost, link.Header.Get("Allow"))
	require.Equal(t, "application/problem+json", link.Header.Get("Content-Type"))
	require.Contains(t, text(t, link), `"detail":"/api/v1/purge is not for GET`)
	for _, id := range []string{"1", "0", "-1", "x"} {
		answer := d.ask(http.MethodGet, "/api/v1/purges/"+id)
		require.Equal(t, http.StatusNotFound, answer.StatusCode)
		require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"))
	}
	require.Contains(t, text(t, d.ask(http.MethodGet, "/api/v1/purges")), `"purges": []`, "nothing was done")
}

func TestAnEdgeThatEndsPurgesNothing(t *testing.T) {
	d := newDesk(t)
	d.open()
	d.pages.Close()
	answer := d.order(`{"everything": true}`)
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	require.Contains(t, text(t, answer), "shutting down")
}

func TestAPageIsExplainedOverTheAPI(t *testing.T) {
	d := newDesk(t)
	d.shelve("/news")
	e := read[console.ExplainStatus](t, d.ask(http.MethodGet,
		"/api/v1/explain?url=https://front.test/news&header=Cookie:session%3Dsecret&header=Accept-Language:%20fa"))
	require.Equal(t, "gazette", e.Site)
	require.Equal(t, "https://www.gazette.example/news", e.URL)
	require.Equal(t, "serve the stored page", e.Action)
	require.Regexp(t, `^heliograph; hit; ttl=(600|599|59\d)$`, e.CacheStatus)
	require.Len(t, e.Pages, 1)
	require.Equal(t, []string{"front"}, e.Pages[0].Tags)
	require.Equal(t, "primary", e.Pages[0].Origin)
	require.NotEmpty(t, e.Pages[0].Steps)
	require.Len(t, e.Origins, 2)
	require.Equal(t, "primary", e.Active)
	require.Nil(t, e.Refused)

	other := d.ask(http.MethodGet, "/api/v1/explain?url=/other&site=gazette&method=POST")
	e = read[console.ExplainStatus](t, other)
	require.Equal(t, "pass it to an origin: it is not for the cache", e.Action)
	require.Empty(t, e.Pages)
	for path, want := range map[string]int{
		"/api/v1/explain": 400, "/api/v1/explain?url=news": 400, "/api/v1/explain?url=/&header=none": 400, "/api/v1/explain?url=/&header=a%20b:c": 400,
		"/api/v1/explain?url=/&header=a:b%0ac": 400, "/api/v1/explain?url=/&method=a%20b": 400,
		"/api/v1/explain?url=https://elsewhere.test/": 404, "/api/v1/explain?url=/&site=herald": 404,
	} {
		answer := d.ask(http.MethodGet, path)
		require.Equal(t, want, answer.StatusCode, path)
		require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"), path)
	}
}
