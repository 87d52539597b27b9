package probe

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// short is a Timeout for what never answers.
const short = 500 * time.Millisecond

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

func TestWhatAPlainOriginDoes(t *testing.T) {
	good := whole(200, "", page)
	gz := func(content string) string { return whole(200, "Content-Encoding: gzip\r\n", content) }
	tests := []struct {
		name    string
		origin  func(net.Conn)
		timeout time.Duration
		class   health.Class
		stage   health.Stage
	}{
		{"a good page", say(good), 0, health.OK, ""},
		{"a good page in chunks", say(chunked(page[:20], page[20:], "")), 0, health.OK, ""},
		{"a good page that ends with the connection", say("HTTP/1.0 200 OK\r\n\r\n" + page), 0, health.OK, ""},
		{"a good page after early hints", say("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", good), 0, health.OK, ""},
		{"a good page in gzip", say(gz(zipped(page))), 0, health.OK, ""},
		{"an endless page with its identity at the beginning", endless("HTTP/1.0 200 OK\r\n\r\n"+page, strings.Repeat("more ", 1000)), 0, health.OK, ""},

		{"a reset after the request", func(c net.Conn) { hear(c); reset(c) }, 0, health.RequestReset, health.StageRequest},
		{"an end after the request", say(), 0, health.RequestEOF, health.StageRequest},
		{"an end inside the header", say("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"), 0, health.RequestEOF, health.StageRequest},
		{"silence after the request", silent, short, health.FirstByteTimeout, health.StageRequest},
		{"garbage", say("SSH-2.0-OpenSSH_9.9\r\n"), 0, health.ProtocolError, health.StageRequest},
		{"garbage before it was asked", func(c net.Conn) { _, _ = io.WriteString(c, "220 mail.example ESMTP\r\n"); hear(c) }, 0, health.ProtocolError, health.StageRequest},
		{"endless headers", endless("HTTP/1.1 200 OK\r\n", "Odd: "+strings.Repeat("x", 1000)+"\r\n"), 0, health.HeaderTooLarge, health.StageRequest},
		{"one endless header", endless("HTTP/1.1 200 OK\r\nOdd: ", strings.Repeat("x", 1000)), 0, health.HeaderTooLarge, health.StageRequest},
		{"endless early hints", endless("", "HTTP/1.1 103 Early Hints\r\n\r\n"), 0, health.ProtocolError, health.StageRequest},

		{"500", say(whole(500, "", page)), 0, health.ServerError, health.StageRequest},
		{"503", say(whole(503, "", page)), 0, health.ServerError, health.StageRequest},
		{"508", say(whole(508, "", page)), 0, health.LoopDetected, health.StageRequest},
		{"404", say(whole(404, "", page)), 0, health.StatusUnexpected, health.StageRequest},
		{"304", say("HTTP/1.1 304 Not Modified\r\n\r\n"), 0, health.StatusUnexpected, health.StageRequest},
		{"an upgrade", say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: odd\r\nConnection: upgrade\r\n\r\n"), 0, health.StatusUnexpected, health.StageRequest},

		{"a redirect to https", say(whole(301, "Location: https://gazette.example.ir/\r\n", "")), 0, health.OK, ""},
		{"a redirect off the site", say(whole(302, "Location: http://warning.example/?id=7\r\n", "")), 0, health.RedirectOffsite, health.StageRequest},

		{"a body shorter than declared", say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + page), 0, health.BodyTruncated, health.StageBody},
		{"chunks without an end", say(chunked(page)), 0, health.BodyTruncated, health.StageBody},
		{"a reset inside the body", func(c net.Conn) { say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + page)(c); reset(c) }, 0, health.BodyTruncated, health.StageBody},
		{"a body that stops", func(c net.Conn) { say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + page)(c); silent(c) }, short, health.BodyStalled, health.StageBody},
		{"a bad chunk", say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nodd\r\n"), 0, health.ProtocolError, health.StageBody},
		{"gzip that is cut", say(gz(zipped(page)[:30])), 0, health.BodyTruncated, health.StageBody},
		{"gzip that is none", say(gz(page)), 0, health.ProtocolError, health.StageBody},
		{"a coding that nobody asked for", say(whole(200, "Content-Encoding: br\r\n", page)), 0, health.ProtocolError, health.StageBody},

		{"another page", say(whole(200, "", "<h1>This domain is for sale</h1>")), 0, health.IdentityMissing, health.StageIdentity},
		{"an empty page", say(whole(200, "", "")), 0, health.IdentityMissing, health.StageIdentity},
		{"another page in gzip", say(gz(zipped("<h1>This domain is for sale</h1>"))), 0, health.IdentityMissing, health.StageIdentity},
		{"another page without end", endless("HTTP/1.0 200 OK\r\n\r\n", strings.Repeat("more ", 1000)), 0, health.IdentityMissing, health.StageIdentity},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			target := serve(t, "http", test.origin)
			target.Timeout = test.timeout
			target.Hosts = []string{"gazette.example.ir"}
			r := One(t.Context(), target, loopback)
			require.Equal(t, test.class, r.Class, r.Reason)
			require.Equal(t, test.stage, r.Stage)
			require.Equal(t, test.class == health.OK, r.Reason == "", r.Reason)
			require.LessOrEqual(t, r.BodyBytes, int64(maxPage))
			require.False(t, r.At.IsZero())
			require.Equal(t, net.JoinHostPort("127.0.0.1", target.URL.Port()), r.Address)
		})
	}
}

func TestNobodyListens(t *testing.T) {
	target := serve(t, "http", silent)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	target.URL.Host = l.Addr().String()
	require.NoError(t, l.Close())
	r := One(t.Context(), target, loopback)
	require.Equal(t, health.ConnectRefused, r.Class, r.Reason)
	require.Equal(t, health.StageConnect, r.Stage)
	require.Contains(t, r.Reason, "connecting to "+target.URL.Host)
}

// A reset on accept is told from one after the ClientHello by its time alone, so
// the test hands over a connection that has certainly been reset.
func TestAResetBeforeAnythingWasSentIsOfTheConnection(t *testing.T) {
	for name, end := range map[string]func(net.Conn){"reset": reset, "closed": func(net.Conn) {}} {
		t.Run(name, func(t *testing.T) {
			dialled, gone := make(chan struct{}), make(chan struct{})
			target := serve(t, "https", func(c net.Conn) { <-dialled; end(c); c.Close(); close(gone) })
			conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", target.URL.Port()))
			close(dialled)
			require.NoError(t, err)
			<-gone

			l := &look{target: target, at: target.placeOf(loopback), caller: t.Context(), ctx: t.Context()}
			f := l.fetch(target.URL)
			defer f.close()
			// Long enough that only the other side can end the wait.
			require.False(t, f.connected(conn, time.Minute))
			require.Equal(t, health.ConnectReset, f.class, f.reason)
			require.Equal(t, health.StageConnect, f.stage)
		})
	}
}

func TestTheRequestIsHonest(t *testing.T) {
	heard := make(chan string, 1)
	target := serve(t, "http", func(c net.Conn) {
		heard <- hear(c)
		_, _ = io.WriteString(c, whole(200, "", page))
	})
	target.Path, target.Agent, target.EdgeID = "/news?page=2", "heliograph/0.1 (health probe)", "edge-1.example"
	r := One(t.Context(), target, loopback)
	require.True(t, r.OK(), r.Reason)
	require.Equal(t, strings.Join([]string{
		"GET /news?page=2 HTTP/1.1",
		"Host: " + target.URL.Host,
		"User-Agent: heliograph/0.1 (health probe)",
		"Connection: close",
		"Accept: text/html,*/*",
		"Accept-Encoding: identity",
		"Cache-Control: no-cache",
		"Cdn-Loop: edge-1.example",
		"", "",
	}, "\r\n"), <-heard)

	target.Host, target.Agent, target.EdgeID = "other.gazette.example", "", ""
	require.True(t, One(t.Context(), target, loopback).OK())
	request := <-heard
	require.Contains(t, request, "\r\nHost: other.gazette.example\r\n")
	require.Contains(t, request, "\r\nUser-Agent: heliograph (health probe)\r\n")
	require.NotContains(t, request, "Cdn-Loop")
}

func TestALookHasItsTimesAndFacts(t *testing.T) {
	ours := newAuthority(t)
	target := serve(t, "https", over(ours.sign(t, name, time.Now().Add(time.Hour)), say(whole(200, "", page))))
	target.Roots = ours.pool
	r := Run(t.Context(), target)[0]
	require.True(t, r.OK(), r.Reason)
	for _, d := range []time.Duration{r.Timings.Connect, r.Timings.Handshake, r.Timings.FirstByte, r.Timings.Body} {
		require.Positive(t, d)
	}
	require.Equal(t, 200, r.Status)
	require.Equal(t, int64(len(page)), r.BodyBytes)

	target = serve(t, "http", say(whole(302, "Location: http://warning.example/"+strings.Repeat("x", 5000)+"\r\n", "")))
	r = One(t.Context(), target, loopback)
	require.Equal(t, 302, r.Status)
	require.True(t, strings.HasPrefix(r.Location, "http://warning.example/x"))
	require.Less(t, len(r.Location), maxLocation+8)
	require.Less(t, len(r.Reason), maxReason+8)
}

func TestEveryAddressIsLookedAt(t *testing.T) {
	target := serve(t, "http", say(whole(200, "", page)))
	dead := netip.MustParseAddr("127.0.0.9") // the port is open on 127.0.0.1 alone
	target.Addresses = []netip.Addr{dead, loopback}

	results := Run(t.Context(), target)
	require.Len(t, results, 2)
	require.Equal(t, health.ConnectRefused, results[0].Class)
	require.Equal(t, "127.0.0.9:"+target.URL.Port(), results[0].Address)
	require.Equal(t, health.OK, results[1].Class)

	first := First(t.Context(), target)
	require.Equal(t, health.OK, first.Class, "one address that works is enough for a reader")
	require.Equal(t, "127.0.0.1:"+target.URL.Port(), first.Address)

	target.Addresses = []netip.Addr{dead, netip.MustParseAddr("127.0.0.8")}
	first = First(t.Context(), target)
	require.Equal(t, health.ConnectRefused, first.Class)
	require.Equal(t, "127.0.0.9:"+target.URL.Port(), first.Address)
}

func TestNotTooManyAddressesAreLookedAt(t *testing.T) {
	target := serve(t, "http", say(whole(200, "", page)))
	for range 100 {
		target.Addresses = append(target.Addresses, loopback)
	}
	require.Len(t, Run(t.Context(), target), maxAddresses)
}

func TestARoundFailsWithItsFirstBadPage(t *testing.T) {
	target := serve(t, "http", func(c net.Conn) {
		if strings.HasPrefix(hear(c), "GET /gone ") {
			_, _ = io.WriteString(c, whole(404, "", ""))
			return
		}
		_, _ = io.WriteString(c, whole(200, "", page))
	})
	at := func(paths ...string) (pages []Target) {
		for _, p := range paths {
			target.Path = p
			pages = append(pages, target)
		}
		return pages
	}
	require.Equal(t, health.OK, Sum(Each(t.Context(), at("/", "/news"))).Class)
	bad := Sum(Each(t.Context(), at("/", "/gone", "/news")))
	require.Equal(t, health.StatusUnexpected, bad.Class)
	require.Equal(t, 404, bad.Status)
	require.Equal(t, health.InternalError, Sum(Each(t.Context(), nil)).Class)
}

func TestALookThatIsCutShortIsNobodysFault(t *testing.T) {
	arrived := make(chan struct{})
	target := serve(t, "http", func(c net.Conn) { hear(c); close(arrived); silent(c) })
	target.Timeout = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	r := First(ctx, target)
	require.Equal(t, health.InternalError, r.Class, r.Reason)
	require.Contains(t, r.Reason, "cut short")

	require.Equal(t, health.InternalError, First(ctx, target).Class)
}

func TestRealServersAreUnderstood(t *testing.T) {
	target := serve(t, "http", silent)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, page+strings.Repeat(" ", 2*maxPage))
	})}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	target.URL.Host = net.JoinHostPort(name, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	r := First(t.Context(), target)
	require.Equal(t, health.OK, r.Class, r.Reason)
	require.Equal(t, int64(maxPage), r.BodyBytes)
	require.NoError(t, server.Close())
	require.ErrorIs(t, <-done, http.ErrServerClosed)
}
