package origin

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

const tag = `"tide-2025-03"`

// film is a body that is longer than what is read ahead.
var film = bytes.Repeat([]byte("0123456789abcdef"), 20_000)

// edition is one origin's copy of a file.
type edition struct {
	etag string
	body []byte
	// stops is called when so many bytes of a whole answer were sent.
	after int
	stops func(w http.ResponseWriter, r *http.Request)
}

// ServeHTTP serves the copy, with its parts.
func (e edition) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Etag", e.etag)
	w.Header().Set("Content-Type", "video/mp4")
	if e.stops != nil && r.Header.Get("Range") == "" {
		w.Header().Set("Content-Length", fmt.Sprint(len(e.body)))
		w.Write(e.body[:e.after])
		http.NewResponseController(w).Flush()
		e.stops(w, r)
		return
	}
	http.ServeContent(w, r, "tide.mp4", time.Time{}, bytes.NewReader(e.body))
}

// drip sends the rest of the film, a little at a time.
func drip(from, size int, pause time.Duration) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		for rest := film[from:]; len(rest) > 0 && r.Context().Err() == nil; rest = rest[min(size, len(rest)):] {
			time.Sleep(pause)
			w.Write(rest[:min(size, len(rest))])
			http.NewResponseController(w).Flush()
		}
	}
}

// resumes adds what the pool tells of resumed bodies to the witness.
func (s *scene) resumes() *[]string {
	told := new([]string)
	s.pool.events.Resumed = func(_, from, to string, at int64) {
		s.seen.mu.Lock()
		defer s.seen.mu.Unlock()
		*told = append(*told, fmt.Sprintf("%s>%s@%d", from, to, at))
	}
	return told
}

// film asks for the film.
func (s *scene) film() *Result {
	got, err := s.pool.Fetch(s.t.Context(), ask(http.MethodGet, "/tide.mp4"))
	require.NoError(s.t, err)
	require.Equal(s.t, "a", got.Origin)
	return got
}

func TestABodyThatBreaksOffOrStallsIsGoneOnWithFromAnotherOrigin(t *testing.T) {
	for _, test := range []struct {
		name  string
		after int
		stops func(http.ResponseWriter, *http.Request)
		class health.Class
		took  time.Duration
		at    int // 0 is after
	}{
		{"it breaks off", 100_000, breakOff, health.BodyTruncated, 0, 0},
		{"it stops", 100_000, hang, health.BodyStalled, stallTime, 0},
		{"it stops where networks freeze", 20_000, hang, health.BodyStalled16K, aheadTime + stallTime, 0},
		{"it is throttled", 100_000, drip(100_000, 300, 100*time.Millisecond), health.Throttled, throttleSpan, 100_000 + 50*300},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, edition{tag, film, test.after, test.stops}.ServeHTTP, edition{etag: tag, body: film}.ServeHTTP)
				told := s.resumes()
				began := time.Now()
				got := s.film()
				require.Equal(t, string(film), readAll(t, got))
				require.Equal(t, test.took, time.Since(began).Truncate(5*time.Millisecond))
				synctest.Wait()
				if test.at == 0 {
					test.at = test.after
				}
				require.Equal(t, []string{fmt.Sprintf("a>b@%d", test.at)}, *told)
				require.Equal(t, []health.Class{health.OK, test.class}, s.seen.of("a"), "once")
				require.Equal(t, []health.Class{health.OK}, s.seen.of("b"))
				require.EqualValues(t, 1, s.at["b"].requests.Load())
			})
		})
	}
}

func TestOnlyTheSameBytesGoOnWithABody(t *testing.T) {
	answering := func(status int, fields ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "video/mp4")
			w.Header().Set("Etag", tag)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", 100_000-overlap, len(film)-1, len(film)))
			for i := 0; i < len(fields); i += 2 {
				w.Header().Set(fields[i], fields[i+1])
			}
			w.WriteHeader(status)
			w.Write(film[100_000-overlap:])
		}
	}
	for _, test := range []struct {
		name  string
		tag   string
		other http.HandlerFunc
	}{
		{"another tag", tag, edition{etag: `"tide-2025-04"`, body: film}.ServeHTTP},
		{"a weak tag", "W/" + tag, edition{etag: "W/" + tag, body: film}.ServeHTTP},
		{"no tag", "", edition{etag: tag, body: film}.ServeHTTP},
		{"a short tag", `"v1"`, edition{etag: `"v1"`, body: film}.ServeHTTP},
		{"another length", tag, edition{etag: tag, body: film[:len(film)-1]}.ServeHTTP},
		{"the whole", tag, answering(200)},
		{"a part from elsewhere", tag, answering(206, "Content-Range", fmt.Sprintf("bytes 100001-%d/%d", len(film)-1, len(film)))},
		{"a part that is too short", tag, answering(206, "Content-Length", "5")},
		{"a part of another length", tag, answering(206, "Content-Range", fmt.Sprintf("bytes %d-%d/*", 100_000-overlap, len(film)-1))},
		{"another coding", tag, answering(206, "Content-Encoding", "gzip")},
		{"a reader's own part differs", tag, edition{etag: tag, body: append(append(bytes.Clone(film[:99_999]), 'x'), film[100_000:]...)}.ServeHTTP},
		{"an error", tag, answering(503)},
		{"a challenge", tag, answering(206, "Cf-Mitigated", "challenge")},
		{"nobody", tag, nil},
		{"silence", tag, hang},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, edition{test.tag, film, 100_000, breakOff}.ServeHTTP, test.other)
				told := s.resumes()
				got := s.film()
				text, err := io.ReadAll(got.Response.Body)
				require.ErrorIs(t, err, io.ErrUnexpectedEOF, "it ends as broken as it is")
				require.Equal(t, film[:100_000], text)
				require.NoError(t, got.Response.Body.Close())
				require.Empty(t, *told)
				require.Equal(t, []health.Class{health.OK, health.BodyTruncated}, s.seen.of("a"))
			})
		})
	}
}

func TestABodyThatStallsAndComesOnStaysWithItsOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(2*stallTime + stallTime/2)
			w.Write(film[100_000:])
		}
		late := func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(2 * stallTime)
			edition{etag: tag, body: film}.ServeHTTP(w, r)
		}
		s := newScene(t, edition{tag, film, 100_000, slow}.ServeHTTP, late)
		told := s.resumes()
		got := s.film()
		require.Equal(t, string(film), readAll(t, got))
		require.Empty(t, *told)
		require.Equal(t, []health.Class{health.OK}, s.seen.of("a"))
	})
}

func TestAStalledBodyIsWaitedForWhereNobodyGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, edition{tag, film, 100_000, hang}.ServeHTTP, nil)
		got := s.film()
		began := time.Now()
		_, err := io.ReadAll(got.Response.Body)
		require.ErrorIs(t, err, errBodyIdle)
		require.Equal(t, bodyIdleTimeout, time.Since(began).Truncate(time.Second))
		require.NoError(t, got.Response.Body.Close())
		require.Equal(t, []health.Class{health.OK, health.BodyStalled}, s.seen.of("a"))
	})
}

func TestABodyIsGoneOnWithAtMostTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := func(w http.ResponseWriter, r *http.Request) {
			var from int
			fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
			w.Header().Set("Etag", tag)
			w.Header().Set("Content-Type", "video/mp4")
			w.Header().Set("Content-Length", fmt.Sprint(len(film)-from))
			sent := 80_000
			if from > 0 {
				sent += overlap
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(film)-1, len(film)))
				w.WriteHeader(206)
			}
			w.Write(film[from : from+sent])
			http.NewResponseController(w).Flush()
			breakOff(w, r)
		}
		s := newScene(t, broken, broken, broken, broken)
		told := s.resumes()
		got := s.film()
		text, err := io.ReadAll(got.Response.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.Equal(t, film[:240_000], text)
		require.NoError(t, got.Response.Body.Close())
		require.Equal(t, []string{"a>b@80000", "b>c@160000"}, *told)
		require.Zero(t, s.at["d"].requests.Load())
	})
}

func TestGoingOnCountsAgainstTheRetryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, edition{tag, film, 100_000, breakOff}.ServeHTTP, edition{etag: tag, body: film}.ServeHTTP)
		for range budgetFloor {
			require.Equal(t, string(film), readAll(t, s.film()))
		}
		_, err := io.ReadAll(s.film().Response.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.Positive(t, s.seen.noBudget)
		time.Sleep(time.Minute)
		require.Len(t, readAll(t, s.film()), len(film))
	})
}

func TestABodyIsNotGoneOnWithFromAnOriginOfNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, edition{tag, film, 100_000, breakOff}.ServeHTTP, edition{etag: tag, body: film}.ServeHTTP)
		s.tracker.Observe(id("b"), health.Observation{At: time.Now(), Class: health.Seized, Status: 200, Stage: health.StageIdentity})
		require.Equal(t, health.Hijacked, s.tracker.View(id("b")).Verdict)
		got := s.film()
		_, err := io.ReadAll(got.Response.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.NoError(t, got.Response.Body.Close())
		require.Zero(t, s.at["b"].requests.Load())
	})
}

func TestClosingABodyEndsTheSearchForOneWhoGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, edition{tag, film, 100_000, hang}.ServeHTTP, hang)
		got := s.film()
		read := make(chan error)
		go func() {
			_, err := io.ReadAll(got.Response.Body)
			read <- err
		}()
		time.Sleep(stallTime + time.Second)
		require.EqualValues(t, 1, s.at["b"].requests.Load())
		require.NoError(t, got.Response.Body.Close())
		require.Error(t, <-read)
		synctest.Wait() // a goroutine that stayed would be a deadlock at the end of the bubble
		require.Equal(t, []health.Class{health.OK}, s.seen.of("a"))
		require.Empty(t, s.seen.of("b"))
	})
}

func TestASlowReaderDoesNotMakeABodySlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, edition{etag: tag, body: film}.ServeHTTP, edition{etag: tag, body: film}.ServeHTTP)
		got := s.film()
		var text bytes.Buffer
		for text.Len() < len(film) {
			_, err := io.CopyN(&text, got.Response.Body, 10_000)
			require.NoError(t, err)
			time.Sleep(2 * throttleSpan)
		}
		require.NoError(t, got.Response.Body.Close())
		require.Zero(t, s.at["b"].requests.Load())
	})
}

func TestAPageInHandNeedsNobodyToGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, edition{etag: tag, body: []byte(strings.Repeat("x", 1000))}.ServeHTTP)
		got := s.film()
		_, searching := got.Response.Body.(*resumable)
		require.False(t, searching)
		readAll(t, got)
	})
}
