package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// answering answers every request in the given way.
func answering(status int, line string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			status = http.StatusNotFound
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, line)
	})
}

// healthcheck runs the command as a supervisor does.
func healthcheck(t *testing.T, address string) (said string, err error) {
	t.Helper()
	var out bytes.Buffer
	root := rootCommand()
	root.SetOut(&out)
	root.SetArgs([]string{"healthcheck", "--admin", address})
	err = root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestHealthcheckPassesWhereReadersAreServed(t *testing.T) {
	server := httptest.NewServer(answering(http.StatusOK, "ready\n"))
	defer server.Close()
	said, err := healthcheck(t, server.Listener.Addr().String())
	require.NoError(t, err)
	require.Equal(t, "ready\n", said)
}

func TestHealthcheckReachesAUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: answering(http.StatusOK, "ready\n")}}
	server.Start()
	defer server.Close()
	said, err := healthcheck(t, "unix:"+path)
	require.NoError(t, err)
	require.Equal(t, "ready\n", said)
}

func TestHealthcheckFailsWhileTheEdgeDrains(t *testing.T) {
	server := httptest.NewServer(answering(http.StatusServiceUnavailable, "draining\n"))
	defer server.Close()
	said, err := healthcheck(t, server.Listener.Addr().String())
	require.ErrorContains(t, err, "is not ready: 503: draining")
	require.Empty(t, said)
}

func TestHealthcheckFailsWhereNobodyListens(t *testing.T) {
	server := httptest.NewServer(answering(http.StatusOK, "ready\n"))
	address := server.Listener.Addr().String()
	server.Close()
	_, err := healthcheck(t, address)
	require.ErrorContains(t, err, "does not answer on "+address)
}

func TestHealthcheckRefusesWhatIsNoAddress(t *testing.T) {
	_, err := healthcheck(t, "not an address")
	require.ErrorContains(t, err, "--admin not an address is not an address such as")
}
