package cache_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// of asks for another page than the front page.
func (e *edge) of(key cache.Key, lines ...string) *cache.Request {
	r := e.request(http.MethodGet, lines...)
	r.Key = key
	return r
}

// take asks for a page and reads it.
func (e *edge) take(t testing.TB, key cache.Key, lines ...string) (cache.Answer, string) {
	t.Helper()
	a := e.ask(t, e.of(key, lines...))
	body, err := readAll(t.Context(), &a)
	require.NoError(t, err)
	return a, body
}

// purge asks for a purge, and fails the test when it is refused.
func (e *edge) purge(t testing.TB, p cache.Purge) cache.PurgeReport {
	t.Helper()
	r, err := e.Purge(t.Context(), p)
	require.NoError(t, err)
	return r
}

// done waits until a purge is done.
func (e *edge) done(t testing.TB, id uint64) cache.PurgeReport {
	t.Helper()
	var r cache.PurgeReport
	require.Eventually(t, func() bool {
		var ok bool
		r, ok = e.PurgeOf(id)
		return ok && !r.Done.IsZero()
	}, time.Minute, time.Millisecond)
	return r
}

// gazette selects pages of one site.
func gazette(site string) bool { return site == "gazette" }

// numbered answers with the number of the fetch, and with these fields.
func numbered(lines ...string) answering {
	return func(a ask) (*http.Response, error) { return reply(200, fmt.Sprint(a.n), lines...), nil }
}

func TestAPurgeIsOfWhatItNamesAndOfNothingElse(t *testing.T) {
	targets := []cache.Key{
		"gazette /", "gazette /news/1", "gazette /news/2", "gazette /newspaper", "gazette /sport", "herald /news/1", "herald /",
	}
	for _, c := range []struct {
		name string
		of   cache.Selection
		gone []cache.Key
	}{
		{"one URL", cache.Selection{Kind: cache.PurgeURL, Keys: []cache.Key{"gazette /news/1"}}, []cache.Key{"gazette /news/1"}},
		{"several URLs", cache.Selection{Kind: cache.PurgeURL, Keys: []cache.Key{"gazette /", "herald /", "gazette /none"}}, []cache.Key{"gazette /", "herald /"}},
		{"no URL at all", cache.Selection{Kind: cache.PurgeURL, Keys: []cache.Key{}}, nil},
		{"a prefix of one site", cache.Selection{Kind: cache.PurgePrefix, Space: gazette, Prefix: "/news/"}, []cache.Key{"gazette /news/1", "gazette /news/2"}},
		{"a prefix of all sites", cache.Selection{Kind: cache.PurgePrefix, Prefix: "/news/"}, []cache.Key{"gazette /news/1", "gazette /news/2", "herald /news/1"}},
		{"a tag of one site", cache.Selection{Kind: cache.PurgeTag, Space: gazette, Tag: "1"}, []cache.Key{"gazette /news/1"}},
		{"a tag of all sites", cache.Selection{Kind: cache.PurgeTag, Tag: "1"}, []cache.Key{"gazette /news/1", "herald /news/1"}},
		{"a tag that nothing has", cache.Selection{Kind: cache.PurgeTag, Tag: "11"}, nil},
		{"a site", cache.Selection{Kind: cache.PurgeSite, Space: gazette}, targets[:5]},
		{"everything", cache.Selection{Kind: cache.PurgeEverything}, targets},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdge(t, func(a ask) (*http.Response, error) {
					_, tag, _ := strings.Cut(a.Key.Target(), "/news/")
					return reply(200, "page", minute, "Cache-Tag: all, "+tag), nil
				})
				for _, key := range targets {
					e.take(t, key)
				}
				synctest.Wait()
				dry := e.purge(t, cache.Purge{Of: c.of, DryRun: true})
				require.EqualValues(t, len(c.gone), dry.Matched)
				require.Equal(t, len(targets), e.Usage().Pages, "a dry run only counts")
				require.Zero(t, dry.ID)

				begun := e.purge(t, cache.Purge{Of: c.of, What: c.name})
				synctest.Wait()
				r, ok := e.PurgeOf(begun.ID)
				require.True(t, ok)
				require.False(t, r.Done.IsZero())
				require.EqualValues(t, len(c.gone), r.Matched)
				require.Equal(t, dry.Bytes, r.Bytes)
				require.Equal(t, c.name, r.What)
				require.Equal(t, len(targets)-len(c.gone), e.Usage().Pages)
				fetches := e.fetches()
				for _, key := range c.gone {
					a, _ := e.take(t, key)
					require.Equal(t, cache.Status{Fwd: cache.FwdURIMiss, FwdStatus: 200, Stored: true}, a.Status, key)
				}
				require.Equal(t, fetches+len(c.gone), e.fetches())
			})
		})
	}
}

func TestAPurgeIsOfEveryVariant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, numbered(minute, "Vary: Accept-Language"))
		for _, language := range []string{"fa", "en", "ru"} {
			e.take(t, "gazette /", "Accept-Language: "+language)
		}
		synctest.Wait()
		r := e.purge(t, cache.Purge{Of: cache.Selection{Kind: cache.PurgeURL, Keys: []cache.Key{"gazette /"}}})
		require.EqualValues(t, 3, r.Matched)
		require.False(t, r.Done.IsZero(), "at once")
		require.Zero(t, e.Usage().Pages)
		require.Zero(t, e.Usage().Bytes)
	})
}

func TestASoftPurgeKeepsThePageToStandIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, numbered(minute, `Etag: "1"`))
		e.site.Policy.Stale = time.Hour
		e.read(t)
		synctest.Wait()
		r := e.purge(t, cache.Purge{Of: cache.Selection{Kind: cache.PurgeSite, Space: gazette}, Soft: true})
		synctest.Wait()
		require.EqualValues(t, 1, e.done(t, r.ID).Matched)
		require.Equal(t, 1, e.Usage().Pages)

		e.answers(down)
		a, body := e.read(t)
		require.Equal(t, cache.Stale, a.Result)
		require.Equal(t, cache.DetailError, a.Status.Detail)
		require.Equal(t, "1", body)
		time.Sleep(2 * time.Minute) // it was revived meanwhile

		e.answers(func(a ask) (*http.Response, error) {
			require.Equal(t, `"1"`, a.Validators.ETag)
			return reply(304, "", minute), nil
		})
		a, _ = e.read(t)
		require.Equal(t, cache.Revalidated, a.Result)
		synctest.Wait()
		a, _ = e.read(t)
		require.Equal(t, cache.Hit, a.Result, "the mark was on what it was")
	})
}

func TestASoftPurgeEndsTheRestAfterAFailedRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, numbered(minute))
		e.site.Policy.Stale = time.Hour
		e.read(t)
		e.answers(down)
		time.Sleep(2 * time.Minute)
		a, _ := e.read(t)
		require.Equal(t, cache.DetailError, a.Status.Detail)
		a, _ = e.read(t)
		require.Equal(t, cache.DetailRevived, a.Status.Detail)
		e.answers(numbered(minute))
		e.purge(t, cache.Purge{Of: cache.Selection{Kind: cache.PurgeURL, Keys: []cache.Key{"gazette /"}}, Soft: true})
		a, body := e.read(t)
		require.Equal(t, cache.Miss, a.Result)
		require.Equal(t, "3", body)
	})
}

func TestAPurgedPageStandsInForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, numbered("Cache-Control: max-age=1"))
		e.site.Policy.Stale, e.site.Policy.Outage = time.Hour, time.Hour
		e.read(t)
		time.Sleep(time.Minute)
		e.answers(func(ask) (*http.Response, error) { // asked to validate it when the purge comes
			time.Sleep(time.Second / 2)
			return nil, errDown
		})
		failed := make(chan error, 1)
		go func() {
			_, err := e.Answer(t.Context(), e.request(http.MethodGet))
			failed <- err
		}()
		synctest.Wait()
		e.purge(t, cache.Purge{Of: cache.Selection{Kind: cache.PurgeEverything}})
		require.ErrorIs(t, <-failed, errDown)
	})
}

func TestGroupsThatAnOriginInvalidatesGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		groups := map[cache.Key]string{
			"gazette /1": `Cache-Groups: "eurovision"`, "gazette /2": `Cache-Groups: "sport", "eurovision"`, "gazette /3": `Cache-Groups: "sport"`,
			"gazette /4": "Cache-Tag: eurovision", "herald /1": `Cache-Groups: "eurovision"`,
		}
		e := newEdge(t, func(a ask) (*http.Response, error) { return reply(200, "page", minute, groups[a.Key]), nil })
		for key := range groups {
			e.take(t, key)
		}
		synctest.Wait()
		e.InvalidateGroups("gazette", []string{"eurovision"})
		e.InvalidateGroups("gazette", []string{"none"})
		for key, fresh := range map[cache.Key]bool{"gazette /1": false, "gazette /2": false, "gazette /3": true, "gazette /4": true, "herald /1": true} {
			a, _ := e.take(t, key)
			require.Equal(t, fresh, a.Result == cache.Hit, key)
		}
		synctest.Wait()
		require.Equal(t, len(groups), e.Usage().Pages)
		require.Empty(t, e.Purges(), "it is not the operator's")
		counts := e.PurgeCounts()
		require.EqualValues(t, 2, counts.Purges[cache.PurgeGroup].Hard)
		require.Equal(t, cache.PurgeCount{Hard: 2}, counts.Pages)
		require.Zero(t, counts.Active)
	})
}

func TestAStreamOfInvalidationsIsOnePurge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, func(a ask) (*http.Response, error) {
			return reply(200, "page", minute, fmt.Sprintf("Cache-Groups: %q", a.Key.Target())), nil
		})
		for i := range 50 {
			e.take(t, cache.Key(fmt.Sprintf("gazette /%d", i)))
		}
		synctest.Wait()
		var most atomic.Int64
		var work sync.WaitGroup
		for i := range 50 {
			work.Go(func() {
				for j := range 200 {
					e.InvalidateGroups("gazette", []string{fmt.Sprintf("/%d", i), fmt.Sprintf("/%d-%d", i, j)})
					most.Store(max(most.Load(), int64(e.PurgeCounts().Active)))
				}
			})
		}
		work.Wait()
		synctest.Wait()
		require.LessOrEqual(t, most.Load(), int64(3), "one at work, one that waits, and that which takes its place")
		require.Zero(t, e.Usage().Pages)
	})
}

func TestPurgesAreReportedMostRecentFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, numbered(minute))
		for i := range 150 {
			e.purge(t, cache.Purge{What: fmt.Sprint(i), Of: cache.Selection{Kind: cache.PurgeSite, Space: gazette}})
			synctest.Wait()
			time.Sleep(time.Second)
		}
		all := e.Purges()
		require.Len(t, all, 100)
		require.Equal(t, "149", all[0].What)
		require.EqualValues(t, 150, all[0].ID)
		require.Equal(t, "50", all[99].What)
		_, known := e.PurgeOf(1)
		require.False(t, known)
		counts := e.PurgeCounts().Purges
		require.Equal(t, cache.PurgeCount{Hard: 150}, counts[cache.PurgeSite])
		require.Len(t, counts, len(cache.PurgeKinds()))
	})
}

func TestAfterTheEndNothingIsPurged(t *testing.T) {
	e := newEdge(t, numbered(minute))
	e.Close()
	_, err := e.Purge(t.Context(), cache.Purge{Of: cache.Selection{Kind: cache.PurgeEverything}})
	require.ErrorContains(t, err, "shutting down")
	e.InvalidateGroups("gazette", []string{"all"})
}

func TestADryRunEndsWithWhoAsked(t *testing.T) {
	e := newEdge(t, numbered(minute))
	e.read(t)
	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err := e.Purge(gone, cache.Purge{Of: cache.Selection{Kind: cache.PurgeEverything}, DryRun: true})
	require.ErrorIs(t, err, context.Canceled)
}
