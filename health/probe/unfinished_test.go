package probe

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/gate"
)

func TestAPageThatEndsWithTheConnectionMustEndItself(t *testing.T) {
	const menu = "<html><head><title>The Harbour Gazette</title></head><body><nav><a href=/news>News</a></nav><main>"
	long := strings.Repeat("<p>Ships came in.", 100)
	const minified = "<!doctype html><html lang=en><title>The Harbour Gazette</title><meta charset=utf-8><p>One.<ul><li>A<li>B</ul><p>And so on"
	known := &gate.Baseline{Pages: 1, Lengths: []int{len(menu) + len(long)}}
	for _, test := range []struct {
		name   string
		header string
		body   string
		known  *gate.Baseline
		class  health.Class
	}{
		{"cut in a text", "HTTP/1.0 200 OK\r\n", menu + long, nil, health.BodyUnfinished},
		{"cut in a tag", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/html\r\n", menu + "</main><a hre", nil, health.BodyUnfinished},
		{"cut after a tag", "HTTP/1.0 200 OK\r\n", menu + "<p>One.</p>", nil, health.BodyUnfinished},
		{"in capitals", "HTTP/1.0 200 OK\r\n", strings.ToUpper("<html>") + "The Harbour Gazette</BODY></HTML>", nil, health.OK},
		{"whole", "HTTP/1.0 200 OK\r\n", menu + "</main></body></html>\n", nil, health.OK},
		{"whole, by a style that leaves end tags out", "HTTP/1.0 200 OK\r\n", menu + "<p>One.</main><footer>2026</footer>", nil, health.OK},
		{"whole, and all that may be left out is", "HTTP/1.0 200 OK\r\n", minified, nil, health.OK},
		{"as long as a known page", "HTTP/1.0 200 OK\r\n", menu + long, known, health.OK},
		{"half as long as a known page", "HTTP/1.0 200 OK\r\n", menu + long[:len(long)/2], known, health.BodyUnfinished},
		{"a page of a declared length", whole(200, "", menu+long)[:len("HTTP/1.1 200 OK\r\n")] + "Content-Length: " + digits(len(menu+long)) + "\r\n", menu + long, nil, health.OK},
		{"a piece of a page", "HTTP/1.0 200 OK\r\n", "<p>The Harbour Gazette", nil, health.OK},
		{"no page", "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n", "<html> by The Harbour Gazette", nil, health.OK},
	} {
		t.Run(test.name, func(t *testing.T) {
			target := serve(t, "http", say(test.header+"\r\n"+test.body))
			target.Known.Baseline = test.known
			r := One(t.Context(), target, loopback)
			require.Equal(t, test.class, r.Class, r.Reason)
			requireSteps(t, r)
			require.Equal(t, r.OK(), len(r.Evidence) == 0)
		})
	}
}

func TestWhatMayBeOpenAtTheEndOfAPage(t *testing.T) {
	for _, whole := range []string{
		"", "a text", "<p>one<p>two", "<ul><li>a<li>b</ul>", "<dl><dt>a<dd>b</dl><p>",
		"<table><caption>c<colgroup><col><thead><tr><th>a<tbody><tr><td>b<td>c<tfoot><tr><td>d</table>",
		"<select><optgroup><option>a<option>b</select>", "<img src=a.jpg><br><hr>", "<p>1 < 2 and 2 <3",
		"<a href=/news/>news</a>", "<a title='a > b' href=\"?a=b&c='\">news</a>", "<a href=/?q='>it</a>", "<a href = '/' >home</a>",
		"<p title=x>", "<div><span></div>", "</div></p>", "<div/>", "<svg><path d=m0/></svg>", "<figcaption-x>",
		"<!-- <div> -->", "<!--><p>", "<?xml version='1.0'?>", "<script>if (a<b) document.write('<div>')</script>",
		"<title>how to write <div></title>", "<style>a>b{}</style>", "<textarea><div></textarea>", "<b>bold",
	} {
		require.False(t, leftOpen([]byte(whole)), whole)
	}
	for _, cut := range []string{
		"<div>", "<main><p>one", "<article><h1>a</h1>", "<section>", "<a href=/news/>ne", "<span>", "<h1>", "<table><tr><td>", "<ul><li>", "<ol>",
		"<div></span>", "<div></div", "<div><div></div>", "<", "<p", "</p", "<a href='/ne", "<a title='a>b", "<a href=/ne", "<a href=",
		"<!-- a", "<!--", "<!doctype", "<script>if (a", "<script>a</scr", "<script>a</script", "<style>a{", "<title>the har", "<textarea>",
	} {
		require.True(t, leftOpen([]byte(cut)), cut)
	}
}

func TestAnArticleIsSeenToBeCutWhereverItIs(t *testing.T) {
	text := strings.ToLower(article("Storm over the bay"))
	from, to := strings.Index(text, "<nav>")+len("<nav>"), strings.Index(text, "</nav>")
	for at := from; at < to; at++ {
		require.True(t, leftOpen([]byte(text[:at])), text[from:at])
	}
	from, to = strings.Index(text, "<main")+1, strings.Index(text, "</main>")
	for at := from; at < to; at++ {
		require.True(t, leftOpen([]byte(text[:at])), text[from:at])
	}
	require.False(t, leftOpen([]byte(text)))
}
