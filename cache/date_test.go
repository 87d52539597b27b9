package cache_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

func TestParseDate(t *testing.T) {
	want := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
	for _, c := range []struct{ name, in string }{
		{"RFC 9110 §5.6.7 IMF-fixdate", "Sun, 06 Nov 1994 08:49:37 GMT"},
		{"RFC 9110 §5.6.7 RFC 850", "Sunday, 06-Nov-94 08:49:37 GMT"},
		{"RFC 9110 §5.6.7 asctime", "Sun Nov  6 08:49:37 1994"},
		{"asctime with a zero", "Sun Nov 06 08:49:37 1994"},
		{"§4.2 case of the day", "SUN, 06 Nov 1994 08:49:37 GMT"},
		{"§4.2 case of the month", "Sun, 06 NOV 1994 08:49:37 GMT"},
		{"§4.2 case of the zone", "Sun, 06 Nov 1994 08:49:37 gMT"},
		{"§4.2 case of all of it", "sun, 06 nov 1994 08:49:37 gmt"},
		{"§4.2 case of an RFC 850 date", "SUNDAY, 06-nov-94 08:49:37 gmt"},
		{"§4.2 case of an asctime date", "sun nov  6 08:49:37 1994"},
		{"the day's name is not held against it", "Fri, 06 Nov 1994 08:49:37 GMT"},
		{"whitespace around it", "  Sun, 06 Nov 1994 08:49:37 GMT\t"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := cache.ParseDate(c.in)
			require.True(t, ok)
			require.Equal(t, want, got)
		})
	}
	leap, ok := cache.ParseDate("Sat, 31 Dec 2016 23:59:60 GMT")
	require.True(t, ok)
	require.Equal(t, time.Date(2016, 12, 31, 23, 59, 59, 0, time.UTC), leap, "§4.2: not later than the leap second")
}

func TestParseDateRefuses(t *testing.T) {
	for _, c := range []struct{ name, in string }{
		{"nothing", ""},
		{"§5.3 zero", "0"},
		{"§5.3 minus one", "-1"},
		{"§4.2 another zone", "Sun, 06 Nov 1994 08:49:37 EST"},
		{"§4.2 also UTC", "Sun, 06 Nov 1994 08:49:37 UTC"},
		{"§4.2 also UTC in RFC 850", "Sunday, 06-Nov-94 08:49:37 UTC"},
		{"no zone", "Sun, 06 Nov 1994 08:49:37"},
		{"no time", "Sun, 06 Nov 1994"},
		{"no day's name", "06 Nov 1994 08:49:37 GMT"},
		{"garbage behind it", "Sun, 06 Nov 1994 08:49:37 GMT x"},
		{"a second date behind it", "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT"},
		{"a number", "784111777"},
		{"an offset", "Sun, 06 Nov 1994 08:49:37 +0100"},
		{"two digits in an IMF-fixdate", "Sun, 06 Nov 94 08:49:37 GMT"},
		{"no comma", "Sun 06 Nov 1994 08:49:37 GMT"},
		{"several spaces", "Sun, 06  Nov  1994 08:49:37 GMT"},
		{"dashes in an IMF-fixdate", "Sun, 06-Nov-1994 08:49:37 GMT"},
		{"periods in the time", "Sun, 06 Nov 1994 08.49.37 GMT"},
		{"one digit for the hour", "Sun, 06 Nov 1994 8:49:37 GMT"},
		{"a day that is none", "Xyz, 06 Nov 1994 08:49:37 GMT"},
		{"a month that is none", "Sun, 06 Nob 1994 08:49:37 GMT"},
		{"30 February", "Mon, 30 Feb 2026 08:49:37 GMT"},
		{"day zero", "Sun, 00 Nov 1994 08:49:37 GMT"},
		{"hour 24", "Sun, 06 Nov 1994 24:00:00 GMT"},
		{"minute 60", "Sun, 06 Nov 1994 08:60:00 GMT"},
		{"second 61", "Sun, 06 Nov 1994 08:49:61 GMT"},
		{"a short day in RFC 850", "Sun, 06-Nov-94 08:49:37 GMT"},
		{"four digits in RFC 850", "Sunday, 06-Nov-1994 08:49:37 GMT"},
		{"letters for the year in RFC 850", "Sunday, 06-Nov-9x 08:49:37 GMT"},
		{"a zone in asctime", "Sun Nov  6 08:49:37 1994 GMT"},
		{"a sign for a digit", "Sun, +6 Nov 1994 08:49:37 GMT"},
		{"ISO 8601", "1994-11-06T08:49:37Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, ok := cache.ParseDate(c.in)
			require.False(t, ok)
		})
	}
}

func TestTwoDigitYearIsAtMostFiftyYearsAhead(t *testing.T) {
	// The clock within a bubble starts at the beginning of 2000.
	synctest.Test(t, func(t *testing.T) {
		for in, year := range map[string]int{
			"Friday, 31-Dec-49 23:59:59 GMT":    2049,
			"Sunday, 02-Jan-50 00:00:00 GMT":    1950, // fifty years and a day ahead
			"Friday, 31-Dec-99 23:59:59 GMT":    1999,
			"Saturday, 01-Jan-00 00:00:00 GMT":  2000,
			"Thursday, 29-Feb-68 00:00:00 GMT":  1968,
			"Wednesday, 06-Nov-26 08:49:37 GMT": 2026,
		} {
			got, ok := cache.ParseDate(in)
			require.True(t, ok, in)
			require.Equal(t, year, got.Year(), in)
		}
		// Near the end of a century the next one's first years are ahead.
		time.Sleep(time.Until(time.Date(2098, 6, 1, 0, 0, 0, 0, time.UTC)))
		for in, year := range map[string]int{
			"Saturday, 01-Jan-05 00:00:00 GMT": 2105,
			"Sunday, 01-Jan-50 00:00:00 GMT":   2050,
		} {
			got, ok := cache.ParseDate(in)
			require.True(t, ok, in)
			require.Equal(t, year, got.Year(), in)
		}
	})
}

func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "0", ",", "Mon, 29 Feb 2100 00:00:00 GMT"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := cache.ParseDate(s)
		if !ok {
			require.Zero(t, got)
			return
		}
		again, ok := cache.ParseDate(got.Format(http.TimeFormat))
		require.True(t, ok, "what was read can be written and read again")
		require.Equal(t, got, again)
	})
}
