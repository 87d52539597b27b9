package rewrite_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/proxy/rewrite"
)

// space is that of a site with two origins, of which one has a port of its own.
func space(t testing.TB) rewrite.Space {
	t.Helper()
	parse := func(text string) *url.URL {
		u, err := url.Parse(text)
		require.NoError(t, err)
		return u
	}
	return rewrite.Space{
		Canonical: parse("https://www.gazette.example"),
		Origins:   []*url.URL{parse("https://www.gazette.example"), parse("http://192.0.2.10:8080"), parse("https://[2001:db8::1]")},
	}
}

// addresses are references with what they become: neutral, then on a front.
var addresses = []struct{ given, neutral, front string }{
	{"https://www.gazette.example/a", "https://www.gazette.example/a", "/a"},
	{"http://www.gazette.example/a", "https://www.gazette.example/a", "/a"},
	{"HTTPS://WWW.Gazette.Example/A", "https://www.gazette.example/A", "/A"},
	{"https://www.gazette.example:443/a", "https://www.gazette.example/a", "/a"},
	{"http://www.gazette.example:80/a", "https://www.gazette.example/a", "/a"},
	{"//www.gazette.example/a", "https://www.gazette.example/a", "/a"},
	{"http://192.0.2.10:8080/a", "https://www.gazette.example/a", "/a"},
	{"//192.0.2.10:8080/a", "https://www.gazette.example/a", "/a"},
	{"https://[2001:db8::1]/a", "https://www.gazette.example/a", "/a"},
	{"https://[2001:db8::1]:443/a", "https://www.gazette.example/a", "/a"},
	{"https://www.gazette.example", "https://www.gazette.example", "/"},
	{"https://www.gazette.example?q", "https://www.gazette.example?q", "/?q"},
	{"https://www.gazette.example#f", "https://www.gazette.example#f", "/#f"},
	{"https://user:pass@www.gazette.example/a", "https://www.gazette.example/a", "/a"},
	{"https://www.gazette.example/a%2Fb\"c?d=%zz&e=f g#h", "https://www.gazette.example/a%2Fb\"c?d=%zz&e=f g#h", "/a%2Fb\"c?d=%zz&e=f g#h"},
	// Without the dot a reader would take what follows for a host.
	{"https://www.gazette.example//elsewhere.test/", "https://www.gazette.example//elsewhere.test/", "/.//elsewhere.test/"},
	{`https://www.gazette.example/\elsewhere.test/`, `https://www.gazette.example/\elsewhere.test/`, `/./\elsewhere.test/`},
	{"https://www.gazette.example/\t/elsewhere.test/", "https://www.gazette.example/\t/elsewhere.test/", "/.//elsewhere.test/"},
	{"http://192.0.2.10:8080/\t\r\n\\elsewhere.test/", "https://www.gazette.example/\t\r\n\\elsewhere.test/", `/./\elsewhere.test/`},
	{"https://www.gazette.example/a\tb", "https://www.gazette.example/a\tb", "/ab"},
	{`https://www.gazette.example\a`, `https://www.gazette.example\a`, "/a"},
	{`https://www.gazette.example\\elsewhere.test`, `https://www.gazette.example\\elsewhere.test`, `/./\elsewhere.test`},
}

// foreign are references that are not ours to change.
var foreign = []string{
	"", "/", "/a", "a", "?q", "#f", "./a:b", "https://elsewhere.test/", "https://www.gazette.example.elsewhere.test/",
	"https://elsewhere.test/https://www.gazette.example/", "https://www.gazette.example@elsewhere.test/",
	`https://elsewhere.test\@www.gazette.example/`, "https://www.gazette.example:8443/", "ftp://www.gazette.example/",
	"mailto:editor@www.gazette.example", "javascript:alert(1)", "data:text/plain,//www.gazette.example/", "https:///a", "//",
	"http://192.0.2.10:8081/", "http://192.0.2.10/a", "https://[2001:db8::1]:8443/", "https://sub.www.gazette.example/", "/redirect?to=//www.gazette.example/",
}

func TestOwnAddressesBecomeCanonicalThenTheFronts(t *testing.T) {
	s := space(t)
	for _, a := range addresses {
		for _, name := range []string{"Location", "Content-Location"} {
			header := http.Header{name: {a.given}}
			for range 2 { // doing it twice is the same as doing it once
				s.Neutralise(header)
				require.Equal(t, a.neutral, header.Get(name), a.given)
			}
		}
		require.Equal(t, a.front, s.ToFront(a.neutral), a.given)
		require.Equal(t, a.front, s.ToFront(a.front), a.given)
	}
}

func TestAddressesOfOthersAreNeverTouched(t *testing.T) {
	s := space(t)
	for _, reference := range foreign {
		header := http.Header{"Location": {reference}}
		s.Neutralise(header)
		require.Equal(t, reference, header.Get("Location"))
		require.Equal(t, reference, s.ToFront(reference))
	}
}

func TestAPortOfItsOwnIsPartOfTheCanonicalAddress(t *testing.T) {
	canonical, err := url.Parse("https://h.example:8443")
	require.NoError(t, err)
	s := rewrite.Space{Canonical: canonical}
	require.True(t, s.Own("H.example:8443"))
	require.Equal(t, "/a", s.ToFront("https://h.example:8443/a"))
	for _, other := range []string{"https://h.example/a", "https://h.example:443/a", "http://h.example:80/a", "https://h.example:8444/a"} {
		require.Equal(t, other, s.ToFront(other))
		header := http.Header{"Location": {other}}
		s.Neutralise(header)
		require.Equal(t, other, header.Get("Location"))
	}
}

func TestWhatIsTheOriginsAloneDoesNotReachReaders(t *testing.T) {
	header := http.Header{"Content-Type": {"text/html"}, "Strict-Transport-Security": {"max-age=60"}}
	want := header.Clone()
	for name, value := range map[string]string{
		"Alt-Svc": `h3=":443"; ma=60`, "NEL": `{"report_to":"a","max_age":60}`, "Report-To": `{"group":"a","endpoints":[{"url":"https://192.0.2.10/"}]}`,
		"Reporting-Endpoints": `a="https://192.0.2.10/"`, "Public-Key-Pins": `Pin-SHA256="AAAA"; max-age=60`,
		"Public-Key-Pins-Report-Only": `pin-sha256="AAAA"; report-uri="https://192.0.2.10/"`,
	} {
		header.Add(name, "no order at all")
		header.Add(name, value)
	}
	space(t).Neutralise(header)
	require.Equal(t, want, header)
}

func TestWhatNoBrowserCanObeyIsAFieldLikeOthers(t *testing.T) {
	header := http.Header{
		"Alt-Svc": {"clear"}, "Nel": {"a"}, "Report-To": {"b"}, "Reporting-Endpoints": {"c"}, "Public-Key-Pins": {"max-age=60"},
		"Public-Key-Pins-Report-Only": {""}, "X-Any": {"d", "e"}, "Set-Cookie2": {"f=1; Domain=a"}, "Location": {"", "/a"},
	}
	want := header.Clone()
	space(t).Neutralise(header)
	require.Equal(t, want, header)
}

func TestEachOfSeveralAddressesBecomesCanonical(t *testing.T) {
	header := http.Header{"Content-Location": {"http://192.0.2.10:8080/a", "/b", "https://elsewhere.test/"}}
	space(t).Neutralise(header)
	require.Equal(t, []string{"https://www.gazette.example/a", "/b", "https://elsewhere.test/"}, header["Content-Location"])
}

func TestCookiesLoseTheDomainOnly(t *testing.T) {
	s := space(t)
	header := http.Header{"Set-Cookie": {
		"a=1; Domain=gazette.example; Path=/; Secure", "b=Domain=x; domain = .gazette.example;HttpOnly", "c=3", "d=;DOMAIN", "e=1; Domains=2",
	}}
	for range 2 {
		s.Neutralise(header)
		require.Equal(t, []string{"a=1; Path=/; Secure", "b=Domain=x;HttpOnly", "c=3", "d=", "e=1; Domains=2"}, header["Set-Cookie"])
	}
}

func TestFrontBecomesCanonicalInARequest(t *testing.T) {
	const canonical = "https://www.gazette.example"
	for _, test := range []struct{ name, sent, want string }{
		{"Origin", "https://front.test", canonical},
		{"Origin", "http://FRONT.test", canonical},
		{"Origin", "https://front.test:8443", "https://front.test:8443"},
		{"Origin", "https://elsewhere.test", "https://elsewhere.test"},
		{"Origin", "null", "null"},
		{"Referer", "https://front.test/a%2Fb?c", canonical + "/a%2Fb?c"},
		{"Referer", "https://front.test", canonical + "/"},
		{"Referer", "https://elsewhere.test/private", ""},
		{"Referer", "https://front.test@elsewhere.test/", ""},
		{"Referer", "about:blank", ""},
		{"Referer", "/a", ""},
	} {
		header := http.Header{test.name: {test.sent}}
		space(t).FromFront(header, "front.test")
		require.Equal(t, test.want, header.Get(test.name), test.sent)
	}
}

func TestOwnKnowsTheSitesHosts(t *testing.T) {
	s := space(t)
	for _, host := range []string{"www.gazette.example", "WWW.gazette.example:443", "www.gazette.example:80", "192.0.2.10:8080", "[2001:db8::1]", "[2001:db8::1]:443"} {
		require.True(t, s.Own(host), host)
	}
	for _, host := range []string{"", "gazette.example", "www.gazette.example:8443", "192.0.2.10", "192.0.2.10:8081", "192.0.2.10:80", "[2001:db8::2]", "[2001:db8::1]:8443", "2001:db8::1", ":443"} {
		require.False(t, s.Own(host), host)
	}
}

// FuzzAddresses holds the contract against anything an origin may send: twice is
// once, and no reference of the site's leads a reader to another host.
func FuzzAddresses(f *testing.F) {
	for _, a := range addresses {
		f.Add(a.given)
	}
	for _, reference := range foreign {
		f.Add(reference)
	}
	s := space(f)
	f.Fuzz(func(t *testing.T, reference string) {
		header := http.Header{"Location": {reference}, "Set-Cookie": {reference}}
		s.Neutralise(header)
		once, cookie := header.Get("Location"), header.Get("Set-Cookie")
		s.Neutralise(header)
		require.Equal(t, once, header.Get("Location"))
		require.Equal(t, cookie, header.Get("Set-Cookie"))
		fronted := s.ToFront(once)
		require.Equal(t, fronted, s.ToFront(fronted))
		if fronted == once {
			return
		}
		require.True(t, strings.HasPrefix(fronted, "/"))
		require.False(t, strings.HasPrefix(fronted, "//") || strings.HasPrefix(fronted, `/\`), "%q names a host", fronted)
		if u, err := url.Parse(fronted); err == nil {
			require.Empty(t, u.Host)
		}
	})
}

// FuzzReferer holds the request's side: a Referer leaves canonical or not at all.
func FuzzReferer(f *testing.F) {
	for _, referer := range slices.Concat(foreign, []string{"https://front.test/a", "https://front.test"}) {
		f.Add(referer)
	}
	s := space(f)
	f.Fuzz(func(t *testing.T, referer string) {
		header := http.Header{"Referer": {referer}}
		s.FromFront(header, "front.test")
		if got := header.Get("Referer"); got != "" {
			require.True(t, strings.HasPrefix(got, "https://www.gazette.example/"), got)
		}
	})
}
