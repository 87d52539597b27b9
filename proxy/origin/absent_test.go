package origin

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

func TestAPageThatOneOriginLacksIsFetchedFromAnother(t *testing.T) {
	for _, status := range []int{404, 410} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, serveStatus(status, "none"), servePage)
				got, err := s.pool.Fetch(t.Context(), ask(method, "/"))
				require.NoError(t, err)
				readAll(t, got)
				require.Equal(t, "b", got.Origin)
				require.Equal(t, http.StatusOK, got.Response.StatusCode)
				require.False(t, got.Doubtful || got.Agreed)
				require.Len(t, got.Attempts, 2)
				require.Zero(t, s.liveFailures("a"), "it accuses nobody")
				require.Empty(t, s.seen.failovers, "and is no failure")
			})
		}
	}
}

func TestThatThereIsNoSuchPageIsBelievedOnlyOfTwo(t *testing.T) {
	none, page404 := serveStatus(404, "none"), serveHTML(404, notice)
	for name, test := range map[string]struct {
		handlers         []http.HandlerFunc
		agreed, doubtful bool
		status, asked    int
	}{
		"both lack it":                      {[]http.HandlerFunc{none, serveStatus(410, "gone")}, true, false, 404, 2},
		"the other cannot be reached":       {[]http.HandlerFunc{none, nil}, false, true, 404, 2},
		"the other answers with an error":   {[]http.HandlerFunc{none, serveStatus(500, "no")}, false, true, 404, 2},
		"the other refuses":                 {[]http.HandlerFunc{none, serveHTML(403, notice)}, false, true, 404, 2},
		"the other does not understand":     {[]http.HandlerFunc{none, serveStatus(400, "what?")}, false, true, 404, 2},
		"the other asks who is there":       {[]http.HandlerFunc{none, serveStatus(401, "who?")}, false, false, 401, 2},
		"the other redirects":               {[]http.HandlerFunc{none, serveStatus(302, "")}, false, false, 302, 2},
		"the third of three has it":         {[]http.HandlerFunc{none, nil, servePage}, false, false, 200, 3},
		"the third of three lacks it, too":  {[]http.HandlerFunc{none, nil, none}, true, false, 404, 3},
		"two of three are enough":           {[]http.HandlerFunc{none, none, servePage}, true, false, 404, 2},
		"after one that cannot be reached":  {[]http.HandlerFunc{nil, none, none}, true, false, 404, 3},
		"without the identity, over http":   {[]http.HandlerFunc{page404, page404}, false, true, 404, 2},
		"with a better word than a refusal": {[]http.HandlerFunc{serveHTML(403, notice), none, nil}, false, true, 404, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, test.handlers...)
				s.vouch("b")
				got, err := s.fetch()
				require.NoError(t, err)
				readAll(t, got)
				require.Equal(t, test.status, got.Response.StatusCode)
				require.Equal(t, test.agreed, got.Agreed)
				require.Equal(t, test.doubtful, got.Doubtful)
				require.Len(t, got.Attempts, test.asked)
			})
		})
	}
}

func TestThatThereIsNoSuchPageIsPassedOnWhereNobodyElseCanBeAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, serveStatus(404, "none"), servePage)
		require.NoError(t, s.tracker.Drain(id("b")))
		got, err := s.fetch()
		requireAnswer(t, got, err, "a", "none")
		require.False(t, got.Doubtful)
		require.True(t, got.Agreed, "there is no other")
		require.Zero(t, s.at["b"].requests.Load())
	})
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, serveStatus(404, "none"))
		got, err := s.fetch()
		requireAnswer(t, got, err, "a", "none")
		require.False(t, got.Doubtful || got.Agreed, "it is as a site's only origin says")
	})
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, serveStatus(404, "none"), servePage)
		got, err := s.pool.Fetch(t.Context(), ask(http.MethodPost, "/"))
		requireAnswer(t, got, err, "a", "none")
		require.False(t, got.Doubtful)
		require.Zero(t, s.at["b"].requests.Load(), "a request that may change something is not sent twice")
	})
}

func TestAHangingOriginHoldsNobodyWhoAsksForAPageThatIsNotThere(t *testing.T) {
	for _, handlers := range [][]http.HandlerFunc{{serveStatus(404, "none"), hang}, {hang, serveStatus(404, "none")}} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, handlers...)
			began := time.Now()
			got, err := s.fetch()
			require.NoError(t, err)
			require.Equal(t, "none", readAll(t, got))
			require.True(t, got.Doubtful)
			require.LessOrEqual(t, time.Since(began), hedgeLatest+absentWait)
			require.Zero(t, s.liveFailures("a")+s.liveFailures("b"))
		})
	}
}

func TestWhatAnOriginLacksIsAskedOfTheOthersFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/new" {
				http.NotFound(w, r)
				return
			}
			servePage(w, r)
		}, servePage)
		fetch := func(path, origin string) {
			got, err := s.pool.Fetch(t.Context(), ordinary(path))
			requireAnswer(t, got, err, origin, page)
		}
		fetch("/new", "b")
		require.EqualValues(t, 1, s.at["a"].requests.Load())
		for range 3 {
			fetch("/new", "b")
		}
		require.EqualValues(t, 1, s.at["a"].requests.Load(), "it is known to lack that")
		fetch("/", "a")
		time.Sleep(absentFor)
		fetch("/new", "b")
		require.EqualValues(t, 3, s.at["a"].requests.Load(), "for a while")
	})
}

// ordinary asks for a page as anybody would.
func ordinary(path string) *Ask {
	a := ask(http.MethodGet, path)
	a.Whole = true
	return a
}

func TestWhatOneReaderIsToldDivertsNoOthers(t *testing.T) {
	for name, change := range map[string]func(*Ask){
		"a part":                     func(a *Ask) { a.Whole = false },
		"an Accept of its own":       func(a *Ask) { a.Header.Set("Accept", "application/x-tides") },
		"an Accept that excludes":    func(a *Ask) { a.Header.Set("Accept", "text/html, */*;q=0.0") },
		"a cookie":                   func(a *Ask) { a.Header.Set("Cookie", "reader=1") },
		"credentials":                func(a *Ask) { a.Header.Set("Authorization", "Basic cmVhZGVy") },
		"a question of what is done": func(a *Ask) { a.Method = http.MethodOptions },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lacks := true
				s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
					if lacks {
						http.NotFound(w, r)
						return
					}
					servePage(w, r)
				}, servePage)
				odd := ordinary("/")
				change(odd)
				got, err := s.pool.Fetch(t.Context(), odd)
				require.NoError(t, err)
				readAll(t, got)
				lacks = false
				got, err = s.pool.Fetch(t.Context(), ordinary("/"))
				requireAnswer(t, got, err, "a", page)
			})
		})
	}
	for _, accept := range []string{"*/*", "text/html,application/xml;q=0.9,*/*;q=0.8", "text/html, */* ;q=1"} {
		a := ordinary("/")
		a.Header.Set("Accept", accept)
		require.True(t, a.ordinary(), accept)
	}
}

func TestNoSecondOriginIsAskedWhetherAMethodFindsNothing(t *testing.T) {
	for _, method := range []string{http.MethodOptions, "PROPFIND", "QUERY", "REPORT", "SEARCH"} {
		for _, handler := range []http.HandlerFunc{serveStatus(404, "none"), serveHTML(404, "none")} {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, handler, servePage)
				got, err := s.pool.Fetch(t.Context(), ask(method, "/"))
				requireAnswer(t, got, err, "a", "none")
				require.False(t, got.Doubtful)
				require.Zero(t, s.at["b"].requests.Load(), method)
			})
		}
	}
}

func TestAnAbsenceIsForgottenWithThePageThatCame(t *testing.T) {
	now := time.Now()
	a := newAbsences()
	require.False(t, a.has("/", now))
	a.add("/", now)
	require.True(t, a.has("/", now.Add(absentFor-1)))
	require.False(t, a.has("/", now.Add(absentFor)))
	require.False(t, a.has("/?", now))
	a.forget("/")
	require.False(t, a.has("/", now))
	for i := range 2 * absentPages {
		a.add(fmt.Sprint("/", i), now)
	}
	require.Equal(t, absentPages, a.pages.Len())
}

func TestAnOriginOfNoUseIsNotAskedForASecondOpinion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, serveStatus(404, "none"), servePage)
		for range 6 {
			s.tracker.Observe(id("b"), health.Observation{At: time.Now(), Class: health.ConnectRefused, Stage: health.StageConnect})
			time.Sleep(time.Minute)
		}
		require.Equal(t, health.Down, s.tracker.View(id("b")).Verdict)
		got, err := s.fetch()
		requireAnswer(t, got, err, "a", "none")
		require.False(t, got.Doubtful)
		require.True(t, got.Agreed, "there is no other")
	})
}
