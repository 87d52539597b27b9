package origin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheRequestIsDirectedToTheOrigin(t *testing.T) {
	o := NewOrigin(Config{ID: id("alternate"), URL: &url.URL{Scheme: "http", Host: "alternate.example:8080"}})
	a := ask(http.MethodGet, "/news")
	a.URL.RawQuery = "page=2"
	a.Header = http.Header{
		"Origin":  {"https://www.gazette.example"},
		"Referer": {"https://www.gazette.example/front?a=b"},
		"Accept":  {"text/html"},
	}
	a.Conditional = func(origin string, header http.Header) { header.Set("If-None-Match", `"of `+origin+`"`) }
	before := a.Header.Clone()
	out := o.direct(t.Context(), a, nil, false)
	require.Equal(t, "http://alternate.example:8080/news?page=2", out.URL.String())
	require.Equal(t, "alternate.example:8080", out.Host)
	require.Equal(t, "http://alternate.example:8080", out.Header.Get("Origin"))
	require.Equal(t, "http://alternate.example:8080/front?a=b", out.Header.Get("Referer"))
	require.Equal(t, "text/html", out.Header.Get("Accept"))
	require.Equal(t, `"of alternate"`, out.Header.Get("If-None-Match"))
	require.Contains(t, out.Header, "User-Agent")
	require.Nil(t, out.Header["User-Agent"], "no agent of net/http's own")
	require.Nil(t, out.Body)
	require.Equal(t, before, a.Header, "the next origin is asked with the same")
	require.Equal(t, "https://www.gazette.example/news?page=2", a.URL.String())
}

func TestOnlyTheCanonicalAddressIsReplaced(t *testing.T) {
	o := NewOrigin(Config{ID: id("alternate"), URL: &url.URL{Scheme: "https", Host: "alternate.example"}})
	for _, value := range []string{
		"https://www.gazette.example.evil.example/", "https://www.gazette.example:8443/", "http://www.gazette.example/",
		"https://elsewhere.example/https://www.gazette.example/", "null", "",
	} {
		a := ask(http.MethodGet, "/")
		a.Header.Set("Referer", value)
		require.Equal(t, value, o.direct(t.Context(), a, nil, false).Header.Get("Referer"))
	}
}

func TestTheBodyGoesWithItsLengthAndTrailer(t *testing.T) {
	o := NewOrigin(Config{ID: id("alternate"), URL: &url.URL{Scheme: "https", Host: "alternate.example"}})
	a := ask(http.MethodPost, "/")
	a.Body = NewBody(strings.NewReader("a letter"), 8)
	a.Trailer = http.Header{"X-Sum": nil}
	body, ok := a.Body.open()
	require.True(t, ok)
	out := o.direct(t.Context(), a, body, false)
	require.Equal(t, body, out.Body)
	require.EqualValues(t, 8, out.ContentLength)
	require.Equal(t, a.Trailer, out.Trailer)
	require.Nil(t, out.GetBody, "net/http must not send it again by itself")
}

func TestARequestThatHasMovedOnLeavesTheReadersConditionsBehind(t *testing.T) {
	o := NewOrigin(Config{ID: id("alternate"), URL: &url.URL{Scheme: "https", Host: "alternate.example"}})
	for _, test := range []struct {
		method string
		moved  bool
		kept   bool
	}{
		{"GET", false, true}, {"GET", true, false}, {"HEAD", true, false},
		{"PUT", true, true}, {"POST", true, true}, // there they keep from overwriting
	} {
		a := ask(test.method, "/")
		for _, name := range ownConditions {
			a.Header.Set(name, "the reader's")
		}
		a.Header.Set("If-Match", "the reader's")
		out := o.direct(t.Context(), a, nil, test.moved)
		for _, name := range ownConditions {
			require.Equal(t, test.kept, out.Header.Get(name) != "", "%s %s", test.method, name)
			require.NotEmpty(t, a.Header.Get(name), "the ask is not changed")
		}
		require.NotEmpty(t, out.Header.Get("If-Match"))
	}
}

func TestTheConditionsOfTheOriginItselfStayWhenARequestHasMovedOn(t *testing.T) {
	o := NewOrigin(Config{ID: id("alternate"), URL: &url.URL{Scheme: "https", Host: "alternate.example"}})
	a := ask(http.MethodGet, "/")
	a.Header.Set("If-None-Match", `"the reader's"`)
	a.Conditional = func(_ string, header http.Header) { header.Set("If-None-Match", `"ours"`) }
	require.Equal(t, `"ours"`, o.direct(t.Context(), a, nil, true).Header.Get("If-None-Match"))
}
