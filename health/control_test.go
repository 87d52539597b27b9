package health

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// controlled is a tracker that has control looks.
func controlled(ids ...ID) (*Tracker, *[]Transition) {
	tracker, told := tracking(ids...)
	tracker.SetControl(true)
	return tracker, told
}

// controlWanted takes the request for a control look, if there is one.
func controlWanted(t *Tracker) bool {
	select {
	case <-t.ControlWanted():
		return true
	default:
		return false
	}
}

func suspected(t *Tracker) bool {
	_, _, ok := t.Suspected()
	return ok
}

func TestASingleOriginDoesNotFallWhileTheNetworkIsGone(t *testing.T) {
	tracker, _ := controlled(primary)
	observe(tracker, primary, probed(0, OK), probed(10, ConnectTimeout))
	require.True(t, controlWanted(tracker), "at the first failure")
	tracker.ObserveControl(at(11), false, "no route to host")
	since, reason, ok := tracker.Suspected()
	require.True(t, ok)
	require.Equal(t, at(10), since)
	require.Contains(t, reason, "no route to host")
	for i := range 100 {
		observe(tracker, primary, probed(float64(12+2*i), ConnectTimeout))
		require.Equal(t, Suspect, tracker.View(primary).Verdict)
	}

	tracker.ObserveControl(at(300), true, "")
	require.False(t, suspected(tracker))
	controlWanted(tracker)
	observe(tracker, primary, probed(301, ConnectTimeout))
	require.True(t, controlWanted(tracker), "this is another failure, and the network may be gone again")
	tracker.ObserveControl(at(302), true, "")
	require.Equal(t, []Verdict{Suspect, Down}, verdicts(tracker, primary, probed(303, ConnectTimeout), probed(305, ConnectTimeout)),
		"the network is back, and the origin is not")
}

func TestAllOriginsFallWhereTheNetworkWorks(t *testing.T) {
	tracker, _ := controlled(primary, alternate)
	observe(tracker, primary, probed(0, OK), probed(10, TLSReset))
	observe(tracker, alternate, probed(0, OK), probed(10.5, TLSReset))
	tracker.ObserveControl(at(11), true, "")
	observe(tracker, primary, probed(12, TLSReset), probed(14, TLSReset))
	observe(tracker, alternate, probed(12.5, TLSReset), probed(14.5, TLSReset))
	require.False(t, suspected(tracker))
	for _, v := range tracker.All() {
		require.Equal(t, Blocked, v.Verdict, "all at once, and not by the edge's own network")
	}
}

func TestAnAnswerContradictsAFailedControlLook(t *testing.T) {
	tracker, _ := controlled(primary, alternate)
	observe(tracker, alternate, probed(0, OK))
	observe(tracker, primary, probed(0, OK), probed(10, ConnectTimeout))
	tracker.ObserveControl(at(11), false, "timeout")
	require.True(t, suspected(tracker))
	require.True(t, wanted(tracker, alternate))
	observe(tracker, alternate, probed(11.5, OK))
	require.False(t, suspected(tracker), "it is the control address that is gone")
}

func TestAFallWaitsForAControlLookButNotForever(t *testing.T) {
	tracker, _ := controlled(primary)
	observe(tracker, primary, probed(0, OK))
	for second := 10.0; second < 25; second += 2 {
		observe(tracker, primary, probed(second, ConnectTimeout))
		require.Equal(t, Suspect, tracker.View(primary).Verdict)
	}
	observe(tracker, primary, probed(25, ConnectTimeout))
	require.Equal(t, Down, tracker.View(primary).Verdict)
}

func TestWithoutControlLooksNoneAreWantedOrHeard(t *testing.T) {
	tracker, _ := tracking(primary)
	observe(tracker, primary, probed(10, ConnectTimeout))
	require.False(t, controlWanted(tracker))
	tracker.ObserveControl(at(11), false, "timeout")
	require.False(t, suspected(tracker))

	tracker.SetControl(true)
	tracker.ObserveControl(at(12), false, "timeout")
	require.True(t, suspected(tracker))
	tracker.ObserveControl(at(11.5), true, "")
	require.True(t, suspected(tracker), "older than what is known")
	tracker.SetControl(true)
	require.True(t, suspected(tracker))
	tracker.SetControl(false)
	require.False(t, suspected(tracker), "a reload that takes them away ends what rests on them")
}

// elsewhere is what a control look asks.
type elsewhere struct {
	mu    sync.Mutex
	begun time.Time
	err   error
	took  time.Duration
	asked []time.Duration
}

func (e *elsewhere) look(ctx context.Context) error {
	e.mu.Lock()
	e.asked = append(e.asked, time.Since(e.begun))
	err, took := e.err, e.took
	e.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(took):
		return err
	}
}

func (e *elsewhere) set(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = err
}

func (e *elsewhere) times() []time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	times := e.asked
	e.asked = nil
	return times
}

// controlling runs a control prober, and a prober for the primary, until the test ends.
func controlling(t *testing.T, o *origin, e *elsewhere) *Tracker {
	tracker := proving(t, o)
	tracker.SetControl(true)
	e.begun = time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ControlProber{Tracker: tracker, Look: e.look}.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return tracker
}

func TestNobodyElsesServerIsAskedWhileAllIsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &elsewhere{}
		controlling(t, &origin{class: OK}, e)
		time.Sleep(24 * time.Hour)
		require.Empty(t, e.times())
	})
}

func TestAControlLookIsTakenAtTheFirstFailureAndNotAfterTheFall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, e := &origin{class: OK}, &elsewhere{}
		tracker := controlling(t, o, e)
		time.Sleep(5 * time.Second)
		o.set(ConnectRefused)
		time.Sleep(10 * time.Second)
		require.Equal(t, seconds(10), e.times())
		require.Equal(t, Down, tracker.View(primary).Verdict, "the network works")
		time.Sleep(24 * time.Hour)
		require.Empty(t, e.times(), "a fallen origin is no doubt in the network")
	})
}

func TestControlLooksKeepTheirPaceWhileTheNetworkIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, e := &origin{class: OK}, &elsewhere{err: errors.New("no route to host")}
		tracker := controlling(t, o, e)
		time.Sleep(5 * time.Second)
		o.set(Unreachable)
		time.Sleep(2 * time.Minute)
		times := e.times()
		require.Equal(t, seconds(10), times[:1])
		for i := 1; i < len(times); i++ {
			require.GreaterOrEqual(t, times[i]-times[i-1], controlGap, "somebody else's server is asked gently")
		}
		require.GreaterOrEqual(t, len(times), 4)
		require.True(t, suspected(tracker))
		require.Equal(t, Suspect, tracker.View(primary).Verdict)

		e.set(nil)
		time.Sleep(controlPace + time.Second)
		synctest.Wait()
		require.False(t, suspected(tracker))
		time.Sleep(10 * time.Second)
		require.Equal(t, Down, tracker.View(primary).Verdict, "the network is back, and the origin is not")
	})
}

func TestAnotherFailureSoonAfterWaitsForItsOwnControlLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, e := &origin{class: OK}, &elsewhere{}
		tracker := controlling(t, o, e)
		time.Sleep(time.Second)
		o.set(ConnectRefused)
		time.Sleep(10 * time.Second) // a failure and a good control look at 10
		o.set(OK)
		time.Sleep(2 * time.Second) // answers at 12
		require.Equal(t, Healthy, tracker.View(primary).Verdict)
		e.set(errors.New("no route to host"))
		o.set(Unreachable)
		tracker.Observe(primary, Observation{Class: Unreachable})
		time.Sleep(20 * time.Second)
		times := e.times()
		require.GreaterOrEqual(t, len(times), 2)
		require.Equal(t, seconds(10, 20), times[:2])
		require.True(t, suspected(tracker))
		require.Equal(t, Suspect, tracker.View(primary).Verdict)
	})
}

func TestAControlLookIsBoundedAndNotHeardWhenCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker, _ := controlled(primary)
		e := &elsewhere{begun: time.Now(), took: time.Hour}
		run := func(ctx context.Context) <-chan struct{} {
			done := make(chan struct{})
			go func() {
				defer close(done)
				ControlProber{Tracker: tracker, Look: e.look}.Run(ctx)
			}()
			return done
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := run(ctx)
		tracker.Observe(primary, Observation{Class: Unreachable})
		time.Sleep(controlTimeout - time.Second)
		cancel()
		<-done
		require.False(t, suspected(tracker))

		ctx, cancel = context.WithCancel(t.Context())
		done = run(ctx)
		tracker.Observe(primary, Observation{Class: Unreachable})
		time.Sleep(controlTimeout + time.Second)
		require.True(t, suspected(tracker), "no answer in five seconds is none")
		cancel()
		<-done
	})
}
