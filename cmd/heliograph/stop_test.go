package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/configs"
)

func TestAnEdgeThatStopsRefusesToReload(t *testing.T) {
	origin := newspaper(t, "primary")
	s := startStation(t, t.TempDir(), fmt.Sprintf("  - origins: [\"%s\"]\n", origin.URL))
	var reloads sync.WaitGroup
	reloads.Go(func() {
		for s.Reload() == nil {
		}
	})
	s.Shutdown()
	reloads.Wait()
	require.EqualError(t, s.Reload(), "the edge is stopping")
}

func TestAnEdgeThatCannotStartLeavesNoSocketOpen(t *testing.T) {
	taken := newspaper(t, "taken")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	path := filepath.Join(t.TempDir(), "heliograph.yaml")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil,
		"listen: {http: %q, admin: %q}\ndata: state\nsites:\n  - origins: [https://www.gazette.test]\n",
		address, taken.Listener.Addr()), 0o600))
	_, err = startEdge(edgeOptions{log: io.Discard, load: func() (*configs.File, error) { return configs.Load(path) }})
	require.ErrorContains(t, err, "listen.admin: cannot open")
	again, err := net.Listen("tcp", address)
	require.NoError(t, err)
	require.NoError(t, again.Close())
}

// Pages that were accepted by other rules are not what the configuration asks for.
func TestAReloadThatChangesTheIdentityServesNoPageOfTheOldOne(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "The Harbour Gazette")
	}))
	defer origin.Close()
	sites := func(marker string) string {
		return fmt.Sprintf("  - {name: gazette, origins: [\"%s\"], identity: {contains: [\"%s\"]}}\n", origin.URL, marker)
	}
	s := startStation(t, t.TempDir(), sites("Harbour"))
	defer s.Shutdown()
	s.get(t, "/")
	require.Eventually(t, func() bool { return s.cache.Usage().Pages == 1 }, waitLong, time.Millisecond)
	require.NoError(t, s.Reload())
	answer, _ := s.get(t, "/")
	require.Contains(t, answer.Header.Get("Cache-Status"), "; hit")

	s.write(t, sites("Gazette"))
	require.NoError(t, s.Reload())
	answer, _ = s.get(t, "/")
	require.Contains(t, answer.Header.Get("Cache-Status"), "fwd=uri-miss")
}
