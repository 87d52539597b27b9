package lab

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// edge is an edge without a network.
type edge func(r *http.Request) (*http.Response, error)

func (e edge) RoundTrip(r *http.Request) (*http.Response, error) { return e(r) }

// page200 is a whole page of the newspaper with more header fields.
func page200(body string, fields ...string) *http.Response {
	header := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	for i := 0; i < len(fields); i += 2 {
		header.Set(fields[i], fields[i+1])
	}
	return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(strings.NewReader(body))}
}

const wholePage = "<html><title>The Harbour Gazette</title></html>\n"

// runFor runs a reader for a time of the bubble it is in.
func runFor(t *testing.T, r *Reader, d time.Duration) Tally {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	require.NoError(t, r.Run(ctx))
	return r.Tally()
}

func TestReaderKeepsItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Reader{
			Base: "http://edge.test", Paths: []string{"/"}, Interval: 100 * time.Millisecond, Concurrency: 3,
			Client: &http.Client{Transport: edge(func(*http.Request) (*http.Response, error) { return page200(wholePage), nil })},
		}
		// At 0, 100, …, 900 ms, and nothing after the end.
		tally := runFor(t, r, 950*time.Millisecond)
		require.EqualValues(t, 30, tally.Requests)
		require.Zero(t, tally.Failed+tally.Foreign)
		require.Equal(t, map[string]int64{"": 30}, tally.Origins)
	})
}

func TestReaderJudgesAnswers(t *testing.T) {
	for _, test := range []struct {
		name            string
		path            string
		answer          *http.Response
		err             error
		failed, foreign int64
		says            string
	}{
		{name: "whole page", path: "/", answer: page200(wholePage)},
		{name: "whole asset", path: "/assets/a.css", answer: page200("body {}", "Content-Type", "text/css")},
		{name: "query with a dot", path: "/search?q=a.css", answer: page200(wholePage)},
		{name: "error", path: "/", err: errors.New("no way through"), failed: 1, says: "no way through"},
		{name: "status", path: "/", answer: &http.Response{StatusCode: 503, Body: http.NoBody, Header: http.Header{}}, failed: 1, says: "503"},
		{name: "redirect is not followed", path: "/", answer: &http.Response{StatusCode: 302, Body: http.NoBody, Header: http.Header{"Location": {"http://else.test/"}}}, failed: 1, says: "302"},
		{name: "cut page", path: "/", answer: page200(wholePage[:45]), failed: 1, says: "before </html>"},
		{name: "cut body", path: "/", answer: &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(io.MultiReader(strings.NewReader("<ht"), brokenReader{}))}, failed: 1, says: "after 3 bytes"},
		{name: "other page", path: "/", answer: page200("<html>seized</html>"), foreign: 1, says: "marker"},
		{name: "page for an asset", path: "/assets/a.css", answer: page200(wholePage), foreign: 1, says: "content type"},
		{name: "text for a page", path: "/", answer: page200("seized", "Content-Type", "text/plain"), foreign: 1, says: "content type"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &Reader{
					Base: "http://edge.test", Paths: []string{test.path}, Interval: time.Hour,
					Client: &http.Client{Transport: edge(func(*http.Request) (*http.Response, error) { return test.answer, test.err })},
				}
				tally := runFor(t, r, time.Second)
				require.EqualValues(t, 1, tally.Requests)
				require.Equal(t, test.failed, tally.Failed)
				require.Equal(t, test.foreign, tally.Foreign)
				if test.says != "" {
					require.Len(t, tally.Events, 1)
					require.Contains(t, tally.Events[0].Detail, test.says)
				} else {
					require.Empty(t, tally.Events)
				}
			})
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestReaderTellsWhereAnswersCameFrom(t *testing.T) {
	for _, test := range []struct {
		name   string
		fields []string
		cached bool
	}{
		{"no word", nil, false},
		{"Age", []string{"Age", "5"}, true},
		{"Age of nothing", []string{"Age", "0"}, false},
		{"RFC 9211 §2.1 hit", []string{"Cache-Status", "heliograph; hit; ttl=12"}, true},
		{"RFC 9211 §2.2 fwd", []string{"Cache-Status", "heliograph; fwd=miss; stored", "Age", "9"}, false},
		{"RFC 9211 §2 hit further away", []string{"Cache-Status", "far; hit, heliograph; fwd=miss"}, true},
		{"RFC 9211 §2.8 detail that says hit", []string{"Cache-Status", `heliograph; fwd=stale; detail="a; hit, \"b; hit"`}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.cached, fromCache(page200("", test.fields...).Header))
		})
	}
}

func TestReaderNotesTheMoveToAnotherOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		served := []string{"a", "a", "b", "b", "a"}
		r := &Reader{
			Base: "http://edge.test", Paths: []string{"/"}, Interval: time.Second,
			Client: &http.Client{Transport: edge(func(*http.Request) (*http.Response, error) {
				by := served[0]
				served = served[1:]
				return page200(wholePage, "X-Served-By", by), nil
			})},
		}
		tally := runFor(t, r, 4500*time.Millisecond)
		require.Equal(t, map[string]int64{"a": 3, "b": 2}, tally.Origins)
		require.Len(t, tally.Events, 2)
		require.Equal(t, "moved", tally.Events[0].Kind)
		require.Equal(t, "from a to b", tally.Events[0].Detail)
		require.Equal(t, "from b to a", tally.Events[1].Detail)
	})
}

func TestReaderSumsUpLatencies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		r := &Reader{
			Base: "http://edge.test", Paths: []string{"/"}, Interval: time.Second, Timeout: time.Minute,
			Client: &http.Client{Transport: edge(func(r *http.Request) (*http.Response, error) {
				n++
				time.Sleep(time.Duration(n) * 10 * time.Millisecond)
				return page200(wholePage), nil
			})},
		}
		// 100 requests of 10 ms, 20 ms, …, 1 s: their sum and 100 pauses.
		tally := runFor(t, r, 50*time.Second+500*time.Millisecond+100*time.Second-time.Millisecond)
		require.EqualValues(t, 100, tally.Requests)
		require.Equal(t, Latency{P50: 0.5, P99: 0.99, Max: 1}, tally.Latency)
	})
}

func TestReaderTimesOutButDoesNotCountWhatItsEndCutsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Reader{
			Base: "http://edge.test", Paths: []string{"/"}, Interval: time.Second, Timeout: 2 * time.Second,
			Client: &http.Client{Transport: edge(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})},
		}
		// Requests at 0 s and 3 s time out; the third, at 6 s, is cut short.
		tally := runFor(t, r, 7*time.Second)
		require.EqualValues(t, 2, tally.Requests)
		require.EqualValues(t, 2, tally.Failed)
	})
}

func TestReaderBustsCachesWithPagesOnly(t *testing.T) {
	for _, test := range []struct {
		name   string
		bust   int
		busted int
	}{{"every second page", 2, 4}, {"zero means every fourth", 0, 2}, {"never", -1, 0}} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked []*http.Request // by the one visitor, and read when it has ended
				r := &Reader{
					Base: "http://edge.test", Host: "read.gazette.example", Bust: test.bust,
					Paths: []string{"/", "/assets/gazette.css"}, Interval: time.Second,
					Client: &http.Client{Transport: edge(func(r *http.Request) (*http.Response, error) {
						asked = append(asked, r)
						return page200(wholePage), nil
					})},
				}
				runFor(t, r, 15500*time.Millisecond)
				require.Len(t, asked, 16) // 8 pages and 8 assets
				queries := map[string]bool{}
				for _, request := range asked {
					require.Equal(t, "read.gazette.example", request.Host)
					if request.URL.RawQuery != "" {
						require.Equal(t, "/", request.URL.Path)
						queries[request.URL.RawQuery] = true
					}
				}
				require.Len(t, queries, test.busted)
			})
		})
	}
}

func TestReaderRefusesABaseThatIsNoURL(t *testing.T) {
	require.ErrorContains(t, (&Reader{Base: "http://bad host"}).Run(t.Context()), "its base is no URL")
}

func TestJournalKeepsTheLatestEvents(t *testing.T) {
	var j journal
	for i := range eventsKept + 5 {
		j.add(outcome{kind: kindFailed, detail: string(rune('a' + i))})
	}
	events := j.tally().Events
	require.Len(t, events, eventsKept)
	require.Equal(t, string(rune('a'+5)), events[0].Detail)
}

func TestJournalForgetsOldLatenciesButNotTheLongest(t *testing.T) {
	var j journal
	j.add(outcome{kind: kindGood, took: time.Hour})
	for range latenciesKept {
		j.add(outcome{kind: kindGood, took: time.Second})
	}
	require.Equal(t, Latency{P50: 1, P99: 1, Max: 3600}, j.tally().Latency)
}

func TestTallyIsJSONBeforeTheFirstRequest(t *testing.T) {
	encoded, err := json.Marshal((&Reader{Name: "north"}).Tally())
	require.NoError(t, err)
	require.Contains(t, string(encoded), `"name":"north"`)
	require.Contains(t, string(encoded), `"origins":{},"latency_seconds":{"p50":0,"p99":0,"max":0},"events":[]`)
}

func TestReaderToursAnOriginWithoutAComplaint(t *testing.T) {
	l, origin := primary(t, Options{})
	ctx, stop := context.WithCancel(t.Context())
	r := &Reader{Base: origin.URL(), Client: l.Client(), Interval: time.Microsecond, Concurrency: 2}
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	whole := int64(len(tour()))
	require.Eventually(t, func() bool { return r.Tally().Requests >= whole }, waitLong, tick)
	require.NoError(t, origin.Break(Seized))
	require.Eventually(t, func() bool { return r.Tally().Foreign > 0 }, waitLong, tick)
	stop()
	require.NoError(t, <-ended)
	tally := r.Tally()
	require.Zero(t, tally.Failed)
	require.GreaterOrEqual(t, tally.Origins[origin.Name()], whole)
}

func TestRevisitingReadersAskOnlyForWhatTheyHadBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		broken := false
		r := &Reader{
			Base: "http://edge.test", Paths: []string{"/", "/news", "/gone"}, Interval: 100 * time.Millisecond, Bust: 2,
			Client: &http.Client{Transport: edge(func(r *http.Request) (*http.Response, error) {
				asked = append(asked, r.URL.RequestURI())
				if r.URL.Path == "/gone" || broken && r.URL.RawQuery != "" {
					return nil, errors.New("no way through")
				}
				return page200(wholePage), nil
			})},
		}
		r.Revisit(true)
		require.Zero(t, runFor(t, r, time.Second).Requests, "nothing was had before")
		r.Revisit(false)
		before := runFor(t, r, 2*time.Second)
		require.Positive(t, before.Failed)
		broken, asked = true, nil
		r.Revisit(true)
		runFor(t, r, time.Second)
		require.Zero(t, r.TallySince(before).Failed)
		require.Contains(t, asked, "/")
		require.Contains(t, asked, "/news")
		for _, target := range asked {
			require.Contains(t, []string{"/", "/news"}, target)
		}
	})
}

func TestRevisitWaitsForRequestsUnderWay(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	r := &Reader{
		Base: "http://edge.test", Paths: []string{"/"}, Interval: time.Hour,
		Client: &http.Client{Transport: edge(func(*http.Request) (*http.Response, error) {
			close(asked)
			<-answer
			return page200(wholePage), nil
		})},
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	ran, revisiting := make(chan error, 1), make(chan int64, 1)
	go func() { ran <- r.Run(ctx) }()
	<-asked
	go func() {
		r.Revisit(true)
		revisiting <- r.Tally().Requests
	}()
	close(answer)
	require.EqualValues(t, 1, <-revisiting, "the request under way was counted first")
	leave()
	require.NoError(t, <-ran)
}

func TestATallySinceAnotherIsTheDifference(t *testing.T) {
	var j journal
	j.add(outcome{kind: kindGood, path: "/", took: time.Second, servedBy: "a"})
	j.add(outcome{kind: kindFailed, path: "/"})
	before := j.tally()
	require.Zero(t, j.tallySince(before).Requests)
	require.Zero(t, j.tallySince(before).Latency)
	j.add(outcome{kind: kindGood, path: "/", took: 20 * time.Millisecond, servedBy: "b"})
	j.add(outcome{kind: kindGood, path: "/", took: 10 * time.Millisecond, cached: true})
	j.add(outcome{kind: kindForeign, path: "/", took: 30 * time.Millisecond})
	since := j.tallySince(before)
	require.EqualValues(t, 3, since.Requests)
	require.EqualValues(t, 1, since.Foreign)
	require.EqualValues(t, 1, since.Cached)
	require.Zero(t, since.Failed)
	require.Equal(t, map[string]int64{"b": 1}, since.Origins)
	require.Equal(t, Latency{P50: .02, P99: .03, Max: .03}, since.Latency)
}

func TestATallySinceAnotherSurvivesTheRing(t *testing.T) {
	var j journal
	before := j.tally()
	for i := range latenciesKept + 10 {
		j.add(outcome{kind: kindGood, cached: true, took: time.Duration(i) * time.Millisecond})
	}
	require.EqualValues(t, latenciesKept+10, j.tallySince(before).Requests)
	recent := j.tally()
	j.add(outcome{kind: kindGood, cached: true, took: time.Minute})
	require.Equal(t, Latency{P50: 60, P99: 60, Max: 60}, j.tallySince(recent).Latency)
}
