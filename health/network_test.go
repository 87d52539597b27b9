package health

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// voices are those of origins in these states.
func voices(origins map[ID]State) []voice {
	var all []voice
	for id, s := range origins {
		all = append(all, s.voice(id.Origin))
	}
	return all
}

func TestTheEdgesOwnNetwork(t *testing.T) {
	a, b, c := ID{"gazette", "https://a.example"}, ID{"gazette", "https://b.example"}, ID{"herald", "https://c.example"}
	failing := func(since float64) State {
		return State{Verdict: Suspect, NetworkSince: at(since), LastAnswer: at(-60)}
	}
	answering := func(seconds float64) State { return State{Verdict: Healthy, LastAnswer: at(seconds)} }
	as := func(v Verdict, s State) State { s.Verdict = v; return s }

	tests := []struct {
		name      string
		origins   map[ID]State
		now       float64
		suspected bool // before
		want      network
	}{
		{"all at once", map[ID]State{a: failing(0), b: failing(4), c: failing(14)}, 20, false, networkSuspected},
		{"all, but not at once", map[ID]State{a: failing(0), b: failing(4), c: failing(16)}, 20, false, networkWorks},
		{"all at once, at a cold start", map[ID]State{
			a: {Verdict: Suspect, NetworkSince: at(0)}, b: {Verdict: Suspect, NetworkSince: at(0)}}, 1, false, networkSuspected},
		{"one origin alone tells nothing", map[ID]State{a: failing(0)}, 1, false, networkWorks},
		{"one origin of two sites is one", map[ID]State{a: failing(0), {"herald", a.Origin}: failing(0)}, 1, false, networkWorks},
		{"another answered since", map[ID]State{a: failing(0), b: answering(1)}, 2, false, networkWorks},
		{"another has not answered since", map[ID]State{a: failing(0), b: answering(-1)}, 2, false, networkUnsure},
		{"another was never looked at", map[ID]State{a: failing(0), b: {Verdict: Unknown}}, 2, false, networkUnsure},
		{"doubt does not last", map[ID]State{a: failing(0), b: answering(-1)}, 10, false, networkWorks},
		{"an origin that fell before is no witness", map[ID]State{a: as(Blocked, failing(-3600)), b: failing(0)}, 1, false, networkWorks},
		{"nor is one in probation", map[ID]State{a: as(Probation, failing(0)), b: failing(0)}, 1, false, networkWorks},
		{"beside two witnesses it does not matter that it began earlier", map[ID]State{
			a: as(Blocked, failing(-3600)), b: failing(0), c: failing(1)}, 2, false, networkSuspected},
		{"but an answer from it proves the network", map[ID]State{
			a: as(Hijacked, answering(1)), b: failing(0), c: failing(0)}, 2, false, networkWorks},
		{"nobody fails", map[ID]State{a: answering(0), b: answering(0)}, 1, false, networkWorks},
		{"nobody is there", nil, 1, false, networkWorks},
		{"once suspected, an origin that was added later changes nothing", map[ID]State{a: failing(0), b: failing(0), c: failing(600)}, 601, true, networkSuspected},
		{"once suspected, one answer ends it", map[ID]State{a: failing(0), b: failing(0), c: answering(600)}, 600, true, networkWorks},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := judged(voices(test.origins), at(test.now), test.suspected, control{})
			require.Equal(t, test.want, got.network)
			require.Equal(t, test.want == networkSuspected, got.reason != "")
			require.Equal(t, test.want != networkWorks, !got.since.IsZero())
		})
	}
}

func TestControlLooksOutrankTheGuess(t *testing.T) {
	a, b := ID{"gazette", "https://a.example"}, ID{"gazette", "https://b.example"}
	failing := func(since float64) State {
		return State{Verdict: Suspect, NetworkSince: at(since), LastAnswer: at(-60)}
	}
	healthy := func(answered float64) State { return State{Verdict: Healthy, LastAnswer: at(answered)} }
	none := control{on: true}
	good := func(seconds float64) control { return control{on: true, at: at(seconds), ok: true} }
	bad := func(seconds float64) control { return control{on: true, at: at(seconds), reason: "no route"} }
	fallen := failing(0)
	fallen.Verdict = Down

	tests := []struct {
		name      string
		origins   map[ID]State
		now       float64
		suspected bool // before
		control   control
		want      network
	}{
		{"a single origin fails, and so does the control look", map[ID]State{a: failing(0)}, 2, false, bad(1), networkSuspected},
		{"for as long as it does", map[ID]State{a: failing(0)}, 3600, true, bad(3590), networkSuspected},
		{"a single origin fails, and the control look is good", map[ID]State{a: failing(0)}, 2, false, good(1), networkWorks},
		{"all fail at once, and the control look is good", map[ID]State{a: failing(0), b: failing(1)}, 2, false, good(1), networkWorks},
		{"which ends what was suspected", map[ID]State{a: failing(0), b: failing(1)}, 2, true, good(1), networkWorks},
		{"good before the last of them failed", map[ID]State{a: failing(0), b: failing(3)}, 4, false, good(2), networkUnsure},
		{"which does not end what was suspected", map[ID]State{a: failing(0), b: failing(3)}, 4, true, good(2), networkSuspected},
		{"failed before the failures began", map[ID]State{a: failing(5)}, 6, false, bad(4), networkUnsure},
		{"not taken yet", map[ID]State{a: failing(0)}, 14, false, none, networkUnsure},
		{"never taken", map[ID]State{a: failing(0)}, 15, false, none, networkWorks},
		{"never taken, and all fail at once", map[ID]State{a: failing(0), b: failing(0)}, 15, false, none, networkSuspected},
		{"one fails, and so does the control look", map[ID]State{a: failing(0), b: healthy(-1)}, 2, false, bad(1), networkSuspected},
		{"but an origin answered after it", map[ID]State{a: failing(0), b: healthy(2)}, 2, false, bad(1), networkWorks},
		{"or before it, but after the failures began", map[ID]State{a: failing(0), b: healthy(0.5)}, 2, false, bad(1), networkSuspected},
		{"an origin answered, and the control look is not taken", map[ID]State{a: failing(0), b: healthy(1)}, 2, false, none, networkWorks},
		{"nobody in use fails, whatever the control look says", map[ID]State{a: fallen, b: healthy(-1)}, 2, false, bad(1), networkWorks},
		{"control looks that are off say nothing", map[ID]State{a: failing(0)}, 2, false, control{at: at(1)}, networkWorks},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := judged(voices(test.origins), at(test.now), test.suspected, test.control)
			require.Equal(t, test.want, got.network)
			if got.network == networkSuspected && !test.control.ok && !test.control.at.IsZero() {
				require.Contains(t, got.reason, "(no route)")
			}
		})
	}
}

func TestSuspicionSaysWhatHappened(t *testing.T) {
	got := judged(voices(map[ID]State{
		{"gazette", "a"}: {Verdict: Suspect, NetworkSince: at(2)},
		{"gazette", "b"}: {Verdict: Suspect, NetworkSince: at(5)},
	}), at(5), false, control{})
	require.Equal(t, at(2), got.since)
	require.True(t, strings.HasPrefix(got.reason, "all 2 origins stopped answering within 3s"), got.reason)
}
