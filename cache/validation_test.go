package cache_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

const (
	modified = "Last-Modified: Sat, 28 Feb 2026 12:00:00 GMT"
	before   = "Fri, 27 Feb 2026 12:00:00 GMT"
	same     = "Sat, 28 Feb 2026 12:00:00 GMT"
	after    = "Sun, 01 Mar 2026 12:00:00 GMT"
)

func TestValidators(t *testing.T) {
	v := cache.ValidatorsOf("primary", fields(`ETag: W/"a"`, modified))
	require.Equal(t, cache.Validators{Origin: "primary", ETag: `W/"a"`, LastModified: same}, v)
	require.False(t, v.Empty())

	for name, h := range map[string]http.Header{
		"none":                       fields(),
		"a Last-Modified of no date": fields("Last-Modified: 0"),
		"two different tags":         fields(`ETag: "a"`, `ETag: "b"`),
	} {
		require.True(t, cache.ValidatorsOf("primary", h).Empty(), name)
	}
	require.False(t, cache.ValidatorsOf("", fields(`ETag: "a"`, `ETag: "a"`)).Empty(), "the same tag twice is one")
}

func TestApplyAsksWithExactlyThesePreconditions(t *testing.T) {
	reader := func() http.Header {
		return fields(`If-None-Match: "reader"`, "If-Modified-Since: "+after, "Accept: */*")
	}
	h := reader()
	cache.Validators{ETag: `"a"`, LastModified: same}.Apply(h)
	require.Equal(t, fields(`If-None-Match: "a"`, "If-Modified-Since: "+same, "Accept: */*"), h, "§4.3.1")

	h = reader()
	cache.Validators{LastModified: same}.Apply(h)
	require.Equal(t, fields("If-Modified-Since: "+same, "Accept: */*"), h)

	h = reader()
	cache.Validators{}.Apply(h)
	require.Equal(t, fields("Accept: */*"), h)
}

func TestConfirms(t *testing.T) {
	for _, c := range []struct {
		name          string
		stored, fresh []string
		want          bool
	}{
		{"§4.3.4 the same strong tag", []string{`ETag: "a"`}, []string{`ETag: "a"`}, true},
		{"§4.3.4 another strong tag", []string{`ETag: "a"`}, []string{`ETag: "b"`}, false},
		{"§4.3.4 another tag with the same date", []string{`ETag: "a"`, modified}, []string{`ETag: "b"`, modified}, false},
		{"§4.3.4 the same weak tag", []string{`ETag: W/"a"`}, []string{`ETag: W/"a"`}, true},
		{"§4.3.4 a weak tag for a strong one", []string{`ETag: "a"`}, []string{`ETag: W/"a"`}, true},
		{"a strong tag for what was weakened on the way", []string{`ETag: W/"a"`}, []string{`ETag: "a"`}, true},
		{"§4.3.4 a tag where there was none", []string{modified}, []string{`ETag: "a"`}, false},
		{"§4.3.4 the same date", []string{modified}, []string{modified}, true},
		{"§4.3.4 another date", []string{modified}, []string{"Last-Modified: " + before}, false},
		{"a date beside a stored tag", []string{`ETag: "a"`, modified}, []string{modified}, true},
		{"no validator at all", []string{`ETag: "a"`, modified}, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, cache.Confirms(cache.ValidatorsOf("a", fields(c.stored...)), cache.ValidatorsOf("a", fields(c.fresh...))))
		})
	}
}

func TestMerge(t *testing.T) {
	for _, c := range []struct {
		name                string
		stored, fresh, want []string
	}{
		{"§3.2 what the 304 omits stays", []string{"X-A: 1", `Etag: "a"`}, []string{`Etag: "a"`}, []string{"X-A: 1", `Etag: "a"`}},
		{"§3.2 what it has replaces", []string{"X-A: 1", "Cache-Control: max-age=1"}, []string{"X-A: 2", "Cache-Control: max-age=9"}, []string{"X-A: 2", "Cache-Control: max-age=9"}},
		{"§3.2 all lines of a field are replaced", []string{"X-A: 1", "X-A: 2"}, []string{"X-A: 3"}, []string{"X-A: 3"}},
		{"§3.2 new fields are added", nil, []string{"X-A: 1"}, []string{"X-A: 1"}},
		{"§3.2 an unknown Content- field is like any other", []string{"Content-Foo: 1"}, []string{"Content-Foo: 2"}, []string{"Content-Foo: 2"}},
		{"§3.2 Content-Length never", []string{"Content-Length: 5"}, []string{"Content-Length: 0"}, []string{"Content-Length: 5"}},
		{"§3.2 nor is it added", nil, []string{"Content-Length: 0"}, nil},
		{"§3.2 what the stored body depends on", []string{"Content-Encoding: br", "Content-Type: text/html"},
			[]string{"Content-Encoding: gzip", "Content-Range: bytes 0-1/2"}, []string{"Content-Encoding: br", "Content-Type: text/html"}},
		{"§3.2 but its type may change", []string{"Content-Type: text/plain"}, []string{"Content-Type: text/plain;charset=utf-8"}, []string{"Content-Type: text/plain;charset=utf-8"}},
		{"§3.2 where it lies may change", []string{"Content-Location: /a"}, []string{"Content-Location: /b"}, []string{"Content-Location: /b"}},
		{"§3.2 its digest may change", []string{"Content-Md5: a"}, []string{"Content-Md5: b"}, []string{"Content-Md5: b"}},
		{"§3.2 what it varies by may change", []string{"Vary: X-A"}, []string{"Vary: X-B"}, []string{"Vary: X-B"}},
		{"§3.2 Expires", []string{"Expires: " + before}, []string{"Expires: " + after}, []string{"Expires: " + after}},
		{"§3.2 Last-Modified", []string{"Last-Modified: " + before}, []string{"Last-Modified: " + same}, []string{"Last-Modified: " + same}},
		{"§3.2 a field that the 304 empties is empty", []string{"X-A: 1"}, []string{"X-A:"}, []string{"X-A:"}},
		{"§3.2 what protects readers", []string{"Content-Security-Policy: a", "X-Frame-Options: deny"}, []string{"Content-Security-Policy: b", "X-Frame-Options: sameorigin"},
			[]string{"Content-Security-Policy: b", "X-Frame-Options: sameorigin"}},
		{"§3.2 CDN-Cache-Control", []string{"CDN-Cache-Control: max-age=1"}, []string{"CDN-Cache-Control: max-age=9"}, []string{"CDN-Cache-Control: max-age=9"}},
		{"§3.2 Cache-Groups", []string{`Cache-Groups: "a"`}, []string{`Cache-Groups: "b"`}, []string{`Cache-Groups: "b"`}},
		{"§3.2 no-transform stays where the 304 says nothing of it", []string{"Cache-Control: no-transform, max-age=1"}, []string{"X-A: 1"}, []string{"Cache-Control: no-transform, max-age=1", "X-A: 1"}},
		{"§5.5 Warning is a field like any other", []string{`Warning: 110 - "a"`}, []string{`Warning: 113 - "b"`}, []string{`Warning: 113 - "b"`}},
		{"§3.1 what the proxy was told", []string{"X-A: 1"}, []string{"Proxy-Authenticate: Basic", "Proxy-Authentication-Info: x", "Proxy-Connection: close"}, []string{"X-A: 1"}},
		{"§3.1 what Connection names stays as it was", []string{"X-A: 1"}, []string{"Connection: X-A", "X-A: 2"}, []string{"X-A: 1"}},
		{"§3.1 what is withheld from CDNs", []string{"X-A: 1"}, []string{`CDN-Cache-Control: private="X-A"`, "X-A: 2"}, []string{`CDN-Cache-Control: private="X-A"`}},
		{"§3.1 hop-by-hop", nil, []string{"Connection: close, X-Hop", "X-Hop: 1", "Keep-Alive: 5", "Transfer-Encoding: chunked", "Upgrade: h2c", "Te: x", "Trailer: X"}, nil},
		{"§3.1 what is withheld from now on", []string{"X-A: 1"}, []string{`Cache-Control: private="X-A"`, "X-A: 2"}, []string{`Cache-Control: private="X-A"`}},
		{"§3.1 what was withheld before", []string{`Cache-Control: no-cache="X-A"`}, []string{"X-A: 2"}, []string{`Cache-Control: no-cache="X-A"`}},
		{"§4.2.3 an old Age does not outlive its answer", []string{"Age: 99", "Date: " + before}, []string{"Date: " + after}, []string{"Date: " + after}},
		{"§4.2.3 nor does an old Date", []string{"Date: " + before}, []string{"Age: 3"}, []string{"Age: 3"}},
		{"§7.3 a cookie in a 304 is one reader's", []string{"Cache-Control: no-cache"}, []string{"Set-Cookie: a=b"}, []string{"Cache-Control: no-cache"}},
		{"§7.3 where the 304 says nothing else", []string{`Etag: "a"`}, []string{"Set-Cookie: a=b"}, []string{`Etag: "a"`}},
		{"§7.3 unless a lifetime is stated", []string{"Cache-Control: max-age=5", "Set-Cookie: a=a"}, []string{"Set-Cookie: a=b"}, []string{"Cache-Control: max-age=5", "Set-Cookie: a=b"}},
		{"§7.3 or is from now on", []string{`Etag: "a"`}, []string{"Cache-Control: max-age=5", "Set-Cookie: a=b"}, []string{`Etag: "a"`, "Cache-Control: max-age=5", "Set-Cookie: a=b"}},
		{"§7.3 unless it is public", []string{"Cache-Control: public"}, []string{"Set-Cookie: a=b"}, []string{"Cache-Control: public", "Set-Cookie: a=b"}},
		{"§3.2 a tag may become weak", []string{`Etag: "a"`}, []string{`Etag: W/"a"`}, []string{`Etag: W/"a"`}},
		{"but not strong", []string{`Etag: W/"a"`}, []string{`Etag: "a"`}, []string{`Etag: W/"a"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			stored, fresh := fields(c.stored...), fields(c.fresh...)
			got := cache.Merge(stored, fresh)
			require.Equal(t, fields(c.want...), got)
			for name := range got {
				got[name][0] = "changed"
			}
			require.Equal(t, fields(c.stored...), stored, "the stored header stays as it is")
			require.Equal(t, fields(c.fresh...), fresh, "the 304 stays as it is")
		})
	}
	require.NotNil(t, cache.Merge(nil, nil))
}

func TestNotModified(t *testing.T) {
	strong, weak := []string{`Etag: "abc"`}, []string{`Etag: W/"abc"`}
	for _, c := range []struct {
		name    string
		request []string
		status  int
		page    []string
		want    bool
	}{
		{"no preconditions", nil, 200, strong, false},
		{"RFC 9110 §13.1.2 the same tag", []string{`If-None-Match: "abc"`}, 200, strong, true},
		{"RFC 9110 §13.1.2 another tag", []string{`If-None-Match: "abd"`}, 200, strong, false},
		{"RFC 9110 §8.8.3.2 weak for strong", []string{`If-None-Match: W/"abc"`}, 200, strong, true},
		{"RFC 9110 §8.8.3.2 strong for weak", []string{`If-None-Match: "abc"`}, 200, weak, true},
		{"RFC 9110 §8.8.3 tags have case", []string{`If-None-Match: "ABC"`}, 200, strong, false},
		{"RFC 9110 §13.1.2 first of a list", []string{`If-None-Match: "abc", "1", "2"`}, 200, strong, true},
		{"RFC 9110 §13.1.2 amid a list", []string{`If-None-Match: "1",W/"abc" ,"2"`}, 200, strong, true},
		{"RFC 9110 §13.1.2 last of a list", []string{`If-None-Match: "1", , "2", "abc"`}, 200, strong, true},
		{"RFC 9110 §5.3 on another line", []string{`If-None-Match: "1"`, `If-None-Match: "abc"`}, 200, strong, true},
		{"RFC 9110 §13.1.2 star", []string{`If-None-Match: *`}, 200, strong, true},
		{"RFC 9110 §13.1.2 star without a tag", []string{`If-None-Match: *`}, 200, nil, true},
		{"RFC 9110 §8.8.3 a tag with a comma", []string{`If-None-Match: "x", "a,b"`}, 200, []string{`Etag: "a,b"`}, true},
		{"RFC 9110 §8.8.3 part of a tag with a comma", []string{`If-None-Match: "x,abc"`}, 200, strong, false},
		{"RFC 9110 §8.8.3 a backslash escapes nothing", []string{`If-None-Match: "a\", "abc"`}, 200, strong, true},
		{"RFC 9110 §8.8.3 the empty tag", []string{`If-None-Match: ""`}, 200, []string{`Etag: ""`}, true},
		{"a tag without quotes is another", []string{`If-None-Match: abc`}, 200, strong, false},
		{"an open quote", []string{`If-None-Match: "abc`}, 200, strong, false},
		{"garbage behind a tag", []string{`If-None-Match: "abc"x`}, 200, strong, false},
		{"an empty field against no tag", []string{`If-None-Match:`}, 200, nil, false},
		{"RFC 9110 §13.1.3 not changed since", []string{"If-Modified-Since: " + same}, 200, []string{modified}, true},
		{"RFC 9110 §13.1.3 changed before", []string{"If-Modified-Since: " + after}, 200, []string{modified}, true},
		{"RFC 9110 §13.1.3 changed after", []string{"If-Modified-Since: " + before}, 200, []string{modified}, false},
		{"RFC 9110 §13.1.3 another form of date", []string{"If-Modified-Since: Saturday, 28-Feb-26 12:00:00 GMT"}, 200, []string{modified}, true},
		{"RFC 9110 §13.1.3 no date is ignored", []string{"If-Modified-Since: today"}, 200, []string{modified}, false},
		{"RFC 9110 §13.1.3 two dates are ignored", []string{"If-Modified-Since: " + same, "If-Modified-Since: " + after}, 200, []string{modified}, false},
		{"§4.3.2 Date for want of Last-Modified", []string{"If-Modified-Since: " + after}, 200, []string{noonDate}, true},
		{"§4.3.2 a later Date", []string{"If-Modified-Since: " + same}, 200, []string{noonDate}, false},
		{"§4.3.2 neither", []string{"If-Modified-Since: " + after}, 200, nil, false},
		{"RFC 9110 §13.2.2 the tag decides: no", []string{`If-None-Match: "x"`, "If-Modified-Since: " + after}, 200, append(strong, modified), false},
		{"RFC 9110 §13.2.2 the tag decides: yes", []string{`If-None-Match: "abc"`, "If-Modified-Since: " + before}, 200, append(strong, modified), true},
		{"RFC 9110 §13.2.1 not for a missing page", []string{`If-None-Match: "abc"`}, 404, strong, false},
		{"RFC 9110 §13.2.1 not for a redirect", []string{`If-None-Match: *`}, 301, strong, false},
		{"RFC 9110 §13.2.1 for any 2xx", []string{`If-None-Match: "abc"`}, 203, strong, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, cache.NotModified(fields(c.request...), c.status, cache.VersionOf(fields(c.page...))))
		})
	}
}

func TestHop(t *testing.T) {
	h := fields("Connection: close, x-a", "Connection: X-B, , keep-alive", "X-A: 1", "X-B: 2", "X-C: 3",
		"Proxy-Connection: x", "Keep-Alive: x", "TE: trailers", "Transfer-Encoding: chunked", "Upgrade: h2c",
		"Proxy-Authenticate: x", "Proxy-Authorization: x", "Proxy-Authentication-Info: x", "Trailer: X-T", "Content-Length: 5")
	cache.Hop(h)
	require.Equal(t, fields("X-C: 3", "Trailer: X-T", "Content-Length: 5"), h)

	end := []string{"Cache-Control: no-store", "CDN-Cache-Control: no-store", "Vary: *", "Content-Type: a/b", "Age: 5", `Etag: "a"`}
	h = fields(append(end, "Connection: cache-control, cdn-cache-control, vary, content-type, age, etag")...)
	cache.Hop(h)
	require.Equal(t, fields(end...), h, "RFC 9110 §7.6.1: Connection never names what is for every recipient")
	require.NotPanics(t, func() { cache.Hop(nil) })
}

func TestTrailers(t *testing.T) {
	require.Equal(t, []string{"X-Sum", "Server-Timing"},
		cache.Trailers(fields("Trailer: x-sum, Content-Length,, Transfer-Encoding", "Trailer: Set-Cookie, a b, server-timing")))
	require.Empty(t, cache.Trailers(fields()))
}

func FuzzMerge(f *testing.F) {
	f.Add("max-age=5", "max-age=9", "a=b", "X-A")
	f.Add(`private="X-A"`, "no-store", "a=b", "close")
	f.Add("public", `no-cache="x-a, set-cookie"`, "", "cache-control, x-a")
	f.Fuzz(func(t *testing.T, held, given, cookie, connection string) {
		stored := fields("Content-Length: 5", "Content-Encoding: br", "X-A: 1", `Etag: W/"a"`, "Cache-Control: "+held)
		fresh := fields("Content-Length: 0", "Content-Encoding: gzip", "X-A: 2", `Etag: "a"`, "Set-Cookie: "+cookie,
			"Cache-Control: "+given, "Connection: "+connection, "Keep-Alive: 5", "Transfer-Encoding: chunked")
		got := cache.Merge(stored, fresh)
		require.Equal(t, []string{"5"}, got["Content-Length"])
		require.Equal(t, []string{"br"}, got["Content-Encoding"])
		require.Equal(t, []string{`W/"a"`}, got["Etag"], "it never becomes strong")
		for _, name := range []string{"Connection", "Keep-Alive", "Transfer-Encoding"} {
			require.NotContains(t, got, name)
		}
		require.Equal(t, fresh["Cache-Control"], got["Cache-Control"], "no hop hides what it says")
		require.Equal(t, got, cache.Merge(got, fresh), "twice is once")
		d := cache.ParseCacheControl(fresh["Cache-Control"])
		if d.NoStore && !d.MustUnderstand {
			require.Equal(t, cache.ReasonNoStore, cache.Storable("GET", nil, 200, got), "what must not be kept is not kept")
		}
	})
}

func FuzzNotModified(f *testing.F) {
	for _, s := range []string{`"a", W/"b"`, `*`, `W/`, `"`, `a,"b`, `"a\"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		held := http.Header{"If-None-Match": {s}}
		require.Equal(t, cache.NotModified(held, 200, cache.VersionOf(fields(`Etag: "abc"`))), cache.NotModified(held, 200, cache.VersionOf(fields(`Etag: W/"abc"`))),
			"weak comparison does not see weakness")
		held["If-None-Match"] = []string{s, `"abc"`}
		require.True(t, cache.NotModified(held, 200, cache.VersionOf(fields(`Etag: "abc"`))), "one line cannot hide another")
	})
}
