package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// handedOver is a socket that a test hands over as a service manager does.
type handedOver struct {
	name    string
	file    *os.File
	address string
}

// handTCP opens a TCP socket on loopback to hand over.
func handTCP(t *testing.T, name string) handedOver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	file, err := l.(*net.TCPListener).File()
	require.NoError(t, err)
	t.Cleanup(func() { file.Close() })
	return handedOver{name, file, l.Addr().String()}
}

// runWith is "heliograph run -c" on the configuration, with the sockets handed
// over. It has not started yet.
func runWith(t *testing.T, config string, log io.Writer, sockets ...handedOver) *exec.Cmd {
	t.Helper()
	self, err := exec.LookPath("heliograph") // TestMain put it there
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "heliograph.yaml")
	require.NoError(t, os.WriteFile(path, []byte(config), 0o600))
	// Only the process itself knows its number, and the shell becomes that process.
	command := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh", self, "run", "-c", path)
	var names []string
	for _, s := range sockets {
		names = append(names, s.name)
		command.ExtraFiles = append(command.ExtraFiles, s.file)
	}
	command.Env = append(os.Environ(),
		fmt.Sprintf("LISTEN_FDS=%d", len(sockets)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	command.Stderr = log
	return command
}

func TestSocketsThatAreHandedOverAreServedOrClosed(t *testing.T) {
	origin := newspaper(t, "primary")
	front, second, admin, https := handTCP(t, "http"), handTCP(t, "http"), handTCP(t, "admin"), handTCP(t, "https")
	all := []handedOver{front, second, admin, https}
	log := &buffer{}
	config := fmt.Sprintf("listen: {http: \"192.0.2.1:80\", admin: \"127.0.0.1:1\"}\ndata: state\nsites:\n  - origins: [%q]\n", origin.URL)
	s := &spawned{command: runWith(t, config, log, all...), http: front.address, admin: admin.address}
	require.NoError(t, s.command.Start())
	t.Cleanup(func() {
		if s.command.ProcessState == nil {
			_ = s.command.Process.Kill()
			_ = s.command.Wait()
		}
	})
	for _, h := range all {
		require.NoError(t, h.file.Close()) // the edge alone holds them now
	}

	require.Eventually(t, func() bool {
		_, err := askReady(t.Context(), s.admin)
		return err == nil
	}, patience, 20*time.Millisecond, "%v", log)
	status, body := fetchFresh(t, "http://"+s.http+"/")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "Gazette")
	for _, unused := range []handedOver{second, https} {
		conn, err := net.Dial("tcp", unused.address)
		if err == nil {
			conn.Close()
		}
		require.ErrorIs(t, err, syscall.ECONNREFUSED, "%s lets readers in whom nobody serves", unused.name)
	}
	require.NoError(t, s.Stop())
	require.Contains(t, log.String(), fmt.Sprintf(`"sockets":["http (%s)","https (%s)"]`, second.address, https.address))
}

func TestASocketThatNobodyCanListenOnIsRefusedAtTheStart(t *testing.T) {
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer packets.Close()
	file, err := packets.(*net.UDPConn).File()
	require.NoError(t, err)
	defer file.Close()
	var log bytes.Buffer
	config := "listen: {http: \"127.0.0.1:0\", admin: \"127.0.0.1:0\"}\ndata: state\nsites:\n  - origins: [https://www.gazette.test]\n"
	command := runWith(t, config, &log, handTCP(t, "http"), handedOver{name: "quic", file: file})
	require.Error(t, command.Run())
	require.Contains(t, log.String(), "sockets handed over by the service manager: quic is no stream socket to listen on")
}
