package cache_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

func TestVaryNames(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []string
		want []string
		star bool
	}{
		{"none", nil, nil, false},
		{"an empty field", []string{"Vary:"}, nil, false},
		{"canonical and sorted", []string{"Vary: x-b, accept-ENCODING"}, []string{"Accept-Encoding", "X-B"}, false},
		{"over lines, each once", []string{"Vary: Foo, foo", "Vary: Bar,, FOO"}, []string{"Bar", "Foo"}, false},
		{"star", []string{"Vary: *"}, nil, true},
		{"star twice", []string{"Vary: *, *"}, nil, true},
		{"star after nothing", []string{"Vary: , *"}, nil, true},
		{"star on another line", []string{"Vary:", "Vary: *"}, nil, true},
		{"star before a name", []string{"Vary: *, Foo"}, nil, true},
		{"star after a name", []string{"Vary: Foo, *"}, nil, true},
		{"what is no name may be anything", []string{"Vary: Foo Bar"}, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			names, star := cache.VaryNames(fields(c.in...))
			require.Equal(t, c.want, names)
			require.Equal(t, c.star, star)
		})
	}
}

func TestVaryMatch(t *testing.T) {
	for _, c := range []struct {
		name            string
		vary            string
		stored, request []string
		want            bool
	}{
		{"§4.1 the same", "Foo", []string{"Foo: 1"}, []string{"Foo: 1"}, true},
		{"§4.1 another value", "Foo", []string{"Foo: 1"}, []string{"Foo: 2"}, false},
		{"§4.1 absent now", "Foo", []string{"Foo: 1"}, nil, false},
		{"§4.1 absent then", "Foo", nil, []string{"Foo: 1"}, false},
		{"§4.1 absent in both", "Foo", nil, nil, true},
		{"§4.1 absent is not empty", "Foo", nil, []string{"Foo:"}, false},
		{"§4.1 empty in both", "Foo", []string{"Foo:"}, []string{"Foo: ,"}, true},
		{"§4.1 other fields do not matter", "Foo", []string{"Foo: 1", "Bar: 1"}, []string{"Foo: 1", "Bar: 2"}, true},
		{"§4.1 all the names must match", "Foo, Bar", []string{"Foo: 1", "Bar: 1"}, []string{"Foo: 1", "Bar: 2"}, false},
		{"§4.1 values do not move between names", "Foo, Bar", []string{"Foo: 1"}, []string{"Bar: 1"}, false},
		{"§4.1 joined lines", "Foo", []string{"Foo: 1, 2"}, []string{"Foo: 1", "Foo: 2"}, true},
		{"§4.1 whitespace", "Foo", []string{"Foo: 1,2"}, []string{"Foo:  1 ,\t2 "}, true},
		{"§4.1 whitespace within a member is kept", "Foo", []string{"Foo: 1 2"}, []string{"Foo: 12"}, false},
		{"§4.1 the order of an unknown field is kept", "Foo", []string{"Foo: 1,2"}, []string{"Foo: 2,1"}, false},
		{"§4.1 the case of an unknown field is kept", "Foo", []string{"Foo: a"}, []string{"Foo: A"}, false},
		{"§4.1 commas within quotes are kept", "Foo", []string{`Foo: "a, b"`}, []string{`Foo: "a,b"`}, false},
		{"§4.1 languages without case", "Accept-Language", []string{"Accept-Language: en-GB, de"}, []string{"Accept-Language: EN-gb,DE"}, true},
		{"§4.1 languages without whitespace", "Accept-Language", []string{"Accept-Language: en;q=0.5"}, []string{"Accept-Language: en ; q=0.5"}, true},
		{"§4.1 languages in the order of their weights", "Accept-Language", []string{"Accept-Language: en;q=0.5, de"}, []string{"Accept-Language: de, en;q=0.5"}, true},
		{"§4.1 the order of equal weights means nothing", "Accept-Language", []string{"Accept-Language: en, de"}, []string{"Accept-Language: de, en"}, true},
		{"§4.1 weights in other spellings", "Accept-Language", []string{"Accept-Language: de;q=1, en;q=0.50"}, []string{"Accept-Language: de, en; Q=0.5"}, true},
		{"§4.1 languages over lines", "Accept-Language", []string{"Accept-Language: de, en;q=0.5"}, []string{"Accept-Language: en;q=0.5", "Accept-Language: de"}, true},
		{"§4.1 other weights", "Accept-Language", []string{"Accept-Language: de, en;q=0.5"}, []string{"Accept-Language: de;q=0.5, en"}, false},
		{"§4.1 a language that is refused", "Accept-Language", []string{"Accept-Language: de, en;q=0"}, []string{"Accept-Language: de, en"}, false},
		{"§4.1 a language more", "Accept-Language", []string{"Accept-Language: de"}, []string{"Accept-Language: de, en;q=0.1"}, false},
		{"§4.1 what cannot be read is compared as it stands", "Accept-Language", []string{"Accept-Language: en, de;q=x"}, []string{"Accept-Language: de;q=x, en"}, false},
		{"§4.1 the same that cannot be read", "Accept-Language", []string{"Accept-Language: en, de;q=x"}, []string{"Accept-Language: EN,DE;q=x"}, true},
		{"§4.1 more languages than anybody speaks", "Accept-Language", []string{"Accept-Language: " + strings.Repeat("a,", 16) + "b"}, []string{"Accept-Language: b" + strings.Repeat(",a", 16)}, false},
		{"§4.1 other languages", "Accept-Language", []string{"Accept-Language: en"}, []string{"Accept-Language: de"}, false},
		{"§4.1 codings in any order", "Accept-Encoding", []string{"Accept-Encoding: gzip, br"}, []string{"Accept-Encoding: br, deflate, gzip;q=0.5"}, true},
		{"§4.1 other codings", "Accept-Encoding", []string{"Accept-Encoding: gzip"}, []string{"Accept-Encoding: br"}, false},
		{"§4.1 no codings said is not none wanted", "Accept-Encoding", nil, []string{"Accept-Encoding: identity"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			names, star := cache.VaryNames(fields("Vary: " + c.vary))
			require.False(t, star)
			values := cache.VaryValues(names, fields(c.stored...))
			require.Equal(t, c.want, cache.VaryMatch(names, values, fields(c.request...)))
		})
	}
	require.True(t, cache.VaryMatch(nil, nil, fields("Foo: 1")), "without names every request matches")
	require.False(t, cache.VaryMatch([]string{"Foo"}, nil, fields()), "names without values match nothing")
}

func TestNormalAcceptEncoding(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "identity", // RFC 9110 §12.5.3: empty means no coding
		"gzip":                         "gzip,identity",
		"GZip, BR":                     "br,gzip,identity",
		"gzip, deflate, br, zstd":      "br,gzip,identity,zstd",
		"x-gzip":                       "gzip,identity",
		"deflate, compress, dcb":       "identity",
		"*":                            "br,gzip,identity,zstd",
		"*, gzip;q=0":                  "br,identity,zstd",
		"*;q=0":                        ",",
		"*;q=0, br":                    "br",
		"*;q=0, identity;q=0.1":        "identity",
		"identity;q=0":                 ",",
		"gzip, identity;q=0":           "gzip",
		"gzip;q=0":                     "identity",
		"gzip;q=0.000, br ; Q = 0.001": "br,identity",
		"gzip;q=, br;q=x":              "identity",
		"gzip, gzip;q=0":               "identity",
		"gzip;level=9;q=1":             "gzip,identity",
	} {
		require.Equal(t, want, cache.NormalAcceptEncoding([]string{in}), in)
	}
	require.Equal(t, "", cache.NormalAcceptEncoding(nil))
	require.Equal(t, "br,gzip,identity", cache.NormalAcceptEncoding([]string{"gzip", "br"}), "several lines")
}

func FuzzVary(f *testing.F) {
	f.Add("Foo, Accept-Encoding", "1, 2", "gzip;q=0, *")
	f.Add("accept-language", "En ; q=1,\"", "*;q=0")
	f.Add("*", "", ",")
	f.Fuzz(func(t *testing.T, vary, value, coding string) {
		names, star := cache.VaryNames(http.Header{"Vary": {vary}})
		if star {
			return
		}
		require.True(t, slices.IsSorted(names))
		request := http.Header{}
		for _, name := range names {
			request[name] = []string{value}
		}
		request["Accept-Encoding"] = []string{coding}
		values := cache.VaryValues(names, request)
		require.True(t, cache.VaryMatch(names, values, request), "a request matches what it chose")
		for i, name := range names {
			require.NotEmpty(t, values[i], "only an absent field has no value")
			if name == "Accept-Encoding" {
				require.True(t, values[i] == "," || slices.IsSorted(strings.Split(values[i], ",")))
				continue
			}
			require.Equal(t, values[i], cache.VaryValues([]string{name}, http.Header{name: {values[i]}})[0], "the normal form is its own")
		}
	})
}
