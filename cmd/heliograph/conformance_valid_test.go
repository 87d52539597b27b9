package main

import (
	"net/http"
	"strings"
)

// confirms is the 304 with these header lines.
func confirms(lines ...string) reply { return reply{code: http.StatusNotModified, lines: lines} }

// endToEndFields are response fields that a cache keeps and a 304 changes, with a value before and one after.
func endToEndFields() [][3]string {
	return [][3]string{
		{"Test-Header", "a", "b"},
		{"X-Test-Header", "a", "b"},
		{"Content-Foo", "a", "b"},
		{"X-Content-Foo", "a", "b"},
		{"Accept-Ranges", "none", "bytes"},
		{"Access-Control-Allow-Origin", "https://a.example", "*"},
		{"Access-Control-Expose-Headers", "X-A", "X-B"},
		{"Allow", "GET", "GET, HEAD"},
		{"Clear-Site-Data", `"cache"`, `"cookies"`},
		{"Content-Disposition", "inline", "attachment"},
		{"Content-Language", "en", "fa"},
		{"Content-Location", "/a", "/b"},
		{"Content-MD5", "rL0Y20zC+Fzt72VPzMSk2A==", "N7UdGUp1E+RbVvZSTy1R8g=="},
		{"Content-Security-Policy", "default-src 'self'", "default-src *"},
		{"Content-Type", "text/plain;charset=utf-8", "text/plain;charset=us-ascii"},
		{"Cross-Origin-Opener-Policy", "same-origin", "unsafe-none"},
		{"Feature-Policy", "fullscreen 'none'", "fullscreen *"},
		{"Link", "</a>; rel=next", "</b>; rel=next"},
		{"P3P", `CP="a"`, `CP="b"`},
		{"Permissions-Policy", "camera=()", "camera=(self)"},
		{"Public-Key-Pins", "max-age=1", "max-age=2"},
		{"Referrer-Policy", "origin", "no-referrer"},
		{"Refresh", "3600", "7200"},
		{"Retry-After", "60", "120"},
		{"Server", "a/1", "b/2"},
		{"Server-Timing", "a;dur=1", "b;dur=2"},
		{"Set-Cookie", "a=b", "a=c"},
		{"Set-Cookie2", "a=b", "a=c"},
		{"WWW-Authenticate", "Basic realm=a", "Basic realm=b"},
		{"SourceMap", "/a.map", "/b.map"},
		{"Strict-Transport-Security", "max-age=1", "max-age=2"},
		{"Timing-Allow-Origin", "https://a.example", "*"},
		{"X-Content-Type-Options", "nosniff", "none"},
		{"X-Frame-Options", "deny", "sameorigin"},
		{"X-Robots-Tag", "noindex", "all"},
		{"X-XSS-Protection", "1", "0"},
		{"X-Request-Id", "1", "2"},
		{"Content-Digest", "sha-256=:a:", "sha-256=:b:"},
	}
}

// unaskedRules are about a 304 that no condition asked for: RFC 9110 §15.4.5.
func unaskedRules() []rule {
	return []rule{
		{"RFC 9110 §15.4.5", "a 304 that nobody asked for is the origin's fault", may, []turn{
			get().gives(confirms(hourly)).status(502).matches("Proxy-Status", "error=http_protocol_error"),
		}},
		{"RFC 9110 §15.4.5", "a 304 to HEAD that nobody asked for is the origin's fault", may, []turn{
			get().gives(past("must-revalidate")), head().would(confirms(hourly)).status(502).matches("Proxy-Status", "error=http_protocol_error"),
		}},
	}
}

// fieldRules are about which fields are kept and sent on: RFC 9111 §3.1, §3.2, RFC 9110 §7.6.1.
func fieldRules() []rule {
	var rules []rule
	for _, f := range endToEndFields() {
		name, before, after := f[0], f[0]+": "+f[1], f[0]+": "+f[2]
		rules = append(rules,
			rule{"RFC 9111 §3.1", name + " is stored and given again", must, []turn{
				get().gives(says(hourly, before)).has(before), get().hit().has(before),
			}},
			rule{"RFC 9111 §3.2", "a 304 updates " + name, must, []turn{
				get().gives(past().and(`ETag: "1"`, before)), get().gives(confirms(hourly, `ETag: "1"`, after)).status(200).first().has(after), get().hit().first().has(after),
			}},
		)
	}
	tag := `ETag: "1"`
	for _, name := range []string{"Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Connection", "TE", "Upgrade"} {
		rules = append(rules, rule{"RFC 9110 §7.6.1", name + " is neither passed on nor stored", must, []turn{
			get().gives(says(hourly, name+": foo")).lacks(name), get().hit().lacks(name),
		}})
	}
	rules = append(rules,
		rule{"RFC 9110 §7.6.1", "a field that Connection names is neither passed on nor stored", must, []turn{
			get().gives(says(hourly, "Connection: a, b", "A: 1", "B: 2")).lacks("A", "B"), get().hit().lacks("A", "B", "Connection"),
		}},
		rule{"RFC 9110 §7.6.1", "a field that a second Connection line names is not stored", must, []turn{
			get().gives(says(hourly, "Connection: keep-alive", "Connection: a", "A: 1")).lacks("A"), get().hit().lacks("A"),
		}},
		rule{"RFC 9110 §7.6.1", "a field that Connection names beside close is neither passed on nor stored", must, []turn{
			get().gives(says(hourly, "Connection: close, a", "A: 1")).lacks("A"), get().hit().lacks("A"),
		}},
		rule{"RFC 9110 §7.6.1", "a field that Connection names before close is neither passed on nor stored", must, []turn{
			get().gives(says(hourly, "Connection: a, Close", "A: 1")).lacks("A"), get().hit().lacks("A"),
		}},
		rule{"RFC 9110 §7.6.1", "a field that one Connection line names and another closes is neither passed on nor stored", must, []turn{
			get().gives(says(hourly, "Connection: close", "Connection: a", "A: 1")).lacks("A"), get().hit().lacks("A"),
		}},
		rule{"RFC 9110 §7.6.1", "a field that Connection names beside close after an interim answer is not passed on", must, []turn{
			get().gives(says(hourly, "Connection: close, a", "A: 1").hintsFirst("103 Early Hints\nConnection: b")).lacks("A"), get().hit().lacks("A"),
		}},
		rule{"RFC 9110 §7.6.1", "a cookie that Connection names beside close is shared with nobody", must, []turn{
			get().gives(says("Cache-Control: public, max-age=3600", "Connection: close, Set-Cookie", "Set-Cookie: a=1")).lacks("Set-Cookie"), get().would(says()).lacks("Set-Cookie"),
		}},
		rule{"RFC 9110 §7.6.1", "close beside it does not let Connection hide a no-store", must, asked(says(hourly+", no-store", "Connection: close, cache-control"))},
		rule{"RFC 9110 §7.6.1", "a request field that Connection names does not reach the origin", must, []turn{
			get("Connection: a, keep-alive", "A: 1").gives(says()).hid("A"),
		}},
		rule{"RFC 7838 §3", "an Alt-Svc of the origin's own address reaches no reader", may, []turn{
			get().gives(says(hourly, `Alt-Svc: h3=":443"`)).lacks("Alt-Svc"), get().hit().lacks("Alt-Svc"),
		}},
		rule{"RFC 9110 §7.6.1", "Connection cannot hide a no-store", must, asked(says(hourly+", no-store", "Connection: cache-control"))},
		rule{"RFC 9111 §3.2", "a 304 does not update what Connection names", must, []turn{
			get().gives(past().and(tag, "A: 1")), get().gives(confirms(hourly, tag, "Connection: a", "A: 2")).has("A: 1"),
		}},
		rule{"RFC 9111 §3.2", "a 304 does not update what Connection names beside close", must, []turn{
			get().gives(past().and(tag, "A: 1")), get().gives(confirms(hourly, tag, "Connection: close, a", "A: 2")).has("A: 1"),
		}},
		rule{"RFC 9111 §3.2", "a 304 does not change Content-Length", must, []turn{
			get().gives(past().and(tag).with("four")), get().gives(confirms(hourly, tag, "Content-Length: 10")).has("Content-Length: 4").body("four"), get().hit().body("four"),
		}},
		rule{"RFC 9111 §3.2", "a 304 does not make an identity page a coded one", must, []turn{
			get().gives(past().and(tag)), get().gives(confirms(hourly, tag, "Content-Encoding: gzip")).lacks("Content-Encoding").first(),
		}},
		rule{"RFC 9111 §3.2", "a 304 does not make a page a part", must, []turn{
			get().gives(past().and(tag)), get().gives(confirms(hourly, tag, "Content-Range: bytes 0-1/2")).lacks("Content-Range").first(), get().hit().lacks("Content-Range").status(200),
		}},
		rule{"RFC 9111 §3.2", "a 304 adds fields that were not there", must, []turn{
			get().gives(past().and(tag)), get().gives(confirms(hourly, tag, "X-New: 1")).has("X-New: 1"), get().hit().has("X-New: 1"),
		}},
		rule{"RFC 9111 §3.2", "a 304 leaves fields that it does not have", must, []turn{
			get().gives(past().and(tag, "X-Old: 1")), get().gives(confirms(hourly, tag)).has("X-Old: 1"), get().hit().has("X-Old: 1"),
		}},
		rule{"RFC 9111 §3.2", "a 304 replaces all lines of a field", must, []turn{
			get().gives(past().and(tag, "X-A: 1", "X-A: 2")), get().gives(confirms(hourly, tag, "X-A: 3")).has("X-A: 3"), get().hit().has("X-A: 3"),
		}},
		rule{"RFC 9110 §5.3", "several lines of a field stay in order", must, []turn{
			get().gives(says(hourly, "X-A: 1", "X-A: 2, 3", "X-A: 4")).has("X-A: 1, 2, 3, 4"), get().hit().has("X-A: 1, 2, 3, 4"),
		}},
		rule{"RFC 9111 §5.5", "the edge makes no Warning of a stale page", must, []turn{
			get().gives(past()), get().gives(says().of(503)).first().lacks("Warning"),
		}},
		rule{"RFC 9110 §7.6.3", "an answer names the edge in Via, fetched and stored", must, []turn{
			get().gives(says(hourly)).matches("Via", `^1\.1 \S+$`), get().hit().matches("Via", `^1\.1 \S+$`),
		}},
		rule{"RFC 9110 §7.6.3", "Via is appended to the origin's", must, []turn{
			get().gives(says(hourly, "Via: 1.0 inner")).matches("Via", `^1\.0 inner, 1\.1 \S+$`), get().hit().matches("Via", `^1\.0 inner, 1\.1 \S+$`),
		}},
		rule{"RFC 9110 §7.6.3", "a request names the edge in Via", must, []turn{
			get().gives(says()).holds(sawField("Via", `\b1\.1 \S+$`)),
		}},
		rule{"RFC 9110 §6.5", "a trailer is not merged into the stored header", must, []turn{
			get().gives(func() reply { r := says(hourly).inChunks(); r.trailer = "X-Sum: 1"; return r }()), get().hit().first().lacks("X-Sum"),
		}},
	)
	return rules
}

// validationRules are about asking whether a page still holds: RFC 9111 §4.3.
func validationRules() []rule {
	tag, modified := `ETag: "abc"`, "Last-Modified: Tue, 04 Feb 2025 10:00:00 GMT"
	yes := confirms(hourly, tag)
	return []rule{
		{"RFC 9111 §4.3.1", "a strong tag is sent in If-None-Match", may, []turn{get().gives(past().and(tag)), get().gives(yes).saw(`If-None-Match: "abc"`).first().status(200), get().hit().first()}},
		{"RFC 9111 §4.3.1", "a weak tag is sent in If-None-Match", may, []turn{get().gives(past().and(`ETag: W/"abc"`)), get().gives(confirms(hourly, `ETag: W/"abc"`)).saw(`If-None-Match: W/"abc"`).first(), get().hit().first()}},
		{"RFC 9111 §4.3.1", "Last-Modified is sent in If-Modified-Since", may, []turn{
			get().gives(past().and(modified)), get().gives(confirms(hourly)).saw("If-Modified-Since: Tue, 04 Feb 2025 10:00:00 GMT").first(), get().hit().first(),
		}},
		{"RFC 9111 §4.3.1", "a page with both is validated by both", must, []turn{
			get().gives(past().and(tag, modified)), get().gives(yes).saw(`If-None-Match: "abc"`, "If-Modified-Since: Tue, 04 Feb 2025 10:00:00 GMT").first(),
		}},
		{"RFC 9111 §4.3.1", "a page without validators is fetched without conditions", must, []turn{get().gives(past()), get().gives(says()).hid("If-None-Match", "If-Modified-Since").nth(2)}},
		{"RFC 9111 §4.3.1", "the reader's own tag is not mixed with the cache's", must, []turn{
			get().gives(past().and(tag)), get(`If-None-Match: "zzz"`).gives(yes).status(200).first(),
		}},
		{"RFC 9111 §4.3.1", "a reader who has the page gets a 304 after it was validated", may, []turn{
			get().gives(past().and(tag)), get(`If-None-Match: "abc"`).gives(yes).status(304),
		}},
		{"RFC 9111 §4.3.3", "a full answer to a validation is used and replaces the page", must, []turn{
			get().gives(past().and(tag)), get().gives(says(hourly, `ETag: "def"`)).nth(2), get().hit().nth(2).has(`ETag: "def"`),
		}},
		{"RFC 9111 §4.3.3", "a full answer that may not be stored leaves nothing of the page", must, []turn{
			get().gives(past().and(tag)), get().gives(says("Cache-Control: no-store")).nth(2), get().gives(says()).nth(3),
		}},
		{"RFC 9111 §4.3.4", "a 304 without validators is about the page asked about", must, []turn{get().gives(past().and(tag)), get().gives(confirms(hourly)).first().status(200), get().hit().first()}},
		{"RFC 9111 §4.3.4", "a 304 of another strong tag does not update the page", must, []turn{
			get().gives(past().and(tag, "X-A: 1")), get().would(confirms(hourly, `ETag: "other"`, "X-A: 2")).holds(notUpdated),
		}},
		{"RFC 9111 §4.3.4", "a 304 makes the page fresh for as long as it says", must, []turn{
			get().gives(past().and(tag)), get().gives(confirms("Cache-Control: max-age=7200", "Age: 3700", tag)).first(), get().hit().first().aged(3700),
		}},
		{"RFC 9111 §4.3.4", "a 304 that says no more leaves the page's own lifetime, anew", must, []turn{
			get().gives(past().and(tag)), get().gives(confirms(tag)).first(), get().hit().first().aged(0),
		}},
		{"RFC 9111 §4.3.4", "a 304 that makes it private ends the page", must, []turn{
			get().gives(past().and(tag)), get().gives(confirms("Cache-Control: private, max-age=3600", tag)).first(), get().gives(says()).nth(3),
		}},
		{"RFC 9111 §4.3.4", "a 304 that says no-store ends the page", must, []turn{
			get().gives(past().and(tag)), get().gives(confirms("Cache-Control: no-store", tag)).first(), get().gives(says()).nth(3),
		}},
		{"RFC 9111 §4.3.4", "a 304 that says no-cache has the page validated again", must, []turn{
			get().gives(past().and(tag)), get().gives(confirms("Cache-Control: no-cache, max-age=3600", tag)).first(), get().gives(confirms(tag)).saw(`If-None-Match: "abc"`).first(),
		}},
		{"RFC 9111 §4.3.4", "a 304 updates Date", must, []turn{
			get().gives(past().and(tag, "Date: {-7200}")), get().gives(confirms(hourly, tag)).first().dated(2), get().hit().dated(2).aged(0),
		}},
		{"RFC 9111 §4.3.4", "a 304 updates Expires", must, []turn{
			get().gives(says("Expires: {-3600}", tag)), get().gives(confirms("Expires: {+3600}", tag)).first(), get().hit().first(),
		}},
		{"RFC 9111 §4.3.4", "a 404 is validated by its tag as well", may, []turn{
			get().gives(past().and(tag).of(404)), get().gives(confirms(hourly, tag)).saw(`If-None-Match: "abc"`).status(404).first(),
		}},
	}
}

// notUpdated holds for the page as it was, or as fetched anew, but not for one made of both.
func notUpdated(g *got) error {
	if g.StatusCode == 200 && strings.Join(g.Header.Values("X-A"), "") == "2" {
		return errMixed
	}
	return nil
}

// conditionRules are about the reader's own conditions: RFC 9111 §4.3.2, RFC 9110 §13.
func conditionRules() []rule {
	const modified = "Last-Modified: Tue, 04 Feb 2025 10:00:00 GMT"
	page := says(hourly, `ETag: "abc"`, modified)
	var rules []rule
	for _, c := range []struct {
		name    string
		freedom freedom
		page    reply
		line    string
		status  int
	}{
		{"the page's tag", may, page, `If-None-Match: "abc"`, 304},
		{"the page's tag, weakened", may, page, `If-None-Match: W/"abc"`, 304},
		{"the page's weak tag, strong", may, says(hourly, `ETag: W/"abc"`), `If-None-Match: "abc"`, 304},
		{"a list with the tag at its end", may, page, `If-None-Match: "x", W/"y", "abc"`, 304},
		{"a list without spaces", may, page, `If-None-Match: "x","abc","y"`, 304},
		{"a list of tags that hold commas", may, page, `If-None-Match: "x, \"abc\"", "abc"`, 304},
		{"any tag", may, page, `If-None-Match: *`, 304},
		{"another tag", must, page, `If-None-Match: "abd"`, 200},
		{"a tag of another case", must, page, `If-None-Match: "ABC"`, 200},
		{"a tag that begins with it", must, page, `If-None-Match: "abcd"`, 200},
		{"the tag within another's text", must, page, `If-None-Match: "x, abc, y"`, 200},
		{"the page's own date", may, page, "If-Modified-Since: Tue, 04 Feb 2025 10:00:00 GMT", 304},
		{"a later date", may, page, "If-Modified-Since: Wed, 05 Feb 2025 10:00:00 GMT", 304},
		{"an earlier date", must, page, "If-Modified-Since: Mon, 03 Feb 2025 10:00:00 GMT", 200},
		{"its date as RFC 850 wrote it", may, page, "If-Modified-Since: Tuesday, 04-Feb-25 10:00:00 GMT", 304},
		{"its date as asctime() writes it", may, page, "If-Modified-Since: Tue Feb  4 10:00:00 2025", 304},
		{"a date that is none", must, page, "If-Modified-Since: whenever", 200},
		{"a date after Date, of a page without Last-Modified", may, says(hourly), "If-Modified-Since: {+60}", 304},
		{"a date before Date, of a page without Last-Modified", may, says(hourly), "If-Modified-Since: {-3600}", 200},
		{"If-Match with its tag", may, page, `If-Match: "abc"`, 200},
		{"If-Match with any tag", may, page, `If-Match: *`, 200},
	} {
		rules = append(rules, rule{"RFC 9111 §4.3.2", "a reader with " + c.name + " gets a " + http.StatusText(c.status), c.freedom, []turn{
			get().gives(c.page), get(c.line).hit().status(c.status),
		}})
	}
	return append(rules,
		rule{"RFC 9110 §13.2.2", "If-None-Match goes before If-Modified-Since", must, []turn{
			get().gives(page), get(`If-None-Match: "x"`, "If-Modified-Since: Wed, 05 Feb 2025 10:00:00 GMT").silent().status(200),
		}},
		rule{"RFC 9110 §13.2.2", "If-Match goes before If-Unmodified-Since", must, []turn{
			get().gives(page), get(`If-Match: "abc"`, "If-Unmodified-Since: Mon, 03 Feb 2025 10:00:00 GMT").silent().status(200),
		}},
		rule{"RFC 9110 §13.1.1", "If-Match with another tag does not get the page", must, []turn{get().gives(page), get(`If-Match: "x"`).would(says().of(412)).status(412)}},
		rule{"RFC 9110 §13.1.1", "If-Match compares strongly", must, []turn{get().gives(says(hourly, `ETag: W/"abc"`)), get(`If-Match: W/"abc"`).would(says().of(412)).status(412)}},
		rule{"RFC 9110 §15.4.5", "a 304 has the fields that it must have", must, []turn{
			get().gives(page.and("Content-Location: /a", "Vary: X-A", "Expires: {+3600}")),
			get(`If-None-Match: "abc"`).silent().status(304).body("").has(hourly, `ETag: "abc"`, "Content-Location: /a").matches("Vary", `\bX-A\b`).matches("Expires", "GMT").dated(1),
		}},
		rule{"RFC 9110 §15.4.5", "a 304 has no fields of the body", may, []turn{
			get().gives(page), get(`If-None-Match: "abc"`).silent().status(304).lacks("Content-Type", "Content-Encoding", "Content-Length"),
		}},
		rule{"RFC 9111 §4.3.2", "a condition with nothing stored is the origin's to judge", must, []turn{
			get(`If-None-Match: "abc"`).gives(confirms(`ETag: "abc"`)).saw(`If-None-Match: "abc"`).status(304),
		}},
		rule{"RFC 9111 §4.3.2", "a date with nothing stored is the origin's to judge", must, []turn{
			get("If-Modified-Since: Tue, 04 Feb 2025 10:00:00 GMT").gives(confirms()).saw("If-Modified-Since: Tue, 04 Feb 2025 10:00:00 GMT").status(304),
		}},
		rule{"RFC 9111 §4.3.2", "an unquoted tag with nothing stored reaches the origin as it is", may, []turn{
			get(`If-None-Match: abc`).gives(says(hourly, `ETag: abc`)).saw(`If-None-Match: abc`).status(200, 304),
		}},
		rule{"RFC 9111 §4.3.2", "If-Match with nothing stored is the origin's to judge", must, []turn{
			get(`If-Match: "abc"`).gives(says().of(412)).saw(`If-Match: "abc"`).status(412),
		}},
		rule{"RFC 9111 §4.3.2", "the full answer to a condition is stored", may, []turn{get(`If-None-Match: "x"`).gives(page).status(200), get().hit().first()}},
		rule{"RFC 9111 §4.3.2", "the 304 to a condition is not stored as a page", must, []turn{
			get(`If-None-Match: "abc"`).gives(confirms(hourly, `ETag: "abc"`)).status(304), get().gives(says()).nth(2),
		}},
		rule{"RFC 9110 §13.2.1", "a condition about a stored 404 is ignored", must, []turn{
			get().gives(page.of(404)), get(`If-None-Match: "abc"`).silent().status(404),
		}},
		rule{"RFC 9111 §4.3.2", "a page with an unquoted tag is matched by that very text", may, []turn{
			get().gives(says(hourly, "ETag: abc")), get("If-None-Match: abc").silent().status(304),
		}},
	)
}
