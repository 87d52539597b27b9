package cache_test

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

func TestA304OfAnotherOriginConfirmsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{}, minute, `Etag: "1"`)
		e.answersAs("alternate", false, func(a ask) (*http.Response, error) {
			if a.Query.Validators.Empty() {
				return reply(200, "more news", minute), nil
			}
			return reply(304, "", `Etag: "1"`), nil
		})
		_, body := e.read(t)
		require.Equal(t, "more news", body)
		require.Equal(t, 3, e.fetches())
	})
}

func TestNobodyJoinsAFillWhosePageMustBeValidatedFirst(t *testing.T) {
	for _, c := range []struct {
		name, page, reader string
		after              time.Duration
		fetches            int
	}{
		{"§4.2.4 expired while it arrives", "max-age=1, must-revalidate", "X: 1", 2 * time.Second, 2},
		{"§5.2.1.4 the reader's no-cache", "max-age=60", "Cache-Control: no-cache", time.Second, 2},
		{"fresh", "max-age=60", "X: 1", 2 * time.Second, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				streams := make(chan *stream, 2)
				e := newEdge(t, streaming(streams, 200, -1, "Cache-Control: "+c.page))
				first := e.get(t)
				time.Sleep(c.after)
				second := e.get(t, c.reader)
				require.Equal(t, c.fetches, e.fetches())
				origins := []*stream{<-streams}
				if c.fetches == 2 {
					origins = append(origins, <-streams)
					origins[1].send(t, "more news")
					require.NoError(t, origins[1].to.Close())
					synctest.Wait()
				}
				origins[0].send(t, "news")
				require.NoError(t, origins[0].to.Close())
				for i, a := range []cache.Answer{first, second} {
					body, err := readAll(t.Context(), &a)
					require.NoError(t, err)
					require.Equal(t, []string{"news", "more news"}[i*(c.fetches-1)], body)
				}
				synctest.Wait()
				chunks, _ := e.store.Pages("gazette /")[0].Body.Whole()
				require.Equal(t, []string{"news", "more news"}[c.fetches-1], string(chunks[0]), "the later answer stays, whichever ends last")
			})
		})
	}
}

func TestA304ThatMakesAPagePrivateIsForItsLeaderAlone(t *testing.T) {
	for _, control := range []string{"private", "no-store"} {
		t.Run(control, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := stored(t, cache.Policy{}, minute, `Etag: "1"`)
				e.answers(func(a ask) (*http.Response, error) {
					time.Sleep(time.Second)
					if a.Query.Validators.Empty() {
						return reply(200, "yours", "Cache-Control: "+control), nil
					}
					return reply(304, "", "Cache-Control: "+control, `Etag: "1"`), nil
				})
				var mu sync.Mutex
				results := map[cache.Result]int{}
				var read sync.WaitGroup
				for range 5 {
					read.Go(func() {
						a, err := e.Answer(t.Context(), e.request(http.MethodGet))
						if err != nil {
							t.Error(err)
							return
						}
						_, _ = readAll(t.Context(), &a)
						mu.Lock()
						defer mu.Unlock()
						results[a.Result]++
					})
				}
				read.Wait()
				require.Equal(t, map[cache.Result]int{cache.Revalidated: 1, cache.Miss: 4}, results)
				require.Zero(t, e.Usage().Pages)
			})
		})
	}
}

func TestWhatIsForOneReaderRemovesNobodysPage(t *testing.T) {
	for _, c := range []struct {
		name, control, reader string
		left                  int
	}{
		{"§5.2.2.7 private", "private", "X: 1", 2},
		{"no-store", "no-store", "X: 1", 1},
		{"no-store, to a cookie", "no-store", "Cookie: a=b", 2},
		{"unmarked, to a cookie", "max-age=60", "Cookie: a=b", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdge(t, always(200, "news", minute, "Vary: Accept-Language"))
				e.read(t, "Accept-Language: fa")
				e.read(t, "Accept-Language: en")
				synctest.Wait()
				require.Equal(t, 2, e.Usage().Pages)
				time.Sleep(time.Hour)
				e.answers(always(200, "yours", "Cache-Control: "+c.control))
				for range 2 {
					_, body := e.read(t, "Accept-Language: en", c.reader)
					require.Equal(t, "yours", body)
				}
				synctest.Wait()
				require.Equal(t, c.left, e.Usage().Pages)
			})
		})
	}
}

func TestReadersWithCookiesKeepNobodyFromStoring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, always(200, "news", minute))
		a, _ := e.read(t, "Cookie: a=b")
		require.Equal(t, string(cache.ReasonCookie), a.Status.Detail)
		e.read(t)
		synctest.Wait()
		a, _ = e.read(t, "Cookie: a=b")
		require.Equal(t, cache.Hit, a.Result, "a stored page is for all whom Vary does not tell apart")
	})
}

func TestADripNobodyFollowsIsEnded(t *testing.T) {
	for _, c := range []struct {
		name  string
		piece int // each second
		ends  time.Duration
	}{
		{"less than 1 KiB/s", 500, time.Minute},
		{"more, for ten minutes", 1100, 10 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				streams := make(chan *stream, 1)
				e := newEdge(t, streaming(streams, 200, -1, minute))
				a := e.get(t)
				origin := <-streams
				began := time.Now()
				var dripping sync.WaitGroup
				dripping.Go(func() {
					for {
						if _, err := origin.to.Write(make([]byte, c.piece)); err != nil {
							return
						}
						time.Sleep(time.Second)
					}
				})
				time.Sleep(c.ends / 2)
				a.Cursor.Close()
				for !origin.closed.Load() {
					time.Sleep(time.Second)
				}
				require.InDelta(t, c.ends.Seconds(), time.Since(began).Seconds(), 2)
				dripping.Wait()
				require.Zero(t, e.Usage().Bytes)
				require.EqualValues(t, 1, e.Counters().FillAborts.Load())
			})
		})
	}
}

func TestADripSomebodyFollowsGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := make(chan *stream, 1)
		e := newEdge(t, streaming(streams, 200, -1, minute))
		a := e.get(t)
		origin := <-streams
		go func() {
			for range 20 {
				time.Sleep(time.Minute)
				_, _ = origin.to.Write([]byte("x"))
			}
			origin.to.Close()
		}()
		body, err := readAll(t.Context(), &a)
		require.NoError(t, err)
		require.Len(t, body, 20)
	})
}

func TestOnlyFailuresAreReplacedByAStalePage(t *testing.T) {
	for status, replaced := range map[int]bool{500: true, 501: false, 502: true, 503: true, 504: true, 505: false, 511: false} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := stored(t, cache.Policy{Stale: 24 * time.Hour}, minute)
				e.answers(always(status, "oops"))
				a, body := e.read(t)
				if !replaced {
					require.Equal(t, "oops", body)
					return
				}
				require.Equal(t, "news", body)
				require.Equal(t, cache.Status{Fwd: cache.FwdStale, FwdStatus: status, HasTTL: true, TTL: a.Status.TTL, Detail: cache.DetailError}, a.Status,
					"RFC 9211 §2.1: what was forwarded is no hit")
			})
		})
	}
}

func TestAStalePageStandsInForThoseWhoFetchAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{Stale: 24 * time.Hour}, minute)
		e.answers(always(200, "yours", "Cache-Control: private"))
		e.read(t)
		a, body := e.read(t)
		require.Equal(t, "yours", body)
		require.Equal(t, "uncacheable", a.Status.Detail)
		e.answers(down)
		a, body = e.read(t)
		require.Equal(t, "news", body)
		require.Equal(t, cache.DetailError, a.Status.Detail)
		require.Equal(t, cache.FwdStale, a.Status.Fwd)
	})
}

func TestPreconditionsOfAStoredPage(t *testing.T) {
	const modified = "Last-Modified: Sun, 01 Mar 2020 12:00:00 GMT"
	for _, c := range []struct {
		name, reader string
		page         []string
		status       int
	}{
		{"RFC 9110 §13.1.1 the same tag", `If-Match: "0", "1"`, []string{`Etag: "1"`}, 200},
		{"§13.1.1 any tag", `If-Match: *`, []string{`Etag: "1"`}, 200},
		{"§13.1.1 another tag", `If-Match: "2"`, []string{`Etag: "1"`}, 412},
		{"§13.1.1 compared strongly", `If-Match: W/"1"`, []string{`Etag: W/"1"`}, 412},
		{"§13.1.4 unmodified", "If-Unmodified-Since: Sun, 01 Mar 2020 12:00:00 GMT", []string{modified}, 200},
		{"§13.1.4 modified", "If-Unmodified-Since: Sat, 29 Feb 2020 12:00:00 GMT", []string{modified}, 412},
		{"§13.1.4 no date", "If-Unmodified-Since: yesterday", []string{modified}, 200},
		{"§13.1.4 a page without a date", "If-Unmodified-Since: Sat, 29 Feb 2020 12:00:00 GMT", nil, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdge(t, always(200, "news", append(c.page, minute)...))
				for _, method := range []string{"GET", "GET", "HEAD"} { // a miss, then hits
					a := e.ask(t, e.request(method, c.reader))
					require.Equal(t, c.status, a.Rendition.Status)
					require.Equal(t, c.status == 200 && method == "GET", a.Rendition.Body != nil)
					if a.Cursor != nil {
						a.Cursor.Close()
					}
					synctest.Wait()
				}
			})
		})
	}
}

func TestACodingWithoutVaryIsSentWithOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, always(200, "news", minute, "Content-Encoding: gzip", "Vary: Accept"))
		for range 2 {
			a := e.get(t, "Accept-Encoding: gzip")
			require.Equal(t, "Accept, Accept-Encoding", field(a, "Vary"))
			synctest.Wait()
		}
	})
}

func TestDetailsAreAClosedSet(t *testing.T) {
	require.ElementsMatch(t, []string{"stale", "error", "outage", "revived", "slow"}, cache.Details())
}
