package origin

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// refusing answers with a status and fields.
func refusing(status int, fields ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(fields); i += 2 {
			w.Header().Set(fields[i], fields[i+1])
		}
		serveStatus(status, "refused")(w, r)
	}
}

func TestARefusalMovesOnAndIsTheWordWhereNobodyHasABetterOne(t *testing.T) {
	for _, test := range []struct {
		handler http.HandlerFunc
		status  int
		class   health.Class
	}{
		{refusing(451, "Link", `<https://regulator.test/>; rel="blocked-by"`), 451, health.Legal},
		{refusing(429, "Retry-After", "60"), 429, health.RateLimited},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, test.handler, servePage)
			got, err := s.fetch()
			requireAnswer(t, got, err, "b", page)
			require.Equal(t, []health.Class{test.class}, s.seen.of("a"))
			require.Equal(t, 1, s.liveFailures("a"))

			s = newScene(t, test.handler, nil)
			got, err = s.fetch()
			requireAnswer(t, got, err, "a", "refused")
			require.Equal(t, test.status, got.Response.StatusCode)
			require.True(t, got.Doubtful, "not to be stored over a good page")

			s = newScene(t, test.handler, servePage)
			got, err = s.pool.Fetch(t.Context(), ask(http.MethodPost, "/"))
			requireAnswer(t, got, err, "a", "refused")
		})
	}
}

func TestRetryAfterIsReadAsSecondsAndAsADate(t *testing.T) { // RFC 9110 §10.2.3
	now := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"120": 2 * time.Minute, "": 0, "soon": 0, "-1": 0, "99999999999999": 0,
		now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		require.Equal(t, want, retryAfter(http.Header{"Retry-After": {value}}, now), value)
	}
}

func TestAnOriginThatAsksToBeLeftAloneIsAskedAfterTheOthers(t *testing.T) {
	for wish, rest := range map[string]time.Duration{"60": time.Minute, "": usualRest, "86400": longestRest} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, refusing(429, "Retry-After", wish), servePage)
			for range 5 {
				got, err := s.fetch()
				requireAnswer(t, got, err, "b", page)
			}
			require.EqualValues(t, 1, s.at["a"].requests.Load(), "once")
			time.Sleep(rest - time.Second)
			got, err := s.fetch()
			requireAnswer(t, got, err, "b", page)
			require.EqualValues(t, 1, s.at["a"].requests.Load())
			time.Sleep(time.Second)
			got, err = s.fetch()
			requireAnswer(t, got, err, "b", page)
			require.EqualValues(t, 2, s.at["a"].requests.Load(), "and again when the time has come")
		})
	}
}

func TestWhoAsksToBeLeftAloneIsNotHammered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := refusing(429, "Retry-After", "60")
		s := newScene(t, limited, limited, limited)
		got, err := s.fetch()
		requireAnswer(t, got, err, "a", "refused")
		require.Equal(t, "60", got.Response.Header.Get("Retry-After"))
		require.Len(t, got.Attempts, 2, "one more is asked, and that is all")

		got, err = s.fetch() // c is left, and then nobody who does not rest
		requireAnswer(t, got, err, "c", "refused")
		require.Len(t, got.Attempts, 1)
		requireLeftAlone(t, s, 59*time.Second+999*time.Millisecond)
	})
}

// requireLeftAlone checks that nobody is asked, and until when.
func requireLeftAlone(t *testing.T, s *scene, until time.Duration) {
	t.Helper()
	_, err := s.fetch()
	var none *Error
	require.ErrorAs(t, err, &none)
	require.ErrorIs(t, err, errLeftAlone)
	require.Empty(t, none.Attempts)
	require.InDelta(t, until, none.RetryAfter, float64(10*time.Millisecond))
}

func TestWhereEverybodyRestsOneTrialASecondIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, refusing(429, "Retry-After", "60"), servePage)
		require.NoError(t, s.tracker.Drain(id("b")))
		got, err := s.fetch()
		requireAnswer(t, got, err, "a", "refused")
		for range 50 {
			requireLeftAlone(t, s, time.Minute)
		}
		require.EqualValues(t, 1, s.at["a"].requests.Load())
		time.Sleep(restTrial)
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				if got, err := s.fetch(); err == nil {
					readAll(t, got)
				}
			})
		}
		group.Wait()
		require.EqualValues(t, 2, s.at["a"].requests.Load())
		s.at["a"].handler = servePage
		time.Sleep(restTrial)
		got, err = s.fetch()
		requireAnswer(t, got, err, "a", page)
		time.Sleep(time.Minute)
		for range 3 {
			got, err = s.fetch()
			requireAnswer(t, got, err, "a", page)
		}
	})
}

// alone makes an origin one that is down, and to be left alone for a minute.
func alone(v health.View, verdict health.Verdict) health.View {
	v.Verdict, v.LeftAloneUntil = verdict, time.Now().Add(time.Minute)
	return v
}

func TestNobodyIsAskedWhereAllAreToBeLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, servePage, servePage)
		r := &race{pool: s.pool, ask: ask(http.MethodGet, "/"), parent: t.Context()}
		r.views = []health.View{alone(health.View{}, health.Blocked), alone(health.View{}, health.Hijacked)}
		r.order = order(time.Now(), r.views, Route{}, 0)
		_, err := r.run()
		var none *Error
		require.ErrorAs(t, err, &none)
		require.ErrorIs(t, none, errLeftAlone)
		require.Equal(t, time.Minute, none.RetryAfter)
		require.Zero(t, s.at["a"].requests.Load())
	})
}

func TestNoHedgeGoesToAnOriginThatAskedToBeLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, after(3*time.Second, servePage), servePage)
		s.at["b"].origin.rest(time.Now(), time.Minute)
		began := time.Now()
		got, err := s.fetch()
		requireAnswer(t, got, err, "a", page)
		require.Equal(t, 3*time.Second, time.Since(began))
		require.Zero(t, s.at["b"].requests.Load())
	})
}

func TestRestingOriginsComeBeforeThoseOfNoUse(t *testing.T) {
	views := []health.View{{Verdict: health.Healthy}, {Verdict: health.Unknown}, {Verdict: health.Down}, {Verdict: health.Suspect}}
	rests := func(i int) bool { return i == 0 || i == 2 }
	require.Equal(t, []int{1, 3, 0, 2}, behind([]int{0, 1, 3, 2}, views, rests))
	require.Equal(t, []int{0, 1, 3, 2}, behind([]int{0, 1, 3, 2}, views, func(int) bool { return false }))
}

func TestAnUnfinishedPageIsMoreThanARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, refusing(451), serveRaw("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>"+page))
		got, err := s.fetch()
		requireAnswer(t, got, err, "b", "<html>"+page)
		require.True(t, got.Doubtful)
	})
}
