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

// Upgraded connections belong to nobody that net/http would wait for.
func TestShutdownCutsUpgradedConnections(t *testing.T) {
	left := make(chan struct{})
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		<-r.Context().Done()
		conn.Close()
		close(left)
	}), nil, &journal{})
	conn, err := net.Dial("tcp", s.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: front.test\r\n\r\n")
	_, err = http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.NoError(t, s.Shutdown(t.Context()))
	<-left
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
