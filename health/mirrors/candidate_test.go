package mirrors

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// urls are the addresses of candidates, with where each was found.
func urls(candidates []Candidate) []string {
	var all []string
	for _, c := range candidates {
		all = append(all, string(c.Where)+" "+c.URL)
	}
	return all
}

func TestNoticesInEveryLanguageNameCandidates(t *testing.T) {
	for language, notice := range map[string]string{
		"en":               `This website can also be accessed at the following alternate addresses: <a href="https://a.example/">one</a>, b.example.`,
		"en across tags":   `This website <b>can also be</b> accessed <span>at</span>: https://a.example and https://b.example/.`,
		"en upper case":    `ALTERNATE ADDRESSES: A.EXAMPLE, B.EXAMPLE`,
		"fa":               "این وب\u200cسایت در نشانی\u200cهای جایگزین زیر نیز در دسترس است: <a href=https://a.example>یک</a>، b.example",
		"fa Arabic letter": "آدرس هاي جايگزين: https://a.example \u200fhttps://b.example",
		"ar":               `يمكنكم الوصول إلى هذا الموقع أيضًا عبر: https://a.example، https://b.example`,
		"ar vowel signs":   `العَنَاوِين البَدِيلَة: https://a.example https://b.example`,
		"ru":               `Если сайт заблокирован, пользуйтесь: a.example и b.example`,
		"ru mirrors":       `ЗЕРКАЛА САЙТА: <a href=//a.example>а</a> <a href='http&#58;//b.example' rel=nofollow>б</a>`,
		"zh":               `本站备用网址：https://a.example或https://b.example。`,
		"zh traditional":   `備用網址：a.example、b.example`,
		"tr":               `Sitemize şu adreslerden de ulaşabilirsiniz: a.example / b.example`,
		"tr dotless":       `SİTE ENGELLENDİYSE: https://a.example (https://b.example)`,
		"es":               `También se puede acceder en: «a.example» y «b.example»`,
		"fr":               `Ce site est &eacute;galement accessible : a.example, b.example`,
		"fr in pieces":     `Adresses<br>alternatives : <ul><li>a.example<li><code>https://b.example</code></ul>`,
	} {
		found := Candidates(nil, []byte("<html><body><nav><a href=https://partner.example>x</a></nav><footer><p>"+notice+"</p></footer>"+
			"<p><a href=https://late.example>after</a></p>"), []string{"www.gazette.example"})
		var hosts []string
		for _, c := range found {
			require.Equal(t, Notice, c.Where, language)
			require.NotEmpty(t, c.Words, language)
			hosts = append(hosts, c.Host)
		}
		require.Equal(t, []string{"a.example", "b.example"}, hosts, language)
	}
}

func TestHeaderAndElementsNameCandidates(t *testing.T) {
	header := http.Header{
		"Link": {`<https://a.example/x>; rel=duplicate; pri=1, </y>; rel="duplicate", <https://b.example>; title="a, b; rel=duplicate"; rel="prev Duplicate"`,
			`<https://c.example>; rel=alternate; rel=duplicate, <https://www.gazette.example>; rel=duplicate, <https://cut`},
		"Onion-Location": {"https://gazettexyz.onion/news"},
	}
	page := `<link rel="duplicate nofollow" href="https://d.example"><link rel=duplicate href=/here><link rel=canonical href="https://e.example">
		<meta http-equiv=Onion-Location content="http://gazetteabc.onion"><meta http-equiv=onion-location content="https://f.example">`
	require.Equal(t, []string{
		"link_duplicate https://a.example/x", "link_duplicate https://b.example", "onion_location https://gazettexyz.onion/news",
		"link_duplicate https://d.example", "onion_location http://gazetteabc.onion",
	}, urls(Candidates(header, []byte(page), []string{"https://gazette.example"})))
}

// TestWhatANoticeDoesNotNameIsNoCandidate: an article links to many places.
func TestWhatANoticeDoesNotNameIsNoCandidate(t *testing.T) {
	const says = `<p>Alternate addresses: `
	own := []string{"www.gazette.example", "bücher.example"}
	for name, page := range map[string]string{
		"no notice":                   `<p>Read on at <a href=https://a.example>a</a> or b.example.</p>`,
		"the site itself":             says + `<a href=https://gazette.example/x>x</a> www.gazette.example https://xn--bcher-kva.example`,
		"links within the site":       says + `<a href=/x>x</a> <a href=y.example>y</a> <a href=mailto:a@b.example>mail</a> <a>none</a>`,
		"a mail address":              says + `write to editor@b.example`,
		"no names":                    says + `e.g. at 5.30 p.m. See No.5, file.x or U.S. and and/or 10.0.0.1, 192.168.1.1`,
		"private places":              says + `https://127.0.0.1 https://router.local https://10.10.34.34/`,
		"the end of the footer":       says + `</p></footer><p>https://a.example`,
		"the next heading":            says + `</p><h2>Partners</h2><p>https://a.example`,
		"far below":                   says + strings.Repeat("word after word ", 200) + `</p><p>https://a.example`,
		"a quotation":                 `<blockquote>` + says + `</p></blockquote><p>https://a.example`,
		"a script":                    `<script>"Alternate addresses"</script><p>https://a.example<script>` + says + `https://b.example</script>`,
		"a title":                     `<title>Alternate addresses</title><p>https://a.example`,
		"words of two blocks":         `<p>alternate</p><p>addresses https://a.example`,
		"a comment":                   `<!-- alternate addresses --><p>https://a.example`,
		"an address with a password":  says + `https://user:word@a.example`,
		"an address that is too long": says + `https://a.example/` + strings.Repeat("x", maxAddress),
	} {
		require.Empty(t, Candidates(http.Header{}, []byte(page), own), name)
	}
}

// TestAnInjectedNoticeGivesNoMoreThanACandidate is what a block page can do at most.
func TestAnInjectedNoticeGivesNoMoreThanACandidate(t *testing.T) {
	found := Candidates(nil, []byte(`<p>If this site is blocked, go to <a href="https://evil.example/login?for=gazette">our new home</a>`), []string{"gazette.example"})
	require.Equal(t, []Candidate{{Address{"https://evil.example/login?for=gazette", "evil.example"}, Notice, "if this site is blocked"}}, found)
}

func TestCandidatesOfAPageAreBounded(t *testing.T) {
	var page strings.Builder
	for i := range 5000 {
		page.WriteString("<p>Alternate addresses: <a href=https://a")
		page.WriteString(strings.Repeat("b", i%40))
		page.WriteString(".example>x</a></p>")
	}
	require.Len(t, Candidates(nil, []byte(page.String()), nil), MaxCandidates)
	require.Empty(t, Candidates(nil, []byte(strings.Repeat(" ", MaxPage)+"<p>Alternate addresses: https://a.example"), nil))
	require.Len(t, Candidates(nil, []byte("<p>Alternate addresses: "+strings.Repeat("https://a.example ", 1<<16)), nil), 1)
	header := http.Header{"Link": {strings.Repeat(`<https://a.example>; rel=x, `, 1<<16) + "<https://b.example>; rel=duplicate"}}
	require.Empty(t, Candidates(header, nil, nil))
}

func TestEveryPhraseIsHeard(t *testing.T) {
	require.Greater(t, len(phrases()), 60)
	for line := range strings.Lines(noticePhrases) {
		_, phrase, found := strings.Cut(strings.TrimSpace(line), ": ")
		if !found {
			require.Empty(t, strings.TrimSpace(line))
			continue
		}
		require.Less(t, len(phrase), longestPhrase)
		require.Len(t, Candidates(nil, []byte("<p>... "+phrase+": https://a.example"), nil), 1, line)
	}
}
