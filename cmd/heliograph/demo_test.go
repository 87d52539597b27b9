package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health/lab"
)

// waitLong bounds what a test waits for; it is reached only by a failure.
const waitLong = 30 * time.Second

// startStage opens a stage on free ports that is closed with the test, and looks
// for what it leaves behind.
func startStage(t *testing.T) *stage {
	t.Helper()
	none := goleak.IgnoreCurrent()
	s, err := openStage(stageOptions{http: "127.0.0.1:0", admin: "127.0.0.1:0", notes: io.Discard})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.close())
		require.NoDirExists(t, s.directory)
		goleak.VerifyNone(t, none)
	})
	return s
}

// runDemo runs the command with a line of arguments and nothing to read.
func runDemo(ctx context.Context, line string) (out, notes string, err error) {
	var said, noted bytes.Buffer
	root := rootCommand()
	root.SetIn(strings.NewReader(""))
	root.SetOut(&said)
	root.SetErr(&noted)
	root.SetArgs(append([]string{"demo"}, strings.Fields(line)...))
	err = root.ExecuteContext(ctx)
	return said.String(), noted.String(), err
}

func TestTheStoryEndsWithEveryReaderServed(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	log := filepath.Join(t.TempDir(), "edge.log")
	out, _, err := runDemo(t.Context(), "--for 7s --script --log "+log)
	require.NoError(t, err, out)
	for _, part := range gazetteStory() {
		require.Contains(t, out, part.title)
	}
	require.Regexp(t, `(?m)^  failed +0 *$`, out)
	require.Regexp(t, `(?m)^  foreign +0 *$`, out)
	require.Regexp(t, `(?m)^  from primary +[1-9]`, out)
	require.Contains(t, out, "Every reader got the newspaper, every time.")
	logged, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Contains(t, string(logged), "readers moved")
}

func TestTheStoryInJSONIsNothingButTheSummary(t *testing.T) {
	out, _, err := runDemo(t.Context(), "--for 3s --script --json")
	require.NoError(t, err, out)
	var told summary
	decoder := json.NewDecoder(strings.NewReader(out))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&told))
	require.Len(t, told.Scenes, len(gazetteStory()))
	var requests, from int64
	for _, part := range told.Scenes {
		requests += part.Requests
	}
	for _, n := range told.Origins {
		from += n
	}
	require.Positive(t, told.Requests)
	require.LessOrEqual(t, requests, told.Requests)
	require.Equal(t, told.Requests, told.Cached+from, "every good answer came from somewhere")
	require.NotNil(t, told.Mishaps)
}

func TestTheStoryFailsWhenAReaderSeesAnError(t *testing.T) {
	s := startStage(t)
	require.NoError(t, s.put("all", lab.Down)) // before anything was stored
	told, err := tellStory(t.Context(), s, []scene{{title: "nothing is there", share: 1}}, time.Second, io.Discard)
	require.NoError(t, err)
	require.Positive(t, told.Failed)
	require.NotEmpty(t, told.Mishaps)
	var quiet *quietError
	require.ErrorAs(t, told.verdict(), &quiet)
	var table bytes.Buffer
	require.NoError(t, told.writeTable(&table, s.aliases()))
	require.Contains(t, table.String(), "Not as it should be: a reader saw an error or a foreign page.")
	require.Contains(t, table.String(), "the status is 50")
}

func TestAnInterruptedStoryEndsAtOnceAndSaysSo(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	out, _, err := runDemo(ctx, "--for 1h --script")
	var quiet *quietError
	require.ErrorAs(t, err, &quiet)
	require.Contains(t, out, "the story was cut short")
}

func TestReadersAskOnlyForStoredPagesWhileAllIsDown(t *testing.T) {
	s := startStage(t)
	story := []scene{
		{title: "well", share: 1},
		{title: "down", share: 1, stored: true, changes: []change{{"all", lab.Down}}},
		{title: "restored", share: 1, changes: []change{{"all", lab.NoFault}}},
	}
	told, err := tellStory(t.Context(), s, story, 4*time.Second, io.Discard)
	require.NoError(t, err)
	require.Zero(t, told.Failed+told.Foreign, "%v", told.Mishaps)
	require.Positive(t, told.Scenes[1].Cached)
	underWay := int64(s.reader.Concurrency) // when the scene began
	require.LessOrEqual(t, told.Scenes[1].Requests-told.Scenes[1].Cached, underWay)
}

func TestTheDemonstrationShowsChangesAndObeys(t *testing.T) {
	s := startStage(t)
	var out buffer
	l := newLive(s, &out)
	lines := make(chan string)
	done := make(chan error, 1)
	go func() { done <- l.run(t.Context(), lines) }()
	says := func(text string) {
		t.Helper()
		require.Eventually(t, func() bool { return strings.Contains(out.String(), text) }, waitLong, 10*time.Millisecond)
	}
	lines <- "b p block-page"
	says("primary is broken: every path answers 200 with a provider's block page")
	says("readers moved from primary to alternate1")
	lines <- "break primary hiccups"
	says(`no fault is named "hiccups": type faults to list them`)
	lines <- "faults"
	says(strings.Join(faultLines(""), "\n"))
	lines <- "m"
	says("primary is mended")
	says("last 1 s: ")
	lines <- "q"
	require.NoError(t, <-done)
	tally := s.reader.Tally()
	require.Zero(t, tally.Failed+tally.Foreign, "%v", tally.Events)
}

func TestTheLabIsOnTheAdminAPI(t *testing.T) {
	s := startStage(t)
	_, body := fetch(t, s.admin+"/api/v1/lab/")
	require.Contains(t, body, `"alias":"alternate2"`)
	require.Contains(t, body, `"name":"demo"`)
	_, page := fetch(t, s.front+"/")
	require.Contains(t, page, lab.Marker)
}

func TestATakenPortIsReplacedAndSaid(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	var notes bytes.Buffer
	require.Equal(t, "127.0.0.1:0", untaken("http", taken.Addr().String(), &notes))
	require.Contains(t, notes.String(), taken.Addr().String()+" is taken by another program")
	require.Contains(t, notes.String(), "--http")
	notes.Reset()
	require.Equal(t, "nonsense", untaken("http", "nonsense", &notes))
	require.Empty(t, notes.String())
}

func TestTheConfigurationOfTheDemonstrationIsAnOrdinaryOne(t *testing.T) {
	s := startStage(t)
	file, err := configs.Load(filepath.Join(s.directory, "heliograph.yaml"))
	require.NoError(t, err)
	require.NoError(t, file.CheckFiles())
	require.Len(t, file.Sites[0].Origins, 3)
	for i, o := range s.lab.Origins() {
		require.Equal(t, o.URL(), file.Sites[0].Origins[i].URL.String())
		require.Equal(t, s.lab.Local().UDP(), file.Sites[0].Origins[i].Resolver.String())
	}
	require.Equal(t, s.lab.Control().TCP(), file.Control.Resolvers[0].String())
	require.Len(t, file.Control.URLs, 1)
	require.Equal(t, []string{lab.Marker}, file.Sites[0].Identity.Contains)
	require.Equal(t, s.lab.CanaryKey(), file.Sites[0].Identity.Canary.Key)
}

func TestDemoRefusesFlagsThatDoNotFit(t *testing.T) {
	for _, test := range []struct{ line, says string }{
		{"--json", "--json sums up a story"},
		{"--for -1s", "give a time above zero"},
		{"now", "unknown command"},
	} {
		_, _, err := runDemo(t.Context(), test.line)
		var usage *usageError
		require.ErrorAs(t, err, &usage, test.line)
		require.ErrorContains(t, err, test.says)
	}
	_, _, err := runDemo(t.Context(), "--script --admin 192.0.2.1:1")
	var refusal *configs.Refusal
	require.ErrorAs(t, err, &refusal)
}

func TestDemoCannotWriteItsLogAndLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	_, _, err := runDemo(t.Context(), "--script --log "+filepath.Join(t.TempDir(), "none", "edge.log"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestTheDrawnViewLeavesWhatIsBeingTypedAlone(t *testing.T) {
	s := startStage(t)
	var out bytes.Buffer
	l := newLive(s, &out)
	l.drawn = true // as on a terminal
	l.begin()
	require.True(t, strings.HasPrefix(out.String(), clearScreen))
	require.True(t, strings.HasSuffix(out.String(), "> "), "the first view has a prompt")
	out.Reset()
	l.show()
	require.True(t, strings.HasPrefix(out.String(), savePlace+toTop))
	require.True(t, strings.HasSuffix(out.String(), returnThere))
	out.Reset()
	require.Equal(t, verbBreak, l.order("b 2 slow"))
	require.Contains(t, out.String(), "alternate2 is broken: every answer begins late")
	require.True(t, strings.HasSuffix(out.String(), clearBelow+"> "), "a new prompt after a command")
	out.Reset()
	require.Equal(t, verbFaults, l.order("faults"))
	require.Contains(t, out.String(), "canary-rollback")
	require.True(t, strings.HasSuffix(out.String(), "Enter leads back.\n> "))
	out.Reset()
	l.show()
	require.Empty(t, out.String(), "the page stays while it is read")
	l.order("")
	require.True(t, strings.HasPrefix(out.String(), clearScreen+toTop))
	require.Contains(t, out.String(), "ORIGIN")
	out.Reset()
	l.end()
	require.Contains(t, out.String(), wrapAgain)
}
