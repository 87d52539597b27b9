package origin

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/gate"
)

const (
	seized    = "<!doctype html><title>Seized</title><h1>This domain has been seized</h1><p>by order of the court."
	parked    = "<!doctype html><title>gazette.example</title><p>This domain is for sale.<a href='https://sedo.com/x'>Buy this domain</a>"
	challenge = "<!doctype html><title>Just a moment...</title><script src='/cdn-cgi/challenge-platform/h/b/orchestrate'></script>"
)

// unmarked takes the markers from a scene's site, so that pages are judged by what
// speaks against them alone.
func (s *scene) unmarked() { s.pool.site.Markers = nil }

// article is a page that has what pages have.
var article = "<!doctype html><html><head><title>High water at noon</title></head><body>" +
	strings.Repeat("<p>The tide comes in, and the harbour fills, as it does each day. <a href='/tides'>All tides</a> <a href='/news'>News</a></p>\n", 20) +
	"</body></html>"

func TestWhatStandsInThePublicationsPlaceIsNeverShown(t *testing.T) {
	tests := []struct {
		name   string
		origin http.HandlerFunc
		class  health.Class
	}{
		{"a block page", serveHTML(200, denied), health.BlockPage},
		{"a block page that is a 403", serveHTML(403, denied), health.BlockPage},
		{"a block page that is a 503", serveHTML(503, denied), health.BlockPage},
		{"a block page without a type", func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			io.WriteString(w, denied)
		}, health.BlockPage},
		{"a zipped block page", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, zipped(t, denied))
		}, health.BlockPage},
		{"a seizure banner", serveHTML(200, seized), health.Seized},
		{"a parking page", serveHTML(200, parked), health.Parked},
		{"a challenge by its script", serveHTML(503, challenge), health.Challenge},
		{"a challenge by its header", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cf-Mitigated", "challenge")
			serveHTML(403, "<p>no word of it")(w, r)
		}, health.Challenge},
	}
	for _, test := range tests {
		for _, marked := range []bool{true, false} {
			t.Run(test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newScene(t, test.origin, serveHTML(200, page+article))
					if !marked {
						s.unmarked()
					}
					got, err := s.fetch()
					requireAnswer(t, got, err, "b", page+article)
					require.Equal(t, []health.Class{test.class}, s.seen.of("a"))
					require.Equal(t, 1, s.liveFailures("a"), "health hears of it")
					require.NotEmpty(t, got.Attempts[0].Reason)
					require.False(t, got.Doubtful)

					s = newScene(t, test.origin)
					if !marked {
						s.unmarked()
					}
					_, err = s.fetch()
					var none *Error
					require.ErrorAs(t, err, &none, "nor where nobody has anything better")
					require.Equal(t, test.class, none.Class())
				})
			})
		}
	}
}

func TestAForeignPageAccusesItsOriginWithEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, serveHTML(200, seized), servePage)
		got, err := s.fetch()
		requireAnswer(t, got, err, "b", page)
		require.Equal(t, health.Suspect, s.tracker.View(id("a")).Verdict, "at once")
		require.Contains(t, s.tracker.View(id("a")).Reason, `it says "this domain has been seized"`)
	})
}

func TestHealthHearsWhatAnObjectionRestsOn(t *testing.T) {
	for _, response := range []*http.Response{
		answered(200, strings.NewReader(denied)), answered(451, strings.NewReader("")), answered(503, strings.NewReader(challenge)),
	} {
		e := ended{attempt: &attempt{}, response: response, found: inspect(response, http.MethodGet, gated(Site{}), true)}
		seen := e.observation()
		require.NotEmpty(t, seen.Evidence)
		require.Contains(t, seen.Reason, seen.Evidence[0])
		require.Contains(t, seen.Reason, seen.Class.Meaning())
	}
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, refusing(429, "Retry-After", "90"))
		a := &attempt{pool: s.pool, origin: s.at["a"].origin, ask: ask(http.MethodGet, "/"), started: time.Now()}
		a.ctx, a.cancel = context.WithCancelCause(t.Context())
		e := a.send(nil, heard{})
		require.Equal(t, 90*time.Second, e.observation().RetryAfter)
		e.drop(errDone)
	})
}

func TestAPageWithoutMarkersIsHeldNoLongerThanItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, func(w http.ResponseWriter, _ *http.Request) {
			flushed(w, "text/html", article[:100])
			time.Sleep(10 * time.Second)
			io.WriteString(w, article[100:])
		})
		s.unmarked()
		began := time.Now()
		got, err := s.fetch()
		require.NoError(t, err)
		require.Equal(t, holdTime, time.Since(began))
		require.True(t, got.Doubtful, "nothing proves it")
		require.Equal(t, article, readAll(t, got))
	})
}

func TestWhatIsKnownOfTheSiteIsAskedForEachAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var known gate.Known
		s := newScene(t, serveHTML(200, article))
		s.unmarked()
		s.pool.site.Known = func() gate.Known { return known }
		got, err := s.fetch()
		requireAnswer(t, got, err, "a", article)

		known.Wildcard = true
		known.Markers = []string{"what it does not have"}
		_, err = s.fetch()
		var none *Error
		require.ErrorAs(t, err, &none)
		require.Equal(t, health.IdentityMismatch, none.Class())
	})
}

func TestAMarkerInAnotherCharsetIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := "<!doctype html><title>G\xe1ceta</title>" + article
		s := newScene(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
			io.WriteString(w, body)
		})
		s.pool.site.Markers = []string{"Gáceta"}
		got, err := s.fetch()
		requireAnswer(t, got, err, "a", body)
		require.False(t, got.Doubtful)
	})
}

func TestAMarkerLateInALongPageIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := strings.Repeat(article, 55) + marker + strings.Repeat(article, 10)
		require.Greater(t, strings.Index(body, marker), 2*gate.Limit)
		s := newScene(t, serveHTML(200, body))
		s.pool.site.Known = func() gate.Known { return gate.Known{Wildcard: true} }
		got, err := s.fetch()
		requireAnswer(t, got, err, "a", body)
	})
}

func TestAnArticleThatQuotesABlockPageIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := strings.Replace(article, "<p>", "<p>Readers of the provider see:</p><blockquote>Access denied. By order of the ministry, this site is blocked.</blockquote><p>", 1)
		s := newScene(t, serveHTML(200, body))
		s.unmarked()
		got, err := s.fetch()
		requireAnswer(t, got, err, "a", body)
		require.Equal(t, []health.Class{health.OK}, s.seen.of("a"))
	})
}

func TestAPartOfAPageIsNotJudgedAsAPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, serveHTML(206, seized))
		asked := ask(http.MethodGet, "/")
		asked.Header.Set("Range", "bytes=0-9")
		got, err := s.pool.Fetch(t.Context(), asked)
		requireAnswer(t, got, err, "a", seized)

		_, err = s.fetch()
		var none *Error
		require.ErrorAs(t, err, &none, "nobody asked for a part")
		require.Equal(t, health.ProtocolError, none.Class())
	})
}
