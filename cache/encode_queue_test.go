package cache_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/cache/memory"
)

// stalling is a store where the renditions of long pages wait until they are let go on.
type stalling struct {
	*memory.Store
	grown chan cache.Key // the pages that a rendition was made of
	goOn  chan struct{}
}

// Grow implements cache.Store.
func (s *stalling) Grow(page *cache.Page, n int64) bool {
	s.grown <- page.Key
	if page.Length > 256<<10 {
		<-s.goOn
	}
	return s.Store.Grow(page, n)
}

// newStalling is an edge on such a store, which has a short page and n long ones.
func newStalling(t *testing.T, n int) (*edge, *stalling) {
	long := article(300<<10, 31)
	e := newEdge(t, func(a ask) (*http.Response, error) {
		body := long
		if a.Key == "gazette /short" {
			body = long[:1000]
		}
		return reply(200, body, "Cache-Control: max-age=86400", html), nil
	})
	e.Close()
	s := &stalling{e.store, make(chan cache.Key, 1000), make(chan struct{})}
	e.Cache = cache.New(cache.Options{Store: s, MaxPage: 1 << 20})
	t.Cleanup(e.Cache.Close)
	e.takeCoded(t, "gazette /short", "identity")
	for i := range n {
		e.takeCoded(t, cache.Key(fmt.Sprintf("gazette /%d", i)), "identity")
	}
	synctest.Wait()
	return e, s
}

// takeCoded reads a page in a coding.
func (e *edge) takeCoded(t *testing.T, key cache.Key, coding string) cache.Answer {
	r := e.request(http.MethodGet, "Accept-Encoding: "+coding)
	r.Key = key
	a := e.ask(t, r)
	_, err := readAll(t.Context(), &a)
	require.NoError(t, err)
	return a
}

func TestNobodyWaitsLongForARendition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, s := newStalling(t, 1)
		for range 2 {
			began := time.Now()
			a := e.takeCoded(t, "gazette /0", "zstd")
			require.Equal(t, 100*time.Millisecond, time.Since(began))
			require.NotNil(t, a.Cursor, "coded as it leaves")
			require.Equal(t, "zstd", field(a, "Content-Encoding"))
		}
		close(s.goOn)
		synctest.Wait()
		require.Nil(t, e.takeCoded(t, "gazette /0", "zstd").Cursor, "it was made all the same")
		require.Len(t, s.grown, 1, "once")
	})
}

func TestShortBodiesDoNotQueueBehindLongOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := runtime.GOMAXPROCS(0) + 4
		e, s := newStalling(t, n)
		for i := range n {
			e.takeCoded(t, cache.Key(fmt.Sprintf("gazette /%d", i)), "gzip")
		}
		began := time.Now()
		require.Nil(t, e.takeCoded(t, "gazette /short", "gzip").Cursor)
		require.Zero(t, time.Since(began))
		close(s.goOn)
	})
}

func TestWhatNobodyWaitsForAnyMoreIsNotMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		places := max(1, runtime.GOMAXPROCS(0)-1)
		e, s := newStalling(t, places+20)
		for i := range places {
			e.takeCoded(t, cache.Key(fmt.Sprintf("gazette /%d", i)), "gzip")
		}
		ctx, cancel := context.WithCancel(t.Context())
		for i := range 20 {
			r := e.request(http.MethodGet, "Accept-Encoding: gzip")
			r.Key = cache.Key(fmt.Sprintf("gazette /%d", places+i))
			go func() { _, _ = e.Answer(ctx, r) }()
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(s.goOn)
		synctest.Wait()
		require.Len(t, s.grown, places)
		require.Nil(t, e.takeCoded(t, cache.Key(fmt.Sprintf("gazette /%d", places)), "gzip").Cursor, "until somebody asks again")
	})
}
