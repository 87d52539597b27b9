package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// stored opens a store with two variants under each of some keys.
func stored(t *testing.T, open func(int64) cache.Store, keys int) cache.Store {
	t.Helper()
	s := open(100 * ample)
	for i := range keys {
		require.True(t, s.Put(page(key(i), 100, "en"), 0))
		require.True(t, s.Put(page(key(i), 100, "fa"), 0))
	}
	require.Equal(t, 2*keys, s.Usage().Pages)
	return s
}

func swept(t *testing.T, open func(int64) cache.Store) {
	s := stored(t, open, 500)
	shown := make(map[string]int)
	s.Sweep(t.Context(), func(p *cache.Page) bool {
		shown[fmt.Sprint(p.Key, p.Variant.Values[0])]++
		return p.Variant.Values[0] != "en"
	})
	require.Len(t, shown, 1000)
	for name, times := range shown {
		require.Equal(t, 1, times, name)
	}
	require.Equal(t, 500, s.Usage().Pages)
	require.Zero(t, s.Usage().Evictions, "nothing left to make room")
	for i := range 500 {
		require.Equal(t, []string{"fa"}, languages(s, key(i)))
	}
	s.Sweep(t.Context(), func(*cache.Page) bool { return false })
	require.Zero(t, s.Usage().Pages)
	require.Zero(t, s.Usage().Bytes)
	s.Sweep(t.Context(), func(p *cache.Page) bool {
		t.Errorf("%s is still shown", p.Key)
		return true
	})
}

func sweptLightly(t *testing.T, open func(int64) cache.Store) {
	s := room(t, open)
	s.Sweep(t.Context(), func(*cache.Page) bool { return true })
	require.True(t, s.Put(page("gazette /4", 1000, ""), 0))
	require.Nil(t, s.Peek("gazette /1"), "being shown is no use")

	s = stored(t, open, 500)
	ctx, cancel := context.WithCancel(t.Context())
	shown := 0
	s.Sweep(ctx, func(*cache.Page) bool {
		if shown++; shown == 10 {
			cancel()
		}
		return true
	})
	require.Less(t, shown, 100, "it ends soon after its context")
	shown = 0
	s.Sweep(ctx, func(*cache.Page) bool { shown++; return false })
	require.Zero(t, shown)
	require.Equal(t, 1000, s.Usage().Pages)
}

func sweptBeside(t *testing.T, open func(int64) cache.Store) {
	const keys = 200
	s := stored(t, open, keys)
	shown := make(map[cache.Key]bool)
	s.Sweep(t.Context(), func(p *cache.Page) bool {
		shown[p.Key] = true
		// Whatever lock a sweep holds while it shows a page, one of these waits for.
		for i := range keys {
			require.NotNil(t, s.Pages(key(i)))
		}
		if len(shown) < 20 {
			i := keys + len(shown)
			require.True(t, s.Put(page(key(i), 100, "en"), 0))
			require.True(t, s.Grow(s.Pages(key(i))[0], 10))
			require.True(t, s.Remove(key(i)))
			require.True(t, s.Reserve(key(i), 10))
			s.Release(key(i), 10)
		}
		return true
	})
	for i := range keys {
		require.True(t, shown[key(i)], "what is there all the time is shown: %d", i)
	}
	require.Equal(t, 2*keys, s.Usage().Pages)
}

func sweptExactly(t *testing.T, open func(int64) cache.Store) {
	s := stored(t, open, 50)
	replaced := make(map[cache.Key]bool)
	s.Sweep(t.Context(), func(p *cache.Page) bool {
		if p.Variant.Values[0] != "en" || replaced[p.Key] {
			return true
		}
		replaced[p.Key] = true
		require.True(t, s.Put(page(p.Key, 200, "en"), 0))
		return false
	})
	require.Len(t, replaced, 50)
	require.Equal(t, 100, s.Usage().Pages, "what it showed had left already")
	for i := range 50 {
		require.Equal(t, []string{"en", "fa"}, languages(s, key(i)))
		require.EqualValues(t, 200, s.Pages(key(i))[0].Body.Size())
	}
}

func sweptMoving(t *testing.T, open func(int64) cache.Store) {
	// As many as nearly fill a hash table, which moves them to what those that leave make free.
	const keys, rounds = 3560, 12
	for range rounds {
		s := open(8 * ample)
		var there []*cache.Page
		for i := range keys {
			there = append(there, page(key(i), 10, "en"))
			require.True(t, s.Put(there[i], 0))
		}
		shown, n := make(map[*cache.Page]int), 0
		s.Sweep(t.Context(), func(p *cache.Page) bool {
			shown[p]++
			if n++; n%32 == 0 {
				for range 16 {
					if p := there[rand.IntN(keys)]; shown[p] == 0 {
						s.Grow(p, 1)
					}
					if p := there[rand.IntN(keys)]; shown[p] == 0 {
						s.Put(page(p.Key, 10, "fa"), 0)
					}
				}
			}
			return p.Variant.Values[0] == "en" && n%4 == 0
		})
		for _, p := range there {
			require.Equal(t, 1, shown[p], "%s was there all the time", p.Key)
		}
	}
}
