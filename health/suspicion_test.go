package health

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// doubting is a tracker of two origins, and what it tells in its order: a Suspicion
// or a Transition.
func doubting() (*Tracker, *[]any) {
	var told []any
	tracker := NewTracker(Options{
		OnTransition: func(tr Transition) { told = append(told, tr) },
		OnSuspicion:  func(s Suspicion) { told = append(told, s) },
	})
	tracker.Configure(policiesOf(primary, alternate))
	return tracker, &told
}

// suspicions are those among what was told.
func suspicions(told []any) []Suspicion {
	var all []Suspicion
	for _, one := range told {
		if s, ok := one.(Suspicion); ok {
			all = append(all, s)
		}
	}
	return all
}

func TestSuspicionIsToldWhenItBeginsAndWhenItEnds(t *testing.T) {
	tracker, told := doubting()
	observe(tracker, primary, probed(0, OK), probed(10, ConnectTimeout))
	observe(tracker, alternate, probed(1, OK))
	require.Empty(t, suspicions(*told))

	observe(tracker, alternate, probed(11, ConnectTimeout))
	_, reason, ok := tracker.Suspected()
	require.True(t, ok)
	require.NotEmpty(t, reason)
	began := Suspicion{Suspected: true, Since: at(10), Reason: reason, At: at(11)}
	require.Equal(t, []Suspicion{began}, suspicions(*told))

	observe(tracker, primary, probed(12, ConnectTimeout))
	observe(tracker, alternate, probed(13, ConnectTimeout))
	require.Equal(t, []Suspicion{began}, suspicions(*told), "it goes on, which is no news")

	observe(tracker, primary, probed(14, OK))
	require.Equal(t, []Suspicion{began, {Since: at(10), Reason: reason, At: at(14)}}, suspicions(*told))
	observe(tracker, alternate, probed(15, OK))
	require.Len(t, suspicions(*told), 2)
}

func TestSuspicionIsToldInOrderWithTransitions(t *testing.T) {
	tracker, told := doubting()
	observe(tracker, primary, probed(0, ConnectTimeout))
	observe(tracker, alternate, probed(1, ConnectTimeout), probed(2, OK))
	var order []string
	for _, one := range *told {
		switch one := one.(type) {
		case Suspicion:
			order = append(order, map[bool]string{true: "doubt", false: "trust"}[one.Suspected])
		case Transition:
			order = append(order, string(one.To))
		}
	}
	require.Equal(t, []string{"suspect", "doubt", "suspect", "trust", "healthy"}, order)
}

func TestAReloadThatEndsASuspicionTellsSo(t *testing.T) {
	tracker, told := doubting()
	observe(tracker, primary, probed(0, ConnectTimeout))
	observe(tracker, alternate, probed(1, ConnectTimeout))
	tracker.Configure(policiesOf(primary))
	all := suspicions(*told)
	require.Len(t, all, 2)
	require.False(t, all[1].Suspected)
	require.Equal(t, at(0), all[1].Since)
}

func TestSuspicionIsToldWithoutTheLock(t *testing.T) {
	var tracker *Tracker
	var seen []bool
	tracker = NewTracker(Options{OnSuspicion: func(s Suspicion) {
		_, _, suspected := tracker.Suspected()
		seen = append(seen, suspected == s.Suspected)
	}})
	tracker.Configure(policiesOf(primary, alternate))
	observe(tracker, primary, probed(0, ConnectTimeout))
	observe(tracker, alternate, probed(1, ConnectTimeout), probed(2, OK))
	require.Equal(t, []bool{true, true}, seen)
}

func TestTheEndOfTheCertificateIsKeptOfTheLatestProbe(t *testing.T) {
	tracker, _ := doubting()
	shown := probed(0, OK)
	shown.Certificate = &Certificate{NotAfter: at(1000)}
	observe(tracker, primary, shown, requested(1, OK))
	require.Equal(t, at(1000), tracker.View(primary).NotAfter)
	observe(tracker, primary, probed(2, ConnectTimeout))
	require.Zero(t, tracker.View(primary).NotAfter)
}

func TestASlowPageIsNoSignOfTheNetwork(t *testing.T) {
	tracker, _ := tracking(primary, alternate)
	observe(tracker, primary, probed(0, OK))
	observe(tracker, alternate, probed(0, OK))
	observe(tracker, primary, requested(12, FirstByteTimeout))
	observe(tracker, alternate, requested(12, FirstByteTimeout))
	_, _, doubted := tracker.Suspected()
	require.False(t, doubted)
	observe(tracker, primary, probed(13, FirstByteTimeout))
	observe(tracker, alternate, probed(13, FirstByteTimeout))
	_, _, doubted = tracker.Suspected()
	require.True(t, doubted, "probes of the front pages that nobody answers are one")
}
