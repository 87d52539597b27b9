package cache_test

import (
	"math"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// noon is when the answers of these tests arrive; noonDate says so in a field.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const noonDate = "Date: Sun, 01 Mar 2026 12:00:00 GMT"

func TestLifetime(t *testing.T) {
	const (
		unchangedForADay  = "Last-Modified: Sat, 28 Feb 2026 12:00:00 GMT"
		unchangedForAYear = "Last-Modified: Sat, 01 Mar 2025 12:00:00 GMT"
		expiresAtOne      = "Expires: Sun, 01 Mar 2026 13:00:00 GMT"
		expired           = "Expires: Sun, 01 Mar 2026 11:00:00 GMT"
	)
	for _, c := range []struct {
		name     string
		status   int
		in       []string
		lifetime time.Duration
		explicit bool
	}{
		{"§4.2.1 s-maxage comes first", 200, []string{"Cache-Control: max-age=1, s-maxage=60", expired}, time.Minute, true},
		{"§4.2.1 also when it is shorter", 200, []string{"Cache-Control: s-maxage=1", "Cache-Control: max-age=60"}, time.Second, true},
		{"§4.2.1 max-age comes before Expires", 200, []string{"Cache-Control: max-age=60", expired}, time.Minute, true},
		{"§4.2.1 max-age=0 too", 200, []string{"Cache-Control: max-age=0", expiresAtOne}, 0, true},
		{"§4.2.1 max-age with an unreadable Expires", 200, []string{"Cache-Control: max-age=60", "Expires: 0"}, time.Minute, true},
		{"§4.2.1 Expires minus Date", 200, []string{expiresAtOne, noonDate}, time.Hour, true},
		{"§4.2.1 Expires without Date counts from arrival", 200, []string{expiresAtOne}, time.Hour, true},
		{"§4.2.1 Expires with an unreadable Date counts from arrival", 200, []string{expiresAtOne, "Date: foo"}, time.Hour, true},
		{"§4.2.1 Expires before Date", 200, []string{expired, noonDate}, 0, true},
		{"§4.2.1 Expires at Date", 200, []string{"Expires: Sun, 01 Mar 2026 12:00:00 GMT", noonDate}, 0, true},
		{"§4.2.1 Expires by a clock that is fast", 200, []string{expiresAtOne, "Date: Sun, 01 Mar 2026 12:59:00 GMT"}, time.Minute, true},
		{"§5.3 an unreadable Expires is in the past", 200, []string{"Expires: 0", unchangedForADay}, 0, true},
		{"§4.2.1 two Expires contradict each other", 200, []string{expiresAtOne, expired}, 0, true},
		{"§4.2.1 the same Expires twice is one", 200, []string{expiresAtOne, expiresAtOne, noonDate}, time.Hour, true},
		{"§4.2.1 a broken max-age is over", 200, []string{"Cache-Control: max-age=1.5", expiresAtOne}, 0, true},
		{"§4.2.1 two max-ages are over", 200, []string{"Cache-Control: max-age=60, max-age=5"}, 0, true},
		{"§4.2.1 a broken max-age spoils s-maxage", 200, []string{"Cache-Control: max-age=x, s-maxage=60"}, 0, true},

		{"§4.2.1 s-maxage=0 too comes first", 200, []string{"Cache-Control: s-maxage=0, max-age=60"}, 0, true},
		{"§4.2.1 an unreadable min-fresh is nothing in an answer", 200, []string{"Cache-Control: max-age=60, min-fresh=x"}, time.Minute, true},
		{"§4.2.1 a max-age of all the time there is", 200, []string{"Cache-Control: max-age=99999999999"}, (1 << 31) * time.Second, true},
		{"§4.2.1 an Expires at the end of time", 200, []string{"Expires: Fri, 31 Dec 9999 23:59:59 GMT", noonDate}, (1 << 31) * time.Second, true},
		{"§4.2 an Expires in another zone is no date", 200, []string{"Expires: Sun, 01 Mar 2026 13:00:00 AEST", noonDate}, 0, true},
		{"§4.2 UTC is another zone", 200, []string{"Expires: Sun, 01 Mar 2026 13:00:00 UTC", noonDate}, 0, true},
		{"§4.2 an Expires in lower case", 200, []string{"Expires: sun, 01 mar 2026 13:00:00 gmt", noonDate}, time.Hour, true},
		{"§4.2 an Expires in the form of RFC 850", 200, []string{"Expires: Sunday, 01-Mar-26 13:00:00 GMT", noonDate}, time.Hour, true},
		{"§4.2 an Expires in the form of asctime", 200, []string{"Expires: Sun Mar  1 13:00:00 2026", noonDate}, time.Hour, true},
		{"§4.2 with two spaces it is no date", 200, []string{"Expires: Sun,  01 Mar 2026 13:00:00 GMT", noonDate}, 0, true},
		{"§4.2 an empty Expires is no date", 200, []string{"Expires:", noonDate}, 0, true},
		{"§4.2.1 a readable Expires beside an unreadable one", 200, []string{expiresAtOne, "Expires: 0", noonDate}, 0, true},
		{"RFC 9213 §2.2 CDN-Cache-Control comes before all", 200, []string{"CDN-Cache-Control: max-age=60", "Cache-Control: s-maxage=5", expired}, time.Minute, true},
		{"RFC 9213 §2.2 also when it is shorter", 200, []string{"CDN-Cache-Control: max-age=1", "Cache-Control: max-age=60", expiresAtOne}, time.Second, true},
		{"RFC 9213 §2.2 its s-maxage comes before its max-age", 200, []string{"CDN-Cache-Control: max-age=1, s-maxage=60"}, time.Minute, true},
		{"RFC 9213 §2.2 Expires does not count beside it", 200, []string{"CDN-Cache-Control: none", expiresAtOne, noonDate}, 0, false},
		{"RFC 9213 §2.2 but Last-Modified does", 200, []string{"CDN-Cache-Control: none", "Cache-Control: max-age=5", unchangedForADay, noonDate}, 144 * time.Minute, false},
		{"RFC 9213 §2.1 an invalid one falls back", 200, []string{"CDN-Cache-Control: max-age=60,", "Cache-Control: max-age=5"}, 5 * time.Second, true},
		{"RFC 9213 §2.1 one of a wrong type falls back", 200, []string{"CDN-Cache-Control: max-age=60.5", expiresAtOne, noonDate}, time.Hour, true},
		{"RFC 9213 §2.1 one in capitals is no Dictionary", 200, []string{"CDN-Cache-Control: Max-Age=60", "Cache-Control: max-age=5"}, 5 * time.Second, true},

		{"§4.2.2 a redirect that is for good", 301, []string{unchangedForADay, noonDate}, 144 * time.Minute, false},
		{"§4.2.2 not one that is temporary", 302, []string{unchangedForADay, noonDate}, 0, false},
		{"§4.2.2 not for a created page", 201, []string{unchangedForADay, noonDate}, 0, false},
		{"§4.2.2 not for a failure", 503, []string{unchangedForADay, noonDate}, 0, false},
		{"§4.2.2 a method that is not implemented", 501, []string{unchangedForADay, noonDate}, 144 * time.Minute, false},
		{"§4.2.2 two Last-Modified contradict each other", 200, []string{unchangedForADay, unchangedForAYear, noonDate}, 0, false},
		{"§5.4 Pragma in an answer does not stop a guess", 200, []string{"Pragma: no-cache", unchangedForADay, noonDate}, 144 * time.Minute, false},
		{"§4.2.2 a tenth of the time unchanged", 200, []string{unchangedForADay, noonDate}, 144 * time.Minute, false},
		{"§4.2.2 at most a day", 200, []string{unchangedForAYear, noonDate}, 24 * time.Hour, false},
		{"§4.2.2 counts from arrival without Date", 200, []string{unchangedForADay}, 144 * time.Minute, false},
		{"§4.2.2 changed after it was made", 200, []string{"Last-Modified: Mon, 02 Mar 2026 12:00:00 GMT", noonDate}, 0, false},
		{"§4.2.2 an unreadable Last-Modified", 200, []string{"Last-Modified: long ago", noonDate}, 0, false},
		{"§4.2.2 nothing to guess from", 200, []string{`Etag: "a"`}, 0, false},
		{"§4.2.2 not where a lifetime is stated", 200, []string{"Cache-Control: max-age=5", unchangedForADay}, 5 * time.Second, true},
		{"§4.2.2 a missing page", 404, []string{unchangedForADay, noonDate}, 144 * time.Minute, false},
		{"§4.2.2 not for a refusal", 403, []string{unchangedForADay, noonDate}, 0, false},
		{"§4.2.2 not for an unknown status", 599, []string{unchangedForADay, noonDate}, 0, false},
		{"§4.2.2 unless it is declared public", 599, []string{"Cache-Control: public", unchangedForADay, noonDate}, 144 * time.Minute, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := cache.Reckon(c.status, fields(c.in...), noon, noon)
			require.Equal(t, c.lifetime, f.Lifetime)
			require.Equal(t, c.explicit, f.Explicit)
		})
	}
}

func TestInitialAge(t *testing.T) {
	const minuteOld = "Date: Sun, 01 Mar 2026 11:59:00 GMT"
	for _, c := range []struct {
		name  string
		in    []string
		delay time.Duration // between request and answer
		want  time.Duration
	}{
		{"§4.2.3 nothing said", nil, 0, 0},
		{"§4.2.3 apparent_age", []string{minuteOld}, 0, time.Minute},
		{"§4.2.3 the clocks differ the other way", []string{"Date: Sun, 01 Mar 2026 12:01:00 GMT"}, 0, 0},
		{"§4.2.3 age_value", []string{noonDate, "Age: 30"}, 0, 30 * time.Second},
		{"§4.2.3 response_delay", []string{noonDate}, 2 * time.Second, 2 * time.Second},
		{"§4.2.3 corrected_age_value is both", []string{noonDate, "Age: 30"}, 2 * time.Second, 32 * time.Second},
		{"§4.2.3 the larger of the two", []string{minuteOld, "Age: 30"}, 2 * time.Second, time.Minute},
		{"§4.2.3 the clock was set back meanwhile", []string{noonDate}, -time.Hour, 0},
		{"§5.1 the first member of a list", []string{noonDate, "Age: 7200, 0"}, 0, 2 * time.Hour},
		{"§5.1 the first of several lines", []string{noonDate, "Age: 0", "Age: 7200"}, 0, 0},
		{"§5.1 what is no number is ignored", []string{noonDate, "Age: abc"}, 0, 0},
		{"§5.1 nor is a negative one", []string{noonDate, "Age: -7200"}, 0, 0},
		{"§5.1 nor a fraction", []string{noonDate, "Age: 7200.0"}, 0, 0},
		{"§5.1 nor a number with a parameter", []string{noonDate, "Age: 7200;foo=bar"}, 0, 0},
		{"§5.1 nor one with letters before it", []string{noonDate, "Age: a7200"}, 0, 0},
		{"§5.1 nor one with letters behind it", []string{noonDate, "Age: 7200a"}, 0, 0},
		{"§5.1 nor a quoted one", []string{noonDate, `Age: "7200"`}, 0, 0},
		{"§5.1 nor nothing", []string{noonDate, "Age:"}, 0, 0},
		{"§5.1 of a list that begins with zero, zero", []string{noonDate, "Age: 0, 7200"}, 0, 0},
		{"§5.1 the first of several lines, also when it is the older", []string{noonDate, "Age: 7200", "Age: 0"}, 0, 2 * time.Hour},
		{"§5.1 an unreadable first hides the others", []string{noonDate, "Age: x, 7200"}, 0, 0},
		{"§5.1 leading zeros", []string{noonDate, "Age: 0030"}, 0, 30 * time.Second},
		{"§5.1 whitespace around it", []string{noonDate, "Age:   30 "}, 0, 30 * time.Second},
		{"§4.2.3 two Dates contradict each other: arrival", []string{minuteOld, noonDate}, 0, 0},
		{"§4.2.3 a Date in another zone is none", []string{"Date: Sun, 01 Mar 2026 11:00:00 EST"}, 0, 0},
		{"§1.2.2 a huge age is capped", []string{noonDate, "Age: 99999999999999999999"}, time.Hour, (1 << 31) * time.Second},
		{"a Date before there were clocks is capped", []string{"Date: Mon, 01 Jan 0001 00:00:00 GMT"}, 0, (1 << 31) * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, cache.Reckon(200, fields(c.in...), noon.Add(-c.delay), noon).InitialAge)
		})
	}
}

func TestReckonKeepsWhatTheAnswerForbidsAndAllows(t *testing.T) {
	for in, want := range map[string]cache.Freshness{
		"max-age=1":                   {},
		"max-age=1, must-revalidate":  {NoStale: true},
		"max-age=1, proxy-revalidate": {NoStale: true},
		"s-maxage=1":                  {NoStale: true},
		"max-age=1, no-cache":         {NoCache: true},
		`max-age=1, no-cache="X-A"`:   {},
		"max-age=1, immutable":        {Immutable: true},
		"max-age=1, stale-while-revalidate=5, stale-if-error=60": {StaleWhileRevalidate: 5 * time.Second, StaleIfError: time.Minute},
	} {
		want.Responded, want.Date, want.Lifetime, want.Explicit = noon, noon, time.Second, true
		if want.StaleIfError == 0 {
			want.StaleWhileRevalidate, want.StaleIfError = cache.Absent, cache.Absent
		}
		require.Equal(t, want, cache.Reckon(200, fields("Cache-Control: "+in), noon, noon), in)
	}
}

func TestAgeAndTTLFollowTheClock(t *testing.T) {
	f := cache.Reckon(200, fields("Cache-Control: max-age=60", "Age: 20", noonDate), noon, noon)
	for _, c := range []struct {
		name     string
		now      time.Time
		age, ttl time.Duration
	}{
		{"on arrival", noon, 20 * time.Second, 40 * time.Second},
		{"later", noon.Add(10 * time.Second), 30 * time.Second, 30 * time.Second},
		{"at the end", noon.Add(40 * time.Second), time.Minute, 0},
		{"stale", noon.Add(time.Minute), 80 * time.Second, -20 * time.Second},
		{"the clock was set back", noon.Add(-time.Hour), 20 * time.Second, 40 * time.Second},
	} {
		require.Equal(t, c.age, f.Age(c.now), c.name)
		require.Equal(t, c.ttl, f.TTL(c.now), c.name)
	}
	var zero cache.Freshness
	require.Positive(t, zero.Age(noon))
	require.Negative(t, zero.TTL(noon), "the zero value is stale")
	f.InitialAge = (1 << 31) * time.Second
	require.Less(t, f.Age(time.Unix(math.MaxInt32*100, 0)), time.Duration(math.MaxInt64), "no overflow")
	require.Negative(t, f.TTL(time.Unix(math.MaxInt32*100, 0)))
}

// FuzzFreshness holds that a page is never fresher here than at its origin: neither by the
// ages that were reported on its way, nor by the origin's own clock.
func FuzzFreshness(f *testing.F) {
	f.Add(int64(60), int64(20), int64(-10), int64(1), int64(5))
	f.Add(int64(1<<40), int64(1<<40), int64(1<<20), int64(-5), int64(0))
	f.Fuzz(func(t *testing.T, lifetime, age, made, delay, later int64) {
		seconds := func(n int64) time.Duration { return time.Duration(n%(1<<31)) * time.Second }
		date, wait, now := noon.Add(seconds(made)), max(0, seconds(delay)), noon.Add(max(0, seconds(later)))
		h := fields("Date: "+date.Format(http.TimeFormat), "Age: "+strconv.FormatInt(age, 10), "Cache-Control: max-age="+strconv.FormatInt(lifetime, 10))
		got := cache.Reckon(200, h, noon.Add(-wait), noon)
		reported := time.Duration(0)
		if age > 0 {
			reported = time.Duration(min(age, 1<<31)) * time.Second
		}
		require.GreaterOrEqual(t, got.Age(now)-now.Sub(noon), min(reported, (1<<31)*time.Second))
		if got.TTL(now) <= 0 {
			return
		}
		stated := time.Duration(min(lifetime, 1<<31)) * time.Second
		require.Positive(t, stated, "no lifetime is none")
		require.Less(t, min(reported+wait, (1<<31)*time.Second)+now.Sub(noon), stated, "by the ages reported")
		require.True(t, date.After(noon) || now.Before(date.Add(stated)), "by the origin's clock")
	})
}

func BenchmarkReckon(b *testing.B) {
	h := fields("Cache-Control: public, max-age=600", noonDate, "Last-Modified: Sat, 28 Feb 2026 12:00:00 GMT", "Age: 3")
	b.ReportAllocs()
	for b.Loop() {
		cache.Reckon(200, h, noon, noon)
	}
}
