package cache_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/cache/memory"
)

// The reader who was cut off may be back before the fill's goroutine has run on.
// Which of them is first is the scheduler's choice, so it is tried often.
func TestAReaderWhoAsksAgainDoesNotJoinTheFillThatBroke(t *testing.T) {
	store := memory.New(1 << 20)
	c := cache.New(cache.Options{Store: store, MaxPage: store.MaxPage()})
	defer c.Close()
	var fetches atomic.Int64
	site := &cache.Site{Fetch: func(context.Context, *cache.Request, cache.Query) (*cache.Fetched, error) {
		fetches.Add(1)
		now := time.Now()
		body := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(io.ErrUnexpectedEOF))
		return &cache.Fetched{Origin: "a", Requested: now, Responded: now, Response: &http.Response{
			StatusCode: http.StatusOK, ContentLength: 8, Body: io.NopCloser(body),
			Header: http.Header{"Cache-Control": {"max-age=60"}},
		}}, nil
	}}
	const times = 2000
	for range times {
		request := &cache.Request{
			Key: cache.KeyOf("gazette", "/"), Site: site, HTTP: httptest.NewRequest(http.MethodGet, "/", nil),
		}
		answer, err := c.Answer(t.Context(), request)
		require.NoError(t, err)
		for err == nil {
			_, err = answer.Cursor.Next(t.Context())
		}
		answer.Cursor.Close()
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
	require.Equal(t, int64(times), fetches.Load())
	require.Zero(t, store.Usage().Pages)
}
