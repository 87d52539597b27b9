package probe

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// digits is a number in decimal.
func digits(n int) string { return fmt.Sprint(n) }

// byAgent answers browsers otherwise than all else, and counts nothing.
func byAgent(browser, others func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		if strings.Contains(hear(c), "\r\nUser-Agent: Mozilla/5.0") {
			browser(c)
			return
		}
		others(c)
	}
}

func TestADenialOfRobotsIsNoDenial(t *testing.T) {
	good := writes(whole(200, "", page))
	for _, status := range []int{401, 403, 405, 406} {
		r := One(t.Context(), serve(t, "http", byAgent(good, writes(whole(status, "", "no robots")))), loopback)
		require.Equal(t, health.OK, r.Class, r.Reason)
		require.Equal(t, 200, r.Status)
		require.Equal(t, health.Denied, r.Notice.Class)
		require.Contains(t, r.Notice.Reason, "only the edge's own request was answered "+digits(status))
		requireSteps(t, r)
	}
}

func TestWhoIsDeniedAsABrowserIsDenied(t *testing.T) {
	denial := writes(whole(403, "", "no"))
	for name, test := range map[string]struct {
		browser func(net.Conn)
		class   health.Class
	}{
		"denied":        {denial, health.Denied},
		"reset":         {reset, health.Denied},
		"another page":  {writes(whole(200, "", "seized")), health.IdentityMissing},
		"an error":      {writes(whole(502, "", "")), health.ServerError},
		"a challenge":   {writes(whole(403, "Cf-Mitigated: challenge\r\n", "")), health.Challenge},
		"sent off":      {writes(whole(302, "Location: https://login.example/\r\n", "")), health.RedirectOffsite},
		"too many asks": {writes(whole(429, "Retry-After: 90\r\n", "")), health.RateLimited},
	} {
		t.Run(name, func(t *testing.T) {
			r := One(t.Context(), serve(t, "http", byAgent(test.browser, denial)), loopback)
			require.Equal(t, test.class, r.Class, r.Reason)
			require.NotEmpty(t, r.Evidence)
			require.Empty(t, r.Notice)
			require.Equal(t, test.class, r.Steps[len(r.Steps)-1].Class)
		})
	}
}

func TestARequestForPatienceIsNotArguedWith(t *testing.T) {
	asked := make(chan string, 8)
	target := serve(t, "http", func(c net.Conn) {
		asked <- hear(c)
		_, _ = io.WriteString(c, whole(429, "Retry-After: 120\r\n", "slower"))
	})
	r := One(t.Context(), target, loopback)
	require.Equal(t, health.RateLimited, r.Class, r.Reason)
	require.Equal(t, 2*time.Minute, r.RetryAfter)
	require.Equal(t, []string{"it asks to retry after 120"}, r.Evidence)
	require.Len(t, asked, 1)
}

func TestAChallengeIsSaidToBeOne(t *testing.T) {
	for _, field := range []string{"Cf-Mitigated: challenge", "X-Amzn-Waf-Action: captcha"} {
		for _, status := range []int{200, 403, 503} {
			r := One(t.Context(), serve(t, "http", say(whole(status, field+"\r\nServer: cloudflare\r\n", page))), loopback)
			require.Equal(t, health.Challenge, r.Class, r.Reason)
			require.Equal(t, "cloudflare", r.CDN)
			require.NotEmpty(t, r.Evidence)
		}
	}
}

func TestWhoBlocksForLegalReasonsIsNamed(t *testing.T) {
	r := One(t.Context(), serve(t, "http", say(whole(451, "Link: <https://isp.example/why>; rel=\"help\", <https://court.example/order/7>; rel=\"blocked-by\"\r\n", ""))), loopback)
	require.Equal(t, health.Legal, r.Class, r.Reason)
	require.Equal(t, []string{"blocked by https://court.example/order/7", "it came over plain HTTP: anybody on the way may have said it"}, r.Evidence)
}

func TestRedirectsAreFollowedAsFarAsTheyGo(t *testing.T) {
	// Each path but the last of the way leads to the next.
	way := func(n int, last string) func(net.Conn) {
		return func(c net.Conn) {
			path := strings.Fields(hear(c))[1]
			var at int
			_, _ = fmt.Sscanf(path, "/%d", &at)
			if at < n {
				_, _ = io.WriteString(c, whole(302, fmt.Sprintf("Location: /%d\r\n", at+1), ""))
				return
			}
			_, _ = io.WriteString(c, last)
		}
	}
	for _, test := range []struct {
		name   string
		origin func(net.Conn)
		class  health.Class
		status int
		reason string
	}{
		{"to a page", way(1, whole(200, "", page)), health.OK, 200, ""},
		{"to a page, by ten", way(10, whole(200, "", page)), health.OK, 200, ""},
		{"to a page, by eleven", way(11, whole(200, "", page)), health.RedirectLoop, 302, "more than 10 redirects"},
		{"in a circle", way(3, whole(302, "Location: /2\r\n", "")), health.RedirectLoop, 302, "a redirect back to "},
		{"to itself", say(whole(302, "Location: /\r\n", "")), health.RedirectLoop, 302, "a redirect to itself"},
		{"to nowhere", way(2, whole(302, "Location: https:///\r\n", "")), health.RedirectLoop, 302, "which has no host"},
		{"to no URL", way(2, whole(302, "Location: https://%zz/\r\n", "")), health.RedirectLoop, 302, "which is no URL"},
		{"to an error", way(1, whole(500, "", "")), health.ServerError, 500, "the answer is 500"},
		{"to another page", way(1, whole(200, "", "seized")), health.IdentityMissing, 200, "does not contain"},
		{"off the site", way(1, whole(302, "Location: https://warning.example/\r\n", "")), health.RedirectOffsite, 302, "warning.example"},
		{"to another own host", way(1, whole(302, "Location: https://gazette.example.ir/\r\n", "")), health.OK, 302, ""},
		{"to another origin", way(1, whole(302, "Location: https://mirror.example/\r\n", "")), health.RedirectLoop, 302,
			"it redirects to mirror.example, another address of the publication, and serves nothing itself: let it answer for its own name, or take it out"},
		{"to a reset", func(c net.Conn) {
			if strings.HasPrefix(hear(c), "GET / ") {
				_, _ = io.WriteString(c, whole(302, "Location: /1\r\n", ""))
				return
			}
			reset(c)
		}, health.RequestReset, 302, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			target := serve(t, "http", test.origin)
			target.Hosts, target.Elsewhere = []string{"gazette.example.ir"}, []string{"mirror.example", "gazette.example.ir"}
			r := One(t.Context(), target, loopback)
			require.Equal(t, test.class, r.Class, r.Reason)
			require.Equal(t, test.status, r.Status)
			require.Contains(t, r.Reason, test.reason)
			require.Equal(t, r.OK(), len(r.Evidence) == 0, r.Evidence)
			require.Equal(t, test.class, r.Steps[len(r.Steps)-1].Class)
		})
	}
}
