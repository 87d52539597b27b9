package cache_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// headOnly answers with a header that says nothing of the length but what is given.
func headOnly(lines ...string) answering {
	return func(ask) (*http.Response, error) {
		response := replyOf(200, -1, lines...)
		response.Body = http.NoBody
		return response, nil
	}
}

func TestAnAnswerToHeadUpdatesTheStoredPage(t *testing.T) {
	for _, c := range []struct {
		name          string
		stored, given []string
		updated       bool
	}{
		{"without validators", nil, nil, true},
		{"of the same tag", []string{`Etag: "1"`}, []string{`Etag: "1"`}, true},
		{"that omits the tag", []string{`Etag: "1"`}, nil, true},
		{"of another tag", []string{`Etag: "1"`}, []string{`Etag: "2"`}, false},
		{"of a tag where there was none", nil, []string{`Etag: "2"`}, false},
		{"of the same date", []string{modified}, []string{modified}, true},
		{"of another date", []string{modified}, []string{"Last-Modified: " + before}, false},
		{"of the same tag and another date", []string{`Etag: "1"`, modified}, []string{`Etag: "1"`, "Last-Modified: " + before}, false},
		{"of the same length", nil, []string{"Content-Length: 4"}, true},
		{"of another length", nil, []string{"Content-Length: 5"}, false},
		{"of another length in another coding", nil, []string{"Content-Length: 5", "Content-Encoding: gzip"}, true},
	} {
		t.Run("§4.3.5 "+c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := stored(t, cache.Policy{}, append(c.stored, "Cache-Control: max-age=60, no-transform", "X-Edition: morning", "Content-Type: text/html")...)
				e.answers(headOnly(append(c.given, "Cache-Control: max-age=600, no-transform", "X-Edition: evening")...))
				a := e.ask(t, e.request(http.MethodHead))
				require.NotNil(t, a.Response)
				require.NoError(t, a.Response.Body.Close())
				require.Equal(t, c.updated, a.Status.Stored)

				e.answers(always(200, "more news", minute))
				a, body := e.read(t)
				if !c.updated {
					require.Equal(t, "more news", body, "it is stale")
					return
				}
				require.Equal(t, cache.Hit, a.Result)
				require.Equal(t, "news", body)
				require.Equal(t, "evening", field(a, "X-Edition"))
				require.Equal(t, "text/html", field(a, "Content-Type"), "what HEAD omits stays")
				require.Equal(t, "4", field(a, "Content-Length"))
				require.Equal(t, "max-age=600, no-transform", field(a, "Cache-Control"))
				require.Equal(t, 2, e.fetches())
			})
		})
	}
}

func TestAnAnswerToHeadThatForbidsStoringEndsThePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{Stale: 24 * time.Hour}, minute)
		e.answers(headOnly("Cache-Control: no-store"))
		a := e.ask(t, e.request(http.MethodHead))
		require.NoError(t, a.Response.Body.Close())
		require.Zero(t, e.Usage().Pages)
	})
}

func TestAnotherStatusForHeadMakesAFreshPageStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, always(200, "news", minute, `Etag: "1"`))
		e.read(t)
		synctest.Wait()
		e.answers(always(410, "", minute))
		a := e.ask(t, e.request(http.MethodHead, "Cache-Control: no-cache"))
		require.Equal(t, 410, a.Response.StatusCode)
		require.NoError(t, a.Response.Body.Close())
		e.answers(always(200, "more news", minute))
		_, body := e.read(t)
		require.Equal(t, "more news", body)
	})
}

func TestAnotherOriginsAnswerToHeadSaysNothingOfThePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, always(200, "news", minute, `Etag: "1"`))
		e.read(t)
		synctest.Wait()
		e.answersAs("alternate", false, always(200, "", minute, `Etag: "x"`))
		a := e.ask(t, e.request(http.MethodHead, "Cache-Control: no-cache"))
		require.NoError(t, a.Response.Body.Close())
		require.Equal(t, cache.Hit, e.get(t).Result)
	})
}

func TestA304ToHeadThatIsAboutAnotherPageIsNotPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{}, minute, `Etag: "1"`)
		e.answers(func(a ask) (*http.Response, error) {
			if a.Query.Validators.Empty() {
				return reply(200, "", minute, `Etag: "2"`), nil
			}
			return reply(304, "", `Etag: "2"`), nil
		})
		a := e.ask(t, e.request(http.MethodHead))
		require.Equal(t, 200, a.Response.StatusCode)
		require.NoError(t, a.Response.Body.Close())
		require.Equal(t, 3, e.fetches())
	})
}

func TestAPageInvalidatedWhileHeadIsAskedStaysAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{}, minute, `Etag: "1"`)
		e.answers(func(ask) (*http.Response, error) {
			e.Invalidate("gazette /")
			return reply(304, "", minute, `Etag: "1"`), nil
		})
		a := e.ask(t, e.request(http.MethodHead))
		require.Equal(t, cache.Revalidated, a.Result)
		require.False(t, a.Status.Stored)
		require.Zero(t, e.Usage().Pages)
	})
}

func TestHeadKeepsTheCodingThatGetKeeps(t *testing.T) {
	for name, c := range map[string]struct{ body, coding string }{
		"labelled, and not gzip": {"plain text", "gzip"}, "gzip": {zipped("plain text"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdge(t, always(200, c.body, minute, `Etag: "1"`, "Content-Encoding: gzip"))
				a, body := e.read(t)
				require.Equal(t, "plain text", body)
				require.Equal(t, c.coding, field(a, "Content-Encoding"))
				synctest.Wait()
				time.Sleep(2 * time.Minute)
				e.answers(headOnly(minute, `Etag: "1"`, "Content-Encoding: gzip"))
				a = e.ask(t, e.request(http.MethodHead))
				require.NoError(t, a.Response.Body.Close())
				require.Equal(t, c.coding, a.Response.Header.Get("Content-Encoding"), "RFC 9110 §9.3.2")
				require.True(t, a.Status.Stored)
			})
		})
	}
}

func TestA304ToARequestWithoutConditionsIsTheOriginsFault(t *testing.T) { // RFC 9110 §15.4.5
	for name, c := range map[string]struct {
		method string
		stale  bool
	}{"GET": {http.MethodGet, false}, "GET of a stale page": {http.MethodGet, true}, "HEAD of a stale page": {http.MethodHead, true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdge(t, nil)
				if c.stale {
					e = stored(t, cache.Policy{}, minute, `Etag: "1"`)
				}
				e.answers(always(304, "", `Etag: "2"`))
				_, err := e.Answer(t.Context(), e.request(c.method))
				var unasked *cache.UnaskedError
				require.ErrorAs(t, err, &unasked)
				require.Equal(t, "primary", unasked.Origin)
				require.Equal(t, "http_protocol_error", unasked.ProxyError())
			})
		})
	}
}
