package cache_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The naive reading of RFC 9111 that the cache is held to. It shares nothing with the cache's own: it
// splits where it may, forgives nothing, and knows whole seconds.

// naiveMembers are the directives of an answer, in lower case, without arguments in quotes.
func naiveMembers(lines []string) map[string][]string {
	members := make(map[string][]string)
	var text strings.Builder
	quoted := false
	for _, r := range strings.Join(lines, ",") {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ',' && quoted:
			text.WriteRune(';')
		default:
			text.WriteRune(r)
		}
	}
	for member := range strings.SplitSeq(text.String(), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(member), "=")
		name = strings.ToLower(name)
		members[name] = append(members[name], value)
	}
	return members
}

// naiveDate reads a date, as time's own layouts have it.
func naiveDate(text string) (time.Time, error) { return http.ParseTime(text) }

// naiveAge is current_age of §4.2.3.
func (a *answered) naiveAge(now time.Time) time.Duration {
	date, err := naiveDate(a.header.Get("Date"))
	if err != nil {
		date = a.responded
	}
	first, _, _ := strings.Cut(a.header.Get("Age"), ",")
	value, err := strconv.ParseInt(strings.TrimSpace(first), 10, 64)
	if err != nil || value < 0 {
		value = 0
	}
	apparent := max(0, a.responded.Sub(date))
	corrected := time.Duration(min(value, 1<<31))*time.Second + a.responded.Sub(a.requested)
	return min(max(apparent, corrected), 1<<31*time.Second) + now.Sub(a.responded) // no age is greater: §1.2.2
}

// naiveLifetime is freshness_lifetime of §4.2.1, or as much as §4.2.2 allows.
func (a *answered) naiveLifetime() time.Duration {
	members := naiveMembers(a.header["Cache-Control"])
	for _, name := range []string{"s-maxage", "max-age"} {
		if values := members[name]; len(values) > 0 {
			seconds, err := strconv.ParseInt(values[0], 10, 64)
			if err != nil {
				return 0
			}
			return time.Duration(min(seconds, 1<<31)) * time.Second
		}
	}
	date, err := naiveDate(a.header.Get("Date"))
	if err != nil {
		date = a.responded
	}
	if values := a.header["Expires"]; len(values) > 0 {
		expires, err := naiveDate(values[0])
		if err != nil {
			return 0
		}
		return expires.Sub(date)
	}
	modified, err := naiveDate(a.header.Get("Last-Modified"))
	heuristic := slices.Contains([]int{200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501}, a.status) || members["public"] != nil
	if err != nil || !heuristic {
		return 0
	}
	return date.Sub(modified) / 10
}

// forbidsSharing says why nobody but the one who asked may have the answer, "" when all may.
func (a *answered) forbidsSharing() string {
	members := naiveMembers(a.header["Cache-Control"])
	has := func(name string) bool { return len(members[name]) > 0 }
	switch {
	case has("no-store"):
		return "no-store"
	case has("private"):
		return "private"
	case len(a.request["Authorization"]) > 0 && !has("public") && !has("s-maxage") && !has("must-revalidate"):
		return "§3.5"
	}
	return ""
}

// forbidsReuse says why the answer may not be given without asking, "" when it may. failed is when the
// origin failed last.
func (a *answered) forbidsReuse(request http.Header, failed, now time.Time) string {
	if why := a.forbidsSharing(); why != "" {
		return why
	}
	members, asked := naiveMembers(a.header["Cache-Control"]), naiveMembers(request["Cache-Control"])
	if slices.Contains(members["no-cache"], "") {
		return "no-cache"
	}
	number := func(of map[string][]string, name string) time.Duration {
		seconds, err := strconv.ParseInt(strings.Join(of[name], ","), 10, 64)
		if err != nil {
			return -1
		}
		return time.Duration(min(seconds, 1<<31)) * time.Second
	}
	age, lifetime := a.naiveAge(now), max(0, a.naiveLifetime())
	recent := now.Sub(failed) <= time.Minute // what failed is not asked again, whatever a reader would like
	if most := number(asked, "max-age"); most >= 0 && age > most && !recent && members["immutable"] == nil {
		return "the reader's max-age"
	}
	if lifetime > age {
		return ""
	}
	strict := members["must-revalidate"] != nil || members["proxy-revalidate"] != nil || members["s-maxage"] != nil
	overdue := age - lifetime
	longest := func(name string) time.Duration { // of those that the answer has
		window := time.Duration(-1)
		for _, value := range members[name] {
			window = max(window, number(map[string][]string{name: {value}}, name))
		}
		return window
	}
	errs := recent && overdue <= longest("stale-if-error") // RFC 5861 §4
	if !strict && (errs || overdue <= longest("stale-while-revalidate") || overdue <= number(asked, "max-stale")) {
		return ""
	}
	return fmt.Sprintf("it is %s old and was fresh for %s", age, lifetime)
}
