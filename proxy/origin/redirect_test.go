package origin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// own knows the test publication's hosts.
func own(host string) bool {
	return host == "www.gazette.example" || strings.HasSuffix(host, ".gazette.example")
}

func TestWhereARedirectLeads(t *testing.T) {
	for location, away := range map[string]bool{
		"/": false, "news": false, "?q": false, "#f": false, "./a:b": false, "/to?u=https://elsewhere.test/": false,
		"https://www.gazette.example/": false, "//b.gazette.example/a": false, "http:/www.gazette.example/": false,
		"https://elsewhere.test/": true, "HTTPS://elsewhere.test": true, "//elsewhere.test/": true, "https://www.gazette.example@elsewhere.test/": true,
		`/\elsewhere.test/`: true, `\\elsewhere.test`: true, "/\t/elsewhere.test/": true, "///elsewhere.test/": true,
		"http:elsewhere.test": true, "https:/elsewhere.test/": true, "https://elsewhere.test/%zz": true, "intent://www.gazette.example/": true,
		"https://www.gazette.example.elsewhere.test/": true,
	} {
		response := answered(302, strings.NewReader(""), "Location", location)
		found := inspect(response, http.MethodGet, gated(Site{Own: own}), true)
		require.Equal(t, away, found.class == health.RedirectOffsite, location)
		require.Equal(t, away, found.word, location)
		require.Equal(t, away, found.doubtful, location)
		require.Equal(t, health.OK, inspect(response, http.MethodGet, gated(Site{}), true).class, "without Own none is doubted")
		response.StatusCode = 201
		require.Equal(t, health.OK, inspect(response, http.MethodGet, gated(Site{Own: own}), true).class, "no redirect")
	}
}

// redirect answers with a redirect and nothing else.
func redirect(location string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusFound)
	}
}

func TestARedirectOffThePublicationAsksAnotherOriginFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, redirect("https://elsewhere.test/"), servePage)
		s.pool.site.Own = own
		got, err := s.fetch()
		requireAnswer(t, got, err, "b", page)
		require.False(t, got.Doubtful)
		require.Equal(t, []string{"a>b: redirect_offsite"}, s.seen.failovers)
		require.Equal(t, health.StageIdentity, got.Attempts[0].Stage)
		require.Contains(t, got.Attempts[0].Reason, "elsewhere.test")
		require.Equal(t, "destination_unavailable", got.Attempts[0].Class.ProxyError(), "RFC 9209 §2.3")
	})
}

func TestARedirectOnThePublicationIsTheAnswer(t *testing.T) {
	for _, location := range []string{"/news", "news", "https://www.gazette.example/news", "http://b.gazette.example/news", "//a.gazette.example/news"} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, redirect(location), servePage)
			s.pool.site.Own = own
			got, err := s.fetch()
			requireAnswer(t, got, err, "a", "")
			require.Equal(t, location, got.Response.Header.Get("Location"))
			require.False(t, got.Doubtful)
			require.Zero(t, s.liveFailures("a"))
		})
	}
}

func TestAnOriginThatRedirectsToItsHTTPSAddressIsAFailedAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, redirect("https://a.gazette.example/"), servePage)
		got, err := s.fetch()
		requireAnswer(t, got, err, "b", page)
		require.Equal(t, health.RedirectLoop, got.Attempts[0].Class)
		require.Equal(t, "the origin redirects to https: configure its https address", got.Attempts[0].Reason)

		s = newScene(t, redirect("https://a.gazette.example/"))
		_, err = s.fetch()
		require.ErrorContains(t, err, "configure its https address")
	})
}

func TestARedirectToThePageThatWasAskedForIsAFailedAttempt(t *testing.T) {
	for _, location := range []string{"/", "http://a.gazette.example/", "//a.gazette.example:443/#top", "http://b.gazette.example/"} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, redirect(location), servePage)
			s.pool.site.Own = own
			got, err := s.fetch()
			requireAnswer(t, got, err, "b", page)
			require.Equal(t, health.RedirectLoop, got.Attempts[0].Class, location)

			_, err = newScene(t, redirect("/")).fetch()
			var none *Error
			require.ErrorAs(t, err, &none, "nor is a reader sent round where nobody has a better answer")
		})
	}
}

func TestWhichRedirectsGoRoundInACircle(t *testing.T) {
	parse := func(text string) *url.URL {
		u, err := url.Parse(text)
		require.NoError(t, err)
		return u
	}
	site := gated(Site{Origins: []*Origin{
		NewOrigin(Config{ID: id("a"), URL: parse("https://a.gazette.example")}), NewOrigin(Config{ID: id("b"), URL: parse("http://b.gazette.example")}),
		NewOrigin(Config{ID: id("c"), URL: parse("http://192.0.2.1:8001")}), NewOrigin(Config{ID: id("d"), URL: parse("http://192.0.2.1:8002")}),
	}})
	for _, test := range []struct {
		method, asked, location, cookie string
		circle                          bool
	}{
		{"GET", "http://b.gazette.example/a?b", "https://b.gazette.example/a?b", "", true},
		{"HEAD", "http://b.gazette.example/a", "HTTPS://B.gazette.example:8443/a", "", true},
		{"GET", "http://b.gazette.example/a", "https://a.gazette.example/a", "", true},
		{"GET", "http://b.gazette.example/a", "https://a.gazette.example/a", "seen=1", false},
		{"GET", "http://b.gazette.example/a", "https://b.gazette.example/b", "", false},
		{"GET", "http://b.gazette.example/a?b", "https://b.gazette.example/a", "", false},
		{"GET", "http://b.gazette.example/a", "/a", "", true},
		{"GET", "http://b.gazette.example/a", "/a", "seen=1", false},
		{"GET", "http://b.gazette.example/a?b", "?b", "", true},
		{"GET", "http://b.gazette.example/a", "/b", "", false},
		{"GET", "https://a.gazette.example/a", "https://a.gazette.example/a", "", true},
		{"GET", "https://a.gazette.example/a", "http://a.gazette.example/a", "", true},
		{"GET", "http://192.0.2.1:8001/a", "http://192.0.2.1:8002/a", "", true},
		{"GET", "http://192.0.2.1:8001/a", "http://192.0.2.1:8002/a", "seen=1", false},
		{"GET", "http://192.0.2.1:8001/a", "http://192.0.2.1:8003/a", "", false},
		{"GET", "http://192.0.2.1:8001/a", "http://192.0.2.1:8002/b", "", false},
		{"GET", "http://192.0.2.1:8001/a", "http://192.0.2.1:8001/a", "", true},
		{"GET", "http://b.gazette.example/a", "https://amp.gazette.example/a", "", false},
		{"POST", "http://b.gazette.example/a", "https://b.gazette.example/a", "", false},
	} {
		response := answered(302, strings.NewReader(""), "Location", test.location)
		response.Request = &http.Request{URL: parse(test.asked)}
		if test.cookie != "" {
			response.Header.Set("Set-Cookie", test.cookie)
		}
		require.Equal(t, test.circle, site.circle(response, test.method) != "", test)
	}
}
