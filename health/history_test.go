package health

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheLatestProbesAreRemembered(t *testing.T) {
	tracker, _ := tracking(primary)
	require.Empty(t, tracker.History(primary))
	require.Nil(t, tracker.History(foreign))

	first := probed(0, ServerError)
	first.Timings = Timings{Connect: 10 * time.Millisecond, FirstByte: 20 * time.Millisecond}
	observe(tracker, primary, first, requested(1, OK), probed(2, OK))
	require.Equal(t, []PastProbe{
		{At: at(0), Class: ServerError, Status: 502, Took: 30 * time.Millisecond},
		{At: at(2), Class: OK, Status: 200},
	}, tracker.History(primary), "a reader's request is no probe")

	for i := 3; i < 200; i++ {
		observe(tracker, primary, probed(float64(i), OK))
		past := tracker.History(primary)
		require.LessOrEqual(t, len(past), 64)
		require.Equal(t, at(float64(i)), past[len(past)-1].At)
	}
	past := tracker.History(primary)
	require.Len(t, past, 64)
	for i, p := range past {
		require.Equal(t, at(float64(136+i)), p.At)
	}
	past[0].Class = Seized
	require.Equal(t, OK, tracker.History(primary)[0].Class, "the slice is the caller's")
}

func TestPastProbesSurviveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "verdicts.json")
	before, _ := tracking(primary, alternate)
	for i := range 100 {
		o := probed(float64(i), Classes()[i%len(Classes())])
		o.Timings.Body = time.Duration(i) * time.Millisecond
		observe(before, primary, o)
	}
	require.NoError(t, before.Save(path))
	for _, now := range []time.Time{at(100), at(1e6)} {
		after, _ := tracking(primary, alternate)
		require.NoError(t, after.Restore(path, now))
		require.Equal(t, before.History(primary), after.History(primary))
		require.Empty(t, after.History(alternate))
		observe(after, primary, probed(100, OK))
		require.Len(t, after.History(primary), 64)
		require.Equal(t, at(37), after.History(primary)[0].At)
	}
}

func TestARestoredHistoryIsBounded(t *testing.T) {
	file := savedFile{Version: savedVersion, Origins: []savedOrigin{{Site: primary.Site, Origin: primary.Origin, State: State{Verdict: Unknown}}}}
	for i := range 1000 {
		file.Origins[0].Probes = append(file.Origins[0].Probes, savedProbe{At: at(float64(i)), Class: OK})
	}
	content, err := json.Marshal(file)
	require.NoError(t, err)
	known, err := parseSaved(content, noon)
	require.NoError(t, err)
	past := known[primary].history
	require.Len(t, past.probes, 64)
	require.Equal(t, at(999), past.all()[63].At)
}

func TestALineThatIsNoProbeIsSaidToBeNone(t *testing.T) {
	for line, says := range map[string]string{
		"":                                   `a past probe reads ""`,
		"2026-03-01T12:00:00.000Z 200 1":     "which is not time, status, milliseconds and class",
		"noon 200 1 ok":                      "the time of a past probe",
		"2026-03-01T12:00:00.000Z good 1 ok": "the status of a past probe",
		"2026-03-01T12:00:00.000Z 200 1s ok": "the duration of a past probe",
	} {
		require.ErrorContains(t, new(savedProbe).UnmarshalText([]byte(line)), says)
	}
	var p savedProbe
	require.NoError(t, p.UnmarshalText([]byte("2026-03-01T12:00:00.250Z 0 1500 ")))
	require.Equal(t, savedProbe{At: at(0.25), Took: 1500 * time.Millisecond}, p, "a class that is empty is no reason to lose a file")
}

// aFileOfVersion1 is what the first version wrote of two origins.
const aFileOfVersion1 = `{
	"version": 1,
	"origins": [
		{
			"site": "gazette",
			"origin": "https://gazette.example.ir",
			"state": {
				"verdict": %q, "class": "redirected", "stage": "request", "reason": "302 to elsewhere", "since": "2026-03-01T12:00:00Z",
				"failures": 1, "flaps": 1, "fallen": %q, "required": 5, "absolved": "2026-03-01T11:00:00Z",
				"last": {"at": "2026-03-01T12:00:00Z", "class": "redirected", "status": 302, "address": "192.0.2.11:443", "timings":
					{"resolve": 0, "connect": 1000, "handshake": 0, "first_byte": 0, "body": 0}, "not_after": "2026-06-01T00:00:00Z"}
			}
		},
		{
			"site": "gazette",
			"origin": "https://www.gazette.example",
			"state": {
				"verdict": "hijacked", "class": "identity_missing", "stage": "identity", "reason": "not the text", "since": "2026-03-01T12:00:00Z",
				"drained_since": "2026-03-01T12:10:00Z", "fallen": "hijacked", "required": 5,
				"last": {"at": "2026-03-01T12:00:00Z", "class": "body_timeout", "timings":
					{"resolve": 0, "connect": 1000, "handshake": 0, "first_byte": 0, "body": 0}},
				"last_success": "2026-03-01T11:00:00Z", "last_answer": "2026-03-01T12:00:00Z"
			}
		}
	]
}`

func TestAnUpgradeLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "verdicts.json")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, aFileOfVersion1, Hijacked, Hijacked), 0o600))
	tracker, _ := tracking(primary, alternate)
	require.NoError(t, tracker.Restore(path, at(60)))

	v := tracker.View(alternate)
	require.Equal(t, Blocked, v.Verdict, "a redirect is no hijack any more")
	require.Equal(t, RedirectOffsite, v.Class)
	require.Equal(t, "302 to elsewhere", v.Reason)
	require.Equal(t, 1, v.Flaps)
	require.Equal(t, []string{"192.0.2.11"}, v.Fates)
	require.Equal(t, 2026, v.NotAfter.Year())
	require.Equal(t, []Verdict{Probation, Probation, Probation, Probation, Healthy},
		verdicts(tracker, alternate, probed(61, OK), probed(62, OK), probed(63, OK), probed(64, OK), probed(65, OK)))

	require.Equal(t, Drained, tracker.View(primary).Verdict)
	require.NoError(t, tracker.Undrain(primary))
	v = tracker.View(primary)
	require.Equal(t, Hijacked, v.Verdict)
	require.Equal(t, at(-3600), v.LastSuccess)
	s, _ := tracker.State(primary)
	require.Equal(t, BodyStalled, s.Last.Class)

	require.NoError(t, tracker.Save(path))
	again, _ := tracking(primary, alternate)
	require.NoError(t, again.Restore(path, at(70)))
	require.Equal(t, Hijacked, again.View(primary).Verdict)
}
