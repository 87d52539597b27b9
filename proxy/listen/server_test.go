package listen_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/proxy/listen"
)

func TestShutdownLetsRequestsEnd(t *testing.T) {
	arrived, more := make(chan struct{}), make(chan struct{})
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-more
		if r.Context().Err() != nil {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, "whole")
	}), nil, &journal{})
	client := clientTo(t, s, nil, nil)
	got := make(chan string, 1)
	go func() {
		body, err := fetch(client, "http://front.test/")
		if err != nil {
			body = err.Error()
		}
		got <- body
	}()
	<-arrived
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), waitLong)
	defer cancel()
	go func() { ended <- s.Shutdown(ctx) }()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", s.Addr().String())
		if err == nil {
			conn.Close()
		}
		return err != nil
	}, waitLong, tick, "nobody new gets in")
	close(more)
	require.Equal(t, "whole", <-got)
	require.NoError(t, <-ended)
}

func TestShutdownCutsWhatDoesNotEndInTime(t *testing.T) {
	arrived, left := make(chan struct{}), make(chan struct{})
	s := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(left)
	}), nil, &journal{})
	client := clientTo(t, s, nil, nil)
	got := make(chan error, 1)
	go func() {
		_, err := fetch(client, "http://front.test/")
		got <- err
	}()
	<-arrived
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, s.Shutdown(ctx))
	require.Error(t, <-got)
	<-left
}

// echo upgrades a connection and sends everything back, until the reader leaves or
// the request is cut.
func echo(w http.ResponseWriter, r *http.Request) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	stop := context.AfterFunc(r.Context(), func() { conn.Close() })
	defer stop()
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	io.Copy(conn, buffered)
}

// tunnel is a reader's end of an upgraded connection.
type tunnel struct {
	net.Conn
	t      *testing.T
	answer *bufio.Reader
}

// upgrade has a server that runs echo upgrade the connection.
func upgrade(t *testing.T, conn net.Conn) *tunnel {
	t.Helper()
	_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: front.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	require.NoError(t, err)
	answer := bufio.NewReader(conn)
	switched, err := http.ReadResponse(answer, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, switched.StatusCode)
	return &tunnel{conn, t, answer}
}

// echoes checks that the tunnel still works.
func (u *tunnel) echoes(line string) {
	u.t.Helper()
	_, err := io.WriteString(u, line+"\n")
	require.NoError(u.t, err)
	back, err := u.answer.ReadString('\n')
	require.NoError(u.t, err)
	require.Equal(u.t, line+"\n", back)
}

// TestUpgradedConnectionsHaveTheDrainToo is about connections that net/http no
// longer knows of, and would not wait for.
func TestUpgradedConnectionsHaveTheDrainToo(t *testing.T) {
	const drain = 30 * time.Second
	for name, test := range map[string]struct {
		leaves time.Duration // after the drain began; zero: never
		takes  time.Duration
		cut    string
	}{
		"one that stays is cut at the end":     {0, drain, "1 requests and upgraded connections were cut: context deadline exceeded"},
		"one that ends is not waited for more": {20 * time.Second, 20 * time.Second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &oneConn{conns: make(chan net.Conn, 1), done: make(chan struct{})}
				s := listen.NewServer(l, http.HandlerFunc(echo), nil, (&journal{}).logger())
				ended := make(chan error, 1)
				go func() { ended <- s.Serve() }()
				reader, conn := net.Pipe()
				l.conns <- conn
				open := upgrade(t, reader)
				begun := time.Now()
				shut := make(chan error, 1)
				go func() {
					ctx, cancel := context.WithTimeout(t.Context(), drain)
					defer cancel()
					shut <- s.Shutdown(ctx)
				}()
				require.ErrorIs(t, <-ended, http.ErrServerClosed)
				for range 3 {
					open.echoes("still here")
					time.Sleep(5 * time.Second)
				}
				if test.leaves > 0 {
					time.Sleep(test.leaves - time.Since(begun))
					open.Close()
				}
				err := <-shut
				require.Equal(t, test.takes, time.Since(begun))
				if test.cut == "" {
					require.NoError(t, err)
				} else {
					require.EqualError(t, err, test.cut)
					_, err = open.answer.ReadByte()
					require.ErrorIs(t, err, io.EOF)
				}
				open.Close()
				require.NoError(t, s.Shutdown(t.Context()), "everything has ended")
			})
		})
	}
}

func TestShutdownWithNothingUnderWayEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &oneConn{conns: make(chan net.Conn, 1), done: make(chan struct{})}
		s := listen.NewServer(l, http.HandlerFunc(echo), nil, (&journal{}).logger())
		ended := make(chan error, 1)
		go func() { ended <- s.Serve() }()
		reader, conn := net.Pipe()
		l.conns <- conn
		open := upgrade(t, reader)
		open.echoes("one that was there before")
		open.Close()
		synctest.Wait()
		begun := time.Now()
		require.NoError(t, s.Shutdown(t.Context()))
		require.Zero(t, time.Since(begun))
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
	})
}

func TestHeadersAreBounded(t *testing.T) {
	s := serve(t, http.HandlerFunc(greeting), nil, &journal{})
	request, err := http.NewRequest(http.MethodGet, "http://front.test/", nil)
	require.NoError(t, err)
	request.Header.Set("X-Large", strings.Repeat("x", 80<<10))
	answer, err := clientTo(t, s, nil, nil).Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, answer.StatusCode)
}

// oneConn is a listener with one connection.
type oneConn struct {
	conns chan net.Conn
	done  chan struct{}
}

// Accept implements net.Listener.
func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *oneConn) Close() error {
	close(l.done)
	return nil
}

// Addr implements net.Listener.
func (l *oneConn) Addr() net.Addr { return &net.UnixAddr{Name: "front"} }

func TestReadersWhoSendNothingAreLetGo(t *testing.T) {
	for name, test := range map[string]struct {
		said string
		stay time.Duration
	}{
		"half a header":   {"GET / HTTP/1.1\r\nHost: fr", 10 * time.Second},
		"nothing at all":  {"", 10 * time.Second},
		"no next request": {"GET / HTTP/1.1\r\nHost: front.test\r\n\r\n", 75 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := &oneConn{conns: make(chan net.Conn, 1), done: make(chan struct{})}
			s := listen.NewServer(l, http.HandlerFunc(greeting), nil, (&journal{}).logger())
			ended := make(chan error, 1)
			go func() { ended <- s.Serve() }()
			reader, conn := net.Pipe()
			l.conns <- conn
			begun := time.Now()
			go io.WriteString(reader, test.said)
			_, err := io.Copy(io.Discard, reader)
			require.NoError(t, err)
			require.Equal(t, test.stay, time.Since(begun), name)
			reader.Close()
			require.NoError(t, s.Shutdown(t.Context()))
			require.ErrorIs(t, <-ended, http.ErrServerClosed)
		})
	}
}

// What net/http complains about names the readers; the log does not.
func TestLogNamesNoReader(t *testing.T) {
	log := &journal{}
	k := newKeeper(t, listen.Certificates{Internal: true, Names: []string{"front.test"}, Data: t.TempDir()})
	s := serve(t, http.HandlerFunc(greeting), k.TLS(), log)
	conn, err := net.Dial("tcp", s.Addr().String())
	require.NoError(t, err)
	io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n") // not TLS
	io.Copy(io.Discard, conn)
	conn.Close()
	gone, err := net.Dial("tcp", s.Addr().String())
	require.NoError(t, err)
	io.WriteString(gone, "\x16\x03\x01\x02\x00") // TLS, and then a reset
	require.NoError(t, gone.(*net.TCPConn).SetLinger(0))
	gone.Close()
	require.Eventually(t, func() bool { return strings.Count(log.String(), "TLS handshake error") == 2 }, waitLong, tick)
	require.NotContains(t, log.String(), "127.0.0.1")
	require.Contains(t, log.String(), "(reader)")
}

func TestPanicIsLoggedAsOne(t *testing.T) {
	log := &journal{}
	s := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/abort" {
			panic(http.ErrAbortHandler)
		}
		panic("a mistake")
	}), nil, log)
	for _, path := range []string{"/abort", "/panic"} {
		_, err := fetch(clientTo(t, s, nil, nil), "http://front.test"+path)
		require.Error(t, err)
	}
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "level=ERROR") }, waitLong, tick)
	require.Equal(t, 1, strings.Count(log.String(), "level=ERROR"), "to abort is no mistake")
	require.Contains(t, log.String(), "a mistake")
	require.NotContains(t, log.String(), "127.0.0.1")
}
