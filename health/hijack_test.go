package health

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// proven is a good probe that saw a good signed canary.
func proven(seconds float64) Observation {
	o := probed(seconds, OK)
	o.Proven = true
	return o
}

// verdicts are those after each of the looks.
func verdicts(t *Tracker, id ID, looks ...Observation) []Verdict {
	seen := make([]Verdict, 0, len(looks))
	for _, o := range looks {
		t.Observe(id, o)
		seen = append(seen, t.View(id).Verdict)
	}
	return seen
}

// hijacked is a tracker of an origin that showed another publication at second 0.
func hijacked() *Tracker {
	tracker, _ := tracking(primary)
	observe(tracker, primary, probed(0, IdentityMissing))
	return tracker
}

func TestAHijackedOriginStaysSoHoweverGoodItLooks(t *testing.T) {
	tracker := hijacked()
	for i := range 50 {
		observe(tracker, primary, probed(float64(1+i), OK))
		require.Equal(t, Hijacked, tracker.View(primary).Verdict)
	}
	v := tracker.View(primary)
	require.Equal(t, "identity_missing seen; it shows the publication again; clear it, or configure a canary", v.Reason)
	require.Equal(t, IdentityMissing, v.Class)
	require.Equal(t, at(0), v.Since)

	observe(tracker, primary, probed(60, ConnectRefused))
	require.Equal(t, "identity_missing seen", tracker.View(primary).Reason, "it shows nothing any more")
}

func TestASignedCanaryEndsAHijack(t *testing.T) {
	tracker := hijacked()
	require.Equal(t, []Verdict{Hijacked, Probation, Probation, Probation, Probation, Healthy},
		verdicts(tracker, primary, probed(1, OK), proven(2), probed(3, OK), probed(4, OK), probed(5, OK), proven(6)),
		"the row begins with the first that is proven")
	require.Equal(t, View{
		ID: primary, Verdict: Healthy, Class: OK, Since: at(6), LastProbe: at(6), LastSuccess: at(6), Status: 200, Successes: 5, Flaps: 1,
	}, tracker.View(primary))
}

func TestTheLastOfTheRowMustBeProven(t *testing.T) {
	tracker := hijacked()
	verdicts(tracker, primary, proven(1), probed(2, OK), probed(3, OK), probed(4, OK), probed(5, OK), probed(6, OK))
	v := tracker.View(primary)
	require.Equal(t, Probation, v.Verdict)
	require.Equal(t, 5, v.Required)
	require.Contains(t, v.Reason, "6 good probes since; the next that its canary proves brings it back")
	require.Equal(t, []Verdict{Healthy}, verdicts(tracker, primary, proven(7)))
}

func TestAFailureInItsProbationMakesAHijackAgain(t *testing.T) {
	for _, c := range []Class{ConnectRefused, ServerError, CanaryStale, BlockPage} {
		tracker := hijacked()
		require.Equal(t, []Verdict{Probation, Probation, Hijacked, Hijacked, Probation, Probation},
			verdicts(tracker, primary, proven(1), proven(2), probed(3, c), probed(4, OK), proven(5), proven(6)), c)
	}
}

func TestTheOperatorClearsAHijack(t *testing.T) {
	t.Run("and five good probes bring it back", func(t *testing.T) {
		tracker := hijacked()
		observe(tracker, primary, probed(1, OK), probed(2, OK))
		require.NoError(t, tracker.Clear(primary))
		v := tracker.View(primary)
		require.Equal(t, Probation, v.Verdict)
		require.Equal(t, 5, v.Required)
		require.Zero(t, v.Successes, "those before do not count")
		require.Equal(t, []Verdict{Probation, Probation, Probation, Probation, Healthy},
			verdicts(tracker, primary, probed(3, OK), probed(4, OK), probed(5, OK), probed(6, OK), probed(7, OK)))
		observe(tracker, primary, probed(8, IdentityMissing), proven(9))
		require.Equal(t, Probation, tracker.View(primary).Verdict)
		observe(tracker, primary, probed(10, OK), probed(11, OK), probed(12, OK), probed(13, OK))
		require.Equal(t, Probation, tracker.View(primary).Verdict, "his word does not reach to the next hijack")
	})
	for _, c := range []Class{IdentityMismatch, BlockPage, TLSWrongHost} {
		t.Run("and "+string(c)+" makes it one again", func(t *testing.T) {
			tracker := hijacked()
			require.NoError(t, tracker.Clear(primary))
			require.Equal(t, []Verdict{Probation, Hijacked, Hijacked}, verdicts(tracker, primary, probed(1, OK), probed(2, c), probed(3, OK)))
			require.Equal(t, c, tracker.View(primary).Class)
		})
	}
	t.Run("and a mere failure does not, but it rises no faster", func(t *testing.T) {
		tracker := hijacked()
		require.NoError(t, tracker.Clear(primary))
		require.Equal(t, []Verdict{Probation, Down, Probation, Probation, Probation, Probation, Healthy},
			verdicts(tracker, primary, probed(1, OK), probed(2, ConnectRefused), probed(3, OK), probed(4, OK), probed(5, OK), probed(6, OK), probed(7, OK)))
	})
	t.Run("also one in probation", func(t *testing.T) {
		tracker := hijacked()
		observe(tracker, primary, proven(1))
		require.NoError(t, tracker.Clear(primary))
		require.Equal(t, at(1), tracker.View(primary).Since)
		require.Equal(t, []Verdict{Probation, Probation, Probation, Probation, Healthy},
			verdicts(tracker, primary, probed(3, OK), probed(4, OK), probed(5, OK), probed(6, OK), probed(7, OK)))
	})
	t.Run("beneath his own draining", func(t *testing.T) {
		tracker := hijacked()
		require.NoError(t, tracker.Drain(primary))
		require.NoError(t, tracker.Clear(primary))
		require.Equal(t, Drained, tracker.View(primary).Verdict)
		require.NoError(t, tracker.Undrain(primary))
		require.Equal(t, Probation, tracker.View(primary).Verdict)
	})
}

func TestOnlyAHijackIsCleared(t *testing.T) {
	tracker, told := tracking(primary)
	observe(tracker, primary, probed(0, BlockPage))
	before := len(*told)
	require.EqualError(t, tracker.Clear(primary),
		`origin "https://www.gazette.example" of site "gazette" is blocked, not hijacked: there is nothing to clear`)
	require.ErrorContains(t, tracker.Clear(foreign), "has no origin")
	require.Len(t, *told, before)
	require.Equal(t, Blocked, tracker.View(primary).Verdict)
}

func TestAHijackOutlivesAnyRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "verdicts.json")
	restarted := func(tracker *Tracker, now time.Time) *Tracker {
		require.NoError(t, tracker.Save(path))
		after, _ := tracking(primary)
		require.NoError(t, after.Restore(path, now))
		return after
	}
	week := at(7 * 24 * 3600)

	found := probed(0, IdentityMissing)
	found.Evidence = []string{"the title is \"This domain is for sale\""}
	tracker, _ := tracking(primary)
	observe(tracker, primary, found)
	tracker = restarted(tracker, week)
	v := tracker.View(primary)
	require.Equal(t, Hijacked, v.Verdict)
	require.Equal(t, "identity_missing seen", v.Reason)
	require.Equal(t, found.Evidence, v.Evidence)
	require.True(t, at(0).Equal(v.Since))

	observe(tracker, primary, proven(10), proven(11), proven(12))
	tracker = restarted(tracker, week)
	require.Equal(t, Probation, tracker.View(primary).Verdict)
	require.Zero(t, tracker.View(primary).Successes, "what is so long ago is no row")
	tracker = restarted(tracker, at(-24*3600))
	require.Equal(t, Probation, tracker.View(primary).Verdict, "nor does it help to set the clock back")

	require.NoError(t, tracker.Clear(primary))
	tracker = restarted(tracker, week)
	looks := []Observation{probed(0, OK), probed(1, OK), probed(2, OK), probed(3, OK), probed(4, OK)}
	require.Equal(t, []Verdict{Probation, Probation, Probation, Probation, Healthy}, verdicts(tracker, primary, looks...),
		"the operator's word is kept")
}
