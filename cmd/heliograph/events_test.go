package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health/lab"
)

// waitLog waits until the log has a line with all these words in it, and returns it.
func (s *station) waitLog(t *testing.T, words ...string) string {
	t.Helper()
	var found string
	require.Eventually(t, func() bool {
		for line := range strings.Lines(s.log.String()) {
			found = line
			all := true
			for _, word := range words {
				all = all && strings.Contains(line, word)
			}
			if all {
				return true
			}
		}
		return false
	}, 30*time.Second, 10*time.Millisecond, "no line with %q", words)
	return found
}

func TestTheLogTellsWhenTheEdgeDoubtsItsOwnNetwork(t *testing.T) {
	l, err := lab.Start(lab.Options{Plain: true})
	require.NoError(t, err)
	defer l.Close()
	var urls []string
	for _, o := range l.Origins()[:2] {
		require.NoError(t, o.Break(lab.Down))
		urls = append(urls, "http://"+o.Addr().String())
	}
	s := startStation(t, t.TempDir(), fmt.Sprintf("  - origins: [\"%s\", \"%s\"]\n", urls[0], urls[1]))
	defer s.Shutdown()
	doubt := s.waitLog(t, `"level":"WARN"`, `"own network doubted`)
	require.Contains(t, doubt, "all 2 origins stopped answering")
	require.NotContains(t, s.log.String(), "trusted again")
	require.NoError(t, l.Mend())
	s.waitLog(t, `"level":"INFO"`, `"own network trusted again"`, `"doubted":"`)
	require.Equal(t, 1, strings.Count(s.log.String(), "own network doubted"))
}

// What the wiring alone brings into the metrics.
func TestTheMetricsAreWiredToTheEdge(t *testing.T) {
	l, err := lab.Start(lab.Options{})
	require.NoError(t, err)
	defer l.Close()
	directory := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(directory, "lab.pem"), l.CAPEM(), 0o600))
	plain := newspaper(t, "plain")
	secure := l.Origins()[0]
	began := time.Now().Unix()
	s := startStation(t, directory, fmt.Sprintf(`
  - name: known
    fronts: [known.test]
    identity: {contains: ["%s"]}
    origins: [{name: secure, url: "https://%s:%d", address: ["%s"], ca: lab.pem}]
  - {name: unknown, fronts: [unknown.test], origins: [{name: plain, url: "%s"}]}
`, lab.Marker, secure.Name(), secure.Addr().Port(), secure.Addr().Addr(), plain.URL))
	defer s.Shutdown()
	s.verdictOf(t, "secure", "healthy")
	s.verdictOf(t, "plain", "healthy")

	metrics := s.api(t, "/metrics")
	require.Contains(t, metrics, "heliograph_config_last_reload_successful 1\n")
	require.Contains(t, metrics, `heliograph_config_reloads_total{result="accepted"} 0`)
	require.Contains(t, metrics, `heliograph_origin_content_match{origin="secure",site="known"} 1`)
	require.NotContains(t, metrics, `heliograph_origin_content_match{origin="plain"`)
	require.Contains(t, metrics, `heliograph_origin_cert_not_after_timestamp_seconds{origin="plain",site="unknown"} 0`)
	require.Contains(t, metrics, `heliograph_http_connections{listener="admin",state="active"} 1`)
	require.Contains(t, metrics, `heliograph_http_connections{listener="http",state="active"} 0`)
	require.Contains(t, metrics, `heliograph_http_requests_in_flight{site="known"} 0`)
	require.Greater(t, number64(t, metrics, `heliograph_origin_cert_not_after_timestamp_seconds{origin="secure",site="known"} `), float64(began))
	require.GreaterOrEqual(t, number64(t, metrics, "heliograph_config_last_reload_success_timestamp_seconds "), float64(began))
	require.Contains(t, s.api(t, "/api/v1/sites"), `"certificate_not_after"`)
}

// number64 is the value of the series that the beginning of a line names.
func number64(t *testing.T, metrics, series string) float64 {
	t.Helper()
	var value float64
	_, rest, found := strings.Cut(metrics, "\n"+series)
	require.True(t, found, series)
	_, err := fmt.Sscan(rest, &value)
	require.NoError(t, err)
	return value
}
