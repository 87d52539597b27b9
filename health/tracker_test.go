package health

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	primary   = ID{"gazette", "https://www.gazette.example"}
	alternate = ID{"gazette", "https://gazette.example.ir"}
	foreign   = ID{"herald", "https://www.herald.example"}
)

// tracking is a tracker with these origins, and the transitions it told.
func tracking(ids ...ID) (*Tracker, *[]Transition) {
	var told []Transition
	t := NewTracker(Options{OnTransition: func(tr Transition) { told = append(told, tr) }})
	t.Configure(policiesOf(ids...))
	return t, &told
}

func policiesOf(ids ...ID) map[ID]Policy {
	policies := map[ID]Policy{}
	for _, id := range ids {
		policies[id] = Policy{}
	}
	return policies
}

func observe(t *Tracker, id ID, looks ...Observation) {
	for _, o := range looks {
		t.Observe(id, o)
	}
}

// wanted takes the request for a probe, if there is one.
func wanted(t *Tracker, id ID) bool {
	select {
	case <-t.Confirmations(id):
		return true
	default:
		return false
	}
}

func TestTransitionsAreTold(t *testing.T) {
	tracker, told := tracking(primary)
	observe(tracker, primary, probed(0, OK), probed(1, OK), probed(2, ServerError), probed(3, ServerError), probed(4, ServerError))
	require.Equal(t, []Transition{
		{ID: primary, From: Unknown, To: Healthy, Class: OK, At: at(0)},
		{ID: primary, From: Healthy, To: Suspect, Class: ServerError, Stage: StageRequest, Reason: "server_error seen", At: at(2)},
		{ID: primary, From: Suspect, To: Down, Class: ServerError, Stage: StageRequest, Reason: "server_error seen", At: at(4)},
	}, *told)
}

func TestTransitionsStayInOrder(t *testing.T) {
	var (
		tracker *Tracker
		told    []Transition
		busy    sync.Mutex
	)
	tracker = NewTracker(Options{OnTransition: func(tr Transition) {
		require.True(t, busy.TryLock(), "told from two goroutines at once")
		told = append(told, tr)
		tracker.View(tr.ID) // the lock is not held
		if tr.To == Healthy {
			tracker.Observe(tr.ID, probed(1, IdentityMissing)) // nor is telling a trap
		}
		busy.Unlock()
	}})
	ids := []ID{primary, alternate, foreign}
	tracker.Configure(policiesOf(ids...))
	var writers sync.WaitGroup
	for _, id := range ids {
		writers.Go(func() {
			for i := range 50 {
				tracker.Observe(id, probed(float64(i), OK))
			}
		})
	}
	writers.Wait()
	now := map[ID]Verdict{primary: Unknown, alternate: Unknown, foreign: Unknown}
	for _, tr := range told {
		require.Equal(t, now[tr.ID], tr.From)
		now[tr.ID] = tr.To
	}
	for _, id := range ids {
		require.Equal(t, tracker.View(id).Verdict, now[id])
	}
}

func TestAViewSaysWhatWasSeen(t *testing.T) {
	tracker, _ := tracking(primary, foreign)
	require.Equal(t, View{ID: primary, Verdict: Unknown}, tracker.View(primary))
	require.Equal(t, View{ID: alternate, Verdict: Unknown}, tracker.View(alternate), "not configured")

	good := probed(0, OK)
	good.Address, good.Timings = "192.0.2.10:443", Timings{Handshake: time.Millisecond}
	bad := probed(5, ServerError)
	bad.Address = "192.0.2.11:443"
	observe(tracker, primary, good, bad)
	require.Equal(t, View{
		ID: primary, Verdict: Suspect, Class: ServerError, Stage: StageRequest, Reason: "server_error seen", Since: at(5),
		LastProbe: at(5), LastSuccess: at(0), Status: 502, Address: "192.0.2.11:443", Failures: 1,
		Fates: []string{"192.0.2.11"},
	}, tracker.View(primary))
	require.Equal(t, []View{tracker.View(primary)}, tracker.Site("gazette"))
	require.Empty(t, tracker.Site("nobody's"))
	require.Equal(t, []View{tracker.View(primary), tracker.View(foreign)}, tracker.All())
}

func TestAViewCountsReadersFailuresSinceTheLatestGoodLook(t *testing.T) {
	tracker, _ := tracking(primary)
	failures := func() int { return tracker.View(primary).LiveFailures }
	observe(tracker, primary, probed(0, OK), requested(1, ServerError), requested(2, ServerError))
	require.Equal(t, 2, failures())
	observe(tracker, primary, requested(3, OK))
	require.Zero(t, failures())
	observe(tracker, primary, requested(4, ServerError), requested(4, ServerError), requested(4, ServerError), probed(5, OK))
	require.Zero(t, failures())
	observe(tracker, primary, requested(6, ServerError), requested(6, ServerError))
	require.Equal(t, 2, failures())
	require.Equal(t, Healthy, tracker.View(primary).Verdict, "a good probe ends the row")
}

func TestASiteIsOrderedByName(t *testing.T) {
	tracker, _ := tracking(primary, alternate, foreign)
	require.Equal(t, []View{tracker.View(alternate), tracker.View(primary)}, tracker.Site("gazette"))
}

func TestConfigureKeepsAndForgets(t *testing.T) {
	tracker, told := tracking(primary, alternate)
	observe(tracker, primary, probed(0, OK))
	asked := tracker.Confirmations(primary)

	policies := policiesOf(primary, foreign)
	policies[primary] = Policy{Fall: 1}
	tracker.Configure(policies)
	require.Equal(t, Healthy, tracker.View(primary).Verdict)
	require.Equal(t, asked, tracker.Confirmations(primary), "its prober goes on listening")
	observe(tracker, primary, probed(1, ServerError))
	require.Equal(t, Down, tracker.View(primary).Verdict, "under the new policy")

	require.Nil(t, tracker.Confirmations(alternate))
	before := len(*told)
	observe(tracker, alternate, probed(2, OK))
	require.Len(t, *told, before, "a late look at a forgotten origin is dropped")
	require.Len(t, tracker.All(), 2)
}

func TestDrain(t *testing.T) {
	tracker, told := tracking(primary)
	observe(tracker, primary, probed(0, OK))
	require.NoError(t, tracker.Drain(primary))
	v := tracker.View(primary)
	require.Equal(t, Drained, v.Verdict)
	require.False(t, v.Since.IsZero())
	require.NotEqual(t, at(0), v.Since)
	observe(tracker, primary, probed(1, IdentityMissing))
	require.Equal(t, Drained, tracker.View(primary).Verdict)
	require.NoError(t, tracker.Undrain(primary))
	require.Equal(t, Hijacked, tracker.View(primary).Verdict)
	require.Equal(t, []Verdict{Healthy, Drained, Hijacked}, []Verdict{(*told)[0].To, (*told)[1].To, (*told)[2].To})

	require.ErrorContains(t, tracker.Drain(foreign), `site "herald" has no origin "https://www.herald.example"`)
	require.Error(t, tracker.Undrain(foreign))
}

func TestAnAccusationAsksForAProbeOnce(t *testing.T) {
	tracker, _ := tracking(primary)
	observe(tracker, primary, probed(0, OK))
	for range 2 {
		observe(tracker, primary, requested(1, ServerError))
	}
	require.False(t, wanted(tracker, primary))
	for range 100 {
		observe(tracker, primary, requested(1, ServerError))
	}
	require.True(t, wanted(tracker, primary))
	require.False(t, wanted(tracker, primary))
}

func TestAFailureInTheNetworkAsksTheOthers(t *testing.T) {
	tracker, _ := tracking(primary, alternate, foreign)
	observe(tracker, alternate, probed(0, OK))
	observe(tracker, foreign, probed(0, ServerError))
	observe(tracker, primary, probed(1, ConnectTimeout))
	require.True(t, wanted(tracker, alternate))
	require.True(t, wanted(tracker, foreign))
	require.False(t, wanted(tracker, primary), "it is looked at soon anyway")

	observe(tracker, alternate, probed(1.1, OK))
	observe(tracker, primary, probed(3, ConnectTimeout))
	require.False(t, wanted(tracker, foreign), "somebody has answered since")
	observe(tracker, primary, probed(5, ConnectTimeout))
	require.Equal(t, Down, tracker.View(primary).Verdict)
}

func TestAFallWaitsForAWitness(t *testing.T) {
	tracker, _ := tracking(primary, alternate)
	observe(tracker, alternate, probed(0, OK))
	observe(tracker, primary, probed(1, ConnectRefused), probed(3, ConnectRefused), probed(5, ConnectRefused))
	require.Equal(t, Suspect, tracker.View(primary).Verdict, "nothing proves yet that the edge's own network works")
	observe(tracker, primary, probed(7, ConnectRefused))
	require.Equal(t, Suspect, tracker.View(primary).Verdict)
	observe(tracker, primary, probed(11, ConnectRefused))
	require.Equal(t, Down, tracker.View(primary).Verdict, "and nobody is waited for longer")

	alone, _ := tracking(primary)
	observe(alone, primary, probed(1, ConnectRefused), probed(3, ConnectRefused), probed(5, ConnectRefused))
	require.Equal(t, Down, alone.View(primary).Verdict, "where nobody else is, nobody is waited for")
}

func TestAnOutageOfTheEdgeItselfFreezesVerdicts(t *testing.T) {
	tracker, told := tracking(primary, alternate, foreign)
	ids := []ID{primary, alternate, foreign}
	for _, id := range ids {
		observe(tracker, id, probed(0, OK))
	}
	for i := range 10 {
		for j, id := range ids {
			observe(tracker, id, probed(10+2*float64(i)+0.5*float64(j), Unreachable))
		}
	}
	since, reason, ok := tracker.Suspected()
	require.True(t, ok)
	require.Equal(t, at(10), since)
	require.Contains(t, reason, "all 3 origins")
	for range 20 {
		observe(tracker, primary, requested(40, ConnectTimeout))
	}
	for _, v := range tracker.All() {
		require.Equal(t, Suspect, v.Verdict)
	}
	for _, tr := range *told {
		require.NotEqual(t, Down, tr.To)
	}

	t.Log("the network comes back: one answer, and what was counted is void")
	observe(tracker, alternate, probed(60, ServerError))
	_, _, ok = tracker.Suspected()
	require.False(t, ok, "an error is an answer")
	observe(tracker, primary, probed(60.1, Unreachable))
	require.Equal(t, Suspect, tracker.View(primary).Verdict, "this look began before the network was back")
	require.Equal(t, 1, tracker.View(primary).Failures)
	observe(tracker, foreign, probed(60.2, OK))
	require.Equal(t, Healthy, tracker.View(foreign).Verdict)
	observe(tracker, primary, probed(62, Unreachable), probed(64, Unreachable))
	require.Equal(t, Down, tracker.View(primary).Verdict, "normal life")
}

func TestAColdStartWithoutNetworkIsNoOutageOfOrigins(t *testing.T) {
	tracker, _ := tracking(primary, alternate)
	for i := range 5 {
		observe(tracker, primary, probed(2*float64(i), DNSTimeout))
		observe(tracker, alternate, probed(2*float64(i)+1, DNSTimeout))
	}
	_, _, ok := tracker.Suspected()
	require.True(t, ok)
	require.Equal(t, Suspect, tracker.View(primary).Verdict)

	t.Log("a reload that adds an origin does not end it, one that leaves a single origin does")
	tracker.Configure(policiesOf(primary, alternate, foreign))
	observe(tracker, foreign, probed(300, DNSTimeout))
	observe(tracker, primary, probed(301, DNSTimeout))
	require.Equal(t, Suspect, tracker.View(primary).Verdict)
	tracker.Configure(policiesOf(primary))
	_, _, ok = tracker.Suspected()
	require.False(t, ok)
}

func TestTheFallenStayFallenWhenTheRestFails(t *testing.T) {
	tracker, _ := tracking(primary, alternate, foreign)
	observe(tracker, alternate, probed(0, OK))
	observe(tracker, foreign, probed(0, OK))
	observe(tracker, primary, probed(0, OK), probed(1, TLSReset), probed(3, TLSReset))
	observe(tracker, alternate, probed(3.5, OK))
	observe(tracker, primary, probed(5, TLSReset))
	require.Equal(t, Blocked, tracker.View(primary).Verdict)

	observe(tracker, alternate, probed(100, Unreachable))
	observe(tracker, foreign, probed(101, Unreachable))
	_, _, ok := tracker.Suspected()
	require.True(t, ok)
	for i := range 5 {
		observe(tracker, primary, probed(102+2*float64(i), Unreachable))
		observe(tracker, alternate, probed(102+2*float64(i), Unreachable))
	}
	require.Equal(t, Blocked, tracker.View(primary).Verdict)
	require.Equal(t, Suspect, tracker.View(alternate).Verdict)
}

func TestSiteAllocatesOnce(t *testing.T) {
	tracker, _ := tracking(primary, alternate)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { tracker.Site("gazette") }), 1.0)
}

func TestARequestIsCountedWithoutAllocating(t *testing.T) {
	tracker := NewTracker(Options{})
	tracker.Configure(map[ID]Policy{primary: {Network: "AS64500"}})
	good := probed(0, OK)
	good.Address = "192.0.2.10:443"
	observe(tracker, primary, good)
	request := requested(1, OK)
	require.Zero(t, testing.AllocsPerRun(100, func() { tracker.Observe(primary, request) }))
}

func BenchmarkTrackerSite(b *testing.B) {
	tracker := NewTracker(Options{})
	policies := map[ID]Policy{}
	for i := range 4 {
		policies[ID{"gazette", fmt.Sprintf("https://%d.gazette.example", i)}] = Policy{}
	}
	tracker.Configure(policies)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if len(tracker.Site("gazette")) != 4 {
				b.Fail()
			}
		}
	})
}
