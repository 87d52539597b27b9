package main

import (
	"errors"
	"strconv"
)

// headRules are about HEAD: RFC 9111 §4, §4.3.5, RFC 9110 §9.3.2.
func headRules() []rule {
	tag := `ETag: "abc"`
	return []rule{
		{"RFC 9110 §9.3.2", "HEAD is answered from a stored page, without its body", may, []turn{get().gives(says(hourly, "X-A: 1")), head().hit().body("").has("X-A: 1")}},
		{"RFC 9110 §9.3.2", "HEAD tells the length that GET would", may, []turn{get().gives(says(hourly).with("four")), head().hit().has("Content-Length: 4")}},
		{"RFC 9110 §9.3.2", "the answer to HEAD is no page for GET", must, []turn{head().gives(says(hourly)), get().gives(says()).nth(2)}},
		{"RFC 9110 §9.3.2", "HEAD with nothing stored asks the origin by HEAD", may, []turn{head().gives(says(hourly).of(404)).status(404).holds(sawMethod("HEAD"))}},
		{"RFC 9111 §4.3.5", "HEAD for a stale page asks the origin", must, []turn{get().gives(past().and(tag)), head().gives(says(hourly, tag)).status(200)}},
		{"RFC 9111 §4.3.5", "HEAD that finds the same page updates its fields", may, []turn{
			get().gives(past().and(tag, "X-A: 1").with("four")), head().gives(says(hourly, tag, "X-A: 2").with("four")).has("X-A: 2"), get().hit().body("four").has("X-A: 2"),
		}},
		{"RFC 9111 §4.3.5", "HEAD that is told 304 updates the fields", may, []turn{
			get().gives(past().and(tag, "X-A: 1")), head().gives(confirms(hourly, tag, "X-A: 2")).status(200).has("X-A: 2"), get().hit().first().has("X-A: 2"),
		}},
		{"RFC 9111 §4.3.5", "HEAD that finds another tag ends the page", must, []turn{
			get().gives(past().and(tag)), head().gives(says(hourly, `ETag: "def"`)), get().gives(says()).nth(3),
		}},
		{"RFC 9111 §4.3.5", "HEAD that finds another Last-Modified ends the page", must, []turn{
			get().gives(past().and("Last-Modified: Tue, 04 Feb 2025 10:00:00 GMT")), head().gives(says(hourly, "Last-Modified: Wed, 05 Feb 2025 10:00:00 GMT")), get().gives(says()).nth(3),
		}},
		{"RFC 9111 §4.3.5", "HEAD that finds another length ends the page", must, []turn{
			get().gives(past().with("four")), head().gives(says(hourly).with("fives")), get().gives(says()).nth(3),
		}},
		{"RFC 9111 §4.3.5", "HEAD that finds 404 ends the page", may, []turn{get().gives(past()), head().gives(says(hourly).of(404)).status(404), get().gives(says()).nth(3)}},
		{"RFC 9111 §4.3.5", "HEAD that finds 410 ends the page", may, []turn{get().gives(past()), head().gives(says(hourly).of(410)).status(410), get().gives(says()).nth(3)}},
		{"RFC 9111 §4.3.5", "HEAD that fails is answered by the stale page", may, []turn{get().gives(past()), head().gives(says().of(503)).status(200)}},
		{"RFC 9110 §9.3.2", "HEAD with the page's tag gets a 304", may, []turn{get().gives(says(hourly, tag)), head(`If-None-Match: "abc"`).hit().status(304)}},
		{"RFC 9110 §14.2", "HEAD takes no notice of Range", must, []turn{get().gives(says(hourly)), head("Range: bytes=0-1").silent().status(200)}},
	}
}

// sawMethod is the check that the origin was asked by the method.
func sawMethod(method string) check {
	return func(g *got) error {
		if len(g.asked) == 0 || g.asked[0].method != method {
			return errMethod
		}
		return nil
	}
}

// invalidationRules are about what unsafe requests spoil: RFC 9111 §4.4.
func invalidationRules() []rule {
	var rules []rule
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "REBOOT"} {
		for _, code := range []int{200, 201, 204, 302, 303} {
			rules = append(rules, rule{"RFC 9111 §4.4", "a " + method + " that ends in " + strconv.Itoa(code) + " invalidates the page", must, []turn{
				get().gives(says(hourly)), asking(method).gives(withLocation(says().of(code))), get().gives(says(hourly)).nth(3), get().hit().nth(3),
			}})
		}
		for _, code := range []int{400, 403, 404, 500, 503} {
			rules = append(rules, rule{"RFC 9111 §4.4", "a " + method + " that ends in " + strconv.Itoa(code) + " leaves the page", may, []turn{
				get().gives(says(hourly)), asking(method).gives(says().of(code)), get().hit().first(),
			}})
		}
		for _, name := range []string{"Location", "Content-Location"} {
			rules = append(rules,
				rule{"RFC 9111 §4.4", "a " + method + " invalidates what its " + name + " names", may, []turn{
					get().under("/a").gives(says(hourly)), asking(method).gives(says(name + ": {path}/a").of(201)), get().under("/a").gives(says()).nth(3),
				}},
				rule{"RFC 9111 §4.4", "a " + method + " invalidates what its " + name + " names on the host that the reader used", may, []turn{
					get().under("/a").gives(says(hourly)), asking(method).gives(says(name + ": http://front.test{path}/a").of(201)), get().under("/a").gives(says()).nth(3),
				}},
				rule{"RFC 9111 §4.4", "a " + method + " does not invalidate what its " + name + " names on another port", must, []turn{
					get().under("/a").gives(says(hourly)), asking(method).gives(says(name + ": https://front.test:8443{path}/a").of(201)), get().under("/a").hit().first(),
				}},
				rule{"RFC 9111 §4.4", "a " + method + " does not invalidate what its " + name + " names on another host", must, []turn{
					get().under("/a").gives(says(hourly)), asking(method).gives(says(name + ": http://elsewhere.example{path}/a").of(201)), get().under("/a").hit().first(),
				}},
			)
		}
		rules = append(rules, rule{"RFC 9111 §4.4", "a " + method + " that is answered without an answer's status does not invalidate", may, []turn{
			get().gives(says(hourly)), asking(method).gives(hangsUp()).status(502, 504), get().hit().first(),
		}})
	}
	for _, method := range []string{"OPTIONS", "HEAD"} {
		rules = append(rules, rule{"RFC 9111 §4.4", method + " is safe and invalidates nothing", may, []turn{
			get().gives(says(hourly)), asking(method).would(says()), get().hit().first(),
		}})
	}
	return append(rules,
		rule{"RFC 9111 §4.4", "all variants go", must, []turn{
			get("X-A: 1").gives(says(hourly, "Vary: X-A")), get("X-A: 2").gives(says(hourly, "Vary: X-A")), asking("POST").gives(says()),
			get("X-A: 1").gives(says()).nth(4), get("X-A: 2").gives(says()).nth(5),
		}},
		rule{"RFC 9111 §4.4", "a Location that is relative counts", may, []turn{
			get().under("/a").gives(says(hourly)), asking("POST").under("/b").gives(says("Location: a").of(201)), get().under("/a").gives(says()).nth(3),
		}},
		rule{"RFC 9111 §4.4", "a part that answers a POST is passed on and invalidates the page", must, []turn{
			get().gives(says(hourly)), asking("POST").gives(says("Content-Range: bytes 0-3/10").of(206).with("done")).status(206).body("done"), get().gives(says()).nth(3),
		}},
		rule{"RFC 9111 §4.4", "other pages stay", may, []turn{
			get().under("/a").gives(says(hourly)), asking("POST").gives(says()), get().under("/a").hit().first(),
		}},
		rule{"RFC 9111 §4.4", "another query is another page and stays", may, []turn{
			get().under("?a=1").gives(says(hourly)), asking("POST").gives(says()), get().under("?a=1").hit().first(),
		}},
	)
}

// varyRules are about which variant answers whom: RFC 9111 §4.1, RFC 9110 §12.5.5.
func varyRules() []rule {
	by := func(names string, more ...string) reply { return says(hourly, "Vary: "+names).and(more...) }
	match := func(r reply, first, second []string) []turn {
		return []turn{get(first...).gives(r), get(second...).hit().first()}
	}
	differ := func(r reply, first, second []string) []turn {
		return []turn{get(first...).gives(r), get(second...).gives(says()).nth(2)}
	}
	a := func(lines ...string) []string { return lines }
	return []rule{
		{"RFC 9111 §4.1", "the same field gets the page", may, match(by("Foo"), a("Foo: 1"), a("Foo: 1"))},
		{"RFC 9111 §4.1", "another value does not", must, differ(by("Foo"), a("Foo: 1"), a("Foo: 2"))},
		{"RFC 9111 §4.1", "no value does not, where there was one", must, differ(by("Foo"), a("Foo: 1"), a())},
		{"RFC 9111 §4.1", "a value does not, where there was none", must, differ(by("Foo"), a(), a("Foo: 1"))},
		{"RFC 9111 §4.1", "no value gets the page that was made for none", may, match(by("Foo"), a(), a())},
		{"RFC 9111 §4.1", "an empty value is not the value", must, differ(by("Foo"), a("Foo: 1"), a("Foo: "))},
		{"RFC 9111 §4.1", "fields that Vary does not name mean nothing", may, match(by("Foo"), a("Foo: 1", "Bar: 1"), a("Foo: 1", "Bar: 2"))},
		{"RFC 9111 §4.1", "the names are of any case", must, differ(by("fOO"), a("Foo: 1"), a("Foo: 2"))},
		{"RFC 9111 §4.1", "several names, all the same", may, match(by("Foo, Bar"), a("Foo: 1", "Bar: 2"), a("Foo: 1", "Bar: 2"))},
		{"RFC 9111 §4.1", "several names, the second different", must, differ(by("Foo, Bar"), a("Foo: 1", "Bar: 2"), a("Foo: 1", "Bar: 3"))},
		{"RFC 9111 §4.1", "several names in another order of the request", may, match(by("Foo, Bar"), a("Foo: 1", "Bar: 2"), a("Bar: 2", "Foo: 1"))},
		{"RFC 9111 §4.1", "three names, the third missing", must, differ(by("Foo, Bar, Baz"), a("Foo: 1", "Bar: 2", "Baz: 3"), a("Foo: 1", "Bar: 2"))},
		{"RFC 9111 §4.1", "Vary on two lines, the second different", must, differ(by("Foo", "Vary: Bar"), a("Foo: 1", "Bar: 2"), a("Foo: 1", "Bar: 3"))},
		{"RFC 9111 §4.1", "Vary with empty members", must, differ(by(", Foo,, ,"), a("Foo: 1"), a("Foo: 2"))},
		{"RFC 9111 §4.1", "an empty Vary means nothing", may, match(by(""), a("Foo: 1"), a("Foo: 2"))},
		{"RFC 9111 §4.1", "* matches nothing", must, differ(by("*"), a(), a())},
		{"RFC 9111 §4.1", "* at the beginning of a list", must, differ(by("*, Foo"), a("Foo: 1"), a("Foo: 1"))},
		{"RFC 9111 §4.1", "* at the end of a list", must, differ(by("Foo, *"), a("Foo: 1"), a("Foo: 1"))},
		{"RFC 9111 §4.1", "* after an empty member", must, differ(by(", *"), a(), a())},
		{"RFC 9111 §4.1", "* on a second line", must, differ(by("Foo", "Vary: *"), a("Foo: 1"), a("Foo: 1"))},
		{"RFC 9111 §4.1", "* on a first line", must, differ(by("*", "Vary: Foo"), a("Foo: 1"), a("Foo: 1"))},
		{"RFC 9111 §4.1", "space around a value is none of it", may, match(by("Foo"), a("Foo: 1"), a("Foo:   1  "))},
		{"RFC 9111 §4.1", "lines may be combined", may, match(by("Foo"), a("Foo: 1, 2"), a("Foo: 1", "Foo: 2"))},
		{"RFC 9111 §4.1", "space between the members of Accept-Language is none of it", may, match(by("Accept-Language"), a("Accept-Language: en, de"), a("Accept-Language: en,de"))},
		{"RFC 9111 §4.1", "Accept-Language of another case is the same", may, match(by("Accept-Language"), a("Accept-Language: en, DE"), a("Accept-Language: EN, de"))},
		{"RFC 9111 §4.1", "Accept-Language that wants another first is another", must, differ(by("Accept-Language"), a("Accept-Language: en, de;q=0.5"), a("Accept-Language: de, en;q=0.5"))},
		{"RFC 9111 §4.1", "a value of another case is another", must, differ(by("Foo"), a("Foo: a"), a("Foo: A"))},
		{"RFC 9111 §4.1", "cookies tell pages apart", must, differ(by("Cookie", "Cache-Control: public"), a("Cookie: a=1"), a("Cookie: a=2"))},
		{"RFC 9111 §4.1", "two variants are both kept", may, []turn{
			get("Foo: 1").gives(by("Foo")), get("Foo: 2").gives(by("Foo")).nth(2), get("Foo: 1").hit().first(), get("Foo: 2").hit().nth(2),
		}},
		{"RFC 9111 §4.1", "three variants are kept", may, []turn{
			get("Foo: 1").gives(by("Foo")), get("Foo: 2").gives(by("Foo")), get("Foo: 3").gives(by("Foo")),
			get("Foo: 1").hit().first(), get("Foo: 2").hit().nth(2), get("Foo: 3").hit().nth(3),
		}},
		{"RFC 9111 §4.1", "a variant does not lose its query", must, []turn{
			get("Foo: 1").under("?a").gives(by("Foo")), get("Foo: 1").gives(by("Foo")).nth(2),
		}},
		{"RFC 9111 §4", "the most recent of those that match is chosen", must, []turn{
			get("Foo: 1", "Bar: 1").gives(by("Foo", "Date: {-60}")), get("Foo: 2", "Bar: 2").gives(by("Bar")), get("Foo: 1", "Bar: 2").hit().nth(2),
		}},
		{"RFC 9111 §4.1", "a variant is validated by its own tag", may, []turn{
			get("Foo: 1").gives(past().and("Vary: Foo", `ETag: "one"`)), get("Foo: 2").gives(past().and("Vary: Foo", `ETag: "two"`)),
			get("Foo: 1").gives(confirms(hourly, `ETag: "one"`)).holds(sawField("If-None-Match", `"one"`)).first(), get("Foo: 1").hit().first(),
		}},
		{"RFC 9111 §4.1", "a page that no longer varies answers all", may, []turn{
			get("Foo: 1").gives(past().and("Vary: Foo")), get("Foo: 1").gives(says(hourly)).nth(2), get("Foo: 2").hit().nth(2),
		}},
		{"RFC 9110 §12.5.5", "Vary is given again", must, []turn{get("Foo: 1").gives(by("Foo")).has("Vary: Foo"), get("Foo: 1").hit().has("Vary: Foo")}},
	}
}

// errMethod says that the origin was asked by another method.
var errMethod = errors.New("the origin was asked by another method")
