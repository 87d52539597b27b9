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
	with := func(s State, residual int, retry float64) State {
		s.Residual = residual
		if retry > 0 {
			s.RetryAt = at(retry)
		}
		return s
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
		{"behind a block that probes prolong", with(state(Blocked, 0, 1), 1, 0), p, 0.5, 30 * time.Second},
		{"and again", with(state(Blocked, 0, 31), 2, 0), p, 0.5, time.Minute},
		{"and again for the third time", with(state(Blocked, 0, 91), 3, 0), p, 0.5, 2 * time.Minute},
		{"and from then on", with(state(Blocked, 0, 211), 4, 0), p, 0.5, 4 * time.Minute},
		{"for however long", with(state(Blocked, 0, 1e6), 5000, 0), p, 0.5, 4 * time.Minute},
		{"at the earliest after more than 180 s", with(state(Blocked, 0, 1e6), 5000, 0), p, 0, 204 * time.Second},
		{"unless the own pace is slower still", with(state(Blocked, 0, 1e6), 5000, 0), Policy{Interval: 5 * time.Minute}, 0.5, 15 * time.Minute},
		{"asked to be left alone", with(state(Suspect, 0, 1), 0, 61), p, 0, time.Minute},
		{"asked to be left alone, later than that", with(state(Suspect, 0, 1), 0, 61), p, 0.5, 64500 * time.Millisecond},
		{"asked to be left alone for less than the pace", with(state(Healthy, 0, 1), 0, 2), p, 0.5, 10 * time.Second},
		{"asked to be left alone for the longest, and no longer", with(state(Down, 0, 1), 0, 301), p, 0.999999, 5 * time.Minute},
		{"fast is never slower than the interval", state(Suspect, 0, 1), Policy{Interval: time.Second}, 0.5, time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.InDelta(t, test.want, NextProbe(test.state, test.policy, test.jitter), float64(time.Microsecond))
		})
	}
	require.Less(t, NextProbe(State{Verdict: Healthy}, p, 0.999999), 11500*time.Millisecond)
}

func TestLookingBeginsAtOnceUnlessItDoesHarm(t *testing.T) {
	last := Look{At: at(0)}
	tests := []struct {
		name  string
		state State
		now   float64
		want  time.Duration
	}{
		{"never looked at", State{}, 0, 0},
		{"healthy", State{Verdict: Healthy, Last: last}, 1, 0},
		{"down", State{Verdict: Down, Last: last}, 1, 0},
		{"behind a block that probes prolong", State{Verdict: Blocked, Residual: 2, Last: last}, 20, 40 * time.Second},
		{"for long enough already", State{Verdict: Blocked, Residual: 2, Last: last}, 61, 0},
		{"the clock was set back", State{Verdict: Blocked, Residual: 2, Last: last}, -7200, time.Minute},
		{"asked to be left alone", State{Verdict: Suspect, RetryAt: at(100), Last: last}, 40, 67500 * time.Millisecond},
		{"asked to be left alone until now", State{Verdict: Suspect, RetryAt: at(100), Last: last}, 100, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.InDelta(t, test.want, firstProbe(test.state, Policy{}, at(test.now), 0.5), float64(time.Microsecond))
		})
	}
}

func TestHowLongAnOriginAsksToBeLeftAlone(t *testing.T) {
	limited := func(after time.Duration) Observation {
		o := probed(0, RateLimited)
		o.Status, o.RetryAfter = 429, after
		return o
	}
	for after, want := range map[time.Duration]time.Time{
		time.Minute: at(60), 0: at(300), -time.Second: at(300), time.Hour: at(300), 48 * time.Hour: at(300),
	} {
		require.Equal(t, want, State{}.Next(Policy{}, limited(after)).RetryAt, after)
	}
	s := State{}.Next(Policy{}, limited(time.Minute))
	require.Equal(t, at(60), s.Next(Policy{}, probed(1, InternalError)).RetryAt)
	require.Zero(t, s.Next(Policy{}, probed(60, OK)).RetryAt)
	busy := probed(0, ServerError)
	busy.RetryAfter = time.Hour
	require.Zero(t, State{}.Next(Policy{}, busy).RetryAt, "an origin that is being repaired is asked whether it is")
}

func TestAnOriginThatIsLeftAloneIsNotAskedOutOfTurn(t *testing.T) {
	tracker, _ := tracking(primary, alternate, foreign)
	limited := probed(0, RateLimited)
	limited.Status = 429
	observe(tracker, primary, limited)
	for range 3 {
		observe(tracker, primary, requested(1, Denied))
	}
	require.Equal(t, Suspect, tracker.View(primary).Verdict)
	require.Equal(t, at(300), tracker.View(primary).RetryAt)
	require.False(t, wanted(tracker, primary))

	observe(tracker, alternate, probed(0, TLSResetSNI), probed(2, TLSResetSNI), probed(4, TLSResetSNI))
	observe(tracker, foreign, probed(5, ConnectTimeout))
	require.False(t, wanted(tracker, alternate), "nor one that would be blocked for longer")
	observe(tracker, alternate, probed(40, OK), probed(42, OK))
	observe(tracker, foreign, probed(43, OK), probed(63, ConnectTimeout))
	require.True(t, wanted(tracker, alternate), "which is over now")
}
