package cache_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/cache/memory"
)

// toldStore is a store that tells of what it is asked, before it answers to Peek, and behind
// what it answers to Pages.
type toldStore struct {
	*memory.Store
	peeks, asked func(cache.Key) // nil for nothing
	blank        bool            // Peek finds nothing
}

// Peek implements cache.Store.
func (s *toldStore) Peek(key cache.Key) []*cache.Page {
	if s.peeks != nil {
		s.peeks(key)
	}
	if s.blank {
		return nil
	}
	return s.Store.Peek(key)
}

// Pages implements cache.Store.
func (s *toldStore) Pages(key cache.Key) []*cache.Page {
	pages := s.Store.Pages(key)
	if s.asked != nil {
		s.asked(key)
	}
	return pages
}

// over puts the edge's cache over another store.
func (e *edge) over(t testing.TB, store cache.Store) {
	t.Helper()
	e.Close()
	e.Cache = cache.New(cache.Options{Store: store, MaxPage: 1 << 20})
	t.Cleanup(e.Close)
}

// frontPage is a purge of the front page's URL.
func frontPage(soft bool) cache.Purge {
	return cache.Purge{Of: cache.Selection{Kind: cache.PurgeURL, Keys: []cache.Key{"gazette /"}}, Soft: soft}
}

// byTag is a purge of a tag.
func byTag(tag string, soft bool) cache.Purge {
	return cache.Purge{Of: cache.Selection{Kind: cache.PurgeTag, Tag: tag}, Soft: soft}
}

func TestASoftPurgeByURLSavesNoPageFromAHardOneAtWork(t *testing.T) {
	for name, hard := range map[string]cache.Selection{
		"tag": {Kind: cache.PurgeTag, Tag: "leak"}, "site": {Kind: cache.PurgeSite, Space: gazette},
		"prefix": {Kind: cache.PurgePrefix, Prefix: "/"}, "everything": {Kind: cache.PurgeEverything},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdge(t, numbered("Cache-Control: max-age=3600, stale-while-revalidate=3600", "Cache-Tag: leak"))
				store := &heldStore{Store: e.store, goOn: make(chan struct{})}
				e.over(t, store)
				e.read(t)
				synctest.Wait()
				begun := e.purge(t, cache.Purge{Of: hard})
				e.purge(t, frontPage(true))
				close(store.goOn)
				synctest.Wait()
				require.EqualValues(t, 1, e.done(t, begun.ID).Matched)
				a, body := e.read(t)
				require.Equal(t, cache.Miss, a.Result)
				require.Equal(t, "2", body)
			})
		})
	}
}

// The interleaving: the URL's purge is begun, the other is begun and swept, and only then
// does the first come to its page.
func TestAPurgeByURLIsOfAPageThatALaterSweepPassedFirst(t *testing.T) {
	for _, soft := range []bool{false, true} {
		t.Run(fmt.Sprintf("soft %t", soft), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdge(t, numbered(minute, "Cache-Tag: front"))
				store := &toldStore{Store: e.store}
				e.over(t, store)
				e.read(t)
				synctest.Wait()
				store.peeks = func(cache.Key) {
					store.peeks = nil
					other := e.purge(t, byTag("other", false))
					synctest.Wait()
					require.EqualValues(t, 1, e.done(t, other.ID).Visited)
				}
				r := e.purge(t, frontPage(soft))
				require.EqualValues(t, 1, r.Matched)
				a, body := e.read(t)
				require.Equal(t, cache.Miss, a.Result)
				require.Equal(t, "2", body)
			})
		})
	}
}

// old and repaired are a page before and after its publisher mended it, under one tag.
var old, repaired = strings.Repeat("0123456789", 100), strings.Repeat("abcdefghij", 100)

// Of a page with no-cache it is asked whether there is an outage, once it was found: then
// the purge comes, after the first look that finds something to combine or the second.
func TestPurgedPartsAreNotCombined(t *testing.T) {
	for when := 1; when <= 2; when++ {
		t.Run(fmt.Sprintf("after look %d", when), func(t *testing.T) {
			onEdge(t, cutting(old, "Cache-Control: no-cache, max-age=60", strong), func(t *testing.T, e *edge) {
				looks := 0
				e.site.Policy.Outage = time.Hour
				e.readPart(t, old, "0", "499")
				e.site.Outage = func() bool {
					if looks++; looks == when {
						e.answers(cutting(repaired, minute, strong))
						e.purge(t, frontPage(false))
					}
					return true
				}
				_, body := e.read(t)
				require.True(t, body == repaired, "nothing of what was purged")
				require.Equal(t, when, looks)
				require.Equal(t, 2, e.fetches(), "nor is their rest asked for")
				synctest.Wait()
				a, body := e.read(t)
				require.Equal(t, cache.Hit, a.Result)
				require.True(t, body == repaired)
			})
		})
	}
}

func TestPartsThatArePurgedWhileTheirRestIsAskedForAreNotCombined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, cutting(old, minute, strong))
		e.readPart(t, old, "0", "499")
		e.answers(func(a ask) (*http.Response, error) {
			if a.n == 2 {
				require.NotEmpty(t, a.Range)
				e.purge(t, frontPage(false))
			}
			return cutting(repaired, minute, strong)(a)
		})
		_, body := e.read(t)
		require.True(t, body == repaired, "nothing of what was purged")
		require.Equal(t, 3, e.fetches(), "it is asked for whole")
	})
}

func TestPartsThatArePurgedWhileTheirRestArrivesAreNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, cutting(old, minute, strong, "Cache-Tag: front"))
		e.readPart(t, old, "0", "499")
		streams := make(chan *stream, 1)
		e.answers(streaming(streams, 206, 500, minute, strong, "Cache-Tag: other", "Content-Range: bytes 500-999/1000"))
		a := e.get(t)
		e.purge(t, byTag("front", false)) // what arrives has lost the tag, what was there had it
		rest := <-streams
		rest.send(t, old[500:])
		require.NoError(t, rest.to.Close())
		_, err := readAll(t.Context(), &a)
		require.NoError(t, err, "who asked before the purge gets it")
		synctest.Wait()
		require.Zero(t, e.Usage().Pages)
	})
}

// A sweep is shown all that is there; this is what becomes of a page that a store forgot
// to show while somebody else let it go.
func TestAPurgedPageThatTheSweepMissedIsNotServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, numbered("Cache-Control: max-age=3600", "Cache-Tag: a"))
		store := &heldStore{Store: e.store, goOn: make(chan struct{}), blind: true}
		e.over(t, store)
		e.read(t)
		synctest.Wait()
		e.purge(t, byTag("a", false))
		held := e.store.Peek("gazette /")[0]
		e.Explain(e.request(http.MethodGet))
		require.Equal(t, []*cache.Page{held}, e.store.Peek("gazette /"), "an explanation lets go of nothing")
		_, err := e.Answer(t.Context(), e.request(http.MethodHead)) // a use while the purge is at work
		require.NoError(t, err)
		require.True(t, e.store.Put(held, 0), "as if the store had kept it")
		close(store.goOn)
		synctest.Wait()
		require.Zero(t, e.PurgeCounts().Active)
		a, body := e.read(t)
		require.Equal(t, cache.Status{Fwd: cache.FwdURIMiss, FwdStatus: 200, Stored: true}, a.Status)
		require.Equal(t, "3", body)
	})
}

func TestAReaderOfAStoreThatContradictsItselfIsAnsweredAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, numbered("Cache-Control: max-age=1", `Etag: "1"`))
		store := &toldStore{Store: e.store}
		e.over(t, store)
		e.read(t)
		time.Sleep(time.Minute)
		synctest.Wait()
		store.blank = true // it has the page for who asks, and not for who looks
		a, body := e.read(t)
		require.Equal(t, "2", body)
		require.NotNil(t, a.Response, "passed through")
	})
}

func TestAnExplanationAppliesNoPurge(t *testing.T) {
	for _, soft := range []bool{false, true} {
		t.Run(fmt.Sprintf("soft %t", soft), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdge(t, numbered("Cache-Control: max-age=3600", "Cache-Tag: a"))
				store := &heldStore{Store: e.store, goOn: make(chan struct{})}
				e.over(t, store)
				e.read(t)
				synctest.Wait()
				begun := e.purge(t, byTag("a", soft))
				x := e.explained(t)
				if soft {
					require.Len(t, x.Pages, 1)
					require.LessOrEqual(t, x.Pages[0].TTL, time.Duration(0), "as a reader would find it")
					require.True(t, x.Pages[0].Chosen)
				} else {
					require.Empty(t, x.Pages)
				}
				r, _ := e.PurgeOf(begun.ID)
				require.Zero(t, r.Matched, "nobody has come to the page yet")
				close(store.goOn)
				synctest.Wait()
				require.EqualValues(t, 1, e.done(t, begun.ID).Matched)
			})
		})
	}
}

func TestAnExplanationIsNoUseOfWhatIsStoredInPart(t *testing.T) {
	onEdge(t, cutting(old, minute, strong), func(t *testing.T, e *edge) {
		store := &toldStore{Store: e.store}
		e.over(t, store)
		e.readPart(t, old, "0", "499")
		store.asked = func(key cache.Key) { t.Errorf("%q was used", key) }
		x := e.explained(t)
		require.Equal(t, cache.FwdPartial, x.Status.Fwd)
	})
}

func TestASoftPurgeOfManyPagesIsNoStormOfRefreshes(t *testing.T) {
	const most, pages = 16, 100
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, numbered("Cache-Control: max-age=3600, stale-while-revalidate=3600"))
		use := func(site string) {
			for i := range pages {
				a, _ := e.take(t, cache.Key(fmt.Sprintf("%s /%d", site, i)))
				require.Contains(t, []cache.Result{cache.Miss, cache.Stale, cache.Hit}, a.Result)
			}
			synctest.Wait()
		}
		use("gazette")
		use("herald")
		goOn := make(chan struct{})
		e.answers(func(a ask) (*http.Response, error) {
			select {
			case <-goOn:
			case <-a.Done():
			}
			return reply(200, "new", "Cache-Control: max-age=3600"), nil
		})
		e.purge(t, cache.Purge{Of: cache.Selection{Kind: cache.PurgeEverything}, Soft: true})
		synctest.Wait()
		before := e.fetches()
		use("gazette")
		use("gazette")
		require.Equal(t, before+most, e.fetches(), "all others are served stale without one")
		use("herald")
		require.Equal(t, before+2*most, e.fetches(), "each site for itself")
		e.Invalidate("gazette /0") // a refresh that nobody follows any more is under way all the same
		use("herald")
		require.Equal(t, before+2*most, e.fetches())
		close(goOn)
		synctest.Wait()
		for range 2 * pages / most {
			use("gazette")
		}
		require.EqualValues(t, most+pages, e.Counters().Refreshes.Load(), "the next use starts it")
		a, _ := e.take(t, "gazette /99")
		require.Equal(t, cache.Hit, a.Result)
	})
}

// pausing is a store whose sweeps take as long as those of millions of pages.
type pausing struct{ *memory.Store }

// Sweep implements cache.Store.
func (s pausing) Sweep(ctx context.Context, visit func(*cache.Page) bool) {
	time.Sleep(5 * time.Millisecond)
	s.Store.Sweep(ctx, visit)
}

// purgeSoftly purges the one key softly, so often that a hard purge is at work now and then.
func (s *soak) purgeSoftly(ctx context.Context) error {
	time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
	if _, err := s.Purge(ctx, cache.Purge{Of: cache.Selection{Kind: cache.PurgeURL, Keys: []cache.Key{soakKey}}, Soft: true}); ctx.Err() == nil {
		return err
	}
	return nil
}
