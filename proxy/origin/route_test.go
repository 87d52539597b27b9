package origin

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// restarted is a pool of a later process over the scene's origins, in another
// order or fewer of them, that has resumed the saved route from its JSON form.
func (s *scene) restarted(saved SavedRoute, origins ...*Origin) (*Pool, error) {
	s.t.Helper()
	text, err := json.Marshal(saved)
	require.NoError(s.t, err)
	var read SavedRoute
	require.NoError(s.t, json.Unmarshal(text, &read))
	require.NoError(s.t, read.Check())
	p := NewPool(Site{Name: siteName, Origins: origins}, s.tracker, s.seen.events())
	return p, p.Resume(read, time.Now())
}

func TestAPoolWithoutReadersHasNoRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, servePage)
		_, ok := s.pool.Route(time.Now())
		require.False(t, ok)
		s.pool.order(time.Now())
		route, ok := s.pool.Route(time.Now())
		require.True(t, ok)
		require.Equal(t, "a", route.Active)
		require.Empty(t, route.Switches)
	})
}

func TestTheHoldGoesOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, servePage, servePage)
		s.probe("a", down...)
		s.pool.order(time.Now())
		s.probe("a", health.OK, health.OK)
		healthy := time.Now()
		time.Sleep(failBackHold / 2)
		saved, ok := s.pool.Route(time.Now())
		require.True(t, ok)

		origins := s.pool.site.Origins
		after, err := s.restarted(saved, origins...)
		require.NoError(t, err)
		for time.Since(healthy) < failBackHold {
			require.Equal(t, "b", firstOf(after))
			time.Sleep(time.Second)
		}
		after.order(time.Now())
		require.Equal(t, "a", after.Active())
		require.Equal(t, 1, after.route.Returns)
		require.Len(t, after.route.Switches, 2, "the first was before the restart")

		saved, ok = after.Route(time.Now())
		require.True(t, ok)
		ramping, err := s.restarted(saved, origins...)
		require.NoError(t, err)
		first := map[string]int{}
		for range 300 {
			first[firstOf(ramping)]++
		}
		require.Greater(t, first["b"], first["a"], "a quarter at first, also after a restart")
		require.Greater(t, first["a"], 0)
	})
}

func TestResumeFindsOriginsByTheirNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, servePage, servePage, servePage)
		origins := s.pool.site.Origins
		now := time.Now()
		saved := SavedRoute{
			Site: siteName, At: now, Active: "c", Previous: "a", Since: now.Add(-time.Hour), Returned: true,
			Switches: []time.Time{now.Add(-time.Minute)}, Returns: 2,
		}
		turned, err := s.restarted(saved, origins[2], origins[1], origins[0])
		require.NoError(t, err)
		again, ok := turned.Route(now)
		require.True(t, ok)
		require.Equal(t, 0, turned.route.Active)
		require.Equal(t, 2, turned.route.Previous)
		for _, at := range []*time.Time{&again.At, &again.Since, &again.Switches[0]} {
			*at = at.Local() // the zone is not the same, the moment is
		}
		saved.At, saved.Since = saved.At.Round(0), saved.Since.Round(0)
		saved.Switches[0], again.At = saved.Switches[0].Round(0), again.At.Round(0)
		require.Equal(t, saved, again)

		without, err := s.restarted(saved, origins[1], origins[2])
		require.NoError(t, err)
		require.Equal(t, "c", without.Active())
		require.Equal(t, without.route.Active, without.route.Previous, "nobody else keeps a share")

		anew, err := s.restarted(saved, origins[0], origins[1])
		require.EqualError(t, err, "c is no origin of the site any more")
		require.Equal(t, Route{}, anew.route)
	})
}

func TestARouteIsGoneOnWithForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, servePage, servePage)
		now := time.Now()
		for age, fresh := range map[time.Duration]bool{
			0: true, time.Hour: true, time.Hour + time.Second: false,
			-time.Hour: true, -time.Hour - time.Second: false,
		} {
			saved := SavedRoute{
				Site: siteName, At: now.Add(-age), Active: "b", Previous: "a", Since: now.Add(-48 * time.Hour),
			}
			after, err := s.restarted(saved, s.pool.site.Origins...)
			if fresh {
				require.NoError(t, err, age)
				require.Equal(t, "b", after.Active(), age)
				continue
			}
			require.ErrorContains(t, err, "more than 1h0m0s from now", age)
			require.Equal(t, Route{}, after.route, age)
		}
	})
}

func TestTimesToComeDoNotHoldReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, servePage, servePage)
		now := time.Now()
		past, future := now.Add(-time.Minute), now.Add(time.Minute)
		after, err := s.restarted(SavedRoute{
			Site: siteName, At: future, Active: "a", Previous: "b", Since: future, Returned: true,
			Switches: []time.Time{past, future, future}, Returns: 1,
		}, s.pool.site.Origins...)
		require.NoError(t, err)
		require.True(t, after.route.Since.Equal(now))
		require.Len(t, after.route.Switches, 1)
		require.True(t, after.route.Switches[0].Equal(past))
	})
}

func TestCheckRefusesWhatNoRouteIsLike(t *testing.T) {
	good := SavedRoute{
		Site: siteName, At: noon, Active: "b", Previous: "a", Since: noon,
		Switches: []time.Time{noon.Add(-time.Second), noon}, Returns: 1,
	}
	require.NoError(t, good.Check())
	for problem, spoil := range map[string]func(*SavedRoute){
		"has no name":              func(r *SavedRoute) { r.Active = "" },
		"at or since is missing":   func(r *SavedRoute) { r.Since = time.Time{} },
		"more than ever happen":    func(r *SavedRoute) { r.Switches = make([]time.Time, maxSwitches+1) },
		"not in their order":       func(r *SavedRoute) { r.Switches = []time.Time{noon, noon.Add(-time.Second)} },
		"-1 returns are less than": func(r *SavedRoute) { r.Returns = -1 },
	} {
		bad := good
		spoil(&bad)
		require.ErrorContains(t, bad.Check(), problem)
	}
}

// firstOf is the origin that a pool would ask first.
func firstOf(p *Pool) string {
	order, _ := p.order(time.Now())
	return p.site.Origins[order[0]].ID.Origin
}
