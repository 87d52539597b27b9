package origin

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/dial"
)

func TestTheHeadIsReadHoweverItsBytesCome(t *testing.T) {
	const hints = "HTTP/1.1 103 Early Hints\r\nConnection: x-early\r\nCache-Control: private\r\n\r\n"
	for name, test := range map[string]struct {
		text         string
		connection   []string
		cacheControl bool
	}{
		"nothing to tell":        {"HTTP/1.1 200 OK\r\nDate: now\r\n\r\n", nil, false},
		"names beside close":     {"HTTP/1.1 200 OK\r\nConnection: close, X-A\r\nX-A: 1\r\n\r\n", []string{"close, X-A"}, false},
		"on two lines":           {"HTTP/1.1 200 OK\r\nconnection:close\r\nCONNECTION:\tx-a \r\n\r\n", []string{"close", "x-a"}, false},
		"folded":                 {"HTTP/1.1 200 OK\r\nConnection: close,\r\n X-A\r\nX-B: 1\r\n X-C\r\n\r\n", []string{"close,", "X-A"}, false},
		"with bare line feeds":   {"HTTP/1.1 200 OK\nConnection: close, X-A\nCache-control: no-cache\n\n", []string{"close, X-A"}, true},
		"after interim ones":     {hints + hints + "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", []string{"close"}, false},
		"of another protocol":    {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n", []string{"Upgrade"}, false},
		"a name that begins so":  {"HTTP/1.1 200 OK\r\nConnection-X: a\r\nX-Connection: b\r\nCache-Control-X: c\r\n\r\n", nil, false},
		"a name within a value":  {"HTTP/1.1 200 OK\r\nX-A: Connection: close\r\nX-B: Cache-Control: no-cache\r\n\r\n", nil, false},
		"without a status' text": {"HTTP/1.1 204\r\nConnection: close, X-A\r\n\r\n", []string{"close, X-A"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			body := "\r\nConnection: x-body\r\n\r\n"
			for size := 1; size <= len(test.text); size++ {
				h, left, over := &head{}, test.text+body, false
				for !over && left != "" {
					n := min(size, len(left))
					over, left = h.feed([]byte(left[:n])), left[n:]
				}
				require.True(t, h.whole, size)
				require.Equal(t, test.connection, h.connection, size)
				require.Equal(t, test.cacheControl, h.cacheControl, size)
				require.Nil(t, h.line, "nothing is kept once it is over")
				require.Less(t, len(test.text+body)-len(left)-len(test.text), size, "and no more is read")
			}
		})
	}
}

func TestALineWithoutAnEndIsNotKept(t *testing.T) {
	h, line := &head{}, []byte(strings.Repeat("x", 1<<10))
	times := 1
	for ; !h.feed(line); times++ {
		require.LessOrEqual(t, times, maxHeader>>10)
	}
	require.Nil(t, h.line)
	header := http.Header{"Cache-Control": {"no-cache"}}
	h.amend(header)
	require.Len(t, header, 1, "what was not read whole tells nothing")
}

func TestTheConnectionIsNotWatchedBeyondTheHead(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	c := connectionOf(&connection{Conn: near})
	h := c.begin(false, 0, 0)
	go io.WriteString(far, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
	_, err := io.ReadFull(c, make([]byte, 41))
	require.NoError(t, err)
	require.True(t, h.whole)
	require.Nil(t, c.head.Load())
	require.NotSame(t, h, c.begin(true, 0, 0), "each answer has a head of its own")
}

// verbatim is a pool over one origin that answers each request with the same bytes, over TLS where that is wanted.
func verbatim(t *testing.T, secure bool, answer string) *Pool {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	at := netip.MustParseAddrPort(listener.Addr().String())
	way, scheme := dial.Way{Addresses: []netip.Addr{at.Addr()}}, "http"
	if secure {
		certificate, roots := selfSigned(t, "one.example")
		way.Roots, scheme = roots, "https"
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}})
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			for requests := bufio.NewReader(conn); ; {
				if _, err := http.ReadRequest(requests); err != nil {
					break
				}
				io.WriteString(conn, answer)
			}
			conn.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(at.String())
	o := NewOrigin(Config{ID: id("a"), URL: &url.URL{Scheme: scheme, Host: "one.example:" + port}, Way: way})
	tracker := health.NewTracker(health.Options{})
	tracker.Configure(map[health.ID]health.Policy{o.ID: {}})
	pool := NewPool(Site{Name: siteName, Origins: []*Origin{o}, Gate: builtin()}, tracker, Events{})
	t.Cleanup(func() {
		pool.Close()
		listener.Close()
		<-served
	})
	return pool
}

func TestAnAnswerKeepsTheHeaderThatItsOriginGaveIt(t *testing.T) { // RFC 9110 §7.6.1, RFC 9111 §5.4
	for name, test := range map[string]struct {
		lines        []string
		connection   []string
		cacheControl []string
	}{
		"fields named beside close":      {[]string{"Connection: close, X-A"}, []string{"close, X-A"}, nil},
		"before close":                   {[]string{"Connection: x-a, close"}, []string{"x-a, close"}, nil},
		"on a line of their own":         {[]string{"Connection: X-A", "Connection: close"}, []string{"X-A", "close"}, nil},
		"without close":                  {[]string{"Connection: X-A"}, []string{"X-A"}, nil},
		"nothing":                        {nil, nil, nil},
		"Pragma alone":                   {[]string{"Pragma: no-cache"}, nil, nil},
		"Pragma beside Cache-Control":    {[]string{"Pragma: no-cache", "cache-control: no-cache"}, nil, []string{"no-cache"}},
		"Cache-Control: no-cache alone":  {[]string{"Cache-Control: no-cache"}, nil, []string{"no-cache"}},
		"Pragma with close and no names": {[]string{"Pragma: no-cache", "Connection: close"}, []string{"close"}, nil},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				answer := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
				for _, line := range test.lines {
					answer += line + "\r\n"
				}
				pool := verbatim(t, secure, "HTTP/1.1 103 Early Hints\r\nCache-Control: private\r\n\r\n"+answer+"\r\nabc")
				for range 2 {
					got, err := pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
					requireAnswer(t, got, err, "a", "abc")
					require.Equal(t, test.connection, got.Response.Header["Connection"])
					require.Equal(t, test.cacheControl, got.Response.Header["Cache-Control"])
					require.Equal(t, secure, got.Response.TLS != nil)
				}
			})
		}
	}
}

func TestAHandshakeThatIsNeverAnsweredTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		go io.Copy(io.Discard, far)
		began := time.Now()
		err := shake(t.Context(), tls.Client(near, &tls.Config{ServerName: "one.example"}))
		require.Equal(t, health.TLSTimeout, health.Classify(err, health.StageConnect))
		require.Equal(t, handshakeTimeout, time.Since(began))

		near, far = net.Pipe()
		defer far.Close()
		go io.Copy(io.Discard, far)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		require.ErrorIs(t, shake(ctx, tls.Client(near, &tls.Config{ServerName: "one.example"})), context.Canceled)
	})
}

func TestAnUpgradeIsAskedForByHTTP1(t *testing.T) { // RFC 9113 §8.6
	s := startShared(t, true, "one.example")
	tracker := health.NewTracker(health.Options{})
	o := s.origin(t, "one.example")
	tracker.Configure(map[health.ID]health.Policy{o.ID: {}})
	pool := NewPool(Site{Name: siteName, Origins: []*Origin{o}, Gate: builtin()}, tracker, Events{})
	for wish, version := range map[string]int{"": 2, "websocket": 1, "tide/1": 1} {
		a := ask(http.MethodGet, "/")
		if wish != "" {
			a.Header.Set("Connection", "Upgrade")
			a.Header.Set("Upgrade", wish)
		}
		got, err := pool.Fetch(t.Context(), a)
		requireAnswer(t, got, err, "one.example", page)
		require.Equal(t, version, got.Response.ProtoMajor, wish)
	}
}
