package origin

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// weather changes the verdicts of some origins at random, as badly as it is told.
type weather struct {
	random *rand.Rand
	now    time.Time
	views  []health.View
	flap   float64 // how likely an origin is to change in one step
}

// step is the next moment.
func (w *weather) step() {
	w.now = w.now.Add(time.Duration(1+w.random.IntN(3000)) * time.Millisecond)
	if w.random.IntN(500) == 0 { // better or worse for a while
		w.flap = []float64{0, 0.002, 0.02, 0.3, 1}[w.random.IntN(5)]
	}
	for i := range w.views {
		v := &w.views[i]
		if w.random.Float64() >= w.flap {
			continue
		}
		v.LiveFailures = max(0, w.random.IntN(8)-4)
		if next := health.Verdicts()[w.random.IntN(len(health.Verdicts()))]; next != v.Verdict {
			v.Verdict, v.Since = next, w.now
		}
	}
}

// unfair says what is wrong with an order; empty for nothing.
func unfair(views []health.View, order []int) string {
	listed := make([]int, len(views))
	usable := true
	for _, i := range order {
		listed[i]++
		if views[i].Verdict.Usable() && !usable {
			return "what is of use does not come first"
		}
		usable = views[i].Verdict.Usable()
	}
	for i, v := range views {
		want := 1
		if v.Verdict == health.Hijacked || len(views) > 1 && v.Verdict == health.Drained {
			want = 0
		}
		if listed[i] != want {
			return fmt.Sprintf("%s is %s, and listed %d times", v.ID.Origin, v.Verdict, listed[i])
		}
	}
	return ""
}

// TestNoFlappingMovesReadersTooOften holds the bound of the contract over
// simulated hours of any weather: at most ten switches in ten minutes, and no
// return to an origin that has not been healthy for a minute.
func TestNoFlappingMovesReadersTooOften(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := &weather{random: rand.New(rand.NewPCG(seed, 1)), now: noon, flap: 0.3}
			w.views = views(slices.Repeat([]health.Verdict{health.Unknown}, 1+int(seed%4))...)
			var route Route
			var moves []time.Time
			for w.now.Sub(noon) < 4*time.Hour {
				w.step()
				choice := Choose(w.now, w.views, route, w.random.Float64())
				if wrong := unfair(w.views, choice.Order); wrong != "" {
					require.Fail(t, wrong, "%v of %v", choice.Order, w.views)
				}
				if choice.Moved {
					require.NotEqual(t, route.Active, choice.Route.Active)
					require.True(t, w.views[choice.Route.Active].Verdict.Usable())
					moves = append(moves, w.now)
					if choice.Route.Returned {
						require.GreaterOrEqual(t, w.now.Sub(w.views[choice.Route.Active].Since), failBackHold)
					}
				} else if choice.Route.Active != route.Active {
					require.Fail(t, "readers were moved silently")
				}
				route = choice.Route
			}
			for i := range max(0, len(moves)-maxSwitches) {
				require.GreaterOrEqual(t, moves[i+maxSwitches].Sub(moves[i]), switchWindow, "%d moves from %s", maxSwitches+1, moves[i])
			}
			if len(w.views) > 1 {
				require.Greater(t, len(moves), maxSwitches, "the weather was too good to show anything")
			}
		})
	}
}

// TestAPrimaryThatFlapsBringsReadersBackLessAndLessOften counts the moves of the
// commonest trouble: one origin that comes and goes.
func TestAPrimaryThatFlapsBringsReadersBackLessAndLessOften(t *testing.T) {
	for _, period := range []time.Duration{2 * time.Second, 30 * time.Second, 2 * time.Minute, 5 * time.Minute} {
		t.Run(period.String(), func(t *testing.T) {
			known := views(health.Healthy, health.Healthy)
			var route Route
			moves := 0
			const hours = 2
			for passed := time.Duration(0); passed < hours*time.Hour; passed += time.Second {
				now := noon.Add(passed)
				verdict := health.Healthy
				if passed%period >= period/2 {
					verdict = health.Down
				}
				if known[0].Verdict != verdict {
					known[0].Verdict, known[0].Since = verdict, now
				}
				choice := Choose(now, known, route, 0)
				if choice.Moved {
					moves++
				}
				route = choice.Route
			}
			require.GreaterOrEqual(t, moves, 1)
			require.LessOrEqual(t, moves, hours*60/4, "not even once in four minutes")
		})
	}
}
