package cache_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

func TestGroups(t *testing.T) {
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf("%064d", i)
	}
	for _, c := range []struct {
		name string
		in   []string
		want []string
	}{
		{"§2 none", nil, nil},
		{"§2 one", []string{`Cache-Groups: "scripts"`}, []string{"scripts"}},
		{"§2 several", []string{`Cache-Groups: "scripts", "v1"`}, []string{"scripts", "v1"}},
		{"§2 over lines", []string{`Cache-Groups: "scripts"`, `Cache-Groups: "v1"`}, []string{"scripts", "v1"}},
		{"§2 each once", []string{`Cache-Groups: "a", "b", "a"`}, []string{"a", "b"}},
		{"§2 they have case", []string{`Cache-Groups: "A", "a"`}, []string{"A", "a"}},
		{"§2 parameters mean nothing", []string{`Cache-Groups: "a";x=1, "b";y`}, []string{"a", "b"}},
		{"§2 any text", []string{`Cache-Groups: "a, \"b\" \\ c"`}, []string{`a, "b" \ c`}},
		{"§2 the empty one", []string{`Cache-Groups: ""`}, []string{""}},
		{"§2 a hundred of 64 bytes", []string{`Cache-Groups: "` + strings.Join(many, `", "`) + `"`}, many},
		{"§2 a Token is no String", []string{`Cache-Groups: scripts`}, nil},
		{"§2 nor is a number, among Strings", []string{`Cache-Groups: "a", 1`}, nil},
		{"§2 nor a list within it", []string{`Cache-Groups: ("a" "b")`}, nil},
		{"RFC 9651 §4.2 an open quote spoils it all", []string{`Cache-Groups: "a", "b`}, nil},
		{"RFC 9651 §4.2 so does a comma at the end", []string{`Cache-Groups: "a",`}, nil},
		{"RFC 9651 §3.3.3 so does a byte beyond ASCII", []string{"Cache-Groups: \"\u00e4\""}, nil},
		{"an empty field", []string{"Cache-Groups:"}, nil},
	} {
		t.Run("RFC 9875 "+c.name, func(t *testing.T) {
			require.Equal(t, c.want, cache.Groups(fields(c.in...)))
		})
	}
}

func TestInvalidatedGroups(t *testing.T) {
	h := fields(`Cache-Group-Invalidation: "news", "front"`, `Cache-Groups: "own"`)
	for _, c := range []struct {
		name   string
		method string
		status int
		want   []string
	}{
		{"POST", "POST", 200, []string{"news", "front"}},
		{"DELETE", "DELETE", 204, []string{"news", "front"}},
		{"a method whose safety is unknown", "M-SEARCH", 200, []string{"news", "front"}},
		{"a redirect", "POST", 303, []string{"news", "front"}},
		{"an error that says so", "POST", 409, []string{"news", "front"}},
		{"GET is safe", "GET", 200, nil},
		{"HEAD is safe", "HEAD", 200, nil},
		{"OPTIONS is safe", "OPTIONS", 200, nil},
		{"QUERY is safe", "QUERY", 200, nil},
		{"an interim answer is none", "POST", 103, nil},
	} {
		t.Run("RFC 9875 §3 "+c.name, func(t *testing.T) {
			require.Equal(t, c.want, cache.InvalidatedGroups(c.method, c.status, h))
		})
	}
	require.Nil(t, cache.InvalidatedGroups("POST", 200, fields(`Cache-Group-Invalidation: news`)), "a Token is no String")
	require.Nil(t, cache.InvalidatedGroups("POST", 200, fields()))
}

func TestTags(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []string
		want []string
		not  []string
	}{
		{"none", nil, nil, []string{"", "a"}},
		{"Cache-Tag is separated by commas", []string{"Cache-Tag: a,b , c d"}, []string{"a", "b", "c d"}, []string{"c", "d", "a,b", ""}},
		{"Surrogate-Key by spaces", []string{"Surrogate-Key: a  b,c\td"}, []string{"a", "b,c", "d"}, []string{"b", "c", ""}},
		{"xkey by both", []string{"xkey: a b, c"}, []string{"a", "b", "c"}, []string{"b,", ""}},
		{"over lines", []string{"xkey: a", "xkey: b", "Cache-Tag: c", "Cache-Tag: d"}, []string{"a", "b", "c", "d"}, nil},
		{"groups are tags", []string{`Cache-Groups: "a", "b c"`}, []string{"a", "b c"}, []string{"b", `"a"`, "c"}},
		{"a group with a quote", []string{`Cache-Groups: "a\"b"`}, []string{`a"b`}, []string{`a\"b`}},
		{"a broken list of groups has none", []string{"Cache-Groups: a, b"}, nil, []string{"a"}},
		{"of all fields, each once", []string{"Cache-Tag: z, a", "Surrogate-Key: a", "xkey: b", `Cache-Groups: "a"`}, []string{"a", "b", "z"}, nil},
		{"they have case", []string{"Cache-Tag: News"}, []string{"News"}, []string{"news", "NEWS"}},
		{"a part is none", []string{"Surrogate-Key: section-1", `Cache-Groups: "section-2"`}, []string{"section-1", "section-2"}, []string{"section", "section-"}},
		{"empty members are none", []string{"Cache-Tag: , ,a,,"}, []string{"a"}, []string{""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := cache.PackHeader(fields(c.in...))
			require.Equal(t, c.want, cache.TagsOf(h))
			for _, tag := range c.want {
				require.True(t, cache.HasTag(h, tag), tag)
			}
			for _, tag := range c.not {
				require.False(t, cache.HasTag(h, tag), tag)
			}
		})
	}
}

func FuzzTags(f *testing.F) {
	f.Add("a, b c", "a b", `"x", "y z"`, "a")
	f.Add("", "\t", `"x`, `"`)
	f.Fuzz(func(t *testing.T, tags, keys, groups, tag string) {
		h := cache.PackHeader(fields("Cache-Tag: "+tags, "Surrogate-Key: "+keys, "Xkey: "+keys, "Cache-Groups: "+groups))
		require.Equal(t, tag != "" && slices.Contains(cache.TagsOf(h), tag), cache.HasTag(h, tag))
		for _, held := range cache.TagsOf(h) {
			require.Equal(t, held != "", cache.HasTag(h, held))
		}
	})
}

func FuzzGroups(f *testing.F) {
	for _, s := range []string{`"a", "b"`, `"a";x`, `a`, `("a")`, `"\""`, `"a",`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		groups := cache.Groups(fields("Cache-Groups: " + s))
		for i, group := range groups {
			require.NotContains(t, groups[:i], group, "each once")
			require.Subset(t, cache.Groups(fields("Cache-Groups: "+s, `Cache-Groups: "more"`)), []string{group, "more"})
		}
		if strings.Trim(s, "\t \"abc,") == "" && strings.Count(s, `"`)%2 == 1 {
			require.Nil(t, groups, "what cannot be read is nothing")
		}
	})
}
