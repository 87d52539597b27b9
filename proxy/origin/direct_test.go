package origin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

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
	out := o.direct(t.Context(), a, nil, withNobody)
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
		require.Equal(t, value, o.direct(t.Context(), a, nil, withNobody).Header.Get("Referer"))
	}
}

func TestTheBodyGoesWithItsLengthAndTrailer(t *testing.T) {
	o := NewOrigin(Config{ID: id("alternate"), URL: &url.URL{Scheme: "https", Host: "alternate.example"}})
	a := ask(http.MethodPost, "/")
	a.Body = NewBody(strings.NewReader("a letter"), 8)
	a.Trailer = http.Header{"X-Sum": nil}
	body, ok := a.Body.open()
	require.True(t, ok)
	out := o.direct(t.Context(), a, body, withNobody)
	require.Equal(t, body, out.Body)
	require.EqualValues(t, 8, out.ContentLength)
	require.Equal(t, a.Trailer, out.Trailer)
	require.Nil(t, out.GetBody, "net/http must not send it again by itself")
}

func TestAReadersConditionsStayBehindWhereAnotherOriginMayHaveMintedThem(t *testing.T) { // RFC 9111 §4.3.2, RFC 9110 §13.1.5
	o := NewOrigin(Config{ID: id("alternate"), URL: &url.URL{Scheme: "https", Host: "alternate.example"}})
	for _, test := range []struct {
		method  string
		sharing sharing
		given   string
		kept    string
	}{
		{"GET", withNobody, "If-None-Match If-Modified-Since If-Range Range", "If-None-Match If-Modified-Since If-Range Range"},
		{"HEAD", withNobody, "If-None-Match If-Modified-Since", "If-None-Match If-Modified-Since"},
		{"GET", withOthers, "If-None-Match If-Modified-Since If-Range Range", ""},
		{"GET", withOthers, "If-None-Match Range", "Range"},
		{"HEAD", withOthers, "If-None-Match If-Modified-Since", ""},
		{"GET", movedOn, "If-None-Match If-Modified-Since If-Range Range", ""},
		{"GET", movedOn, "Range", ""},
		{"HEAD", movedOn, "If-Modified-Since Range", ""},
		{"PUT", movedOn, "If-None-Match If-Modified-Since", "If-None-Match If-Modified-Since"}, // there they keep from overwriting
		{"POST", withOthers, "If-None-Match Range", "If-None-Match Range"},
	} {
		a := ask(test.method, "/")
		for name := range strings.FieldsSeq(test.given + " If-Match") {
			a.Header.Set(name, "the reader's")
		}
		out := o.direct(t.Context(), a, nil, test.sharing)
		for name := range strings.FieldsSeq(test.given) {
			require.Equal(t, slices.Contains(strings.Fields(test.kept), name), out.Header.Get(name) != "", "%+v: %s", test, name)
			require.NotEmpty(t, a.Header.Get(name), "the ask is not changed")
		}
		require.NotEmpty(t, out.Header.Get("If-Match"))
	}
}

func TestAReadersConditionsGoToNoneOfSeveralOriginsEvenAtFirst(t *testing.T) {
	for count, want := range map[int]string{1: `"of another"`, 2: ""} {
		synctest.Test(t, func(t *testing.T) {
			var came string
			handlers := []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
				came = r.Header.Get("If-None-Match")
				servePage(w, r)
			}, servePage}
			s := newScene(t, handlers[:count]...)
			a := ask(http.MethodGet, "/")
			a.Header.Set("If-None-Match", `"of another"`)
			got, err := s.pool.Fetch(t.Context(), a)
			requireAnswer(t, got, err, "a", page)
			require.Equal(t, want, came)
		})
	}
}

func TestTheConditionsOfTheOriginItselfStayWhenARequestHasMovedOn(t *testing.T) {
	o := NewOrigin(Config{ID: id("alternate"), URL: &url.URL{Scheme: "https", Host: "alternate.example"}})
	a := ask(http.MethodGet, "/")
	a.Header.Set("If-None-Match", `"the reader's"`)
	a.Conditional = func(_ string, header http.Header) { header.Set("If-None-Match", `"ours"`) }
	require.Equal(t, `"ours"`, o.direct(t.Context(), a, nil, movedOn).Header.Get("If-None-Match"))
}
