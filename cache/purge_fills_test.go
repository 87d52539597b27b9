package cache_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/cache/memory"
)

// fillsUnderWay are purges that a page which is just being fetched may be of.
var fillsUnderWay = []struct {
	name string
	of   cache.Selection
	hit  bool
}{
	{"by URL", cache.Selection{Kind: cache.PurgeURL, Keys: []cache.Key{"gazette /"}}, true},
	{"by site", cache.Selection{Kind: cache.PurgeSite, Space: gazette}, true},
	{"by prefix", cache.Selection{Kind: cache.PurgePrefix, Prefix: "/"}, true},
	{"by tag", cache.Selection{Kind: cache.PurgeTag, Tag: "front"}, true},
	{"everything", cache.Selection{Kind: cache.PurgeEverything}, true},
	{"by another URL", cache.Selection{Kind: cache.PurgeURL, Keys: []cache.Key{"gazette /news"}}, false},
	{"by another tag", cache.Selection{Kind: cache.PurgeTag, Tag: "sport"}, false},
	{"by another site", cache.Selection{Kind: cache.PurgeSite, Space: func(s string) bool { return s == "herald" }}, false},
}

func TestWhatWasBeingFetchedIsPurgedToo(t *testing.T) {
	for _, c := range fillsUnderWay {
		for _, headerFirst := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, header first %t", c.name, headerFirst), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					streams, goOn := make(chan *stream, 1), make(chan bool)
					slow := streaming(streams, 200, -1, minute, "Cache-Tag: front")
					e := newEdge(t, func(a ask) (*http.Response, error) {
						if !headerFirst {
							<-goOn
						}
						return slow(a)
					})
					early := make(chan string, 1)
					go func() {
						a, err := e.Answer(t.Context(), e.request(http.MethodGet))
						if err == nil {
							body, _ := readAll(t.Context(), &a)
							early <- body
						}
					}()
					synctest.Wait()
					e.purge(t, cache.Purge{Of: c.of})
					synctest.Wait() // the sweep is over long before the fill
					if !headerFirst {
						close(goOn)
					}
					old := <-streams
					e.answers(numbered(minute, "Cache-Tag: front"))
					if c.hit {
						_, body := e.read(t)
						require.Equal(t, "2", body, "who comes after the purge does not follow what was asked for before")
					}
					old.send(t, "old")
					require.NoError(t, old.to.Close())
					require.Equal(t, "old", <-early, "who came before it does")
					synctest.Wait()
					a, body := e.read(t)
					require.Equal(t, cache.Hit, a.Result)
					if c.hit {
						require.Equal(t, "2", body)
					} else {
						require.Equal(t, "old", body)
					}
				})
			})
		}
	}
}

func TestASoftPurgeExpiresWhatWasBeingFetched(t *testing.T) {
	for _, c := range fillsUnderWay {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				streams := make(chan *stream, 1)
				e := newEdge(t, streaming(streams, 200, -1, minute, "Cache-Tag: front"))
				a := e.get(t)
				defer a.Cursor.Close()
				e.purge(t, cache.Purge{Of: c.of, Soft: true})
				old := <-streams
				old.send(t, "old")
				require.NoError(t, old.to.Close())
				synctest.Wait()
				require.Equal(t, 1, e.Usage().Pages)
				e.answers(numbered(minute))
				again, _ := e.read(t)
				require.Equal(t, c.hit, again.Status.Fwd == cache.FwdStale, again.Status)
			})
		})
	}
}

func TestAValidationUnderWayDoesNotBringThePageBack(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdge(t, numbered("Cache-Control: max-age=1", `Etag: "1"`, "Cache-Tag: front"))
				e.read(t)
				time.Sleep(time.Minute)
				goOn, over := make(chan bool), make(chan bool)
				e.answers(func(ask) (*http.Response, error) {
					<-goOn
					return reply(304, "", minute, "Cache-Tag: other"), nil // it loses the tag, not the body
				})
				go func() {
					_, _ = e.Answer(t.Context(), e.request(method))
					close(over)
				}()
				synctest.Wait()
				e.purge(t, cache.Purge{Of: cache.Selection{Kind: cache.PurgeTag, Tag: "front"}})
				close(goOn)
				<-over
				synctest.Wait()
				require.Zero(t, e.Usage().Pages)
			})
		})
	}
}

func TestARefreshUnderWayDoesNotBringThePageBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, numbered("Cache-Control: max-age=1, stale-while-revalidate=3600"))
		e.read(t)
		time.Sleep(time.Minute)
		goOn := make(chan bool)
		e.answers(func(ask) (*http.Response, error) {
			<-goOn
			return reply(200, "refreshed before", minute), nil
		})
		a, _ := e.read(t)
		require.Equal(t, cache.Stale, a.Result)
		synctest.Wait()
		e.purge(t, cache.Purge{Of: cache.Selection{Kind: cache.PurgeEverything}})
		close(goOn)
		synctest.Wait()
		require.Zero(t, e.Usage().Pages)
	})
}

// selections are purges that are of everything that TestNobodyGetsWhatWasPurgedBefore stores.
func selections(i int) cache.Selection {
	switch i % 5 {
	case 0:
		keys := make([]cache.Key, 8)
		for i := range keys {
			keys[i] = cache.Key(fmt.Sprintf("gazette /%d", i))
		}
		return cache.Selection{Kind: cache.PurgeURL, Keys: keys}
	case 1:
		return cache.Selection{Kind: cache.PurgeTag, Tag: "front"}
	case 2:
		return cache.Selection{Kind: cache.PurgePrefix, Prefix: "/"}
	case 3:
		return cache.Selection{Kind: cache.PurgeSite, Space: gazette}
	}
	return cache.Selection{Kind: cache.PurgeEverything}
}

// TestNobodyGetsWhatWasPurgedBefore has readers ask for a few pages of which the origin has
// ever newer editions, while they are purged in every way: who begins after a purge has
// returned gets none of an edition from before it.
func TestNobodyGetsWhatWasPurgedBefore(t *testing.T) {
	var edition, floor atomic.Int64
	e := newEdge(t, func(a ask) (*http.Response, error) {
		if a.Validators.ETag != "" && rand.IntN(2) == 0 && a.Validators.ETag == fmt.Sprintf(`"%d"`, edition.Load()) {
			return reply(304, "", "Cache-Control: max-age=600", "Etag: "+a.Validators.ETag), nil
		}
		now := edition.Load()
		time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
		return reply(200, strconv.FormatInt(now, 10), "Cache-Control: max-age=600", fmt.Sprintf(`Etag: "%d"`, now), "Cache-Tag: front"), nil
	})
	over := make(chan struct{})
	var readers sync.WaitGroup
	var served atomic.Int64
	for range 8 {
		readers.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				least := floor.Load()
				a, err := e.Answer(t.Context(), e.of(cache.Key(fmt.Sprintf("gazette /%d", rand.IntN(8)))))
				if err != nil {
					t.Error(err)
					return
				}
				body, err := readAll(t.Context(), &a)
				got, wrong := strconv.ParseInt(body, 10, 64)
				if errors.Join(err, wrong) != nil || got < least {
					t.Errorf("edition %q (%v) after a purge of all before %d: %+v", body, err, least, a.Status)
					return
				}
				served.Add(1)
			}
		})
	}
	for i := range 300 {
		now := edition.Add(1)
		if _, err := e.Purge(t.Context(), cache.Purge{Of: selections(i), Soft: rand.IntN(2) == 0}); err != nil {
			t.Error(err)
		}
		floor.Store(now)
		time.Sleep(time.Duration(rand.IntN(1000)) * time.Microsecond)
	}
	close(over)
	readers.Wait()
	require.Positive(t, served.Load())
}

func TestAPurgeThatTheEndInterruptsSaysSo(t *testing.T) {
	told := make(chan cache.PurgeReport, 1)
	store := &heldStore{Store: memory.New(1 << 20), goOn: make(chan struct{})}
	c := cache.New(cache.Options{Store: store, MaxPage: 1 << 18, Purged: func(r cache.PurgeReport) { told <- r }})
	begun, err := c.Purge(t.Context(), cache.Purge{Of: cache.Selection{Kind: cache.PurgeTag, Tag: "front"}})
	require.NoError(t, err)
	require.True(t, begun.Done.IsZero())
	require.Equal(t, 1, c.PurgeCounts().Active)
	c.Close()
	r := <-told
	require.True(t, r.Interrupted)
	require.Zero(t, c.PurgeCounts().Active)
}

func TestThereIsAnEndToHowManyPurgesMayBeAtWork(t *testing.T) {
	store := &heldStore{Store: memory.New(1 << 20), goOn: make(chan struct{})}
	c := cache.New(cache.Options{Store: store, MaxPage: 1 << 18})
	defer c.Close()
	tag := func(i int) cache.Purge {
		return cache.Purge{Of: cache.Selection{Kind: cache.PurgeTag, Tag: fmt.Sprint(i)}}
	}
	for i := range 1000 {
		_, err := c.Purge(t.Context(), tag(i))
		require.NoError(t, err)
	}
	_, err := c.Purge(t.Context(), tag(1000))
	require.ErrorIs(t, err, cache.ErrTooManyPurges)
	require.Len(t, c.Purges(), 1000, "all can be asked for while they are at work")
	close(store.goOn)
	require.Eventually(t, func() bool { return c.PurgeCounts().Active == 0 }, time.Minute, time.Millisecond)
	_, err = c.Purge(t.Context(), tag(1001))
	require.NoError(t, err)
}

// A page that is stored anew takes its variants along, which a sweep need not be shown then.
func TestAVariantThatTheSweepMissesIsPurgedAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, numbered(minute, "Vary: Accept-Language", "Cache-Tag: front"))
		e.Close()
		store := &heldStore{Store: e.store, goOn: make(chan struct{}), blind: true}
		e.Cache = cache.New(cache.Options{Store: store, MaxPage: 1 << 18})
		defer e.Close()
		e.read(t, "Accept-Language: fa")
		synctest.Wait()
		e.purge(t, cache.Purge{Of: cache.Selection{Kind: cache.PurgeTag, Tag: "front"}})
		e.read(t, "Accept-Language: en")
		synctest.Wait()
		close(store.goOn)
		synctest.Wait()
		require.Zero(t, e.PurgeCounts().Active)
		require.Equal(t, 1, e.Usage().Pages)
		a, _ := e.read(t, "Accept-Language: en")
		require.Equal(t, cache.Hit, a.Result)
		a, _ = e.read(t, "Accept-Language: fa")
		require.Equal(t, cache.Miss, a.Result)
	})
}

// heldStore is a store whose sweeps begin when they are let, and are shown nothing when they
// are blind.
type heldStore struct {
	*memory.Store
	goOn  chan struct{}
	blind bool
}

// Sweep implements cache.Store.
func (s *heldStore) Sweep(ctx context.Context, visit func(*cache.Page) bool) {
	select {
	case <-s.goOn:
		if !s.blind {
			s.Store.Sweep(ctx, visit)
		}
	case <-ctx.Done():
	}
}
