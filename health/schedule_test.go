package health

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNextProbe(t *testing.T) {
	p := Policy{}
	state := func(v Verdict, since, lastProbe float64) State {
		return State{Verdict: v, Since: at(since), Last: Look{At: at(lastProbe)}}
	}
	tests := []struct {
		name   string
		state  State
		policy Policy
		jitter float64
		want   time.Duration
	}{
		{"healthy", state(Healthy, 0, 900), p, 0.5, 10 * time.Second},
		{"healthy, earliest", state(Healthy, 0, 900), p, 0, 8500 * time.Millisecond},
		{"suspect", state(Suspect, 0, 1), p, 0.5, 2 * time.Second},
		{"suspect for long", state(Suspect, 0, 900), p, 0.5, 2 * time.Second},
		{"probation", state(Probation, 0, 1), p, 0.5, 2 * time.Second},
		{"down for five minutes", state(Down, 0, 300), p, 0.5, 2 * time.Second},
		{"down for longer", state(Down, 0, 301), p, 0.5, 30 * time.Second},
		{"blocked for longer", state(Blocked, 0, 301), p, 0.5, 30 * time.Second},
		{"hijacked for longer, own interval", state(Hijacked, 0, 301), Policy{Interval: time.Minute}, 0.5, 3 * time.Minute},
		{"never looked at", State{}, p, 0.5, 2 * time.Second},
		{"drained keeps the pace beneath", state(Healthy, 0, 1).Drain(at(0)), p, 0.5, 10 * time.Second},
		{"fast is never slower than the interval", state(Suspect, 0, 1), Policy{Interval: time.Second}, 0.5, time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.InDelta(t, test.want, NextProbe(test.state, test.policy, test.jitter), float64(time.Microsecond))
		})
	}
	require.Less(t, NextProbe(State{Verdict: Healthy}, p, 0.999999), 11500*time.Millisecond)
}
