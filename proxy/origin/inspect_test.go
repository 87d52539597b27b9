package origin

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// answered is an answer as a transport returns it.
func answered(status int, body io.Reader, fields ...string) *http.Response {
	header := http.Header{"Content-Type": {"text/html"}}
	for i := 0; i < len(fields); i += 2 {
		header.Set(fields[i], fields[i+1])
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(body), ContentLength: -1}
}

func TestWhichAnswersAreThePublications(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		fields []string
		class  health.Class
		word   bool
	}{
		{"a page", 200, page, nil, health.OK, false},
		{"a foreign page", 200, notice, nil, health.IdentityMissing, false},
		{"a foreign page for XHTML", 200, notice, []string{"Content-Type", "application/xhtml+xml"}, health.IdentityMissing, false},
		{"a foreign page with a parameter", 200, notice, []string{"Content-Type", "Text/HTML; charset=utf-8"}, health.IdentityMissing, false},
		{"a foreign page without a type is sniffed", 200, notice, []string{"Content-Type", ""}, health.IdentityMissing, false},
		{"a foreign page with a broken parameter", 200, notice, []string{"Content-Type", "text/html; charset"}, health.IdentityMissing, false},
		{"a foreign page with a parameter twice", 200, notice, []string{"Content-Type", "text/HTML; a=b; a=c"}, health.IdentityMissing, false},
		{"a foreign page with a type that is none", 200, notice, []string{"Content-Type", "page"}, health.IdentityMissing, false},
		{"an untyped page that is zipped", 200, zipped(t, notice), []string{"Content-Type", "", "Content-Encoding", "gzip"}, health.IdentityMissing, false},
		{"an untyped page of ours", 200, page, []string{"Content-Type", ""}, health.OK, false},
		{"an untyped picture", 200, "\x89PNG\r\n\x1a\n", []string{"Content-Type", ""}, health.OK, false},
		{"untyped text", 200, "By order.", []string{"Content-Type", ""}, health.OK, false},
		{"a style sheet with a broken parameter", 200, "a{}", []string{"Content-Type", "text/css; charset"}, health.OK, false},
		{"a foreign page with a broken type", 200, notice, []string{"Content-Type", "text/html; ;"}, health.IdentityMissing, false},
		{"a picture", 200, "PNG", []string{"Content-Type", "image/png"}, health.OK, false},
		{"a stored coding", 200, page, []string{"Content-Encoding", "identity"}, health.OK, false},
		{"a zipped page", 200, zipped(t, page), []string{"Content-Encoding", "x-gzip"}, health.OK, false},
		{"another coding", 200, page, []string{"Content-Encoding", "zstd"}, health.IdentityMissing, false},
		{"a part", 206, notice, nil, health.OK, false},
		{"all of a page as a part", 206, notice, []string{"Content-Range", "bytes 0-69/70"}, health.IdentityMissing, false},
		{"another success", 299, notice, nil, health.IdentityMissing, false},
		{"another success of ours", 202, page, nil, health.OK, false},
		{"a page as XML", 200, "<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><p>x</p></html>", []string{"Content-Type", "text/xml"}, health.IdentityMissing, false},
		{"our page as XML", 200, "<html><p>" + marker + "</p></html>", []string{"Content-Type", "application/xml"}, health.OK, false},
		{"a feed", 200, "<?xml version='1.0'?><rss/>", []string{"Content-Type", "application/rss+xml"}, health.OK, false},
		{"a redirect", 302, notice, nil, health.OK, false},
		{"not found", 404, notice, nil, health.IdentityMissing, true},
		{"not found, own", 404, page, nil, health.OK, false},
		{"forbidden, foreign", 403, notice, nil, health.Denied, true},
		{"forbidden, own", 403, page, nil, health.OK, false},
		{"forbidden, no page", 403, "no", []string{"Content-Type", "text/plain"}, health.OK, false},
		{"legal reasons, foreign", 451, notice, nil, health.Legal, true},
		{"an error page of the server's", 502, notice, nil, health.ServerError, false},
		{"an error page of the publication's", 500, page, nil, health.ServerError, true},
		{"an error that is no page", 500, "no", []string{"Content-Type", "text/plain"}, health.ServerError, true},
		{"a method it does not know", 501, "no", []string{"Content-Type", "text/plain"}, health.OK, false},
		{"a loop", 508, page, nil, health.LoopDetected, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			response := answered(test.status, strings.NewReader(test.body), test.fields...)
			found := inspect(response, http.MethodGet, gated(Site{Markers: []string{marker}}), true)
			require.Equal(t, test.class, found.class, found.reason)
			require.Equal(t, test.word, found.word)
			text, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.Equal(t, test.body, string(text), "what was read is put back")
		})
	}
}

func TestThePagesOfEveryMethodMustShowTheIdentity(t *testing.T) {
	site := gated(Site{Markers: []string{marker}})
	for _, test := range []struct {
		method, body string
		status       int
		want         finding
	}{
		{"POST", page, 200, finding{class: health.OK}},
		{"POST", notice, 200, finding{class: health.IdentityMissing}},
		{"POST", notice, 201, finding{class: health.OK}},
		{"POST", seized, 201, finding{class: health.Seized}},
		{"PROPFIND", notice, 207, finding{class: health.IdentityMissing}},
		{"PUT", notice, 451, finding{class: health.Legal, word: true, doubtful: true}},
		{"POST", notice, 403, finding{class: health.IdentityMissing, silent: true}},
		{"OPTIONS", notice, 200, finding{class: health.IdentityMissing}},
		{"PROPFIND", notice, 403, finding{class: health.Denied, word: true, doubtful: true, silent: true}},
		{"DELETE", notice, 500, finding{class: health.ServerError}},
	} {
		found := inspect(answered(test.status, strings.NewReader(test.body)), test.method, site, true)
		found.stage, found.reason, found.evidence, found.inHand = "", "", nil, false
		require.Equal(t, test.want, found, "%s %d", test.method, test.status)
	}
}

func TestWhatHasNoContentIsNotInspected(t *testing.T) {
	untouched := func(status int, length int64) *http.Response {
		response := answered(status, iotest.ErrReader(errors.New("the body is not touched")))
		response.ContentLength = length
		return response
	}
	site := gated(Site{Markers: []string{marker}})
	for _, method := range []string{"GET", "POST"} {
		for _, response := range []*http.Response{untouched(204, -1), untouched(205, -1), untouched(304, 5000), untouched(403, 0)} {
			require.Equal(t, finding{class: health.OK}, inspect(response, method, site, true), response.StatusCode)
		}
	}
	require.Equal(t, finding{class: health.OK, silent: true}, inspect(untouched(200, 5000), "HEAD", site, true))
	head := inspect(untouched(500, 5000), "HEAD", site, true)
	require.Equal(t, health.ServerError, head.class)
	require.True(t, head.silent)
}

func TestAnUntypedBodyThatBreaksOffIsNoPicture(t *testing.T) {
	broken := io.MultiReader(strings.NewReader("PNG"), iotest.ErrReader(io.ErrUnexpectedEOF))
	found := inspect(answered(200, broken, "Content-Type", ""), http.MethodGet, gated(Site{Markers: []string{marker}}), true)
	require.Equal(t, health.BodyTruncated, found.class)
}

func TestWhichAnswersHTTPAllows(t *testing.T) { // RFC 9110 §7.8, §15
	for _, test := range []struct {
		status        int
		asked, chosen string
		allowed       bool
	}{
		{200, "", "", true}, {599, "", "", true}, {600, "", "", false}, {999, "", "", false}, {99, "", "", false}, {0, "", "", false},
		{102, "", "", false}, {101, "", "websocket", false}, {101, "", "", false}, {101, "websocket", "", false},
		{101, "websocket", "WebSocket", true}, {101, "tide/1, websocket", "tide/1", true}, {101, "websocket", "tide", false},
		{101, "websocket", "websocket, tide", false},
	} {
		a, response := ask(http.MethodGet, "/"), answered(test.status, http.NoBody)
		if test.asked != "" {
			a.Header.Set("Upgrade", test.asked)
		}
		if test.chosen != "" {
			response.Header.Set("Upgrade", test.chosen)
		}
		require.Equal(t, test.allowed, a.impossible(response) == "", test)
	}
}

func TestAPartThatWasNotAskedForIsNoneToAReadersRequestAlone(t *testing.T) { // RFC 9110 §15.3.7
	for method, allowed := range map[string]bool{"GET": false, "HEAD": false, "QUERY": false, "POST": true, "PUT": true, "DELETE": true, "REBOOT": true} {
		a, response := ask(method, "/"), answered(http.StatusPartialContent, http.NoBody)
		require.Equal(t, allowed, a.impossible(response) == "", method)
		a.Header.Set("Range", "bytes=0-3")
		response.Request = nil
		require.Empty(t, a.impossible(response), method)
	}
}

func TestEveryMarkerIsWanted(t *testing.T) {
	find := func(body string) health.Class {
		return inspect(answered(200, iotest.OneByteReader(strings.NewReader(body))), http.MethodGet, gated(Site{Markers: []string{"Gazette", "Harbour"}}), true).class
	}
	require.Equal(t, health.OK, find("... Gazette ... Harbour ..."))
	require.Equal(t, health.OK, find("... Harbour ... Gazette"))
	require.Equal(t, health.IdentityMissing, find("... Harbour ... Gazett"))
	require.Equal(t, health.IdentityMissing, find("... Gazette ..."))
}

func TestAMarkerIsFoundUpToTheLimitAndNoFurther(t *testing.T) {
	late := func(before int) string { return strings.Repeat("x", before-len(marker)) + marker + "the rest" }
	for _, test := range []struct {
		before int
		class  health.Class
	}{
		{len(marker), health.OK}, {8 << 10, health.OK}, {8<<10 + 3, health.OK}, {100 << 10, health.OK},
		{inspectLimit, health.OK}, {inspectLimit + 1, health.IdentityMissing}, {2 * inspectLimit, health.IdentityMissing},
	} {
		whole := late(test.before)
		for name, body := range map[string]io.Reader{
			"as it comes": strings.NewReader(whole), "in pieces": iotest.HalfReader(strings.NewReader(whole)),
		} {
			response := answered(200, body)
			require.Equal(t, test.class, inspect(response, http.MethodGet, gated(Site{Markers: []string{marker}}), true).class, "%s: %d", name, test.before)
			text, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.True(t, string(text) == whole, "what was read is put back")
		}
		response := answered(200, strings.NewReader(zipped(t, whole)), "Content-Encoding", "gzip")
		require.Equal(t, test.class, inspect(response, http.MethodGet, gated(Site{Markers: []string{marker}}), true).class, "zipped: %d", test.before)
	}
}

// counted counts what is read.
type counted struct {
	io.Reader
	n atomic.Int64
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// forever repeats a text without an end.
type forever struct{ text, rest string }

// Read implements io.Reader.
func (f *forever) Read(p []byte) (int, error) {
	if f.rest == "" {
		f.rest = f.text
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

func TestAnAnswerMadeToFillMemoryIsReadOnlySoFar(t *testing.T) {
	for name, test := range map[string]struct {
		source io.Reader
		fields []string
	}{
		"a page without an end":                {&forever{text: "<p>"}, nil},
		"a bomb":                               {&forever{text: zipped(t, strings.Repeat("\x00", 10<<20))}, []string{"Content-Encoding", "gzip"}},
		"gzip members that come to nothing":    {&forever{text: zipped(t, "")}, []string{"Content-Encoding", "gzip"}},
		"a gzip comment that is never over":    {io.MultiReader(strings.NewReader("\x1f\x8b\x08\x10\x00\x00\x00\x00\x00\xff"), &forever{text: "x"}), []string{"Content-Encoding", "gzip"}},
		"gzip members of incompressible bytes": {&forever{text: zipped(t, "\x01\x7f\xfe\x02\x99")}, []string{"Content-Encoding", "gzip"}},
	} {
		t.Run(name, func(t *testing.T) {
			source := &counted{Reader: test.source}
			found := inspect(answered(200, source, test.fields...), http.MethodGet, gated(Site{Markers: []string{marker}}), true)
			require.NotEqual(t, health.OK, found.class)
			require.LessOrEqual(t, source.n.Load(), int64(rawLimit))
		})
	}
}

func TestTheFirstBytesOfADeclaredBodyAreWaitedFor(t *testing.T) {
	tests := []struct {
		name  string
		body  io.Reader
		class health.Class
	}{
		{"they come", strings.NewReader("body { color: sea }"), health.OK},
		{"with the end", iotest.DataErrReader(strings.NewReader("body { color: sea }")), health.OK},
		{"none comes", iotest.ErrReader(io.ErrUnexpectedEOF), health.BodyTruncated},
		{"time passes", iotest.ErrReader(errBodyIdle), health.BodyStalled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			response := answered(200, test.body, "Content-Type", "text/css")
			response.ContentLength = 19
			require.Equal(t, test.class, inspect(response, http.MethodGet, gated(Site{Markers: []string{marker}}), true).class)
			if test.class == health.OK {
				text, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				require.Equal(t, "body { color: sea }", string(text))
			}
		})
	}
}

// FuzzInspect holds for any answer: it is not changed by being looked at, no
// more of it is read than allowed, and only what shows every marker passes.
func FuzzInspect(f *testing.F) {
	f.Add(200, "text/html", "", []byte(page), true)
	f.Add(200, "text/html", "gzip", []byte(zipped(f, page)), false)
	f.Add(200, "text/html", "gzip", []byte(zipped(f, page))[:30], true)
	f.Add(403, "", "", []byte(notice), true)
	f.Add(502, "text/html;", "identity", []byte(notice), false)
	f.Add(200, "text/css", "br", []byte("a{}"), false)
	f.Fuzz(func(t *testing.T, status int, kind, coding string, body []byte, dripping bool) {
		source := &counted{Reader: bytes.NewReader(body)}
		var from io.Reader = source
		if dripping {
			from = iotest.OneByteReader(source)
		}
		response := answered(status, from)
		response.Header["Content-Type"], response.Header["Content-Encoding"] = []string{kind}, []string{coding}
		found := inspect(response, http.MethodGet, gated(Site{Markers: []string{marker, "High water"}}), true)
		require.LessOrEqual(t, source.n.Load(), int64(rawLimit))
		require.Contains(t, health.Classes(), found.class)
		require.Equal(t, found.class == health.OK, found.reason == "")
		plain := coding == "" || coding == "identity"
		// In another charset the markers are other bytes.
		ascii := utf8.Valid(body) && !bytes.Contains(body, []byte{0})
		if found.class == health.OK && status == 200 && isHTML(kindOf(response.Header)) && plain && ascii {
			require.True(t, bytes.Contains(body, []byte(marker)))
		}
		if found.class == health.IdentityMissing && plain && len(body) <= inspectLimit {
			require.False(t, bytes.Contains(body, []byte(marker)) && bytes.Contains(body, []byte("High water")))
		}
		again, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.True(t, slices.Equal(body, again))
	})
}
