package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/proxy"
	"github.com/heliograph-edge/heliograph/proxy/console"
)

// sweeping is an admin API whose purges are at work until they were asked about that often. It
// returns its address, and how often they were.
func sweeping(t *testing.T, looks int64) (admin string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := console.PurgeStatus{ID: 7, What: "tag \"news\"", Mode: "hard", State: console.PurgeRunning}
		if r.Method == http.MethodGet && asked.Add(1) >= looks {
			status.State, status.Matched, status.Bytes = console.PurgeDone, 12, 2048
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(status)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return strings.TrimPrefix(server.URL, "http://"), asked
}

func TestAPurgeThatIsSoonDoneIsCountedAlsoWhereNobodyWaits(t *testing.T) {
	admin, asked := sweeping(t, 3)
	flags := &purgeFlags{tags: []string{"news"}, admin: admin, notes: new(bytes.Buffer)}
	var out bytes.Buffer
	require.NoError(t, flags.run(t.Context(), &out, []proxy.PurgeOrder{{Tag: "news"}}))
	require.Regexp(t, `tag "news" +hard +12 +2\.0 KiB +done\n$`, out.String())
	require.EqualValues(t, 3, asked.Load())
}

func TestAPurgeThatTakesLongIsLeftToTheBackground(t *testing.T) {
	admin, asked := sweeping(t, 1000)
	flags := &purgeFlags{tags: []string{"news"}, admin: admin, notes: new(bytes.Buffer)}
	var out bytes.Buffer
	require.NoError(t, flags.run(t.Context(), &out, []proxy.PurgeOrder{{Tag: "news"}}))
	require.Regexp(t, `tag "news" +hard +- +- +in the background, id 7\nReaders get nothing`, out.String())
	require.EqualValues(t, 4, asked.Load(), "after 10, 20, 40 and 80 ms")
}

func TestPurgeSaysOfAllOrdersWhatIsTrueOfThem(t *testing.T) {
	running := purged{Purge: &console.PurgeStatus{State: console.PurgeRunning}}
	nothing, some := purged{Purge: &console.PurgeStatus{State: console.PurgeDone}}, purged{Purge: &console.PurgeStatus{State: console.PurgeDone, Matched: 1}}
	failed := purged{Error: "no such site"}
	for _, c := range []struct {
		name      string
		results   []purged
		soft, dry bool
		begins    string
	}{
		{"hard, in the background", []purged{some, running}, false, false, "Readers get nothing of it any more"},
		{"soft, in the background", []purged{running}, true, false, "The pages stay, and are stale from now on"},
		{"hard, done", []purged{some}, false, false, ""},
		{"nothing matched", []purged{nothing, nothing}, false, false, "Nothing stored matched"},
		{"nothing matched, one failed", []purged{nothing, failed}, false, false, ""},
		{"a dry run", []purged{some, failed}, false, true, "Nothing was done: leave out --dry-run"},
		{"a dry run that failed", []purged{failed}, false, true, ""},
		{"all failed", []purged{failed, failed}, true, false, ""},
	} {
		note := purgeNote(c.results, c.soft, c.dry)
		require.True(t, strings.HasPrefix(note, c.begins), "%s: %s", c.name, note)
		require.Equal(t, c.begins == "", note == "", c.name)
	}
}

func TestPurgeRefusesWhatIsGivenAndEmpty(t *testing.T) {
	for name, args := range map[string][]string{
		"a URL is empty": {"/news", ""}, "--tag is empty": {"--tag", ""}, "--prefix is empty": {"--prefix", " "},
		"--site is empty": {"--site", "", "--tag", "news"},
	} {
		var out bytes.Buffer
		root := rootCommand()
		root.SetOut(&out)
		root.SetErr(&out)
		root.SetArgs(append([]string{"purge", "--admin", "127.0.0.1:1"}, args...))
		err := root.ExecuteContext(t.Context())
		var usage *usageError
		require.ErrorAs(t, err, &usage, "exit 2: %s", name)
		require.ErrorContains(t, err, name)
	}
}

func TestAnExplanationSaysWhichBytesAreHeldAndWhyNoneAre(t *testing.T) {
	complete := int64(1000)
	parts := &console.PartsStatus{Complete: &complete, Spans: []console.SpanStatus{{First: 0, Last: 99}, {First: 500, Last: 500}}}
	require.Regexp(t, `  bytes held +0-99, 500-500 of 1000\n`, pageText(1, console.PageStatus{Partial: true, Parts: parts}))
	parts.Complete = nil
	require.Contains(t, pageText(1, console.PageStatus{Partial: true, Parts: parts}), "500-500 of a length that the origin does not tell")
	require.NotContains(t, pageText(1, console.PageStatus{}), "bytes held")
	refused := &console.RefusedStatus{Reason: "private", Meaning: "It is meant for one reader."}
	require.Contains(t, explanationText(console.ExplainStatus{Refused: refused}), "ago. It is meant for one reader.\n")
}
