package origin

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// fated are origins of these verdicts; those of one letter share an address.
func fated(letters string, verdicts ...health.Verdict) []health.View {
	views := make([]health.View, len(letters))
	for i, letter := range letters {
		views[i] = health.View{Verdict: verdicts[i], Fates: []string{string(letter)}}
	}
	return views
}

func TestThoseOfTheSameFateAreAskedLast(t *testing.T) {
	const up, down = health.Healthy, health.Down
	views := fated("xxyx", up, up, up, up)
	require.Equal(t, []int{2, 1, 3}, apart([]int{1, 2, 3}, views, 0, awake))
	require.Equal(t, []int{0, 1, 3}, apart([]int{0, 1, 3}, views, 2, awake))
	cdn := []health.View{{Fates: []string{"cdn"}, CDN: "cdn"}, {Fates: []string{"cdn"}, CDN: "cdn"}, {}, {Fates: []string{"x", "cdn"}, CDN: "cdn"}}
	require.Equal(t, []int{2, 1, 3}, apart([]int{1, 2, 3}, cdn, 0, awake), "one CDN is only little in common")

	require.Equal(t, 2, company([]int{1, 2, 3}, views, 0))
	require.Equal(t, 1, company([]int{1, 2}, fated("xxy", up, up, down), 0), "but a usable one")
	require.Equal(t, -1, company([]int{1}, fated("xy", up, down), 0))
}

func TestWhatIsKnownOfAnOriginCountsMoreThanTheFateItShares(t *testing.T) {
	cdn := func(v health.Verdict) health.View { return health.View{Verdict: v, Fates: []string{"cdn"}, CDN: "cdn"} }
	failing := health.View{Verdict: health.Healthy, LiveFailures: avoidAfter}
	views := []health.View{
		cdn(health.Down), {Verdict: health.Blocked}, {Verdict: health.Probation}, failing, cdn(health.Healthy), {Verdict: health.Healthy},
	}
	require.Equal(t, []int{5, 4, 3, 2, 1}, apart([]int{1, 2, 3, 4, 5}, views, 0, awake))
	rests := func(i int) bool { return i == 5 }
	require.Equal(t, []int{4, 3, 5, 2, 1}, apart([]int{1, 2, 3, 4, 5}, views, 0, rests))
	require.Equal(t, 4, company([]int{1, 3, 4}, views, 0))
}

func TestAHealthyOriginBehindTheSameCDNIsAskedBeforeOneOfNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil, servePage, servePage)
		for _, origin := range []string{"a", "b"} {
			s.tracker.Observe(id(origin), health.Observation{At: time.Now(), Class: health.OK, Status: 200, CDN: "cdn"})
		}
		s.probe("c", down...)
		got, err := s.fetch()
		requireAnswer(t, got, err, "b", page)
	})
}

func TestFleeingToAnotherFateIsNotUndone(t *testing.T) {
	views := fated("xxy", health.Healthy, health.Healthy, health.Healthy)
	for i := range views {
		views[i].ID, views[i].Since = id(string(rune('a'+i))), noon.Add(-time.Hour)
	}
	route := Choose(noon, views, Route{}, 0).Route
	views[0].Verdict, views[0].Class, views[0].Since = health.Down, health.ConnectTimeout, noon
	choice := Choose(noon, views, route, 0)
	require.Equal(t, 2, choice.Route.Active)
	for _, later := range []time.Duration{time.Millisecond, time.Second, failBackHold, time.Hour} {
		choice = Choose(noon.Add(later), views, choice.Route, 0)
		require.False(t, choice.Moved, "%s later: %s", later, choice.Why)
	}
	views[0].Verdict = health.Suspect
	require.Equal(t, 1, Choose(noon.Add(time.Hour), views, choice.Route, 0).Route.Active, "what it was feared for is over")
	views[0].Verdict, views[1].Since = health.Down, noon.Add(time.Minute)
	require.Equal(t, 1, Choose(noon.Add(time.Hour), views, choice.Route, 0).Route.Active, "or it has shown itself well since")
}

func TestReadersGiveWhatTheyPassedOverTheHoldToo(t *testing.T) {
	views := fated("xyz", health.Down, health.Healthy, health.Healthy)
	views[1].Since = noon.Add(-time.Hour)
	route := Route{Active: 2, Since: noon}
	require.False(t, Choose(noon.Add(failBackHold-1), views, route, 0).Moved)
	require.Equal(t, 1, Choose(noon.Add(failBackHold), views, route, 0).Route.Active)
}

func TestReadersFleeToAnotherFate(t *testing.T) {
	const up, down, blocked = health.Healthy, health.Down, health.Blocked
	for _, test := range []struct {
		name  string
		views []health.View
		class health.Class
		want  int
	}{
		{"its address fell", fated("xxy", down, up, up), health.ConnectTimeout, 2},
		{"its name fell", fated("xxy", blocked, up, up), health.TLSResetSNI, 1},
		{"only its own fate is left", fated("xxy", down, up, down), health.ConnectRefused, 1},
		{"nothing is left", fated("xy", down, down), health.ConnectRefused, -1},
		{"it stands", fated("xy", up, up), health.ConnectRefused, 0},
	} {
		test.views[0].Class = test.class
		require.Equal(t, test.want, refuge(test.views, 0), test.name)
	}
	views := fated("xxy", down, up, up)
	views[0].Class = health.ConnectTimeout
	choice := Choose(time.Now(), views, Route{Since: time.Now()}, 0)
	require.Equal(t, 2, choice.Route.Active)
	require.Equal(t, []int{2, 1, 0}, choice.Order)
}

// at makes a probe of an origin that found it well at an address.
func (s *scene) found(origin, address string) {
	s.tracker.Observe(id(origin), health.Observation{At: time.Now(), Class: health.OK, Address: address})
}

func TestAlternatesAtADeadAddressAreNotTriedOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil, servePage, servePage)
		s.found("a", "192.0.2.1:443")
		s.found("b", "192.0.2.1:443")
		s.found("c", "192.0.2.9:443")
		got, err := s.fetch()
		requireAnswer(t, got, err, "c", page)
		require.Equal(t, []string{"a>c: connect_refused"}, s.seen.failovers)
	})
}

func TestAFailureOfTheNameLeavesTheOrderAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, breakOff, servePage, servePage)
		for _, origin := range []string{"a", "b"} {
			s.found(origin, "192.0.2.1:443")
		}
		got, err := s.fetch()
		requireAnswer(t, got, err, "b", page)
	})
}

func TestAHedgePrefersAnotherFate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, hang, hang, http.HandlerFunc(servePage))
		for origin, address := range map[string]string{"a": "192.0.2.1:443", "b": "192.0.2.1:443", "c": "192.0.2.9:443"} {
			s.found(origin, address)
		}
		began := time.Now()
		got, err := s.fetch()
		requireAnswer(t, got, err, "c", page)
		require.Equal(t, hedgeLatest, time.Since(began))
		require.Zero(t, s.at["b"].requests.Load())
	})
}
