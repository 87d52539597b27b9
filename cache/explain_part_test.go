package cache_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// foretold asks for a page as an explanation and then as a reader, and wants the one to say
// what the other gets.
func (e *edge) foretold(t *testing.T, action string, lines ...string) cache.Answer {
	t.Helper()
	x := e.explained(t, lines...)
	require.Equal(t, action, x.Action)
	a, _ := e.read(t, lines...)
	synctest.Wait()
	require.Equal(t, x.Status.Hit, a.Status.Hit, "%v", a.Status)
	require.Equal(t, x.Status.Fwd, a.Status.Fwd, "%v", a.Status)
	if x.Status.Detail != "" { // otherwise it is the origin's answer that has one
		require.Equal(t, x.Status.Detail, a.Status.Detail, "%v", a.Status)
	}
	return a
}

func TestARangeOfAPageTooLargeToStoreIsForetold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := strings.Repeat("0123456789", 1000)
		e := newEdgeOf(t, 1<<20, 5000, cutting(page, minute, strong))
		e.foretold(t, "fetch it from an origin, and store it if that is allowed")
		require.Equal(t, cache.ReasonTooLarge, e.explained(t).Refused.Reason)
		e.foretold(t, "fetch it for this reader alone: the latest answer could not be stored")
		e.foretold(t, "ask an origin for that part, and store it if that is allowed", "Range: bytes=0-99")
		e.foretold(t, "serve the stored part", "Range: bytes=10-19")
		e.foretold(t, "ask an origin for what is missing of the stored parts", "Range: bytes=50-149")
		e.foretold(t, "fetch it for this reader alone: the request forbids storing", "Range: bytes=500-501", "Cache-Control: no-store")
		e.foretold(t, "fetch it for this reader alone: such ranges are not stored", "Range: bytes=500-501,700-701")
		x := e.explained(t, "Range: bytes=500-501", "Cache-Control: only-if-cached")
		require.Equal(t, "answer 504: nothing stored answers the request, and it forbids asking an origin", x.Action)
		require.Len(t, x.Pages, 1)
		require.Equal(t, &cache.Parts{Complete: 10000, Spans: []cache.Span{{From: 0, To: 150}}}, x.Pages[0].Parts)
	})
}

func TestARangeThatCannotBeStoredIsForetold(t *testing.T) {
	onEdge(t, cutting("0123456789", "Cache-Control: private"), func(t *testing.T, e *edge) {
		e.foretold(t, "ask an origin for that part, and store it if that is allowed", "Range: bytes=0-1")
		require.Equal(t, cache.ReasonPrivate, e.explained(t, "Range: bytes=0-1").Refused.Reason)
		e.foretold(t, "fetch it for this reader alone: the latest answer could not be stored", "Range: bytes=0-1")
		e.foretold(t, "fetch it from an origin, and store it if that is allowed")
	})
}

func TestWhatIsDoneWithAStalePageThatIsNotForTheCacheIsForetold(t *testing.T) {
	onEdge(t, numbered(minute, `Etag: "1"`), func(t *testing.T, e *edge) {
		e.read(t)
		time.Sleep(time.Hour)
		e.foretold(t, "fetch it for this reader alone: the request forbids storing", "Cache-Control: no-store")
		head := e.request(http.MethodHead)
		require.Equal(t, "ask an origin for the header alone, which is not stored", e.Explain(head).Action)
	})
}

func TestRequestsForPartsAreCountedByTheirOutcome(t *testing.T) {
	onEdge(t, cutting("0123456789", minute, strong), func(t *testing.T, e *edge) {
		e.readPart(t, "0123456789", "2", "6")
		e.readPart(t, "0123456789", "3", "4")
		e.readPart(t, "0123456789", "4", "8")
		e.read(t, "Range: bytes=0-1,9-9")
		_, err := e.Answer(t.Context(), e.request(http.MethodGet, "Range: bytes=0-1", "Cache-Control: only-if-cached"))
		require.ErrorIs(t, err, cache.ErrNotStored)
		counted := make(map[cache.PartOutcome]uint64)
		for _, o := range cache.PartOutcomes() {
			counted[o] = e.Counters().Parts[o].Load()
		}
		require.Equal(t, map[cache.PartOutcome]uint64{cache.PartHit: 1, cache.PartFilled: 2, cache.PartPassed: 1, cache.PartFailed: 1}, counted)
	})
}

func TestRenditionsThatAreMadeAreCountedByCoding(t *testing.T) {
	onEdge(t, always(200, article(10000, 1), minute, html), func(t *testing.T, e *edge) {
		e.read(t)
		synctest.Wait()
		for range 2 {
			e.read(t, "Accept-Encoding: br")
			e.read(t, "Accept-Encoding: zstd")
		}
		for coding, want := range map[string]uint64{"br": 1, "zstd": 1, "gzip": 0} {
			require.Equal(t, want, e.Counters().Renditions[coding].Load(), coding)
		}
	})
}

func TestASumOfTheArithmeticIsRightAsItIsPrinted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, func(a ask) (*http.Response, error) {
			time.Sleep(1040 * time.Millisecond) // rounded alone, 1.04 and 0.04 were 1.0 and 0.0, and their sum 1.1
			return reply(200, "news", minute, "Age: 0"), nil
		})
		e.read(t)
		time.Sleep(40 * time.Millisecond)
		of := make(map[string]time.Duration)
		for _, s := range e.explained(t).Pages[0].Steps {
			of[s.Name] = s.For
			require.Zero(t, s.For%cache.StepUnit, s.Name)
			require.True(t, s.At.Equal(s.At.Round(cache.StepUnit)), s.Name)
		}
		require.Equal(t, time.Second, of["initial age"])
		require.Equal(t, of["initial age"]+of["resident time"], of["current age"])
		require.Equal(t, of["lifetime"]-of["current age"], of["fresh for"])
	})
}

func TestAConfiguredLifetimeIsExplainedAsItIsConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, func(ask) (*http.Response, error) { return reply(200, "news", "Age: 30"), nil })
		fetch := e.site.Fetch
		e.site.Fetch = func(ctx context.Context, r *cache.Request, q cache.Query) (*cache.Fetched, error) {
			got, err := fetch(ctx, r, q)
			if err == nil {
				got.Lifetime = time.Hour
			}
			return got, err
		}
		e.read(t)
		time.Sleep(10 * time.Second)
		page := e.explained(t).Pages[0]
		lines := steps(page)
		require.Equal(t, "1h0m0s the site's cache.lifetime, from when it arrived", lines["lifetime"])
		require.Equal(t, "40s initial age + resident time", lines["current age"])
		require.Equal(t, "59m50s lifetime - resident time", lines["fresh for"])
		require.Equal(t, 59*time.Minute+50*time.Second, page.TTL)
	})
}
