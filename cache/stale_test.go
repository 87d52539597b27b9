package cache_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// stored returns an edge that holds a page which passed its lifetime of a minute
// an hour ago.
func stored(t *testing.T, policy cache.Policy, lines ...string) *edge {
	t.Helper()
	e := newEdge(t, always(200, "news", lines...))
	e.site.Policy = policy
	e.read(t)
	synctest.Wait()
	time.Sleep(time.Minute + time.Hour)
	return e
}

func TestAPageThatStillHoldsKeepsItsBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{}, minute, `Etag: "1"`, "Content-Type: text/html", "X-Edition: morning")
		e.answers(always(304, "", "Cache-Control: max-age=120", `Etag: "1"`, "X-Edition: evening"))
		before := e.Usage()
		a, body := e.read(t)
		require.Equal(t, cache.Revalidated, a.Result)
		require.Equal(t, "news", body)
		require.Equal(t, cache.Status{Fwd: cache.FwdStale, FwdStatus: 304, Stored: true}, a.Status)
		require.Zero(t, a.Age)
		require.Equal(t, cache.Validators{Origin: "primary", ETag: `"1"`}, e.last().Validators)
		require.Equal(t, "evening", field(a, "X-Edition"), "§3.2: the 304 updates the header")
		require.Equal(t, "text/html", field(a, "Content-Type"))
		require.Equal(t, "4", field(a, "Content-Length"))
		require.Equal(t, 1, e.Usage().Pages)
		require.InDelta(t, before.Bytes, e.Usage().Bytes, 100)

		time.Sleep(110 * time.Second)
		require.Equal(t, cache.Hit, e.get(t).Result, "and the lifetime")
		require.Equal(t, 2, e.fetches())
	})
}

func TestA304ThatIsAboutAnotherPageIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{}, minute, `Etag: "1"`)
		e.answers(func(a ask) (*http.Response, error) {
			if a.Query.Validators.Empty() {
				return reply(200, "more news", minute, `Etag: "2"`), nil
			}
			return reply(304, "", `Etag: "2"`), nil
		})
		a, body := e.read(t)
		require.Equal(t, "more news", body, "§4.3.4: asked again, without conditions")
		require.Equal(t, cache.Miss, a.Result)
		require.Equal(t, 3, e.fetches())

		e.Invalidate("gazette /")
		e.answers(always(304, ""))
		_, err := e.Answer(t.Context(), e.request("GET"))
		require.ErrorContains(t, err, "304", "to a request without conditions it is no answer")
	})
}

func TestA304ThatForbidsStoringEndsThePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{}, minute, `Etag: "1"`)
		e.answers(always(304, "", "Cache-Control: no-store", `Etag: "1"`))
		a, body := e.read(t)
		require.Equal(t, "news", body)
		require.False(t, a.Status.Stored)
		require.Zero(t, e.Usage().Bytes)
	})
}

func TestAStalePageIsServedAtOnceAndRefreshedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{}, "Cache-Control: max-age=60, stale-while-revalidate=7200")
		e.answers(func(a ask) (*http.Response, error) {
			time.Sleep(time.Second)
			if err := a.Err(); err != nil {
				return nil, err
			}
			return reply(200, "more news", minute), nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		var read sync.WaitGroup
		for range 100 {
			read.Go(func() {
				a, err := e.Answer(ctx, e.request("GET"))
				if err != nil || a.Result != cache.Stale || a.Status.Detail != cache.DetailStale {
					t.Error(a.Result, a.Status, err)
				}
			})
		}
		read.Wait()
		cancel() // the refresh is not the readers'
		require.Zero(t, time.Since(began), "nobody waits")
		time.Sleep(2 * time.Second)
		a, body := e.read(t)
		require.Equal(t, cache.Hit, a.Result)
		require.Equal(t, "more news", body)
		require.Equal(t, 2, e.fetches())
		require.EqualValues(t, 1, e.Counters().Refreshes.Load())
	})
}

func TestARefreshThatFailsIsNotRepeatedForAMinute(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy cache.Policy
		answer answering
	}{
		{"an error that a stale page may stand in for", cache.Policy{Stale: 24 * time.Hour}, down},
		{"one that only the refresh may miss", cache.Policy{}, down},
		{"a server error", cache.Policy{}, always(503, "later")},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := stored(t, c.policy, "Cache-Control: max-age=60, stale-while-revalidate=7200")
				e.answers(c.answer)
				for range 59 {
					require.Equal(t, cache.Stale, e.get(t).Result)
					time.Sleep(time.Second)
				}
				require.Equal(t, 2, e.fetches())
				time.Sleep(2 * time.Second)
				e.get(t)
				synctest.Wait()
				require.Equal(t, 3, e.fetches(), "and tried again then")
			})
		})
	}
}

func TestAStalePageStandsInForAFailure(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer answering
		policy cache.Policy
		page   string
		served bool
		detail string
	}{
		{"RFC 5861 §4 the page allows it", down, cache.Policy{}, "max-age=60, stale-if-error=7200", true, cache.DetailError},
		{"the operator allows it", down, cache.Policy{Stale: 2 * time.Hour}, "max-age=60", true, cache.DetailError},
		{"a server error", always(500, "oops"), cache.Policy{Stale: 2 * time.Hour}, "max-age=60", true, cache.DetailError},
		{"the operator allows it where no origin can be reached", cut, cache.Policy{Outage: 2 * time.Hour}, "max-age=60, must-revalidate", true, cache.DetailOutage},
		{"§5.2.2.2 but not where one was", down, cache.Policy{Outage: 2 * time.Hour}, "max-age=60, must-revalidate", false, ""},
		{"nobody allows it", down, cache.Policy{}, "max-age=60", false, ""},
		{"it is too old", down, cache.Policy{Stale: time.Minute, Outage: time.Minute}, "max-age=60", false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := stored(t, c.policy, "Cache-Control: "+c.page)
				e.answers(c.answer)
				a, err := e.Answer(t.Context(), e.request("GET"))
				if !c.served {
					require.ErrorIs(t, err, errDown)
					return
				}
				require.NoError(t, err)
				body, err := readAll(t.Context(), &a)
				require.NoError(t, err)
				require.Equal(t, "news", body)
				require.Equal(t, cache.Stale, a.Result)
				require.Equal(t, c.detail, a.Status.Detail)
				require.Equal(t, time.Minute+time.Hour, a.Age)
				require.Negative(t, a.Status.TTL)
			})
		})
	}
}

func TestAfterAFailureTheStalePageIsServedForAMinuteWithoutAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{Stale: 24 * time.Hour}, minute)
		e.answers(down)
		e.read(t)
		require.Equal(t, 2, e.fetches())
		time.Sleep(59 * time.Second)
		a := e.get(t)
		require.Equal(t, cache.Stale, a.Result)
		require.Equal(t, cache.DetailRevived, a.Status.Detail)
		require.Equal(t, 2, e.fetches())
		time.Sleep(time.Second)
		e.answers(always(200, "more news", minute))
		_, body := e.read(t)
		require.Equal(t, "more news", body)
	})
}

func TestInAnOutageEveryStoredPageIsServedWithoutAsking(t *testing.T) {
	for _, control := range []string{"max-age=60", "max-age=60, must-revalidate", "max-age=9999, no-cache"} {
		t.Run(control, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := stored(t, cache.Policy{Outage: 24 * time.Hour}, "Cache-Control: "+control)
				e.site.Outage = func() bool { return true }
				a, body := e.read(t)
				require.Equal(t, "news", body)
				require.Equal(t, cache.DetailOutage, a.Status.Detail)
				require.Equal(t, 1, e.fetches())
			})
		})
	}
}

func TestAnAnswerToOneRequestAloneSpoilsNoPage(t *testing.T) {
	for status, spoilt := range map[int]bool{429: false, 421: false, 404: true, 410: true} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := stored(t, cache.Policy{}, minute)
				e.answers(always(status, "no", "Cache-Control: no-cache"))
				a, body := e.read(t)
				require.Equal(t, "no", body)
				require.NotNil(t, a.Response)
				require.Equal(t, spoilt, e.Usage().Pages == 0, "§4.3.3: a final answer is the truth about the page")
			})
		})
	}
}

func TestAReaderCanAskForMoreThanAFreshPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, always(200, "news", minute))
		e.read(t)
		synctest.Wait()
		e.answers(always(200, "more news", minute))
		a, body := e.read(t, "Cache-Control: no-cache")
		require.Equal(t, "more news", body)
		require.Equal(t, cache.FwdRequest, a.Status.Fwd)
		synctest.Wait()
		_, body = e.read(t)
		require.Equal(t, "more news", body)

		e.answers(down)
		a, body = e.read(t, "Cache-Control: no-cache")
		require.Equal(t, "more news", body, "still fresh: better than an error")
		require.Equal(t, cache.DetailError, a.Status.Detail)
	})
}

func TestAReaderWhoFollowsARefreshThatFailsFetchesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{}, "Cache-Control: max-age=60, stale-while-revalidate=7200")
		e.answers(func(a ask) (*http.Response, error) {
			time.Sleep(time.Second)
			return reply(503, "later"), nil
		})
		require.Equal(t, cache.Stale, e.get(t).Result)
		a, body := e.read(t, "Cache-Control: no-cache")
		require.Equal(t, "later", body)
		require.Equal(t, cache.Miss, a.Result)
		require.Equal(t, 3, e.fetches())
		require.Equal(t, 1, e.Usage().Pages)
	})
}

func TestAReaderWhoLookedBeforeTheFetchDoesNotRepeatIt(t *testing.T) {
	for _, c := range []struct {
		name, page string
		result     cache.Result
	}{
		{"a refresh", "max-age=60, stale-while-revalidate=7200", cache.Stale},
		{"a validation", "max-age=60", cache.Hit},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := stored(t, cache.Policy{}, "Cache-Control: "+c.page)
				looked, done := 0, make(chan struct{})
				e.site.Outage = func() bool { // asked between the look and what follows from it
					if looked++; looked == 1 {
						<-done
					}
					return false
				}
				var slow sync.WaitGroup
				slow.Go(func() {
					if a, err := e.Answer(t.Context(), e.request("GET")); err != nil || a.Result != c.result {
						t.Error(a.Result, err)
					}
				})
				synctest.Wait()
				e.read(t)
				synctest.Wait()
				close(done)
				slow.Wait()
				synctest.Wait()
				require.Equal(t, 2, e.fetches())
			})
		})
	}
}
