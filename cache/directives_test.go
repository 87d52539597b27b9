package cache_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// fields makes a header of "Name: value" lines.
func fields(lines ...string) http.Header {
	h := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		h.Add(name, strings.TrimSpace(value))
	}
	return h
}

// directives are those of no field at all, changed by set.
func directives(set func(*cache.Directives)) cache.Directives {
	d := cache.Directives{
		MaxAge: cache.Absent, SMaxAge: cache.Absent, MinFresh: cache.Absent, MaxStale: cache.Absent,
		StaleWhileRevalidate: cache.Absent, StaleIfError: cache.Absent,
	}
	if set != nil {
		set(&d)
	}
	return d
}

func TestParseCacheControl(t *testing.T) {
	type D = cache.Directives
	capped := time.Duration(1<<31) * time.Second
	for _, c := range []struct {
		name string
		in   []string
		set  func(*D)
	}{
		{"no field", nil, nil},
		{"an empty field", []string{"", " , ;\t,"}, nil},
		{"§5.2.2 flags", []string{"public, must-revalidate, proxy-revalidate, no-transform"}, func(d *D) {
			d.Public, d.MustRevalidate, d.ProxyRevalidate, d.NoTransform = true, true, true, true
		}},
		{"§5.2.2 prohibitions", []string{"no-store,no-cache,private"}, func(d *D) { d.NoStore, d.NoCache, d.Private = true, true, true }},
		{"§5.2.2.3 must-understand and RFC 8246 immutable", []string{"must-understand, immutable"}, func(d *D) { d.MustUnderstand, d.Immutable = true, true }},
		{"§5.2.1 request directives", []string{"max-age=1, max-stale=2, min-fresh=3, only-if-cached"}, func(d *D) {
			d.MaxAge, d.MaxStale, d.MinFresh, d.OnlyIfCached = time.Second, 2*time.Second, 3*time.Second, true
		}},
		{"RFC 5861 extensions", []string{"stale-while-revalidate=10, stale-if-error=20"}, func(d *D) { d.StaleWhileRevalidate, d.StaleIfError = 10*time.Second, 20*time.Second }},
		{"§5.2.1.2 max-stale without a number is any age", []string{"max-stale"}, func(d *D) { d.MaxStale = cache.Unlimited }},
		{"§5.2.1.2 a limited max-stale is the more restrictive", []string{"max-stale, max-stale=5"}, func(d *D) { d.MaxStale = 5 * time.Second }},
		{"§5.2.1.2 in the other order too", []string{"max-stale=5, max-stale"}, func(d *D) { d.MaxStale = 5 * time.Second }},
		{"§5.2.1.2 an unreadable max-stale permits nothing", []string{"max-stale=old"}, nil},
		{"§5.2 names match without case", []string{"No-StOrE, MaX-aGe=7"}, func(d *D) { d.NoStore, d.MaxAge = true, 7*time.Second }},
		{"§5.2 unknown directives are ignored", []string{"community=\"UCI\", foobar, max-age=7"}, func(d *D) { d.MaxAge = 7 * time.Second }},
		{"§5.2 several lines are one list", []string{"max-age=7", "s-maxage=9"}, func(d *D) { d.MaxAge, d.SMaxAge = 7*time.Second, 9*time.Second }},
		{"§5.2 a quoted number is a number", []string{`max-age="7"`}, func(d *D) { d.MaxAge = 7 * time.Second }},
		{"whitespace before the equals sign breaks a number", []string{"max-age =7"}, func(d *D) { d.Broken = true }},
		{"whitespace after the equals sign breaks a number", []string{"s-maxage=\t9"}, func(d *D) { d.Broken = true }},
		{"whitespace around the equals sign makes a list the whole answer", []string{`private = "X-A"`}, func(d *D) { d.Private = true }},
		{"whitespace after a number is none of it", []string{"max-age=7 , s-maxage=9\t"}, func(d *D) { d.MaxAge, d.SMaxAge = 7*time.Second, 9*time.Second }},
		{"leading zeros", []string{"max-age=0007"}, func(d *D) { d.MaxAge = 7 * time.Second }},
		{"zero is not absent", []string{"max-age=0"}, func(d *D) { d.MaxAge = 0 }},
		{"§1.2.2 2^31 is the cap", []string{"max-age=2147483648"}, func(d *D) { d.MaxAge = capped }},
		{"§1.2.2 just above the cap", []string{"max-age=2147483649"}, func(d *D) { d.MaxAge = capped }},
		{"§1.2.2 beyond any integer", []string{"max-age=" + strings.Repeat("9", 60)}, func(d *D) { d.MaxAge = capped }},
		{"§4.2.1 letters before the number are broken", []string{"max-age=a7"}, func(d *D) { d.Broken = true }},
		{"§4.2.1 letters after the number are broken", []string{"max-age=7a"}, func(d *D) { d.Broken = true }},
		{"§4.2.1 a negative number is broken", []string{"max-age=-7"}, func(d *D) { d.Broken = true }},
		{"§4.2.1 a sign is broken", []string{"max-age=+7"}, func(d *D) { d.Broken = true }},
		{"§4.2.1 a fraction is broken", []string{"s-maxage=1.5"}, func(d *D) { d.Broken = true }},
		{"§4.2.1 single quotes are broken", []string{"max-age='7'"}, func(d *D) { d.Broken = true }},
		{"§4.2.1 no number is broken", []string{"max-age"}, func(d *D) { d.Broken = true }},
		{"§4.2.1 an empty number is broken", []string{"max-age="}, func(d *D) { d.Broken = true }},
		{"§4.2.1 two words are broken", []string{"max-age=7 0"}, func(d *D) { d.Broken = true }},
		{"§5.2.1.3 an unreadable min-fresh is met by no page, and spoils no lifetime", []string{"min-fresh=x"}, func(d *D) { d.MinFresh = capped }},
		{"§4.2.1 the same lifetime twice is one", []string{"max-age=7, max-age=7"}, func(d *D) { d.MaxAge = 7 * time.Second }},
		{"§4.2.1 two lifetimes: the shorter, and broken", []string{"max-age=1800, max-age=1"}, func(d *D) { d.MaxAge, d.Broken = time.Second, true }},
		{"§4.2.1 over two lines as well", []string{"max-age=1", "max-age=1800"}, func(d *D) { d.MaxAge, d.Broken = time.Second, true }},
		{"§5.2.1.3 of two min-fresh the longer restricts more", []string{"min-fresh=3, min-fresh=9"}, func(d *D) { d.MinFresh = 9 * time.Second }},
		{"RFC 5861 of two the shorter restricts more", []string{"stale-if-error=9, stale-if-error=3"}, func(d *D) { d.StaleIfError = 3 * time.Second }},
		{"RFC 5861 an unreadable one is absent", []string{"stale-while-revalidate=x, stale-if-error=-1"}, nil},
		{"§5.2.2.4 qualified no-cache is about its fields", []string{`no-cache="Set-Cookie, X-A"`}, func(d *D) { d.NoCacheFields = "Set-Cookie, X-A" }},
		{"§5.2.2.7 qualified private is about its fields", []string{`private="X-A"`}, func(d *D) { d.PrivateFields = "X-A" }},
		{"§5.2.2.7 a bare name for a list", []string{"private=X-A, max-age=7"}, func(d *D) { d.PrivateFields, d.MaxAge = "X-A", 7*time.Second }},
		{"§5.2.2.7 repeated lists are joined", []string{`private="X-A", private="X-B"`}, func(d *D) { d.PrivateFields = "X-A,X-B" }},
		{"§5.2.2.7 unqualified beside qualified", []string{`private="X-A", private`}, func(d *D) { d.Private, d.PrivateFields = true, "X-A" }},
		{"§5.2.2.7 an empty list is the whole answer", []string{`private="", no-cache=" , "`}, func(d *D) { d.Private, d.NoCache = true, true }},
		{"§5.2.2.7 what is no list is the whole answer", []string{`private="a b"`}, func(d *D) { d.Private = true }},
		{"a directive within a quoted string is none", []string{`ext="max-age=3600, no-store", max-age=1`}, func(d *D) { d.MaxAge = time.Second }},
		{"nor when it comes after", []string{`max-age=1, ext="max-age=3600"`}, func(d *D) { d.MaxAge = time.Second }},
		{"an escaped quote does not close", []string{`ext="a\", no-store", max-age=1`}, func(d *D) { d.MaxAge = time.Second }},
		{"a lone quoted string is no directive, but what it forbids is forbidden", []string{`"no-store, public", max-age=1`}, func(d *D) { d.NoStore, d.MaxAge = true, time.Second }},
		{"a prohibition with an argument still prohibits", []string{"no-store=1, must-revalidate=no"}, func(d *D) { d.NoStore, d.MustRevalidate = true, true }},
		{"a permission with an argument permits nothing", []string{"public=no, immutable=1, must-understand=0"}, nil},
		{"broken number beside no-store", []string{"no-store, max-age=abc"}, func(d *D) { d.NoStore, d.Broken = true, true }},
		{"broken number beside private", []string{"s-maxage=1.5, private"}, func(d *D) { d.Private, d.Broken = true, true }},
		{"an open quote does not hide no-store", []string{`ext="oops, no-store`}, func(d *D) { d.NoStore = true }},
		{"an open quote in private is private", []string{`private="oops, no-store`}, func(d *D) { d.Private, d.NoStore = true, true }},
		{"quotes that pair up wrongly do not hide no-store", []string{`ext="a, no-store, other="b"`}, func(d *D) { d.NoStore = true }},
		{"a quote within a word does not hide private", []string{`a=b"c, private`}, func(d *D) { d.Private = true }},
		{"a semicolon does not hide no-store", []string{"ext; no-store"}, func(d *D) { d.NoStore = true }},
		{"a number before a semicolon is broken", []string{"max-age=7; no-transform"}, func(d *D) { d.NoTransform, d.Broken = true, true }},
		{"a number after a semicolon is broken", []string{"ext; max-age=7"}, func(d *D) { d.Broken = true }},
		{"a semicolon permits nothing", []string{"ext; public; immutable"}, nil},
		{"a comma begins anew after a semicolon", []string{"ext;, public, max-age=7"}, func(d *D) { d.Public, d.MaxAge = true, 7*time.Second }},
		{"a member before a semicolon at the end is broken", []string{"max-age=7;"}, func(d *D) { d.Broken = true }},
		{"what is torn permits nothing", []string{"@public, b\"c public"}, nil},
		{"a missing comma does not hide private", []string{"no-cache private"}, func(d *D) { d.NoCache, d.Private = true, true }},
		{"a missing comma after a number breaks it", []string{"max-age=7 no-store"}, func(d *D) { d.NoStore, d.Broken = true, true }},
		{"garbage around a directive does not hide it", []string{"=, (no-store), @"}, func(d *D) { d.NoStore = true }},
		{"§5.2.2.7 a list that names Vary is the whole answer", []string{`private="X-A, Vary"`}, func(d *D) { d.Private = true }},
		{"§5.2.2.4 a list that names its own field is the whole answer", []string{`no-cache="cache-control"`}, func(d *D) { d.NoCache = true }},
		{"§5.2.2.4 a list that names the body's coding is the whole answer", []string{`no-cache="Content-Encoding"`}, func(d *D) { d.NoCache = true }},
		{"§5.2.1.2 a quoted max-stale", []string{`max-stale="5"`}, func(d *D) { d.MaxStale = 5 * time.Second }},
		{"§4.2.1 the same number in two spellings is one", []string{`max-age=7, max-age="007"`}, func(d *D) { d.MaxAge = 7 * time.Second }},
		{"§4.2.1 a negative number", []string{"s-maxage=-7"}, func(d *D) { d.Broken = true }},
		{"§4.2.1 hexadecimal", []string{"max-age=0x10"}, func(d *D) { d.Broken = true }},
		{"tabs around members", []string{"\tno-store\t,\tprivate\t"}, func(d *D) { d.NoStore, d.Private = true, true }},
		{"a name that only begins alike is another", []string{"no-storex, xno-store, no-stor"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, directives(c.set), cache.ParseCacheControl(c.in))
		})
	}
}

func TestPragmaNoCache(t *testing.T) {
	for _, c := range []struct {
		name string
		in   http.Header
		want bool
	}{
		{"§5.4 counts without Cache-Control", fields("Pragma: no-cache"), true},
		{"§5.4 case and company do not matter", fields("Pragma: x, No-Cache"), true},
		{"§5.4 does not count beside Cache-Control", fields("Pragma: no-cache", "Cache-Control: max-age=5"), false},
		{"§5.4 anything else is nothing", fields("Pragma: cache"), false},
		{"no field", fields(), false},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, cache.PragmaNoCache(c.in)) })
	}
}

func TestWithholdRemovesOnlyTheNamedFields(t *testing.T) {
	h := fields("X-A: 1", "X-B: 2", "X-C: 3", "Cache-Control: kept")
	d := cache.ParseCacheControl([]string{`private="x-a", no-cache="X-B"`})
	d.Withhold(h)
	require.Equal(t, fields("X-C: 3", "Cache-Control: kept"), h)

	d = cache.ParseCacheControl([]string{"private, no-cache"})
	d.Withhold(h)
	require.Len(t, h, 2, "unqualified directives are about the whole message")
}

func FuzzParseCacheControl(f *testing.F) {
	for _, s := range []string{"max-age=60", `private="a, b", no-store`, `x="\`, "max-age = \"7\" ;no-cache", `="`, "a=b\"c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := cache.ParseCacheControl([]string{s})
		for _, v := range []time.Duration{d.MaxAge, d.SMaxAge, d.MinFresh, d.StaleWhileRevalidate, d.StaleIfError} {
			require.GreaterOrEqual(t, v, cache.Absent)
			require.LessOrEqual(t, v, time.Duration(1<<31)*time.Second)
		}
		// Whatever stands in one line, the prohibitions of another are seen,
		// and one that is put in front is.
		require.True(t, cache.ParseCacheControl([]string{s, "no-store"}).NoStore)
		require.True(t, cache.ParseCacheControl([]string{"private," + s}).Private)
		// A line that does not end within a quoted string cannot hide what follows it.
		if !strings.ContainsRune(s, '"') {
			require.True(t, cache.ParseCacheControl([]string{s + ",no-store"}).NoStore)
			require.True(t, cache.ParseCacheControl([]string{s + ", PRIVATE ," + s}).Private)
		}
	})
}

func TestOrdinaryDecisionsDoNotAllocate(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	request := fields("Accept-Encoding: gzip, deflate, br", "Accept-Language: de, en;q=0.5", "If-None-Match: \"x\", W/\"a,b\"", "Cache-Control: max-age=0")
	response := fields("Cache-Control: public, max-age=600, stale-while-revalidate=30", "Date: Sun, 01 Mar 2026 12:00:00 GMT",
		"Etag: \"a,b\"", "Last-Modified: Sat, 28 Feb 2026 12:00:00 GMT", "Age: 4", "Vary: Accept-Encoding")
	names, _ := cache.VaryNames(response)
	values := cache.VaryValues(names, request)
	f := cache.Reckon(200, response, now, now)
	status := cache.Status{Fwd: cache.FwdStale, FwdStatus: 200, Stored: true, HasTTL: true, TTL: time.Minute, Detail: cache.DetailStale}
	buffer := make([]byte, 0, 256)
	packed := cache.PackHeader(fields("Cache-Tag: news, front", "Surrogate-Key: story 7 sport"))
	expiring := fields("Expires: Sun, 01 Mar 2026 13:00:00 GMT", "Date: Sun, 01 Mar 2026 12:00:00 GMT", `Set-Cookie: a=b`)
	languages := []string{"Accept-Language"}
	chosen := cache.VaryValues(languages, request)
	for name, decide := range map[string]func(){
		"ParseCacheControl": func() { cache.ParseCacheControl(response["Cache-Control"]) },
		"Storable":          func() { cache.Storable("GET", request, 200, response) },
		"Reckon":            func() { cache.Reckon(200, response, now, now) },
		"Decide": func() {
			cache.Decide(&f, cache.ParseCacheControl(request["Cache-Control"]), false, cache.Policy{}, false, now)
		},
		"OnError":       func() { cache.OnError(&f, cache.Policy{}, true, now) },
		"NotModified":   func() { cache.NotModified(request, 200, cache.VersionOf(response)) },
		"VaryMatch":     func() { cache.VaryMatch(names, values, request) },
		"Status":        func() { status.Append(buffer, "edge") },
		"PragmaNoCache": func() { cache.PragmaNoCache(request) },
		"HasTag":        func() { cache.HasTag(packed, "sport") },
		"Expires":       func() { cache.Reckon(200, expiring, now, now) },
		"Languages":     func() { cache.VaryMatch(languages, chosen, request) },
		"Precondition":  func() { cache.PreconditionFailed(request, 200, cache.VersionOf(response)) },
		"Hop":           func() { cache.Hop(response) },
	} {
		require.Zero(t, testing.AllocsPerRun(100, decide), name)
	}
}

func BenchmarkParseCacheControl(b *testing.B) {
	values := []string{"public, max-age=600, stale-while-revalidate=30"}
	b.ReportAllocs()
	for b.Loop() {
		cache.ParseCacheControl(values)
	}
}
