package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health/lab"
)

// buffer is a log that may be read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String is what was written so far.
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// station is an edge under test, with the configuration file that it reads.
type station struct {
	*edge
	path string
	log  *buffer
}

// startStation starts an edge on free ports with the given sites.
func startStation(t *testing.T, directory, sites string) *station {
	t.Helper()
	s := &station{path: filepath.Join(directory, "heliograph.yaml"), log: &buffer{}}
	s.write(t, sites)
	e, err := startEdge(edgeOptions{log: s.log, load: func() (*configs.File, error) { return configs.Load(s.path) }})
	require.NoError(t, err)
	s.edge = e
	return s
}

// write replaces the sites in the configuration file.
func (s *station) write(t *testing.T, sites string) {
	t.Helper()
	head := "listen: {http: \"127.0.0.1:0\", admin: \"127.0.0.1:0\"}\ndata: state\ndrain: 5s\nsites:\n"
	require.NoError(t, os.WriteFile(s.path, []byte(head+sites), 0o600))
}

// get fetches a path from the front.
func (s *station) get(t *testing.T, path string) (*http.Response, string) {
	t.Helper()
	return fetch(t, "http://"+s.Addr("http").String()+path)
}

// api fetches a path from the admin listener.
func (s *station) api(t *testing.T, path string) string {
	t.Helper()
	_, body := fetch(t, "http://"+s.Addr("admin").String()+path)
	return body
}

// fetch gets a URL and reads the answer whole.
func fetch(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

// newspaper is a plain origin on loopback.
func newspaper(t *testing.T, name string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(lab.Newspaper(name))
	t.Cleanup(server.Close)
	return server
}

// verdictOf waits until an origin has the verdict.
func (s *station) verdictOf(t *testing.T, origin, verdict string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, v := range s.tracker.All() {
			if v.ID.Origin == origin && string(v.Verdict) == verdict {
				return true
			}
		}
		return false
	}, 30*time.Second, 10*time.Millisecond, "%s never became %s: %v", origin, verdict, s.log)
}

func TestAnEdgeServesFromThePrimaryAndThenFromTheNextOrigin(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { // after the origins are gone
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
	primary, alternate := newspaper(t, "primary"), newspaper(t, "alternate")
	s := startStation(t, t.TempDir(), fmt.Sprintf("  - origins: [\"%s\", \"%s\"]\n", primary.URL, alternate.URL))
	defer s.Shutdown()

	response, body := s.get(t, "/?first")
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Contains(t, body, lab.Marker)
	require.Equal(t, "primary", response.Header.Get("X-Served-By"))

	primary.CloseClientConnections()
	primary.Close()
	response, body = s.get(t, "/?second")
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Contains(t, body, lab.Marker)
	require.Equal(t, "alternate", response.Header.Get("X-Served-By"))
	require.Contains(t, s.api(t, "/metrics"), `heliograph_failovers_total{from="`+primary.URL+`",reason="connect"`)
}

func TestAnEdgeStartsAndServesWithNoOriginResolvable(t *testing.T) {
	s := startStation(t, t.TempDir(), "  - origins: [https://www.gazette.test, https://gazette.test]\n")
	defer s.Shutdown()
	response, body := s.get(t, "/")
	require.GreaterOrEqual(t, response.StatusCode, 502)
	require.LessOrEqual(t, response.StatusCode, 504)
	require.NotEmpty(t, response.Header.Get("Retry-After"))
	require.NotContains(t, body, "gazette")
	require.Equal(t, "ok\n", s.api(t, "/healthz"))
	require.Equal(t, "ready\n", s.api(t, "/readyz"))
}

func TestAReloadDropsNoRequestAndKeepsVerdicts(t *testing.T) {
	primary, alternate := newspaper(t, "primary"), newspaper(t, "alternate")
	both := fmt.Sprintf("  - {name: gazette, origins: [\"%s\", \"%s\"]}\n", primary.URL, alternate.URL)
	s := startStation(t, t.TempDir(), both)
	defer s.Shutdown()
	s.verdictOf(t, primary.URL, "healthy")
	s.verdictOf(t, alternate.URL, "healthy")

	var failed, done atomic.Int64
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				response, err := http.Get(fmt.Sprintf("http://%s/?%d", s.Addr("http"), i))
				if err != nil || response.StatusCode != http.StatusOK {
					failed.Add(1)
					continue
				}
				if _, err := io.Copy(io.Discard, response.Body); err != nil {
					failed.Add(1)
				}
				response.Body.Close()
				done.Add(1)
			}
		})
	}
	for range 10 {
		before := done.Load()
		require.NoError(t, s.Reload())
		for _, v := range s.tracker.All() {
			require.Equal(t, "healthy", string(v.Verdict), "a reload made %s forget", v.ID.Origin)
		}
		require.Eventually(t, func() bool { return done.Load() > before }, 10*time.Second, time.Millisecond)
	}
	close(stop)
	readers.Wait()
	require.Zero(t, failed.Load())
	for _, v := range s.tracker.All() {
		require.Zero(t, v.Failures, "a reload was counted as a failure of %s", v.ID.Origin)
	}
}

func TestAReloadTakesSitesInAndOut(t *testing.T) {
	first, second := newspaper(t, "first"), newspaper(t, "second")
	s := startStation(t, t.TempDir(), fmt.Sprintf("  - {name: one, fronts: [one.test], origins: [\"%s\"]}\n", first.URL))
	defer s.Shutdown()
	as := func(front string) int {
		request, err := http.NewRequest(http.MethodGet, "http://"+s.Addr("http").String()+"/", nil)
		require.NoError(t, err)
		request.Host = front
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		response.Body.Close()
		return response.StatusCode
	}
	require.Equal(t, http.StatusOK, as("one.test"))
	require.Equal(t, http.StatusMisdirectedRequest, as("two.test"))

	s.write(t, fmt.Sprintf("  - {name: two, fronts: [two.test], origins: [\"%s\"]}\n", second.URL))
	response, err := http.Post("http://"+s.Addr("admin").String()+"/api/v1/reload", "", nil)
	require.NoError(t, err)
	response.Body.Close()
	require.Equal(t, http.StatusNoContent, response.StatusCode)
	require.Equal(t, http.StatusMisdirectedRequest, as("one.test"))
	require.Equal(t, http.StatusOK, as("two.test"))
	metrics := s.api(t, "/metrics")
	require.NotContains(t, metrics, `site="one"`)
	require.Contains(t, metrics, `site="two"`)
}

func TestARefusedReloadLeavesEverythingRunningAndSaysWhy(t *testing.T) {
	origin := newspaper(t, "primary")
	s := startStation(t, t.TempDir(), fmt.Sprintf("  - origins: [\"%s\"]\n", origin.URL))
	defer s.Shutdown()
	s.write(t, "  - orgins: [https://www.gazette.test]\n")
	response, err := http.Post("http://"+s.Addr("admin").String()+"/api/v1/reload", "", nil)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnprocessableEntity, response.StatusCode)
	require.Contains(t, string(body), "heliograph.yaml:5:5")
	require.Contains(t, string(body), "orgins")

	served, _ := s.get(t, "/")
	require.Equal(t, http.StatusOK, served.StatusCode)
	metrics := s.api(t, "/metrics")
	require.Contains(t, metrics, "heliograph_config_last_reload_successful 0")
	require.Contains(t, metrics, `heliograph_config_reloads_total{result="refused"} 1`)
}

func TestAReloadRefusesWhatOnlyARestartCanChange(t *testing.T) {
	origin := newspaper(t, "primary")
	s := startStation(t, t.TempDir(), fmt.Sprintf("  - origins: [\"%s\"]\n", origin.URL))
	defer s.Shutdown()
	text, err := os.ReadFile(s.path)
	require.NoError(t, err)
	changed := strings.Replace(string(text), `http: "127.0.0.1:0"`, `http: "127.0.0.1:1"`, 1)
	require.NoError(t, os.WriteFile(s.path, []byte("cache: {memory: 64MiB}\n"+changed), 0o600))
	err = s.Reload()
	require.ErrorContains(t, err, "listen.http: cannot change from 127.0.0.1:0 to 127.0.0.1:1 in a reload")
	require.ErrorContains(t, err, "cache.memory: cannot change")
}

func TestVerdictsSurviveARestart(t *testing.T) {
	origin := newspaper(t, "primary")
	dead := newspaper(t, "dead")
	dead.Close()
	directory := t.TempDir()
	sites := fmt.Sprintf("  - {name: gazette, origins: [\"%s\", \"%s\"], health: {interval: 1s, fall: 1}}\n", dead.URL, origin.URL)
	s := startStation(t, directory, sites)
	s.verdictOf(t, dead.URL, "down")
	s.Shutdown()
	require.FileExists(t, filepath.Join(directory, "state", "verdicts.json"))

	origin.Close() // nothing can be learnt anew
	again := startStation(t, directory, sites)
	defer again.Shutdown()
	for _, v := range again.tracker.All() {
		if v.ID.Origin == dead.URL {
			require.Equal(t, "down", string(v.Verdict))
		}
	}
}

func TestAShutdownLetsRequestsEnd(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/slow" {
			return
		}
		close(arrived)
		<-release
		fmt.Fprint(w, "whole")
	}))
	defer origin.Close()
	s := startStation(t, t.TempDir(), fmt.Sprintf("  - origins: [\"%s\"]\n", origin.URL))
	front := s.Addr("http").String()
	body := make(chan string)
	go func() {
		response, err := http.Post("http://"+front+"/slow", "text/plain", nil)
		if err != nil {
			body <- err.Error()
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		body <- string(text)
	}()
	<-arrived
	ended := make(chan struct{})
	go func() {
		s.Shutdown()
		close(ended)
	}()
	require.Eventually(t, func() bool {
		_, err := http.Get("http://" + front + "/")
		return err != nil
	}, 10*time.Second, time.Millisecond, "new readers are still let in")
	close(release)
	require.Equal(t, "whole", <-body)
	<-ended
}

func TestAnEdgeSaysWhyItCannotStart(t *testing.T) {
	taken := newspaper(t, "taken")
	directory := t.TempDir()
	path := filepath.Join(directory, "heliograph.yaml")
	address := strings.TrimPrefix(taken.URL, "http://")
	require.NoError(t, os.WriteFile(path, []byte("listen: {http: \""+address+"\", admin: \"127.0.0.1:0\"}\ndata: state\nsites:\n  - origins: [https://www.gazette.test]\n"), 0o600))
	_, err := startEdge(edgeOptions{log: io.Discard, load: func() (*configs.File, error) { return configs.Load(path) }})
	require.ErrorContains(t, err, "listen.http: cannot open "+address)
	require.ErrorContains(t, err, "another program uses the port")
}

func TestTheLogNamesNoReader(t *testing.T) {
	origin := newspaper(t, "primary")
	s := startStation(t, t.TempDir(), fmt.Sprintf("  - origins: [\"%s\"]\n", strings.Replace(origin.URL, "127.0.0.1", "localhost", 1)))
	request, err := http.NewRequest(http.MethodGet, "http://"+s.Addr("http").String()+"/?token=secret", nil)
	require.NoError(t, err)
	request.Header.Set("Cookie", "session=secret")
	request.Header.Set("X-Forwarded-For", "198.51.100.7")
	request.Header.Set("User-Agent", "Peculiar/1.0")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	response.Body.Close()
	s.Shutdown()
	log := s.log.String()
	require.Contains(t, log, `"msg":"request"`)
	for line := range strings.Lines(log) {
		if strings.Contains(line, `"msg":"request"`) {
			require.NotContains(t, line, "127.0.0.1")
			require.NotContains(t, line, "secret")
			require.NotContains(t, line, "198.51.100.7")
			require.NotContains(t, line, "Peculiar")
		}
	}
}
