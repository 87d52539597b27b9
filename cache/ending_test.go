package cache_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/cache/memory"
)

// lateStore is a store that takes its time to store a page.
type lateStore struct{ cache.Store }

func (s lateStore) Put(page *cache.Page, reserved int64) bool {
	time.Sleep(5 * time.Millisecond)
	return s.Store.Put(page, reserved)
}

func TestWhoHasAllOfAPageFindsItStored(t *testing.T) {
	for name, length := range map[string]int64{"of declared length": 4, "of unknown length": -1, "that is empty": 0} {
		t.Run(name, func(t *testing.T) {
			c := cache.New(cache.Options{Store: lateStore{memory.New(1 << 20)}, MaxPage: 1 << 18})
			defer c.Close()
			site := &cache.Site{Fetch: func(context.Context, *cache.Request, cache.Query) (*cache.Fetched, error) {
				body := "news"
				if length >= 0 {
					body = body[:length]
				}
				return &cache.Fetched{Origin: "a", Requested: time.Now(), Responded: time.Now(), Response: &http.Response{
					StatusCode: http.StatusOK, ContentLength: length, Body: io.NopCloser(strings.NewReader(body)),
					Header: http.Header{"Cache-Control": {"max-age=60"}},
				}}, nil
			}}
			ask := func(key, method string, lines ...string) (cache.Answer, error) {
				r := httptest.NewRequest(method, "/", nil)
				r.Header = fields(lines...)
				return c.Answer(t.Context(), &cache.Request{Key: cache.KeyOf("gazette", key), Site: site, HTTP: r})
			}
			for i := range 20 {
				for _, again := range []func(key string) (cache.Answer, error){
					func(key string) (cache.Answer, error) { return ask(key, http.MethodGet) },
					func(key string) (cache.Answer, error) { return ask(key, http.MethodHead) },
					func(key string) (cache.Answer, error) {
						return ask(key, http.MethodGet, "Cache-Control: only-if-cached")
					},
				} {
					key := "/" + strings.Repeat("x", i) + name
					c.Invalidate(cache.KeyOf("gazette", key))
					a, err := ask(key, http.MethodGet)
					require.NoError(t, err)
					for left := length; a.Cursor != nil && left != 0; { // as a client does that counts
						p, err := a.Cursor.Next(t.Context())
						if err == io.EOF {
							break
						}
						require.NoError(t, err)
						left -= int64(len(p))
					}
					b, err := again(key)
					require.NoError(t, err)
					require.Equal(t, cache.Hit, b.Result, "%d %+v", i, b.Status)
					if a.Cursor != nil {
						a.Cursor.Close()
					}
				}
			}
		})
	}
}
