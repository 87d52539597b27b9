package cache

import (
	"net/http"
	"time"
)

const (
	// A page without a stated lifetime is fresh for a tenth of the time it had
	// been unchanged for: the fraction RFC 9111 §4.2.2 calls typical.
	heuristicFraction = 10
	// More than a day on a guess would hide a correction to an old article.
	heuristicLimit = 24 * time.Hour
)

// Freshness is what must be known of a stored page to tell its age. It is a
// value: safe to copy, and safe for concurrent use as long as nobody writes to
// it. The zero value is a page that is stale and allows nothing.
type Freshness struct {
	// Responded is when the answer's header arrived.
	Responded time.Time
	// Date is when the origin made the answer: its Date field, or Responded
	// where that is missing or unreadable (RFC 9110 §6.6.1).
	Date time.Time
	// InitialAge is how old the answer was when it arrived (RFC 9111 §4.2.3).
	InitialAge time.Duration
	// Lifetime is for how long after Date it is fresh (§4.2.1).
	Lifetime time.Duration
	// Explicit says that Lifetime was stated, not guessed.
	Explicit bool
	// NoCache says that every use needs validation (§5.2.2.4).
	NoCache bool
	// NoStale forbids every use past Lifetime: must-revalidate,
	// proxy-revalidate or s-maxage (§4.2.4).
	NoStale bool
	// Immutable says that the page does not change while it is fresh (RFC 8246).
	Immutable bool
	// StaleWhileRevalidate and StaleIfError are for how long past Lifetime the
	// answer allows both (RFC 5861), Absent (-1) where it does not say.
	StaleWhileRevalidate, StaleIfError time.Duration
}

// Reckon works out the freshness of an answer for a shared cache. Requested and
// responded are when the request left and when the answer's header arrived, by
// the same clock. It does not allocate.
func Reckon(status int, h http.Header, requested, responded time.Time) Freshness {
	d := ResponseDirectives(h)
	f := Freshness{
		Responded:            responded,
		Date:                 responded,
		NoCache:              d.NoCache,
		NoStale:              d.MustRevalidate || d.ProxyRevalidate || d.SMaxAge != Absent,
		Immutable:            d.Immutable,
		StaleWhileRevalidate: d.StaleWhileRevalidate,
		StaleIfError:         d.StaleIfError,
	}
	if date, ok := parseDate(single(h, "Date"), responded); ok {
		f.Date = date
	}
	f.InitialAge = initialAge(h["Age"], f.Date, requested, responded)
	f.Lifetime, f.Explicit = statedLifetime(&d, h, f.Date)
	if !f.Explicit && (heuristic(status) || d.Public) {
		f.Lifetime = guessedLifetime(h, f.Date)
	}
	return f
}

// Age is how old the page is at the time now (RFC 9111 §4.2.3). It is never
// negative, also when the clock was set back.
func (f Freshness) Age(now time.Time) time.Duration {
	return f.InitialAge + within(now.Sub(f.Responded))
}

// TTL is for how long after now the page stays fresh. It is zero or negative
// once the page is stale, and then tells for how long it has been.
func (f Freshness) TTL(now time.Time) time.Duration {
	return f.Lifetime - f.Age(now)
}

// initialAge is corrected_initial_age of RFC 9111 §4.2.3.
func initialAge(field []string, date, requested, responded time.Time) time.Duration {
	apparent := within(responded.Sub(date))
	corrected := parseAge(field) + within(responded.Sub(requested))
	return within(max(apparent, corrected))
}

// parseAge reads the Age field: its first member, ignored when it is no number
// (RFC 9111 §5.1).
func parseAge(field []string) time.Duration {
	for _, line := range field {
		first, _ := nextElement(line)
		age, _ := parseSeconds(first)
		return age
	}
	return 0
}

// statedLifetime is the lifetime that the answer itself gives, in the order of
// RFC 9111 §4.2.1. A stated lifetime that cannot be read, or is stated
// twice with different values, is over at once.
func statedLifetime(d *Directives, h http.Header, date time.Time) (lifetime time.Duration, explicit bool) {
	switch {
	case d.Broken:
		return 0, true
	case d.SMaxAge != Absent:
		return d.SMaxAge, true
	case d.MaxAge != Absent:
		return d.MaxAge, true
	case d.Targeted, len(h["Expires"]) == 0:
		return 0, false
	}
	// "0" and anything else that is no date means already expired (§5.3).
	expires, ok := parseDate(single(h, "Expires"), date)
	if !ok {
		return 0, true
	}
	return within(expires.Sub(date)), true
}

// guessedLifetime is the heuristic lifetime of RFC 9111 §4.2.2.
func guessedLifetime(h http.Header, date time.Time) time.Duration {
	modified, ok := parseDate(single(h, "Last-Modified"), date)
	if !ok {
		return 0
	}
	return min(within(date.Sub(modified))/heuristicFraction, heuristicLimit)
}

// within bounds d to what delta-seconds can say, 0 to 2^31 s, so that sums and
// differences of a few of them cannot overflow.
func within(d time.Duration) time.Duration {
	return max(0, min(d, maxDelta))
}
