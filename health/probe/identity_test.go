package probe

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/canary"
	"github.com/heliograph-edge/heliograph/health/gate"
)

const html = "Content-Type: text/html; charset=utf-8\r\n"

// article is a page of the publication, with a menu and as much text as one has.
func article(title string) string {
	var b strings.Builder
	b.WriteString("<!doctype html><html><head><title>" + title + " — The Harbour Gazette</title></head><body class=gazette><nav>")
	for _, section := range []string{"news", "harbour", "culture", "sport", "weather", "letters", "archive", "about", "contact", "imprint"} {
		b.WriteString("<a class=section href=/" + section + ">" + section + "</a> ")
	}
	b.WriteString("</nav><main id=story><h1>" + title + "</h1>")
	for range 20 {
		b.WriteString("<p class=par>The ferry to the islands goes every morning at seven, and comes back when the tide lets it, which is not the same hour on any two days of the week.</p>")
	}
	b.WriteString("</main><footer><a href=/contact>The Harbour Gazette</a></footer></body></html>")
	return b.String()
}

const (
	seizure = "<html><head><title>This domain has been seized</title></head><body><h1>THIS DOMAIN HAS BEEN SEIZED</h1><p>This domain has been seized by the Federal Bureau in accordance with a seizure warrant.</p></body></html>"
	forSale = "<html><head><title>gazette.example</title></head><body><h1>This domain is for sale</h1><p>Buy this domain. The domain gazette.example may be for sale.</p><a href=http://www.sedoparking.com/>Inquire</a></body></html>"
	blocked = "<html><head><title>Access denied</title></head><body><h1>Access to this website has been blocked</h1><p>Access to this site is blocked by order of the court.</p></body></html>"
)

// judgedBy is a target whose pages the gate judges.
func judgedBy(t *testing.T, f func(net.Conn)) Target {
	target := serve(t, "http", f)
	target.Gate, target.Contains = gate.New(), nil
	target.Known.Hosts = []string{name}
	return target
}

// learnt is what is known of a site after some good pages.
func learnt(t *testing.T) *gate.Baseline {
	var b *gate.Baseline
	g := gate.New()
	known := gate.Known{Hosts: []string{name}, Markers: []string{"The Harbour Gazette"}}
	for _, title := range []string{"Storm over the bay", "A new bridge", "Council meets"} {
		a := gate.Answer{Status: 200, Header: map[string][]string{"Content-Type": {"text/html"}}, Path: "/", Body: []byte(article(title)), Whole: true}
		var taken bool
		b, taken = b.Learn(a, known, g.Judge(a, known), time.Now())
		require.True(t, taken)
	}
	return b
}

func TestWhatStandsInThePagesPlaceIsNamed(t *testing.T) {
	known := learnt(t)
	for _, test := range []struct {
		name   string
		status int
		header string
		body   string
		class  health.Class
	}{
		{"a seizure banner", 200, html, seizure, health.Seized},
		{"a domain for sale", 200, html, forSale, health.Parked},
		{"a block page", 200, html, blocked, health.BlockPage},
		{"a block page that says 403", 403, html, blocked, health.BlockPage},
		{"a block page that says 503", 503, html, blocked, health.BlockPage},
		{"another publication", 200, html, "<html><head><title>Welcome to nginx!</title></head><body><h1>Welcome to nginx!</h1></body></html>", health.IdentityMismatch},
		{"a picture", 200, "Content-Type: image/png\r\n", "\x89PNG\r\n", health.ForeignType},
		{"a denial", 403, html, "<html><title>403 Forbidden</title><h1>Forbidden</h1></html>", health.Denied},
		{"an error", 502, html, "<html><title>502 Bad Gateway</title><h1>Bad Gateway</h1></html>", health.ServerError},
		{"a page that is missing", 404, html, article("Not found"), health.StatusUnexpected},
		{"the publication", 200, html, article("The lighthouse is a hundred"), health.OK},
		{"an article that quotes a notice", 200, html, strings.Replace(article("How they block"), "</main>", "<blockquote>"+blocked+"</blockquote></main>", 1), health.OK},
	} {
		for _, contains := range [][]string{nil, {"The Harbour Gazette"}} {
			t.Run(test.name+" "+strings.Join(contains, ""), func(t *testing.T) {
				target := judgedBy(t, say(whole(test.status, test.header, test.body)))
				target.Known.Baseline, target.Contains = known, contains
				r := One(t.Context(), target, loopback)
				want := test.class
				if len(contains) > 0 && want == health.IdentityMismatch {
					want = health.IdentityMissing
				}
				require.Equal(t, want, r.Class, "%s %q", r.Reason, r.Evidence)
				require.Equal(t, test.status, r.Page.Status)
				require.Equal(t, "/", r.Page.Path)
				require.Equal(t, test.body, string(r.Page.Body))
				require.True(t, r.Page.Whole)
				require.Equal(t, r.OK(), len(r.Evidence) == 0, r.Evidence)
				if test.status == 200 {
					require.Equal(t, r.OK(), r.Judged.Kind == gate.Genuine)
				}
				require.NotEmpty(t, r.Steps[len(r.Steps)-1].Words)
			})
		}
	}
}

func TestANoticeThatIsWrittenWithoutCareIsStillOne(t *testing.T) {
	unclosed := strings.Replace(strings.TrimSuffix(blocked, "</p></body></html>"), "<body>", "<body><div>", 1)
	sloppy := "HTTP/1.0 200 OK\r\n" + html + "\r\n" + unclosed
	r := One(t.Context(), judgedBy(t, say(sloppy)), loopback)
	require.Equal(t, health.BlockPage, r.Class, r.Reason)
	require.Contains(t, strings.Join(r.Evidence, "\n"), "without </html>")

	cut := "HTTP/1.0 200 OK\r\n" + html + "\r\n" + article("Storm over the bay")[:2000]
	r = One(t.Context(), judgedBy(t, say(cut)), loopback)
	require.Equal(t, health.BodyUnfinished, r.Class, r.Reason)
}

func TestAPageInAnOlderCharsetHasItsMarker(t *testing.T) {
	// "Газета" in windows-1251.
	body := strings.Replace(article("x"), "The Harbour Gazette</a>", "\xc3\xe0\xe7\xe5\xf2\xe0</a>", 1)
	target := judgedBy(t, say(whole(200, "Content-Type: text/html; charset=windows-1251\r\n", body)))
	target.Contains = []string{"Газета"}
	r := One(t.Context(), target, loopback)
	require.Equal(t, health.OK, r.Class, r.Reason)

	target.Contains = []string{"Вестник"}
	r = One(t.Context(), target, loopback)
	require.Equal(t, health.IdentityMissing, r.Class, r.Reason)
	require.Contains(t, r.Reason, "Вестник")
}

// withCanary serves pages beside a canary.
func withCanary(t *testing.T, page, proof func(net.Conn)) Target {
	n := &newspaper{page: page}
	n.shows(proof)
	target := judgedBy(t, n.answer)
	target.Canary = &CanaryCheck{Site: "gazette", Key: keyOf(t, "gazette", 'a').Public(), Seen: canary.NewMemory()}
	target.Known.Baseline = learnt(t)
	return target
}

func TestARedesignIsVouchedForByTheCanary(t *testing.T) {
	redesign := writes(whole(200, html, "<!doctype html><html><head><title>Новый сайт</title></head><body><div class=new>"+strings.Repeat("<section><h2>x</h2><p>Совсем другое.</p></section>", 40)+"</div></body></html>"))
	good := writes(whole(200, "", signed(t, keyOf(t, "gazette", 'a'), 7, 48*time.Hour)))

	r := One(t.Context(), withCanary(t, redesign, good), loopback)
	require.Equal(t, health.OK, r.Class, "%s %q", r.Reason, r.Evidence)
	require.True(t, r.Proven)
	require.Contains(t, r.Steps[len(r.Steps)-1].Words, "canary")

	target := withCanary(t, redesign, good)
	target.Canary = nil
	r = One(t.Context(), target, loopback)
	require.Equal(t, health.IdentityMismatch, r.Class, r.Reason)
	require.False(t, r.Proven)

	target = withCanary(t, redesign, good)
	target.Contains = []string{"The Harbour Gazette"}
	r = One(t.Context(), target, loopback)
	require.Equal(t, health.IdentityMissing, r.Class, r.Reason)
}

func TestWhatStandsThereSaysMoreThanTheCanaryThatDoesNot(t *testing.T) {
	none := writes(whole(200, html, seizure))
	r := One(t.Context(), withCanary(t, none, none), loopback)
	require.Equal(t, health.Seized, r.Class, r.Reason)
	require.Contains(t, strings.Join(r.Evidence, "\n"), "the canary: its first line is not")

	r = One(t.Context(), withCanary(t, writes(whole(200, html, article("A copy"))), none), loopback)
	require.Equal(t, health.CanaryInvalid, r.Class, r.Reason)

	stale := writes(whole(200, "", signed(t, keyOf(t, "gazette", 'a'), 7, time.Minute)))
	r = One(t.Context(), withCanary(t, writes(whole(200, html, article("A copy"))), stale), loopback)
	require.Equal(t, health.CanaryStale, r.Class, r.Reason)
}

func TestAnOriginWithOnePageForEveryPathMayBeParked(t *testing.T) {
	bare := "<html><head><title>gazette.example</title></head><body><p>Related searches</p><a href=/a>1</a><a href=/b>2</a></body></html>"
	for _, test := range []struct {
		name    string
		unknown string // the answer for a path that does not exist
		page    string
		asks    int
		class   health.Class
	}{
		{"one page for all", whole(200, html, bare), bare, 2, health.Parked},
		{"a page that is not found", whole(404, html, "no such page"), bare, 2, health.OK},
		{"another page", whole(200, html, article("Search")), bare, 2, health.OK},
		{"a reset", "", bare, 2, health.OK},
		{"an application that has one page", whole(200, html, article("News")), article("News"), 2, health.OK},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked := make(chan string, 8)
			target := judgedBy(t, func(c net.Conn) {
				path := strings.Fields(hear(c))[1]
				asked <- path
				switch {
				case path == "/":
					_, _ = io.WriteString(c, whole(200, html, test.page))
				case test.unknown == "":
					reset(c)
				default:
					_, _ = io.WriteString(c, test.unknown)
				}
			})
			target.RandomPath = true
			r := One(t.Context(), target, loopback)
			require.Equal(t, test.class, r.Class, "%s %q", r.Reason, r.Evidence)
			require.Len(t, asked, test.asks)
			require.Equal(t, "/", <-asked)
			random := <-asked
			require.Greater(t, len(random), 20, "nobody can have linked to it")

			target.Contains = []string{"<html"}
			require.Equal(t, health.OK, One(t.Context(), target, loopback).Class, "what proves the page needs no such test")
			require.Len(t, asked, 1)
		})
	}
}

func TestAPageThatIsNotReadToItsEndIsComparedLikeAnyOther(t *testing.T) {
	head := func(content string) string { return "HTTP/1.1 200 OK\r\n" + html + "\r\n" + content }
	const strange = "<!doctype html><html><head><title>Welcome</title></head><body>"
	like := strings.TrimSuffix(article("Storm over the bay"), "</main><footer><a href=/contact>The Harbour Gazette</a></footer></body></html>")
	known := learnt(t)
	slowly := func(first string) func(net.Conn) {
		return func(c net.Conn) {
			hear(c)
			_, err := io.WriteString(c, first+strings.Repeat("<p>more</p>", gate.Limit/11+1))
			for err == nil {
				time.Sleep(20 * time.Millisecond)
				_, err = io.WriteString(c, "<p>and more</p>")
			}
		}
	}
	for _, test := range []struct {
		name   string
		origin func(net.Conn)
		class  health.Class
	}{
		{"endless, and another's", endless(head(strange), "<p>more of it</p>"), health.IdentityMismatch},
		{"slow after what is judged, and another's", slowly(head(strange)), health.IdentityMismatch},
		{"long, and another's", say(whole(200, html, strange+strings.Repeat("<p>more</p>", 60_000))), health.IdentityMismatch},
		{"endless, and ours", endless(head(like), "<p class=par>more of it</p>"), health.OK},
		{"slow after what is judged, and ours", slowly(head(like)), health.OK},
	} {
		t.Run(test.name, func(t *testing.T) {
			target := judgedBy(t, test.origin)
			target.Timeout = time.Second
			target.Known.Baseline = known
			r := One(t.Context(), target, loopback)
			require.Equal(t, test.class, r.Class, "%s %q", r.Reason, r.Evidence)
			require.False(t, r.Page.Whole)
			require.GreaterOrEqual(t, len(r.Page.Body), gate.Limit)
		})
	}
}

func TestAnEmptyPageIsSaidToBeOne(t *testing.T) {
	target := judgedBy(t, say(whole(200, html, "")))
	require.Equal(t, health.OK, One(t.Context(), target, loopback).Class, "nothing is known to compare with")

	target.Known.Baseline = learnt(t)
	r := One(t.Context(), target, loopback)
	require.Equal(t, health.IdentityMismatch, r.Class, r.Reason)
	require.Equal(t, "the page is empty", r.Reason)

	for _, g := range []*gate.Gate{nil, target.Gate} {
		target.Gate, target.Contains = g, []string{"The Harbour Gazette"}
		r = One(t.Context(), target, loopback)
		require.Equal(t, health.IdentityMissing, r.Class, r.Reason)
		require.Equal(t, "the page is empty", r.Reason)
		require.Equal(t, `it should contain "The Harbour Gazette"`, r.Evidence[0])
	}
}

func TestNoComparisonIsClaimedWhereNothingIsKnown(t *testing.T) {
	frame := "<html><head><title>The Harbour Gazette</title></head><body><iframe src=https://elsewhere.example/></iframe></body></html>"
	target := judgedBy(t, say(whole(200, html, frame)))
	target.Contains = []string{"The Harbour Gazette"}
	r := One(t.Context(), target, loopback)
	require.Equal(t, health.IdentityMismatch, r.Class, "%s %q", r.Reason, r.Evidence)
	require.Equal(t, "nothing proves the page (medium confidence): it is only the frame of another site's page", r.Reason)
	require.NotContains(t, strings.Join(r.Evidence, "\n"), "like")
}
