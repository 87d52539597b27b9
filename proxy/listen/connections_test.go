package listen_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/proxy/listen"
)

// waitConnections waits until the server counts these.
func waitConnections(t *testing.T, s *listen.Server, want listen.Connections) {
	t.Helper()
	require.Eventually(t, func() bool { return s.Connections() == want }, waitLong, tick, "want %+v", want)
}

// dial connects to the server without asking for anything.
func dial(t *testing.T, s *listen.Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestConnectionsAreCountedByState(t *testing.T) {
	arrived, more := make(chan struct{}), make(chan struct{})
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-more
		greeting(w, r)
	}), nil, &journal{})
	require.Zero(t, s.Connections())

	quiet, busy := dial(t, s), dial(t, s)
	waitConnections(t, s, listen.Connections{New: 2})
	answers := bufio.NewReader(busy)
	for range 2 { // a kept connection goes round
		io.WriteString(busy, "GET / HTTP/1.1\r\nHost: front.test\r\n\r\n")
		<-arrived
		require.Equal(t, listen.Connections{New: 1, Active: 1}, s.Connections())
		more <- struct{}{}
		answer, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, answer.Body)
		require.NoError(t, err)
		waitConnections(t, s, listen.Connections{New: 1, Idle: 1})
	}
	require.NoError(t, quiet.Close())
	waitConnections(t, s, listen.Connections{Idle: 1})
	require.NoError(t, busy.Close())
	waitConnections(t, s, listen.Connections{})
}

func TestAnUpgradedConnectionIsCountedNoMore(t *testing.T) {
	taken, more := make(chan struct{}), make(chan struct{})
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		close(taken)
		<-more
		if err == nil {
			conn.Close()
		}
	}), nil, &journal{})
	io.WriteString(dial(t, s), "GET / HTTP/1.1\r\nHost: front.test\r\n\r\n")
	<-taken
	require.Zero(t, s.Connections())
	close(more)
}

func TestHTTP2ConnectionsAreCounted(t *testing.T) {
	data := t.TempDir()
	k := newKeeper(t, listen.Certificates{Internal: true, Names: []string{"front.test"}, Data: data})
	arrived, more := make(chan struct{}), make(chan struct{})
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-more
		greeting(w, r)
	}), k.TLS(), &journal{})
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	client := clientTo(t, s, authority(t, data), protocols)
	got := make(chan string, 1)
	go func() {
		body, err := fetch(client, "https://front.test/")
		if err != nil {
			body = err.Error()
		}
		got <- body
	}()
	<-arrived
	require.Equal(t, listen.Connections{Active: 1}, s.Connections())
	close(more)
	require.Equal(t, "HTTP/2.0", <-got)
	waitConnections(t, s, listen.Connections{Idle: 1})
	client.CloseIdleConnections()
	waitConnections(t, s, listen.Connections{})
}
