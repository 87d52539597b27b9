package memory_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/cache/memory"
)

// storedPages is how many pages TestBookkeepingIsSmall stores. What maps take for a key
// is between what they take when they have just grown and when they are about to: the
// everyday number is near the first, a million in the middle.
var storedPages = flag.Int("pages", 10_000, "how many `PAGES` are stored to see what each takes")

func TestBookkeepingIsSmall(t *testing.T) {
	const most = 600 // bytes a page, beyond its key, header and body
	store := memory.New(8 << 30)
	edge := cache.New(cache.Options{Store: store, MaxPage: store.MaxPage()})
	site := &cache.Site{Fetch: answers(common, 2, func() int { return rand.IntN(200) })}
	before := heap()
	for i := range *storedPages {
		request := &http.Request{Method: http.MethodGet, Header: http.Header{"Accept-Encoding": {"gzip, br"}}}
		key := cache.Key(fmt.Sprintf("gazette /news/2026/an-article-of-the-day-%d", i))
		a, err := edge.Answer(t.Context(), &cache.Request{Key: key, HTTP: request, Site: site})
		require.NoError(t, err)
		if a.Cursor != nil {
			a.Cursor.Close()
		}
	}
	edge.Close()
	taken := heap() - before
	require.Equal(t, *storedPages, store.Usage().Pages)
	var own int64
	store.Sweep(t.Context(), func(p *cache.Page) bool {
		own += int64(len(p.Key)+p.Header.Size()) + p.Body.Size()
		return true
	})
	each := float64(taken-own) / float64(*storedPages)
	t.Logf("%d pages of %d bytes each: %.0f bytes of bookkeeping a page", *storedPages, own/int64(*storedPages), each)
	require.LessOrEqual(t, each, float64(most))
	runtime.KeepAlive(edge)
}
