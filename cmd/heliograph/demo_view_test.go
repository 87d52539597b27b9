package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/lab"
)

// noon is when the sights of these tests are seen.
var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// sightOf is a stage whose primary is blocked and whose readers are on the alternate.
func sightOf() sight {
	return sight{at: noon, origins: []originSight{
		{alias: "primary", host: "www.gazette.example", fault: lab.Reset, verdict: health.Blocked, class: health.TLSReset, since: noon.Add(-75 * time.Second)},
		{alias: "alternate1", host: "gazette.example.net", verdict: health.Healthy, class: health.OK, since: noon.Add(-2 * time.Minute), active: true},
		{alias: "alternate2", host: "gazette.example.org", verdict: health.Unknown},
	}, tally: lab.Tally{Requests: 100, Cached: 80, Origins: map[string]int64{"primary": 12, "alternate1": 8}}}
}

func TestTheViewIsAligned(t *testing.T) {
	v := view{
		front: "http://127.0.0.1:8080", admin: "http://127.0.0.1:8081", log: "edge.log", now: sightOf(), span: 5 * time.Second,
		lately: lab.Tally{Requests: 40, Failed: 1, Cached: 30, Origins: map[string]int64{"alternate1": 9}, Latency: lab.Latency{P50: .0004, P99: .0123}},
		recent: []happening{{noon, "readers moved from primary to alternate1"}},
	}
	require.Equal(t, []string{
		"The Harbour Gazette   http://127.0.0.1:8080/   admin http://127.0.0.1:8081/   log edge.log",
		"",
		"  ORIGIN       HOST                  FAULT   VERDICT   CLASS       SINCE",
		"  primary      www.gazette.example   reset   blocked   tls_reset   1m15s",
		"▸ alternate1   gazette.example.net   -       healthy   ok          2m0s",
		"  alternate2   gazette.example.org   -       unknown   -           -",
		"",
		"  READERS    REQUESTS   FAILED   FOREIGN   FROM CACHE   PRIMARY   ALTERNATE1   ALTERNATE2   P50      P99",
		"  last 5 s   40         1        0         30           0         9            0            0.4 ms   12.3 ms",
		"  in all     100        0        0         80           12        8            0            0.0 ms   0.0 ms",
		"",
		"12:00:00  readers moved from primary to alternate1", "", "", "", "", "",
		"",
		"break ORIGIN FAULT · mend [ORIGIN] · clear ORIGIN · faults · help · quit     POST http://127.0.0.1:8081/api/v1/lab/primary/break?fault=down",
	}, v.lines())
}

func TestTheViewKeepsItsHeight(t *testing.T) {
	v := view{now: sightOf()}
	height := len(v.lines())
	require.Less(t, height, 23, "a terminal has 24 lines, one is for the prompt")
	for range 20 {
		v.recent = append(v.recent, happening{noon, "something happened"})
	}
	require.Len(t, v.lines(), height)
	for _, answer := range [][]string{orderLines, {"one line"}, {}} {
		require.LessOrEqual(t, len(answer), recentLines)
		v.answer = answer
		require.Len(t, v.lines(), height)
		require.NotContains(t, strings.Join(v.lines(), "\n"), "something happened")
	}
	for _, line := range append(faultLines(""), orderLines...) {
		require.Less(t, utf8.RuneCountInString(line), 100)
	}
}

func TestThePlainViewIsOneLine(t *testing.T) {
	v := view{now: sightOf(), span: time.Second, lately: lab.Tally{Requests: 40, Cached: 30, Origins: map[string]int64{"alternate1": 10}}}
	require.Equal(t, "12:00:00  last 1 s: 40 requests, 0 failed, 0 foreign, 30 from cache, 10 from origins; "+
		"readers on alternate1; primary blocked (tls_reset), alternate1 healthy, alternate2 unknown", v.plain())
}

func TestChangesAreTold(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*sight)
		told   []string
	}{
		{"nothing", func(*sight) {}, nil},
		{"a fault", func(s *sight) { s.origins[1].fault = lab.Down },
			[]string{"alternate1 is broken: the port is closed: connections are refused"}},
		{"a mended origin", func(s *sight) { s.origins[0].fault = lab.NoFault }, []string{"primary is mended"}},
		{"a verdict", func(s *sight) { s.origins[0].verdict, s.origins[0].class = health.Healthy, health.OK },
			[]string{"primary was blocked and is healthy"}},
		{"a fall", func(s *sight) { s.origins[1].verdict, s.origins[1].class = health.Down, health.ServerError },
			[]string{"alternate1 was healthy and is down (server_error)"}},
		{"a move", func(s *sight) { s.origins[1].active, s.origins[2].active = false, true },
			[]string{"readers moved from alternate1 to alternate2"}},
		{"an outage", func(s *sight) { s.outage = true }, []string{"no origin is of use: readers get what is stored"}},
		{"mishaps", func(s *sight) {
			s.tally.Failed, s.tally.Foreign = 2, 1
			s.tally.Events = []lab.Event{{Kind: "failed", Path: "/news", Detail: "the status is 502"}, {Kind: "moved"}}
		}, []string{"readers saw 2 failures and 1 foreign pages, the last at /news: the status is 502"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := sightOf()
			test.change(&now)
			require.Equal(t, test.told, now.changes(sightOf()))
		})
	}
	before := sightOf()
	before.outage = true
	require.Equal(t, []string{"an origin is of use again"}, sightOf().changes(before))
}

func TestOrdersAreRead(t *testing.T) {
	origins := []string{"primary", "alternate1", "alternate2"}
	for line, want := range map[string]order{
		"break primary block-page": {verb: verbBreak, origin: "primary", fault: lab.BlockPage},
		"b p down":                 {verb: verbBreak, origin: "primary", fault: lab.Down},
		" B 1  Slow ":              {verb: verbBreak, origin: "alternate1", fault: lab.Slow},
		"b all reset":              {verb: verbBreak, origin: "all", fault: lab.Reset},
		"mend primary":             {verb: verbMend, origin: "primary"},
		"m 2":                      {verb: verbMend, origin: "alternate2"},
		"mend":                     {verb: verbMend, origin: "all"},
		"read known":               {verb: verbRead, known: true},
		"r any":                    {verb: verbRead},
		"break p block page":       {verb: verbBreak, origin: "primary", fault: lab.BlockPage},
		"clear primary":            {verb: verbClear, origin: "primary"},
		"c 1":                      {verb: verbClear, origin: "alternate1"},
		"faults":                   {verb: verbFaults},
		"faults body":              {verb: verbFaults, stage: lab.StageBody},
		"?":                        {verb: verbHelp},
		"quit":                     {verb: verbQuit},
		"q":                        {verb: verbQuit},
	} {
		got, err := parseOrder(line, origins)
		require.NoError(t, err, line)
		require.Equal(t, want, got, line)
	}
	for line, says := range map[string]string{
		"":                  "type help",
		"smash primary":     `"smash" is no command: use break, mend, clear`,
		"break":             "break takes an origin and a fault",
		"break primary":     "break takes an origin and a fault",
		"break third down":  `no origin is named "third": use primary, alternate1, alternate2 or all`,
		"break primary odd": `no fault is named "odd": type faults to list them`,
		"mend 3":            `no origin is named "3"`,
		"clear":             "clear takes one origin",
		"clear all":         "clear takes one origin",
		"clear 7":           `no origin is named "7"`,
		"faults of mine":    `no stage is named "of mine": use one of [resolve connect`,
		"mend p 1":          "mend takes one origin",
		"read":              "read takes known or any",
	} {
		_, err := parseOrder(line, origins)
		require.ErrorContains(t, err, says, line)
	}
}

func TestLinesEndWithTheInputOrTheContext(t *testing.T) {
	lines := readLines(t.Context(), strings.NewReader("mend\nquit\n"))
	require.Equal(t, "mend", <-lines)
	require.Equal(t, "quit", <-lines)
	_, more := <-lines
	require.False(t, more)

	silent, held, err := os.Pipe() // as a terminal at which nobody types
	require.NoError(t, err)
	defer silent.Close()
	defer held.Close()
	ctx, cancel := context.WithCancel(t.Context())
	lines = readLines(ctx, silent)
	_, err = held.WriteString("help\n")
	require.NoError(t, err)
	require.Equal(t, "help", <-lines)
	cancel()
	_, more = <-lines
	require.False(t, more)
}

func TestTheExitCodeFollowsWhatReadersGot(t *testing.T) {
	for _, test := range []struct {
		name string
		sum  summary
		says string
	}{
		{"all good", summary{Requests: 10}, ""},
		{"a failure", summary{Requests: 10, Failed: 1}, "a reader saw an error or a foreign page"},
		{"a foreign page", summary{Requests: 10, Foreign: 1}, "a reader saw an error or a foreign page"},
		{"cut short", summary{Requests: 10, Interrupted: true}, "the story was cut short"},
		{"nobody there", summary{}, "no reader asked for anything"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.sum.verdict()
			if test.says == "" {
				require.NoError(t, err)
				return
			}
			var quiet *quietError
			require.ErrorAs(t, err, &quiet)
			require.ErrorContains(t, err, test.says)
		})
	}
}
