package probe

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/canary"
)

// newspaper answers for a page and its canary, each of which may change.
type newspaper struct {
	mu     sync.Mutex
	page   func(net.Conn)
	canary func(net.Conn)
	asked  []string // the paths, in their order
}

// answer serves one connection.
func (n *newspaper) answer(c net.Conn) {
	path, _, _ := strings.Cut(strings.TrimPrefix(hear(c), "GET "), " ")
	n.mu.Lock()
	n.asked = append(n.asked, path)
	f := n.page
	if path == canary.Path || path == "/proof.txt" {
		f = n.canary
	}
	n.mu.Unlock()
	f(c)
}

// shows makes the newspaper's canary the given one.
func (n *newspaper) shows(f func(net.Conn)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.canary = f
}

// paths is what was asked for since it was last called.
func (n *newspaper) paths() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	asked := n.asked
	n.asked = nil
	return asked
}

// writes answers with the parts, to what was heard already.
func writes(parts ...string) func(net.Conn) {
	return func(c net.Conn) {
		for _, p := range parts {
			_, _ = io.WriteString(c, p)
		}
	}
}

// writesForever is a body without end.
func writesForever(first, piece string) func(net.Conn) {
	return func(c net.Conn) {
		_, err := io.WriteString(c, first)
		for err == nil {
			_, err = io.WriteString(c, piece)
		}
	}
}

// keyOf is the same key for the same first byte of its seed.
func keyOf(t *testing.T, site string, first byte) canary.SigningKey {
	t.Helper()
	key, err := canary.NewSigningKey(site, strings.NewReader(string(first)+strings.Repeat("s", 31)))
	require.NoError(t, err)
	return key
}

// signed is the text of a canary that began an hour ago and lasts for so long.
func signed(t *testing.T, key canary.SigningKey, sequence uint64, lasts time.Duration) string {
	t.Helper()
	issued := time.Now().Add(-time.Hour)
	c, err := canary.Sign(canary.Canary{Site: key.Site(), Sequence: sequence, Issued: issued, Expires: issued.Add(lasts)}, key)
	require.NoError(t, err)
	return c.String()
}

// publication serves a newspaper whose canary is wanted.
func publication(t *testing.T) (*newspaper, Target) {
	n := &newspaper{page: writes(whole(200, "", page))}
	target := serve(t, "http", n.answer)
	target.Canary = &CanaryCheck{Site: "gazette", Key: keyOf(t, "gazette", 'a').Public(), Seen: canary.NewMemory()}
	return n, target
}

func TestWhatACanaryMayBe(t *testing.T) {
	const week = 7 * 24 * time.Hour
	ours := keyOf(t, "gazette", 'a')
	good := signed(t, ours, 7, week)
	const invalid, stale = health.CanaryInvalid, health.CanaryStale
	for _, test := range []struct {
		name   string
		canary func(net.Conn)
		class  health.Class
		stage  health.Stage
		reason string
	}{
		{"good", writes(whole(200, "", good)), health.OK, "", ""},
		{"in chunks", writes(chunked(good[:30], good[30:], "")), health.OK, "", ""},
		{"in gzip", writes(whole(200, "Content-Encoding: gzip\r\n", zipped(good))), health.OK, "", ""},
		{"with CRLF", writes(whole(200, "", strings.ReplaceAll(good, "\n", "\r\n"))), health.OK, "", ""},
		{"as HTML", writes(whole(200, "Content-Type: text/html\r\n", good)), health.OK, "", ""},

		{"not there", writes(whole(404, "", "no such page")), invalid, health.StageIdentity, "the canary: the answer is 404 Not Found"},
		{"forbidden", writes(whole(403, "", good)), invalid, health.StageIdentity, "the canary: the answer is 403 Forbidden"},
		{"no content", writes("HTTP/1.1 204 No Content\r\n\r\n"), invalid, health.StageIdentity, "the canary: the answer is 204 No Content"},
		{"empty", writes(whole(200, "", "")), invalid, health.StageIdentity, "its first line is not"},
		{"a page", writes(whole(200, "", page)), invalid, health.StageIdentity, "its first line is not"},
		{"changed", writes(whole(200, "", strings.Replace(good, "sequence: 7", "sequence: 8", 1))), invalid, health.StageIdentity, "it was signed with another key"},
		{"another key's", writes(whole(200, "", signed(t, keyOf(t, "gazette", 'b'), 7, week))), invalid, health.StageIdentity, "it was signed with another key"},
		{"another site's", writes(whole(200, "", signed(t, keyOf(t, "tribune", 'a'), 7, week))), invalid, health.StageIdentity, `it is for the site "tribune"`},
		{"a redirect that says nothing", writes(whole(302, "", "")), health.RedirectLoop, health.StageRequest, "the canary: a redirect (302) that does not say where to"},
		{"a redirect to itself", writes(whole(301, "Location: "+canary.Path+"\r\n", "")), health.RedirectLoop, health.StageRequest, "the canary: a redirect to itself"},
		{"a redirect to another origin", writes(whole(301, "Location: https://mirror.example/\r\n", "")), health.RedirectLoop, health.StageRequest, "the canary: it redirects to mirror.example, another address of the publication"},
		{"a redirect off the site", writes(whole(302, "Location: https://seized.example/\r\n", "")), invalid, health.StageIdentity, `the answer is 302, a redirect to "https://seized.example/"`},
		{"endless", writesForever("HTTP/1.1 200 OK\r\n\r\n"+good, "note: and on\n"), invalid, health.StageIdentity, "it has more than 4096 bytes"},
		{"a bomb", writes(whole(200, "Content-Encoding: gzip\r\n", zipped(strings.Repeat("0", 1<<20)))), invalid, health.StageIdentity, "it has more than 4096 bytes"},
		{"endless gzip", writesForever("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", zipped("and on")), invalid, health.StageIdentity, "its first line is not"},
		{"in a coding that nobody asked for", writes(whole(200, "Content-Encoding: br\r\n", "\x0b\x02\x80")), invalid, health.StageIdentity, "its first line is not"},
		{"expired", writes(whole(200, "", signed(t, ours, 7, time.Minute))), stale, health.StageIdentity, "the canary: it expired at "},

		{"an error of the server", writes(whole(503, "", "")), health.ServerError, health.StageRequest, "the canary: the answer is 503"},
		{"too many requests", writes(whole(429, "", "")), health.RateLimited, health.StageRequest, "the canary: the answer is 429"},
		{"a loop", writes(whole(508, "", "")), health.LoopDetected, health.StageRequest, "the canary: "},
		{"a reset", reset, health.RequestReset, health.StageRequest, "the canary: "},
		{"not HTTP", writes("SSH-2.0-OpenSSH_9.9\r\n"), health.ProtocolError, health.StageRequest, "the canary: "},
		{"cut", writes("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + good), health.BodyTruncated, health.StageBody, "the canary: "},
		{"gzip that is none", writes(whole(200, "Content-Encoding: gzip\r\n", good)), health.ProtocolError, health.StageBody, "the canary: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			n, target := publication(t)
			target.Elsewhere = []string{"mirror.example"}
			n.shows(test.canary)
			r := One(t.Context(), target, loopback)
			require.Equal(t, test.class, r.Class, r.Reason)
			require.Equal(t, test.stage, r.Stage)
			require.Contains(t, r.Reason, test.reason)
			require.LessOrEqual(t, len(r.Reason), maxReason+len("…"))
			require.Equal(t, []string{"/", canary.Path}, n.paths())
			require.Equal(t, test.class == health.OK, target.Canary.Seen.Newest("gazette", target.Canary.Key).Sequence == 7,
				"only a good one is noted")
		})
	}
}

func TestASilentCanaryIsATimeout(t *testing.T) {
	n, target := publication(t)
	n.shows(silent)
	r := One(t.Context(), target, loopback)
	require.Equal(t, health.FirstByteTimeout, r.Class, r.Reason)
	require.Contains(t, r.Reason, "the canary: ")
}

func TestAnOldCanaryAfterANewOneIsStale(t *testing.T) {
	ours := keyOf(t, "gazette", 'a')
	older, newer := signed(t, ours, 7, 48*time.Hour), signed(t, ours, 8, 48*time.Hour)
	n, target := publication(t)
	look := func(text string) Result {
		n.shows(writes(whole(200, "", text)))
		return First(t.Context(), target)
	}
	for _, text := range []string{older, newer, newer} {
		require.Equal(t, health.OK, look(text).Class)
	}
	r := look(older)
	require.Equal(t, health.CanaryStale, r.Class, r.Reason)
	require.Equal(t, "the canary: its sequence is 7, and 8 was seen before", r.Reason)
	require.Equal(t, health.OK, look(newer).Class)

	target.Canary.Lag = 2 * time.Hour // of which one has gone by
	require.Equal(t, health.OK, look(older).Class)
}

func TestOneOriginsCanaryIsHeldAgainstAnothers(t *testing.T) {
	ours := keyOf(t, "gazette", 'a')
	current, primary := publication(t)
	behind, alternate := publication(t)
	alternate.Canary = primary.Canary
	current.shows(writes(whole(200, "", signed(t, ours, 8, 48*time.Hour))))
	behind.shows(writes(whole(200, "", signed(t, ours, 7, 48*time.Hour))))
	require.Equal(t, health.OK, First(t.Context(), alternate).Class, "nothing newer was seen yet")
	require.Equal(t, health.OK, First(t.Context(), primary).Class)
	require.Equal(t, health.CanaryStale, First(t.Context(), alternate).Class)
}

func TestMarkerAndCanaryMustBothHold(t *testing.T) {
	good := writes(whole(200, "", signed(t, keyOf(t, "gazette", 'a'), 7, 48*time.Hour)))
	redesigned := writes(whole(200, "", "<html><title>Everything is new</title></html>"))

	n, target := publication(t)
	n.page = redesigned
	n.shows(good)
	require.Equal(t, health.IdentityMissing, First(t.Context(), target).Class)
	require.Equal(t, []string{"/"}, n.paths(), "the canary would change nothing")

	target.Contains = nil
	require.Equal(t, health.OK, First(t.Context(), target).Class, "a redesign passes by the canary alone")
	require.Equal(t, []string{"/", canary.Path}, n.paths())

	n.shows(writes(whole(404, "", "")))
	require.Equal(t, health.CanaryInvalid, First(t.Context(), target).Class)
}

func TestAPageElsewhereOnTheSiteStillNeedsTheCanary(t *testing.T) {
	n, target := publication(t)
	target.Hosts = []string{"gazette.example.ir"}
	n.page = writes(whole(302, "Location: https://gazette.example.ir/news\r\n", ""))
	n.shows(writes(whole(404, "", "")))
	require.Equal(t, health.CanaryInvalid, First(t.Context(), target).Class)
}

func TestACanaryMayStandElsewhere(t *testing.T) {
	n, target := publication(t)
	target.Canary.Path = "/proof.txt"
	n.shows(writes(whole(200, "", signed(t, keyOf(t, "gazette", 'a'), 7, 48*time.Hour))))
	require.Equal(t, health.OK, First(t.Context(), target).Class)
	require.Equal(t, []string{"/", "/proof.txt"}, n.paths())
}

func TestTheCanaryComesOverTheSameVerifiedTLS(t *testing.T) {
	ours := newAuthority(t)
	n := &newspaper{page: writes(whole(200, "", page))}
	n.shows(writes(whole(200, "", signed(t, keyOf(t, "gazette", 'a'), 7, 48*time.Hour))))
	target := serve(t, "https", over(ours.sign(t, name, time.Now().Add(time.Hour)), n.answer))
	target.Roots = ours.pool
	target.Canary = &CanaryCheck{Site: "gazette", Key: keyOf(t, "gazette", 'a').Public(), Seen: canary.NewMemory()}
	r := First(t.Context(), target)
	require.Equal(t, health.OK, r.Class, r.Reason)
	require.Equal(t, []string{"/", canary.Path}, n.paths())
	require.NotNil(t, r.Certificate)
	require.Equal(t, int64(len(page)), r.BodyBytes, "the facts are the page's")
}
