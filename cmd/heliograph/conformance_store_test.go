package main

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// The lines that most rules are about.
const (
	hourly = "Cache-Control: max-age=3600"
	// old makes an answer with hourly stale from the start, so that no test waits for it.
	old = "Age: 7200"
)

// reused is a rule about an answer that a cache keeps and gives again.
func reused(r reply) []turn {
	return []turn{get().gives(r), get().hit().first().status(max(200, r.code))}
}

// asked is a rule about an answer that a cache may not give again, nor give to be the same.
func asked(r reply) []turn {
	return []turn{get().gives(r), get().gives(says()).nth(2)}
}

// withLocation is the reply with where a redirect leads.
func withLocation(r reply) reply {
	if r.code == 201 || 300 <= r.code && r.code < 400 {
		return r.and("Location: {path}/elsewhere")
	}
	return r
}

// statuses are those of which each kind is tried.
func statuses() []int {
	return []int{
		200, 201, 202, 203, 204, 299, 301, 302, 303, 307, 308, 400, 403, 404, 405, 410, 414, 451, 499,
		500, 501, 502, 503, 504, 599,
	}
}

// guessable are the statuses that may be kept without saying so, RFC 9110 §15.1.
func guessable(code int) bool {
	return slices.Contains([]int{200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501}, code)
}

// storingRules are about what may be stored: RFC 9111 §3 and §4.2.2.
func storingRules() []rule {
	var rules []rule
	for _, code := range statuses() {
		n := strconv.Itoa(code)
		rules = append(rules,
			rule{"RFC 9111 §3", "a " + n + " with max-age is reused", may, reused(withLocation(says(hourly).of(code)))},
			rule{"RFC 9111 §3", "a " + n + " with Expires is reused", may, reused(withLocation(says("Expires: {+3600}").of(code)))},
			rule{"RFC 9111 §5.2.2.5", "a " + n + " with no-store is not reused", must, asked(withLocation(says(hourly + ", no-store").of(code)))},
		)
		if bare := withLocation(says().of(code)); code == 404 || code == 410 {
			// §4.2.2 allows a guess: what the only origin lacks is believed for 30 s.
			rules = append(rules, rule{"RFC 9111 §4.2.2", "a " + n + " with neither lifetime nor validator is reused for a moment", may, reused(bare)})
		} else {
			rules = append(rules, rule{"RFC 9111 §3", "a " + n + " with neither lifetime nor validator is not reused", must, asked(bare)})
		}
		guess := withLocation(says("Last-Modified: {-864000}").of(code))
		if guessable(code) {
			rules = append(rules, rule{"RFC 9111 §4.2.2", "a " + n + " that says only when it changed is reused for a while", may, reused(guess)})
		} else {
			rules = append(rules, rule{"RFC 9111 §4.2.2", "a " + n + " gets no lifetime by guess", must, asked(guess)})
		}
	}
	for _, code := range []int{200, 206, 304, 412, 416, 428, 429, 431, 511} {
		if code == 200 {
			continue
		}
		rules = append(rules, rule{
			"RFC 9111 §3", fmt.Sprintf("a %d that nobody asked for is no page", code), must, asked(says(hourly, "Content-Range: bytes 0-3/10").of(code)),
		})
	}
	return append(rules, incompleteRules()...)
}

// incompleteRules are about answers that end early, RFC 9111 §3.3.
func incompleteRules() []rule {
	return []rule{
		{"RFC 9111 §3.3", "an answer that ends before its length is not reused", must, []turn{
			get().gives(says(hourly).shortOf(5000)).broken(), get().gives(says(hourly)).nth(2),
		}},
		{"RFC 9111 §3.3", "chunks that never end are not reused", must, []turn{
			get().gives(says(hourly).inChunks().shortOf(1)).broken(), get().gives(says(hourly)).nth(2),
		}},
		{"RFC 9111 §3.3", "chunks that end are reused", may, reused(says(hourly).inChunks())},
		{"RFC 9111 §3", "an empty page is reused", may, reused(says(hourly).with(""))},
		{"RFC 9111 §3", "a page of a mebibyte is reused", may, reused(says(hourly).with(lorem(1 << 20)))},
		{"RFC 9111 §2", "another query is another page", must, []turn{
			get().under("?a=1").gives(says(hourly)), get().under("?a=2").gives(says(hourly)), get().under("?a=1").hit().first(),
		}},
		{"RFC 9111 §2", "the order of a query's parts tells pages apart", must, []turn{
			get().under("?a=1&b=2").gives(says(hourly)), get().under("?b=2&a=1").gives(says(hourly)).nth(2),
		}},
		{"RFC 9111 §2", "another path is another page", must, []turn{
			get().under("/a").gives(says(hourly)), get().under("/A").gives(says(hourly)).nth(2),
		}},
		{"RFC 9111 §3", "the answer to POST is not given to GET", must, []turn{
			asking("POST").carrying("x").gives(says(hourly)), get().gives(says()).nth(2),
		}},
		{"RFC 9111 §3", "the answer to a method nobody knows is not reused", must, []turn{
			asking("REPORT").gives(says(hourly)), asking("REPORT").gives(says(hourly)).nth(2), get().gives(says()).nth(3),
		}},
		{"RFC 9111 §2", "the answer to OPTIONS is not reused", must, []turn{
			asking("OPTIONS").gives(says(hourly)), asking("OPTIONS").gives(says(hourly)).nth(2),
		}},
	}
}

// lorem is a text of n bytes that compresses.
func lorem(n int) string {
	const sentence = "The harbour master says that the ice will hold until the ferries return in spring. "
	text := make([]byte, 0, n+len(sentence))
	for i := 0; len(text) < n; i++ {
		text = append(strconv.AppendInt(text, int64(i*7919), 36), ' ')
		text = append(text, sentence...)
	}
	return string(text[:n])
}

// sharingRules are about what a shared cache may keep: RFC 9111 §3.5, §5.2.2, §7.3.
func sharingRules() []rule {
	const key = "Authorization: Basic bmV3czpwYXBlcg=="
	rules := []rule{
		{"RFC 9111 §5.2.2.3", "with must-understand, no-store is not for caches that know the status", may, reused(says("Cache-Control: max-age=3600, must-understand, no-store"))},
		{"RFC 9111 §5.2.2.3", "with must-understand, a status that is unknown is not stored", must, asked(says("Cache-Control: max-age=3600, must-understand").of(299))},
		{"RFC 9111 §5.2.2.3", "with must-understand, an unknown 499 is not stored", must, asked(says("Cache-Control: max-age=3600, must-understand").of(499))},
		{"RFC 9111 §5.2.2.4", "no-cache is validated at every use", must, asked(says("Cache-Control: max-age=3600, no-cache"))},
		{"RFC 9111 §5.2.2.4", "no-cache may be stored, and is validated", may, []turn{
			get().gives(says("Cache-Control: max-age=3600, no-cache", `ETag: "1"`)),
			get().gives(reply{code: 304, lines: []string{`ETag: "1"`}}).saw(`If-None-Match: "1"`).first().status(200),
		}},
		{"RFC 9111 §5.2.2.4", `no-cache="x" does not give the field again unvalidated`, must, []turn{
			get().gives(says(`Cache-Control: max-age=3600, no-cache="x-mood"`, "X-Mood: fair")), get().lacks("X-Mood"),
		}},
		{"RFC 9111 §5.2.2.4", `no-cache="x" leaves the rest reusable`, may, reused(says(`Cache-Control: max-age=3600, no-cache="x-mood"`, "X-Mood: fair"))},
		{"RFC 9111 §5.2.2.7", `private="x" does not give the field to others`, must, []turn{
			get().gives(says(`Cache-Control: max-age=3600, private="x-mood, x-other"`, "X-Mood: fair", "X-Other: 1")), get().lacks("X-Mood", "X-Other"),
		}},
		{"RFC 9111 §5.2.2.7", `private="x" leaves the rest reusable`, may, reused(says(`Cache-Control: max-age=3600, private="x-mood"`, "X-Mood: fair"))},
		{"RFC 9111 §3.5", "an answer to credentials is not reused", must, []turn{get(key).gives(says(hourly)), get(key).gives(says()).nth(2)}},
		{"RFC 9111 §3.5", "an answer to credentials is not given to others", must, []turn{get(key).gives(says(hourly)), get().gives(says()).nth(2)}},
		{"RFC 9111 §3.5", "an answer without credentials is not given to who shows some", may, []turn{get().gives(says(hourly)), get(key).gives(says()).nth(2)}},
		{"RFC 9111 §3", "an answer to a request with a cookie is not given to others unless it is released", may, []turn{
			get("Cookie: a=1").gives(says(hourly)), get("Cookie: a=2").gives(says()).nth(2),
		}},
		{"RFC 9111 §3", "an answer to a request with a cookie that is public is given to all", may, []turn{
			get("Cookie: a=1").gives(says("Cache-Control: public, max-age=3600")), get("Cookie: a=2").hit().first(),
		}},
		{"RFC 9111 §4", "readers who come at once cause one request", may, []turn{
			get().atOnce(8).gives(says(hourly).after(500 * time.Millisecond)).first(), get().hit().first(),
		}},
		{"RFC 9111 §4", "readers who come at once for what is private each get their own", must, []turn{
			get().atOnce(4).would(says("Cache-Control: private").after(300 * time.Millisecond)).holds(askedInAll(4)),
		}},
		{"RFC 9111 §5.2.2.5", "the answer with NO-STORE in capitals is not reused", must, asked(says("Cache-Control: max-age=3600, NO-STORE"))},
		{"RFC 9111 §5.2.2.5", "no-store on a line of its own counts", must, asked(says(hourly, "Cache-Control: no-store"))},
		{"RFC 9111 §5.2.2.5", "no-store beside a malformed number counts", must, asked(says("Cache-Control: max-age=x1, no-store, max-age=3600"))},
		{"RFC 9111 §5.2.2.5", "no-store with a value counts", must, asked(says("Cache-Control: no-store=1, max-age=3600"))},
		{"RFC 9111 §5.2.2.7", "private is not reused", must, asked(says("Cache-Control: private, max-age=3600"))},
		{"RFC 9111 §5.2.2.7", "private with s-maxage is not reused", must, asked(says("Cache-Control: private, s-maxage=3600"))},
		{"RFC 9111 §5.2.2.7", "Private in mixed case is not reused", must, asked(says("Cache-Control: pRiVaTe, max-age=3600"))},
		{"RFC 9111 §5.2.2.9", "public makes a lifetime by guess possible for any status", may, reused(says("Cache-Control: public", "Last-Modified: {-864000}").of(299))},
		{"RFC 9111 §7.3", "a cookie with an explicit lifetime is stored and given again", may, []turn{
			get().gives(says(hourly, "Set-Cookie: a=1")), get().hit().first().has("Set-Cookie: a=1"),
		}},
		{"RFC 9111 §7.3", "several cookies are given again, each on its line", may, []turn{
			get().gives(says("Cache-Control: public, max-age=3600", "Set-Cookie: a=1", "Set-Cookie: b=2; Path=/")), get().hit().has("Set-Cookie: a=1, b=2; Path=/"),
		}},
		{"RFC 9111 §7.3", "a cookie without an explicit lifetime is not stored", may, asked(says("Last-Modified: {-864000}", "Set-Cookie: a=1"))},
	}
	for _, d := range []string{"public", "s-maxage=3600", "must-revalidate"} {
		rules = append(rules,
			rule{"RFC 9111 §3.5", d + " releases an answer to credentials", may, []turn{get(key).gives(says(hourly + ", " + d)), get().hit().first()}},
			rule{"RFC 9111 §3.5", d + " allows it for others who show credentials", may, []turn{get(key).gives(says(hourly + ", " + d)), get(key + "x").hit().first()}},
		)
	}
	return rules
}
