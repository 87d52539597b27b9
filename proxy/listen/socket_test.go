package listen_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/proxy/listen"
)

// sockets are those of a process that was handed none.
func sockets(t *testing.T) *listen.Sockets {
	t.Helper()
	s, err := listen.Inherit()
	require.NoError(t, err)
	return s
}

func TestUnixSocketIsForThisUserAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	l, err := sockets(t).Open("admin", "unix:"+path)
	require.NoError(t, err)
	about, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), about.Mode().Perm())

	s := listen.NewServer(l, http.HandlerFunc(greeting), nil, (&journal{}).logger())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve() }()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	body, err := fetch(&http.Client{Transport: transport}, "http://heliograph/")
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1", body)
	transport.CloseIdleConnections()

	_, err = sockets(t).Open("admin", "unix:"+path)
	require.ErrorContains(t, err, "another process serves unix:"+path)
	require.NoError(t, s.Shutdown(t.Context()))
	require.ErrorIs(t, <-ended, http.ErrServerClosed)
}

func TestSocketThatWasLeftBehindIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	l.SetUnlinkOnClose(false) // as if the process had died
	require.NoError(t, l.Close())
	again, err := sockets(t).Open("admin", "unix:"+path)
	require.NoError(t, err)
	require.NoError(t, again.Close())
}

func TestFileInTheSocketsPlaceIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.txt")
	require.NoError(t, os.WriteFile(path, []byte("precious"), 0o600))
	_, err := sockets(t).Open("http", "unix:"+path)
	require.EqualError(t, err, "listen.http: "+path+" is there and is no socket; remove it, or choose another path")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "precious", string(text))
}

func TestPortInUseIsAnErrorAtTheStart(t *testing.T) {
	first, err := sockets(t).Open("http", "127.0.0.1:0")
	require.NoError(t, err)
	defer first.Close()
	_, err = sockets(t).Open("http", first.Addr().String())
	require.ErrorContains(t, err, "listen.http: cannot open "+first.Addr().String())
	require.ErrorContains(t, err, "another program uses the port")
}
