package cache_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// keep returns the page that an answer becomes.
func keep(t *testing.T, request []string, lines ...string) *cache.Page {
	t.Helper()
	var page *cache.Page
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, always(200, "news", lines...))
		e.read(t, request...)
		synctest.Wait()
		pages := e.store.Pages("gazette /")
		require.Len(t, pages, 1)
		page = pages[0]
	})
	return page
}

func TestAPageKeepsWhatIsForEveryReader(t *testing.T) {
	page := keep(t, nil, `Cache-Control: max-age=60, private="X-Private"`, "Content-Type: text/html", "X-Private: 1",
		"Age: 5", "Connection: X-Hop", "X-Hop: 1", "Keep-Alive: timeout=5", "Trailer: X-Sum", "Content-Encoding: br")
	for _, name := range []string{"Age", "Connection", "X-Hop", "Keep-Alive", "Trailer", "X-Private"} {
		require.False(t, page.Header.Has(name), "§3.1")
	}
	require.Equal(t, "text/html", page.Header.Get("Content-Type"))
	require.NotEmpty(t, page.Header.Get("Date"), "RFC 9110 §6.6.1: supplied where it is missing")
	require.Equal(t, 5*time.Second, page.Freshness.InitialAge)
	require.Equal(t, "primary", page.Origin)
}

func TestACodedPageIsOnlyForReadersOfItsCoding(t *testing.T) {
	page := keep(t, []string{"Accept-Encoding: br"}, minute, "Content-Encoding: br")
	require.Equal(t, []string{"Accept-Encoding"}, page.Variant.Names, "also where the origin forgot to say so")
	require.True(t, page.Matches(fields("Accept-Encoding: br")))
	require.False(t, page.Matches(fields("Accept-Encoding: gzip")))
	require.False(t, page.Matches(fields()))
}

func TestAPageHasALengthWhereTheOriginDeclaredNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := make(chan *stream, 1)
		e := newEdge(t, streaming(streams, 200, -1, minute))
		a := e.get(t)
		require.EqualValues(t, -1, a.Rendition.Length)
		require.Empty(t, field(a, "Content-Length"))
		origin := <-streams
		origin.send(t, "news")
		require.NoError(t, origin.to.Close())
		synctest.Wait()
		a.Cursor.Close()
		page := e.store.Pages("gazette /")[0]
		require.EqualValues(t, 4, page.Length)
		require.Equal(t, "4", page.Header.Get("Content-Length"))
	})
}

func TestALeaderWhoComesLateGetsTheWholeOfABodyWithoutALength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, func(a ask) (*http.Response, error) {
			a.Query.Interim(103, http.Header{})
			response := replyOf(200, -1, minute)
			response.Body = io.NopCloser(strings.NewReader("news"))
			return response, nil
		})
		leader, busy := e.request("GET"), make(chan struct{})
		leader.Interim = func(int, http.Header) { <-busy }
		time.AfterFunc(time.Minute, func() { close(busy) })
		a := e.ask(t, leader)
		require.Nil(t, a.Cursor, "it has arrived meanwhile")
		require.EqualValues(t, 4, a.Rendition.Length)
		body, err := readAll(t.Context(), &a)
		require.NoError(t, err)
		require.Equal(t, "news", body)
	})
}

func TestSelectPrefersTheMostRecentPage(t *testing.T) {
	older, newer := kept(200), kept(200)
	older.Variant = &cache.Variant{Names: []string{"Accept"}, Values: []string{"text/html"}}
	html := fields("Accept: text/html")
	require.Same(t, newer, cache.Select([]*cache.Page{newer, older}, html))
	require.Same(t, older, cache.Select([]*cache.Page{older, newer}, html))
	require.Same(t, newer, cache.Select([]*cache.Page{older, newer}, fields()))
	require.Nil(t, cache.Select([]*cache.Page{older}, fields()))
}

func TestCostCountsWhatAPageHolds(t *testing.T) {
	plain := kept(200).Cost()
	require.Greater(t, plain, int64(10))
	for _, more := range []func(p *cache.Page){
		func(p *cache.Page) { p.Body = cache.NewBody(make([]byte, 1010)) },
		func(p *cache.Page) { p.Key += cache.Key(strings.Repeat("x", 1000)) },
		func(p *cache.Page) { p.Header = cache.PackHeader(fields("X: " + strings.Repeat("x", 1000))) },
		func(p *cache.Page) {
			p.Variant = &cache.Variant{Names: []string{"Accept"}, Values: []string{strings.Repeat("x", 1000)}}
		},
	} {
		p := kept(200)
		more(p)
		require.GreaterOrEqual(t, p.Cost(), plain+1000)
	}
}

func TestWhatIsWithheldStillCountsForFreshness(t *testing.T) { // RFC 9111 §4.2
	for _, c := range []struct {
		name         string
		lines        []string
		field        string
		again, stale bool
	}{
		{"an Age beyond the lifetime", []string{`Cache-Control: max-age=3600, private="Age"`, "Age: 7200"}, "Age", false, true},
		{"an Age below it", []string{`Cache-Control: max-age=3600, private="Age"`, "Age: 1200"}, "Age", false, false},
		{"a Date before it began", []string{`Cache-Control: max-age=3600, no-cache="Date"`, "Date: Fri, 31 Dec 1999 20:00:00 GMT"}, "Date", false, true},
		{"an Expires to come", []string{`Cache-Control: private="Expires"`, "Expires: Sat, 01 Jan 2000 12:00:00 GMT"}, "Expires", false, false},
		{"an Expires that is over", []string{`Cache-Control: private="Expires"`, "Expires: Fri, 31 Dec 1999 12:00:00 GMT"}, "Expires", false, true},
		{"the Age of a 304", []string{`Cache-Control: max-age=3600, private="Age"`, "Age: 7200"}, "Age", true, true},
		{"the Date of a 304", []string{`Cache-Control: max-age=3600, no-cache="Date"`, "Date: Fri, 31 Dec 1999 20:00:00 GMT"}, "Date", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // it begins at midnight of 2000-01-01
				lines := append([]string{`Etag: "1"`}, c.lines...)
				e := newEdge(t, always(200, "news", lines...))
				if c.again {
					e = stored(t, cache.Policy{}, minute, `Etag: "1"`)
					e.answers(always(304, "", lines...))
				}
				e.read(t)
				synctest.Wait()
				before := e.fetches()
				a, _ := e.read(t)
				require.Equal(t, c.stale, e.fetches() > before)
				if !c.stale {
					require.Equal(t, cache.Hit, a.Result)
					require.Empty(t, field(a, c.field), "it is the first reader's alone")
				}
			})
		})
	}
}

func TestAPageHasOneDate(t *testing.T) { // RFC 9110 §6.6.1
	const midnight, eleven = "Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 31 Dec 1999 23:00:00 GMT"
	for _, c := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"of several that differ it is when they came", []string{"Date: " + eleven, "Date: Fri, 31 Dec 1999 22:00:00 GMT"}, midnight},
		{"the same twice is one", []string{"Date: " + eleven, "Date: " + eleven}, eleven},
		{"what is no date is when it came", []string{"Date: yesterday"}, midnight},
		{"its own in another form", []string{"Date: Friday, 31-Dec-99 23:00:00 GMT"}, "Friday, 31-Dec-99 23:00:00 GMT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdge(t, always(200, "news", append(c.lines, "Cache-Control: max-age=86400")...))
				e.read(t)
				synctest.Wait()
				time.Sleep(time.Minute)
				a, _ := e.read(t)
				require.Equal(t, cache.Hit, a.Result)
				require.Equal(t, c.want, field(a, "Date"))
			})
		})
	}
}
