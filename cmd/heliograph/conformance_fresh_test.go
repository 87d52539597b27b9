package main

import (
	"fmt"
	"strings"
	"time"
)

// freshnessRules are about lifetimes: RFC 9111 §4.2.1, §5.2.2, §5.3.
func freshnessRules() []rule {
	var rules []rule
	for _, c := range []struct {
		name    string
		freedom freedom
		lines   []string
	}{
		{"max-age alone", may, []string{"Cache-Control: max-age=3600"}},
		{"MAX-AGE in capitals", may, []string{"Cache-Control: MAX-AGE=3600"}},
		{"max-age in quotes", may, []string{`Cache-Control: max-age="3600"`}},
		{"max-age after public", may, []string{"Cache-Control: public, max-age=3600"}},
		{"max-age with leading zeros", may, []string{"Cache-Control: max-age=003600"}},
		{"max-age beyond 2^31", may, []string{"Cache-Control: max-age=2147483649"}},
		{"max-age beyond 2^64", may, []string{"Cache-Control: max-age=99999999999999999999"}},
		{"max-age among unknown directives", may, []string{"Cache-Control: foo, max-age=3600, bar=1"}},
		{"max-age behind a quoted max-age=0 of another directive", may, []string{`Cache-Control: foo="max-age=0", max-age=3600`}},
		{"max-age behind a quoted list of another directive", may, []string{`Cache-Control: foo="bar, max-age=0, no-store", max-age=3600`}},
		{"max-age behind escaped quotes", may, []string{`Cache-Control: foo="a\", no-store", max-age=3600`}},
		{"max-age among empty members", may, []string{"Cache-Control: , ,max-age=3600,,"}},
		{"max-age between tabs", may, []string{"Cache-Control: \tmax-age=3600\t,\tfoo"}},
		{"max-age on a second line", may, []string{"Cache-Control: public", "Cache-Control: max-age=3600"}},
		{"max-age with an Expires that is over", must, []string{"Cache-Control: max-age=3600", "Expires: {-3600}"}},
		{"max-age with Expires: 0", must, []string{"Cache-Control: max-age=3600", "Expires: 0"}},
		{"s-maxage alone", may, []string{"Cache-Control: s-maxage=3600"}},
		{"S-MaxAge in mixed case", may, []string{"Cache-Control: S-MaxAge=3600"}},
		{"s-maxage before max-age=0", must, []string{"Cache-Control: s-maxage=3600, max-age=0"}},
		{"s-maxage after max-age=0", must, []string{"Cache-Control: max-age=0, s-maxage=3600"}},
		{"s-maxage with an Expires that is over", must, []string{"Cache-Control: s-maxage=3600", "Expires: {-3600}"}},
		{"Expires alone", may, []string{"Expires: {+3600}"}},
		{"Expires as RFC 850 wrote it", must, []string{"Expires: {rfc850+3600}"}},
		{"Expires as asctime() writes it", must, []string{"Expires: {asctime+3600}"}},
		{"Expires without a Date", must, []string{"-", "Expires: {+3600}"}},
		{"Expires after a Date that is ahead", must, []string{"Date: {+7200}", "Expires: {+14400}"}},
		{"Expires long after an old Date", must, []string{"Date: {-7200}", "Expires: {+3600}"}},
		{"must-revalidate, while fresh", may, []string{"Cache-Control: max-age=3600, must-revalidate"}},
		{"proxy-revalidate, while fresh", may, []string{"Cache-Control: max-age=3600, proxy-revalidate"}},
		{"immutable", may, []string{"Cache-Control: max-age=3600, immutable"}},
		{"Pragma: no-cache beside a lifetime", must, []string{"Cache-Control: max-age=3600", "Pragma: no-cache"}},
		{"the word private within another directive's name", may, []string{"Cache-Control: x-private, max-age=3600"}},
		{"the word no-store within another directive's value", may, []string{"Cache-Control: x=no-store, max-age=3600"}},
	} {
		lines := c.lines
		if lines[0] == "-" {
			lines[0] = "Date"
		}
		rules = append(rules, rule{"RFC 9111 §4.2.1", c.name + " makes an answer fresh", c.freedom, reused(says(lines...))})
	}
	return append(append(rules, overRules()...), expiresRules()...)
}

// overRules are about answers that are not fresh.
func overRules() []rule {
	var rules []rule
	for _, c := range []struct {
		name    string
		freedom freedom
		lines   []string
	}{
		{"max-age=0", must, []string{"Cache-Control: max-age=0"}},
		{"s-maxage=0 beside max-age", must, []string{"Cache-Control: s-maxage=0, max-age=3600"}},
		{"s-maxage=0 after max-age", must, []string{"Cache-Control: max-age=3600, s-maxage=0"}},
		{"max-age=0 beside an Expires to come", must, []string{"Cache-Control: max-age=0", "Expires: {+3600}"}},
		{"s-maxage=0 beside an Expires to come", must, []string{"Cache-Control: s-maxage=0", "Expires: {+3600}"}},
		{"a negative max-age", must, []string{"Cache-Control: max-age=-3600"}},
		{"a negative s-maxage", must, []string{"Cache-Control: s-maxage=-3600"}},
		{"max-age in apostrophes", must, []string{"Cache-Control: max-age='3600'"}},
		{"max-age with a fraction", may, []string{"Cache-Control: max-age=3600.5"}},
		{"max-age with a unit", must, []string{"Cache-Control: max-age=1h"}},
		{"max-age with no value", must, []string{"Cache-Control: max-age"}},
		{"max-age with an empty value", must, []string{"Cache-Control: max-age="}},
		{"max-age with letters", must, []string{"Cache-Control: max-age=abc"}},
		{"max-age with letters before the number", must, []string{"Cache-Control: max-age=a3600"}},
		{"max-age with letters after the number", must, []string{"Cache-Control: max-age=3600a"}},
		{"max-age with a space before =", may, []string{"Cache-Control: max-age =3600"}},
		{"max-age with a space after =", may, []string{"Cache-Control: max-age= 3600"}},
		{"max-age in hexadecimal", must, []string{"Cache-Control: max-age=0xe10"}},
		{"max-age twice, the first 0", must, []string{"Cache-Control: max-age=0, max-age=3600"}},
		{"max-age twice, the second 0", may, []string{"Cache-Control: max-age=3600, max-age=0"}},
		{"max-age on two lines, the first 0", must, []string{"Cache-Control: max-age=0", "Cache-Control: max-age=3600"}},
		{"s-maxage twice, the first 0", must, []string{"Cache-Control: s-maxage=0, s-maxage=3600"}},
		{"a broken max-age beside an Expires to come", may, []string{"Cache-Control: max-age=a", "Expires: {+3600}"}},
		{"max-age in a directive's quoted value", must, []string{`Cache-Control: foo="max-age=3600"`}},
		{"max-age separated by a semicolon", must, []string{"Cache-Control: foo; max-age=3600"}},
		{"an Age beyond max-age", must, []string{hourly, "Age: 7200"}},
		{"an Age of exactly max-age", must, []string{hourly, "Age: 3600"}},
		{"an Age beyond s-maxage", must, []string{"Cache-Control: s-maxage=3600", "Age: 7200"}},
		{"an Age beyond what Expires allows", must, []string{"Expires: {+3600}", "Age: 7200"}},
		{"an Age beyond 2^31", must, []string{hourly, "Age: 2147483649"}},
		{"an Age beyond 2^64", must, []string{hourly, "Age: 99999999999999999999"}},
		{"an Age that is a list beginning with a great one", must, []string{hourly, "Age: 7200, 0"}},
		{"two Age lines, the first great", must, []string{hourly, "Age: 7200", "Age: 0"}},
		{"an Age beyond max-age that is for one reader", must, []string{`Cache-Control: max-age=3600, private="Age"`, "Age: 7200"}},
		{"a Date before max-age began that is for one reader", must, []string{`Cache-Control: max-age=3600, no-cache="Date"`, "Date: {-7200}"}},
		{"an Expires that is over and for one reader", must, []string{`Cache-Control: private="Expires"`, "Expires: {-3600}"}},
		{"a Date before max-age began", must, []string{hourly, "Date: {-7200}"}},
		{"a Date before s-maxage began", must, []string{"Cache-Control: s-maxage=3600", "Date: {-7200}"}},
		{"a Date that is long ago as RFC 850 wrote it", must, []string{hourly, "Date: {rfc850-7200}"}},
		{"a Date long ago that Expires is reckoned from", must, []string{"Date: {-7200}", "Expires: {-3600}"}},
		{"an Expires before a Date that is ahead", must, []string{"Date: {+7200}", "Expires: {+3600}"}},
	} {
		rules = append(rules, rule{"RFC 9111 §4.2", c.name + " makes an answer stale", c.freedom, asked(says(c.lines...))})
	}
	for _, c := range []struct {
		name    string
		freedom freedom
		lines   []string
	}{
		{"an Age below max-age", may, []string{hourly, "Age: 1800"}},
		{"an Age of 0", may, []string{hourly, "Age: 0"}},
		{"an Age of letters, which is ignored,", must, []string{hourly, "Age: abc"}},
		{"a negative Age, which is ignored,", must, []string{hourly, "Age: -7200"}},
		{"an Age with a fraction, which is ignored,", may, []string{hourly, "Age: 7200.5"}},
		{"an Age with a unit, which is ignored,", may, []string{hourly, "Age: 7200s"}},
		{"an Age list beginning with 0", must, []string{hourly, "Age: 0, 7200"}},
		{"two Age lines, the first 0", must, []string{hourly, "Age: 0", "Age: 7200"}},
		{"an empty Age", may, []string{hourly, "Age: "}},
		{"a Date that is ahead", must, []string{hourly, "Date: {+7200}"}},
		{"a Date that is none", must, []string{hourly, "Date: yesterday"}},
		{"no Date", must, []string{hourly, "Date"}},
	} {
		rules = append(rules, rule{"RFC 9111 §4.2.3", c.name + " leaves an answer fresh", c.freedom, reused(says(c.lines...))})
	}
	return rules
}

// expiresRules are about dates that look like one: RFC 9111 §4.2, §5.3.
func expiresRules() []rule {
	at := time.Now().Add(24 * time.Hour).UTC() // far enough to be to come in every zone
	layout := at.Format
	var rules []rule
	for _, c := range []struct{ name, value string }{
		{"0", "0"},
		{"-1", "-1"},
		{"1", "1"},
		{"a number of seconds", "3600"},
		{"seconds since 1970", fmt.Sprint(at.Unix())},
		{"a word", "never"},
		{"nothing", ""},
		{"a date of ISO 8601", at.Format(time.RFC3339)},
		{"a date without the weekday", layout("02 Jan 2006 15:04:05 GMT")},
		{"a date without a zone", layout("Mon, 02 Jan 2006 15:04:05")},
		{"a date in UTC", layout("Mon, 02 Jan 2006 15:04:05 UTC")},
		{"a date in Eastern time", layout("Mon, 02 Jan 2006 15:04:05 EST")},
		{"a date with an offset", layout("Mon, 02 Jan 2006 15:04:05 +0000")},
		{"a date with a year of two digits", layout("Mon, 02 Jan 06 15:04:05 GMT")},
		{"a date with dashes", layout("Mon, 02-Jan-2006 15:04:05 GMT")},
		{"a date with dots in its time", layout("Mon, 02 Jan 2006 15.04.05 GMT")},
		{"a date without seconds", layout("Mon, 02 Jan 2006 15:04 GMT")},
		{"a date with its month spelt out", layout("Mon, 02 January 2006 15:04:05 GMT")},
		{"a date with its month before the day", layout("Mon, Jan 02 2006 15:04:05 GMT")},
		{"a date at 25 o'clock", layout("Mon, 02 Jan 2006 25:04:05 GMT")},
		{"the 32nd of a month", layout("Mon, 32 Jan 2006 15:04:05 GMT")},
		{"a date of twelve hours", layout("Mon, 02 Jan 2006 03:04:05 PM GMT")},
		{"a date before a comma and more", layout("Mon, 02 Jan 2006 15:04:05 GMT, x")},
		{"a date in quotes", layout(`"Mon, 02 Jan 2006 15:04:05 GMT"`)},
	} {
		rules = append(rules, rule{"RFC 9111 §5.3", "an Expires that is " + c.name + " is over", must, asked(says("Expires: " + c.value))})
	}
	return append(rules,
		rule{"RFC 9111 §4.2", "an Expires in small letters counts", must, reused(says("Expires: " + strings.ToLower(layout("Mon, 02 Jan 2006 15:04:05 GMT"))))},
		rule{"RFC 9111 §4.2", "an Expires in capitals counts", must, reused(says("Expires: " + strings.ToUpper(layout("Mon, 02 Jan 2006 15:04:05 GMT"))))},
		rule{"RFC 9111 §5.3", "two Expires that differ are over", may, asked(says("Expires: {+3600}", "Expires: {+7200}"))},
		rule{"RFC 9111 §5.3", "an Expires of the same second as Date is over", must, asked(says("Date: {0}", "Expires: {0}"))},
		rule{"RFC 9111 §5.3", "an Expires in the year 9999 counts", may, reused(says("Expires: Fri, 31 Dec 9999 23:59:59 GMT"))},
	)
}

// ageRules are about what a reused answer says of its age: RFC 9111 §4, §5.1, RFC 9110 §6.6.1.
func ageRules() []rule {
	again := func(r reply, checked turn) []turn { return []turn{get().gives(r), checked.hit()} }
	return []rule{
		{"RFC 9111 §5.1", "an answer of the moment has an Age of about 0", must, again(says(hourly), get().aged(0))},
		{"RFC 9111 §5.1", "the origin's Age counts", must, again(says(hourly, "Age: 1800"), get().aged(1800))},
		{"RFC 9111 §5.1", "an Expires-only answer has an Age", must, again(says("Expires: {+3600}"), get().aged(0))},
		{"RFC 9111 §5.1", "an Expires-only answer counts the origin's Age", must, again(says("Expires: {+7200}", "Age: 1800"), get().aged(1800))},
		{"RFC 9111 §4.2.3", "a Date in the past is age", must, again(says(hourly, "Date: {-1800}"), get().aged(1800))},
		{"RFC 9111 §4.2.3", "the greater of Age and Date counts, Age", must, again(says(hourly, "Date: {-900}", "Age: 2400"), get().aged(2400))},
		{"RFC 9111 §4.2.3", "the greater of Age and Date counts, Date", must, again(says(hourly, "Date: {-2400}", "Age: 900"), get().aged(2400))},
		{"RFC 9111 §4.2.3", "the time that the origin took is age", must, again(says(hourly).after(2*time.Second), get().aged(2))},
		{"RFC 9111 §4.2.3", "the time that the origin took adds to its Age", must, again(says(hourly, "Age: 1800").after(2*time.Second), get().aged(1802))},
		{"RFC 9111 §4.2.3", "the time in the cache is age", must, []turn{get().gives(says(hourly, "Age: 600")), get().later(2 * time.Second).hit().aged(602)}},
		{"RFC 9111 §5.1", "an Age list counts by its first member", must, again(says(hourly, "Age: 600, 1200"), get().aged(600))},
		{"RFC 9111 §5.1", "two Age lines count by the first, and leave as one", must, again(says(hourly, "Age: 600", "Age: 1200"), get().aged(600))},
		{"RFC 9111 §5.1", "a broken Age is not passed on", must, again(says(hourly, "Age: abc"), get().aged(0))},
		{"RFC 9111 §5.1", "a first answer keeps the origin's Age", must, []turn{get().gives(says(hourly, "Age: 600")).aged(600)}},
		{"RFC 9110 §6.6.1", "Date stays the origin's", must, again(says(hourly, "Date: {-1800}"), get().dated(1))},
		{"RFC 9110 §6.6.1", "a Date that is ahead stays the origin's", must, again(says(hourly, "Date: {+1800}"), get().dated(1))},
		{"RFC 9111 §5.1", "two Age lines of an answer that is passed on leave as the first", may, []turn{get().gives(says("Cache-Control: no-store", "Age: 600", "Age: 1200")).aged(600)}},
		{"RFC 9111 §5.1", "a broken Age of an answer that is passed on stays behind", may, []turn{get().gives(says("Cache-Control: no-store", "Age: abc")).lacks("Age")}},
		{"RFC 9110 §6.6.1", "several Dates that differ leave as one", must, again(says(hourly, "Date: {-600}", "Date: {-1200}"), get().matches("Date", `^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$`))},
		{"RFC 9110 §6.6.1", "an answer without Date gets one", must, []turn{get().gives(says(hourly, "Date")).matches("Date", `^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$`)}},
		{"RFC 9110 §6.6.1", "an answer without Date gets one, also from the cache", must, again(says(hourly, "Date"), get().matches("Date", `^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$`))},
	}
}

// requestRules are about what a reader's own directives do: RFC 9111 §5.2.1, §5.4.
func requestRules() []rule {
	stored := func(r reply, next turn) []turn { return []turn{get().gives(r), next} }
	f := says(hourly)
	return []rule{
		{"RFC 9111 §5.2.1.1", "max-age=0 has the page validated", may, stored(f, get("Cache-Control: max-age=0").gives(says()).nth(2))},
		{"RFC 9111 §5.2.1.1", "max-age below the page's age has it validated", may, stored(f.and("Age: 1800"), get("Cache-Control: max-age=600").gives(says()).nth(2))},
		{"RFC 9111 §5.2.1.1", "max-age above the page's age is content", may, stored(f.and("Age: 60"), get("Cache-Control: max-age=600").hit())},
		{"RFC 9111 §5.2.1.2", "max-stale takes a stale page", may, stored(f.and("Age: 7200"), get("Cache-Control: max-stale=7200").hit().first())},
		{"RFC 9111 §5.2.1.2", "max-stale without a number takes any stale page", may, stored(f.and("Age: 7200"), get("Cache-Control: max-stale").hit().first())},
		{"RFC 9111 §5.2.1.2", "max-stale that is too little does not", must, stored(f.and("Age: 7200"), get("Cache-Control: max-stale=60").gives(says()).nth(2))},
		{"RFC 9111 §5.2.1.2", "max-stale does not overrule must-revalidate", must, stored(says("Cache-Control: max-age=3600, must-revalidate", old), get("Cache-Control: max-stale=7200").gives(says()).nth(2))},
		{"RFC 9111 §5.2.1.3", "min-fresh above what is left has the page validated", may, stored(f.and("Age: 3000"), get("Cache-Control: min-fresh=1800").gives(says()).nth(2))},
		{"RFC 9111 §5.2.1.3", "min-fresh below what is left is content", may, stored(f, get("Cache-Control: min-fresh=600").hit())},
		{"RFC 9111 §5.2.1.4", "no-cache has the page validated", may, stored(f, get("Cache-Control: no-cache").gives(says()).nth(2))},
		{"RFC 9111 §5.2.1.4", "no-cache brings a new page for all", may, []turn{get().gives(f), get("Cache-Control: no-cache").gives(f).nth(2), get().hit().nth(2)}},
		{"RFC 9111 §5.2.1.5", "the answer to no-store is not stored", must, []turn{get("Cache-Control: no-store").gives(f), get().gives(says()).nth(2)}},
		{"RFC 9111 §5.2.1.7", "only-if-cached without a page is a 504", may, []turn{get("Cache-Control: only-if-cached").silent().status(504)}},
		{"RFC 9111 §5.2.1.7", "only-if-cached with a page is a hit", may, stored(f, get("Cache-Control: only-if-cached").hit())},
		{"RFC 9111 §5.2.1.7", "only-if-cached with a stale page is a 504", may, stored(f.and(old), get("Cache-Control: only-if-cached").silent().status(504))},
		{"RFC 9111 §5.2.1", "an unknown directive changes nothing", may, stored(f, get("Cache-Control: foo=1").hit())},
		{"RFC 9111 §5.4", "Pragma: no-cache has the page validated where there is no Cache-Control", may, stored(f, get("Pragma: no-cache").gives(says()).nth(2))},
		{"RFC 9111 §5.4", "Pragma: no-cache means nothing beside Cache-Control", may, stored(f, get("Pragma: no-cache", "Cache-Control: max-age=600").hit())},
		{"RFC 9111 §5.4", "Pragma: no-cache of an answer means nothing: it is reused by guess", may, reused(says("Last-Modified: {-864000}", "Pragma: no-cache"))},
		{"RFC 9111 §5.4", "Pragma: no-cache of an answer means nothing beside Expires", may, reused(says("Expires: {+3600}", "Pragma: no-cache"))},
		{"RFC 9111 §5.4", "Pragma: no-cache of an answer is passed on", must, []turn{
			get().gives(says("Expires: {+3600}", "Pragma: no-cache")).has("Pragma: no-cache"), get().hit().has("Pragma: no-cache"),
		}},
		{"RFC 9111 §5.4", "an unknown Pragma means nothing", may, stored(f, get("Pragma: foo").hit())},
		{"RFC 8246 §2", "a reload does not fetch an immutable page again", may, stored(says("Cache-Control: max-age=3600, immutable"), get("Cache-Control: max-age=0").hit().first())},
		{"RFC 8246 §2", "an immutable page that is stale is validated", must, stored(says("Cache-Control: max-age=3600, immutable", old), get().gives(says()).nth(2))},
	}
}
