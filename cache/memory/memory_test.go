package memory_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/cache/memory"
	"github.com/heliograph-edge/heliograph/cache/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemoryIsAStore(t *testing.T) {
	storetest.Run(t, func(capacity int64) cache.Store { return memory.New(capacity) })
}

func TestALargePageLeavesRoomForOthers(t *testing.T) {
	for _, c := range []struct{ capacity, maxPage int64 }{
		{0, 0}, {1 << 20, 256 << 10}, {8 << 20, 2 << 20}, {64 << 20, 2 << 20}, {1 << 30, 16 << 20},
	} {
		require.Equal(t, c.maxPage, memory.New(c.capacity).MaxPage(), "capacity %d", c.capacity)
	}
}

func TestOnePageGrowsToHalfAShardAtMost(t *testing.T) {
	const capacity = 1 << 20
	s := memory.New(capacity)
	page := costing("gazette /", 1000)
	require.True(t, s.Put(page, 0))
	require.False(t, s.Grow(page, capacity/2-page.Cost()+1), "however much room there is")
	require.True(t, s.Grow(page, capacity/2-page.Cost()))
	require.EqualValues(t, capacity/2, s.Usage().Bytes)
	require.False(t, s.Grow(page, 1))
	require.EqualValues(t, capacity/2, page.Cost())
}

const (
	// bare is what every stored answer has at least.
	bare = "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: %d\r\n"
	// common is what most of them have.
	common = bare + "Content-Type: text/html; charset=utf-8\r\n" +
		"Date: Sun, 01 Mar 2026 12:00:00 GMT\r\n" +
		"Etag: \"5f3d-60a1b2c3\"\r\n" +
		"Last-Modified: Sun, 01 Mar 2026 12:00:00 GMT\r\n" +
		"Vary: Accept-Encoding\r\n"
)

// answers makes fetches of pages with this header, so many further fields, and
// bodies of the given length.
func answers(header string, further int, size func() int) cache.Fetch {
	return func(context.Context, *cache.Request, cache.Query) (*cache.Fetched, error) {
		n := size()
		now := time.Now()
		var raw strings.Builder
		fmt.Fprintf(&raw, header, n)
		for i := range further {
			fmt.Fprintf(&raw, "X-Further-%d: value\r\n", i)
		}
		raw.WriteString("\r\n" + strings.Repeat("x", n))
		// Read as a transport would, so that it lies in memory as it will.
		response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(raw.String())), nil)
		if err != nil {
			return nil, err
		}
		return &cache.Fetched{Response: response, Origin: "https://www.gazette.example", Requested: now, Responded: now}, nil
	}
}

// heap is what is in use after everything else was let go of.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestPageCostCoversTheHeap(t *testing.T) {
	tiny := func() int { return 1 + rand.IntN(500) }
	for _, c := range []struct {
		name    string
		pages   int
		header  string
		further int
		size    func() int
	}{
		{"bare and empty", 2000, bare, 0, func() int { return 0 }},
		{"bare", 2000, bare, 0, tiny},
		{"common", 2000, common, 0, tiny},
		{"just more than a small map holds", 1000, common, 2, tiny},
		{"more fields", 1000, common, 8, tiny},
		{"many fields", 500, common, 30, tiny},
		{"larger pages", 500, common, 5, func() int { return 1 + rand.IntN(30_000) }},
		{"large pages", 100, common, 5, func() int { return 1 + rand.IntN(600_000) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := heap()
			store := memory.New(256 << 20)
			edge := cache.New(cache.Options{Store: store, MaxPage: store.MaxPage()})
			site := &cache.Site{Fetch: answers(c.header, c.further, c.size)}
			for i := range c.pages {
				request := &http.Request{Method: http.MethodGet, Header: http.Header{"Accept-Encoding": {"gzip, br"}}}
				key := cache.Key(fmt.Sprintf("gazette /news/%d", i))
				a, err := edge.Answer(t.Context(), &cache.Request{Key: key, HTTP: request, Site: site})
				require.NoError(t, err)
				if a.Cursor != nil {
					a.Cursor.Close()
				}
			}
			edge.Close()
			require.Equal(t, c.pages, store.Usage().Pages)
			used, counted := heap()-before, store.Usage().Bytes
			t.Logf("%d bytes a page on the heap, %d counted: %.2f", used/int64(c.pages), counted/int64(c.pages),
				float64(used)/float64(counted))
			require.LessOrEqual(t, float64(used), 1.15*float64(counted))
			require.GreaterOrEqual(t, float64(used), 0.7*float64(counted), "nor is the budget wasted")
			runtime.KeepAlive(edge)
		})
	}
}

func TestTheBudgetHoldsWhileManyPagesArrive(t *testing.T) {
	const capacity = 4 << 20
	store := memory.New(capacity)
	edge := cache.New(cache.Options{Store: store, MaxPage: store.MaxPage()})
	site := &cache.Site{Fetch: answers(common, 0, func() int { return rand.IntN(1 << 20) })}
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for range 20 {
				request := &http.Request{Method: http.MethodGet}
				key := cache.Key(fmt.Sprintf("gazette /news/%d", rand.IntN(50)))
				a, err := edge.Answer(t.Context(), &cache.Request{Key: key, HTTP: request, Site: site})
				if err != nil {
					t.Error(err)
					return
				}
				if a.Cursor != nil {
					for err == nil {
						_, err = a.Cursor.Next(t.Context())
					}
					a.Cursor.Close()
				}
				if u := store.Usage(); u.Bytes < 0 || u.Bytes > capacity {
					t.Errorf("%+v", u)
				}
			}
		})
	}
	readers.Wait()
	edge.Close()
	require.Positive(t, store.Usage().Evictions)
	for i := range 50 {
		store.Remove(cache.Key(fmt.Sprintf("gazette /news/%d", i)))
	}
	require.Zero(t, store.Usage().Bytes, "nothing stays reserved")
}
