package health

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// origin answers probes with what it is set to and remembers when it was asked.
type origin struct {
	mu    sync.Mutex
	class Class
	took  time.Duration
	begun time.Time
	asked []time.Duration
}

func (o *origin) probe(ctx context.Context) Observation {
	o.mu.Lock()
	o.asked = append(o.asked, time.Since(o.begun))
	class, took := o.class, o.took
	o.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-time.After(took):
	}
	return Observation{Class: class, Reason: "as set"}
}

func (o *origin) set(c Class) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.class = c
}

func (o *origin) times() []time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	times := o.asked
	o.asked = nil
	return times
}

// proving runs a prober for primary until the test ends.
func proving(t *testing.T, o *origin) *Tracker {
	tracker := NewTracker(Options{})
	tracker.Configure(policiesOf(primary))
	o.begun = time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Prober{ID: primary, Tracker: tracker, Probe: o.probe, Jitter: func() float64 { return 0.5 }}.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return tracker
}

func seconds(of ...float64) []time.Duration {
	var d []time.Duration
	for _, s := range of {
		d = append(d, time.Duration(s*float64(time.Second)))
	}
	return d
}

func TestAProberKeepsThePaceOfTheVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{class: OK}
		tracker := proving(t, o)
		time.Sleep(25 * time.Second)
		require.Equal(t, seconds(0, 10, 20), o.times(), "at once, then every interval")
		o.set(ConnectRefused)
		time.Sleep(12 * time.Second)
		require.Equal(t, seconds(30, 32, 34, 36), o.times(), "fast while it changes")
		require.Equal(t, Down, tracker.View(primary).Verdict)

		time.Sleep(6 * time.Minute)
		o.times()
		time.Sleep(time.Minute)
		require.Len(t, o.times(), 2, "slow when it is down for long")

		o.set(OK)
		time.Sleep(31 * time.Second)
		require.NotEmpty(t, o.times())
		time.Sleep(2 * time.Second)
		require.Equal(t, Healthy, tracker.View(primary).Verdict)
	})
}

func TestAProberLooksWhenAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{class: OK}
		tracker := proving(t, o)
		time.Sleep(3 * time.Second)
		require.Equal(t, seconds(0), o.times())
		o.set(ConnectRefused)
		for range 5 {
			tracker.Observe(primary, Observation{Live: true, Class: ConnectReset})
		}
		synctest.Wait()
		require.Equal(t, seconds(3), o.times())
		require.Equal(t, Down, tracker.View(primary).Verdict, "the probe confirms what readers saw")
		time.Sleep(3 * time.Second)
		require.Equal(t, seconds(5), o.times(), "and the pace is counted from it")
	})
}

func TestARequestDuringAProbeMeansOneMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{class: OK, took: 4 * time.Second}
		tracker := proving(t, o)
		time.Sleep(15 * time.Second) // 0–4, then from 14
		for range 5 {
			tracker.Observe(primary, Observation{Live: true, Class: ConnectReset})
		}
		time.Sleep(4 * time.Second)
		require.Equal(t, seconds(0, 14, 18), o.times())
	})
}

func TestALookCutShortIsNoObservation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker := NewTracker(Options{})
		tracker.Configure(policiesOf(primary))
		ctx, cancel := context.WithCancel(t.Context())
		o := &origin{class: ConnectTimeout, took: time.Hour}
		done := make(chan struct{})
		go func() {
			defer close(done)
			Prober{ID: primary, Tracker: tracker, Probe: o.probe}.Run(ctx)
		}()
		time.Sleep(time.Second)
		cancel()
		<-done
		require.Equal(t, View{ID: primary, Verdict: Unknown}, tracker.View(primary))
	})
}

func TestAnEndedContextMeansNoProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker := NewTracker(Options{})
		tracker.Configure(policiesOf(primary))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		o := &origin{class: OK}
		Prober{ID: primary, Tracker: tracker, Probe: o.probe}.Run(ctx)
		require.Equal(t, Unknown, tracker.View(primary).Verdict)
	})
}

func TestProbersTogetherSeeTheEdgesOwnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ids := []ID{primary, alternate, foreign}
		tracker := NewTracker(Options{OnTransition: func(tr Transition) {
			if tr.To == Down {
				t.Errorf("%s went down", tr.ID.Origin)
			}
		}})
		tracker.Configure(policiesOf(ids...))
		ctx, cancel := context.WithCancel(t.Context())
		var probers sync.WaitGroup
		network := &origin{class: OK}
		for i, id := range ids {
			probers.Go(func() {
				time.Sleep(time.Duration(i) * 3 * time.Second) // out of step
				Prober{ID: id, Tracker: tracker, Probe: network.probe}.Run(ctx)
			})
		}
		time.Sleep(time.Minute)
		network.set(Unreachable)
		time.Sleep(time.Minute)
		_, _, ok := tracker.Suspected()
		require.True(t, ok)
		network.set(OK)
		time.Sleep(5 * time.Second)
		_, _, ok = tracker.Suspected()
		require.False(t, ok)
		for _, v := range tracker.All() {
			require.Equal(t, Healthy, v.Verdict)
		}
		cancel()
		probers.Wait()
	})
}
