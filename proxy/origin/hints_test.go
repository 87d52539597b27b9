package origin

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// hinting sends an early hint, and answers as next does.
func hinting(link string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", link)
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		time.Sleep(time.Millisecond)
		next(w, r)
	}
}

// hintsOf fetches the front page and returns the links that came early.
func (s *scene) hintsOf() []string {
	var hints []string
	a := ask(http.MethodGet, "/")
	a.Interim = func(_ int, h http.Header) { hints = append(hints, h["Link"]...) }
	got, err := s.pool.Fetch(s.t.Context(), a)
	require.NoError(s.t, err)
	require.NoError(s.t, got.Response.Body.Close())
	return hints
}

// vouch is a good probe of an origin.
func (s *scene) vouch(origin string) {
	s.tracker.Observe(id(origin), health.Observation{At: time.Now(), Class: health.OK})
}

func TestHintsComeOnlyFromAnOriginThatIsHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, hinting("</a.css>; rel=preload", servePage), nil)
		require.Empty(t, s.hintsOf(), "unknown")
		s.vouch("a")
		require.Equal(t, []string{"</a.css>; rel=preload"}, s.hintsOf())
		s.tracker.Observe(id("a"), health.Observation{At: time.Now(), Class: health.ConnectRefused, Stage: health.StageConnect})
		require.Empty(t, s.hintsOf(), "suspect")
	})
}

func TestALoneOriginsHintsAreItsWordUntilItIsKnownToBeSomethingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, hinting("</a.css>; rel=preload", servePage))
		require.Equal(t, []string{"</a.css>; rel=preload"}, s.hintsOf(), "unknown")
		s.tracker.Observe(id("a"), health.Observation{At: time.Now(), Class: health.BlockPage, Stage: health.StageIdentity})
		require.Equal(t, health.Blocked, s.tracker.View(id("a")).Verdict)
		require.Empty(t, s.hintsOf())
	})
	lone, several := &race{pool: &Pool{site: Site{Origins: make([]*Origin, 1)}}}, &race{pool: &Pool{site: Site{Origins: make([]*Origin, 2)}}}
	for verdict, trusted := range map[health.Verdict]bool{
		health.Unknown: true, health.Healthy: true, health.Suspect: true, health.Down: true, health.Probation: true, health.Drained: true,
		health.Blocked: false, health.Hijacked: false,
	} {
		require.Equal(t, trusted, lone.trusts(verdict), verdict)
		require.Equal(t, verdict == health.Healthy, several.trusts(verdict), verdict)
	}
}

func TestHintsEndWithTheFirstAnswerThatIsNotThePublications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := hinting("</b.css>; rel=preload", servePage)
		for name, test := range map[string]struct {
			first http.HandlerFunc
			want  []string
		}{
			"a foreign page":        {serveHTML(200, notice), nil},
			"a server's error":      {serveStatus(500, "no"), nil},
			"no connection at all":  {nil, []string{"</b.css>; rel=preload"}},
			"closed with no answer": {breakOff, []string{"</b.css>; rel=preload"}},
		} {
			s := newScene(t, test.first, good)
			s.vouch("b")
			require.Equal(t, test.want, s.hintsOf(), name)
		}
	})
}

func TestHintsLeadNowhereElse(t *testing.T) { // RFC 8288 §3
	const mixed = `</a.css>; rel=preload, <https://elsewhere.test/x.js>; rel=preload, <//cdn.gazette.example/b,c.js>; title="a, \"<b>", <//elsewhere.test>; rel=preconnect, broken`
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, hinting(mixed, servePage))
		s.vouch("a")
		s.pool.site.Own = own
		require.Equal(t, []string{"</a.css>; rel=preload", `<//cdn.gazette.example/b,c.js>; title="a, \"<b>"`}, s.hintsOf())
	})
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, hinting("<https://elsewhere.test/>; rel=preconnect", servePage))
		s.vouch("a")
		s.pool.site.Own = own
		told := false
		a := ask(http.MethodGet, "/")
		a.Interim = func(int, http.Header) { told = true }
		got, err := s.pool.Fetch(t.Context(), a)
		requireAnswer(t, got, err, "a", page)
		require.False(t, told, "an empty hint is none")
	})
}
