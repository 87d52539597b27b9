package origin

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// inPieces sends pieces with a gap between them.
func inPieces(kind string, gap time.Duration, pieces ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i, piece := range pieces {
			if i > 0 {
				time.Sleep(gap)
			}
			flushed(w, kind, piece)
		}
	}
}

func TestABlockPageThatDripsIsNotShown(t *testing.T) {
	for _, gap := range []time.Duration{40, 60, 100, 500} {
		for name, pieces := range map[string][]string{
			"two pieces":        {"", seized},
			"within":            {seized[:30], seized[30:]},
			"three, and slowly": {seized[:20], seized[20:40], seized[40:]},
		} {
			t.Run(fmt.Sprint(name, gap), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newScene(t, inPieces("text/html", gap*time.Millisecond, pieces...), serveHTML(200, article))
					s.unmarked()
					got, err := s.fetch()
					requireAnswer(t, got, err, "b", article)
					require.False(t, got.Doubtful)
				})
			})
		}
	}
}

func TestAPageThatStopsBeforeItCanBeJudgedIsFetchedElsewhere(t *testing.T) {
	for _, test := range []struct {
		name, begun string
		marked      bool
		class       health.Class
		took        time.Duration
	}{
		{"nothing came", "", false, health.FirstByteTimeout, holdTime},
		{"some came", article[:100], false, health.BodyStalled, silence},
		{"nothing came of a marked one", "", true, health.FirstByteTimeout, holdTime},
		{"its marker came", page, true, health.BodyStalled, silence},
		{"it froze", page + strings.Repeat("x", 16<<10-len(page)), true, health.BodyStalled16K, silence},
	} {
		for _, length := range []int{0, 116_000} {
			t.Run(test.name+strconv.Itoa(length), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
						if length > 0 {
							w.Header().Set("Content-Length", strconv.Itoa(length))
						}
						flushed(w, "text/html", test.begun)
						hang(w, r)
					}, serveHTML(200, page+article))
					if !test.marked {
						s.unmarked()
					}
					began := time.Now()
					a := ask(http.MethodGet, "/")
					got, err := s.pool.Fetch(t.Context(), a)
					require.LessOrEqual(t, time.Since(began), test.took)
					requireAnswer(t, got, err, "b", page+article)
				})
			})
		}
	}
}

func TestAFrozenPageIsGivenUpWithItsClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
			flushed(w, "text/html", page+strings.Repeat("x", 16<<10-len(page)))
			hang(w, r)
		}, breakOff)
		got, err := s.fetch()
		require.NoError(t, err)
		require.Equal(t, "a", got.Origin, "nobody has a better one")
		require.False(t, got.Doubtful, "it is the publication's")
		require.Contains(t, s.seen.of("a"), health.BodyStalled16K)
		require.NoError(t, got.Response.Body.Close())
	})
}

func TestAPageIsStillShownWhereNobodyIsLeftToAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, inPieces("text/html", 5*time.Second, "<title>", page))
		got, err := s.fetch()
		requireAnswer(t, got, err, "a", "<title>"+page)
		require.False(t, got.Doubtful)
	})
}

func TestWhatComesBitByBitFlows(t *testing.T) {
	line := strings.Repeat("1,2\n", 30)
	for _, test := range []struct {
		kind, path, piece string
		held              time.Duration
		doubtful, marked  bool
	}{
		{"text/event-stream", "/live", "data: one\n\n", 0, false, true},
		{"application/json", "/api", "[1,", aheadTime, false, true},
		{"text/csv", "/tides", line, aheadTime, false, true},
		{"", "/api", "{\"a\":1,", aheadTime, false, true},
		{"text/html", "/", page, flowTime, false, true},
		{"text/html", "/", article, holdTime, true, false},
	} {
		t.Run(test.kind+strconv.FormatBool(test.marked), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pieces := strings.Split(strings.TrimSuffix(strings.Repeat(test.piece+"\x00", 31), "\x00"), "\x00")
				s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header()["Content-Type"] = nil
					if test.kind != "" {
						w.Header().Set("Content-Type", test.kind)
					}
					for _, piece := range pieces {
						io.WriteString(w, piece)
						http.NewResponseController(w).Flush()
						time.Sleep(100 * time.Millisecond)
					}
				})
				if !test.marked {
					s.unmarked()
				}
				began := time.Now()
				got, err := s.pool.Fetch(t.Context(), ask(http.MethodGet, test.path))
				require.NoError(t, err)
				require.Equal(t, test.held, time.Since(began))
				require.Equal(t, strings.Repeat(test.piece, 31), readAll(t, got))
				require.Equal(t, test.doubtful, got.Doubtful)
			})
		})
	}
}

func TestAWholePageIsNotHeldAtAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, marked := range []bool{true, false} {
			s := newScene(t, serveHTML(200, page+article))
			if !marked {
				s.unmarked()
			}
			began := time.Now()
			got, err := s.fetch()
			require.NoError(t, err)
			require.Zero(t, time.Since(began))
			requireAnswer(t, got, err, "a", page+article)
		}
	})
}
