package origin

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// zipped is text in the gzip coding.
func zipped(t testing.TB, text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

// serveZipped answers with a page in the gzip coding.
func serveZipped(t testing.TB, text string) http.HandlerFunc {
	body := zipped(t, text)
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		serveHTML(http.StatusOK, body)(w, r)
	}
}

func TestThePrimaryAnswersWhileItCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, servePage, servePage)
		for range 3 {
			got, err := s.fetch()
			requireAnswer(t, got, err, "a", page)
			require.Len(t, got.Attempts, 1)
		}
		require.Zero(t, s.at["b"].requests.Load())
		require.Equal(t, []health.Class{health.OK, health.OK, health.OK}, s.seen.of("a"))
		require.Empty(t, s.seen.failovers)
		require.Empty(t, s.seen.moved)
	})
}

// failing is an origin that fails before the first byte, and what that counts as.
type failing struct {
	name   string
	origin http.HandlerFunc
	class  health.Class
	stage  health.Stage
}

// failures are the ways to fail before the first byte.
func failures(t *testing.T) []failing {
	return []failing{
		{"connection refused", nil, health.ConnectRefused, health.StageResolve},
		{"closed without an answer", breakOff, health.RequestEOF, health.StageRequest},
		{"500", serveStatus(500, "no"), health.ServerError, health.StageRequest},
		{"503", serveStatus(503, "no"), health.ServerError, health.StageRequest},
		{"a server's own 502 page", serveHTML(502, "<h1>Bad Gateway</h1>"), health.ServerError, health.StageRequest},
		{"508", serveStatus(508, "no"), health.LoopDetected, health.StageRequest},
		{"a page without the identity", serveHTML(200, notice), health.IdentityMissing, health.StageIdentity},
		{"a zipped page without the identity", serveZipped(t, notice), health.IdentityMissing, health.StageIdentity},
		{"451", serveHTML(451, notice), health.Legal, health.StageRequest},
		{
			"an empty page of undeclared length", func(w http.ResponseWriter, _ *http.Request) { flushed(w, "text/html", "") },
			health.IdentityMissing, health.StageIdentity,
		},
		{"a status that is none", serveRaw("HTTP/1.1 600 Fog\r\nContent-Length: 0\r\n\r\n"), health.ProtocolError, health.StageRequest},
		{"a status below all", serveRaw("HTTP/1.1 099 Fog\r\nContent-Length: 0\r\n\r\n"), health.ProtocolError, health.StageRequest},
		{
			"another protocol that nobody asked for", serveRaw("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
			health.ProtocolError, health.StageRequest,
		},
		{
			"a coding nobody asked for",
			serveRaw("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nxx"),
			health.IdentityMissing, health.StageIdentity,
		},
		{"not HTTP", serveRaw("220 mail.example ready\r\n"), health.ProtocolError, health.StageRequest},
		{
			"endless header", serveEndlessly("HTTP/1.1 200 OK\r\n", "X-Tide: "+strings.Repeat("high", 256)+"\r\n"),
			health.HeaderTooLarge, health.StageRequest,
		},
		{
			"endless interim answers", serveEndlessly("", "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"),
			health.ProtocolError, health.StageRequest,
		},
		{"cut before the first byte", serveRaw("HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nContent-Length: 9\r\n\r\n"), health.BodyTruncated, health.StageBody},
		{
			"cut before the identity", serveRaw("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99\r\n\r\n<title>"),
			health.BodyTruncated, health.StageBody,
		},
		{
			"a broken chunk", serveRaw("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
			health.ProtocolError, health.StageBody,
		},
		{
			"a cut gzip stream", serveRaw("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n" + zipped(t, page)[:10]),
			health.BodyTruncated, health.StageBody,
		},
		{
			"no gzip stream at all", serveRaw("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n" + "0123456789"),
			health.ProtocolError, health.StageBody,
		},
	}
}

func TestAFailureBeforeTheFirstByteMovesASafeRequestOn(t *testing.T) {
	for _, test := range failures(t) {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, test.origin, servePage)
				got, err := s.fetch()
				requireAnswer(t, got, err, "b", page)
				require.Len(t, got.Attempts, 2)
				require.Equal(t, "a", got.Attempts[0].Origin)
				require.Equal(t, test.class, got.Attempts[0].Class, got.Attempts[0].Reason)
				require.Equal(t, test.stage, got.Attempts[0].Stage)
				require.NotEmpty(t, got.Attempts[0].Reason)
				require.Equal(t, []string{"a>b: " + string(test.class)}, s.seen.failovers)
				require.Equal(t, []health.Class{test.class}, s.seen.of("a"), "reported once")
				require.Equal(t, 1, s.liveFailures("a"))
				require.Zero(t, s.liveFailures("b"))
			})
		})
	}
}

func TestOriginsAreAskedInOrderWithAtMostTwoRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, breakOff, breakOff, servePage, servePage)
		got, err := s.fetch()
		requireAnswer(t, got, err, "c", page)
		require.Equal(t, []string{"a>b: request_eof", "b>c: request_eof"}, s.seen.failovers)

		s = newScene(t, breakOff, nil, breakOff, servePage)
		_, err = s.fetch()
		var none *Error
		require.ErrorAs(t, err, &none)
		require.Len(t, none.Attempts, 3)
		require.Equal(t, health.RequestEOF, none.Class())
		require.Zero(t, s.at["d"].requests.Load())
		for _, part := range []string{"gazette", "a: request_eof", "b: connect_refused", "c: request_eof"} {
			require.ErrorContains(t, err, part)
		}
	})
}

func TestTheBudgetEndsRetriesAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, serveStatus(500, "no"), servePage)
		for range budgetFloor {
			got, err := s.fetch()
			requireAnswer(t, got, err, "b", page)
			s.tracker.Observe(id("a"), health.Observation{Class: health.OK}) // a probe finds nothing
		}
		require.Zero(t, s.seen.noBudget)
		_, err := s.fetch()
		var none *Error
		require.ErrorAs(t, err, &none)
		require.Len(t, none.Attempts, 1)
		require.Equal(t, 1, s.seen.noBudget)
		require.Len(t, s.seen.failovers, budgetFloor)

		time.Sleep(budgetSeconds * time.Second)
		s.tracker.Observe(id("a"), health.Observation{Class: health.OK})
		got, err := s.fetch()
		requireAnswer(t, got, err, "b", page)
	})
}

func TestGoingOnToAnOriginThatIsWellCostsNoBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, serveStatus(500, "no"), servePage)
		s.tracker.Observe(id("b"), health.Observation{Class: health.OK})
		for range 3 * budgetFloor {
			got, err := s.fetch()
			requireAnswer(t, got, err, "b", page)
			s.tracker.Observe(id("a"), health.Observation{Class: health.OK}) // a probe finds nothing
		}
		require.Zero(t, s.seen.noBudget)
		s.at["b"].handler = serveStatus(500, "no")
		for range 2 * budgetFloor { // one of the failures spends nothing, and ends the licence
			_, err := s.fetch()
			require.Error(t, err)
			s.tracker.Observe(id("a"), health.Observation{Class: health.OK})
		}
		require.Positive(t, s.seen.noBudget, "where both fail, the budget counts")
	})
}

func TestAConnectionThatNeverCameAboutCostsNoBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil, servePage)
		for range 3 * budgetFloor {
			got, err := s.fetch()
			requireAnswer(t, got, err, "b", page)
			s.tracker.Observe(id("a"), health.Observation{Class: health.OK})
		}
		require.Len(t, s.seen.failovers, 3*budgetFloor)
		require.Zero(t, s.seen.noBudget)
	})
}

func TestAReaderWhoLeavesCancelsAttemptsAndIsNotReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := errors.New("the reader left")
		s := newScene(t, hang, hang, servePage)
		ctx, leave := context.WithCancelCause(t.Context())
		time.AfterFunc(3*time.Second, func() { leave(left) }) // first and hedge are both under way
		_, err := s.pool.Fetch(ctx, ask(http.MethodGet, "/"))
		require.ErrorIs(t, err, left)
		synctest.Wait() // the origins' handlers have seen it
		require.EqualValues(t, 1, s.at["a"].requests.Load())
		require.EqualValues(t, 1, s.at["b"].requests.Load())
		require.Zero(t, s.at["c"].requests.Load())
		require.Empty(t, s.seen.attempts)
		require.Empty(t, s.seen.failovers)
		require.Zero(t, s.liveFailures("a"))
	})
}

func TestAFailureThatIsOnlyTheReaderLeavingMovesNothing(t *testing.T) {
	left := errors.New("the reader left")
	for range 20 { // both are to be seen at once, and either may be seen first
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Link", "</a.css>; rel=preload")
				w.WriteHeader(http.StatusEarlyHints)
				hang(w, r)
			}, servePage)
			s.tracker.Observe(id("a"), health.Observation{Class: health.OK}) // a probe
			ctx, leave := context.WithCancelCause(t.Context())
			a := ask(http.MethodGet, "/")
			a.Interim = func(int, http.Header) {
				leave(left)
				time.Sleep(time.Millisecond) // the attempt fails of it meanwhile
			}
			_, err := s.pool.Fetch(ctx, a)
			require.ErrorIs(t, err, left)
			synctest.Wait()
			require.Empty(t, s.seen.failovers)
			require.Empty(t, s.seen.attempts)
			require.Zero(t, s.at["b"].requests.Load())
		})
	}
}

func TestTheFetchEndsAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, hang, hang, hang)
		began := time.Now()
		_, err := s.fetch()
		require.Equal(t, fetchDeadline, time.Since(began))
		require.ErrorIs(t, err, errDeadline)
		var none *Error
		require.ErrorAs(t, err, &none)
		require.Equal(t, health.FirstByteTimeout, none.Class())
		require.Len(t, none.Attempts, 3)
		for i, took := range []time.Duration{firstByteTimeout, firstByteTimeout, fetchDeadline - firstByteTimeout - hedgeLatest} {
			require.Equal(t, took, none.Attempts[i].Duration)
			name := none.Attempts[i].Origin
			require.Equal(t, []health.Class{health.FirstByteTimeout}, s.seen.of(name))
			require.Equal(t, 1, s.liveFailures(name))
		}
	})
}

func TestAtTheDeadlineTheErrorInHandIsPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, lasting(503, "word"), hang, hang)
		got, err := s.fetch()
		requireAnswer(t, got, err, "a", "word")
		require.Equal(t, 503, got.Response.StatusCode)
	})
}

func TestWithoutAnyOriginThereIsAnErrorAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, servePage, servePage)
		require.NoError(t, s.tracker.Drain(id("a")))
		require.NoError(t, s.tracker.Drain(id("b")))
		_, err := s.fetch()
		require.ErrorIs(t, err, errNoOrigin)
		var none *Error
		require.ErrorAs(t, err, &none)
		require.Empty(t, none.Attempts)
		require.Equal(t, health.FirstByteTimeout, none.Class())
		require.True(t, s.pool.Outage())
		require.NoError(t, s.tracker.Undrain(id("b")))
		require.False(t, s.pool.Outage())
	})
}
