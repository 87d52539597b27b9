package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// socket is a reader's end of a WebSocket through an edge.
type socket struct {
	net.Conn
	answer *bufio.Reader
}

// openSocket opens the newspaper's WebSocket, which sends everything back.
func openSocket(t *testing.T, front string) *socket {
	t.Helper()
	conn, err := net.Dial("tcp", front)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(conn, "GET /socket HTTP/1.1\r\nHost: "+front+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	require.NoError(t, err)
	answer := bufio.NewReader(conn)
	response, err := http.ReadResponse(answer, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	return &socket{conn, answer}
}

// echoes checks that the socket still works.
func (s *socket) echoes(t *testing.T) {
	t.Helper()
	// A masked text frame "hi" with a mask of zeros, RFC 6455 §5.2.
	_, err := io.WriteString(s, "\x81\x82\x00\x00\x00\x00hi")
	require.NoError(t, err)
	echo := make([]byte, 4)
	_, err = io.ReadFull(s.answer, echo)
	require.NoError(t, err)
	require.Equal(t, "\x81\x02hi", string(echo))
}

func TestAWebSocketLivesOnDuringTheDrain(t *testing.T) {
	origin := newspaper(t, "primary")
	self, err := exec.LookPath("heliograph")
	require.NoError(t, err)
	s := spawnEdge(t, []string{self, self}, fmt.Sprintf("  - origins: [%q]\n", origin.URL))
	open := openSocket(t, s.http)
	open.echoes(t)
	ended := make(chan error, 1)
	go func() { ended <- s.Stop() }() // which waits for the process
	require.True(t, eventually(func() bool {
		conn, err := net.Dial("tcp", s.http)
		if err == nil {
			conn.Close()
		}
		return err != nil
	}), "new readers are still let in")
	open.echoes(t)
	select {
	case err := <-ended:
		require.Fail(t, "the edge did not wait", "%v", err)
	default:
	}
	require.NoError(t, open.Close())
	require.NoError(t, <-ended)
	log, err := os.ReadFile(s.log)
	require.NoError(t, err)
	require.NotContains(t, string(log), "requests were cut")
}

func TestAWebSocketIsCutAtTheEndOfTheDrain(t *testing.T) {
	origin := newspaper(t, "primary")
	s := startStation(t, t.TempDir(), fmt.Sprintf("  - origins: [%q]\n", origin.URL))
	text, err := os.ReadFile(s.path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.path, bytes.Replace(text, []byte("drain: 5s"), []byte("drain: 100ms"), 1), 0o600))
	require.NoError(t, s.Reload())
	open := openSocket(t, s.Addr("http").String())
	open.echoes(t)
	s.Shutdown()
	_, err = open.answer.ReadByte()
	require.ErrorIs(t, err, io.EOF)
	require.Contains(t, s.log.String(), "1 requests and upgraded connections were cut")
	require.Contains(t, s.log.String(), `"status":101`, "its record was told before the log was closed")
}
