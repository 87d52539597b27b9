package probe

import (
	"context"
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// blackhole is a port of loopback where nobody accepts and the queue is full, so that
// Linux drops every further attempt to connect.
func blackhole(t *testing.T) (port string) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Close(fd)) })
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, syscall.Listen(fd, 0))
	bound, err := syscall.Getsockname(fd)
	require.NoError(t, err)
	port = strconv.Itoa(bound.(*syscall.SockaddrInet4).Port)
	for range 16 {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
		cancel()
		if err != nil {
			return port
		}
		t.Cleanup(func() { conn.Close() })
	}
	require.Fail(t, "the queue is never full")
	return ""
}

func TestAnAttemptThatIsDroppedIsATimeout(t *testing.T) {
	target := serve(t, "https", silent)
	target.URL.Host = net.JoinHostPort(name, blackhole(t))
	target.Timeout = short
	r := One(t.Context(), target, loopback)
	require.Equal(t, health.ConnectTimeout, r.Class, r.Reason)
	require.Equal(t, health.StageConnect, r.Stage)
	require.NotEmpty(t, r.Evidence)
	requireSteps(t, r)
}
