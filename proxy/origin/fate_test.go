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
	require.Equal(t, []int{2, 1, 3}, apart([]int{1, 2, 3}, views, 0))
	require.Equal(t, []int{0, 1, 3}, apart([]int{0, 1, 3}, views, 2))
	cdn := []health.View{{Fates: []string{"cdn"}, CDN: "cdn"}, {Fates: []string{"cdn"}, CDN: "cdn"}, {}, {Fates: []string{"x", "cdn"}, CDN: "cdn"}}
	require.Equal(t, []int{2, 1, 3}, apart([]int{1, 2, 3}, cdn, 0), "one CDN is only little in common")

	require.Equal(t, 2, company([]int{1, 2, 3}, views, 0))
	require.Equal(t, 1, company([]int{1, 2}, fated("xxy", up, up, down), 0), "but a usable one")
	require.Equal(t, -1, company([]int{1}, fated("xy", up, down), 0))
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
