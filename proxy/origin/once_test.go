package origin

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// answerFull is an answer that leaves its connection open.
const answerFull = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nfull"

// plainOrigin is an origin on a real socket that counts the requests it has read whole.
type plainOrigin struct {
	listener net.Listener
	requests atomic.Int64
	closed   atomic.Int64 // connections
	serving  sync.WaitGroup
}

// startPlain starts one. serve is called with each request's method and number on its connection;
// false ends that.
func startPlain(t *testing.T, serve func(conn *net.TCPConn, method string, number int) bool) *plainOrigin {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	o := &plainOrigin{listener: listener}
	o.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			o.serving.Go(func() {
				defer o.closed.Add(1)
				defer conn.Close()
				in := bufio.NewReader(conn)
				for number := 1; ; number++ {
					request, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					if _, err = io.Copy(io.Discard, request.Body); err != nil {
						return
					}
					o.requests.Add(1)
					if !serve(conn.(*net.TCPConn), request.Method, number) {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		o.serving.Wait()
	})
	return o
}

// pool is one over this origin alone.
func (o *plainOrigin) pool(t *testing.T) *Pool {
	u := &url.URL{Scheme: "http", Host: o.listener.Addr().String()}
	origin := NewOrigin(Config{ID: id("a"), URL: u})
	tracker := health.NewTracker(health.Options{})
	tracker.Configure(map[health.ID]health.Policy{origin.ID: {}})
	pool := NewPool(Site{Name: siteName, Origins: []*Origin{origin}, Gate: builtin()}, tracker, Events{})
	t.Cleanup(pool.Close)
	return pool
}

// requireFull fetches, and checks that the answer is whole.
func requireFull(t *testing.T, pool *Pool, a *Ask) {
	t.Helper()
	got, err := pool.Fetch(t.Context(), a)
	requireAnswer(t, got, err, "a", "full")
}

// letter is a POST with a body.
func letter() *Ask {
	a := ask(http.MethodPost, "/")
	a.Body = NewBody(strings.NewReader("a letter"), 8)
	return a
}

// asks are a request of each kind: net/http treats them differently.
func asks() map[string]func() *Ask {
	keyed := ask(http.MethodPost, "/")
	keyed.Header.Set("Idempotency-Key", "1")
	return map[string]func() *Ask{
		"GET":             func() *Ask { return ask(http.MethodGet, "/") },
		"HEAD":            func() *Ask { return ask(http.MethodHead, "/") },
		"OPTIONS":         func() *Ask { return ask(http.MethodOptions, "/") },
		"POST with a key": func() *Ask { return keyed },
		"POST":            letter,
	}
}

// ends are ways to hang up on a request that was read.
func ends() map[string]func(*net.TCPConn) {
	return map[string]func(*net.TCPConn){
		"an end":         func(*net.TCPConn) {},
		"a reset":        func(conn *net.TCPConn) { _ = conn.SetLinger(0) },
		"half a line":    func(conn *net.TCPConn) { io.WriteString(conn, "HTTP/1.1 2") },
		"an end to come": func(conn *net.TCPConn) { time.Sleep(20 * time.Millisecond) },
	}
}

func TestALoneOriginThatHangsUpOnARequestIsNotAskedAgain(t *testing.T) { // RFC 9110 §9.2.2
	for how, end := range ends() {
		for method, make := range asks() {
			for _, reused := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/reused %t", how, method, reused), func(t *testing.T) {
					t.Parallel()
					o := startPlain(t, func(conn *net.TCPConn, _ string, number int) bool {
						if reused && number == 1 {
							io.WriteString(conn, answerFull)
							return true
						}
						end(conn)
						return false
					})
					pool := o.pool(t)
					if reused {
						requireFull(t, pool, ask(http.MethodGet, "/"))
					}
					before := o.requests.Load()
					_, err := pool.Fetch(t.Context(), make())
					var none *Error
					require.ErrorAs(t, err, &none)
					require.False(t, none.Unreached())
					require.Contains(t, []health.Class{health.RequestEOF, health.RequestReset, health.ProtocolError}, none.Class(), none)
					require.Len(t, none.Attempts, 1)
					require.Equal(t, before+1, o.requests.Load())
				})
			}
		}
	}
}

func TestAConnectionThatWasClosedWhileIdleCostsNobodyAnAnswer(t *testing.T) {
	for how, end := range map[string]func(*net.TCPConn){
		"an end":           func(*net.TCPConn) {},
		"a reset":          func(conn *net.TCPConn) { _ = conn.SetLinger(0) },
		"a late complaint": func(conn *net.TCPConn) { io.WriteString(conn, "HTTP/1.1 408 Request Timeout\r\n\r\n") },
	} {
		for method, make := range asks() {
			t.Run(how+"/"+method, func(t *testing.T) {
				t.Parallel()
				o := startPlain(t, func(conn *net.TCPConn, method string, _ int) bool {
					if method == http.MethodHead {
						io.WriteString(conn, strings.TrimSuffix(answerFull, "full"))
					} else {
						io.WriteString(conn, answerFull)
					}
					end(conn)
					return false // right behind an answer that does not say so
				})
				pool := o.pool(t)
				const times = 20
				for i := range times {
					got, err := pool.Fetch(t.Context(), make())
					require.NoError(t, err, "request %d", i)
					require.Equal(t, http.StatusOK, got.Response.StatusCode)
					_, err = io.Copy(io.Discard, got.Response.Body)
					require.NoError(t, err)
					require.NoError(t, got.Response.Body.Close())
					require.Eventually(t, func() bool { return o.closed.Load() > int64(i) }, 30*time.Second, time.Millisecond)
				}
				require.EqualValues(t, times, o.requests.Load(), "each was sent once")
			})
		}
	}
}

func TestAConnectionToALoneOriginIsUsedAsLongAsTheOriginSays(t *testing.T) { // RFC 2068 §19.7.1.1
	second := time.Second
	for keep, want := range map[string]time.Duration{
		"timeout=5, max=100": 4 * second, "max=9, TIMEOUT=60": 59 * second, "timeout=1": second / 2, `timeout="2"`: second,
		"": 0, "max=5": 0, "timeout=soon": 0, "timeout=-1": 0, "timeout": 0,
	} {
		c := &connection{}
		c.heed(http.Header{"Keep-Alive": {keep}})
		require.Equal(t, want, time.Duration(c.keep.Load()), keep)
	}
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	for _, test := range []struct {
		keep, idle, most time.Duration
		reused, usable   bool
	}{
		{0, time.Hour, 0, true, true}, {0, 3 * second, loneIdle, true, true}, {0, loneIdle, loneIdle, true, false},
		{0, loneIdle, loneIdle, false, true}, {59 * second, 10 * second, loneIdle, true, true}, {59 * second, 59 * second, 0, true, false},
	} {
		c := &connection{Conn: near}
		c.keep.Store(int64(test.keep))
		c.begin(test.reused, test.idle, test.most)
		require.Equal(t, test.usable, !c.over.Load(), test)
	}
}

func TestARequestIsWrittenToNoConnectionThatIsOver(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	c := &connection{Conn: near}
	c.begin(true, 0, 0)
	far.Close()
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	_, err = c.Write([]byte("GET"))
	require.ErrorIs(t, err, errClosedIdle)
	require.False(t, c.used())
	require.ErrorIs(t, c.cut(), io.EOF)

	begun := &connection{Conn: near}
	begun.written.Store(3)
	begun.over.Store(true)
	_, err = begun.Write([]byte(" / HTTP/1.1"))
	require.NotErrorIs(t, err, errClosedIdle, "what has begun goes on: an origin may still read")
	require.ErrorIs(t, begun.cut(), io.EOF)
}

func TestALoneOriginWhoseHTTP2IsCutIsNotAskedAgainButOtherwise(t *testing.T) {
	m := startMixed(t, servePage, resetEarly)
	m.among(t, m.origin)
	for i := range manyCuts {
		_, err := m.pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
		var none *Error
		require.ErrorAs(t, err, &none)
		require.Equal(t, health.StreamReset, none.Class())
		require.EqualValues(t, i+1, m.by2.Load())
		require.Zero(t, m.by1.Load(), "it may have been acted on")
	}
	got, err := m.pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
	requireAnswer(t, got, err, "www.gazette.example", page)
	require.EqualValues(t, manyCuts, m.by2.Load(), "the next one goes by HTTP/1.1")
}

func TestALoneOriginOfHTTP2AloneIsNotLeftToHTTP1(t *testing.T) {
	for _, strict := range []bool{true, false} {
		m := startHTTP2(t, strict, exceptBroken)
		m.among(t, m.origin)
		for range manyCuts {
			_, err := m.pool.Fetch(t.Context(), ask(http.MethodGet, "/broken"))
			require.Error(t, err)
		}
		_, err := m.pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
		require.Error(t, err, "a trial of HTTP/1.1")
		got, err := m.pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
		requireAnswer(t, got, err, "a", page)
		require.Equal(t, 2, got.Response.ProtoMajor)
	}
}

func TestEveryRequestToAServerThatClosesAtItsLeisureIsAnswered(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "full") }))
	defer server.Close()
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	origin := NewOrigin(Config{ID: id("a"), URL: u})
	tracker := health.NewTracker(health.Options{})
	tracker.Configure(map[health.ID]health.Policy{origin.ID: {}})
	pool := NewPool(Site{Name: siteName, Origins: []*Origin{origin}, Gate: builtin()}, tracker, Events{})
	defer pool.Close()
	for range 20 {
		requireFull(t, pool, letter())
		server.CloseClientConnections()
	}
}
