package origin

import (
	"net/http"
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
	for _, test := range []struct {
		name, value string
		stated      bool
	}{
		{"Expires", "Thu, 01 Jan 2026 00:00:00 GMT", true}, {"Cache-Control", "public, S-MaxAge=5", true},
		{"Cache-Control", "max-age=0", true}, {"Cache-Control", "no-store", false}, {"Retry-After", "5", false},
	} {
		require.Equal(t, test.stated, statesLifetime(http.Header{test.name: {test.value}}), test)
	}
	require.True(t, statesLifetime(http.Header{"Cache-Control": {"public", "max-age=5"}}))
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
