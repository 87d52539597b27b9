package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

func peeked(t *testing.T, open func(int64) cache.Store) {
	s := room(t, open)
	require.Len(t, s.Peek("gazette /1"), 1)
	require.Nil(t, s.Peek("gazette /4"))
	require.True(t, s.Put(page("gazette /4", 1000, ""), 0))
	require.Nil(t, s.Peek("gazette /1"), "it was only looked at")
	require.NotNil(t, s.Peek("gazette /2"))
}

func grown(t *testing.T, open func(int64) cache.Store) {
	s := open(ample)
	for _, language := range []string{"en", "fa"} {
		require.True(t, s.Put(page("gazette /", 1000, language), 0))
	}
	before := s.Usage().Bytes
	fa := s.Pages("gazette /")[0]
	cost := fa.Cost()
	require.True(t, s.Grow(fa, 300))
	require.True(t, s.Grow(fa, 200))
	require.Equal(t, cost+500, fa.Cost())
	require.Equal(t, cache.Usage{Pages: 2, Bytes: before + 500, Capacity: ample}, s.Usage())
	require.Equal(t, []string{"fa", "en"}, languages(s, "gazette /"))

	require.True(t, s.Drop(fa))
	require.Equal(t, before-cost, s.Usage().Bytes, "with all that it had gathered")
	require.True(t, s.Grow(s.Pages("gazette /")[0], 100))
	require.True(t, s.Remove("gazette /"))
	require.Zero(t, s.Usage().Bytes)
}

func grownRoom(t *testing.T, open func(int64) cache.Store) {
	const pages = 8
	cost := page(key(0), 1000, "").Cost()
	s := open(pages * cost)
	for i := range pages {
		require.True(t, s.Put(page(key(i), 1000, ""), 0))
	}
	for i := range pages {
		for _, p := range s.Pages(key(i)) {
			require.True(t, s.Grow(p, cost))
			require.NotNil(t, s.Peek(key(i)), "it must not leave for itself")
			require.LessOrEqual(t, s.Usage().Bytes, s.Usage().Capacity)
		}
	}
	usage := s.Usage()
	require.Less(t, usage.Pages, pages)
	require.EqualValues(t, pages-usage.Pages, usage.Evictions)
	for i := range pages {
		s.Remove(key(i))
	}
	require.Zero(t, s.Usage().Bytes)
}

func grownNot(t *testing.T, open func(int64) cache.Store) {
	s := room(t, open)
	stored := s.Pages("gazette /2")[0]
	cost := stored.Cost()
	require.False(t, s.Grow(stored, s.Usage().Capacity), "there is no such room")
	require.Equal(t, cost, stored.Cost())
	require.Equal(t, 3, s.Usage().Pages, "and nothing left for it")

	require.True(t, s.Reserve("gazette /2", 10))
	require.True(t, s.Put(page("gazette /2", 900, ""), 10))
	require.False(t, s.Grow(stored, 1), "another is in its place")
	require.True(t, s.Remove("gazette /3"))
	require.False(t, s.Grow(page("gazette /3", 1000, ""), 1), "nothing is there")
	require.Equal(t, cost, stored.Cost())
}
