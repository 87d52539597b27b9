package health

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// walk applies the classes as probes two seconds apart and returns every state.
func walk(s State, p Policy, from float64, classes ...Class) []State {
	states := make([]State, 0, len(classes))
	for i, c := range classes {
		s = s.Next(p, probed(from+2*float64(i), c))
		states = append(states, s)
	}
	return states
}

func last(states []State) State { return states[len(states)-1] }

func TestProbesMakeVerdicts(t *testing.T) {
	const (
		no  = ConnectRefused
		cut = TLSReset
		not = IdentityMissing
	)
	tests := []struct {
		name   string
		policy Policy
		probes []Class
		want   []Verdict
	}{
		{"an unknown origin is healthy after one good probe", Policy{}, []Class{OK}, []Verdict{Healthy}},
		{"the third failure in a row is the fall", Policy{}, []Class{OK, no, no, no}, []Verdict{Healthy, Suspect, Suspect, Down}},
		{"an unknown origin falls the same way", Policy{}, []Class{no, no, no}, []Verdict{Suspect, Suspect, Down}},
		{"a good probe starts the count again", Policy{}, []Class{no, no, OK, no, no, OK}, []Verdict{Suspect, Suspect, Healthy, Suspect, Suspect, Healthy}},
		{"fall and rise are the policy's", Policy{Fall: 1, Rise: 3}, []Class{no, OK, OK, OK}, []Verdict{Down, Probation, Probation, Healthy}},
		{"two good probes in a row raise", Policy{}, []Class{no, no, no, OK, OK}, []Verdict{Suspect, Suspect, Down, Probation, Healthy}},
		{"a failure in probation goes back at once and the count begins again", Policy{},
			[]Class{no, no, no, OK, no, OK, OK}, []Verdict{Suspect, Suspect, Down, Probation, Down, Probation, Healthy}},
		{"cuts after the name was sent end in blocked", Policy{}, []Class{cut, cut, cut}, []Verdict{Suspect, Suspect, Blocked}},
		{"another's certificate ends in blocked", Policy{}, []Class{OK, TLSCertificate}, []Verdict{Healthy, Blocked}},
		{"a forged address ends in blocked", Policy{}, []Class{AddressForbidden, AddressForbidden, AddressForbidden}, []Verdict{Suspect, Suspect, Blocked}},
		{"the last failure before the fall decides what it is", Policy{}, []Class{no, no, cut}, []Verdict{Suspect, Suspect, Blocked}},
		{"probation may end in another fall than the first", Policy{Fall: 1}, []Class{no, OK, cut}, []Verdict{Down, Probation, Blocked}},
		{"down becomes blocked only after fall failures that say so", Policy{},
			[]Class{no, no, no, cut, cut, no, cut, cut, cut}, []Verdict{Suspect, Suspect, Down, Down, Down, Down, Down, Down, Blocked}},
		{"another publication falls at once", Policy{}, []Class{OK, not}, []Verdict{Healthy, Hijacked}},
		{"a canary that proves nothing falls at once", Policy{}, []Class{OK, CanaryInvalid}, []Verdict{Healthy, Hijacked}},
		{"a stale canary falls at once", Policy{}, []Class{OK, CanaryStale}, []Verdict{Healthy, Hijacked}},
		{"a down origin that shows another publication is hijacked at once", Policy{Fall: 1}, []Class{no, not}, []Verdict{Down, Hijacked}},
		{"a hijacked origin that then is silent stays hijacked", Policy{}, []Class{not, no, no, no, no}, []Verdict{Hijacked, Hijacked, Hijacked, Hijacked, Hijacked}},
		{"a hijacked origin that then is blocked stays hijacked", Policy{}, []Class{not, BlockPage}, []Verdict{Hijacked, Hijacked}},
		{"a block page falls at once, and rises slowly", Policy{}, []Class{OK, BlockPage, OK, OK, OK, OK, OK},
			[]Verdict{Healthy, Blocked, Probation, Probation, Probation, Probation, Healthy}},
		{"a redirect off the publication falls at once, and rises slowly", Policy{}, []Class{OK, RedirectOffsite, OK, OK, OK, OK, OK},
			[]Verdict{Healthy, Blocked, Probation, Probation, Probation, Probation, Healthy}},
		{"what was wrong needs more when the policy does", Policy{Rise: 6}, []Class{BlockPage, OK, OK, OK, OK, OK, OK},
			[]Verdict{Blocked, Probation, Probation, Probation, Probation, Probation, Healthy}},
		{"what was wrong and then is silent still rises slowly", Policy{}, []Class{BlockPage, no, no, no, OK, OK, OK, OK, OK},
			[]Verdict{Blocked, Blocked, Blocked, Down, Probation, Probation, Probation, Probation, Healthy}},
		{"nor does a failure in probation make it rise faster", Policy{}, []Class{BlockPage, OK, no, OK, OK, OK, OK, OK},
			[]Verdict{Blocked, Probation, Down, Probation, Probation, Probation, Probation, Healthy}},
		{"a cut origin that then shows a block page rises slowly", Policy{Fall: 1}, []Class{cut, BlockPage, OK, OK, OK, OK, OK},
			[]Verdict{Blocked, Blocked, Probation, Probation, Probation, Probation, Healthy}},
		{"a down origin that shows a block page is blocked at once", Policy{Fall: 1}, []Class{no, BlockPage}, []Verdict{Down, Blocked}},
		{"an expired certificate is down, not blocked", Policy{}, []Class{TLSExpired, TLSExpired, TLSExpired}, []Verdict{Suspect, Suspect, Down}},
		{"a name that nobody knows is down, not blocked", Policy{}, []Class{DomainGone, DomainGone, DomainGone}, []Verdict{Suspect, Suspect, Down}},
		{"who answers badly falls at twice fall", Policy{}, []Class{Slow, Slow, Slow, Slow, Slow, Slow, OK, OK},
			[]Verdict{Suspect, Suspect, Suspect, Suspect, Suspect, Down, Probation, Healthy}},
		{"two bad answers count as one failure", Policy{}, []Class{Denied, no, Challenge, no},
			[]Verdict{Suspect, Suspect, Suspect, Down}},
		{"the edge's own mistakes count for nothing", Policy{Fall: 1}, []Class{OK, InternalError, InternalError}, []Verdict{Healthy, Healthy, Healthy}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []Verdict
			for _, s := range walk(State{}, test.policy, 0, test.probes...) {
				got = append(got, s.Current())
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestEveryClassOfFailureEndsSomewhereUnusable(t *testing.T) {
	for _, c := range Classes() {
		if c == OK || c == InternalError {
			continue
		}
		s := last(walk(State{}, Policy{}, 0, c, c, c, c, c, c))
		require.False(t, s.Current().Usable(), c)
		require.Equal(t, c, s.Class)
		require.NotEmpty(t, s.Reason, c)
	}
}

func TestSinceMovesOnlyWithTheVerdict(t *testing.T) {
	s := last(walk(State{}, Policy{}, 0, OK, OK, ConnectRefused, ConnectTimeout))
	require.Equal(t, Suspect, s.Verdict)
	require.Equal(t, at(4), s.Since)
	require.Equal(t, ConnectTimeout, s.Class, "the reason is the latest one")

	s = last(walk(s, Policy{}, 8, ConnectTimeout, ConnectTimeout, ConnectTimeout))
	require.Equal(t, at(8), s.Since)
	require.Equal(t, 5, s.Failures)
}

func TestProbationKeepsTheReasonOfTheFall(t *testing.T) {
	s := last(walk(State{}, Policy{Fall: 1}, 0, TLSReset, OK))
	require.Equal(t, Probation, s.Verdict)
	require.Equal(t, TLSReset, s.Class)
	require.Equal(t, "tls_reset seen", s.Reason)
	require.Equal(t, OK, s.Last.Class)

	s = s.Next(Policy{}, probed(4, OK))
	require.Equal(t, OK, s.Class)
	require.Empty(t, s.Reason)
	require.Empty(t, s.Fallen)
	require.Zero(t, s.Required)
}

func TestFactsAreKept(t *testing.T) {
	good := probed(0, OK)
	good.Address, good.Timings = "192.0.2.10:443", Timings{Connect: time.Millisecond}
	s := State{}.Next(Policy{}, good)
	require.Equal(t, Look{At: at(0), Class: OK, Status: 200, Address: "192.0.2.10:443", Timings: good.Timings}, s.Last)
	require.Equal(t, at(0), s.LastSuccess)

	s = s.Next(Policy{}, probed(2, ServerError))
	require.Equal(t, at(0), s.LastSuccess)
	require.Equal(t, at(2), s.LastAnswer, "an error is an answer")
	require.Zero(t, s.NetworkSince)

	s = last(walk(s, Policy{}, 4, ConnectRefused, TLSTimeout))
	require.Equal(t, at(4), s.NetworkSince, "the run began with its first look")
	require.Equal(t, at(2), s.LastAnswer)

	s = s.Next(Policy{}, requested(7, OK))
	require.Equal(t, at(7), s.LastSuccess)
	require.Zero(t, s.NetworkSince)
	require.Equal(t, at(6), s.Last.At, "Last is of probes")
}

func TestFlapsCountFallsFromUse(t *testing.T) {
	s := last(walk(State{}, Policy{Fall: 1}, 0, OK, ConnectRefused, OK, ConnectRefused, OK, OK, IdentityMissing, ConnectRefused))
	require.Equal(t, 2, s.Flaps, "falling back from probation is the same fall")
}

func TestDrainedCoversTheEarnedVerdict(t *testing.T) {
	s := State{}.Drain(at(0))
	require.Equal(t, Drained, s.Current())
	s = last(walk(s, Policy{Fall: 1}, 1, OK, ConnectRefused))
	require.Equal(t, Drained, s.Current())
	require.Equal(t, at(0), s.Drain(at(9)).DrainedSince, "draining twice keeps the first time")
	require.Equal(t, Down, s.Undrain().Current())
	require.Equal(t, Unknown, State{}.Drain(at(0)).Undrain().Current())
}

func TestReadersAccuse(t *testing.T) {
	healthy := State{}.Next(Policy{}, probed(0, OK))
	requests := func(s State, from float64, step float64, classes ...Class) State {
		for i, c := range classes {
			s = s.Next(Policy{}, requested(from+step*float64(i), c))
		}
		return s
	}
	bad, good := ServerError, OK

	t.Run("three failures in a row", func(t *testing.T) {
		s := requests(healthy, 1, 0.1, bad, bad)
		require.Equal(t, Healthy, s.Verdict)
		s = requests(s, 2, 0.1, bad)
		require.Equal(t, Suspect, s.Verdict)
		require.True(t, s.Accused)
		require.Equal(t, ServerError, s.Class)
	})
	t.Run("a good request ends the row", func(t *testing.T) {
		s := requests(healthy, 1, 0.1, good, bad, bad, good, bad, good, good, bad, bad)
		require.Equal(t, Healthy, s.Verdict)
		require.Equal(t, 2, s.Live.Failures)
	})
	t.Run("half of ten in the window", func(t *testing.T) {
		s := requests(healthy, 1, 0.9, good, bad, good, bad, good, bad, good, bad, good)
		require.Equal(t, Healthy, s.Verdict, "nine are too few")
		s = requests(s, 9.5, 1, bad)
		require.Equal(t, Suspect, s.Verdict)
	})
	t.Run("half of ten, but not in the window", func(t *testing.T) {
		s := requests(healthy, 1, 1.2, good, bad, good, bad, good, bad, good, bad, good, bad, good, bad, good, bad)
		require.Equal(t, Healthy, s.Verdict)
	})
	t.Run("fewer than half", func(t *testing.T) {
		s := requests(healthy, 1, 0.3, good, bad, good, good, bad, good, good, bad, good, good, bad, good, good, bad, good)
		require.Equal(t, Healthy, s.Verdict)
	})
	t.Run("one answer of another publication accuses and does not convict", func(t *testing.T) {
		s := requests(healthy, 1, 0.1, IdentityMissing)
		require.Equal(t, Suspect, s.Verdict)
		require.True(t, s.Accused)
	})
	t.Run("one block page accuses too", func(t *testing.T) {
		require.True(t, requests(healthy, 1, 0.1, BlockPage).Accused)
		require.False(t, requests(healthy, 1, 0.1, Challenge).Accused, "that the answer is bad is not wrong")
	})
	t.Run("good requests neither clear a suspect nor raise the fallen", func(t *testing.T) {
		s := requests(healthy, 1, 0.1, bad, bad, bad, bad, bad, good, good, good)
		require.Equal(t, Suspect, s.Verdict)
		down := last(walk(healthy, Policy{Fall: 1}, 2, ConnectRefused))
		require.Equal(t, Down, requests(down, 3, 0.1, good, good, good).Verdict)
	})
	t.Run("failed requests to a fallen origin are not counted", func(t *testing.T) {
		down := last(walk(healthy, Policy{Fall: 1}, 2, ConnectRefused))
		s := requests(down, 3, 1, bad, bad, bad, bad, bad, bad, bad, bad, bad, bad, bad)
		require.Equal(t, 0, s.Live.Failures)
		s = last(walk(s, Policy{}, 20, OK))
		require.Equal(t, Probation, requests(s, 21, 0.1, bad, bad, bad, bad, bad).Verdict)
	})
	t.Run("a late request beyond the window changes only the row", func(t *testing.T) {
		s := requests(healthy, 20, 0.1, good, good)
		s = requests(s, 1, 0.1, bad)
		n, failed := s.Live.Window()
		require.Equal(t, 2, n)
		require.Zero(t, failed)
		require.Equal(t, 1, s.Live.Failures)
	})
	t.Run("a late request within the window counts in its second", func(t *testing.T) {
		s := requests(healthy, 20, 0.1, good, good)
		s = requests(s, 12, 0.1, bad)
		n, failed := s.Live.Window()
		require.Equal(t, 3, n)
		require.Equal(t, 1, failed)
	})
}

func TestTheNextProbeDecidesAnAccusation(t *testing.T) {
	accused := State{}.Next(Policy{}, probed(0, OK))
	for range 5 {
		accused = accused.Next(Policy{}, requested(1, ConnectReset))
	}
	require.True(t, accused.Accused)

	t.Run("confirmed by one failure", func(t *testing.T) {
		s := accused.Next(Policy{}, probed(1.1, ConnectRefused))
		require.Equal(t, Down, s.Verdict)
		require.False(t, s.Accused)
		require.Equal(t, 1, s.Flaps)
		require.Equal(t, 2, s.Required)
	})
	t.Run("cleared by one success, and then left alone for an interval", func(t *testing.T) {
		s := accused.Next(Policy{}, probed(1.1, OK))
		require.Equal(t, Healthy, s.Verdict)
		require.Equal(t, at(1.1), s.Absolved)
		for i := range 9 {
			s = s.Next(Policy{}, requested(2+0.1*float64(i), ConnectReset))
		}
		require.Equal(t, Healthy, s.Verdict, "one broken page must not make the origin flicker")
		s = s.Next(Policy{}, requested(11.2, OK))
		for range 5 {
			s = s.Next(Policy{}, requested(11.3, ConnectReset))
		}
		require.Equal(t, Suspect, s.Verdict)
	})
}

func TestReadersAloneNeverConvict(t *testing.T) {
	s := State{}.Next(Policy{}, probed(0, OK))
	for second := range 600 {
		s = s.Next(Policy{}, requested(float64(second), RequestReset))
		if second%10 == 9 {
			s = s.Next(Policy{}, probed(float64(second), OK))
		}
		require.True(t, s.Verdict.Usable(), "one broken page, however often it is asked for, is not the origin")
	}
	require.Zero(t, s.Flaps)
}

func TestWithoutLeaveToFallVerdictsStayUsable(t *testing.T) {
	p := Policy{Fall: 1}.filled()
	held := func(s State, o Observation) State { return s.next(p, o, false) }

	s := held(State{}, probed(0, ConnectTimeout))
	require.Equal(t, Suspect, s.Verdict)
	s = held(s, probed(2, ConnectTimeout))
	require.Equal(t, Suspect, s.Verdict)
	require.Equal(t, 2, s.Failures)
	for i := range 20 {
		s = held(s, requested(3+float64(i), ConnectTimeout))
	}
	require.Equal(t, Suspect, s.Verdict)
	require.Equal(t, Down, s.next(p, probed(30, ConnectTimeout), true).Verdict)

	probation := last(walk(State{}, p, 0, TLSReset, OK))
	require.Equal(t, Probation, held(probation, probed(9, ConnectTimeout)).Verdict)
	blocked := last(walk(State{}, p, 0, TLSReset))
	require.Equal(t, Blocked, held(blocked, probed(9, ConnectTimeout)).Verdict)
}

func TestStateSurvivesJSON(t *testing.T) {
	s := last(walk(State{}, Policy{}, 0, OK, TLSReset, TLSReset, TLSReset, OK)).Drain(at(60))
	content, err := json.Marshal(s)
	require.NoError(t, err)
	var back State
	require.NoError(t, json.Unmarshal(content, &back))
	require.Equal(t, s, back)
}

func BenchmarkStateNext(b *testing.B) {
	s := State{}
	p := Policy{}
	looks := []Observation{probed(0, OK), requested(1, ServerError), probed(2, TLSReset), requested(3, OK)}
	b.ReportAllocs()
	for i := range b.N {
		s = s.Next(p, looks[i%len(looks)])
	}
	if s.Verdict == "" {
		b.Fatal("no verdict")
	}
}

func TestNextAllocatesNothing(t *testing.T) {
	s := State{}
	looks := []Observation{probed(0, OK), requested(1, ServerError), probed(2, TLSReset), requested(3, OK), probed(4, IdentityMissing), probed(6, OK)}
	looks[4].Evidence, looks[5].Certificate = []string{"no marker"}, &Certificate{}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		for _, o := range looks {
			s = s.Next(Policy{}, o)
		}
	}))
}
