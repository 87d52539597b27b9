package origin

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/health"
)

// statesLifetime reports whether an answer says that it may be kept for a time to come, and
// nothing against it. Package cache, which is not imported here, knows what may be stored; this
// is no more than whether the origin has thought of it.
func statesLifetime(header http.Header) bool {
	lines, targeted := header["Cdn-Cache-Control"] // in place of the others, RFC 9213 §2.2
	if !targeted {
		lines = header["Cache-Control"]
	}
	own, shared := "", ""
	for _, line := range lines {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			value = strings.Trim(value, `"`)
			switch strings.ToLower(name) {
			case "no-store", "no-cache", "private":
				return false
			case "max-age":
				own = value
			case "s-maxage":
				shared = value
			}
		}
	}
	switch {
	case shared != "" && !targeted:
		return isPositive(shared) // RFC 9111 §4.2.1: it precedes max-age, and that Expires
	case own != "":
		return isPositive(own)
	}
	return !targeted && expiresLater(header)
}

// isPositive reports whether a value is a number of seconds above zero, RFC 9111 §1.2.2.
func isPositive(value string) bool {
	digits := strings.Trim(value, "0123456789") == ""
	seconds, err := strconv.ParseUint(value, 10, 64)
	return digits && (err != nil && value != "" || seconds > 0)
}

// expiresLater reports whether an answer has one Expires that is later than its Date, or than now
// where it has none.
func expiresLater(header http.Header) bool {
	if len(header["Expires"]) != 1 {
		return false
	}
	until, err := http.ParseTime(header.Get("Expires"))
	if err != nil {
		return false
	}
	from, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		from = time.Now()
	}
	return until.After(from)
}

// isAccused reports whether probes have convicted the origin of not being the publication, and the
// answer may be a page: only a site's only origin is then asked at all. What is in its place
// need not look like a notice.
func isAccused(view health.View, response *http.Response) bool {
	if view.Verdict != health.Blocked && view.Verdict != health.Hijacked {
		return false
	}
	switch view.Class {
	case health.BlockPage, health.Seized, health.Parked, health.IdentityMissing, health.IdentityMismatch,
		health.CanaryInvalid, health.CanaryStale:
		return (&look{kind: kindOf(response.Header)}).maybePage()
	}
	return false
}
