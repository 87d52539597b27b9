package origin

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

func TestAnErrorIsPassedOnWhereNoOriginHasABetterAnswer(t *testing.T) {
	tests := []struct {
		name     string
		handlers []http.HandlerFunc
		status   int
		body     string
	}{
		{"the 5xx of a lone origin", []http.HandlerFunc{serveStatus(503, "alone")}, 503, "alone"},
		{"the first 5xx of several that says how long", []http.HandlerFunc{serveStatus(503, "no"), lasting(503, "first"), lasting(500, "second")}, 503, "first"},
		{"a lasting 5xx before a dead origin", []http.HandlerFunc{lasting(500, "word"), nil}, 500, "word"},
		{"a lasting 5xx after a dead origin", []http.HandlerFunc{nil, lasting(502, "word")}, 502, "word"},
		{"a 5xx that shows the identity", []http.HandlerFunc{serveHTML(503, page)}, 503, page},
		{"a 403 that does not show it", []http.HandlerFunc{serveHTML(403, notice), breakOff}, 403, notice},
		{"501 judges the request, not the origin", []http.HandlerFunc{serveStatus(501, "what?"), servePage}, 501, "what?"},
		{"404 of all", []http.HandlerFunc{serveHTML(404, page), serveHTML(404, page)}, 404, page},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, test.handlers...)
				got, err := s.fetch()
				require.NoError(t, err)
				require.Equal(t, test.status, got.Response.StatusCode)
				require.Equal(t, test.body, readAll(t, got))
			})
		})
	}
}

// lasting answers with a status that says how long it holds.
func lasting(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, Max-Age=5")
		serveStatus(status, text)(w, r)
	}
}

func TestAnErrorOfSeveralOriginsThatDoesNotSayHowLongIsNotPassedOn(t *testing.T) {
	for _, handlers := range [][]http.HandlerFunc{
		{serveStatus(503, "first"), serveStatus(500, "second")}, {serveStatus(500, "word"), nil}, {nil, serveStatus(502, "word")},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, handlers...)
			_, err := s.fetch()
			var none *Error
			require.ErrorAs(t, err, &none)
			require.Len(t, none.Attempts, 2)
		})
	}
}

func TestALifetimeIsStatedByTheseFields(t *testing.T) { // RFC 9111 §4.2.1
	const sunday, later = "Date: Sun, 01 Jun 2025 12:00:00 GMT", "Expires: Sun, 01 Jun 2025 12:00:01 GMT"
	for _, test := range []struct {
		stated bool
		fields []string
	}{
		{true, []string{sunday, later}}, {false, []string{later}}, {false, []string{sunday, "Expires: Sun, 01 Jun 2025 12:00:00 GMT"}},
		{false, []string{"Expires: 0"}}, {false, []string{"Expires: "}}, {false, []string{sunday, later, later}},
		{true, []string{"Expires: Sun, 01 Jun 9999 12:00:00 GMT"}},
		{true, []string{"Cache-Control: public, S-MaxAge=5"}}, {true, []string{"Cache-Control: public", "Cache-Control: max-age=5"}},
		{true, []string{`Cache-Control: Max-Age="5"`}}, {true, []string{"Cache-Control: max-age=99999999999999999999"}},
		{false, []string{"Cache-Control: max-age=0"}}, {false, []string{"Cache-Control: max-age=-5"}}, {false, []string{"Cache-Control: max-age=+5"}},
		{false, []string{"Cache-Control: max-age"}}, {false, []string{"Cache-Control: x-max-age=5"}},
		{false, []string{"Cache-Control: max-age=5, s-maxage=0"}}, {true, []string{"Cache-Control: max-age=0, s-maxage=5"}},
		{false, []string{"Cache-Control: max-age=0", sunday, later}},
		{false, []string{"Cache-Control: no-store, no-cache, max-age=60"}}, {false, []string{"Cache-Control: private", "Cache-Control: max-age=60"}},
		{false, []string{"Cache-Control: no-store", sunday, later}},
		{true, []string{"CDN-Cache-Control: max-age=5", "Cache-Control: no-store"}}, {false, []string{"CDN-Cache-Control: no-store", "Cache-Control: max-age=5"}},
		{false, []string{"CDN-Cache-Control: public", sunday, later}},
		{false, []string{"Retry-After: 5"}}, {false, nil},
	} {
		header := http.Header{}
		for _, field := range test.fields {
			name, value, _ := strings.Cut(field, ": ")
			header.Add(name, value)
		}
		require.Equal(t, test.stated, statesLifetime(header), test.fields)
	}
}

func TestARefusalWithoutTheIdentityIsNotHeldAgainstItsOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, serveHTML(403, notice), servePage)
		got, err := s.fetch()
		requireAnswer(t, got, err, "b", page)
		require.False(t, got.Doubtful)
		require.Equal(t, health.Denied, got.Attempts[0].Class)
		require.Equal(t, health.StageIdentity, got.Attempts[0].Stage)
		require.Equal(t, []string{"a>b: denied"}, s.seen.failovers)
		require.Equal(t, []health.Class{health.Denied}, s.seen.of("a"), "the metrics know of it")
		require.Zero(t, s.liveFailures("a"))
	})
}

func TestWhatIsPassedOnForWantOfABetterAnswerIsDoubtful(t *testing.T) {
	away := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://elsewhere.test/", http.StatusFound)
	}
	for name, test := range map[string]struct {
		handlers []http.HandlerFunc
		status   int
		doubtful bool
	}{
		"a foreign 403 of all":           {[]http.HandlerFunc{serveHTML(403, notice), serveHTML(403, notice)}, 403, true},
		"a redirect elsewhere of all":    {[]http.HandlerFunc{away, away}, 302, true},
		"a redirect elsewhere, and none": {[]http.HandlerFunc{away, nil}, 302, true},
		"an error that says how long":    {[]http.HandlerFunc{lasting(503, "word"), nil}, 503, false},
		"the publication's refusal":      {[]http.HandlerFunc{serveHTML(403, page)}, 403, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, test.handlers...)
				s.pool.site.Own = own
				got, err := s.fetch()
				require.NoError(t, err)
				require.Equal(t, test.status, got.Response.StatusCode)
				require.Equal(t, test.doubtful, got.Doubtful)
				readAll(t, got)
			})
		})
	}
}

func TestAPageThatMayBeForeignIsNeverPassedOn(t *testing.T) {
	for _, status := range []int{200, 203, 500, 503} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, serveHTML(status, notice), serveHTML(status, notice))
			_, err := s.fetch()
			var none *Error
			require.ErrorAs(t, err, &none, status)
			require.Len(t, none.Attempts, 2)
		})
	}
}
