package cache_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

func TestResponseDirectives(t *testing.T) {
	type D = cache.Directives
	targeted := func(set func(*D)) D {
		return directives(func(d *D) {
			d.Targeted = true
			if set != nil {
				set(d)
			}
		})
	}
	const minute, hour = "Cache-Control: max-age=60", time.Hour
	for _, c := range []struct {
		name string
		in   []string
		want D
	}{
		{"no field", nil, directives(nil)},
		{"Cache-Control alone", []string{minute}, directives(func(d *D) { d.MaxAge = time.Minute })},
		{"§2.2 the targeted field alone", []string{minute, "CDN-Cache-Control: max-age=3600"}, targeted(func(d *D) { d.MaxAge = hour })},
		{"§2.2 nothing of Cache-Control is left", []string{"Cache-Control: no-store, private, must-revalidate", "CDN-Cache-Control: max-age=3600"}, targeted(func(d *D) { d.MaxAge = hour })},
		{"§2.2 a field for another target means nothing", []string{minute, "Surrogate-Control: max-age=5", "Example-CDN-Cache-Control: no-store"}, directives(func(d *D) { d.MaxAge = time.Minute })},
		{"§2.2 every directive", []string{"CDN-Cache-Control: no-store, no-cache, private, public, must-revalidate, proxy-revalidate, no-transform, must-understand, immutable, max-age=1, s-maxage=2, stale-while-revalidate=3, stale-if-error=4"},
			targeted(func(d *D) {
				d.NoStore, d.NoCache, d.Private, d.Public, d.MustRevalidate, d.ProxyRevalidate = true, true, true, true, true, true
				d.NoTransform, d.MustUnderstand, d.Immutable = true, true, true
				d.MaxAge, d.SMaxAge, d.StaleWhileRevalidate, d.StaleIfError = time.Second, 2*time.Second, 3*time.Second, 4*time.Second
			})},
		{"§2.1 true in full", []string{"CDN-Cache-Control: no-store=?1"}, targeted(func(d *D) { d.NoStore = true })},
		{"§2.1 a list of field names", []string{`CDN-Cache-Control: no-cache="X-A, X-B", private="X-C"`}, targeted(func(d *D) { d.NoCacheFields, d.PrivateFields = "X-A, X-B", "X-C" })},
		{"§2.1 what is no list is the whole answer", []string{`CDN-Cache-Control: private="a b"`}, targeted(func(d *D) { d.Private = true })},
		{"§2.1 parameters are ignored", []string{"CDN-Cache-Control: max-age=3600;x=1;y, no-cache;when=never"}, targeted(func(d *D) { d.MaxAge, d.NoCache = hour, true })},
		{"§2.2 an unknown directive is ignored", []string{"CDN-Cache-Control: foo=bar, max-age=3600, baz"}, targeted(func(d *D) { d.MaxAge = hour })},
		{"§2.2 of whatever type", []string{`CDN-Cache-Control: foo=(a b), bar=:YQ==:, qux="x", max-age=3600, q=1.5`}, targeted(func(d *D) { d.MaxAge = hour })},
		{"§2.2 a request's directive is unknown", []string{"CDN-Cache-Control: max-stale, min-fresh=x, only-if-cached, max-age=3600"}, targeted(func(d *D) { d.MaxAge = hour })},
		{"§2.2 an unknown directive alone is a value", []string{minute, "CDN-Cache-Control: none"}, targeted(nil)},
		{"§2.1 several lines are one Dictionary", []string{"CDN-Cache-Control: max-age=3600", "CDN-Cache-Control: no-transform"}, targeted(func(d *D) { d.MaxAge, d.NoTransform = hour, true })},
		{"RFC 9651 §3.2 the last of a key counts", []string{"CDN-Cache-Control: max-age=1, max-age=3600"}, targeted(func(d *D) { d.MaxAge = hour })},
		{"§1.2.2 more than 2^31 is 2^31", []string{"CDN-Cache-Control: max-age=999999999999999"}, targeted(func(d *D) { d.MaxAge = (1 << 31) * time.Second })},
		{"whitespace around members", []string{"CDN-Cache-Control:   max-age=3600 ,\tno-transform  "}, targeted(func(d *D) { d.MaxAge, d.NoTransform = hour, true })},

		{"§2.1 empty", []string{minute, "CDN-Cache-Control:"}, directives(func(d *D) { d.MaxAge = time.Minute })},
		{"§2.1 a parse error", []string{minute, "CDN-Cache-Control: max-age=3600, &&&"}, directives(func(d *D) { d.MaxAge = time.Minute })},
		{"§2.1 a parse error hides what it forbids", []string{minute, "CDN-Cache-Control: no-store, &&&"}, directives(func(d *D) { d.MaxAge = time.Minute })},
		{"RFC 9651 §3.1.2 a key in capitals", []string{minute, "CDN-Cache-Control: Max-Age=3600"}, directives(func(d *D) { d.MaxAge = time.Minute })},
		{"RFC 9651 §4.2 space before the equals sign", []string{minute, "CDN-Cache-Control: max-age =3600"}, directives(func(d *D) { d.MaxAge = time.Minute })},
		{"RFC 9651 §4.2 space after the equals sign", []string{minute, "CDN-Cache-Control: max-age= 3600"}, directives(func(d *D) { d.MaxAge = time.Minute })},
		{"RFC 9651 §4.2 a comma at the end", []string{minute, "CDN-Cache-Control: max-age=3600,"}, directives(func(d *D) { d.MaxAge = time.Minute })},
		{"RFC 9651 §3.3.1 more digits than an Integer has", []string{minute, "CDN-Cache-Control: max-age=9999999999999999"}, directives(func(d *D) { d.MaxAge = time.Minute })},
		{"RFC 9651 §3.3.3 an open quote", []string{minute, `CDN-Cache-Control: private="X-A`}, directives(func(d *D) { d.MaxAge = time.Minute })},
		{"§2.1 a String for a number", []string{minute, `CDN-Cache-Control: max-age="3600"`}, directives(func(d *D) { d.MaxAge = time.Minute })},
		{"§2.1 a Decimal for a number", []string{minute, "CDN-Cache-Control: max-age=3600.0"}, directives(func(d *D) { d.MaxAge = time.Minute })},
		{"§2.1 a Token for a number", []string{minute, "CDN-Cache-Control: max-age=a3600"}, directives(func(d *D) { d.MaxAge = time.Minute })},
		{"§2.1 no number", []string{minute, "CDN-Cache-Control: max-age"}, directives(func(d *D) { d.MaxAge = time.Minute })},
		{"§2.1 a negative number is of the type, and no lifetime", []string{minute, "CDN-Cache-Control: max-age=-1"}, targeted(func(d *D) { d.Broken = true })},
		{"§2.1 a negative number beside one that can be read", []string{minute, "CDN-Cache-Control: max-age=3600, s-maxage=-1"}, targeted(func(d *D) { d.MaxAge, d.Broken = hour, true })},
		{"§2.1 a negative tolerance is none", []string{"CDN-Cache-Control: max-age=3600, stale-if-error=-1, stale-while-revalidate=-1"}, targeted(func(d *D) { d.MaxAge = hour })},
		{"§2.1 a number for a flag", []string{minute, "CDN-Cache-Control: public=1, max-age=3600"}, directives(func(d *D) { d.MaxAge = time.Minute })},
		{"§2.1 a flag that is false is not set", []string{minute, "CDN-Cache-Control: no-store=?0, private=?0, max-age=3600"}, targeted(func(d *D) { d.MaxAge = hour })},
		{"§2.1 an inner list", []string{minute, `CDN-Cache-Control: private=("X-A"), max-age=3600`}, directives(func(d *D) { d.MaxAge = time.Minute })},
		{"§2.1 a wrong type in one member ignores the whole field", []string{minute, "CDN-Cache-Control: public, max-age=3600, stale-if-error=x"}, directives(func(d *D) { d.MaxAge = time.Minute })},
		{"§2.1 with what it forbids", []string{"Cache-Control: max-age=60, must-understand", `CDN-Cache-Control: no-store, private, no-cache="X-C", must-revalidate, max-age=x`}, directives(func(d *D) { d.MaxAge, d.MustUnderstand = time.Minute, true })},
		{"§2.1 and lifts nothing", []string{`Cache-Control: no-store, private="X-A"`, "CDN-Cache-Control: no-store=?0, public, max-age=x"}, directives(func(d *D) { d.NoStore, d.PrivateFields = true, "X-A" })},
	} {
		t.Run("RFC 9213 "+c.name, func(t *testing.T) {
			require.Equal(t, c.want, cache.ResponseDirectives(fields(c.in...)))
		})
	}
}

func TestAgeCountsAgainstATargetedLifetime(t *testing.T) {
	f := cache.Reckon(200, fields("CDN-Cache-Control: max-age=3600", "Age: 3000", noonDate), noon, noon)
	require.Equal(t, 10*time.Minute, f.TTL(noon), "RFC 9213 §2.3")
	require.Negative(t, f.TTL(noon.Add(11*time.Minute)))
}

func TestATargetedFieldForbidsStaleness(t *testing.T) {
	for _, control := range []string{"must-revalidate", "proxy-revalidate", "no-cache"} {
		f := cache.Reckon(200, fields("CDN-Cache-Control: max-age=60, stale-if-error=999, "+control, "Cache-Control: max-age=60"), noon, noon)
		serve, _ := cache.OnError(&f, cache.Policy{Stale: time.Hour}, false, noon.Add(2*time.Minute))
		require.False(t, serve, control)
	}
	f := cache.Reckon(200, fields("CDN-Cache-Control: max-age=60, stale-if-error=999", "Cache-Control: s-maxage=60"), noon, noon)
	serve, _ := cache.OnError(&f, cache.Policy{}, false, noon.Add(2*time.Minute))
	require.True(t, serve, "RFC 9213 §2.2: Cache-Control does not count beside it")
}

func FuzzResponseDirectives(f *testing.F) {
	for _, s := range []string{"max-age=60", `private="a, b", no-store`, "no-store, max-age=x", "max-age=60, &&&", `a=(1 "b");c, no-cache=?0`, "", "public, s-maxage=999999999999999"} {
		f.Add(s, "max-age=5")
		f.Add(s, "no-store, private")
	}
	f.Fuzz(func(t *testing.T, targeted, general string) {
		h := fields("Cache-Control: " + general)
		h["Cdn-Cache-Control"] = []string{targeted}
		d, plain := cache.ResponseDirectives(h), cache.ParseCacheControl(h["Cache-Control"])
		if !d.Targeted {
			require.Equal(t, plain, d, "what is ignored permits, forbids and lifts nothing")
		}
		for _, v := range []time.Duration{d.MaxAge, d.SMaxAge, d.StaleWhileRevalidate, d.StaleIfError} {
			require.GreaterOrEqual(t, v, cache.Absent)
			require.LessOrEqual(t, v, time.Duration(1<<31)*time.Second)
		}
		// What stands in front as a member of its own is heeded or spoils the whole field:
		// the answer is never fresh by a field that calls it no-store.
		h["Cdn-Cache-Control"] = []string{"no-store, " + targeted}
		if d = cache.ResponseDirectives(h); d.Targeted && !strings.Contains(targeted, "no-store") && !d.MustUnderstand {
			require.Equal(t, cache.ReasonNoStore, cache.Storable("GET", nil, 200, h))
		}
	})
}
