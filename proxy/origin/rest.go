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
	// restTrial is how often an origin that rests is asked all the same where no other is
	// left: its limit may be over before it said.
	restTrial = time.Second
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
	o.tried.Store(now.UnixNano())
}

// resting reports whether the origin has asked to be left alone, and still is.
func (o *Origin) resting(now time.Time) bool { return now.UnixNano() < o.restUntil.Load() }

// trial reports whether an origin may be asked now. One that rests may be so now and then,
// by one request for all.
func (o *Origin) trial(now time.Time) bool {
	if !o.resting(now) {
		return true
	}
	last := o.tried.Load()
	return now.UnixNano()-last >= int64(restTrial) && o.tried.CompareAndSwap(last, now.UnixNano())
}

// untouchable is for how long an origin rests, or is to be left alone; 0 where it does not matter
// when it is asked.
func (o *Origin) untouchable(now time.Time, v health.View) time.Duration {
	rest := max(0, time.Duration(o.restUntil.Load()-now.UnixNano()))
	if leftAlone(now, v) {
		rest = max(rest, v.LeftAloneUntil.Sub(now))
	}
	return rest
}

// behind puts origins that rest after the other usable ones. What is not usable stays last.
// Otherwise the order stays as it is.
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
