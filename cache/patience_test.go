package cache_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// slowly answers as another origin would, after a while.
func slowly(after time.Duration, answer answering) answering {
	return func(a ask) (*http.Response, error) {
		time.Sleep(after)
		return answer(a)
	}
}

func TestAReaderWaitsASecondForAPageThatMayStandIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{Stale: 24 * time.Hour}, minute)
		e.answers(slowly(8*time.Second, always(200, "more news", minute)))
		began := time.Now()
		a, body := e.read(t)
		require.Equal(t, time.Second, time.Since(began))
		require.Equal(t, "news", body)
		require.Equal(t, cache.Stale, a.Result)
		require.Equal(t, cache.FwdStale, a.Status.Fwd)
		require.Equal(t, cache.DetailSlow, a.Status.Detail)
		require.False(t, a.Status.Hit)

		a, _ = e.read(t)
		require.Equal(t, time.Second, time.Since(began), "the next ones do not wait at all")
		require.Equal(t, cache.DetailRevived, a.Status.Detail)
		require.True(t, a.Status.Hit)

		time.Sleep(8 * time.Second)
		a, body = e.read(t)
		require.Equal(t, "more news", body, "the fill went on")
		require.Equal(t, cache.Hit, a.Result)
		require.Equal(t, 2, e.fetches())
	})
}

func TestAfterTenSecondsReadersWaitAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{Stale: 24 * time.Hour}, minute)
		e.answers(slowly(time.Minute, always(200, "more news", minute)))
		e.read(t)
		time.Sleep(10 * time.Second)
		began := time.Now()
		a, _ := e.read(t)
		require.Equal(t, time.Second, time.Since(began))
		require.Equal(t, cache.DetailSlow, a.Status.Detail)
		require.True(t, a.Status.Collapsed)
		require.Equal(t, 2, e.fetches())
	})
}

func TestAReaderWaitsForAPageThatNothingMayStandInFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{}, minute)
		e.answers(slowly(20*time.Second, always(200, "more news", minute)))
		a, body := e.read(t)
		require.Equal(t, "more news", body)
		require.Equal(t, cache.Miss, a.Result)
	})
}

func TestAnAnswerForALeaderWhoDidNotWaitIsLetGoOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := make(chan *stream, 1)
		e := stored(t, cache.Policy{Stale: 24 * time.Hour}, minute)
		e.answers(slowly(2*time.Second, streaming(streams, 200, -1, "Cache-Control: private")))
		e.read(t)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.True(t, (<-streams).closed.Load(), "although the reader's request has not ended")
	})
}

func TestADoubtfulAnswerIsNeverStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, nil)
		e.answersAs("", true, always(200, "perhaps", minute))
		for range 2 {
			a, body := e.read(t)
			require.Equal(t, "perhaps", body, "where nothing else is there, it is passed on")
			require.NotNil(t, a.Response)
			require.Equal(t, string(cache.ReasonForeign), a.Status.Detail)
		}
		require.Zero(t, e.Usage().Pages)
		e.answersAs("", false, always(200, "news", minute))
		e.read(t)
		synctest.Wait()
		require.Equal(t, 1, e.Usage().Pages, "nor is it held against the page")
	})
}

func TestAStalePageStandsInForADoubtfulAnswer(t *testing.T) {
	for name, policy := range map[string]cache.Policy{"allowed": {Stale: 24 * time.Hour}, "not allowed": {}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := stored(t, policy, minute)
				e.answersAs("", true, always(403, "perhaps"))
				a, body := e.read(t)
				if policy.Stale > 0 {
					require.Equal(t, "news", body)
					require.Equal(t, cache.DetailError, a.Status.Detail)
				} else {
					require.Equal(t, "perhaps", body)
				}
				require.Equal(t, 1, e.Usage().Pages, "nothing is removed")

				e = stored(t, policy, minute)
				e.answersAs("", true, always(403, "perhaps"))
				_, body = e.read(t, "Cache-Control: no-store")
				require.Equal(t, policy.Stale > 0, body == "news", "also for one who wants nothing stored")
			})
		})
	}
}

// demanding are header lines by which a reader says that a stale page is not enough.
var demanding = []string{
	"Cache-Control: no-cache", "Cache-Control: max-age=0", "Cache-Control: max-age=86400", "Cache-Control: min-fresh=1",
	"Cache-Control: max-age=x", "Pragma: no-cache",
}

func TestAReaderWhoDemandsMoreThanAStalePageWaitsForTheOrigin(t *testing.T) { // RFC 9111 §5.2.1, §5.4
	for _, line := range demanding {
		t.Run(line, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := stored(t, cache.Policy{Stale: 24 * time.Hour}, minute)
				e.answers(slowly(8*time.Second, always(200, "more news", minute)))
				go func() {
					time.Sleep(2 * time.Second)
					began := time.Now()
					a := e.get(t)
					require.Equal(t, cache.DetailSlow, a.Status.Detail)
					require.Equal(t, time.Second, time.Since(began), "nobody was spared the wait on that reader's account")
				}()
				a, body := e.read(t, line)
				require.Equal(t, "more news", body)
				require.Equal(t, cache.Miss, a.Result)
				synctest.Wait()
			})
		})
	}
}

func TestAFailedRefreshIsRepeatedForAReaderWhoDemandsMore(t *testing.T) { // RFC 9111 §5.2.1, §5.4
	for _, line := range demanding {
		t.Run(line, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := stored(t, cache.Policy{Stale: 24 * time.Hour}, minute)
				e.answers(down)
				a, _ := e.read(t)
				require.Equal(t, cache.DetailError, a.Status.Detail)
				for _, content := range []string{"X-None: 1", "Cache-Control: max-stale", "Cache-Control: max-stale=86400", "Pragma: x"} {
					a, _ = e.read(t, content)
					require.Equal(t, cache.DetailRevived, a.Status.Detail, content)
				}
				e.answers(always(200, "more news", minute))
				a, body := e.read(t, line)
				require.Equal(t, "more news", body)
				require.Equal(t, cache.Miss, a.Result)
				require.Equal(t, 3, e.fetches())
			})
		})
	}
}
