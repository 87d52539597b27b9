package origin

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// noon is when the tests that need no clock begin.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// views are origins called a, b, c and so on with these verdicts, held for long.
func views(verdicts ...health.Verdict) []health.View {
	all := make([]health.View, len(verdicts))
	for i, v := range verdicts {
		all[i] = health.View{ID: id(string(rune('a' + i))), Verdict: v, Since: noon.Add(-24 * time.Hour)}
	}
	return all
}

func TestOrder(t *testing.T) {
	const (
		unknown, healthy, suspect = health.Unknown, health.Healthy, health.Suspect
		down, blocked, probation  = health.Down, health.Blocked, health.Probation
		hijacked, drained         = health.Hijacked, health.Drained
	)
	tests := []struct {
		name   string
		views  []health.View
		active int
		want   []int
	}{
		{"the primary, then the alternates in order", views(healthy, healthy, healthy), 0, []int{0, 1, 2}},
		{"before anything is known", views(unknown, unknown), 0, []int{0, 1}},
		{"the active one first", views(healthy, healthy, healthy), 2, []int{2, 0, 1}},
		{"a suspect is still of use", views(suspect, healthy), 0, []int{0, 1}},
		{"what is of no use is the last resort", views(down, healthy, blocked, probation, healthy), 1, []int{1, 4, 3, 0, 2}},
		{"all are down", views(down, blocked), 0, []int{0, 1}},
		{"hijacked and drained are not asked", views(hijacked, healthy, drained), 1, []int{1}},
		{"not even where nothing else is of use", views(hijacked, down, drained), 0, []int{1}},
		{"nor where there is nothing else", views(hijacked, drained), 0, []int{}},
		{"a single origin is asked whatever it is", views(blocked), 0, []int{0}},
		{"but never one that was hijacked", views(hijacked), 0, []int{}},
		{"a single origin is asked even drained", views(drained), 0, []int{0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			route := Route{Active: test.active, Since: noon.Add(-time.Hour)}
			require.Equal(t, test.want, order(noon, test.views, route, 0))
		})
	}
}

func TestWhatIsToBeLeftAloneIsNotEvenTheLastResort(t *testing.T) {
	known := views(health.Blocked, health.Down, health.Healthy)
	known[0].LeftAloneUntil = noon.Add(time.Minute)
	known[2].LeftAloneUntil = noon.Add(time.Minute) // of use, so it is asked
	require.Equal(t, []int{2, 1}, order(noon, known, Route{}, 0))
	require.Equal(t, []int{2, 1, 0}, order(noon.Add(time.Minute), known, Route{}, 0))
	require.Empty(t, order(noon, known[:1:1], Route{}, 0)[1:], "a site's only origin stays in the order")
	require.Equal(t, []int{}, order(noon, append(known[:1:1], known[0]), Route{}, 0))
}

func TestAnOriginThatFailsReadersIsAskedAfterTheOthersWithoutAVerdict(t *testing.T) {
	known := views(health.Healthy, health.Healthy, health.Healthy, health.Down)
	route := Route{Since: noon.Add(-time.Hour)}
	known[0].LiveFailures = avoidAfter - 1
	require.Equal(t, []int{0, 1, 2, 3}, Choose(noon, known, route, 0).Order)
	known[0].LiveFailures = avoidAfter
	choice := Choose(noon, known, route, 0)
	require.Equal(t, []int{1, 2, 0, 3}, choice.Order)
	require.False(t, choice.Moved, "nobody is moved for that")
}

func TestTheFirstRequestFindsItsOrigin(t *testing.T) {
	choice := Choose(noon, views(health.Unknown, health.Unknown), Route{}, 0)
	require.Equal(t, Route{Since: noon}, choice.Route)
	require.False(t, choice.Moved)

	choice = Choose(noon, views(health.Down, health.Healthy), Route{}, 0)
	require.Equal(t, []int{1, 0}, choice.Order)
	require.True(t, choice.Moved)
	require.Equal(t, "the primary is down", choice.Why)
	require.Len(t, choice.Route.Switches, 1, "it counts like any other")

	choice = Choose(noon, views(health.Down, health.Blocked), Route{}, 0)
	require.Equal(t, Route{}, choice.Route, "nothing to choose from")
	require.Equal(t, []int{0, 1}, choice.Order)
}

func TestReadersLeaveAtOnce(t *testing.T) {
	for _, verdict := range []health.Verdict{health.Down, health.Blocked, health.Hijacked, health.Probation, health.Drained} {
		known := views(verdict, health.Healthy)
		known[1].Since = noon // whatever it was a moment ago
		choice := Choose(noon, known, Route{Since: noon.Add(-time.Hour)}, 0)
		require.Equal(t, 1, choice.Order[0], verdict)
		require.True(t, choice.Moved, verdict)
		require.Equal(t, "a is "+string(verdict), choice.Why)
		require.Equal(t, 1, choice.Route.Active)
		require.Zero(t, choice.Route.Returns)
	}
}

func TestReadersReturnOnlyToWhatHasBeenHealthyForAWhile(t *testing.T) {
	away := Route{Active: 1, Since: noon.Add(-time.Hour)}
	tests := []struct {
		name    string
		primary health.View
		returns bool
	}{
		{"healthy for a moment", health.View{Verdict: health.Healthy, Since: noon}, false},
		{"almost long enough", health.View{Verdict: health.Healthy, Since: noon.Add(time.Nanosecond - failBackHold)}, false},
		{"long enough", health.View{Verdict: health.Healthy, Since: noon.Add(-failBackHold)}, true},
		{"but a reader's request failed", health.View{Verdict: health.Healthy, Since: noon.Add(-time.Hour), LiveFailures: 1}, false},
		{"suspect", health.View{Verdict: health.Suspect, Since: noon.Add(-time.Hour)}, false},
		{"probation", health.View{Verdict: health.Probation, Since: noon.Add(-time.Hour)}, false},
		{"unknown", health.View{Verdict: health.Unknown}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			known := views(health.Healthy, health.Healthy)
			test.primary.ID = known[0].ID
			known[0] = test.primary
			choice := Choose(noon, known, away, 0)
			require.Equal(t, test.returns, choice.Moved)
			require.Equal(t, test.returns, choice.Order[0] == 0)
			if test.returns {
				require.Equal(t, "a is healthy again", choice.Why)
			}
		})
	}
	t.Run("an alternate does not wait for the primary", func(t *testing.T) {
		choice := Choose(noon, views(health.Suspect, health.Healthy, health.Healthy), Route{Active: 2, Since: noon.Add(-time.Hour)}, 0)
		require.Equal(t, 1, choice.Route.Active)
	})
	t.Run("there is no return to what comes later", func(t *testing.T) {
		choice := Choose(noon, views(health.Suspect, health.Healthy), Route{Since: noon.Add(-time.Hour)}, 0)
		require.False(t, choice.Moved)
	})
}

func TestEachReturnDoublesTheWaitForTheNext(t *testing.T) {
	for returns, hold := range []time.Duration{60 * time.Second, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, maxHold, maxHold, maxHold} {
		route := Route{Active: 1, Since: noon.Add(-maxHold), Switches: []time.Time{noon.Add(-time.Minute)}, Returns: returns}
		known := views(health.Healthy, health.Healthy)
		known[0].Since = noon.Add(time.Second - hold)
		require.False(t, Choose(noon, known, route, 0).Moved, returns)
		known[0].Since = noon.Add(-hold)
		choice := Choose(noon, known, route, 0)
		require.True(t, choice.Moved, returns)
		require.Equal(t, returns+1, choice.Route.Returns)
	}
	quiet := Route{Active: 1, Since: noon.Add(-time.Hour), Switches: []time.Time{noon.Add(-switchWindow)}, Returns: 4}
	known := views(health.Healthy, health.Healthy)
	known[0].Since = noon.Add(-failBackHold)
	require.True(t, Choose(noon, known, quiet, 0).Moved, "a quiet time forgives")
}

func TestReturningReadersRampUp(t *testing.T) {
	known := views(health.Healthy, health.Healthy, health.Healthy)
	route := Choose(noon, known, Route{Active: 2, Since: noon.Add(-time.Hour)}, 0).Route
	require.Zero(t, route.Active)
	for _, step := range []struct {
		after time.Duration
		share float64
	}{
		{0, 0.25}, {9 * time.Second, 0.25}, {10 * time.Second, 0.5}, {19 * time.Second, 0.5},
		{20 * time.Second, 1}, {time.Hour, 1},
	} {
		const rolls = 1000
		first := map[int]int{}
		for i := range rolls {
			first[Choose(noon.Add(step.after), known, route, float64(i)/rolls).Order[0]]++
		}
		require.Equal(t, int(step.share*rolls), first[0], step.after)
		require.Equal(t, rolls-int(step.share*rolls), first[2], "the others stay where they were")
	}
	t.Run("flight does not", func(t *testing.T) {
		fled := Choose(noon, views(health.Down, health.Healthy), Route{Since: noon.Add(-time.Hour)}, 0).Route
		require.Equal(t, 1, Choose(noon, views(health.Down, health.Healthy), fled, 0.99).Order[0])
	})
	t.Run("nobody stays where it is of no use", func(t *testing.T) {
		require.Equal(t, []int{0, 1, 2}, Choose(noon, views(health.Healthy, health.Healthy, health.Down), route, 0.99).Order)
	})
}

func TestAtTheBoundNobodyIsMovedAndEverybodyIsServed(t *testing.T) {
	route := Route{Since: noon.Add(-time.Hour)}
	for i := range maxSwitches {
		route.Switches = append(route.Switches, noon.Add(time.Duration(i)*time.Second))
	}
	now := noon.Add(switchWindow - time.Nanosecond)
	choice := Choose(now, views(health.Down, health.Healthy), route, 0)
	require.False(t, choice.Moved)
	require.Zero(t, choice.Route.Active)
	require.Equal(t, []int{1, 0}, choice.Order)
	choice = Choose(now.Add(time.Nanosecond), views(health.Down, health.Healthy), route, 0)
	require.True(t, choice.Moved)
	require.Len(t, choice.Route.Switches, maxSwitches)
}
