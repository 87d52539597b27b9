package origin

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/health"
)

// askWith is a request with a body of undeclared length.
func askWith(method string, body io.Reader) *Ask {
	a := ask(method, "/comments")
	a.Body = NewBody(body, -1)
	return a
}

// echo answers with the body it was sent.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Write(body)
}

// readThen reads the whole body before it answers.
func readThen(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		next(w, r)
	}
}

func TestSafeMethods(t *testing.T) { // RFC 9110 §9.2.1 and the registry
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT", "SEARCH", "QUERY", "TRACE"} {
		require.True(t, ask(method, "/").safe(), method)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "PRI", "CONNECT", "LOCK", "get", ""} {
		require.False(t, ask(method, "/").safe(), method)
	}
}

// TestTheCacheHasTheSameSafeMethods compares the two lists, which may not import each other.
func TestTheCacheHasTheSameSafeMethods(t *testing.T) {
	for _, method := range []string{
		"GET", "HEAD", "OPTIONS", "TRACE", "PRI", "PROPFIND", "QUERY", "REPORT", "SEARCH", "POST", "PUT", "DELETE", "PATCH", "CONNECT",
		"ACL", "BIND", "CHECKIN", "COPY", "LOCK", "MKCOL", "MOVE", "PROPPATCH", "UNLOCK", "LINK", "get", "",
	} {
		require.Equal(t, !cache.Invalidates(method, http.StatusOK), safe(method), method)
	}
}

func TestAnUnsafeRequestMovesOnWhileTheConnectionNeverCameAbout(t *testing.T) {
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, nil, echo)
			got, err := s.pool.Fetch(t.Context(), askWith(method, strings.NewReader("a letter")))
			requireAnswer(t, got, err, "b", "a letter")
			require.Equal(t, []string{"a>b: connect_refused"}, s.seen.failovers)
		})
	}
}

func TestAnUnsafeRequestIsNeverReplayedOnceSent(t *testing.T) {
	tests := []struct {
		name   string
		origin http.HandlerFunc
		class  health.Class
	}{
		{"closed before the body was read", breakOff, health.RequestEOF},
		{"closed after it", readThen(breakOff), health.RequestEOF},
		{"garbage", readThen(serveRaw("220 ready\r\n")), health.ProtocolError},
		{"silence", readThen(hang), health.FirstByteTimeout},
		{"508", readThen(serveStatus(508, "round")), health.LoopDetected},
		{"a foreign page", readThen(serveHTML(200, notice)), health.IdentityMissing},
		{"a block page", readThen(serveHTML(200, denied)), health.BlockPage},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, test.origin, echo)
				_, err := s.pool.Fetch(t.Context(), askWith(http.MethodPost, strings.NewReader("a letter")))
				var none *Error
				require.ErrorAs(t, err, &none)
				require.Len(t, none.Attempts, 1)
				require.Equal(t, test.class, none.Class(), none.Attempts[0].Reason)
				require.Zero(t, s.at["b"].requests.Load())
				require.Empty(t, s.seen.failovers)
				require.Equal(t, 1, s.liveFailures("a"))
			})
		})
	}
}

func TestAnIdempotencyKeyDoesNotCarryAnUnsafeRequestToAnotherOrigin(t *testing.T) {
	for _, key := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		synctest.Test(t, func(t *testing.T) {
			var s *scene
			s = newScene(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					// Read, perhaps obeyed, and then gone: net/http asks for a new connection.
					s.at["a"].refuses.Store(true)
					panic(http.ErrAbortHandler)
				}
				servePage(w, r)
			}, servePage)
			got, err := s.fetch() // a connection to use again
			requireAnswer(t, got, err, "a", page)
			synctest.Wait()
			order := ask(http.MethodPost, "/order")
			order.Header.Set(key, "17")
			_, err = s.pool.Fetch(t.Context(), order)
			require.Error(t, err)
			require.EqualValues(t, 2, s.at["a"].requests.Load())
			require.Zero(t, s.at["b"].requests.Load())
		})
	}
}

func TestAServerErrorIsTheAnswerToAnUnsafeRequest(t *testing.T) {
	for name, origin := range map[string]http.HandlerFunc{
		"plain": serveStatus(503, "closed"), "a page without the identity": serveHTML(500, notice),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, readThen(origin), echo)
				got, err := s.pool.Fetch(t.Context(), askWith(http.MethodPost, strings.NewReader("a letter")))
				require.NoError(t, err)
				require.Equal(t, "a", got.Origin)
				require.GreaterOrEqual(t, got.Response.StatusCode, 500)
				require.NotEmpty(t, readAll(t, got))
				require.Zero(t, s.at["b"].requests.Load())
				require.Equal(t, 1, s.liveFailures("a"), "it still counts against the origin")
			})
		})
	}
}

func TestAnUnsafeRequestIsNotHedged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(5 * time.Second)
			echo(w, r)
		}
		s := newScene(t, slow, echo)
		got, err := s.pool.Fetch(t.Context(), ask(http.MethodDelete, "/comments/1"))
		requireAnswer(t, got, err, "a", "")
		require.Zero(t, s.at["b"].requests.Load())
		require.Empty(t, s.seen.hedged)
	})
}

func TestABodyUpToTheLimitIsSentAgainWholeToTheNextOrigin(t *testing.T) {
	for _, method := range []string{"OPTIONS", "PROPFIND"} {
		for _, length := range []int{0, 1, replayLimit} {
			synctest.Test(t, func(t *testing.T) {
				body := strings.Repeat("x", length)
				s := newScene(t, readThen(serveStatus(500, "no")), readThen(breakOff), echo)
				got, err := s.pool.Fetch(t.Context(), askWith(method, strings.NewReader(body)))
				require.NoError(t, err)
				require.Equal(t, "c", got.Origin)
				require.True(t, readAll(t, got) == body, "the same body") // too long to print
			})
		}
	}
}

func TestALongerBodyIsSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := strings.NewReader(strings.Repeat("x", replayLimit+1))
		s := newScene(t, readThen(lasting(500, "no")), echo)
		got, err := s.pool.Fetch(t.Context(), askWith("PROPFIND", body))
		requireAnswer(t, got, err, "a", "no")
		require.False(t, got.Doubtful)
		require.Zero(t, s.at["b"].requests.Load())
		require.Empty(t, s.seen.failovers)

		s = newScene(t, readThen(breakOff), echo)
		_, err = s.pool.Fetch(t.Context(), askWith("PROPFIND", bytes.NewReader(make([]byte, 1<<20))))
		var none *Error
		require.ErrorAs(t, err, &none)
		require.Len(t, none.Attempts, 1)
	})
}

func TestALongBodyMovesOnAsLongAsNoneOfItWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := strings.Repeat("x", 1<<20)
		s := newScene(t, nil, nil, echo)
		got, err := s.pool.Fetch(t.Context(), askWith(http.MethodPut, strings.NewReader(long)))
		require.NoError(t, err)
		require.Equal(t, "c", got.Origin)
		require.True(t, readAll(t, got) == long, "the same body")
	})
}

// watched is a request body that notes when it was first read.
type watched struct {
	io.Reader
	read atomic.Bool
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	w.read.Store(true)
	return w.Reader.Read(p)
}

func TestExpectContinueIsPassedOn(t *testing.T) { // RFC 9110 §10.1.1
	expecting := func(body io.Reader) *Ask {
		a := askWith(http.MethodPost, body)
		a.Header.Set("Expect", "100-continue")
		return a
	}
	t.Run("the body waits for 100", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			body := &watched{Reader: strings.NewReader("a letter")}
			var early bool
			s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
				require.Equal(t, "100-continue", r.Header.Get("Expect"))
				time.Sleep(continueTimeout / 2)
				early = body.read.Load()
				echo(w, r)
			})
			got, err := s.pool.Fetch(t.Context(), expecting(body))
			requireAnswer(t, got, err, "a", "a letter")
			require.False(t, early)
		})
	})
	t.Run("a final answer saves the body", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			body := &watched{Reader: strings.NewReader("a letter")}
			s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Connection", "close")
				serveStatus(http.StatusExpectationFailed, "no letters")(w, r)
			})
			got, err := s.pool.Fetch(t.Context(), expecting(body))
			requireAnswer(t, got, err, "a", "no letters")
			require.Equal(t, http.StatusExpectationFailed, got.Response.StatusCode)
			require.False(t, body.read.Load())
		})
	})
}
