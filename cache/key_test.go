package cache_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

func TestTarget(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"a path", "/news", "/news"},
		{"a query", "/news?a=1&b=2", "/news?a=1&b=2"},
		{"no host, no scheme", "https://www.gazette.example/news", "/news"},
		{"RFC 3986 §6.2.3 an empty path", "https://www.gazette.example", "/"},
		{"RFC 3986 §6.2.3 an empty path with a query", "https://www.gazette.example?a", "/?a"},
		{"RFC 3986 §6.2.3 an empty query is a query", "/news?", "/news?"},
		{"RFC 3986 §6.2.2.1 escapes in upper case", "/%d8%a7?q=%d8%A7", "/%D8%A7?q=%D8%A7"},
		{"an escaped slash stays escaped", "/a%2fb", "/a%2Fb"},
		{"an escaped slash stays beside a byte that no URI may contain", "/a%2Fb\"", "/a%2Fb%22"},
		{"an escaped slash stays beside a byte beyond ASCII", "/a%2fä", "/a%2F%C3%A4"},
		{"every byte that no URI may contain is escaped", "/<>\\^`{|}\"", "/%3C%3E%5C%5E%60%7B%7C%7D%22"},
		{"an escaped letter of the path is a letter", "/%61%2d%5F?%61", "/a-_?%61"},
		{"an escaped dot stays escaped", "/%2e%2e/%2E", "/%2E%2E/%2E"},
		{"an escaped query mark is path", "/a%3fb", "/a%3Fb"},
		{"dot segments stay", "/a/../b/./c", "/a/../b/./c"},
		{"slashes stay", "//a///b/", "//a///b/"},
		{"the order of the query stays", "/?b=2&a=1&b=1", "/?b=2&a=1&b=1"},
		{"separators stay", "/a;b=1?c;d&&e", "/a;b=1?c;d&&e"},
		{"a plus stays", "/a+b?c+d", "/a+b?c+d"},
		{"a half escape in the query stays", "/?50%&x=%z", "/?50%&x=%z"},
		{"bytes beyond ASCII are escaped", "/ä?ä", "/%C3%A4?%C3%A4"},
		{"a space in the query is escaped", "/?a b", "/?a%20b"},
		{"a number sign in the query is escaped", "/?a#b", "/?a%23b"},
		{"the star of OPTIONS", "*", "*"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, err := url.ParseRequestURI(c.in)
			require.NoError(t, err)
			require.Equal(t, c.want, cache.Target(u))
			require.Equal(t, cache.Key("gazette "+c.want), cache.MakeKey("gazette", u))
		})
	}
	require.Equal(t, "/a%20b", cache.Target(&url.URL{Path: "a b"}), "a path made by hand")
	require.Equal(t, "/news", cache.Target(&url.URL{Path: "/news", Fragment: "top"}), "a fragment is the reader's own")
}

func TestKeyTellsItsParts(t *testing.T) {
	k := cache.MakeKey("gazette", &url.URL{Path: "/a b", RawQuery: "c d"})
	require.Equal(t, "gazette", k.Site())
	require.Equal(t, "/a%20b?c%20d", k.Target())
	require.Equal(t, k, cache.KeyOf(k.Site(), k.Target()))
	require.NotEqual(t, cache.KeyOf("a", "/b"), cache.KeyOf("a/b", "/"))
}

func TestMakeKeyAllocatesTheKeyOnly(t *testing.T) {
	u, err := url.Parse("https://www.gazette.example/news/2026/03/01/harbour?page=2")
	require.NoError(t, err)
	var key cache.Key
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { key = cache.MakeKey("gazette", u) }), 1.0)
	require.NotEmpty(t, key)
}

func FuzzTarget(f *testing.F) {
	for _, s := range []string{"/", "/a%2fb?c=%zz", "//x/y", "*", "/?a#b c", "/ä?ü", "/%", "?x", "/a?", "/a%2Fb\"", "/a%2f\xff{}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := url.ParseRequestURI(s)
		if err != nil {
			return
		}
		target := cache.Target(u)
		for i := range len(target) {
			require.True(t, target[i] > ' ' && target[i] < 0x7f && target[i] != '#', "%q has %q", target, target[i])
		}
		again, err := url.ParseRequestURI(target)
		require.NoError(t, err, target)
		require.Equal(t, target, cache.Target(again), "a target is its own target")
		require.Equal(t, target, again.RequestURI(), "and is what net/http sends for it")
	})
}

func BenchmarkMakeKey(b *testing.B) {
	u := &url.URL{Path: "/news/2026/03/01/harbour", RawQuery: "page=2"}
	b.ReportAllocs()
	for b.Loop() {
		cache.MakeKey("gazette", u)
	}
}
