package cache_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// stock puts n pages with a tag into the edge's store.
func stock(t testing.TB, e *edge, n int) {
	t.Helper()
	now := time.Now()
	for i := range n {
		header := http.Header{
			"Cache-Control": {"max-age=3600"}, "Content-Type": {"text/html; charset=utf-8"}, "Date": {now.UTC().Format(http.TimeFormat)},
			"Etag": {fmt.Sprintf(`"%d"`, i)}, "Cache-Tag": {fmt.Sprintf("site, section-%d, article-%d", i%20, i)},
		}
		require.True(t, e.store.Put(&cache.Page{
			Key: cache.Key(fmt.Sprintf("gazette /news/%d", i)), Status: http.StatusOK, Header: cache.PackHeader(header), Origin: "primary",
			Freshness: cache.Reckon(http.StatusOK, header, now, now), Body: cache.NewBody(nil),
		}, 0))
	}
}

// BenchmarkHitWhileATagIsPurged is a hit on a page that no purge is of, while one tag after
// the other is purged out of 100,000 pages. It reports the tail, too: nobody is to wait for a sweep.
func BenchmarkHitWhileATagIsPurged(b *testing.B) {
	for _, purging := range []bool{false, true} {
		b.Run(fmt.Sprintf("purging %t", purging), func(b *testing.B) {
			e := newEdgeOf(b, 1<<30, 1<<20, numbered("Cache-Control: max-age=3600", "Cache-Tag: other"))
			stock(b, e, 100_000)
			e.read(b)
			r := e.request(http.MethodGet)
			purge := func(i int) {
				_, err := e.Purge(b.Context(), cache.Purge{Soft: true, Of: cache.Selection{Kind: cache.PurgeTag, Tag: fmt.Sprintf("section-%d", i%20)}})
				require.NoError(b, err)
			}
			took := make([]time.Duration, 0, 1<<20)
			began, sweeps := time.Now(), 0
			for i := 0; b.Loop(); i++ {
				if purging && i%256 == 0 && e.PurgeCounts().Active == 0 {
					purge(sweeps)
					sweeps++
				}
				at := time.Now()
				if a, err := e.Answer(b.Context(), r); err != nil || a.Result != cache.Hit {
					b.Fatal(a.Result, err)
				}
				if len(took) < cap(took) {
					took = append(took, time.Since(at))
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*999/1000].Nanoseconds()), "ns/p99.9")
			b.ReportMetric(float64(took[len(took)-1].Nanoseconds()), "ns/worst")
			if sweeps > 0 {
				b.ReportMetric(float64(time.Since(began).Milliseconds())/float64(sweeps), "ms/purge")
			}
		})
	}
}

func TestATagIsPurgedOutOfManyPages(t *testing.T) {
	const pages = 20_000
	e := newEdgeOf(t, 1<<30, 1<<20, numbered(minute))
	stock(t, e, pages)
	r := e.purge(t, cache.Purge{Of: cache.Selection{Kind: cache.PurgeTag, Tag: "section-7"}})
	done := e.done(t, r.ID)
	require.EqualValues(t, pages/20, done.Matched)
	require.EqualValues(t, pages, done.Visited)
	require.Equal(t, pages, done.Stored)
	require.Equal(t, pages-pages/20, e.Usage().Pages)
	r = e.purge(t, cache.Purge{Of: cache.Selection{Kind: cache.PurgeTag, Tag: "site"}, Soft: true})
	require.EqualValues(t, pages-pages/20, e.done(t, r.ID).Matched)
	require.Equal(t, pages-pages/20, e.Usage().Pages)
}
