package probe

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

func TestWhatAHeaderSaysOfTheOrigin(t *testing.T) {
	hosts := []string{"gazette.example.ir", "gazette.example.net:8443", "www.gazette.example.org"}
	elsewhere := []string{"mirror.example", "Mirror.example.net:8443", "gazette.example.ir", "www.gazette.example", "mirror.gazette.example.ir"}
	tests := []struct {
		name     string
		status   int
		location string
		from     string
		want     health.Class
	}{
		{"a page", 200, "", "https://www.gazette.example/", health.OK},
		{"a page with a location", 201, "https://elsewhere.example/", "https://www.gazette.example/", health.OK},
		{"a path", 302, "/fa/", "https://www.gazette.example/", health.OK},
		{"the origin itself, spelt otherwise", 301, "https://WWW.Gazette.Example.:443/fa/", "https://www.gazette.example/", health.OK},
		{"from http to https", 301, "https://www.gazette.example/", "http://www.gazette.example/", health.OK},
		{"from https to http", 301, "http://www.gazette.example/", "https://www.gazette.example/", health.RedirectOffsite},
		{"a host of the publication", 307, "https://gazette.example.ir/", "https://www.gazette.example/", health.OK},
		{"without a scheme", 307, "//gazette.example.ir/", "https://www.gazette.example/", health.OK},
		{"a host of the publication, at its port", 308, "https://gazette.example.net:8443/", "https://www.gazette.example/", health.OK},
		{"a host of the publication, at another port", 308, "https://gazette.example.net/", "https://www.gazette.example/", health.RedirectOffsite},
		{"another origin", 301, "https://mirror.example/fa/", "https://www.gazette.example/", health.RedirectLoop},
		{"another origin, under https", 301, "https://MIRROR.example:443/", "http://www.gazette.example/", health.RedirectLoop},
		{"another origin, at its port", 302, "https://mirror.example.net:8443/", "https://www.gazette.example/", health.RedirectLoop},
		{"another origin's host, at another port", 302, "https://mirror.example.net/", "https://www.gazette.example/", health.RedirectOffsite},
		{"a subdomain of nothing that was named", 302, "https://login.www.gazette.example/", "https://www.gazette.example/", health.RedirectOffsite},
		{"below a host of the publication", 302, "https://en.Gazette.example.ir/", "https://www.gazette.example/", health.OK},
		{"below a host of the publication, at its port", 302, "https://en.gazette.example.net:8443/", "https://www.gazette.example/", health.OK},
		{"below a host of the publication, at another port", 302, "https://en.gazette.example.net/", "https://www.gazette.example/", health.RedirectOffsite},
		{"beside the www of the publication", 302, "https://en.gazette.example.org/", "https://www.gazette.example/", health.OK},
		{"another origin, below a host of the publication", 302, "https://mirror.gazette.example.ir/", "https://www.gazette.example/", health.RedirectLoop},
		{"a name that only ends alike", 302, "https://notgazette.example.ir/", "https://www.gazette.example/", health.RedirectOffsite},
		{"a name before an at sign", 302, "https://gazette.example.ir@evil.example/", "https://www.gazette.example/", health.RedirectOffsite},
		{"another scheme", 302, "javascript:alert(1)", "https://www.gazette.example/", health.RedirectOffsite},
		{"off the site", 302, "http://warning.example/?id=7", "http://www.gazette.example/", health.RedirectOffsite},
		{"off the site, without a scheme", 302, "//warning.example/", "http://www.gazette.example/", health.RedirectOffsite},
		{"to itself", 302, "https://www.gazette.example/", "https://www.gazette.example/", health.RedirectLoop},
		{"to itself, spelt otherwise", 302, "//WWW.gazette.example:443/#top", "https://www.gazette.example/", health.RedirectLoop},
		{"nowhere", 302, "", "https://www.gazette.example/", health.RedirectLoop},
		{"no URL", 302, "https://[::1", "https://www.gazette.example/", health.RedirectLoop},
		{"no host", 302, "https:///fa/", "https://www.gazette.example/", health.RedirectLoop},
		{"not modified", 304, "", "https://www.gazette.example/", health.StatusUnexpected},
		{"gone", 410, "", "https://www.gazette.example/", health.StatusUnexpected},
		{"forbidden", 403, "", "https://www.gazette.example/", health.Denied},
		{"too many requests", 429, "", "https://www.gazette.example/", health.RateLimited},
		{"for legal reasons", 451, "", "https://www.gazette.example/", health.Legal},
		{"the server's fault", 502, "", "https://www.gazette.example/", health.ServerError},
		{"a loop", 508, "", "https://www.gazette.example/", health.LoopDetected},
		{"no status of HTTP", 999, "", "https://www.gazette.example/", health.ServerError},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			from, err := url.Parse(test.from)
			require.NoError(t, err)
			answer := &http.Response{StatusCode: test.status, Header: http.Header{}}
			if test.location != "" {
				answer.Header.Set("Location", test.location)
			}
			found := Target{URL: from, Hosts: hosts, Elsewhere: elsewhere}.judgeHeader(answer, from)
			require.Equal(t, test.want, found.class, found.reason)
			require.Equal(t, found.class == health.OK, found.reason == "")
		})
	}
}

func TestOnlyRedirectsThatStayAtTheOriginAreFollowed(t *testing.T) {
	from := &url.URL{Scheme: "https", Host: "192.0.2.7:8443", Path: "/"}
	target := Target{URL: from, Host: "www.gazette.example", Hosts: []string{"gazette.example.ir"}}
	for location, next := range map[string]string{
		"/fa/?a=b#top":                         "https://192.0.2.7:8443/fa/?a=b",
		"https://192.0.2.7:8443/fa":            "https://192.0.2.7:8443/fa",
		"https://www.gazette.example/fa":       "https://192.0.2.7:8443/fa",
		"https://me:secret@192.0.2.7:8443/fa":  "https://192.0.2.7:8443/fa",
		"https://gazette.example.ir/fa":        "",
		"https://warning.example/":             "",
		"http://www.gazette.example/downgrade": "",
	} {
		found := target.judgeHeader(&http.Response{StatusCode: 302, Header: http.Header{"Location": {location}}}, from)
		if next == "" {
			require.Nil(t, found.next, location)
			continue
		}
		require.NotNil(t, found.next, location)
		require.Equal(t, next, found.next.String())
	}
}

func TestALoopIsSeenWhereTheAnswerNamesThisEdge(t *testing.T) {
	from := &url.URL{Scheme: "https", Host: name, Path: "/"}
	target := Target{URL: from, EdgeID: "edge-7f3a"}
	for _, test := range []struct {
		status       int
		field, value string
		loops        bool
	}{
		{508, "Server", "anything", true},
		{200, "Via", "1.1 varnish, 2 edge-7f3a (heliograph)", true},
		{200, "Cache-Status", "nginx; hit, edge-7f3a; fwd=miss", true},
		{502, "Proxy-Status", "edge-7f3a; error=connection_refused", true},
		{200, "Cdn-Loop", "EDGE-7F3A", true},
		{200, "Via", "1.1 edge-7f3ab", false},
		{200, "Via", "1.1 heliograph", false},
		{200, "X-Note", "edge-7f3a", false},
	} {
		answer := &http.Response{StatusCode: test.status, Header: http.Header{test.field: {test.value}}}
		require.Equal(t, test.loops, target.judgeHeader(answer, from).class == health.LoopDetected, test.value)
	}
}

func TestRetryAfterIsReadAndBounded(t *testing.T) {
	now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		status int
		value  string
		want   time.Duration
	}{
		{429, "120", 2 * time.Minute},
		{503, "30", 30 * time.Second},
		{429, "Sat, 14 Mar 2026 12:10:00 GMT", 10 * time.Minute},
		{429, "Sat, 14 Mar 2026 11:00:00 GMT", 0},
		{429, "Sat, 14 Mar 2099 11:00:00 GMT", time.Hour},
		{429, "86400", time.Hour},
		{429, "18446744073709551615", time.Hour},
		{429, "-5", 0},
		{429, "soon", 0},
		{429, "", 0},
		{200, "120", 0},
		{404, "120", 0},
	} {
		answer := &http.Response{StatusCode: test.status, Header: http.Header{"Retry-After": {test.value}}}
		require.Equal(t, test.want, retryAfter(answer, now), "%d %q", test.status, test.value)
	}
}

func TestTheNetworkInFrontOfAnOriginIsToldByItsHeader(t *testing.T) {
	for _, test := range []struct{ field, value, cdn string }{
		{"Server", "cloudflare", "cloudflare"},
		{"Cf-Ray", "8a1", "cloudflare"},
		{"Via", "1.1 1a2b.cloudfront.net (CloudFront)", "cloudfront"},
		{"X-Amz-Cf-Id", "x", "cloudfront"},
		{"X-Served-By", "cache-fra-etou8220", "fastly"},
		{"Server", "AkamaiGHost", "akamai"},
		{"Server", "BunnyCDN-DE1-1047", "bunny"},
		{"X-Cdn", "Incapsula", "imperva"},
		{"X-Cdn", "Gazette-Net", "gazette-net"},
		{"X-Cdn", "<script>", ""},
		{"Server", "nginx", ""},
		{"Via", "1.1 varnish", ""},
		{"Content-Security-Policy", "script-src cdnjs.cloudflare.com", ""},
	} {
		require.Equal(t, test.cdn, cdnOf(http.Header{test.field: {test.value}}), "%s: %s", test.field, test.value)
	}
}
