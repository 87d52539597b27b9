package cache_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/cache/memory"
)

func Example() {
	store := memory.New(64 << 20)
	edge := cache.New(cache.Options{Store: store, MaxPage: store.MaxPage()})
	defer edge.Close()

	site := &cache.Site{
		Policy: cache.Policy{Stale: 24 * time.Hour},
		Fetch: func(_ context.Context, r *cache.Request, _ cache.Query) (*cache.Fetched, error) {
			fmt.Println("origin: asked for", r.Key.Target())
			now := time.Now()
			return &cache.Fetched{
				Origin: "https://www.gazette.example", Requested: now, Responded: now,
				Response: &http.Response{
					StatusCode: http.StatusOK, ContentLength: 4,
					Header: http.Header{"Cache-Control": {"max-age=600"}},
					Body:   io.NopCloser(strings.NewReader("news")),
				},
			}, nil
		},
	}
	in, _ := http.NewRequest(http.MethodGet, "https://www.gazette.example/harbour", nil)
	for range 2 {
		a, err := edge.Answer(context.Background(), &cache.Request{
			Key: cache.MakeKey("gazette", in.URL), HTTP: in, Site: site,
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := readAll(context.Background(), &a)
		fmt.Println("reader: got", body)
	}
	// Output:
	// origin: asked for /harbour
	// reader: got news
	// reader: got news
}
