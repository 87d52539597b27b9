package main

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
)

// tenBytes is the body that most ranges are taken of.
const tenBytes = "0123456789"

// byteRanges is the check of a multipart/byteranges body: "from-to/size text" for each part.
func byteRanges(want ...string) check {
	return func(g *got) error {
		kind, params, err := mime.ParseMediaType(g.Header.Get("Content-Type"))
		if err != nil || kind != "multipart/byteranges" {
			return fmt.Errorf("Content-Type is %q: %w", g.Header.Get("Content-Type"), err)
		}
		reader := multipart.NewReader(strings.NewReader(g.body), params["boundary"])
		var found []string
		for {
			part, err := reader.NextRawPart()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			text, err := io.ReadAll(part)
			if err != nil {
				return err
			}
			found = append(found, strings.TrimPrefix(part.Header.Get("Content-Range"), "bytes ")+" "+string(text))
		}
		if strings.Join(found, "|") != strings.Join(want, "|") {
			return fmt.Errorf("the parts are %q, not %q", found, want)
		}
		return nil
	}
}

// rangeRules are about parts of stored whole pages: RFC 9110 §14, §13.1.5.
func rangeRules() []rule {
	page := says(hourly, `ETag: "abc"`, "Last-Modified: Tue, 04 Feb 2025 10:00:00 GMT").with(tenBytes)
	part := func(asked, span, text string) []turn {
		return []turn{get().gives(page), get("Range: "+asked).hit().status(206).body(text).has("Content-Range: bytes "+span, fmt.Sprintf("Content-Length: %d", len(text)))}
	}
	whole := func(lines ...string) []turn {
		return []turn{get().gives(page), get(lines...).silent().status(200).body(tenBytes).lacks("Content-Range")}
	}
	return []rule{
		{"RFC 9110 §14.1.2", "the first bytes", may, part("bytes=0-3", "0-3/10", "0123")},
		{"RFC 9110 §14.1.2", "bytes in the middle", may, part("bytes=3-5", "3-5/10", "345")},
		{"RFC 9110 §14.1.2", "one byte", may, part("bytes=0-0", "0-0/10", "0")},
		{"RFC 9110 §14.1.2", "all from a byte on", may, part("bytes=7-", "7-9/10", "789")},
		{"RFC 9110 §14.1.2", "the last bytes", may, part("bytes=-3", "7-9/10", "789")},
		{"RFC 9110 §14.1.2", "more last bytes than there are", may, part("bytes=-30", "0-9/10", tenBytes)},
		{"RFC 9110 §14.1.2", "a range that ends behind the end", may, part("bytes=8-30", "8-9/10", "89")},
		{"RFC 9110 §14.1.2", "the whole as a range", may, part("bytes=0-", "0-9/10", tenBytes)},
		{"RFC 9110 §14.1.2", "the unit in capitals", may, part("BYTES=0-3", "0-3/10", "0123")},
		{"RFC 9110 §15.5.17", "a range behind the end is a 416 with the length", may, []turn{get().gives(page), get("Range: bytes=10-").silent().status(416).has("Content-Range: bytes */10")}},
		{"RFC 9110 §15.5.17", "the last 0 bytes are none", may, []turn{get().gives(page), get("Range: bytes=-0").silent().status(416, 200)}},
		{"RFC 9110 §14.2", "another unit is ignored", must, whole("Range: lines=0-3")},
		{"RFC 9110 §14.2", "a range backwards is ignored", must, whole("Range: bytes=5-3")},
		{"RFC 9110 §14.2", "letters are ignored", must, whole("Range: bytes=a-b")},
		{"RFC 9110 §14.2", "no range at all is ignored", must, whole("Range: bytes=")},
		{"RFC 9110 §14.2", "a range of a stored 404 is ignored", must, []turn{get().gives(page.of(404)), get("Range: bytes=0-3").silent().status(404).body(tenBytes)}},
		{"RFC 9110 §14.2", "several ranges come as several parts", may, []turn{
			get().gives(page), get("Range: bytes=0-1,5-6").silent().status(206).holds(byteRanges("0-1/10 01", "5-6/10 56")).lacks("Content-Range"),
		}},
		{"RFC 9110 §14.2", "several ranges with one that is satisfiable are answered", may, []turn{
			get().gives(page), get("Range: bytes=20-30, 0-1").silent().status(206, 200),
		}},
		{"RFC 9110 §14.2", "many overlapping ranges are not amplified", must, []turn{
			get().gives(page.with(lorem(5000))), get("Range: bytes=" + strings.Repeat("0-,", 200) + "0-").silent().holds(atMost(10000)),
		}},
		{"RFC 9110 §15.3.7", "a part has the fields of the page", must, []turn{
			get().gives(page.and("X-A: 1", "Content-Location: /a")), get("Range: bytes=0-3").hit().status(206).has(hourly, `ETag: "abc"`, "Content-Location: /a").dated(1),
		}},
		{"RFC 9110 §13.1.5", "If-Range with the page's tag gives the part", may, []turn{get().gives(page), get("Range: bytes=0-3", `If-Range: "abc"`).hit().status(206).body("0123")}},
		{"RFC 9110 §13.1.5", "If-Range with another tag gives the whole", must, whole("Range: bytes=0-3", `If-Range: "x"`)},
		{"RFC 9110 §13.1.5", "If-Range with the tag weakened gives the whole", must, whole("Range: bytes=0-3", `If-Range: W/"abc"`)},
		{"RFC 9110 §13.1.5", "If-Range with a weak tag that is the page's gives the whole", must, []turn{
			get().gives(says(hourly, `ETag: W/"abc"`).with(tenBytes)), get("Range: bytes=0-3", `If-Range: W/"abc"`).silent().status(200).body(tenBytes),
		}},
		{"RFC 9110 §13.1.5", "If-Range with its date gives the part", may, []turn{
			get().gives(page), get("Range: bytes=0-3", "If-Range: Tue, 04 Feb 2025 10:00:00 GMT").hit().status(206).body("0123"),
		}},
		{"RFC 9110 §13.1.5", "If-Range with a later date gives the whole", must, whole("Range: bytes=0-3", "If-Range: Wed, 05 Feb 2025 10:00:00 GMT")},
		{"RFC 9110 §13.1.5", "If-Range with an earlier date gives the whole", must, whole("Range: bytes=0-3", "If-Range: Mon, 03 Feb 2025 10:00:00 GMT")},
		{"RFC 9110 §13.1.5", "If-Range without Range means nothing", must, whole(`If-Range: "x"`)},
		{"RFC 9110 §13.2.2", "a condition goes before the range", must, []turn{get().gives(page), get("Range: bytes=0-3", `If-None-Match: "abc"`).silent().status(304)}},
		{"RFC 9110 §14.2", "a part of a stale page is validated first", must, []turn{
			get().gives(past().and(`ETag: "abc"`).with(tenBytes)), get("Range: bytes=0-3").would(confirms(hourly, `ETag: "abc"`)).holds(someAsked),
		}},
	}
}

// someAsked holds when the origin was asked at all.
func someAsked(g *got) error {
	if len(g.asked) == 0 {
		return errors.New("the origin was not asked")
	}
	return nil
}

// atMost is the check that the body is no larger.
func atMost(n int) check {
	return func(g *got) error {
		if len(g.body) > n {
			return fmt.Errorf("the body has %d bytes", len(g.body))
		}
		return nil
	}
}

// partialRules are about stored parts: RFC 9111 §3.3, §3.4, RFC 9110 §15.3.7.
func partialRules() []rule {
	file := says(hourly, `ETag: "abc"`).with(tenBytes).byRange()
	weak := says(hourly, `ETag: W/"abc"`).with(tenBytes).byRange()
	first, middle, last := "Range: bytes=0-3", "Range: bytes=2-7", "Range: bytes=6-9"
	return []rule{
		{"RFC 9111 §3.3", "a part is passed on as the origin gave it", must, []turn{get(first).gives(file).status(206).body("0123").has("Content-Range: bytes 0-3/10").saw("Range: bytes=0-3")}},
		{"RFC 9111 §3.3", "a stored part is never given as the whole", must, []turn{get(first).gives(file).status(206), get().would(file).holds(someAsked).status(200).body(tenBytes)}},
		{"RFC 9111 §3.3", "a part that is stored is given again", may, []turn{get(first).gives(file), get(first).hit().status(206).body("0123").has("Content-Range: bytes 0-3/10")}},
		{"RFC 9111 §3.3", "a part of a stored part is given", may, []turn{get(first).gives(file), get("Range: bytes=1-2").hit().status(206).body("12").has("Content-Range: bytes 1-2/10")}},
		{"RFC 9111 §3.3", "a part that is not stored is asked for", must, []turn{get(first).gives(file), get(last).would(file).holds(someAsked).status(206).body("6789")}},
		{"RFC 9111 §3.3", "a stale part is not given again", must, []turn{get(first).gives(file.and(old)), get(first).would(file).holds(someAsked).status(206).body("0123")}},
		{"RFC 9111 §3.3", "a part with no-store is not given again", must, []turn{
			get(first).gives(says("Cache-Control: no-store", `ETag: "abc"`).with(tenBytes).byRange()), get(first).gives(file).status(206),
		}},
		{"RFC 9111 §3.3", "a private part is not given again", must, []turn{
			get(first).gives(says("Cache-Control: private, max-age=3600", `ETag: "abc"`).with(tenBytes).byRange()), get(first).gives(file).status(206),
		}},
		{"RFC 9111 §3.4", "two parts make what lies across both", may, []turn{
			get(first).gives(file), get(last).would(file).status(206), get(middle).would(file).status(206).body("234567"), get(middle).hit().body("234567"),
		}},
		{"RFC 9111 §3.4", "only what is missing is asked for", may, []turn{
			get(first).gives(file), get("Range: bytes=0-9").gives(file).status(206).body(tenBytes).saw("Range: bytes=4-9", `If-Range: "abc"`),
		}},
		{"RFC 9111 §3.4", "all parts together are the whole", may, []turn{
			get(first).gives(file), get("Range: bytes=4-").would(file).status(206), get().hit().status(200).body(tenBytes).lacks("Content-Range").has("Content-Length: 10"),
		}},
		{"RFC 9111 §3.4", "parts of two versions are not combined", must, []turn{
			get(first).gives(file), get(last).would(says(hourly, `ETag: "def"`).with("abcdefghij").byRange()).body("ghij"),
			get("Range: bytes=0-9").would(says(hourly, `ETag: "def"`).with("abcdefghij").byRange()).body("abcdefghij"),
		}},
		{"RFC 9111 §3.4", "parts with a weak tag are not combined", must, []turn{
			get(first).gives(weak), get(last).would(weak).status(206).body("6789"), get().would(weak).holds(someAsked).body(tenBytes),
		}},
		{"RFC 9111 §3.3", "a GET completes a stored part", may, []turn{
			get(first).gives(file), get().would(file).status(200).body(tenBytes), get().hit().status(200).body(tenBytes),
		}},
		{"RFC 9110 §15.3.7", "a 200 to a range is the whole, and stored as it", may, []turn{
			get(first).gives(says(hourly, `ETag: "abc"`).with(tenBytes)).status(200, 206), get().hit().status(200).body(tenBytes),
		}},
		{"RFC 9110 §15.5.17", "a 416 of the origin is passed on and not stored", must, []turn{
			get("Range: bytes=20-30").gives(file).status(416), get().would(file).status(200).body(tenBytes),
		}},
		{"RFC 9111 §3.4", "the origin's parts of a large file are given", must, []turn{
			get("Range: bytes=100000-100009").would(says(hourly, `ETag: "abc"`).with(lorem(300000)).byRange()).status(206).body(lorem(300000)[100000:100010]),
		}},
		{"RFC 9110 §14.4", "a 206 that says another span than it has is no page", must, []turn{
			get(first).would(says(hourly, `ETag: "abc"`, "Content-Range: bytes 0-99/10").of(206).with("0123")), get(first).would(file).status(206).body("0123").holds(someAsked),
		}},
		{"RFC 9111 §3.3", "several ranges with nothing stored are answered rightly", must, []turn{
			get("Range: bytes=0-1,5-6").would(file).status(200, 206),
		}},
		{"RFC 9111 §3.4", "what is made of two parts has the fields of the newer", may, []turn{
			get(first).gives(file.and("X-A: 1")), get("Range: bytes=4-9").would(file.and("X-A: 2")).status(206), get("Range: bytes=2-7").hit().body("234567").has("X-A: 2"),
		}},
		{"RFC 9111 §4.4", "a POST ends parts as well", must, []turn{get(first).gives(file), asking("POST").gives(says()), get(first).would(file).holds(someAsked).body("0123")}},
	}
}

// interimRules are about what comes before the answer: RFC 9110 §15.2, RFC 8297.
func interimRules() []rule {
	var rules []rule
	for _, code := range []int{102, 103, 104, 199} {
		line := fmt.Sprintf("%d %s\nX-Early: 1", code, http.StatusText(code))
		rules = append(rules,
			rule{"RFC 9110 §15.2", fmt.Sprintf("a %d reaches the reader", code), must, []turn{
				get().gives(says(hourly).hintsFirst(line)).status(200).told(code, "X-Early", "1"),
			}},
			rule{"RFC 9111 §3", fmt.Sprintf("a %d is not stored, the answer after it is", code), must, []turn{
				get().gives(says(hourly).hintsFirst(line)).status(200), get().hit().first().status(200).lacks("X-Early"),
			}},
			rule{"RFC 9110 §15.2", fmt.Sprintf("a %d is not merged into the answer", code), must, []turn{
				get().gives(says(hourly).hintsFirst(line)).status(200).lacks("X-Early"),
			}},
		)
	}
	return append(rules,
		rule{"RFC 9110 §15.2", "two hints both reach the reader", must, []turn{
			get().gives(says(hourly).hintsFirst("103 Early Hints\nX-Early: 1", "103 Early Hints\nX-Early: 2")).told(103, "X-Early", "1").told(103, "X-Early", "2"),
		}},
		rule{"RFC 9110 §15.2", "a hint before an answer that is not stored reaches the reader", must, []turn{
			get().gives(says("Cache-Control: no-store").hintsFirst("103 Early Hints\nX-Early: 1")).told(103, "X-Early", "1"),
		}},
		rule{"RFC 9110 §15.2", "a hint to POST reaches the reader", must, []turn{
			asking("POST").carrying("x").gives(says().hintsFirst("102 Processing\nX-Early: 1")).told(102, "X-Early", "1"),
		}},
		rule{"RFC 8297 §2", "a Link to a page of the publication is passed on in a 103", must, []turn{
			get().gives(says(hourly).hintsFirst("103 Early Hints\nLink: </style.css>; rel=preload; as=style")).told(103, "Link", "</style.css>; rel=preload; as=style"),
		}},
		rule{"RFC 9110 §15.2", "a hit has no interim answers", may, []turn{get().gives(says(hourly).hintsFirst("103 Early Hints\nX-Early: 1")), get().hit().untold()}},
	)
}
