package origin

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// answering sends a status, fields and a body, and no field that was not asked for.
func answering(status int, body string, fields ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		for i := 0; i < len(fields); i += 2 {
			w.Header().Add(fields[i], fields[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func TestWhatALoneOriginSaysIsItsWord(t *testing.T) {
	const html, lasts = "text/html; charset=utf-8", "max-age=3600"
	for _, test := range []struct {
		name     string
		status   int
		body     string
		fields   []string
		doubtful bool
	}{
		{"a word called a page", 200, "abc", []string{"Content-Type", html}, false},
		{"a number called a page", 200, "0a2a41f6-6f5e-4bb2-a5a1-ad0a6c5b7a52", []string{"Content-Type", html}, false},
		{"a bare page", 200, "<p>tides", []string{"Content-Type", html}, false},
		{"an empty page", 200, "", []string{"Content-Type", html}, false},
		{"no type at all", 200, "abc", nil, false},
		{"nothing, of no type", 200, "", nil, false},
		{"nothing to say", 204, "", []string{"Content-Type", html}, false},
		{"nothing to show", 205, "", nil, false},
		{"a refusal", 403, "no", []string{"Content-Type", html, "Cache-Control", lasts}, false},
		{"a refusal in plain text", 403, "no", []string{"Content-Type", "text/plain"}, false},
		{"a request for payment", 402, "pay", []string{"Content-Type", html}, false},
		{"a page that is not there", 404, "none", []string{"Content-Type", html}, false},
		{"a page that is gone", 410, "none", nil, false},
		{"an error", 500, "no", []string{"Content-Type", html, "Cache-Control", lasts}, false},
		{"a bad gateway", 502, "no", []string{"Cache-Control", lasts}, false},
		{"a pause", 503, "no", []string{"Retry-After", "5"}, false},
		{"a circle of its own", 508, "round", nil, false},
		{"an error that nobody knows", 599, "no", []string{"Cache-Control", lasts}, false},
		{"a success that nobody knows", 299, "yes", []string{"Cache-Control", lasts}, false},
		{"a redirect without a target", 302, "", []string{"Cache-Control", lasts}, false},
		{"a redirect to what is no target", 301, "", []string{"Location", "http://[::bad", "Cache-Control", lasts}, false},
		{"a redirect to itself", 308, "", []string{"Location", "/", "Cache-Control", lasts}, false},
		{"a redirect elsewhere for an hour", 307, "", []string{"Location", "https://elsewhere.test/", "Cache-Control", lasts}, false},
		{"a redirect elsewhere for no stated time", 302, "", []string{"Location", "https://elsewhere.test/"}, true},
		{"a refusal for legal reasons, for an hour", 451, "no", []string{"Cache-Control", lasts}, false},
		{"a refusal for legal reasons", 451, "no", nil, true},
		{"a request for rest", 429, "no", []string{"Retry-After", "9"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, answering(test.status, test.body, test.fields...))
				s.unmarked()
				s.pool.site.Own = own
				got, err := s.fetch()
				requireAnswer(t, got, err, "a", test.body)
				require.Equal(t, test.status, got.Response.StatusCode)
				require.Equal(t, test.doubtful, got.Doubtful)
				require.False(t, got.Agreed)
				require.EqualValues(t, 1, s.at["a"].requests.Load())
				for i := 0; i < len(test.fields); i += 2 {
					require.Equal(t, test.fields[i+1], got.Response.Header.Get(test.fields[i]))
				}
			})
		})
	}
}

func TestWhatLooksLikeABlockTooIsQuestionableFromALoneOrigin(t *testing.T) {
	const html, lasts, away = "text/html; charset=utf-8", "max-age=3600", "https://elsewhere.test/"
	for _, test := range []struct {
		name         string
		status       int
		fields       []string
		questionable bool
		doubtful     bool
	}{
		{"a redirect elsewhere for an hour", 302, []string{"Location", away, "Cache-Control", lasts}, true, false},
		{"a redirect elsewhere for no time", 302, []string{"Location", away, "Expires", "0"}, false, true},
		{"a redirect elsewhere not to be kept", 302, []string{"Location", away, "Cache-Control", "no-store, no-cache, max-age=0"}, false, true},
		{"a redirect on the site", 302, []string{"Location", "/elsewhere", "Cache-Control", lasts}, false, false},
		{"a refusal for legal reasons, for an hour", 451, []string{"Cache-Control", lasts}, true, false},
		{"a refusal for legal reasons, not to be kept", 451, []string{"Cache-Control", "no-store, max-age=60"}, false, true},
		{"a refusal for an hour", 403, []string{"Content-Type", html, "Cache-Control", lasts}, true, false},
		{"a refusal in plain text", 403, []string{"Content-Type", "text/plain"}, true, false},
		{"a page", 200, []string{"Content-Type", html, "Cache-Control", lasts}, false, false},
		{"a page that is not there", 404, []string{"Content-Type", html, "Cache-Control", lasts}, false, false},
		{"an error", 500, []string{"Content-Type", html, "Cache-Control", lasts}, false, false},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			t.Run(test.name+"/"+method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newScene(t, answering(test.status, "no", test.fields...))
					s.unmarked()
					s.pool.site.Own = own
					got, err := s.pool.Fetch(t.Context(), ask(method, "/"))
					require.NoError(t, err)
					readAll(t, got)
					require.Equal(t, test.status, got.Response.StatusCode)
					require.Equal(t, test.questionable, got.Questionable)
					require.Equal(t, test.doubtful, got.Doubtful)
				})
			})
		}
	}
}

func TestNoPageOfALoneOriginIsStoredWhileProbesFindAnother(t *testing.T) {
	const taken = "<!doctype html><title>Notice</title><p>This site is not available."
	for _, test := range []struct {
		class    health.Class
		kind     string
		doubtful bool
	}{
		{health.IdentityMismatch, "text/html", true}, {health.IdentityMismatch, "application/xhtml+xml", true}, {health.IdentityMismatch, "", true},
		{health.BlockPage, "text/html", true},
		{health.IdentityMismatch, "text/plain", false}, {health.IdentityMismatch, "image/png", false},
		{health.RedirectOffsite, "text/html", false}, {health.OK, "text/html", false}, {health.ServerError, "text/html", false},
	} {
		t.Run(string(test.class)+" "+test.kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				body := taken
				if !test.doubtful && test.kind != "text/html" {
					body = "high water at noon"
				}
				s := newScene(t, answering(200, body, "Content-Type", test.kind, "Cache-Control", "max-age=3600"))
				s.unmarked()
				for range 6 {
					s.tracker.Observe(id("a"), health.Observation{At: time.Now(), Class: test.class, Stage: health.StageIdentity})
					time.Sleep(time.Minute)
				}
				got, err := s.fetch()
				requireAnswer(t, got, err, "a", body)
				require.Equal(t, test.doubtful, got.Doubtful)
			})
		})
	}
}

func TestALoneOriginsFileThatIsAPageIsShownAndNotStored(t *testing.T) {
	for kind, body := range map[string]string{"text/html": article, "text/css": page} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, answering(200, body, "Content-Type", kind))
			s.unmarked()
			got, err := s.pool.Fetch(t.Context(), ask(http.MethodGet, "/style.css"))
			requireAnswer(t, got, err, "a", body)
			require.True(t, got.Doubtful)
			require.Zero(t, s.liveFailures("a"))
		})
	}
}

func TestALoneOriginsPageThatIsUnlikeTheOthersIsItsWord(t *testing.T) {
	for count, doubtful := range map[int]bool{1: false, 2: true} {
		synctest.Test(t, func(t *testing.T) {
			const body = "<h1>On water</h1><p>It has no shape of its own."
			handlers := []http.HandlerFunc{serveHTML(200, body), nil}
			s := newScene(t, handlers[:count]...)
			s.unmarked()
			s.pool.site.Known = learnt(t)
			got, err := s.pool.Fetch(t.Context(), navigation("/essay"))
			requireAnswer(t, got, err, "a", body)
			require.Equal(t, doubtful, got.Doubtful)
		})
	}
}

func TestALoneOriginIsAskedWhateverItsVerdict(t *testing.T) {
	for _, verdict := range []health.Verdict{health.Unknown, health.Suspect, health.Blocked, health.Down, health.Probation, health.Drained} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, servePage)
			for range 3 {
				r := &race{pool: s.pool, ask: ask(http.MethodGet, "/"), parent: t.Context(), events: make(chan func()), over: make(chan struct{})}
				r.views = []health.View{alone(health.View{ID: id("a")}, verdict)}
				r.order = order(time.Now(), r.views, Route{}, 0)
				got, err := r.run()
				close(r.over)
				requireAnswer(t, got, err, "a", page)
			}
		})
	}
}

func TestALoneOriginThatIsHijackedIsNotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, servePage)
		s.tracker.Observe(id("a"), health.Observation{At: time.Now(), Class: health.CanaryInvalid, Stage: health.StageIdentity})
		require.Equal(t, health.Hijacked, s.tracker.View(id("a")).Verdict)
		_, err := s.fetch()
		var none *Error
		require.ErrorAs(t, err, &none)
		require.ErrorIs(t, none, errNoOrigin)
		require.True(t, none.Unreached())
		require.Zero(t, s.at["a"].requests.Load())
	})
}

func TestALoneOriginThatAsksForRestIsStillAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, refusing(429, "Retry-After", "60"))
		for i := range 5 {
			got, err := s.fetch()
			requireAnswer(t, got, err, "a", "refused")
			require.Equal(t, http.StatusTooManyRequests, got.Response.StatusCode)
			require.EqualValues(t, i+1, s.at["a"].requests.Load())
		}
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				got, err := s.fetch()
				requireAnswer(t, got, err, "a", "refused")
			})
		}
		group.Wait()
		require.EqualValues(t, 15, s.at["a"].requests.Load(), "all at once, too")
	})
}

func TestAnErrorTellsWhetherAnyOriginWasReached(t *testing.T) {
	for name, test := range map[string]struct {
		handlers  []http.HandlerFunc
		unreached bool
	}{
		"no connection":                 {[]http.HandlerFunc{nil}, true},
		"no connection anywhere":        {[]http.HandlerFunc{nil, nil}, true},
		"no answer":                     {[]http.HandlerFunc{breakOff}, false},
		"no connection, then no answer": {[]http.HandlerFunc{nil, breakOff}, false},
		"a foreign page":                {[]http.HandlerFunc{serveHTML(200, denied)}, false},
		"silence":                       {[]http.HandlerFunc{hang}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := newScene(t, test.handlers...).fetch()
				var none *Error
				require.ErrorAs(t, err, &none)
				require.Equal(t, test.unreached, none.Unreached(), strings.ReplaceAll(err.Error(), ";", "\n"))
			})
		})
	}
}

func TestTheReadersConditionsReachALoneOriginAsTheyAre(t *testing.T) { // RFC 9111 §4.3.2
	for field, value := range map[string]string{
		"If-None-Match": `W/"a", "b" , c`, "If-Match": `unquoted`, "If-Modified-Since": "yesterday",
		"If-Unmodified-Since": "Sat, 01 Mar 2025 12:00:00 GMT",
	} {
		for status, body := range map[int]string{http.StatusNotModified: "", http.StatusPreconditionFailed: "changed"} {
			synctest.Test(t, func(t *testing.T) {
				var came []string
				s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
					came = r.Header[field]
					w.Header().Set("Etag", `"b"`)
					w.Header().Set("Content-Type", "text/html")
					w.WriteHeader(status)
					io.WriteString(w, body)
				})
				a := ask(http.MethodGet, "/")
				a.Header[field] = []string{value}
				got, err := s.pool.Fetch(t.Context(), a)
				requireAnswer(t, got, err, "a", body)
				require.Equal(t, []string{value}, came)
				require.Equal(t, status, got.Response.StatusCode)
				require.Equal(t, `"b"`, got.Response.Header.Get("Etag"))
				require.False(t, got.Doubtful)
			})
		}
	}
}

func TestALoopThatAProxyHasFoundIsNotALoneOriginsWord(t *testing.T) { // RFC 9209 §2.3
	for status, word := range map[string]bool{
		"":                                       true,
		"inner; received-status=508":             true,
		"inner; details=\"proxy_loop_detected\"": true,
		"heliograph; error=proxy_loop_detected":  false,
		"inner, heliograph ; error=proxy_loop_detected;details=x": false,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, answering(http.StatusLoopDetected, "round", "Proxy-Status", status))
			s.unmarked()
			got, err := s.fetch()
			if word {
				requireAnswer(t, got, err, "a", "round")
				require.Equal(t, health.ServerError, got.Attempts[0].Class)
				return
			}
			var none *Error
			require.ErrorAs(t, err, &none)
			require.Equal(t, health.LoopDetected, none.Class())
		})
	}
}
