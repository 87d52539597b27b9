package memory_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/cache/memory"
)

// costing is a page that costs what one with a body of so many bytes would.
func costing(key cache.Key, size int64) *cache.Page {
	p := &cache.Page{Key: key, Status: http.StatusOK, Body: cache.NewBody(nil)}
	p.Grew(size)
	return p
}

// article is the key of one page of many.
func article(i int) cache.Key { return cache.Key(fmt.Sprintf("gazette /news/%d", i)) }

func TestAHitAllocatesNothing(t *testing.T) {
	s := memory.New(1 << 20)
	require.True(t, s.Put(costing("gazette /", 100), 0))
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if len(s.Pages("gazette /")) != 1 {
			t.Error("it is not there")
		}
	}))
}

func TestAPageThatIsAskedForAgainOutlivesAScan(t *testing.T) {
	for _, capacity := range []int64{1 << 20, 32 << 20} {
		s := memory.New(capacity)
		size := capacity / 400
		front := article(0)
		require.True(t, s.Put(costing(front, size), 0))
		require.Len(t, s.Pages(front), 1)
		for i := range 4000 {
			require.True(t, s.Put(costing(article(i+1), size), 0))
		}
		require.Len(t, s.Peek(front), 1, "ten times what the store holds went by, capacity %d", capacity)
		require.Nil(t, s.Peek(article(1)))
	}
}

func TestAPageThatIsNotAskedForAnyMoreLeavesInTheEnd(t *testing.T) {
	s := memory.New(1 << 20)
	const size = 10 << 10
	yesterday, today := article(0), article(1)
	require.True(t, s.Put(costing(yesterday, size), 0))
	for range 10 {
		require.Len(t, s.Pages(yesterday), 1)
	}
	// Every page of the day is asked for again, and so goes the way that it went.
	for i := 2; i < 1000 && len(s.Peek(yesterday)) > 0; i++ {
		require.True(t, s.Put(costing(article(i), size), 0))
		s.Pages(article(i))
		if len(s.Pages(today)) == 0 {
			require.True(t, s.Put(costing(today, size), 0))
		}
	}
	require.Nil(t, s.Peek(yesterday))
	require.Len(t, s.Peek(today), 1)
}

func TestAPageThatComesBackSoonIsKept(t *testing.T) {
	s := memory.New(1 << 20)
	const size = 10 << 10
	scan := 0
	pass := func(n int) {
		for range n {
			scan++
			require.True(t, s.Put(costing(article(scan), size), 0))
		}
	}
	pass(200)
	back := article(0)
	require.True(t, s.Put(costing(back, size), 0))
	for len(s.Peek(back)) > 0 {
		pass(1)
	}
	require.True(t, s.Put(costing(back, size), 0), "somebody asked again")
	pass(1000)
	require.Len(t, s.Peek(back), 1)
}

func TestWhatWasPurgedNeedNotProveItselfAgain(t *testing.T) {
	s := memory.New(1 << 20)
	const size = 10 << 10
	front := article(0)
	require.True(t, s.Put(costing(front, size), 0))
	s.Pages(front)
	require.True(t, s.Remove(front))
	require.True(t, s.Put(costing(front, size), 0))
	for i := range 1000 {
		require.True(t, s.Put(costing(article(i+1), size), 0))
	}
	require.Len(t, s.Peek(front), 1)
}

func TestALargePageThatNobodyAsksForAgainTakesFewOthersAlong(t *testing.T) {
	s := memory.New(1 << 20)
	const size = 5 << 10
	for i := range 100 {
		require.True(t, s.Put(costing(article(i), size), 0))
		s.Pages(article(i))
	}
	for i := range 50 {
		require.True(t, s.Put(costing(article(1000+i), s.MaxPage()-2000), 0))
	}
	kept := 0
	for i := range 100 {
		kept += len(s.Peek(article(i)))
	}
	require.Greater(t, kept, 60, "all fifty came to take the room of one or two")
}

// BenchmarkHit is what a hit costs, with one reader and with as many as there are
// processors.
func BenchmarkHit(b *testing.B) {
	const pages = 10_000
	s := memory.New(512 << 20)
	keys := make([]cache.Key, pages)
	for i := range keys {
		keys[i] = article(i)
		require.True(b, s.Put(costing(keys[i], 10<<10), 0))
	}
	front := func(*rand.Rand) cache.Key { return keys[0] }
	any := func(r *rand.Rand) cache.Key { return keys[r.IntN(pages)] }
	for _, c := range []struct {
		name string
		key  func(*rand.Rand) cache.Key
	}{{"front page", front}, {"any page", any}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			r := rand.New(rand.NewPCG(1, 1))
			for b.Loop() {
				s.Pages(c.key(r))
			}
		})
		b.Run(c.name+", all at once", func(b *testing.B) {
			b.ReportAllocs()
			var seed sync.Mutex
			next := uint64(0)
			b.RunParallel(func(pb *testing.PB) {
				seed.Lock()
				next++
				r := rand.New(rand.NewPCG(next, 1))
				seed.Unlock()
				for pb.Next() {
					s.Pages(c.key(r))
				}
			})
		})
	}
}
