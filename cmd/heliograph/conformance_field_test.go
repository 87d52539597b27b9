package main

import "fmt"

// targetedRules are about CDN-Cache-Control: RFC 9213.
func targetedRules() []rule {
	reusedIf := func(name string, freedom freedom, lines ...string) rule {
		return rule{"RFC 9213 §2.2", name + ": reused", freedom, reused(says(lines...))}
	}
	askedIf := func(name string, lines ...string) rule {
		return rule{"RFC 9213 §2.2", name + ": not reused", must, asked(says(lines...))}
	}
	const cdn = "CDN-Cache-Control: "
	return append([]rule{
		reusedIf("max-age alone", may, cdn+"max-age=3600"),
		reusedIf("max-age before Cache-Control: max-age=0", must, cdn+"max-age=3600", "Cache-Control: max-age=0"),
		reusedIf("max-age before Cache-Control: no-cache", must, cdn+"max-age=3600", "Cache-Control: no-cache"),
		reusedIf("max-age before Cache-Control: no-store", must, cdn+"max-age=3600", "Cache-Control: no-store"),
		reusedIf("max-age before Cache-Control: private", may, cdn+"max-age=3600", "Cache-Control: private"),
		reusedIf("max-age before an Expires that is over", must, cdn+"max-age=3600", "Expires: {-3600}"),
		reusedIf("max-age before Expires: 0", must, cdn+"max-age=3600", "Expires: 0"),
		reusedIf("s-maxage before s-maxage=0", may, cdn+"s-maxage=3600", "Cache-Control: s-maxage=0"),
		reusedIf("an unknown member beside it", may, cdn+"foo, max-age=3600, bar=(1 2)"),
		reusedIf("parameters of it", may, cdn+"max-age=3600;foo=bar"),
		reusedIf("two lines of it", may, cdn+"foo=1", cdn+"max-age=3600"),
		reusedIf("the last of two max-age counts", may, cdn+"max-age=0, max-age=3600"),
		reusedIf("the field's name in small letters", may, "cdn-cache-control: max-age=3600", "Cache-Control: max-age=0"),
		reusedIf("an unparsable one before Cache-Control", must, cdn+"max-age=3600, ==", hourly),
		reusedIf("an unparsable no-store before Cache-Control", must, cdn+"no-store, =", hourly),
		reusedIf("an empty one before Cache-Control", must, cdn, hourly),
		reusedIf("a comma too many makes it unparsable", must, cdn+"no-store,", hourly),
		reusedIf("no-store=?0 is no no-store", may, cdn+"no-store=?0, max-age=3600"),
		askedIf("no-store before Cache-Control: max-age", cdn+"no-store", hourly),
		askedIf("no-store before max-age of its own", cdn+"no-store, max-age=3600", hourly),
		askedIf("max-age, then no-store", cdn+"max-age=3600, no-store", hourly),
		askedIf("no-cache before Cache-Control: max-age", cdn+"no-cache", hourly),
		askedIf("no-cache and max-age", cdn+"no-cache, max-age=3600", hourly),
		askedIf("private before Cache-Control: max-age", cdn+"private, max-age=3600", hourly),
		askedIf("max-age=0 before Cache-Control: max-age", cdn+"max-age=0", hourly),
		askedIf("max-age=0 before an Expires to come", cdn+"max-age=0", "Expires: {+3600}"),
		askedIf("an Age beyond its max-age", cdn+"max-age=3600", "Cache-Control: max-age=9000", old),
		askedIf("a Date beyond its max-age", cdn+"max-age=3600", "Cache-Control: max-age=9000", "Date: {-7200}"),
		askedIf("an unparsable one before Cache-Control: no-store", cdn+"max-age=3600, ==", "Cache-Control: no-store"),
		askedIf("max-age in quotes is of the wrong type", cdn+`max-age="3600"`, "Cache-Control: max-age=0"),
		askedIf("max-age as a decimal is of the wrong type", cdn+"max-age=3600.0", "Cache-Control: max-age=0"),
		askedIf("max-age as a token is of the wrong type", cdn+"max-age=abc", "Cache-Control: max-age=0"),
		askedIf("max-age without a value is of the wrong type", cdn+"max-age", "Cache-Control: max-age=0"),
		askedIf("max-age in a list is of the wrong type", cdn+"max-age=(3600)", "Cache-Control: max-age=0"),
		askedIf("a negative max-age", cdn+"max-age=-3600", "Cache-Control: max-age=0"),
		askedIf("a negative max-age before Cache-Control: max-age", cdn+"max-age=-3600", hourly),
		askedIf("a negative s-maxage before Cache-Control: max-age", cdn+"max-age=3600, s-maxage=-1", hourly),
		reusedIf("no-store beside a value of the wrong type is ignored", must, cdn+`no-store, max-age="3600"`, hourly),
		askedIf("a value of the wrong type lifts no no-store", cdn+"max-age=3600, s-maxage=x", "Cache-Control: no-store"),
		askedIf("MAX-AGE in capitals is no key of a dictionary", cdn+"MAX-AGE=3600", "Cache-Control: max-age=0"),
		askedIf("a space before = is no dictionary", cdn+"max-age =3600", "Cache-Control: max-age=0"),
		askedIf("a field of another cache's name", "Other-Cache-Control: max-age=3600", "Cache-Control: max-age=0"),
	},
		rule{"RFC 9213 §2.1", "the field is passed on, fetched and stored", may, []turn{
			get().gives(says(cdn+"max-age=3600", "Cache-Control: max-age=60")).has(cdn+"max-age=3600", "Cache-Control: max-age=60"), get().hit().has(cdn+"max-age=3600", "Cache-Control: max-age=60"),
		}},
		rule{"RFC 9213 §2.2", "its Age is told", must, []turn{get().gives(says(cdn+"max-age=3600", "Age: 1800")), get().hit().aged(1800)}},
		rule{"RFC 9213 §2.2", "its must-revalidate forbids a stale page", must, []turn{
			get().gives(says(cdn+"max-age=3600, must-revalidate", old)), get().gives(says().of(503)).status(503),
		}},
		rule{"RFC 9213 §2.2", "its stale-while-revalidate counts", may, []turn{
			get().gives(says(cdn+"max-age=3600, stale-while-revalidate=7200", old)), get().would(says(cdn + "max-age=3600").with("new")).first(),
			get().would(says(cdn + "max-age=3600").with("new")).becomes("new"),
		}},
		rule{"RFC 9213 §2.2", "a 304 may change it", must, []turn{
			get().gives(says(cdn+"max-age=3600", old, `ETag: "1"`)), get().gives(confirms(cdn+"max-age=9000", "Age: 3700", `ETag: "1"`)).first(), get().hit().first().aged(3700),
		}},
	)
}

// groupRules are about Cache-Groups: RFC 9875.
func groupRules() []rule {
	in := func(groups string) reply { return says(hourly, "Cache-Groups: "+groups) }
	gone := func(groups, invalidation string) []turn {
		return []turn{
			get().under("/a").gives(in(groups)), asking("POST").under("/b").gives(says("Cache-Group-Invalidation: " + invalidation)), get().under("/a").gives(says()).nth(3),
		}
	}
	kept := func(groups, invalidation string) []turn {
		return []turn{
			get().under("/a").gives(in(groups)), asking("POST").under("/b").gives(says("Cache-Group-Invalidation: " + invalidation)), get().under("/a").hit().first(),
		}
	}
	// Groups are the site's, so each rule has one of its own.
	return []rule{
		{"RFC 9875 §3", "the group that is named goes", may, gone(`"{path}"`, `"{path}"`)},
		{"RFC 9875 §3", "one of a page's groups is enough", may, gone(`"x-{path}", "{path}"`, `"{path}"`)},
		{"RFC 9875 §3", "one of several groups that are named is enough", may, gone(`"{path}"`, `"y-{path}", "{path}"`)},
		{"RFC 9875 §2", "groups on two lines count", may, []turn{
			get().under("/a").gives(in(`"x-{path}"`).and(`Cache-Groups: "{path}"`)), asking("POST").under("/b").gives(says(`Cache-Group-Invalidation: "{path}"`)), get().under("/a").gives(says()).nth(3),
		}},
		{"RFC 9875 §2", "a parameter of a group means nothing", may, gone(`"{path}";x=1`, `"{path}";y=2`)},
		{"RFC 9875 §3", "another group stays", must, kept(`"{path}"`, `"x-{path}"`)},
		{"RFC 9875 §2", "a group of another case is another", must, kept(`"a-{path}"`, `"A-{path}"`)},
		{"RFC 9875 §2", "a token is no group", must, kept(`"a-{path}"`, `a-{path}`)},
		{"RFC 9875 §3", "an invalidation that cannot be parsed is none", must, kept(`"{path}"`, `"{path}`)},
		{"RFC 9875 §3", "an invalidation in answer to GET means nothing", must, []turn{
			get().under("/a").gives(in(`"{path}"`)), get().under("/b").gives(says(hourly, `Cache-Group-Invalidation: "{path}"`)), get().under("/a").hit().first(),
		}},
		{"RFC 9875 §2.2", "what invalidates one page of a group leaves the others", must, []turn{
			get().under("/a").gives(in(`"{path}"`)), get().under("/b").gives(in(`"{path}"`)), asking("POST").under("/b").gives(says()), get().under("/a").hit().first(),
		}},
		{"RFC 9875 §3", "pages without groups stay", must, []turn{
			get().under("/a").gives(says(hourly)), asking("POST").under("/b").gives(says(`Cache-Group-Invalidation: "{path}"`)), get().under("/a").hit().first(),
		}},
		{"RFC 9875 §3", "two pages of a group both go", may, []turn{
			get().under("/a").gives(in(`"{path}"`)), get().under("/c").gives(in(`"{path}"`)), asking("PUT").under("/b").gives(says(`Cache-Group-Invalidation: "{path}"`)),
			get().under("/a").gives(says()).nth(4), get().under("/c").gives(says()).nth(5),
		}},
		{"RFC 9875 §2", "Cache-Groups is given again", may, []turn{get().gives(in(`"{path}"`)).has(`Cache-Groups: "{path}"`), get().hit().has(`Cache-Groups: "{path}"`)}},
	}
}

// searchRules are about No-Vary-Search.
func searchRules() []rule {
	nvs := func(value string) reply { return says(hourly, "No-Vary-Search: "+value) }
	same := func(value, first, second string) []turn {
		return []turn{get().under(first).gives(nvs(value)), get().under(second).hit().first()}
	}
	other := func(value, first, second string) []turn {
		return []turn{get().under(first).gives(nvs(value)), get().under(second).gives(says(hourly)).nth(2)}
	}
	const section = "No-Vary-Search"
	return []rule{
		{section, "key-order makes the order of parts mean nothing", may, same("key-order", "?a=1&b=2", "?b=2&a=1")},
		{section, "without key-order the order means something", must, other(`params=("c")`, "?a=1&b=2", "?b=2&a=1")},
		{section, "key-order leaves the order of the same key's values", must, other("key-order", "?a=1&a=2", "?a=2&a=1")},
		{section, "params makes all of the query mean nothing", may, same("params", "?a=1", "?b=2")},
		{section, "params makes no query mean the same", may, same("params", "?a=1", "")},
		{section, "a list of params names what means nothing", may, same(`params=("a")`, "?a=1&b=2", "?a=3&b=2")},
		{section, "a list of params leaves the others", must, other(`params=("a")`, "?a=1&b=2", "?a=1&b=3")},
		{section, "except keeps what it names", must, other(`params, except=("b")`, "?b=2", "?b=3")},
		{section, "except leaves the rest to mean nothing", may, same(`params, except=("b")`, "?a=1&b=2", "?a=3&b=2")},
		{section, "names are compared decoded", may, same(`params=("a b")`, "?a+b=1", "?a%20b=2")},
		{section, "what cannot be parsed is as if it was not there", must, other(`params=("a`, "?a=1", "?a=2")},
		{section, "except without params is invalid", must, other(`except=("b")`, "?a=1", "?a=2")},
		{section, "params of a wrong type is invalid", must, other(`params="a"`, "?a=1", "?a=2")},
		{section, "key-order of a wrong type is invalid", must, other(`key-order=1`, "?a=1&b=2", "?b=2&a=1")},
		{section, "params=?0 is as if it was not there", must, other("params=?0", "?a=1", "?a=2")},
		{section, "an invalidation of the page ends it for all its targets", must, []turn{
			get().under("?a=1").gives(nvs("params")), asking("POST").under("?a=1").gives(says()), get().under("?a=2").gives(says()).nth(3),
		}},
		{section, "Vary holds as well", must, []turn{
			get("Foo: 1").under("?a=1").gives(nvs("params").and("Vary: Foo")), get("Foo: 2").under("?a=2").gives(says()).nth(2),
		}},
		{section, "the path still means something", must, []turn{get().under("/a?a=1").gives(nvs("params")), get().under("/b?a=1").gives(says()).nth(2)}},
	}
}

// codingRules are about compression at the edge: RFC 9110 §8.4, §8.8.1, §12.5.3, RFC 9111 §5.2.2.6.
func codingRules() []rule {
	text := lorem(20000)
	page := says(hourly, "Content-Type: text/html", `ETag: "abc"`).with(text)
	var rules []rule
	for _, coding := range []string{"gzip", "br", "zstd"} {
		weak := `ETag: W/"abc"`
		rules = append(rules,
			rule{"RFC 9110 §12.5.3", "a reader who takes " + coding + " gets it", may, []turn{
				get().gives(page).body(text), get("Accept-Encoding: "+coding).hit().coded(coding, text).matches("Vary", "(?i)accept-encoding"),
			}},
			rule{"RFC 9110 §8.8.1", "the tag of a page coded as " + coding + " is weak", must, []turn{
				get().gives(page), get("Accept-Encoding: " + coding).hit().holds(codedHasWeakTag(`W/"abc"`)),
			}},
			rule{"RFC 9111 §4.3.2", "the weak tag of " + coding + " gets a 304", may, []turn{
				get().gives(page), get("Accept-Encoding: "+coding, "If-None-Match: "+weak[6:]).hit().status(304),
			}},
			rule{"RFC 9110 §12.5.3", coding + ";q=0 is respected", must, []turn{
				get().gives(page), get("Accept-Encoding: " + coding + ";q=0, identity").hit().body(text).lacks("Content-Encoding"),
			}},
			rule{"RFC 9110 §14.2", "a range of a page is one of its identity, or names its coding, for who takes " + coding, must, []turn{
				get().gives(page), get("Accept-Encoding: "+coding, "Range: bytes=0-9").silent().holds(partOfIdentity(text[:10])),
			}},
		)
	}
	gzipped := packed(text)
	return append(rules,
		rule{"RFC 9110 §12.5.3", "for a reader without gzip the origin is asked for identity, once", may, []turn{
			get().gives(says("Cache-Control: max-age=3600, no-transform").with(text)).holds(sawField("Accept-Encoding", "^identity$")).body(text),
		}},
		rule{"RFC 9110 §12.5.3", "an origin that gives gzip all the same is not asked again", may, []turn{
			get().gives(says("Cache-Control: max-age=3600, no-transform", "Content-Encoding: gzip").with(gzipped)).body(gzipped).has("Content-Encoding: gzip"),
		}},
		rule{"RFC 9110 §9.3.2", "HEAD keeps a Content-Encoding that GET keeps", must, []turn{
			get().gives(past().and("Content-Encoding: gzip", `ETag: "1"`).with("plain text")).body("plain text").has("Content-Encoding: gzip"),
			head().gives(says(hourly, "Content-Encoding: gzip", `ETag: "1"`).with("plain text")).has("Content-Encoding: gzip"),
		}},
		rule{"RFC 9110 §12.5.3", "a reader who says nothing gets identity", may, []turn{get("Accept-Encoding: gzip").gives(page), get().hit().body(text).lacks("Content-Encoding")}},
		rule{"RFC 9110 §12.5.3", "a reader who takes identity alone gets it", must, []turn{get("Accept-Encoding: gzip").gives(page), get("Accept-Encoding: identity").hit().body(text).lacks("Content-Encoding")}},
		rule{"RFC 9110 §12.5.3", "an empty Accept-Encoding gets identity", must, []turn{get("Accept-Encoding: gzip").gives(page), get("Accept-Encoding: ").hit().body(text).lacks("Content-Encoding")}},
		rule{"RFC 9110 §12.5.3", "the coding that is wanted most is given", may, []turn{get().gives(page), get("Accept-Encoding: br;q=0.5, gzip;q=1").hit().coded("gzip", text)}},
		rule{"RFC 9110 §12.5.3", "an unknown coding gets identity", must, []turn{get().gives(page), get("Accept-Encoding: foo").hit().body(text).lacks("Content-Encoding")}},
		rule{"RFC 9110 §12.5.3", "* takes any coding", may, []turn{get().gives(page), get("Accept-Encoding: *").hit().holds(decodesTo(text))}},
		rule{"RFC 9110 §8.4", "what the origin sends as gzip is read by who takes identity alone", must, []turn{
			get("Accept-Encoding: gzip").gives(says(hourly, "Content-Type: text/html", "Content-Encoding: gzip", "Vary: Accept-Encoding").with(gzipped)).holds(decodesTo(text)),
			get("Accept-Encoding: identity").would(says(hourly, "Content-Type: text/html").with(text)).body(text).lacks("Content-Encoding"),
		}},
		rule{"RFC 9110 §8.4", "what the origin sends as gzip is stored once for all", may, []turn{
			get("Accept-Encoding: gzip").gives(says(hourly, "Content-Type: text/html", "Content-Encoding: gzip", "Vary: Accept-Encoding", `ETag: "abc"`).with(gzipped)).holds(decodesTo(text)),
			get().hit().body(text).lacks("Content-Encoding"), get("Accept-Encoding: br").hit().coded("br", text), get("Accept-Encoding: gzip").hit().coded("gzip", text),
		}},
		rule{"RFC 9110 §8.4", "what came as gzip is validated by the origin's tag", must, []turn{
			get("Accept-Encoding: gzip").gives(past().and("Content-Type: text/html", "Content-Encoding: gzip", "Vary: Accept-Encoding", `ETag: "abc"`).with(gzipped)),
			get("Accept-Encoding: gzip").gives(confirms(hourly, `ETag: "abc"`)).saw(`If-None-Match: "abc"`).holds(decodesTo(text)), get("Accept-Encoding: gzip").hit().holds(decodesTo(text)),
		}},
		rule{"RFC 9111 §5.2.2.6", "no-transform leaves identity as it is", must, []turn{
			get().gives(says("Cache-Control: max-age=3600, no-transform", "Content-Type: text/html", `ETag: "abc"`).with(text)),
			get("Accept-Encoding: gzip, br").hit().body(text).lacks("Content-Encoding").has(`ETag: "abc"`),
		}},
		rule{"RFC 9111 §5.2.2.6", "no-transform leaves gzip as it is", must, []turn{
			get("Accept-Encoding: gzip").gives(says("Cache-Control: max-age=3600, no-transform", "Content-Type: text/html", "Content-Encoding: gzip", "Vary: Accept-Encoding", `ETag: "abc"`).with(gzipped)).body(gzipped).has("Content-Encoding: gzip", `ETag: "abc"`),
			get("Accept-Encoding: gzip").hit().body(gzipped).has("Content-Encoding: gzip", `ETag: "abc"`),
		}},
		rule{"RFC 9111 §5.2.1.6", "a reader's no-transform gets identity as it is", may, []turn{
			get().gives(page), get("Accept-Encoding: gzip", "Cache-Control: no-transform").hit().body(text).lacks("Content-Encoding"),
		}},
		rule{"RFC 9110 §8.4", "a small page is left alone", may, []turn{get().gives(page.with("<p>small</p>")), get("Accept-Encoding: gzip").hit().body("<p>small</p>").lacks("Content-Encoding")}},
		rule{"RFC 9110 §8.4", "a picture is left alone", may, []turn{
			get().gives(says(hourly, "Content-Type: image/jpeg").with(text)), get("Accept-Encoding: gzip").hit().body(text).lacks("Content-Encoding").lacks("Vary"),
		}},
		rule{"RFC 9110 §8.8.3", "identity keeps its strong tag", may, []turn{get().gives(page).has(`ETag: "abc"`), get().hit().has(`ETag: "abc"`)}},
		rule{"RFC 9110 §9.3.2", "HEAD of a coded page has the fields of GET", may, []turn{
			get().gives(page), get("Accept-Encoding: gzip").hit().coded("gzip", text), head("Accept-Encoding: gzip").hit().has("Content-Encoding: gzip"),
		}},
	)
}

// statusRules are about what the edge says it did: RFC 9211.
func statusRules() []rule {
	says1 := func(expression string) check {
		return func(g *got) error { return matchStatus(g, expression) }
	}
	f := says(hourly)
	var rules []rule
	for _, c := range []struct {
		section, name, expression string
		play                      []turn
	}{
		{"RFC 9211 §2.1", "a hit says hit and its ttl", `heliograph; hit; ttl=35\d\d|heliograph; hit; ttl=3600`, []turn{get().gives(f), get().hit()}},
		{"RFC 9211 §2.2", "a first request says uri-miss", `heliograph; fwd=uri-miss\b`, []turn{get().gives(f)}},
		{"RFC 9211 §2.2", "another variant says vary-miss", `heliograph; fwd=vary-miss\b`, []turn{get("A: 1").gives(f.and("Vary: A")), get("A: 2").gives(f.and("Vary: A"))}},
		{"RFC 9211 §2.2", "a stale page says stale", `heliograph; fwd=stale\b.*fwd-status=200`, []turn{get().gives(past()), get().gives(f)}},
		{"RFC 9211 §2.2", "a reader's no-cache says request", `heliograph; fwd=request\b`, []turn{get().gives(f), get("Cache-Control: no-cache").gives(f)}},
		{"RFC 9211 §2.2", "a POST says method", `heliograph; fwd=method\b`, []turn{asking("POST").gives(says())}},
		{"RFC 9211 §2.3", "a validation tells the origin's status", `fwd-status=304`, []turn{get().gives(past().and(`ETag: "1"`)), get().gives(confirms(hourly, `ETag: "1"`))}},
		{"RFC 9211 §2.3", "a failure that a page stands in for tells its status", `fwd=stale\b.*fwd-status=503`, []turn{get().gives(past()), get().gives(says().of(503))}},
		{"RFC 9211 §2.5", "what is stored says so", `; stored\b`, []turn{get().gives(f)}},
		{"RFC 9211 §2.1", "only-if-cached without a page says neither hit nor fwd", `heliograph(; (?:detail|key)=[^;]+)*$`, []turn{get("Cache-Control: only-if-cached").silent()}},
		{"RFC 9211 §2", "the origin's member stays first", `^inner; hit, heliograph; fwd`, []turn{get().gives(f.and("Cache-Status: inner; hit"))}},
		{"RFC 9211 §2", "the stored member stays first", `^inner; hit, heliograph; hit`, []turn{get().gives(f.and("Cache-Status: inner; hit")), get().hit()}},
		{"RFC 9211 §2.4", "a page served in its window has a negative ttl", `hit; ttl=-\d+`, []turn{get().gives(past("stale-while-revalidate=7200")), get().would(f).first()}},
	} {
		last := len(c.play) - 1
		c.play[last] = c.play[last].holds(says1(c.expression))
		rules = append(rules, rule{c.section, c.name, may, c.play})
	}
	return append(rules,
		rule{"RFC 9211 §2.5", "what is not stored does not say so", must, []turn{get().gives(says("Cache-Control: no-store")).holds(func(g *got) error {
			if matchStatus(g, `; stored\b`) == nil {
				return fmt.Errorf("Cache-Status is %q", g.Header.Values("Cache-Status"))
			}
			return nil
		})}},
		rule{"RFC 9209 §2", "Proxy-Status tells the origin's status", may, []turn{get().gives(says()).matches("Proxy-Status", "received-status=200")}},
		rule{"RFC 5842 §7.2", "a 508 is the origin's word", may, []turn{get().gives(says().of(508).with("round")).status(508).body("round")}},
		rule{"RFC 9209 §2.3", "a 508 by a proxy that has found a loop is a failure", may, []turn{
			get().gives(says("Proxy-Status: heliograph; error=proxy_loop_detected").of(508)).status(502),
		}},
		rule{"RFC 9209 §2.3", "Proxy-Status names the error of a hang-up", may, []turn{get().gives(hangsUp()).matches("Proxy-Status", "error=[a-z_]+")}},
	)
}
