package cache

import (
	"net/http"
	"strings"
	"time"
)

// ParseDate reads an HTTP-date (RFC 9110 §5.6.7) in its three forms:
//
//	Sun, 06 Nov 1994 08:49:37 GMT    IMF-fixdate
//	Sunday, 06-Nov-94 08:49:37 GMT   RFC 850
//	Sun Nov  6 08:49:37 1994         asctime
//
// As RFC 9111 §4.2 asks of caches, names match without regard to case; any zone but
// GMT, and any other departure from the forms, makes the date invalid. The day's name is not held against the date.
// The result is in UTC. The two-digit year of the RFC 850 form is read as seen
// from the present; ParseDate consults the clock for that form alone.
func ParseDate(s string) (time.Time, bool) {
	return parseDate(s, time.Time{})
}

// parseDate is ParseDate as seen from the time now; the zero time means the
// present.
func parseDate(s string, now time.Time) (time.Time, bool) {
	s = trimOWS(s)
	switch comma := strings.IndexByte(s, ','); {
	case comma < 0:
		return parseAsctime(s)
	case comma == len("Sun"):
		return parseFixdate(s)
	default:
		return parseRFC850(s, comma, now)
	}
}

// parseFixdate reads "Sun, 06 Nov 1994 08:49:37 GMT".
func parseFixdate(s string) (time.Time, bool) {
	const form = "Sun, 06 Nov 1994 08:49:37 GMT"
	if len(s) != len(form) || !isWeekday(s[:3], false) || !isZone(s[26:]) ||
		s[4] != ' ' || s[7] != ' ' || s[11] != ' ' || s[16] != ' ' || s[25] != ' ' {
		return time.Time{}, false
	}
	return civil{year: number(s[12:16]), month: month(s[8:11]), day: number(s[5:7]), clock: s[17:25]}.time()
}

// parseRFC850 reads "Sunday, 06-Nov-94 08:49:37 GMT", whose comma is at comma.
func parseRFC850(s string, comma int, now time.Time) (time.Time, bool) {
	const form = ", 06-Nov-94 08:49:37 GMT"
	day, s := s[:comma], s[comma:]
	if len(s) != len(form) || !isWeekday(day, true) || !isZone(s[21:]) ||
		s[1] != ' ' || s[4] != '-' || s[8] != '-' || s[11] != ' ' || s[20] != ' ' {
		return time.Time{}, false
	}
	if now.IsZero() {
		now = time.Now()
	}
	now = now.UTC()
	c := civil{year: number(s[9:11]), month: month(s[5:8]), day: number(s[2:4]), clock: s[12:20]}
	if c.year < 0 {
		return time.Time{}, false
	}
	// The latest reading that is no more than 50 years ahead.
	ahead := now.AddDate(50, 0, 0)
	c.year += ahead.Year() / 100 * 100
	if t, ok := c.time(); ok && !t.After(ahead) {
		return t, true
	}
	c.year -= 100
	return c.time()
}

// parseAsctime reads "Sun Nov  6 08:49:37 1994".
func parseAsctime(s string) (time.Time, bool) {
	const form = "Sun Nov  6 08:49:37 1994"
	if len(s) != len(form) || !isWeekday(s[:3], false) ||
		s[3] != ' ' || s[7] != ' ' || s[10] != ' ' || s[19] != ' ' {
		return time.Time{}, false
	}
	return civil{year: number(s[20:]), month: month(s[4:7]), day: number(strings.TrimPrefix(s[8:10], " ")), clock: s[11:19]}.time()
}

// civil is a date and a time of day as they were read, -1 where a number could
// not be.
type civil struct {
	year, month, day int
	clock            string // "08:49:37"
}

// time is the moment that c names in UTC, false when there is none.
func (c civil) time() (time.Time, bool) {
	hour, minute, second := number(c.clock[:2]), number(c.clock[3:5]), number(c.clock[6:])
	if c.clock[2] != ':' || c.clock[5] != ':' || c.year < 0 || c.month < 1 || c.day < 1 ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 {
		return time.Time{}, false
	}
	// time.Time knows no leap second; RFC 9111 §4.2 asks for the nearest time
	// that is not later.
	second = min(second, 59)
	t := time.Date(c.year, time.Month(c.month), c.day, hour, minute, second, 0, time.UTC)
	if t.Day() != c.day {
		return time.Time{}, false // time.Date carried a 30 February into March
	}
	return t, true
}

// number reads a string of digits, -1 when it is anything else.
func number(s string) int {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return -1
		}
		n = n*10 + int(s[i]-'0')
	}
	if s == "" {
		return -1
	}
	return n
}

// month is 1 for a name that starts January, and so on; 0 when it is none.
func month(s string) int {
	const names = "JanFebMarAprMayJunJulAugSepOctNovDec"
	for i := 0; i < len(names); i += 3 {
		if strings.EqualFold(s, names[i:i+3]) {
			return i/3 + 1
		}
	}
	return 0
}

// isWeekday reports whether s names a day, in full or by its first three letters.
func isWeekday(s string, full bool) bool {
	for day := time.Sunday; day <= time.Saturday; day++ {
		name := day.String()
		if !full {
			name = name[:3]
		}
		if strings.EqualFold(s, name) {
			return true
		}
	}
	return false
}

func isZone(s string) bool { return strings.EqualFold(s, "GMT") }

// single is the value of a field that must appear once: "" when it is absent,
// or when it appears several times with different values.
func single(h http.Header, name string) string {
	values := h[name]
	if len(values) == 0 {
		return ""
	}
	for _, v := range values[1:] {
		if v != values[0] {
			return ""
		}
	}
	return values[0]
}
