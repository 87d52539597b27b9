package storetest

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// origin answers with a page that is fresh for an hour, and counts how often it is asked.
type origin struct{ asked int }

// fetch implements [cache.Fetch].
func (o *origin) fetch(context.Context, *cache.Request, cache.Query) (*cache.Fetched, error) {
	o.asked++
	now := time.Now()
	return &cache.Fetched{Origin: "primary", Requested: now, Responded: now, Response: &http.Response{
		StatusCode: http.StatusOK, ContentLength: 5, Body: io.NopCloser(strings.NewReader("hello")),
		Header: http.Header{"Cache-Control": {"max-age=3600"}, "Content-Length": {"5"}, "Etag": {`"1"`}},
	}}, nil
}

// asks lets a reader ask a cache over the store for a page, whole, and returns how often
// the origin was asked for it. The cache ends with that, as with a restart.
func (o *origin) asks(t *testing.T, s cache.Store, k cache.Key, then func(*cache.Cache)) int {
	t.Helper()
	c := cache.New(cache.Options{Store: s, MaxPage: ample / 4})
	before := o.asked
	a, err := c.Answer(t.Context(), &cache.Request{
		Key: k, HTTP: &http.Request{Method: http.MethodGet}, Site: &cache.Site{Fetch: o.fetch},
	})
	require.NoError(t, err)
	if a.Cursor != nil {
		for err == nil {
			_, err = a.Cursor.Next(t.Context())
		}
		require.ErrorIs(t, err, io.EOF)
		a.Cursor.Close()
	}
	require.Eventually(t, func() bool { return len(s.Peek(k)) == 1 }, time.Minute, time.Millisecond)
	then(c)
	c.Close()
	return o.asked - before
}

// marked shows that a page which was made stale is still there, and stale, for whoever
// opens the store next.
func marked(t *testing.T, open func(int64) cache.Store) {
	s, o := open(ample), &origin{}
	nothing := func(*cache.Cache) {}
	require.Equal(t, 1, o.asks(t, s, key(1), nothing))
	require.Zero(t, o.asks(t, s, key(1), nothing), "it is fresh")
	require.Zero(t, o.asks(t, s, key(1), func(c *cache.Cache) {
		_, err := c.Purge(t.Context(), cache.Purge{Of: cache.Selection{Kind: cache.PurgeURL, Keys: []cache.Key{key(1)}}, Soft: true})
		require.NoError(t, err)
	}))
	require.Len(t, s.Peek(key(1)), 1, "it may still stand in")
	require.Equal(t, 1, o.asks(t, s, key(1), nothing), "it was purged")
	require.Zero(t, o.asks(t, s, key(1), nothing))
}
