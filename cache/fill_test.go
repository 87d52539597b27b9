package cache_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

const minute = "Cache-Control: max-age=60"

func TestTenThousandReadersOfAMissingPageCauseOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const early, late = 5000, 5000 // before and after the header is there
		streams := make(chan *stream, 1)
		answered := make(chan struct{})
		answer := streaming(streams, 200, -1, minute)
		e := newEdge(t, func(a ask) (*http.Response, error) {
			<-answered
			return answer(a)
		})
		want := strings.Repeat("All the news that is fit to reflect. ", 80)
		var wrong atomic.Int64
		read := func() {
			a, err := e.Answer(t.Context(), e.request(http.MethodGet))
			if err != nil {
				wrong.Add(1)
				return
			}
			if got, err := readAll(t.Context(), &a); err != nil || got != want {
				wrong.Add(1)
			}
		}
		var readers sync.WaitGroup
		for range early {
			readers.Go(read)
		}
		synctest.Wait()
		close(answered)
		origin := <-streams
		origin.send(t, want[:1000])
		synctest.Wait()
		following := make([]cache.Answer, late)
		for i := range following {
			following[i] = e.get(t)
			require.NotNil(t, following[i].Cursor)
		}
		origin.send(t, want[1000:])
		require.NoError(t, origin.to.Close())
		readers.Wait()
		for i := range following {
			got, err := readAll(t.Context(), &following[i])
			require.NoError(t, err)
			require.True(t, got == want)
		}
		require.Zero(t, wrong.Load())
		require.Equal(t, 1, e.fetches())
		require.EqualValues(t, early+late-1, e.Counters().Collapsed.Load())
	})
}

func TestFollowersStreamAlongWithTheFill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := make(chan *stream, 1)
		e := newEdge(t, streaming(streams, 200, 10, minute))
		leader, follower := e.get(t), e.get(t)
		require.False(t, leader.Status.Collapsed)
		require.True(t, follower.Status.Collapsed)
		require.Equal(t, cache.Miss, follower.Result)
		require.Equal(t, 1, leader.Attempts)
		require.Zero(t, follower.Attempts, "nobody was asked for it")

		origin := <-streams
		next := func(a cache.Answer) *byte {
			p, err := a.Cursor.Next(t.Context())
			require.NoError(t, err)
			return &p[0]
		}
		origin.send(t, "first")
		first := next(leader)
		require.Same(t, first, next(follower), "nothing is copied for a follower")
		origin.send(t, "after")
		require.NoError(t, origin.to.Close())
		after := next(leader)
		require.Same(t, after, next(follower))
		synctest.Wait()
		for _, a := range []cache.Answer{leader, follower} {
			_, err := a.Cursor.Next(t.Context())
			require.Equal(t, io.EOF, err)
			a.Cursor.Close()
		}

		hit := e.get(t)
		require.Equal(t, cache.Hit, hit.Result)
		chunks, whole := hit.Rendition.Body.Whole()
		require.True(t, whole)
		require.Len(t, chunks, 1)
		require.Same(t, first, &chunks[0][0], "what is stored is what was followed")
		require.Same(t, after, &chunks[0][5])
	})
}

func TestAnUncacheableAnswerDoesNotSerialiseReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const readers = 20
		others := make(chan struct{})
		e := newEdge(t, func(a ask) (*http.Response, error) {
			switch {
			case a.n == 1:
				time.Sleep(time.Second)
			case a.n == readers:
				close(others)
			case a.n < readers:
				<-others // all of them are asked for at the same time
			}
			return reply(200, "yours", "Cache-Control: private"), nil
		})
		var read sync.WaitGroup
		for range readers {
			read.Go(func() {
				a, err := e.Answer(t.Context(), e.request(http.MethodGet))
				if err != nil {
					t.Error(err)
					return
				}
				if body, err := readAll(t.Context(), &a); body != "yours" || err != nil || a.Result != cache.Miss {
					t.Error(body, err, a.Result)
				}
			})
		}
		read.Wait()
		require.Equal(t, readers, e.fetches())
		require.Zero(t, e.Usage().Bytes)

		time.Sleep(2*time.Minute - 2*time.Second)
		e.read(t)
		require.False(t, e.last().Whole, "remembered: the reader fetches alone")
		time.Sleep(2 * time.Second)
		e.read(t)
		require.True(t, e.last().Whole, "forgotten after two minutes")
		require.EqualValues(t, 2, e.Counters().Uncacheable[cache.ReasonPrivate].Load())
	})
}

func TestAFailureReleasesTheFollowersAndIsNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, func(a ask) (*http.Response, error) {
			time.Sleep(time.Second)
			return reply(503, "later"), nil
		})
		began := time.Now()
		var read sync.WaitGroup
		for range 10 {
			read.Go(func() {
				if a, err := e.Answer(t.Context(), e.request(http.MethodGet)); err != nil || a.Response.StatusCode != 503 {
					t.Error(err)
				}
			})
		}
		read.Wait()
		require.Equal(t, 2*time.Second, time.Since(began), "nobody waits for more than one other")
		e.answers(always(200, "news", minute))
		e.read(t)
		require.True(t, e.last().Whole)
	})
}

func TestAnErrorIsSharedAndNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, func(ask) (*http.Response, error) {
			time.Sleep(time.Second)
			return nil, errDown
		})
		var read sync.WaitGroup
		for range 10 {
			read.Go(func() {
				if _, err := e.Answer(t.Context(), e.request(http.MethodGet)); !errors.Is(err, errDown) {
					t.Error(err)
				}
			})
		}
		read.Wait()
		require.Equal(t, 1, e.fetches())
		e.answers(always(200, "news", minute))
		_, body := e.read(t)
		require.Equal(t, "news", body)
	})
}

func TestAFillGoesOnWithoutItsReaders(t *testing.T) {
	for _, c := range []struct {
		name   string
		length int64
	}{{"declared", 4}, {"not declared", -1}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				streams := make(chan *stream, 1)
				e := newEdge(t, streaming(streams, 200, c.length, minute))
				ctx, cancel := context.WithCancel(t.Context())
				leader, err := e.Answer(ctx, e.request(http.MethodGet))
				require.NoError(t, err)
				origin := <-streams
				origin.send(t, "ne")
				cancel()
				leader.Cursor.Close()
				origin.send(t, "ws")
				require.NoError(t, origin.to.Close())
				synctest.Wait()
				require.True(t, origin.closed.Load())

				a, body := e.read(t)
				require.Equal(t, "news", body)
				require.Equal(t, cache.Hit, a.Result)
				require.Equal(t, 1, e.fetches())
			})
		})
	}
}

func TestALeaderWhoLeavesBeforeTheAnswer(t *testing.T) {
	for _, c := range []struct {
		control string
		stored  int
	}{{"max-age=60", 1}, {"no-store", 0}} {
		t.Run(c.control, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				streams := make(chan *stream, 1)
				answer := streaming(streams, 200, 0, "Cache-Control: "+c.control)
				e := newEdge(t, func(a ask) (*http.Response, error) {
					time.Sleep(time.Minute)
					return answer(a)
				})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := e.Answer(ctx, e.request(http.MethodGet))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				origin := <-streams
				go origin.to.Close()
				synctest.Wait()
				require.True(t, origin.closed.Load(), "the answer is let go of")
				require.Error(t, e.last().Err(), "and its fetch ended")
				require.Equal(t, c.stored, e.Usage().Pages)
			})
		})
	}
}

func TestAnAnswerThatIsHandedOverEndsWithItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, streaming(make(chan *stream, 1), 200, -1, "Cache-Control: no-store"))
		ctx, cancel := context.WithCancel(t.Context())
		a, err := e.Answer(ctx, e.request(http.MethodGet))
		require.NoError(t, err)
		require.NoError(t, e.last().Err())
		cancel()
		_, err = readAll(t.Context(), &a)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestHintsAreToldToTheLeaderOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hint := http.Header{"Link": {"</a.css>; rel=preload"}}
		e := newEdge(t, func(a ask) (*http.Response, error) {
			a.Query.Interim(103, hint)
			time.Sleep(time.Second)
			return reply(200, "news", minute), nil
		})
		var told []http.Header
		leader, follower := e.request(http.MethodGet), e.request(http.MethodGet)
		leader.Interim = func(_ int, h http.Header) { told = append(told, h) }
		follower.Interim = func(int, http.Header) { t.Error("told a follower") }
		var read sync.WaitGroup
		read.Go(func() { _, _ = e.Answer(t.Context(), leader) })
		synctest.Wait()
		e.ask(t, follower)
		read.Wait()
		require.Equal(t, []http.Header{hint}, told)
	})
}

func TestReadersOfAnotherVariantFetchTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, func(a ask) (*http.Response, error) {
			time.Sleep(time.Second)
			return reply(200, "in "+a.HTTP.Header.Get("Accept-Language"), minute, "Vary: Accept-Language"), nil
		})
		var read sync.WaitGroup
		for range 3 {
			for _, language := range []string{"fa", "en"} {
				read.Go(func() {
					a, err := e.Answer(t.Context(), e.request(http.MethodGet, "Accept-Language: "+language))
					if err != nil {
						t.Error(err)
						return
					}
					if body, err := readAll(t.Context(), &a); err != nil || body != "in "+language {
						t.Error(body, err)
					}
				})
			}
		}
		read.Wait()
		synctest.Wait()
		for _, language := range []string{"fa", "en", "fa", "en"} {
			_, body := e.read(t, "Accept-Language: "+language)
			require.Equal(t, "in "+language, body)
		}
		require.Equal(t, 2, e.fetches(), "one for each variant, and they are stored beside each other")
		require.Equal(t, 2, e.Usage().Pages)

		a := e.get(t, "Accept-Language: ru")
		require.Equal(t, cache.FwdVaryMiss, a.Status.Fwd)
	})
}

func TestAVariantIsFilledBesideOneThatIsStillArriving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := make(chan *stream, 2)
		e := newEdge(t, streaming(streams, 200, -1, minute, "Vary: Accept-Language"))
		first := e.get(t, "Accept-Language: fa")
		others := []cache.Answer{e.get(t, "Accept-Language: en"), e.get(t, "Accept-Language: en")}
		require.Equal(t, 2, e.fetches())
		for _, language := range []string{"fa", "en"} {
			origin := <-streams
			origin.send(t, "in "+language)
			require.NoError(t, origin.to.Close())
		}
		for i, a := range append(others, first) {
			body, err := readAll(t.Context(), &a)
			require.NoError(t, err)
			require.Equal(t, []string{"in en", "in en", "in fa"}[i], body)
		}
		synctest.Wait()
		require.Equal(t, 2, e.Usage().Pages)
	})
}
