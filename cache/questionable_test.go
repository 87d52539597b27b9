package cache_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// questions has the origin's answers be questionable from now on.
func (e *edge) questions() {
	e.site.Fetch = func(ctx context.Context, r *cache.Request, query cache.Query) (*cache.Fetched, error) {
		got, err := e.fetch(ctx, r, query)
		if err == nil {
			got.Questionable = true
		}
		return got, err
	}
}

func TestAQuestionableAnswerNeverTakesAPagesPlace(t *testing.T) {
	for name, answer := range map[string]answering{
		"a redirect that lasts":      always(302, "", "Location: https://elsewhere.test/", minute),
		"a refusal that lasts":       always(403, "no", minute),
		"a legal one that lasts":     always(451, "no", minute),
		"one that is not to be kept": always(302, "", "Location: https://elsewhere.test/", "Cache-Control: no-store"),
	} {
		for _, lines := range [][]string{nil, {"Cache-Control: no-store"}, {"Cookie: reader=1"}, {"Cache-Control: no-cache"}} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e := stored(t, cache.Policy{Stale: 24 * time.Hour}, minute)
					e.answers(answer)
					e.questions()
					_, body := e.read(t, lines...)
					require.Equal(t, "news", body)
					synctest.Wait()
					require.Equal(t, 1, e.Usage().Pages, "nothing is removed")
					e.answers(always(500, "no"))
					time.Sleep(2 * time.Minute)
					_, body = e.read(t)
					require.Equal(t, "news", body, "nor replaced")
				})
			})
		}
	}
}

func TestAQuestionableAnswerIsStoredWhereNothingIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, always(403, "no", minute))
		e.questions()
		e.read(t)
		synctest.Wait()
		a, body := e.read(t)
		require.Equal(t, "no", body)
		require.True(t, a.Status.Hit)
		require.Equal(t, 1, e.fetches())

		time.Sleep(2 * time.Minute)
		e.answers(always(403, "still no", minute))
		e.read(t)
		synctest.Wait()
		a, body = e.read(t)
		require.Equal(t, "still no", body, "it is replaced by its like")
		require.True(t, a.Status.Hit)
	})
}

func TestAQuestionableAnswerToHEADStandsBehindAPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{Stale: 24 * time.Hour}, minute)
		e.answers(always(451, "", minute))
		e.questions()
		r := e.request(http.MethodHead)
		a, err := e.Answer(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, cache.Stale, a.Result)
		require.Equal(t, 1, e.Usage().Pages)
	})
}
