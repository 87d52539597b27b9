package proxy_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/proxy"
)

// mirror is an origin that keeps the request it got last, and what to answer with.
type mirror struct {
	*httptest.Server
	requests atomic.Int64
	last     atomic.Pointer[http.Request]
}

// newMirror starts one. Each request's answer carries the given fields.
func newMirror(t testing.TB, fields ...string) *mirror {
	m := &mirror{}
	m.Server = newOrigin(t, counted(&m.requests, func(w http.ResponseWriter, r *http.Request) {
		m.last.Store(r)
		for i := 0; i < len(fields); i += 2 {
			w.Header().Add(fields[i], fields[i+1])
		}
		io.WriteString(w, r.RequestURI)
	}))
	return m
}

func TestHopByHopFieldsEndAtTheEdge(t *testing.T) {
	hops := []string{
		"Connection", "close-after, X-Named", "Keep-Alive", "timeout=5", "Proxy-Connection", "keep-alive",
		"Proxy-Authorization", "Basic abc", "Te", "gzip", "X-Named", "by Connection", "X-Kept", "yes",
	}
	m := newMirror(t, "Connection", "X-Named", "Keep-Alive", "timeout=5", "Proxy-Authenticate", "Basic",
		"Proxy-Connection", "close", "X-Named", "by Connection", "X-Kept", "yes", "Cache-Control", "no-store")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		answer := s.send(method, "/", nil, hops...)
		arrived := m.last.Load().Header
		for _, name := range []string{
			"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Proxy-Authenticate", "Te", "X-Named",
		} {
			require.NotContains(t, arrived, name, "to the origin")
			require.NotContains(t, answer.Header, name, "to the reader")
		}
		require.Equal(t, "yes", arrived.Get("X-Kept"))
		require.Equal(t, "yes", answer.Header.Get("X-Kept"))
	}
}

// A reader who names our own fields in Connection must not get rid of them.
func TestConnectionCannotNameWhatTheEdgeAdds(t *testing.T) {
	m := newMirror(t)
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	s.send(http.MethodGet, "/", nil, "Connection", "Via, Cdn-Loop, Accept-Encoding", "Via", "1.1 other", "Cdn-Loop", "other")
	arrived := m.last.Load().Header
	require.Equal(t, []string{"1.1 heliograph"}, arrived["Via"])
	require.Equal(t, []string{edgeID}, arrived["Cdn-Loop"])
	require.Equal(t, []string{"identity"}, arrived["Accept-Encoding"])
}

// The reader's Via names proxies that only the reader uses. CDN-Loop is for all
// networks that a request passes, RFC 8586 §2.
func TestReadersViaStaysBehindAndCDNLoopIsAppendedTo(t *testing.T) {
	m := newMirror(t, "Via", "1.1 behind", "Cache-Control", "no-store")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	answer := s.send(http.MethodGet, "/", nil, "Via", "2 before", "Cdn-Loop", "before; v=1")
	require.Equal(t, []string{"1.1 heliograph"}, m.last.Load().Header["Via"])
	require.Equal(t, []string{"before; v=1", edgeID}, m.last.Load().Header["Cdn-Loop"])
	require.Equal(t, []string{"1.1 behind", "1.1 heliograph"}, answer.Header["Via"])
}

func TestLoopedRequestIsRefused(t *testing.T) {
	m := newMirror(t)
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	for _, loop := range []string{edgeID, "other, " + edgeID, edgeID + "; v=1", "other;a=b ,\t" + edgeID} {
		answer := s.send(http.MethodGet, "/", nil, "Cdn-Loop", loop)
		require.Equal(t, http.StatusLoopDetected, answer.StatusCode, loop)
		require.Contains(t, answer.Header.Get("Proxy-Status"), "error=proxy_loop_detected")
	}
	require.Zero(t, m.requests.Load())
	require.Equal(t, http.StatusOK, s.send(http.MethodGet, "/", nil, "Cdn-Loop", edgeID+"-2").StatusCode)
}

// An edge whose origin is itself answers instead of asking itself for ever.
func TestEdgeThatIsItsOwnOriginAnswers(t *testing.T) {
	outer := newMirror(t)
	s := newStage(t, plan{origins: []*httptest.Server{outer.Server}, adjust: func(site *proxy.Site) { site.Fronts = nil }})
	site := s.site(plan{origins: []*httptest.Server{s.server}, adjust: func(site *proxy.Site) { site.Fronts = nil }})
	s.edge.Serve(proxy.NewSites(edgeID, []*proxy.Site{site}))
	defer site.Pool.Close()
	answer := s.send(http.MethodGet, "/", nil)
	require.Equal(t, http.StatusBadGateway, answer.StatusCode)
	require.Contains(t, answer.Header.Get("Proxy-Status"), "proxy_loop_detected")
	require.Zero(t, outer.requests.Load())
}

func TestForwardingFieldsStayBehind(t *testing.T) {
	m := newMirror(t)
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	names := []string{
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Forwarded",
		"X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "Client-IP", "X-Client-IP", "X-Cluster-Client-IP",
		"X-Original-URL", "X-Rewrite-URL", "X-Original-Host", "X-Host", "X-HTTP-Method", "X-HTTP-Method-Override",
		"X-Method-Override", "Proxy", "CF-Connecting-IPv6", "Fastly-Client-IP", "Wl-Proxy-Client-IP", "Ali-Cdn-Real-IP",
		"Some-Connecting-IP", "Some-Client-IP", "X-Anything-IP", "X-ProxyUser-IP", "CF-Pseudo-IPv4", "CF-IPCountry",
		"X-Forward-For", "X-Envoy-External-Address", "X-Envoy-Peer-Metadata", "X_Forwarded_For", "x_real_ip", "X_Anything", "Cookie",
		"X-Forwarded-Server", "X-Forwarded-Scheme", "X-Forwarded-Path", "X-Forwarded-Method", "X-Original-Path", "X-Original-Method",
		"X-Rewrite-Path", "X-HTTP-Host-Override", "X-HTTP-Path-Override", "X-HTTP-Status-Code-Override", "X-HTTP-DestinationURL",
		"X-Accel-Redirect", "X-Accel-Mapping", "X-Sendfile-Type", "X-Url-Scheme", "X-Scheme", "X-Port", "X-Proxy-URL", "X-Request-URI",
		"X-Middleware-Subrequest", "X-Middleware-Prefetch", "X-Invoke-Path", "X-Invoke-Status", "X-Now-Route-Matches", "X-Matched-Path",
		"X.Forwarded.Host", "X!Forwarded-Host", "X-Forwarded~Host", "X'Real'Ip", "Forwarded-Host", "Forwarded-For", "HTTP-Method-Override",
		"Method-Override", "Override-Method", "X-Method-Type", "X-Method", "Original-Url", "X-Rewritten-Url", "X-Url-Rewrite", "X-Base-Url",
		"X-Host-Override", "X-Real-Host", "X-Vhost", "X-Nextjs-Data", "X-Override-Url", "X-Rewriting", "X-My-Original-Uri", "X-Script-Name",
		"Script-Name", "X-Path-Info", "X-ProxyUser", "X-Some-Proxy-Host", "X-Some-Hostname", "Rewrite-Url", "X-Some-Override", "X-Some-Forwarded-By",
		"X-AppEngine-Country", "X-Remote-User", "X-SSL-Client-Cert", "X-Client-Cert", "X-Backend-Host", "X-Amz-Website-Redirect-Location",
		"X-Wap-Profile", "Profile", "Front-End-Https", "X-SSL", "Base-Url", "Http-Url", "Proxy-Host", "Proxy-Url", "Translate", "A-IM",
		"Client-Cert", "Client-Cert-Chain", "CloudFront-Viewer-Country", "CloudFront-Forwarded-Proto", "CF-Visitor", "Surrogate-Capability",
	}
	var fields []string
	for _, name := range names {
		fields = append(fields, name, "192.0.2.7")
	}
	ordinary := []string{
		"X-Requested-With", "X-Csrf-Token", "X-XSRF-Token", "X-CSRFToken", "X-Api-Key", "X-Auth-Token", "X-WP-Nonce", "X-Request-Id",
		"X-Correlation-Id", "X-Amzn-Trace-Id", "X-B3-TraceId", "X-Hub-Signature-256", "X-GitHub-Event", "X-Gitlab-Token", "X-Shopify-Topic",
		"X-Shopify-Shop-Domain", "X-Slack-Signature", "X-Twilio-Signature", "X-PJAX", "X-PJAX-Container", "X-Inertia", "X-Inertia-Version",
		"X-Livewire", "X-Up-Target", "X-Client-Version", "X-Client-Data", "X-Goog-Resource-Uri", "X-Goog-Channel-Id", "X-Amz-Meta-Original-Name",
		"X-Auth-Method", "X-Payment-Method", "X-Callback-Url", "X-Current-Url", "X-Page-Url", "X-Session-Id", "X-Timezone", "X-Locale",
		"X-Equip", "X-Test-Id", "X-Hostess", "X-Urls", "X-Methodical", "HX-Request", "HX-Current-URL", "Turbo-Frame", "RSC", "Next-Action", "DNT",
		"Sec-GPC", "Idempotency-Key", "Access-Control-Request-Method", "Traceparent", "Api-Key", "Location-Hint",
	}
	for _, name := range ordinary {
		fields = append(fields, name, "kept")
	}
	fields = append(fields, "Accept-Language", "fa")
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
		s.send(method, "/", nil, fields...)
		arrived := m.last.Load()
		for name, values := range arrived.Header {
			require.NotContains(t, values, "192.0.2.7", name)
			require.NotContains(t, name, "_")
		}
		require.Equal(t, "fa", arrived.Header.Get("Accept-Language"))
		for _, name := range ordinary {
			require.Equal(t, "kept", arrived.Header.Get(name), name)
		}
		require.Equal(t, strings.TrimPrefix(m.URL, "http://"), arrived.Host, "the origin is asked by its own name")
	}
}

func TestCookiesPassOnlyWhereTheSiteNeedsThem(t *testing.T) {
	for _, cookies := range []bool{false, true} {
		m := newMirror(t, "Set-Cookie", "a=1; Domain=www.gazette.example; Path=/; HttpOnly", "Set-Cookie", "b=2; Secure")
		s := newStage(t, plan{
			origins: []*httptest.Server{m.Server},
			adjust:  func(site *proxy.Site) { site.Cookies = cookies },
		})
		answer := s.send(http.MethodGet, "/", nil, "Cookie", "session=1")
		if !cookies {
			require.NotContains(t, m.last.Load().Header, "Cookie")
			require.NotContains(t, answer.Header, "Set-Cookie")
			continue
		}
		require.Equal(t, "session=1", m.last.Load().Header.Get("Cookie"))
		require.Equal(t, []string{"a=1; Path=/; HttpOnly", "b=2; Secure"}, answer.Header["Set-Cookie"])
	}
}

func TestHostThatNoSiteServesIsMisdirected(t *testing.T) {
	m := newMirror(t)
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	for _, host := range []string{"elsewhere.test", "127.0.0.1", "[::1]:80", front + ".elsewhere.test", "www.gazette.example"} {
		answer := s.send(http.MethodGet, "/", nil, "Host", host)
		require.Equal(t, http.StatusMisdirectedRequest, answer.StatusCode, host)
		require.Contains(t, answer.Header.Get("Proxy-Status"), "error=http_request_denied")
	}
	absolute := s.rawConn()
	absolute.say("GET http://elsewhere.test/ HTTP/1.1\r\nHost: " + front + "\r\n\r\n") // RFC 9112 §3.2.2: the target counts
	require.Equal(t, http.StatusMisdirectedRequest, absolute.answer(http.MethodGet).StatusCode)
	require.Zero(t, m.requests.Load())
	for _, host := range []string{front, otherFront, "FRONT.test", front + ":8080", front + "."} {
		require.Equal(t, http.StatusOK, s.send(http.MethodGet, "/", nil, "Host", host).StatusCode, host)
	}
}

func TestMethodsThatAreNotServed(t *testing.T) {
	m := newMirror(t)
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	for _, line := range []string{"CONNECT elsewhere.test:443", "TRACE /", "OPTIONS *"} {
		conn := s.rawConn()
		conn.say(line + " HTTP/1.1\r\nHost: " + front + "\r\n\r\n")
		answer := conn.answer(http.MethodGet)
		require.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode, line)
		require.Contains(t, answer.Header.Get("Allow"), "GET", "RFC 9110 §15.5.6")
		requireStamped(t, answer)
	}
	require.Zero(t, m.requests.Load())
	answer := s.send(http.MethodOptions, "/form", nil, "Access-Control-Request-Method", "PUT")
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, http.MethodOptions, m.last.Load().Method)
}

func TestMalformedRequestsReachNoOrigin(t *testing.T) {
	const host = "Host: " + front + "\r\n"
	for name, test := range map[string]struct {
		request string
		status  int
	}{
		"no Host":                {"GET / HTTP/1.1\r\n\r\n", 400},
		"empty Host":             {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
		"two Hosts":              {"GET / HTTP/1.1\r\n" + host + "Host: elsewhere.test\r\n\r\n", 400},
		"twice the same Host":    {"GET / HTTP/1.1\r\n" + host + host + "\r\n", 400},
		"Host with a path":       {"GET / HTTP/1.1\r\nHost: " + front + "/x\r\n\r\n", 400},
		"Host with a user":       {"GET / HTTP/1.1\r\nHost: a@" + front + "\r\n\r\n", 400},
		"Host with a space":      {"GET / HTTP/1.1\r\nHost: " + front + " x\r\n\r\n", 400},
		"Host with a list":       {"GET / HTTP/1.1\r\nHost: " + front + ",x\r\n\r\n", 400},
		"space before colon":     {"GET / HTTP/1.1\r\n" + host + "X-A : b\r\n\r\n", 400},
		"no colon":               {"GET / HTTP/1.1\r\n" + host + "X-A\r\n\r\n", 400},
		"empty field name":       {"GET / HTTP/1.1\r\n" + host + ": b\r\n\r\n", 400},
		"NUL in a value":         {"GET / HTTP/1.1\r\n" + host + "X-A: a\x00b\r\n\r\n", 400},
		"bare CR in a value":     {"GET / HTTP/1.1\r\n" + host + "X-A: a\rX-B: c\r\n\r\n", 400},
		"bad method":             {"G@T / HTTP/1.1\r\n" + host + "\r\n", 400},
		"target without a slash": {"GET index.html HTTP/1.1\r\n" + host + "\r\n", 400},
		"bad escape":             {"GET /%zz HTTP/1.1\r\n" + host + "\r\n", 400},
		"space in the target":    {"GET /a b HTTP/1.1\r\n" + host + "\r\n", 400},
		"two lengths":            {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
		"length with a sign":     {"POST / HTTP/1.1\r\n" + host + "Content-Length: +1\r\n\r\na", 400},
		"length with a comma":    {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1, 2\r\n\r\na", 400},
		"unknown coding":         {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
		"two codings":            {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501},
		"two coding lines":       {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501},
		"unknown version":        {"GET / HTTP/3.0\r\n" + host + "\r\n", 505},
		"no HTTP at all":         {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMirror(t)
			s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
			conn := s.rawConn()
			conn.say(test.request + "GET /smuggled HTTP/1.1\r\n" + host + "\r\n")
			answer := conn.answer(http.MethodGet)
			require.Equal(t, test.status, answer.StatusCode)
			_, err := io.Copy(io.Discard, answer.Body)
			require.NoError(t, err)
			_, err = conn.ReadByte()
			require.Error(t, err, "the connection is closed")
			require.Zero(t, m.requests.Load())
		})
	}
}

// With both a coding and a length the coding counts (RFC 9112 §6.3), and the
// origin is told of no more than one of them.
func TestRequestWithCodingAndLengthArrivesAsOne(t *testing.T) {
	m := newMirror(t, "Cache-Control", "no-store")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	conn := s.rawConn()
	conn.say("POST /one HTTP/1.1\r\nHost: " + front + "\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: elsewhere.test\r\n\r\n")
	answer := conn.answer(http.MethodPost)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.True(t, answer.Close, "RFC 9112 §6.1: nothing else on this connection")
	require.Equal(t, "/one", readAll(t, answer))
	_, err := conn.ReadByte()
	require.ErrorIs(t, err, io.EOF)
	arrived := m.last.Load()
	require.Equal(t, "/one", arrived.RequestURI)
	require.Empty(t, arrived.Header["Content-Length"])
	require.Equal(t, int64(1), m.requests.Load())
}

func TestConnectionIsKeptAfterABodyOfDeclaredLength(t *testing.T) {
	m := newMirror(t, "Cache-Control", "no-store")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	conn := s.rawConn()
	for range 3 {
		conn.say("POST /form HTTP/1.1\r\nHost: " + front + "\r\nContent-Length: 4\r\n\r\nbody")
		answer := conn.answer(http.MethodPost)
		require.Equal(t, "/form", readAll(t, answer))
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.False(t, answer.Close)
	}
}

func TestHTTP10WithoutHostIsServedByTheSiteWithoutFronts(t *testing.T) {
	for fronts, want := range map[string]int{"": http.StatusOK, front: http.StatusMisdirectedRequest} {
		m := newMirror(t)
		s := newStage(t, plan{origins: []*httptest.Server{m.Server}, adjust: func(site *proxy.Site) {
			site.Fronts = nil
			if fronts != "" {
				site.Fronts = []string{fronts}
			}
		}})
		for _, host := range []string{"", "Host:\r\n"} {
			conn := s.rawConn()
			conn.say("GET /old HTTP/1.0\r\n" + host + "\r\n")
			answer := conn.answer(http.MethodGet)
			require.Equal(t, want, answer.StatusCode)
			requireStamped(t, answer)
		}
		conn := s.rawConn()
		conn.say("GET /old HTTP/1.0\r\nHost: a@b\r\n\r\n")
		require.Equal(t, http.StatusBadRequest, conn.answer(http.MethodGet).StatusCode, "what is there must be a host")
	}
}

// Bare line feeds end lines for us as for others: what they hide is seen.
func TestBareLineFeedHidesNoField(t *testing.T) {
	m := newMirror(t)
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	conn := s.rawConn()
	conn.say("GET /lines HTTP/1.1\nHost: " + front + "\nX-A: a\nX-Forwarded-For: 192.0.2.7\n\n")
	require.Equal(t, http.StatusOK, conn.answer(http.MethodGet).StatusCode)
	require.NotContains(t, m.last.Load().Header, "X-Forwarded-For")
	require.Equal(t, "a", m.last.Load().Header.Get("X-A"))
}

func TestMalformedChunkIsTheReadersFault(t *testing.T) {
	broken := make(chan error, 1)
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		broken <- err
	})}})
	conn := s.rawConn()
	conn.say("POST /upload HTTP/1.1\r\nHost: " + front + "\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\nzz\r\nbody\r\n0\r\n\r\n")
	answer := conn.answer(http.MethodPost)
	require.Equal(t, http.StatusBadRequest, answer.StatusCode)
	requireStamped(t, answer)
	_, err := io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
	_, err = conn.ReadByte()
	require.Error(t, err, "the connection is closed")
	require.Error(t, <-broken, "the origin must not take the body for whole")
	for _, view := range s.tracker.Site("gazette") {
		require.Zero(t, view.LiveFailures, "the origin did nothing wrong")
	}
	require.Equal(t, http.StatusBadRequest, s.waitRecords(1)[0].Status)
}
