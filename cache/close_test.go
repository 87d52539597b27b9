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

func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := make(chan *stream, 1)
		e := newEdge(t, streaming(streams, 200, -1, minute))
		following := e.get(t) // a body is arriving
		origin := <-streams
		e.answers(func(a ask) (*http.Response, error) { // a header is waited for
			<-a.Done()
			return nil, context.Cause(a.Context)
		})
		elsewhere := e.request(http.MethodGet)
		elsewhere.Key = "gazette /elsewhere"
		var waiting sync.WaitGroup
		for range 3 {
			waiting.Go(func() {
				if _, err := e.Answer(t.Context(), elsewhere); err == nil {
					t.Error("an answer out of nowhere")
				}
			})
		}
		synctest.Wait()
		e.Close()
		waiting.Wait()
		require.True(t, origin.closed.Load())
		_, err := readAll(t.Context(), &following)
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, e.Usage().Bytes, "what was reserved is given back")

		_, err = e.Answer(t.Context(), e.request(http.MethodGet))
		require.Error(t, err, "nothing begins after Close")
		e.Close()
	})
}

func TestCloseDoesNotWaitForALeaderWhoIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, func(a ask) (*http.Response, error) {
			a.Query.Interim(103, http.Header{})
			time.Sleep(time.Second)
			return reply(200, "yours", "Cache-Control: private"), nil
		})
		leader, taken := e.request(http.MethodGet), make(chan struct{})
		leader.Interim = func(int, http.Header) { <-taken }
		failed := make(chan error, 1)
		go func() {
			_, err := e.Answer(t.Context(), leader)
			failed <- err
		}()
		time.Sleep(time.Minute)
		e.Close()
		close(taken)
		require.ErrorContains(t, <-failed, "shutting down")
	})
}

func TestAtTheEndAStalePageStandsInForWhatIsNotFetchedAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{Stale: 24 * time.Hour}, minute)
		e.answers(func(a ask) (*http.Response, error) {
			<-a.Done()
			return reply(503, "later"), nil
		})
		time.AfterFunc(time.Second, e.Close)
		a, body := e.read(t)
		require.Equal(t, cache.Stale, a.Result)
		require.Equal(t, "news", body)
	})
}
