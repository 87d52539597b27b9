package origin

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

func TestAnEmptyPageIsNoPage(t *testing.T) {
	for _, status := range []int{200, 203} {
		for _, chunked := range []bool{true, false} {
			for _, marked := range []bool{true, false} {
				synctest.Test(t, func(t *testing.T) {
					empty := func(w http.ResponseWriter, _ *http.Request) {
						w.Header().Set("Content-Type", "text/html")
						w.WriteHeader(status)
						if chunked {
							http.NewResponseController(w).Flush()
						}
					}
					s, want := newScene(t, empty, servePage), health.IdentityMissing
					if !marked {
						s.unmarked()
						want = health.IdentityMismatch
					}
					got, err := s.fetch()
					requireAnswer(t, got, err, "b", page)
					require.Equal(t, want, got.Attempts[0].Class)
				})
			}
		}
	}
	found := inspect(answered(200, http.NoBody), http.MethodPost, gated(Site{}), true)
	require.Equal(t, health.OK, found.class, "what was done may have nothing to show")
}

func TestAPageThatIsGoneWithoutTheMarkerIsDoubted(t *testing.T) {
	for _, status := range []int{404, 410} {
		synctest.Test(t, func(t *testing.T) {
			got, err := newScene(t, serveHTML(status, notice), servePage).fetch()
			requireAnswer(t, got, err, "b", page)

			s := newScene(t, serveHTML(status, notice), serveHTML(status, notice))
			got, err = s.fetch()
			requireAnswer(t, got, err, "a", notice)
			require.True(t, got.Doubtful)
			require.Zero(t, s.liveFailures("a"))

			got, err = newScene(t, serveHTML(status, page), serveHTML(status, page)).fetch()
			requireAnswer(t, got, err, "a", page)
			require.False(t, got.Doubtful, "it is the publication's word")
			require.True(t, got.Agreed)
		})
	}
}

func TestNoReadersHeaderMakesAGenuinePageDoubtful(t *testing.T) {
	for field, value := range map[string]string{"Accept": "image/*", "Sec-Fetch-Dest": "image"} {
		for _, marked := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, serveHTML(200, page+article), servePage)
				if !marked {
					s.unmarked()
				}
				asked := ask(http.MethodGet, "/")
				asked.Header.Set(field, value)
				got, err := s.pool.Fetch(t.Context(), asked)
				requireAnswer(t, got, err, "a", page+article)
				require.False(t, got.Doubtful)
				require.Zero(t, s.liveFailures("a"))
			})
		}
	}
}

func TestAPageThatOneReadersHeaderExcusesIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, serveHTML(200, article))
		s.unmarked()
		got, err := s.pool.Fetch(t.Context(), navigation("/harbour.jpg"))
		requireAnswer(t, got, err, "a", article)
		require.True(t, got.Doubtful)
	})
}

func TestPlainTextInPlaceOfAPageAsksAnotherOriginFirst(t *testing.T) {
	for kind, doubted := range map[string]bool{"text/plain": true, "application/octet-stream": true, "text/csv": false, "application/json": false} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, serveAs(kind, "tides"), servePage)
			got, err := s.pool.Fetch(t.Context(), navigation("/news"))
			require.NoError(t, err)
			require.Equal(t, doubted, got.Origin == "b", kind)
			require.Zero(t, s.liveFailures("a"))
			require.True(t, doubted || strings.HasPrefix(readAll(t, got), "tides"))
			require.NoError(t, got.Response.Body.Close())
		})
	}
}
