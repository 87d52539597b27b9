package gate

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// answer is a page answered 200, with header fields as name and value in turn.
func answer(body string, fields ...string) Answer {
	a := Answer{Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Path: "/", Body: []byte(body), Whole: true}
	for i := 0; i+1 < len(fields); i += 2 {
		a.Header.Set(fields[i], fields[i+1])
	}
	return a
}

func with(a Answer, status int, path string) Answer {
	a.Status, a.Path = status, path
	return a
}

func navigated(a Answer) Answer {
	a.Navigation = true
	return a
}

func TestOnePageAtAnyPathIsASignAndNoVerdict(t *testing.T) {
	genuine, _ := corpus(t)
	shells := 0
	for _, s := range genuine {
		if strings.Contains(s.why, "shell") {
			shells++
			f := New().Judge(s.Answer, Known{Wildcard: true, Explain: true})
			require.Equal(t, Unknown, f.Kind, s.file)
			require.Contains(t, f.Evidence, "any path is answered with the same page")
		}
	}
	require.GreaterOrEqual(t, shells, 3)
}

func TestAPageThatIsMerelyUnlikeIsToldFromTheRest(t *testing.T) {
	like := Known{Hosts: []string{"www.gazette.example"}, Baseline: gazetteBaseline(t)}
	marked := like
	marked.Markers = []string{"Gazette"}
	for _, c := range []struct {
		name   string
		a      Answer
		known  Known
		kind   Kind
		merely bool
	}{
		{"a page of another template", answer("<p>ok</p>"), like, Mismatch, true},
		{"one that lacks the marker", answer("<p>ok</p>"), marked, Mismatch, false},
		{"one of an empty server", answer("<title>Welcome to nginx!</title>"), like, Mismatch, false},
		{"a block page", answer("<title>x</title>this site is blocked"), like, BlockPage, false},
		{"a network's sign-in", with(answer("<p>ok</p>"), 511, "/"), like, Mismatch, false},
		{"one of the template", answer("<title>Harbour Gazette</title>"), like, Genuine, false},
	} {
		f := New().Judge(c.a, c.known)
		require.Equal(t, c.kind.String(), f.Kind.String(), c.name)
		require.Equal(t, c.merely, f.MerelyUnlike(), c.name)
	}
}

func TestBarenessAndWordingAloneAreNoMoreThanASuspicion(t *testing.T) {
	page := answer("<title>x</title>this site is blocked. access denied, by order of the court")
	require.Equal(t, Low, New().Judge(page, Known{}).Confidence)
	require.Equal(t, High, New().Judge(page, Known{Baseline: gazetteBaseline(t)}).Confidence)
	require.Equal(t, High, New().Judge(page, Known{Markers: []string{"Gazette"}}).Confidence)
}

func TestJudgements(t *testing.T) {
	marked := Known{Hosts: []string{"www.gazette.example"}, Markers: []string{"Gazette"}}
	nothing := Known{Hosts: []string{"www.gazette.example"}}
	gate := New()
	long := strings.Repeat("<p>word after word</p>", 400)
	page := "<html><title>Gazette</title><body><a href=/a>a</a><a href=/b>b</a><a href=/c>c</a>" + long
	for _, c := range []struct {
		name  string
		a     Answer
		known Known
		want  Kind
	}{
		{"RFC 7725 §3: 451 is legal whatever the page", with(answer(page), 451, "/"), marked, Legal},
		{"RFC 6585 §4: 429 is rate limited", with(answer(page), 429, "/"), marked, RateLimited},
		{"the challenge's header decides", answer(page, "Cf-Mitigated", "challenge"), marked, Challenge},
		{"a policy that names challenge hosts is none", answer(page, "Content-Security-Policy", "script-src /cdn-cgi/challenge-platform/"), marked, Genuine},
		{"the challenge's script without its status is none", answer(page + `<script src="/cdn-cgi/challenge-platform/x.js"></script>`), nothing, Unknown},
		{"the challenge's script with 403", with(answer(`<script src="/cdn-cgi/challenge-platform/x.js"></script>`), 403, "/"), nothing, Challenge},
		{"403 with the marker is the site's own", with(answer(page), 403, "/"), marked, Genuine},
		{"403 without is denied", with(answer("<h1>Forbidden</h1>"), 403, "/"), marked, Denied},
		{"403 that is no page is denied", with(answer("no", "Content-Type", "text/plain"), 403, "/"), marked, Denied},
		{"5xx without the marker speaks of trouble", with(answer("<h1>Bad gateway</h1>"), 502, "/"), marked, Unknown},
		{"404 of a bare server speaks of nothing", with(answer("<h1>Not Found</h1>"), 404, "/x"), marked, Unknown},
		{"markers must all be there", answer(page), Known{Markers: []string{"Gazette", "Harbour"}}, Mismatch},
		{"a marker that has not come yet is not missing", Answer{Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte("<p>" + strings.Repeat("x ", Limit))}, marked, Unknown},
		{"a marker beyond the limit is found", answer("<p>" + strings.Repeat("x ", Limit) + "Gazette"), marked, Genuine},
		{"a canary vouches for a redesign", answer("<title>Else</title>" + long), Known{Baseline: gazetteBaseline(t), Vouched: true}, Genuine},
		{"without it the redesign is unlike", answer("<title>Else</title>" + long), Known{Baseline: gazetteBaseline(t)}, Mismatch},
		{"wording on a long page is not believed", answer("<title>Blocked</title>this site is blocked" + strings.Repeat("<a href=/x>on</a> ", 40)), nothing, Unknown},
		{"wording on a bare page is", answer("<title>x</title>this site is blocked"), nothing, BlockPage},
		{"quoted wording is nobody's word", answer("<title>x</title><blockquote>this site is blocked</blockquote>"), nothing, Unknown},
		{"vague wording needs two signs", answer("<h1>Access denied</h1>"), nothing, Unknown},
		{"the random path is a second sign", answer("<h1>Access denied</h1>"), Known{Wildcard: true}, BlockPage},
		{"a bare page that says where it belongs is no notice", answer(`<title>x</title><link href="https://www.gazette.example/b/1" rel="Canonical">this site is blocked`), nothing, Unknown},
		{"one that belongs elsewhere is", answer(`<title>x</title><link rel="canonical" href="https://isp.example/b">this site is blocked`), nothing, BlockPage},
		{"one that says no host is", answer(`<title>x</title><link rel="canonical" href="/b"><link rel="stylesheet" href="https://www.gazette.example/s.css">this site is blocked`), nothing, BlockPage},
		{"a place is no proof", answer(`<title>x</title><link rel="canonical" href="https://www.gazette.example/">this site is blocked`), marked, BlockPage},
		{"a marker on a seizure banner", answer("<title>Gazette</title><h1>This website has been seized</h1>"), marked, Seized},
		{"a marker on the frame of another page", answer(`<title>Gazette</title><iframe src="https://evil.example/">`), marked, Mismatch},
		{"a marker above a parking script", answer(`<title>Gazette</title><script src="https://www.sedoparking.com/p.js">`), marked, Parked},
		{"HTML for a script", with(answer("<html><title>Portal</title>"), 200, "/app.js"), nothing, ForeignType},
		{"HTML for a script, called a script", with(answer("<!DOCTYPE html><html>", "Content-Type", "application/javascript"), 200, "/app.js"), nothing, ForeignType},
		{"HTML for a picture of a wiki", with(answer("<html><title>Picture</title>"), 200, "/wiki/File:Lock.jpg"), nothing, Unknown},
		{"the site's own page for a missing script", with(answer(page), 200, "/old.js"), marked, Genuine},
		{"data that is called a page", with(answer(`{"title":"this site is blocked"}`), 200, "/api/data.json"), marked, Unknown},
		{"a page for data", with(answer("<!doctype html><p>this site is blocked"), 200, "/api/data.json"), nothing, BlockPage},
		{"XML that is a page", answer(`<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">this site is blocked</html>`, "Content-Type", "text/xml"), nothing, BlockPage},
		{"plain text is not judged", answer("this site is blocked", "Content-Type", "text/plain"), nothing, Unknown},
		{"plain text that is navigated to is", navigated(answer("this site is blocked", "Content-Type", "text/plain")), nothing, BlockPage},
		{"plain text needs no marker", navigated(answer("High water at noon", "Content-Type", "text/plain")), marked, Unknown},
		{"plain text need not be like a page", navigated(answer("High water at noon", "Content-Type", "text/plain")), Known{Baseline: gazetteBaseline(t)}, Unknown},
		{"one page at any path is no objection", answer(`<title>App</title><div id="root"></div>`), Known{Wildcard: true}, Unknown},
		{"vague phrases do not add up to a clear one", answer("<title>Live</title>Our website has been blocked by court order"), nothing, Unknown},
		{"nor are they outweighed by vague ones of another kind", answer("<title>x</title>This site is blocked. Europol, law enforcement, court order"), nothing, BlockPage},
		{"a bare page is unlike any other: one sign", answer("<title>Live</title>Our website has been blocked by court order"), Known{Baseline: gazetteBaseline(t)}, Mismatch},
		{"a script that moves on from nothing", answer(`<script>location="https://isp.example/"</script>access denied`), nothing, BlockPage},
		{"a script on a page with content", answer(`<script>if(top!==self){top.location="https://cdn.example/"}</script><title>x</title>this site is blocked` + strings.Repeat("<a href=/x>on</a> ", 40) + long), nothing, Unknown},
		{"a script that moves on to a shop for domains", answer(`<script>location="https://sedo.com/x"</script>`), nothing, Parked},
		{"such a script on a page with content", answer(`<script>if(top!==self){top.location="https://sedo.com/x"}</script><p>` + strings.Repeat("word ", 200)), nothing, Unknown},
		{"a refresh to a shop for domains", answer(`<meta http-equiv="refresh" content="0;url=https://dan.com/x">`), nothing, Parked},
		{"one link to a shop for domains", answer(`<p>The council bids at <a href="https://epik.com/">Epik</a>`), nothing, Unknown},
		{"two links to shops for domains", answer(`<p><a href="https://epik.com/">Epik</a> <a href="https://dan.com/">Dan</a>`), nothing, Unknown},
		{"two of them in the words of a seller", answer(`<a href=/a>a</a><a href=/b>b</a><a href=/c>c</a><a href="https://epik.com/1">related searches</a><a href="https://epik.com/2">y</a><a href="https://epik.com/3">z</a>`), nothing, Parked},
		{"a 404 page for a script", with(answer("<html>no"), 404, "/app.js"), nothing, Unknown},
		{"a program for a page", with(answer("MZ", "Content-Type", "application/octet-stream"), 200, "/index.html"), nothing, ForeignType},
		{"a picture for the home page", answer("\x89PNG", "Content-Type", "image/png"), marked, ForeignType},
		{"a picture for a home page that was one", answer("\x89PNG", "Content-Type", "image/png"), Known{Baseline: gazetteBaseline(t)}, ForeignType},
		{"a picture for a home page that nothing is known of", answer("\x89PNG", "Content-Type", "image/png"), nothing, Unknown},
		{"a feed at the home page", answer("<?xml version='1.0'?><rss>", "Content-Type", "application/rss+xml"), nothing, Unknown},
		{"a picture for a style sheet", with(answer("GIF89a", "Content-Type", "image/gif"), 200, "/a.css"), nothing, ForeignType},
		{"a script for a script", with(answer("var a = '<html>'", "Content-Type", "text/javascript"), 200, "/a.js"), nothing, Unknown},
		{"a redirect to a shop for domains", with(answer("", "Location", "https://www.sedo.com/x"), 302, "/"), marked, Parked},
		{"a redirect on the site", with(answer("", "Location", "https://gazette.example/"), 301, "/"), marked, Unknown},
		{"an empty page", answer(""), marked, Mismatch},
		{"no type and a page", Answer{Status: 200, Header: http.Header{}, Body: []byte("<!doctype html><p>x"), Whole: true}, marked, Mismatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := gate.Judge(c.a, c.known)
			require.Equal(t, c.want.String(), f.Kind.String(), "%q", f.Evidence)
			require.Equal(t, c.want.Foreign(), len(f.Evidence) > 0)
		})
	}
}

func TestEvidenceIsGivenWhenAskedFor(t *testing.T) {
	k := Known{Markers: []string{"Gazette"}, Explain: true}
	require.NotEmpty(t, New().Judge(answer("<title>Gazette</title>"), k).Evidence)
	require.NotEmpty(t, New().Judge(answer("<title>x</title>"), Known{Explain: true}).Evidence)
}

func TestAJudgementDoesNotDependOnTheOneBefore(t *testing.T) {
	genuine, foreign := corpus(t)
	one := New()
	known := Known{Hosts: []string{"www.gazette.example"}}
	for _, s := range append(genuine, foreign...) {
		fresh := &Gate{matcher: one.matcher}
		fresh.readings.New = one.readings.New
		require.Equal(t, fresh.Judge(s.Answer, known), one.Judge(s.Answer, known), s.file)
	}
}

func TestManyJudgeAtOnce(t *testing.T) {
	genuine, foreign := corpus(t)
	g := New()
	done := make(chan bool)
	for range 4 {
		go func() {
			same := true
			for _, s := range foreign {
				same = same && g.Judge(s.Answer, Known{Markers: []string{"Harbour Gazette is here"}}).Kind != Genuine
			}
			done <- same
		}()
	}
	for range 4 {
		require.True(t, <-done)
	}
	require.NotEmpty(t, genuine)
}

func TestEveryKindHasAClass(t *testing.T) {
	seen := map[health.Class]Kind{}
	for _, k := range Kinds() {
		class := k.Class()
		require.Contains(t, health.Classes(), class, k)
		require.Equal(t, k.Foreign(), class != health.OK, "%s: an objection, and only an objection, is a failure", k)
		if other, taken := seen[class]; taken {
			require.Equal(t, health.OK, class, "%s and %s are one class", k, other)
		}
		seen[class] = k
	}
}

func TestKindsAreAClosedSetOfWords(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kinds() {
		text, err := json.Marshal(k)
		require.NoError(t, err)
		require.Equal(t, `"`+k.String()+`"`, string(text))
		require.False(t, seen[k.String()])
		seen[k.String()] = true
	}
	require.Len(t, seen, 11)
	require.False(t, Kind(200).Foreign())
}

// TestFoldingDoesNotDependOnWhereATextIsCut: runs of ASCII are folded at once, and
// must come out as letter by letter.
func TestFoldingDoesNotDependOnWhereATextIsCut(t *testing.T) {
	for _, text := range []string{
		"", " ", "a", "A B", " A  B\t\nC ", "A &amp; B&nbsp;&nbsp;C", "Ünter É A\u0301 B \u00a0 C", "a &b c", "X\x00Y  \x01Z", "ДОСТУП к  САЙТУ a b",
		strings.Repeat("Word by word ", maxFolded/10), strings.Repeat("a  b ", maxFolded), strings.Repeat("я w ", maxFolded),
	} {
		var single []byte
		for rest := []byte(text); len(rest) > 0; {
			n := 1
			if rest[0] == '&' {
				_, n = reference(rest)
			} else if rest[0] >= utf8.RuneSelf {
				_, n = utf8.DecodeRune(rest)
			}
			single = appendFolded(single, rest[:n])
			rest = rest[n:]
		}
		require.Equal(t, string(single), string(appendFolded(nil, []byte(text))), "%.40q", text)
	}
}
