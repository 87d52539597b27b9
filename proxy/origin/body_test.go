package origin

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// flushed sends a beginning at once.
func flushed(w http.ResponseWriter, kind, text string) {
	w.Header().Set("Content-Type", kind)
	io.WriteString(w, text)
	http.NewResponseController(w).Flush()
}

func TestABodyStreamsAsItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, func(w http.ResponseWriter, _ *http.Request) {
			for range 3 {
				flushed(w, "text/html", page)
				time.Sleep(10 * time.Second)
			}
		})
		began := time.Now()
		got, err := s.fetch()
		require.NoError(t, err)
		require.Equal(t, silence, time.Since(began), "the answer hardly waits for its body")
		require.Equal(t, strings.Repeat(page, 3), readAll(t, got))
		require.Equal(t, 30*time.Second, time.Since(began), "and the deadline is the header's")
	})
}

func TestABodyThatStopsComingIsReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
			flushed(w, "text/html", page)
			hang(w, r)
		})
		got, err := s.fetch()
		require.NoError(t, err)
		began := time.Now()
		text, err := io.ReadAll(got.Response.Body)
		require.ErrorIs(t, err, errBodyIdle)
		require.Equal(t, page, string(text))
		require.Equal(t, bodyIdleTimeout-silence, time.Since(began))
		_, err = got.Response.Body.Read(make([]byte, 1))
		require.ErrorIs(t, err, errBodyIdle)
		require.NoError(t, got.Response.Body.Close())
		require.Equal(t, []health.Class{health.OK, health.BodyStalled}, s.seen.of("a"))
	})
}

func TestAPageThatStopsBeforeItsIdentityIsAFailedAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
			flushed(w, "text/html", "<title>")
			hang(w, r)
		})
		began := time.Now()
		_, err := s.fetch()
		require.Equal(t, bodyIdleTimeout, time.Since(began))
		var none *Error
		require.ErrorAs(t, err, &none)
		require.Equal(t, health.BodyStalled, none.Class())
		require.Equal(t, []health.Class{health.BodyStalled}, s.seen.of("a"))
	})
}

func TestASlowReaderIsNotTheOriginsFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
			servePage(w, r)
			io.WriteString(w, strings.Repeat("<p>", 1<<17))
		})
		got, err := s.fetch()
		require.NoError(t, err)
		_, err = io.CopyN(io.Discard, got.Response.Body, 1000)
		require.NoError(t, err)
		time.Sleep(4 * bodyIdleTimeout)
		require.Equal(t, len(page)+3<<17-1000, len(readAll(t, got)))
		require.Equal(t, []health.Class{health.OK}, s.seen.of("a"))
	})
}

func TestAnEventStreamMayBeQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, func(w http.ResponseWriter, _ *http.Request) {
			flushed(w, "text/event-stream; charset=utf-8", "data: one\n\n")
			time.Sleep(time.Hour)
			io.WriteString(w, "data: two\n\n")
		})
		got, err := s.fetch()
		requireAnswer(t, got, err, "a", "data: one\n\ndata: two\n\n")
	})
}

func TestABodyThatBreaksOffLaterIsReportedOnce(t *testing.T) {
	tests := []struct{ name, raw string }{
		{"a declared length", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9999\r\n\r\n" + page},
		{"a chunked body", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n47\r\n" + page + "\r\n"},
		{"no page at all", "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 9999\r\n\r\n" + page},
	}
	require.Len(t, page, 0x47, "the chunk's length")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, serveRawFor(test.raw, 10*time.Second))
				got, err := s.pool.Fetch(t.Context(), ask(http.MethodGet, "/tide"))
				require.NoError(t, err)
				require.Equal(t, "a", got.Origin)
				for range 2 {
					_, err = io.ReadAll(got.Response.Body)
					require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				}
				require.NoError(t, got.Response.Body.Close())
				require.Equal(t, []health.Class{health.OK, health.BodyTruncated}, s.seen.of("a"))
			})
		})
	}
}

func TestClosingABodyEarlyIsNotReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan struct{})
		s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
			defer close(ended)
			flushed(w, "text/html", page)
			hang(w, r)
		})
		got, err := s.fetch()
		require.NoError(t, err)
		require.NoError(t, got.Response.Body.Close())
		<-ended
		require.Equal(t, []health.Class{health.OK}, s.seen.of("a"))
	})
}

func TestTrailersPassBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			w.Header().Set("Content-Type", "text/plain")
			io.Copy(w, r.Body)
			w.Header().Set("X-Sum", "of "+r.Trailer.Get("X-Letters"))
		})
		a := askWith(http.MethodPost, strings.NewReader("a letter"))
		a.Trailer = http.Header{"X-Letters": {"8"}}
		got, err := s.pool.Fetch(t.Context(), a)
		requireAnswer(t, got, err, "a", "a letter")
		require.Equal(t, "of 8", got.Response.Trailer.Get("X-Sum"))
	})
}

func TestEarlyHintsAreToldBeforeTheAnswer(t *testing.T) { // RFC 8297
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(http.StatusContinue) // is not told
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Set("Link", "</b.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Del("Link")
			time.Sleep(time.Millisecond)
			servePage(w, r)
		})
		s.tracker.Observe(id("a"), health.Observation{Class: health.OK}) // a probe
		var hints []string
		began := time.Now()
		a := ask(http.MethodGet, "/")
		a.Interim = func(_ int, h http.Header) {
			require.Equal(t, began, time.Now())
			hints = append(hints, h.Get("Link"))
		}
		got, err := s.pool.Fetch(t.Context(), a)
		requireAnswer(t, got, err, "a", page)
		require.Equal(t, []string{"</a.css>; rel=preload", "</b.css>; rel=preload"}, hints)
		require.Empty(t, got.Response.Header.Get("Link"))
	})
}

func TestAnUpgradeIsPassedOnAsAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil, func(w http.ResponseWriter, r *http.Request) {
			require.Equal(t, "websocket", r.Header.Get("Upgrade"))
			conn, rw, err := http.NewResponseController(w).Hijack()
			require.NoError(t, err)
			defer conn.Close()
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			line, _ := rw.ReadString('\n')
			io.WriteString(conn, "heard "+line)
		})
		a := ask(http.MethodGet, "/socket")
		a.Header.Set("Connection", "Upgrade")
		a.Header.Set("Upgrade", "websocket")
		got, err := s.pool.Fetch(t.Context(), a)
		require.NoError(t, err)
		require.Equal(t, http.StatusSwitchingProtocols, got.Response.StatusCode)
		require.Equal(t, []string{"a>b: connect_refused"}, s.seen.failovers)
		conn := got.Response.Body.(io.ReadWriteCloser)
		io.WriteString(conn, "ahoy\n")
		line, err := bufio.NewReader(conn).ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "heard ahoy\n", line)
		require.NoError(t, conn.Close())
	})
}

func TestHEADAndNotModifiedHaveNoBodyToMiss(t *testing.T) { // RFC 9110 §9.3.2, §15.4.5
	tests := []struct {
		method, raw string
		status      int
	}{
		{http.MethodHead, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5000\r\n\r\n", 200},
		{http.MethodGet, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5000\r\n\r\n", 304},
		{http.MethodGet, "HTTP/1.1 204 No Content\r\n\r\n", 204},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, serveRawFor(test.raw, time.Second), servePage)
			got, err := s.pool.Fetch(t.Context(), ask(test.method, "/"))
			requireAnswer(t, got, err, "a", "")
			require.Equal(t, test.status, got.Response.StatusCode)
		})
	}
}
