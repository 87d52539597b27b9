package health

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// residual is an origin behind a network that cuts handshakes, and goes on for 180 s
// after each attempt that it met. The block itself ends after lifted.
type residual struct {
	mu     sync.Mutex
	begun  time.Time
	lifted time.Duration
	until  time.Time // it cuts whoever comes before
	asked  []time.Duration
}

func (r *residual) probe(context.Context) Observation {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.asked = append(r.asked, now.Sub(r.begun))
	if now.Sub(r.begun) < r.lifted || now.Before(r.until) {
		r.until = now.Add(180 * time.Second)
		return Observation{Class: TLSResetSNI, Stage: StageHandshake, Reason: "cut when the name is in it"}
	}
	return Observation{Class: OK, Status: 200}
}

func (r *residual) times() []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]time.Duration(nil), r.asked...)
}

// meeting runs a prober for primary against r.
func meeting(t *testing.T, tracker *Tracker, r *residual, jitter func() float64) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Prober{ID: primary, Tracker: tracker, Probe: r.probe, Jitter: jitter}.Run(ctx)
	}()
	return func() { cancel(); <-done }
}

func TestABlockThatAttemptsProlongIsWaitedOut(t *testing.T) {
	for name, jitter := range map[string]func() float64{
		"earliest": func() float64 { return 0 },
		"latest":   func() float64 { return 0.999999 },
		"random":   rand.Float64,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &residual{begun: time.Now(), lifted: time.Minute}
				tracker := NewTracker(Options{})
				tracker.Configure(policiesOf(primary))
				defer meeting(t, tracker, r, jitter)()
				time.Sleep(20 * time.Second)
				require.Equal(t, Blocked, tracker.View(primary).Verdict)
				// 30, 60, 120 and 240 s with their jitter, and two looks two seconds apart.
				time.Sleep(10 * time.Minute)
				require.Equal(t, Healthy, tracker.View(primary).Verdict, "%v", r.times())
			})
		})
	}
}

func TestAfterABlockThatAttemptsProlongThePaceIsFastAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &residual{begun: time.Now(), lifted: time.Hour}
		tracker := NewTracker(Options{})
		tracker.Configure(policiesOf(primary))
		defer meeting(t, tracker, r, func() float64 { return 0.5 })()
		time.Sleep(time.Hour + 10*time.Minute)
		times := r.times()
		require.Equal(t, seconds(0, 2, 4, 34, 94, 214, 454, 694), times[:8])
		n := 0
		for times[n] < time.Hour {
			n++
		}
		require.Equal(t, 2*time.Second, times[n+1]-times[n], "the first after the end is good")
		require.Equal(t, Healthy, tracker.View(primary).Verdict)
	})
}

func TestARestartOrAReloadDoesNotProlongABlock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "verdicts.json")
	synctest.Test(t, func(t *testing.T) {
		r := &residual{begun: time.Now(), lifted: time.Minute}
		middle := func() float64 { return 0.5 }
		tracker := NewTracker(Options{})
		tracker.Configure(policiesOf(primary))
		stop := meeting(t, tracker, r, middle)
		for until := 20 * time.Second; until < 400*time.Second; until += 20 * time.Second {
			time.Sleep(20 * time.Second)
			stop() // a reload
			stop = meeting(t, tracker, r, middle)
		}
		stop()
		require.Equal(t, seconds(0, 2, 4, 34, 94, 214), r.times())
		require.NoError(t, tracker.Save(path))

		tracker = NewTracker(Options{})
		require.NoError(t, tracker.Restore(path, time.Now()))
		tracker.Configure(policiesOf(primary))
		stop = meeting(t, tracker, r, middle)
		defer func() { stop() }()
		time.Sleep(time.Minute)
		require.Len(t, r.times(), 6)
		time.Sleep(time.Minute)
		require.Equal(t, seconds(454, 456), r.times()[6:8])
		require.Equal(t, Healthy, tracker.View(primary).Verdict)
	})
}

func TestABlockThatAttemptsProlongSurvivesALongStop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "verdicts.json")
	tracker, _ := tracking(primary, alternate)
	observe(tracker, primary, probed(0, TLSResetSNI), probed(2, TLSResetSNI), probed(4, TLSResetSNI), probed(34, TLSResetSNI))
	observe(tracker, alternate, probed(0, ConnectRefused), probed(2, ConnectRefused), probed(4, ConnectRefused), probed(15, ConnectRefused))
	require.Equal(t, Down, tracker.View(alternate).Verdict)
	require.NoError(t, tracker.Save(path))

	after, _ := tracking(primary, alternate)
	require.NoError(t, after.Restore(path, at(24*3600)))
	require.Equal(t, Blocked, after.View(primary).Verdict, "readers' requests would prolong it")
	require.Equal(t, Unknown, after.View(alternate).Verdict)
	s, _ := after.State(primary)
	require.Zero(t, firstProbe(s, Policy{}, at(24*3600), 0.5), "and it is looked at first of all")
	require.Equal(t, []Verdict{Probation, Healthy}, verdicts(after, primary, probed(0, OK), probed(2, OK)))
}

func TestOnlyABlockThatIsMetAgainIsWaitedOutLonger(t *testing.T) {
	s := last(walk(State{}, Policy{}, 0, TLSResetSNI, TLSResetSNI))
	require.Zero(t, s.Residual, "it has not fallen yet")
	s = last(walk(s, Policy{}, 4, TLSResetSNI, ConnectTimeout))
	require.Equal(t, 2, s.Residual)
	require.Zero(t, s.Next(Policy{}, probed(8, ServerError)).Residual)
	require.Zero(t, s.Next(Policy{}, probed(8, OK)).Residual)
	require.Equal(t, 2, s.Next(Policy{}, requested(8, OK)).Residual)
	require.Equal(t, 2, s.Next(Policy{}, probed(8, InternalError)).Residual)
}

func TestWithheldFallsDoNotProlongABlock(t *testing.T) {
	p := Policy{}.filled()
	s := State{}.Next(p, probed(0, OK))
	for i, residual := range []int{0, 0, 1, 2, 3} {
		s = s.next(p, probed(10+float64(i), TLSTimeout), false)
		require.Equal(t, Suspect, s.Verdict)
		require.Equal(t, residual, s.Residual, i)
		require.Equal(t, residual > 0, s.leftAlone(at(20)))
	}
	require.Equal(t, 2*time.Minute, NextProbe(s, p, 0.5))
	require.Zero(t, s.thawed().Residual, "what was counted meanwhile is void")
	require.Equal(t, Unknown, s.restored(at(24*3600)).Verdict, "and it is not out of use")
}

func TestAfterTheDoubtAnOriginThatWasProbedRarelyIsLookedAt(t *testing.T) {
	tracker, _ := tracking(primary, alternate)
	for i := range 6 {
		observe(tracker, primary, probed(2*float64(i), TLSTimeout))
		observe(tracker, alternate, probed(2*float64(i), TLSTimeout))
	}
	require.True(t, suspected(tracker))
	wanted(tracker, primary)
	s, _ := tracker.State(primary)
	require.Positive(t, s.Residual)
	require.Zero(t, tracker.View(primary).LeftAloneUntil, "it is in use")
	observe(tracker, alternate, requested(20, OK))
	require.False(t, suspected(tracker))
	require.True(t, wanted(tracker, primary))
}

// everybody runs a prober for each origin, all behind the same block, and returns how
// often it met them.
func everybody(t *testing.T, tracker *Tracker, class Class, ids ...ID) (met func() int) {
	var mu sync.Mutex
	var n int
	var probers sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for _, id := range ids {
		probers.Go(func() {
			Prober{ID: id, Tracker: tracker, Probe: func(context.Context) Observation {
				mu.Lock()
				defer mu.Unlock()
				n++
				return Observation{Class: class, Stage: StageHandshake}
			}}.Run(ctx)
		})
	}
	t.Cleanup(func() { cancel(); probers.Wait() })
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

func TestABlockOfAllOriginsAtOnceConvictsOrIsAtLeastWaitedOut(t *testing.T) {
	for class, convicts := range map[Class]bool{
		ConnectReset: true, TLSReset: true, TLSResetSNI: true, RequestReset: true, DNSNXDomain: true, DNSBlocked: true,
		TLSTimeout: false, // as a dead network would have it
	} {
		t.Run(string(class), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tracker, _ := tracking(primary, alternate)
				met := everybody(t, tracker, class, primary, alternate)
				time.Sleep(30 * time.Second)
				require.NotEqual(t, convicts, suspected(tracker))
				require.Equal(t, convicts, tracker.View(primary).Verdict.fallen())
				require.Equal(t, convicts, tracker.View(alternate).Verdict.fallen())
				if !class.residual() {
					return
				}
				time.Sleep(20 * time.Minute)
				require.Less(t, met(), 30, "every attempt prolongs it")
			})
		})
	}
}

func TestAnEndInOrderOfAllOriginsAtOnceIsTheNetworks(t *testing.T) {
	for _, class := range []Class{TLSEOF, RequestEOF, ConnectRefused, ConnectTimeout, Unreachable, DNSTimeout} {
		tracker, _ := tracking(primary, alternate)
		observe(tracker, primary, probed(0, class))
		observe(tracker, alternate, probed(1, class))
		require.True(t, suspected(tracker), class)
	}
}

func TestALookThatEndsTheDoubtIsTheFirstThatCounts(t *testing.T) {
	tracker, _ := tracking(primary, alternate)
	for i := range 10 {
		observe(tracker, primary, probed(2*float64(i), ConnectTimeout))
		observe(tracker, alternate, probed(2*float64(i), ConnectTimeout))
	}
	require.True(t, suspected(tracker))
	observe(tracker, primary, probed(30, TLSReset))
	require.False(t, suspected(tracker), "somebody is alive on the way")
	require.Equal(t, Suspect, tracker.View(primary).Verdict)
	require.Equal(t, 1, tracker.View(primary).Failures)
	require.Equal(t, []Verdict{Suspect, Blocked}, verdicts(tracker, primary, probed(32, TLSReset), probed(34, TLSReset)))
}

func TestACutConvictsNobodyWhileAControlLookFails(t *testing.T) {
	tracker, _ := controlled(primary, alternate)
	observe(tracker, alternate, probed(0, OK), probed(10, ConnectTimeout))
	tracker.ObserveControl(at(11), false, "no route to host")
	for i := range 5 {
		observe(tracker, primary, probed(12+2*float64(i), TLSReset))
	}
	require.True(t, suspected(tracker))
	require.Equal(t, Suspect, tracker.View(primary).Verdict)
	s, _ := tracker.State(primary)
	require.Equal(t, 3, s.Residual)
	observe(tracker, primary, probed(40, IdentityMissing))
	require.Equal(t, Hijacked, tracker.View(primary).Verdict, "what is wrong is")
}

func TestWhoIsFallenByABlockIsLeftAloneUntilTheNextProbe(t *testing.T) {
	tracker, _ := tracking(primary)
	observe(tracker, primary, probed(0, TLSResetSNI), probed(2, TLSResetSNI))
	require.Zero(t, tracker.View(primary).LeftAloneUntil)
	observe(tracker, primary, probed(4, TLSResetSNI))
	require.Equal(t, at(4+25.5), tracker.View(primary).LeftAloneUntil, "30 s, less the jitter")
	observe(tracker, primary, probed(34, TLSResetSNI))
	require.Equal(t, at(34+51), tracker.View(primary).LeftAloneUntil)
	observe(tracker, primary, probed(90, OK))
	require.Zero(t, tracker.View(primary).LeftAloneUntil)
}
