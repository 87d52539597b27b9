package probe

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/canary"
)

// after waits, and then goes on.
func after(wait time.Duration, then func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) { time.Sleep(wait); then(c) }
}

func TestASlowOriginHasAsMuchTimeForItsCanaryAsForItsPage(t *testing.T) {
	good := signed(t, keyOf(t, "gazette", 'a'), 7, 48*time.Hour)
	n, target := publication(t)
	target.Timeout = 2 * time.Second
	const most = 1200 * time.Millisecond
	n.page = after(most, writes(whole(200, "", page)))
	n.shows(after(most, writes(whole(200, "", good))))
	r := One(t.Context(), target, loopback)
	require.Equal(t, health.OK, r.Class, r.Reason)
	require.True(t, r.Proven)
}

func TestACanaryThatTheLooksTimeEndsIsSlow(t *testing.T) {
	for kind, test := range map[string]struct {
		canary   func(net.Conn)
		evidence string
	}{
		"no answer":     {silent, "waiting for the answer of "},
		"half of it":    {func(c net.Conn) { writes("HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\nhelio")(c); silent(c) }, "after 5 bytes"},
		"on its way":    {after(400*time.Millisecond, writes(whole(302, "Location: /late\r\n", ""))), "waiting for the answer of "},
		"in the header": {func(c net.Conn) { writes("HTTP/1.1 200 OK\r\nServ")(c); silent(c) }, "waiting for the answer of "},
	} {
		t.Run(kind, func(t *testing.T) {
			n, target := publication(t)
			n.page = func(c net.Conn) {
				if asked := n.paths(); asked[len(asked)-1] == "/late" {
					silent(c)
					return
				}
				writes(whole(200, "", page))(c)
			}
			target.Timeout = time.Second
			n.shows(test.canary)
			r := One(t.Context(), target, loopback)
			require.Equal(t, health.Slow, r.Class, r.Reason)
			require.Equal(t, health.StageBody, r.Stage)
			require.Equal(t, "the canary: it did not come within 1s, though nothing failed until then", r.Reason)
			require.Contains(t, r.Evidence[0], test.evidence)
			requireSteps(t, r)
		})
	}
}

func TestACanaryIsFollowedToWhereTheOriginLeads(t *testing.T) {
	ours := newAuthority(t)
	const apex = "gazette.example"
	good := writes(whole(200, "", signed(t, keyOf(t, "gazette", 'a'), 7, 48*time.Hour)))
	for _, test := range []struct {
		name   string
		to     string // PORT is the origin's
		valid  bool   // the certificate is for the other name too
		class  health.Class
		asked  []string
		reason string
	}{
		{"to the apex", "https://gazette.example:PORT/proof.txt", true, health.OK, []string{name, name, apex}, ""},
		{"below the apex", "https://en.gazette.example:PORT/proof.txt", true, health.OK, []string{name, name, "en." + apex}, ""},
		{"to another path", "/proof.txt", false, health.OK, []string{name, name, name}, ""},
		{"to the apex, which is somebody else's there", "https://gazette.example:PORT/proof.txt", false, health.RedirectLoop, []string{name, name}, "which the same address does not prove to be"},
		{"to the apex at a port that nobody named", "https://gazette.example:1/proof.txt", true, health.CanaryInvalid, []string{name, name}, "a redirect to"},
		{"round in a circle", "https://gazette.example:PORT" + canary.Path, true, health.RedirectLoop, []string{name, name, apex}, "a redirect to itself"},
		{"elsewhere", "https://mirror.gazette.example:PORT/proof.txt", true, health.RedirectLoop, []string{name, name}, "another address of the publication"},
		{"off the site", "https://seized.example/proof.txt", true, health.CanaryInvalid, []string{name, name}, "a redirect to"},
		{"off TLS", "http://gazette.example:PORT/proof.txt", true, health.CanaryInvalid, []string{name, name}, "a redirect to"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var port string
			hosts := make(chan string, 16)
			certificate := ours.sign(t, name, time.Now().Add(time.Hour))
			if test.valid {
				certificate = ours.sign(t, "*."+apex, time.Now().Add(time.Hour), apex)
			}
			target := serve(t, "https", over(certificate, func(c net.Conn) {
				asked := hear(c)
				_, host, _ := strings.Cut(asked, "\r\nHost: ")
				host, _, _ = strings.Cut(host, ":")
				hosts <- host
				switch path := strings.Fields(asked)[1]; path {
				case "/":
					writes(whole(200, "", page))(c)
				case canary.Path:
					writes(whole(301, "Location: "+strings.ReplaceAll(test.to, "PORT", port)+"\r\n", ""))(c)
				default:
					good(c)
				}
			}))
			port = target.URL.Port()
			target.Roots = ours.pool
			target.Hosts, target.Elsewhere = []string{apex + ":" + port}, []string{"mirror." + apex + ":" + port}
			target.Canary = &CanaryCheck{Site: "gazette", Key: keyOf(t, "gazette", 'a').Public(), Seen: canary.NewMemory()}
			r := One(t.Context(), target, loopback)
			require.Equal(t, test.class, r.Class, r.Reason)
			require.Equal(t, r.OK(), r.Proven)
			require.Contains(t, r.Reason, test.reason)
			close(hosts)
			var asked []string
			for host := range hosts {
				asked = append(asked, host)
			}
			require.Equal(t, test.asked, asked)
			require.Equal(t, test.class, r.Steps[len(r.Steps)-1].Class)
		})
	}
}

func TestACanaryIsNotFollowedForEver(t *testing.T) {
	n, target := publication(t)
	hops := 0
	n.page = func(c net.Conn) {
		if hops++; hops == 1 {
			writes(whole(200, "", page))(c)
			return
		}
		writes(whole(302, "Location: /"+digits(hops)+"\r\n", ""))(c)
	}
	n.shows(writes(whole(302, "Location: /1\r\n", "")))
	r := One(t.Context(), target, loopback)
	require.Equal(t, health.RedirectLoop, r.Class, r.Reason)
	require.Equal(t, "the canary: more than 10 redirects", r.Reason)
	require.Len(t, n.paths(), 2+maxRedirects)
}
