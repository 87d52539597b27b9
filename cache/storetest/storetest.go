package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// capacity of a store that nothing need leave.
const ample = 1 << 20

// Run shows that the stores which open makes keep the contract of [cache.Store].
// Each test opens one of its own, empty, that holds at most capacity bytes.
func Run(t *testing.T, open func(capacity int64) cache.Store) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, open func(capacity int64) cache.Store)
	}{
		{"an empty store has nothing", empty},
		{"a page is found under its key", found},
		{"variants are most recent first", variants},
		{"a page replaces its own variant only", replaced},
		{"what does not fit is made room for", madeRoom},
		{"asking is use", asked},
		{"a page that cannot fit is refused, and costs only what it would have replaced", refused},
		{"a page that cannot fit beside what is reserved is refused", refusedForReserved},
		{"what is reserved counts, and is given back", reserved},
		{"pages leave for what is reserved", reservedRoom},
		{"an entry of many variants stays within the budget", manyVariants},
		{"a page is dropped without its other variants", dropped},
		{"readers may keep what they were given", kept},
		{"looking is not asking", peeked},
		{"what a page gathers is counted", grown},
		{"pages leave for what another gathers, and that one stays", grownRoom},
		{"there is no growing of what is not there, nor beyond the budget", grownNot},
		{"a sweep shows every page once, and lets go of what it is told to", swept},
		{"a sweep is not use, and ends early", sweptLightly},
		{"a sweep stands in nobody's way", sweptBeside},
		{"a sweep is shown what grows meanwhile, and what another variant is put beside", sweptMoving},
		{"a sweep lets go of what it showed, and not of what came in its place", sweptExactly},
		{"a page that was made stale stays so", marked},
		{"the budget holds under load", load},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open) })
	}
}

// page is a page with a body of size bytes. language is what it varies by; ""
// when it does not.
func page(key cache.Key, size int, language string) *cache.Page {
	p := &cache.Page{
		Key: key, Status: http.StatusOK, Header: cache.PackHeader(http.Header{"Etag": {`"1"`}}), Origin: "primary",
		Body: cache.NewBody(make([]byte, size)), Length: int64(size),
	}
	if language != "" {
		p.Variant = &cache.Variant{Names: []string{"Accept-Language"}, Values: []string{language}}
	}
	return p
}

// languages tells which variants a store holds under key, in their order.
func languages(s cache.Store, key cache.Key) []string {
	var all []string
	for _, p := range s.Pages(key) {
		all = append(all, p.Variant.Values[0])
	}
	return all
}

func empty(t *testing.T, open func(int64) cache.Store) {
	s := open(ample)
	require.Nil(t, s.Pages("gazette /"))
	require.False(t, s.Remove("gazette /"))
	require.Equal(t, cache.Usage{Capacity: ample}, s.Usage())
}

func found(t *testing.T, open func(int64) cache.Store) {
	s := open(ample)
	put := page("gazette /", 100, "")
	require.True(t, s.Put(put, 0))
	pages := s.Pages("gazette /")
	require.Len(t, pages, 1)
	require.Equal(t, put.Header, pages[0].Header)
	require.EqualValues(t, 100, pages[0].Body.Size())
	require.Nil(t, s.Pages("gazette /elsewhere"))
	require.Equal(t, cache.Usage{Pages: 1, Bytes: put.Cost(), Capacity: ample}, s.Usage())

	require.True(t, s.Remove("gazette /"))
	require.False(t, s.Remove("gazette /"))
	require.Nil(t, s.Pages("gazette /"))
	require.Equal(t, cache.Usage{Capacity: ample}, s.Usage(), "what is removed was not evicted")
}

func variants(t *testing.T, open func(int64) cache.Store) {
	s := open(ample)
	for _, language := range []string{"en", "fa", "ru"} {
		require.True(t, s.Put(page("gazette /", 100, language), 0))
	}
	require.Equal(t, []string{"ru", "fa", "en"}, languages(s, "gazette /"))
	require.Equal(t, 3, s.Usage().Pages)
	require.True(t, s.Remove("gazette /"), "all of them at once")
	require.Zero(t, s.Usage().Bytes)
}

func replaced(t *testing.T, open func(int64) cache.Store) {
	s := open(ample)
	for _, language := range []string{"en", "fa", "ru"} {
		require.True(t, s.Put(page("gazette /", 100, language), 0))
	}
	before := s.Usage().Bytes
	require.True(t, s.Put(page("gazette /", 200, "en"), 0))
	require.Equal(t, []string{"en", "ru", "fa"}, languages(s, "gazette /"))
	require.EqualValues(t, 200, s.Pages("gazette /")[0].Body.Size())
	require.Equal(t, before+100, s.Usage().Bytes)
	require.Equal(t, 3, s.Usage().Pages)
}

// room opens a store for three pages, and fills it with one, two and three.
func room(t *testing.T, open func(int64) cache.Store) cache.Store {
	t.Helper()
	s := open(3 * page("gazette /1", 1000, "").Cost())
	for _, key := range []cache.Key{"gazette /1", "gazette /2", "gazette /3"} {
		require.True(t, s.Put(page(key, 1000, ""), 0))
	}
	require.Zero(t, s.Usage().Evictions)
	return s
}

func madeRoom(t *testing.T, open func(int64) cache.Store) {
	s := room(t, open)
	require.True(t, s.Put(page("gazette /4", 1000, ""), 0))
	require.Nil(t, s.Pages("gazette /1"), "the least recently used")
	require.NotNil(t, s.Pages("gazette /2"))
	usage := s.Usage()
	require.Equal(t, 3, usage.Pages)
	require.EqualValues(t, 1, usage.Evictions)
}

func asked(t *testing.T, open func(int64) cache.Store) {
	s := room(t, open)
	s.Pages("gazette /1")
	require.True(t, s.Put(page("gazette /4", 1000, ""), 0))
	require.NotNil(t, s.Pages("gazette /1"))
	require.Nil(t, s.Pages("gazette /2"))
}

func refused(t *testing.T, open func(int64) cache.Store) {
	s := room(t, open)
	large := int(s.Usage().Capacity)
	require.False(t, s.Put(page("gazette /4", large, ""), 0))
	require.Equal(t, 3, s.Usage().Pages)
	require.Zero(t, s.Usage().Evictions)

	s = open(ample)
	require.True(t, s.Put(page("gazette /", 10, "en"), 0))
	require.True(t, s.Put(page("gazette /", 10, "fa"), 0))
	require.False(t, s.Put(page("gazette /", ample, "fa"), 0))
	require.Equal(t, []string{"en"}, languages(s, "gazette /"), "what it would have replaced is obsolete")
	require.Equal(t, page("gazette /", 10, "en").Cost(), s.Usage().Bytes)
}

func refusedForReserved(t *testing.T, open func(int64) cache.Store) {
	s := open(ample)
	require.True(t, s.Reserve("gazette /1", ample-100))
	require.False(t, s.Put(page("gazette /2", 10, ""), 0))
	require.EqualValues(t, ample-100, s.Usage().Bytes)
	require.True(t, s.Put(page("gazette /1", 10, ""), ample-100), "its own reservation is given back first")
	require.Equal(t, 1, s.Usage().Pages)
}

func reserved(t *testing.T, open func(int64) cache.Store) {
	s := open(ample)
	require.True(t, s.Reserve("gazette /", 1000))
	require.True(t, s.Reserve("gazette /", 500))
	require.EqualValues(t, 1500, s.Usage().Bytes)
	s.Release("gazette /", 500)
	require.EqualValues(t, 1000, s.Usage().Bytes)
	require.False(t, s.Reserve("gazette /", ample), "more than there is")
	require.EqualValues(t, 1000, s.Usage().Bytes, "nothing was set aside")

	put := page("gazette /", 900, "")
	require.True(t, s.Put(put, 1000))
	require.Equal(t, put.Cost(), s.Usage().Bytes)
	require.True(t, s.Reserve("gazette /2", 1000))
	require.False(t, s.Put(page("gazette /2", ample, ""), 1000))
	require.Equal(t, put.Cost(), s.Usage().Bytes, "also by a page that is refused")
}

func reservedRoom(t *testing.T, open func(int64) cache.Store) {
	s := room(t, open)
	require.True(t, s.Reserve("gazette /4", 1000))
	require.Nil(t, s.Pages("gazette /1"))
	require.Equal(t, 2, s.Usage().Pages)
	require.True(t, s.Reserve("gazette /4", s.Usage().Capacity-1000), "all of it")
	require.Zero(t, s.Usage().Pages)
	require.Equal(t, s.Usage().Capacity, s.Usage().Bytes)
	require.False(t, s.Reserve("gazette /4", 1))
}

func manyVariants(t *testing.T, open func(int64) cache.Store) {
	s := open(10 * page("gazette /", 1000, "0").Cost())
	for i := range 200 {
		language := fmt.Sprint(i)
		require.True(t, s.Put(page("gazette /", 1000, language), 0))
		require.Equal(t, language, languages(s, "gazette /")[0], "the latest is always kept")
		usage := s.Usage()
		require.LessOrEqual(t, usage.Bytes, usage.Capacity)
		require.Len(t, s.Pages("gazette /"), usage.Pages)
	}
	require.Less(t, s.Usage().Pages, 11)
}

func dropped(t *testing.T, open func(int64) cache.Store) {
	s := open(ample)
	en, fa := page("gazette /", 100, "en"), page("gazette /", 200, "fa")
	require.False(t, s.Drop(en), "it is not there")
	require.True(t, s.Put(en, 0))
	require.True(t, s.Put(fa, 0))
	held := s.Pages("gazette /")
	require.True(t, s.Drop(s.Pages("gazette /")[1]))
	require.False(t, s.Drop(en))
	require.Len(t, held, 2, "readers may keep what they were given")
	require.Equal(t, []string{"fa"}, languages(s, "gazette /"))
	require.Equal(t, cache.Usage{Pages: 1, Bytes: fa.Cost(), Capacity: ample}, s.Usage())

	former := s.Pages("gazette /")[0]
	require.True(t, s.Put(page("gazette /", 300, "fa"), 0))
	require.False(t, s.Drop(former), "another is in its place")
	require.True(t, s.Drop(s.Pages("gazette /")[0]))
	require.Nil(t, s.Pages("gazette /"))
	require.Equal(t, cache.Usage{Capacity: ample}, s.Usage())
}

func kept(t *testing.T, open func(int64) cache.Store) {
	s := open(ample)
	require.True(t, s.Put(page("gazette /", 100, "en"), 0))
	held := s.Pages("gazette /")
	require.True(t, s.Put(page("gazette /", 200, "en"), 0))
	require.True(t, s.Put(page("gazette /", 200, "fa"), 0))
	s.Remove("gazette /")
	require.Len(t, held, 1)
	require.EqualValues(t, 100, held[0].Body.Size())
}

func load(t *testing.T, open func(int64) cache.Store) {
	const capacity = 100_000
	s := open(capacity)
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() { churn(t, s) })
	}
	work.Go(func() {
		for range 50 {
			s.Sweep(context.Background(), func(*cache.Page) bool { return rand.IntN(8) > 0 })
		}
	})
	work.Wait()
	for i := range 20 {
		s.Remove(key(i))
	}
	usage := s.Usage()
	require.Zero(t, usage.Bytes, "everything that was reserved or put is accounted for")
	require.Zero(t, usage.Pages)
}

// key is one of the keys of load.
func key(i int) cache.Key { return cache.Key(fmt.Sprintf("gazette /%d", i)) }

// churn does what fills and readers do, as load wants it.
func churn(t *testing.T, s cache.Store) {
	for range 500 {
		k, size := key(rand.IntN(20)), int64(rand.IntN(30_000))
		switch {
		case rand.IntN(10) == 0:
			s.Remove(k)
		case s.Reserve(k, size):
			if rand.IntN(4) == 0 {
				s.Release(k, size)
			} else {
				s.Put(page(k, int(size), fmt.Sprint(rand.IntN(5))), size)
			}
		}
		if pages := s.Pages(k); len(pages) > 0 && rand.IntN(4) == 0 {
			s.Grow(pages[0], int64(rand.IntN(2000)))
		}
		if usage := s.Usage(); usage.Bytes < 0 || usage.Bytes > usage.Capacity || usage.Pages < 0 {
			t.Errorf("%+v", usage)
			return
		}
	}
}
