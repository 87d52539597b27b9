package origin

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// probe tells the tracker of good and failed probes.
func (s *scene) probe(origin string, classes ...health.Class) {
	for _, c := range classes {
		s.tracker.Observe(id(origin), health.Observation{Class: c})
	}
}

// down is as many failed probes as take an origin out of use.
var down = []health.Class{health.ServerError, health.ServerError, health.ServerError}

func TestReadersFollowTheVerdictsAndComeBackAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, servePage, servePage)
		s.probe("a", health.OK)
		s.probe("b", health.OK)
		ask := func() string {
			got, err := s.fetch()
			require.NoError(t, err)
			readAll(t, got)
			return got.Origin
		}
		require.Equal(t, "a", ask())
		s.probe("a", down...)
		require.Equal(t, "b", ask())
		require.Equal(t, "b", s.pool.Active())
		require.Equal(t, []string{"a>b: a is down"}, s.seen.moved)

		s.probe("a", health.OK, health.OK)
		require.Equal(t, health.Healthy, s.tracker.View(id("a")).Verdict)
		time.Sleep(failBackHold - time.Second)
		require.Equal(t, "b", ask())
		time.Sleep(time.Second)
		first := map[string]int{ask(): 1}
		require.Equal(t, []string{"a>b: a is down", "b>a: a is healthy again"}, s.seen.moved)
		for range 200 {
			first[ask()]++
		}
		require.Greater(t, first["a"], 0)
		require.Greater(t, first["b"], first["a"], "a quarter at first")
		time.Sleep(20 * time.Second)
		for range 50 {
			require.Equal(t, "a", ask())
		}
		require.Empty(t, s.seen.failovers)
	})
}

func TestManyRequestsAtOnceMoveReadersOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, servePage, servePage)
		s.probe("a", health.OK)
		s.probe("b", health.OK)
		s.pool.order(time.Now())
		time.Sleep(time.Hour) // healthy for long: an old verdict would be reason to return
		for round := range 50 {
			var group sync.WaitGroup
			for range 8 {
				group.Go(func() {
					for range 20 {
						s.pool.order(time.Now())
					}
				})
			}
			s.probe("a", down...)
			group.Wait()
			s.pool.order(time.Now())
			require.Len(t, s.seen.moved, 2*round+1)
			require.Equal(t, "a>b: a is down", s.seen.moved[2*round])
			s.probe("a", health.OK, health.OK)
			time.Sleep(time.Hour)
			s.pool.order(time.Now())
			require.Len(t, s.seen.moved, 2*round+2)
		}
	})
}

func TestAReloadMovesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, servePage, servePage, servePage)
		s.probe("a", down...)
		s.probe("b", down...)
		s.pool.order(time.Now())
		require.Equal(t, "c", s.pool.Active())

		origins := s.pool.site.Origins
		heir := func(origins ...*Origin) *Pool {
			p := NewPool(Site{Name: siteName, Origins: origins}, s.tracker, s.seen.events())
			p.Inherit(s.pool)
			return p
		}
		same := heir(origins...)
		require.Equal(t, s.pool.route, same.route)

		turned := heir(origins[2], origins[1], origins[0])
		require.Equal(t, "c", turned.Active())
		require.Equal(t, 2, turned.route.Previous, "still a")
		require.Equal(t, s.pool.route.Switches, turned.route.Switches, "the bound holds over reloads")

		without := heir(origins[1], origins[2])
		require.Equal(t, "c", without.Active())
		require.Equal(t, 1, without.route.Previous, "nobody else keeps a share")

		fresh := heir(origins[0], origins[1])
		require.Equal(t, Route{}, fresh.route, "its origin is gone: it starts anew")

		unused := NewPool(Site{Name: siteName, Origins: origins}, s.tracker, Events{})
		next := NewPool(Site{Name: siteName, Origins: origins}, s.tracker, Events{})
		next.Inherit(unused)
		require.Equal(t, Route{}, next.route)
	})
}

func TestViewsAreInTheOrderOfTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, servePage, servePage)
		s.probe("b", health.OK)
		slices.Reverse(s.pool.site.Origins)
		s.pool.site.Origins = append(s.pool.site.Origins, NewOrigin(Config{ID: id("new")}))
		all := s.pool.Views()
		require.Len(t, all, 3)
		for i, want := range []health.View{{ID: id("b"), Verdict: health.Healthy}, {ID: id("a"), Verdict: health.Unknown}, {ID: id("new"), Verdict: health.Unknown}} {
			require.Equal(t, want.ID, all[i].ID)
			require.Equal(t, want.Verdict, all[i].Verdict)
		}
	})
}

func TestASiteIsInOutageWhenNoOriginIsOfUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, servePage, servePage)
		require.False(t, s.pool.Outage(), "an edge that has just started serves")
		s.probe("a", down...)
		require.False(t, s.pool.Outage())
		s.probe("b", down...)
		require.True(t, s.pool.Outage())
		s.probe("b", health.OK, health.OK)
		require.False(t, s.pool.Outage())
		s.probe("a", health.OK, health.OK)
		s.probe("a", health.ConnectTimeout)
		s.probe("b", health.ConnectTimeout)
		_, _, suspected := s.tracker.Suspected()
		require.True(t, suspected, "everything fails at once: it is the edge's own network")
		require.True(t, s.tracker.View(id("a")).Verdict.Usable())
		require.True(t, s.pool.Outage())
	})
}

func TestAPoolWithoutAnybodyToTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, serveStatus(http.StatusServiceUnavailable, "no"), hang, servePage)
		s.pool.events = Events{}
		got, err := s.fetch()
		requireAnswer(t, got, err, "c", page)
	})
}
