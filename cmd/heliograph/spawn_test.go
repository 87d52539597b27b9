package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for something that takes a few seconds on an
// idle machine.
const patience = 90 * time.Second

// spawned is an edge as its user runs it, in a process of its own.
type spawned struct {
	command     *exec.Cmd
	http, admin string
	log         string // a file
}

// spawnEdge runs "heliograph run -c" with the given sites, and returns when it says
// that it serves. line is the program's file and the words that its command line
// begins with.
func spawnEdge(tb testing.TB, line []string, sites string) *spawned {
	tb.Helper()
	dir := tb.TempDir()
	s := &spawned{
		http: fmt.Sprintf("127.0.0.1:%d", quietPort(tb)), admin: fmt.Sprintf("127.0.0.1:%d", quietPort(tb)),
		log: filepath.Join(dir, "log"),
	}
	path := filepath.Join(dir, "heliograph.yaml")
	config := fmt.Sprintf("listen: {http: %q, admin: %q}\ndata: state\nsites:\n%s", s.http, s.admin, sites)
	require.NoError(tb, os.WriteFile(path, []byte(config), 0o600))
	log, err := os.Create(s.log)
	require.NoError(tb, err)
	defer log.Close()
	s.command = exec.Command(line[0])
	s.command.Args = slices.Concat(line[1:], []string{"run", "-c", path})
	s.command.Stderr = log
	require.NoError(tb, s.command.Start())
	tb.Cleanup(func() {
		if s.command.ProcessState == nil {
			_ = s.command.Process.Kill()
			_ = s.command.Wait()
		}
	})
	require.Eventually(tb, func() bool {
		_, err := askReady(tb.Context(), s.admin)
		return err == nil
	}, patience, 20*time.Millisecond, "the edge is not ready")
	return s
}

// Stop ends it as a service manager does, and returns how it ended.
func (s *spawned) Stop() error {
	_ = s.command.Process.Signal(syscall.SIGTERM)
	return s.command.Wait()
}

// Sum adds up a metric's series that have all the given labels, such as
// `origin="primary"`.
func (s *spawned) Sum(tb testing.TB, name string, labels ...string) float64 {
	tb.Helper()
	_, text := fetchFresh(tb, "http://"+s.admin+"/metrics")
	sum, found := 0.0, false
series:
	for line := range strings.Lines(text) {
		series, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || !strings.HasPrefix(series, name+"{") {
			continue
		}
		for _, l := range labels {
			if !strings.Contains(series, l) {
				continue series
			}
		}
		number, err := strconv.ParseFloat(value, 64)
		require.NoError(tb, err, line)
		sum, found = sum+number, true
	}
	require.True(tb, found, "no series %s%v", name, labels)
	return sum
}

// fetchFresh gets a URL over a connection of its own.
func fetchFresh(tb testing.TB, url string) (status int, body string) {
	tb.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, url, nil)
	require.NoError(tb, err)
	response, err := transport.RoundTrip(request)
	require.NoError(tb, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(tb, err)
	return response.StatusCode, string(text)
}

// quietPort returns a free loopback port below those that the system hands out to
// connections: it stays free while a server that had it is down.
func quietPort(tb testing.TB) int {
	tb.Helper()
	for range 1000 {
		port := 20000 + rand.IntN(10000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			require.NoError(tb, l.Close())
			return port
		}
	}
	require.Fail(tb, "no loopback port is free")
	return 0
}

// eventually reports whether the condition came to hold. It may fail the test,
// which require.Eventually's may not.
func eventually(holds func() bool) bool {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if holds() {
			return true
		}
	}
	return false
}
