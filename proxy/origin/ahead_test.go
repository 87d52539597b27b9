package origin

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// broken sends the first half of page and breaks off; declared says its whole length before.
func broken(kind string, declared bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if declared {
			w.Header().Set("Content-Length", strconv.Itoa(len(page)))
		}
		flushed(w, kind, page[:len(page)/2])
		panic(http.ErrAbortHandler)
	}
}

func TestAPageThatBreaksOffAtOnceIsAFailedAttempt(t *testing.T) {
	for name, first := range map[string]http.HandlerFunc{
		"declared length":         broken("text/html", true),
		"declared length, image":  broken("image/png", true),
		"chunked":                 broken("text/html", false),
		"chunked, no page at all": broken("application/json", false),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, first, func(w http.ResponseWriter, _ *http.Request) { flushed(w, "text/html", page) })
				got, err := s.fetch()
				require.NoError(t, err)
				require.Equal(t, "b", got.Origin)
				require.Equal(t, page, readAll(t, got))
				require.Equal(t, []health.Class{health.BodyTruncated}, s.seen.of("a"))
			})
		})
	}
}

func TestAPageThatBreaksOffLaterIsNotHeldForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(2*len(page)))
			flushed(w, "text/html", page)
			time.Sleep(2 * time.Second)
			panic(http.ErrAbortHandler)
		})
		began := time.Now()
		got, err := s.fetch()
		require.NoError(t, err)
		require.Equal(t, silence, time.Since(began), "it might have frozen")
		text, err := io.ReadAll(got.Response.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.Equal(t, page, string(text))
		require.NoError(t, got.Response.Body.Close())
		require.Equal(t, []health.Class{health.OK, health.BodyTruncated}, s.seen.of("a"))
	})
}

func TestEventsAreNotHeldAtAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, func(w http.ResponseWriter, _ *http.Request) {
			flushed(w, "text/event-stream", "data: one\n\n")
			time.Sleep(time.Minute)
			flushed(w, "text/event-stream", "data: two\n\n")
		})
		began := time.Now()
		got, err := s.fetch()
		require.NoError(t, err)
		require.Zero(t, time.Since(began))
		require.Equal(t, "data: one\n\ndata: two\n\n", readAll(t, got))
	})
}

func TestALargeBodyIsWholeAndReadAheadByLittle(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	for _, declared := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "video/mp4")
				if declared {
					w.Header().Set("Content-Length", strconv.Itoa(len(large)))
				}
				for piece := range slices.Chunk(large, 10_000) {
					if _, err := w.Write(piece); err != nil {
						return
					}
				}
			})
			got, err := s.pool.Fetch(t.Context(), ask(http.MethodGet, "/tide.mp4"))
			require.NoError(t, err)
			if a, ok := got.Response.Body.(*ahead); ok {
				synctest.Wait()
				a.mu.Lock()
				require.LessOrEqual(t, len(a.kept), aheadLimit+8<<10)
				a.mu.Unlock()
			}
			require.Equal(t, string(large), readAll(t, got))
		})
	}
}

func TestClosingABodyEndsReadingAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
			flushed(w, "text/html", page)
			hang(w, r)
		})
		got, err := s.fetch()
		require.NoError(t, err)
		require.NoError(t, got.Response.Body.Close())
		synctest.Wait() // a goroutine that stayed would be a deadlock at the end of the bubble
		require.Equal(t, []health.Class{health.OK}, s.seen.of("a"))
	})
}
