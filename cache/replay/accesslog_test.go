package replay_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/cache/replay"
)

func TestALineOfALogIsRead(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 1, 0, time.UTC)
	get := replay.Line{At: at, Method: "GET", Key: cache.KeyOf("", "/news?page=2"), Status: 200, Bytes: 9000}
	hosted := get
	hosted.Key = cache.KeyOf("www.gazette.example:443", "/news?page=2")
	nothing := get
	nothing.Status, nothing.Bytes = 304, 0
	ours := replay.Line{At: at, Method: "GET", Key: cache.KeyOf("gazette", "/news"), Status: 200, Bytes: 9000, Result: cache.Hit, Cut: true}
	for _, c := range []struct {
		name, text string
		line       replay.Line
	}{
		{"common", `192.0.2.1 - - [01/Mar/2026:12:00:01 +0000] "GET /news?page=2 HTTP/1.1" 200 9000`, get},
		{"combined", `192.0.2.1 - ann [01/Mar/2026:12:00:01 +0000] "GET /news?page=2 HTTP/2.0" 200 9000 "https://elsewhere.example/ \"x\" [y]" "agent"`, get},
		{"with more behind it", `192.0.2.1 - - [01/Mar/2026:12:00:01 +0000] "GET /news?page=2 HTTP/1.1" 200 9000 "-" "-" 0.003 HIT`, get},
		{"with the virtual host in front", `www.gazette.example:443 2001:db8::1 - - [01/Mar/2026:12:00:01 +0000] "GET /news?page=2 HTTP/1.1" 200 9000`, hosted},
		{"from HTTP/0.9", `192.0.2.1 - - [01/Mar/2026:12:00:01 +0000] "GET /news?page=2" 200 9000`, get},
		{"without a size", `192.0.2.1 - - [01/Mar/2026:12:00:01 +0000] "GET /news?page=2 HTTP/1.1" 304 -`, nothing},
		{
			"an edge's", `{"time":"2026-03-01T12:00:01Z","level":"INFO","msg":"request","site":"gazette","method":"GET","path":"/news",` +
				`"proto":"HTTP/1.1","status":200,"bytes":9000,"cache":"hit","seconds":0.001,"reader":"192.0.2.0/24","aborted":true}`, ours,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			line, reason := replay.ParseLine(c.text)
			require.Empty(t, reason)
			require.True(t, c.line.At.Equal(line.At))
			line.At = c.line.At
			require.Equal(t, c.line, line)
		})
	}
}

func TestWhatIsNoLineOfALogIsSaidToBeNone(t *testing.T) {
	for text, reason := range map[string]replay.Reason{
		"hello":   replay.ReasonBroken,
		`{"msg":`: replay.ReasonBroken,
		`{"time":"2026-03-01T12:00:01Z","msg":"request"}`:                                 replay.ReasonBroken,
		`{"time":"2026-03-01T12:00:01Z","msg":"the edge is ready"}`:                       replay.ReasonOther,
		`192.0.2.1 - - [01/Mar/2026:12:00:01 +0000] "\x16\x03\x01" 400 226`:               replay.ReasonBroken,
		`192.0.2.1 - - [01/Mar/2026:12:00:01 +0000] "GET /news HTTP/1.1`:                  replay.ReasonBroken,
		`192.0.2.1 - - [01/Mar/2026:12:00:01 +0000] "GET /news HTTP/1.1" 200`:             replay.ReasonBroken,
		`192.0.2.1 - - [01/Mar/2026:12:00:01 +0000] "GET /news HTTP/1.1" 200 -5`:          replay.ReasonBroken,
		`192.0.2.1 - - [01/Mar/2026:12:00:01 +0000] "GET /news HTTP/1.1" OK 5`:            replay.ReasonBroken,
		`192.0.2.1 - - [yesterday] "GET /news HTTP/1.1" 200 5`:                            replay.ReasonBroken,
		`192.0.2.1 - - [01/Mar/2026:12:00:01 +0000] "GET news?page=2 HTTP/1.1" 200 226 -`: replay.ReasonBroken,
	} {
		_, got := replay.ParseLine(text)
		require.Equal(t, reason, got, text)
	}
}

func TestOnlyWhatMayBeStoredIsReplayed(t *testing.T) {
	page := replay.Line{Method: "GET", Status: 200}
	for _, c := range []struct {
		change func(l *replay.Line)
		reason replay.Reason
	}{
		{func(*replay.Line) {}, ""},
		{func(l *replay.Line) { l.Status = 404 }, ""},
		{func(l *replay.Line) { l.Status = 304 }, ""},
		{func(l *replay.Line) { l.Result = cache.Miss }, ""},
		{func(l *replay.Line) { l.Status = 302 }, replay.ReasonStatus},
		{func(l *replay.Line) { l.Status = 500 }, replay.ReasonStatus},
		{func(l *replay.Line) { l.Method = "HEAD" }, replay.ReasonMethod},
		{func(l *replay.Line) { l.Method = "POST" }, replay.ReasonMethod},
		{func(l *replay.Line) { l.Result = cache.Bypass }, replay.ReasonBypass},
		{func(l *replay.Line) { l.Result = cache.Failed }, replay.ReasonBypass},
	} {
		line := page
		c.change(&line)
		require.Equal(t, c.reason, line.Storable(), "%+v", line)
	}
}

// FuzzParseLine shows that whatever a log has, a line of it is read or refused: never both,
// and never with a size below nothing.
func FuzzParseLine(f *testing.F) {
	f.Add(`192.0.2.1 - - [01/Mar/2026:12:00:01 +0000] "GET /news HTTP/1.1" 200 9000 "-" "\"-"`)
	f.Add(`{"time":"2026-03-01T12:00:01Z","msg":"request","path":"/","status":200,"bytes":-1}`)
	f.Fuzz(func(t *testing.T, text string) {
		line, reason := replay.ParseLine(text)
		if reason != "" {
			require.Zero(t, line)
			return
		}
		require.GreaterOrEqual(t, line.Bytes, int64(0))
		require.Less(t, line.Bytes, int64(1<<44))
		require.NotEmpty(t, line.Key.Target())
	})
}
