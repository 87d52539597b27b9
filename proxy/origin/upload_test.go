package origin

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// dripping is a body that comes in pieces, each so long after the one before, and then ends.
type dripping struct {
	pieces int
	every  time.Duration
	end    error // nil means io.EOF
	stop   <-chan struct{}
}

// Read implements io.Reader.
func (d *dripping) Read(p []byte) (int, error) {
	if d.pieces == 0 {
		if d.end != nil {
			return 0, d.end
		}
		return 0, io.EOF
	}
	d.pieces--
	select {
	case <-time.After(d.every):
	case <-d.stop: // as the end of the reader's request ends its body
		return 0, http.ErrBodyReadAfterClose
	}
	return copy(p, strings.Repeat("x", 1000)), nil
}

func TestASlowUploadIsTheReadersTimeAndNotTheOrigins(t *testing.T) {
	for _, method := range []string{"POST", "PROPFIND"} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
				n, err := io.Copy(io.Discard, r.Body)
				require.NoError(t, err)
				require.Greater(t, n, int64(299_000)) // the transport tries one byte first
				time.Sleep(firstByteTimeout - time.Second)
				serveStatus(http.StatusCreated, "thanks")(w, r)
			}, echo)
			began := time.Now()
			got, err := s.pool.Fetch(t.Context(), askWith(method, &dripping{pieces: 300, every: time.Second}))
			requireAnswer(t, got, err, "a", "thanks")
			require.Equal(t, 300*time.Second+firstByteTimeout-time.Second, time.Since(began))
			require.Len(t, got.Attempts, 1)
			require.Zero(t, s.at["b"].requests.Load(), "and nobody is asked beside it")
			require.Equal(t, []health.Class{health.OK}, s.seen.of("a"))
			require.Equal(t, firstByteTimeout-time.Second, s.seen.attempts[0].Duration, "from the end of the upload")
			require.Zero(t, s.liveFailures("a"))
		})
	}
}

func TestTheDeadlineBeginsWhenTheBodyWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, readThen(hang))
		s.at["a"].origin.transport.ResponseHeaderTimeout = 0 // or it would be first
		began := time.Now()
		_, err := s.pool.Fetch(t.Context(), askWith(http.MethodPost, &dripping{pieces: 50, every: time.Second}))
		require.ErrorIs(t, err, errDeadline)
		require.Equal(t, 50*time.Second+fetchDeadline, time.Since(began))
		require.Equal(t, []health.Class{health.FirstByteTimeout}, s.seen.of("a"))
		require.Equal(t, 1, s.liveFailures("a"))
	})
}

func TestAnUploadThatStopsIsTheReadersFault(t *testing.T) {
	for _, pieces := range []int{0, 1, 25} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, readThen(servePage), echo)
			stop := make(chan struct{})
			body := io.MultiReader(&dripping{pieces: pieces, every: time.Second, stop: stop}, &dripping{pieces: 1, every: time.Hour, stop: stop})
			began := time.Now()
			_, err := s.pool.Fetch(t.Context(), askWith(http.MethodPut, body))
			require.ErrorIs(t, err, ErrBodyStalled)
			require.Equal(t, time.Duration(pieces)*time.Second+bodyStallTimeout, time.Since(began))
			close(stop)
			synctest.Wait()
			require.Empty(t, s.seen.attempts)
			require.Zero(t, s.liveFailures("a"))
			require.Zero(t, s.at["b"].requests.Load())
		})
	}
}

func TestAnOriginThatTakesNothingOfABodyIsNotTheReadersFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, func(_ http.ResponseWriter, r *http.Request) {
			io.CopyN(io.Discard, r.Body, 1000)
			time.Sleep(time.Hour)
		})
		began := time.Now()
		_, err := s.pool.Fetch(t.Context(), askWith(http.MethodPost, strings.NewReader(strings.Repeat("x", 10<<20))))
		var none *Error
		require.ErrorAs(t, err, &none)
		require.NotErrorIs(t, err, ErrBodyStalled)
		require.Equal(t, bodyStallTimeout, time.Since(began))
		require.Equal(t, health.FirstByteTimeout, none.Class())
		require.Equal(t, []health.Class{health.FirstByteTimeout}, s.seen.of("a"))
		require.Equal(t, 1, s.liveFailures("a"))
		time.Sleep(time.Hour)
	})
}

func TestWhatAnOriginDoesWhileTheBodyArrivesIsNotHeldAgainstIt(t *testing.T) {
	for name, origin := range map[string]http.HandlerFunc{
		"it closes the connection": breakOff, "it has waited long enough": serveStatus(503, "too slow"), "a foreign page": serveHTML(200, notice),
		"garbage": serveRaw("220 ready\r\n"), "a page that breaks off": broken("text/html", true),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
					io.CopyN(io.Discard, r.Body, 2000)
					origin(w, r)
				})
				stop := make(chan struct{})
				time.AfterFunc(30*time.Second, func() { close(stop) })
				got, err := s.pool.Fetch(t.Context(), askWith(http.MethodPost, &dripping{pieces: 100, every: time.Second, stop: stop}))
				if err == nil {
					io.Copy(io.Discard, got.Response.Body)
					got.Response.Body.Close()
				}
				synctest.Wait()
				require.Zero(t, s.liveFailures("a"))
				require.Len(t, s.seen.of("a"), 1, "the metrics know of it")
				time.Sleep(time.Minute)
			})
		})
	}
}

func TestABodyThatBreaksIsNotHeldAgainstTheOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, readThen(servePage))
		body := &dripping{pieces: 3, every: time.Second, end: errors.New("the reader's connection broke")}
		_, err := s.pool.Fetch(t.Context(), askWith(http.MethodPost, body))
		require.Error(t, err)
		require.Zero(t, s.liveFailures("a"))
	})
}

func TestAConnectionThatFailsIsHeldAgainstTheOriginBeforeAnyBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil)
		_, err := s.pool.Fetch(t.Context(), askWith(http.MethodPost, strings.NewReader("a letter")))
		require.Error(t, err)
		require.Equal(t, []health.Class{health.ConnectRefused}, s.seen.of("a"))
		require.Equal(t, 1, s.liveFailures("a"))
	})
}

func TestABodyTellsWhenItIsWhole(t *testing.T) {
	for name, b := range map[string]*Body{
		"by its end": NewBody(strings.NewReader("a letter"), -1), "by its length": NewBody(iotest.OneByteReader(strings.NewReader("a letter")), 8),
	} {
		r, ok := b.open()
		require.True(t, ok)
		require.False(t, b.isWhole(), name)
		_, err := io.CopyN(io.Discard, r, 7)
		require.NoError(t, err)
		require.False(t, b.isWhole() && b.Length == 8, name)
		_, err = io.Copy(io.Discard, r)
		require.NoError(t, err)
		require.True(t, b.isWhole(), name)
	}
	torn := NewBody(iotest.ErrReader(io.ErrUnexpectedEOF), -1)
	r, _ := torn.open()
	_, err := io.ReadAll(r)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.False(t, torn.isWhole())
}

func TestAHEADNeitherAccusesNorAbsolves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status := 200
		s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				breakOff(w, r)
			}
			serveHTML(status, "")(w, r)
		})
		_, err := s.fetch()
		require.Error(t, err)
		require.Equal(t, 1, s.liveFailures("a"))
		before := s.tracker.View(id("a"))
		for _, status = range []int{200, 500} {
			got, err := s.pool.Fetch(t.Context(), ask(http.MethodHead, "/"))
			requireAnswer(t, got, err, "a", "")
			require.Equal(t, before, s.tracker.View(id("a")))
		}
		require.Equal(t, []health.Class{health.RequestEOF, health.OK, health.ServerError}, s.seen.of("a"))
	})
}
