package cache_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

func TestSameTarget(t *testing.T) {
	for _, c := range []struct {
		name, field, a, b string
		want              bool
	}{
		{"the same", "", "/a?x=1", "/a?x=1", true},
		{"without the field", "", "/a?x=1&y=2", "/a?y=2&x=1", false},
		{"another path", "params", "/a?x", "/b?x", false},
		{"params: none matters", "params", "/a?x=1", "/a?y=2", true},
		{"params: also no query at all", "params", "/a?x=1", "/a", true},
		{"params in full", "params=?1", "/a?x=1", "/a", true},
		{"params of these", `params=("x")`, "/a?x=1&y=2", "/a?y=2", true},
		{"params of these: not the others", `params=("x")`, "/a?x=1&y=2", "/a?y=3", false},
		{"params of several", `params=("x" "y")`, "/a?x=1&y=2&z=3", "/a?z=3", true},
		{"params of none", `params=()`, "/a?x=1", "/a?x=1&", false},
		{"params is false", `params=?0`, "/a?x=1", "/a", false},
		{"except: these matter", `params, except=("id")`, "/a?id=1&x=2", "/a?x=3&id=1", true},
		{"except: another value", `params, except=("id")`, "/a?id=1&x=2", "/a?id=2&x=2", false},
		{"except: absent is not empty", `params, except=("id")`, "/a?id=", "/a", false},
		{"except of none", `params, except=()`, "/a?x=1", "/a", true},
		{"key-order", "key-order", "/a?x=1&y=2", "/a?y=2&x=1", true},
		{"key-order: the order within a key stays", "key-order", "/a?x=1&x=2", "/a?x=2&x=1", false},
		{"key-order: other values", "key-order", "/a?x=1", "/a?x=2", false},
		{"key-order is false", "key-order=?0", "/a?x=1&y=2", "/a?y=2&x=1", false},
		{"key-order beside params", `key-order, params=("u")`, "/a?x=1&y=2", "/a?y=2&u=5&x=1", true},
		{"without key-order the order matters", `params=("u")`, "/a?x=1&y=2", "/a?y=2&x=1", false},
		{"parsing: escapes are read", "key-order", "/a?%61=%78", "/a?a=x", true},
		{"parsing: a plus is a space", "key-order", "/a?x=a+b", "/a?x=a%20b", true},
		{"parsing: an escaped plus is none", "key-order", "/a?x=a%2Bb", "/a?x=a+b", false},
		{"parsing: empty parts do not count", "key-order", "/a?&x=1&&", "/a?x=1", true},
		{"parsing: no value is an empty one", "key-order", "/a?x", "/a?x=", true},
		{"parsing: no UTF-8 is U+FFFD", "key-order", "/a?x=%f6", "/a?x=%ef%bf%bd", true},
		{"parsing: a broken escape stands for itself", "key-order", "/a?x=%zz", "/a?x=%25zz", true},
		{"parsing: an escaped ampersand is a value's", "key-order", "/a?x=1%26y=2", "/a?x=1&y=2", false},
		{"keys: escapes are read", `params=("%C3%A9+%E6%B0%97")`, "/a?%C3%A9%20%E6%B0%97=1", "/a?%C3%A9+%E6%B0%97=2", true},
		{"keys: they have case", `params=("X")`, "/a?x=1", "/a", false},
		{"an unknown member is ignored", `params, fragments=1`, "/a?x=1", "/a", true},
		{"an unknown member alone says nothing", `fragments`, "/a?x=1&y=2", "/a?y=2&x=1", false},
		{"invalid: key-order of another type", `key-order="x", params`, "/a?x=1", "/a", false},
		{"invalid: params of another type", `params="x"`, "/a?x=1", "/a", false},
		{"invalid: params of Tokens", `params=(x)`, "/a?x=1", "/a", false},
		{"invalid: except beside a list", `params=("x"), except=("y")`, "/a?x=1", "/a", false},
		{"invalid: except without params", `except=("y")`, "/a?x=1", "/a", false},
		{"invalid: except beside false", `params=?0, except=("y")`, "/a?x=1", "/a", false},
		{"invalid: except of another type", `params, except="y"`, "/a?x=1", "/a", false},
		{"invalid: except of Tokens", `params, except=(y)`, "/a?x=1", "/a", false},
		{"invalid: no Dictionary", `params, &`, "/a?x=1", "/a", false},
		{"invalid: a key in capitals", `Params`, "/a?x=1", "/a", false},
	} {
		t.Run("No-Vary-Search "+c.name, func(t *testing.T) {
			h := http.Header{}
			if c.field != "" {
				h.Set("No-Vary-Search", c.field)
			}
			require.Equal(t, c.want, cache.SameTarget(h, c.a, c.b))
			require.Equal(t, c.want, cache.SameTarget(h, c.b, c.a))
		})
	}
}

// target is a GET of another target than the front page.
func (e *edge) target(t testing.TB, target string, lines ...string) *cache.Request {
	r := e.request(http.MethodGet, lines...)
	u, err := url.ParseRequestURI(target)
	require.NoError(t, err)
	r.HTTP.URL, r.Key = u, cache.KeyOf("gazette", target)
	return r
}

// fetchPage asks for a target and reads the answer.
func (e *edge) fetchPage(t testing.TB, target string, lines ...string) (cache.Answer, string) {
	t.Helper()
	a := e.ask(t, e.target(t, target, lines...))
	body, err := readAll(t.Context(), &a)
	require.NoError(t, err)
	return a, body
}

// echo answers with the target that it was asked for.
func echo(lines ...string) answering {
	return func(a ask) (*http.Response, error) { return reply(200, a.Key.Target(), lines...), nil }
}

func TestAPageAnswersForTargetsThatItsNoVarySearchMakesEqual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, echo(minute, `No-Vary-Search: params=("utm")`))
		e.fetchPage(t, "/story?id=1&utm=mail")
		synctest.Wait()
		a, body := e.fetchPage(t, "/story?id=1&utm=feed")
		require.Equal(t, cache.Hit, a.Result)
		require.Equal(t, "/story?id=1&utm=mail", body)
		_, body = e.fetchPage(t, "/story?id=1")
		require.Equal(t, "/story?id=1&utm=mail", body)
		require.Equal(t, 1, e.fetches())

		_, body = e.fetchPage(t, "/story?id=2&utm=mail")
		require.Equal(t, "/story?id=2&utm=mail", body, "another page")
		_, body = e.fetchPage(t, "/other?id=1")
		require.Equal(t, "/other?id=1", body, "another path")
	})
}

func TestAStalePageIsRefreshedUnderItsOwnTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, echo(minute, "No-Vary-Search: params", `Etag: "1"`))
		e.fetchPage(t, "/story?utm=mail")
		synctest.Wait()
		time.Sleep(2 * time.Minute)
		e.answers(always(304, "", minute, `Etag: "1"`))
		a, body := e.fetchPage(t, "/story?utm=feed")
		require.Equal(t, cache.Revalidated, a.Result)
		require.Equal(t, "/story?utm=mail", body)
		require.Equal(t, cache.Key("gazette /story?utm=mail"), e.last().Key)
		require.Equal(t, "/story?utm=mail", e.last().HTTP.URL.String(), "and that is what the origin is asked for")
		require.Equal(t, 1, e.Usage().Pages)
	})
}

func TestNoVarySearchHoldsOnlyWhileThePageDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, echo(minute, "No-Vary-Search: params"))
		e.fetchPage(t, "/a?x=1")
		synctest.Wait()
		e.Invalidate("gazette /a?x=2")
		_, body := e.fetchPage(t, "/a?x=3")
		require.Equal(t, "/a?x=3", body, "what is out of date for one target is so for all that are equal")
		synctest.Wait()

		e.Invalidate("gazette /a?x=3")
		_, body = e.fetchPage(t, "/a?x=4")
		require.Equal(t, "/a?x=4", body)
		synctest.Wait()

		e.answers(echo(minute)) // it does not say so any more
		time.Sleep(2 * time.Minute)
		_, body = e.fetchPage(t, "/a?x=4")
		require.Equal(t, "/a?x=4", body)
		synctest.Wait()
		_, body = e.fetchPage(t, "/a?x=5")
		require.Equal(t, "/a?x=5", body)
	})
}

func TestAPageOfAnEqualTargetIsFoundInTwoAllocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, echo(minute, `No-Vary-Search: params=("utm")`))
		e.fetchPage(t, "/story?id=1&utm=mail")
		synctest.Wait()
		r := e.target(t, "/story?id=1&utm=feed")
		require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
			if a, err := e.Answer(t.Context(), r); err != nil || a.Result != cache.Hit {
				t.Error(a.Result, err)
			}
		}), 2.0, "its name, and the request for it")
	})
}

func TestNoVarySearchDoesNotOverruleVary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, echo(minute, "No-Vary-Search: params", "Vary: Accept-Language"))
		e.fetchPage(t, "/a?x=1", "Accept-Language: de")
		synctest.Wait()
		_, body := e.fetchPage(t, "/a?x=2", "Accept-Language: fr")
		require.Equal(t, "/a?x=2", body)
		_, body = e.fetchPage(t, "/a?x=3", "Accept-Language: de")
		require.Equal(t, "/a?x=1", body)
	})
}

func FuzzSameTarget(f *testing.F) {
	f.Add(`params=("utm")`, "a=1&utm=2", "utm=3&a=1")
	f.Add(`key-order, params, except=("id")`, "id=%31&&x", "x&id=1")
	f.Add("params, &", "a+b=%zz", "%f6=")
	f.Fuzz(func(t *testing.T, field, a, b string) {
		h := http.Header{"No-Vary-Search": {field}}
		a, b = "/p?"+a, "/p?"+b
		require.True(t, cache.SameTarget(h, a, a))
		require.Equal(t, cache.SameTarget(h, a, b), cache.SameTarget(h, b, a))
		if cache.SameTarget(h, a, b) && a != b {
			for _, broken := range []string{"", "&", "params=x", `except=("y")`} {
				require.False(t, cache.SameTarget(http.Header{"No-Vary-Search": {broken}}, a, b))
			}
			if !strings.Contains(field, "key-order") && !strings.Contains(a+b, "#") {
				require.True(t, cache.SameTarget(h, a+"&last=1", b+"&last=1"), "what is added to both keeps them equal")
			}
		}
	})
}
