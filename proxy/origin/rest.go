package origin

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/health"
)

const (
	// longestRest is for how long an origin's wish to be left alone is heeded. Who asks
	// for more may be somebody who wants the publication forgotten.
	longestRest = 5 * time.Minute
	// usualRest is for a 429 that does not say how long.
	usualRest = 10 * time.Second
)

// retryAfter reads for how long an answer asks to be left alone, RFC 9110 §10.2.3; 0 where
// it does not say.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}

// rest heeds a 429: for a while the origin is asked after the others.
func (o *Origin) rest(now time.Time, wish time.Duration) {
	if wish <= 0 {
		wish = usualRest
	}
	o.restUntil.Store(now.Add(min(wish, longestRest)).UnixNano())
}

// resting reports whether the origin has asked to be left alone, and still is.
func (o *Origin) resting(now time.Time) bool { return now.UnixNano() < o.restUntil.Load() }

// behind puts origins that rest after the other usable ones. What is not usable stays last.
func behind(order []int, views []health.View, resting func(int) bool) []int {
	rank := func(i int) int {
		switch {
		case !views[i].Verdict.Usable():
			return 2
		case resting(i):
			return 1
		}
		return 0
	}
	order = slices.Clone(order)
	slices.SortStableFunc(order, func(a, b int) int { return rank(a) - rank(b) })
	return order
}
