package origin

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// after answers late.
func after(d time.Duration, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(d):
			next(w, r)
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}

// usual fills an origin's latency with answers that took so long.
func (s *scene) usual(origin string, d time.Duration) {
	for range 3 * enoughSamples {
		s.at[origin].origin.latency.add(d)
	}
}

func TestASlowOriginIsHedgedAfterASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, hang, servePage, servePage)
		began := time.Now()
		got, err := s.fetch()
		require.Equal(t, hedgeLatest, time.Since(began))
		requireAnswer(t, got, err, "b", page)
		require.Equal(t, []string{"hedge"}, s.seen.hedged)
		require.Empty(t, s.seen.failovers)
		require.Zero(t, s.at["c"].requests.Load())
		// It had its second, so it is held against the origin.
		require.Equal(t, []health.Class{health.FirstByteTimeout}, s.seen.of("a"))
		require.Equal(t, 1, s.liveFailures("a"))
		require.True(t, got.Attempts[0].Hedge)
	})
}

func TestAnOriginIsHedgedAfterItsOwnP95(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, hang, servePage)
		s.usual("a", 300*time.Millisecond)
		began := time.Now()
		got, err := s.fetch()
		require.Equal(t, 300*time.Millisecond, time.Since(began))
		requireAnswer(t, got, err, "b", page)
		require.Equal(t, []string{"hedge"}, s.seen.hedged)
		synctest.Wait()
		require.Empty(t, s.seen.of("a"), "a loser within its second is no failure")
		require.Zero(t, s.liveFailures("a"))
	})
}

func TestTheFirstGoodAnswerWins(t *testing.T) {
	tests := []struct {
		name          string
		first, second http.HandlerFunc
		origin        string
		hedged        []string
		took          time.Duration
	}{
		{"the first, a little late", after(1200*time.Millisecond, servePage), hang, "a", []string{"first"}, 1200 * time.Millisecond},
		{"the hedge", after(3*time.Second, servePage), after(time.Second, servePage), "b", []string{"hedge"}, 2 * time.Second},
		{"the first, as the hedge is foreign", after(3*time.Second, servePage), serveHTML(200, notice), "a", []string{"first"}, 3 * time.Second},
		{"the hedge, as the first fails", after(1500*time.Millisecond, breakOff), after(time.Second, servePage), "b", []string{"hedge"}, 2 * time.Second},
		{"the third, as both fail", after(2*time.Second, breakOff), serveStatus(500, "no"), "c", []string{"first"}, 2 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, test.first, test.second, servePage)
				began := time.Now()
				got, err := s.fetch()
				require.Equal(t, test.took, time.Since(began))
				requireAnswer(t, got, err, test.origin, page)
				require.Equal(t, test.hedged, s.seen.hedged)
			})
		})
	}
}

func TestTheLosersBodyIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := make(chan struct{})
		// The loser has a header to send, and then a page that never shows the identity.
		trickle := func(w http.ResponseWriter, r *http.Request) {
			defer close(closed)
			w.Header().Set("Content-Type", "text/html")
			for r.Context().Err() == nil {
				io.WriteString(w, "<p>")
				http.NewResponseController(w).Flush()
				time.Sleep(100 * time.Millisecond)
			}
		}
		s := newScene(t, trickle, servePage)
		got, err := s.fetch()
		requireAnswer(t, got, err, "b", page)
		select {
		case <-closed:
		case <-time.After(time.Second):
			require.Fail(t, "the loser is still sending")
		}
		// What was slow is the body: the header had come.
		require.Equal(t, []health.Class{health.BodyStalled}, s.seen.of("a"))
	})
}

func TestAQuickFailureIsRetriedWithoutAHedge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, breakOff, after(hedgeLatest/2, servePage), servePage)
		began := time.Now()
		got, err := s.fetch()
		require.Equal(t, hedgeLatest/2, time.Since(began))
		requireAnswer(t, got, err, "b", page)
		require.Empty(t, s.seen.hedged)
	})
}

func TestTheHedgesTimeBeginsAnewWithEachOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, after(hedgeLatest*9/10, breakOff), after(hedgeLatest*9/10, servePage), servePage)
		began := time.Now()
		got, err := s.fetch()
		require.Equal(t, hedgeLatest*18/10, time.Since(began))
		requireAnswer(t, got, err, "b", page)
		require.Empty(t, s.seen.hedged)
	})
}

func TestFailoversDoNotStarveTheHedge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, serveStatus(500, "no"), hang, servePage)
		for range budgetFloor { // all that failures may use
			require.True(t, s.pool.budget.retry(time.Now(), false))
		}
		s.at["a"].refuses.Store(true) // a move that costs no budget
		began := time.Now()
		got, err := s.fetch()
		requireAnswer(t, got, err, "c", page)
		require.Equal(t, hedgeLatest, time.Since(began))
		require.Equal(t, []string{"hedge"}, s.seen.hedged)
		require.Zero(t, s.seen.noBudget)
	})
}

func TestHedgesAreBoundByTheBudgetWhichTellsOfEachItRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, after(1500*time.Millisecond, servePage), servePage)
		origins := make(chan string)
		for range 5 { // far too few for 20 % to be one
			go func() {
				got, err := s.fetch()
				if err != nil {
					origins <- err.Error()
					return
				}
				got.Response.Body.Close()
				origins <- got.Origin
			}()
		}
		require.ElementsMatch(t, []string{"a", "a", "b", "b", "b"}, []string{<-origins, <-origins, <-origins, <-origins, <-origins})
		require.Equal(t, []string{"hedge", "hedge", "hedge"}, s.seen.hedged)
		require.Equal(t, 2, s.seen.noBudget)
	})
}

func TestAHedgeNeedsAnotherOriginAndNoBody(t *testing.T) {
	slow := after(5*time.Second, servePage)
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, slow)
		got, err := s.fetch()
		requireAnswer(t, got, err, "a", page)
		require.Empty(t, s.seen.hedged)
	})
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, slow, servePage)
		got, err := s.pool.Fetch(t.Context(), askWith("PROPFIND", http.NoBody))
		requireAnswer(t, got, err, "a", page)
		require.Zero(t, s.at["b"].requests.Load())
	})
}

func TestAnOriginThatIsSilentMovesARequestWithABodyOnAfterItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, hang, servePage)
		began := time.Now()
		got, err := s.pool.Fetch(t.Context(), askWith("PROPFIND", http.NoBody))
		require.Equal(t, firstByteTimeout, time.Since(began))
		requireAnswer(t, got, err, "b", page)
		require.Equal(t, []string{"a>b: first_byte_timeout"}, s.seen.failovers)
	})
}

func TestTheSecondOriginIsHedgedAfterAQuickFailureOfTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil, hang, servePage)
		began := time.Now()
		got, err := s.fetch()
		requireAnswer(t, got, err, "c", page)
		require.Equal(t, hedgeLatest, time.Since(began))
	})
}
