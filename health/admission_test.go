package health

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnOriginThatAReloadAddsIsTriedFirst(t *testing.T) {
	tracker, told := tracking(primary)
	observe(tracker, primary, probed(0, OK))
	tracker.Configure(policiesOf(primary, alternate))
	v := tracker.View(alternate)
	require.Equal(t, Probation, v.Verdict)
	require.Equal(t, 3, v.Required)
	require.NotEmpty(t, v.Reason)
	require.False(t, v.Since.IsZero())
	added := (*told)[len(*told)-1]
	require.Equal(t, []Verdict{Unknown, Probation}, []Verdict{added.From, added.To})
	require.Equal(t, []Verdict{Probation, Probation, Healthy}, verdicts(tracker, alternate, probed(1, OK), probed(3, OK), probed(5, OK)))

	t.Log("and so is one that comes back")
	tracker.Configure(policiesOf(primary))
	tracker.Configure(policiesOf(primary, alternate))
	require.Equal(t, []Verdict{Down, Probation, Probation, Healthy},
		verdicts(tracker, alternate, probed(7, ConnectRefused), probed(9, OK), probed(11, OK), probed(13, OK)))
	require.Zero(t, tracker.View(alternate).Flaps, "it was not in use")
}

func TestAnOriginThatReadersMayBeWaitingForIsUsedAtOnce(t *testing.T) {
	t.Run("at a fresh start", func(t *testing.T) {
		tracker, _ := tracking(primary, alternate)
		require.Equal(t, Unknown, tracker.View(alternate).Verdict)
	})
	t.Run("at a start that restores the others", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "verdicts.json")
		before, _ := tracking(primary)
		observe(before, primary, probed(0, OK))
		require.NoError(t, before.Save(path))
		after := NewTracker(Options{})
		require.NoError(t, after.Restore(path, at(1)))
		after.Configure(policiesOf(primary, alternate))
		require.Equal(t, Healthy, after.View(primary).Verdict)
		require.Equal(t, Unknown, after.View(alternate).Verdict)
	})
	t.Run("where the others are of no use", func(t *testing.T) {
		tracker, _ := tracking(primary)
		observe(tracker, primary, probed(0, BlockPage))
		tracker.Configure(policiesOf(primary, alternate))
		require.Equal(t, Unknown, tracker.View(alternate).Verdict)
	})
	t.Run("where the others are drained", func(t *testing.T) {
		tracker, _ := tracking(primary)
		observe(tracker, primary, probed(0, OK))
		require.NoError(t, tracker.Drain(primary))
		tracker.Configure(policiesOf(primary, alternate))
		require.Equal(t, Unknown, tracker.View(alternate).Verdict)
	})
	t.Run("where nobody has looked at the others", func(t *testing.T) {
		tracker, _ := tracking(primary)
		tracker.Configure(policiesOf(primary, alternate))
		require.Equal(t, Unknown, tracker.View(alternate).Verdict)
	})
	t.Run("of another site", func(t *testing.T) {
		tracker, _ := tracking(primary)
		observe(tracker, primary, probed(0, OK))
		tracker.Configure(policiesOf(primary, foreign))
		require.Equal(t, Unknown, tracker.View(foreign).Verdict)
	})
}

func TestAViewSaysWhatTheOperatorHasToDo(t *testing.T) {
	for class, does := range map[Class]string{
		DomainGone: "domain_gone seen; the registration may have expired: ask the registrar, and renew it before somebody else takes the domain",
		TLSExpired: "tls_expired seen; renew the certificate, or set the clock, at the origin",
	} {
		tracker, told := tracking(primary)
		observe(tracker, primary, probed(0, class), probed(2, class), probed(4, class))
		require.Equal(t, Down, tracker.View(primary).Verdict)
		require.Equal(t, does, tracker.View(primary).Reason)
		require.Equal(t, does, (*told)[len(*told)-1].Reason, "whoever reads the log learns it too")
	}
	bare := probed(0, DomainGone)
	bare.Reason = ""
	tracker, _ := tracking(primary)
	observe(tracker, primary, bare)
	require.Regexp(t, "^the registration", tracker.View(primary).Reason)
}

func TestAViewShowsWhatALookFound(t *testing.T) {
	tracker, told := tracking(primary)
	good := probed(0, OK)
	good.Notice = Notice{Class: DNSInjected, Stage: StageResolve, Reason: "two answers"}
	good.Certificate = &Certificate{Names: []string{"www.gazette.example"}, Issuer: "lab", NotAfter: at(1000), Pin: "sha256/x"}
	bad := probed(2, BlockPage)
	bad.Evidence = []string{"known text", "no marker"}
	observe(tracker, primary, good)
	v := tracker.View(primary)
	require.Equal(t, good.Notice, v.Notice)
	require.Equal(t, good.Certificate, v.Certificate)
	require.Equal(t, Healthy, v.Verdict, "a notice moves no verdict")
	observe(tracker, primary, bad, probed(4, OK))
	require.Equal(t, bad.Evidence, tracker.View(primary).Evidence, "of what it fell for")
	require.Equal(t, bad.Evidence, (*told)[1].Evidence)
	require.Zero(t, tracker.View(primary).Notice)
}
