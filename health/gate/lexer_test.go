package gate

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// TestTheLexerReadsTagsAsTheStandardDoes holds the lexer to a whole reader of HTML.
func TestTheLexerReadsTagsAsTheStandardDoes(t *testing.T) {
	genuine, foreign := corpus(t)
	pages := []string{
		"a < b <p>c", "<a href='x\">y'>", "<A HREF=x/y>z</A>", "<p a=1 b c = '2'/>", "<!-- <p> --><!--> <b>", "<!doctype html><?x?><i>",
		"<script>if (a</b/) '<p>'</script><p>", "<title>a<b</title><u>", "<a\nhref\t=\n\"x\">", "</p x=y>", "</ x><p>",
	}
	for _, s := range append(genuine, foreign...) {
		if charsetOf(&s.Answer, s.Body) == "" {
			pages = append(pages, string(s.Body))
		}
	}
	// That library reads the inside of these as text, as a browser with scripts does.
	asOthers := strings.NewReplacer("NOFRAMES", "SECTION", "noscript", "section")
	for _, page := range pages {
		page = asOthers.Replace(page)
		require.Equal(t, standardTags(page), lexedTags(page), "%s", page)
	}
}

func standardTags(page string) []string {
	var tags []string
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return tags
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			tag := string(name[:min(len(name), 16)])
			for more {
				var key []byte
				key, _, more = z.TagAttr()
				tag += " " + string(key[:min(len(key), 16)])
			}
			tags = append(tags, tag)
		case html.EndTagToken:
			name, _ := z.TagName()
			tags = append(tags, "/"+string(name[:min(len(name), 16)]))
		}
	}
}

func lexedTags(page string) []string {
	var tags []string
	var lex lexer
	lex.begin([]byte(page))
	for {
		switch lex.next() {
		case tokenEnd:
			return tags
		case tokenOpen:
			tag := string(lex.name)
			for {
				name, _, ok := lex.attribute()
				if !ok {
					break
				}
				tag += " " + string(name)
			}
			tags = append(tags, tag)
		case tokenClose:
			tags = append(tags, "/"+string(lex.name))
		}
	}
}

func TestHostsOfAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"https://a.example/x": "a.example", "HTTP://A.example": "A.example", "//b.example:80/": "b.example",
		"http://u:p@c.example:1/": "c.example", "https://[::1]:8/": "[::1]", "/x": "", "x/y:z": "", "?q": "", "https://d.example./": "d.example",
	} {
		host, is := hostOf([]byte(address))
		require.True(t, is, address)
		require.Equal(t, want, string(host), address)
	}
	for _, nowhere := range []string{"", "#top", "mailto:a@b.example", "javascript:void(0)", "tel:1", "https://"} {
		_, is := hostOf([]byte(nowhere))
		require.False(t, is, nowhere)
	}
}

func TestFolding(t *testing.T) {
	for text, want := range map[string]string{
		"  A\n\tB ":            " a b ",
		"ERİŞİM Engellendi":    "erisim engellendi",
		"l&#39;acc&egrave;s":   "l'acces",
		"ممنوعٌ كـــتاب":       "ممنوع کتاب",
		"می\u200cرسد":          "می رسد",
		"&#x41;&#0065;&bogus;": "aa&bogus;",
		"&#xFFFFFFF;&":         "&#xfffffff;&",
		"Ещё":                  "еще",
	} {
		require.Equal(t, strings.TrimLeft(want, " "), strings.TrimLeft(string(appendFolded(nil, []byte(text))), " "), text)
	}
	require.LessOrEqual(t, len(appendFolded(nil, bytes.Repeat([]byte("ж"), Limit))), maxFolded+8)
}
