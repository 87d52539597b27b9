package health

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// busy is a 429 to a reader, with what it says of when to come again.
func busy(seconds float64, after time.Duration) Observation {
	o := requested(seconds, RateLimited)
	o.Status, o.RetryAfter = 429, after
	return o
}

func TestWhatAReaderIsToldOfWhenToComeAgainHoldsForProbes(t *testing.T) {
	good := State{}.Next(Policy{}, probed(0, OK))
	require.Zero(t, good.Next(Policy{}, busy(5, 0)).RetryAt, "nothing is said")
	require.Equal(t, at(65), good.Next(Policy{}, busy(5, time.Minute)).RetryAt)
	require.Equal(t, at(300), good.Next(Policy{}, busy(5, time.Hour)).RetryAt, "five minutes after the latest probe at most")
	require.Equal(t, at(300), good.Next(Policy{}, busy(5, time.Hour)).Next(Policy{}, busy(299, time.Hour)).RetryAt, "however often it is said")
	require.Equal(t, at(65), good.Next(Policy{}, busy(5, time.Minute)).Next(Policy{}, busy(6, time.Second)).RetryAt, "the longer wish holds")
	require.Zero(t, State{}.Next(Policy{}, busy(5, time.Hour)).RetryAt, "somebody has to look first")
	repaired := requested(5, ServerError)
	repaired.RetryAfter = time.Hour
	require.Zero(t, good.Next(Policy{}, repaired).RetryAt)

	tracker, _ := tracking(primary)
	observe(tracker, primary, probed(0, OK), busy(5, time.Minute))
	require.Equal(t, at(65), tracker.View(primary).LeftAloneUntil)
	require.Equal(t, at(65), tracker.View(primary).RetryAt)
}

func TestProbesHeedWhatAReaderWasTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{class: OK}
		tracker := proving(t, o)
		time.Sleep(15 * time.Second)
		require.Equal(t, seconds(0, 10), o.times())
		for range 3 {
			tracker.Observe(primary, Observation{Live: true, Class: RateLimited, Status: 429, RetryAfter: time.Minute})
		}
		require.Equal(t, Suspect, tracker.View(primary).Verdict)
		time.Sleep(65 * time.Second)
		require.Equal(t, seconds(75), o.times(), "it is left alone for the minute, and no faster")
		require.Equal(t, Healthy, tracker.View(primary).Verdict)
	})
}

func TestReadersPressForAProbeWhereTheyMeetWorseThanABusyOrigin(t *testing.T) {
	for _, class := range []Class{Seized, ConnectReset} {
		t.Run(string(class), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &origin{class: RateLimited}
				tracker := proving(t, o)
				time.Sleep(10 * time.Second)
				for range 240 {
					tracker.Observe(primary, Observation{Live: true, Class: class, Status: 200})
					time.Sleep(time.Second)
				}
				require.Equal(t, seconds(0, 60, 120, 180, 240), o.times(), "once a minute")
				require.Equal(t, Suspect, tracker.View(primary).Verdict, "that it is busy convicts nobody")
				o.set(Seized)
				tracker.Observe(primary, Observation{Live: true, Class: class, Status: 200})
				time.Sleep(time.Minute)
				require.Equal(t, seconds(300), o.times()[:1])
				require.Equal(t, Hijacked, tracker.View(primary).Verdict)
			})
		})
	}
}

func TestASingleAccusationIsLookedIntoAsSoonAsItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{class: RateLimited}
		tracker := proving(t, o)
		time.Sleep(10 * time.Second)
		tracker.Observe(primary, Observation{Live: true, Class: Seized, Status: 200})
		time.Sleep(2 * time.Minute)
		require.Equal(t, seconds(0, 60), o.times())
	})
}

func TestADownOriginThatIsBusyOnceIsLookedAtWithinFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{class: ConnectRefused}
		tracker := proving(t, o)
		time.Sleep(7 * time.Second)
		require.Equal(t, Down, tracker.View(primary).Verdict)
		limited := Observation{Class: RateLimited, Status: 429, RetryAfter: time.Hour}
		tracker.Observe(primary, limited)
		o.times()
		o.set(OK)
		time.Sleep(5*time.Minute + 3*time.Second)
		require.Equal(t, Healthy, tracker.View(primary).Verdict, "%v", o.times())
	})
}

func TestAWishThatAClockMadeLongIsShortenedAtARestart(t *testing.T) {
	s := State{Verdict: Healthy, RetryAt: at(3600), Last: Look{At: at(0)}}
	require.Equal(t, at(400), s.restored(at(100)).RetryAt)
	require.Equal(t, at(50), State{Verdict: Healthy, RetryAt: at(50), Last: Look{At: at(0)}}.restored(at(10)).RetryAt)
}

func TestAnAccusationConvictsOnlyWithAProbeThatFindsAFault(t *testing.T) {
	accused := State{}.Next(Policy{}, probed(0, OK)).Next(Policy{}, requested(1, Seized))
	require.True(t, accused.Accused)
	states := walk(accused, Policy{}, 2, Slow, Slow, Slow, Slow, Slow)
	require.Equal(t, Suspect, last(states).Verdict)
	require.Equal(t, Down, last(states).Next(Policy{}, probed(20, Slow)).Verdict, "two strains are one failure")
	require.Equal(t, Down, states[0].Next(Policy{}, probed(20, ServerError)).Verdict)
	require.Equal(t, Healthy, states[0].Next(Policy{}, probed(20, OK)).Verdict)
}
