package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health/canary"
	"github.com/heliograph-edge/heliograph/health/lab"
)

// canaryKey is the same key for the same first byte of its seed.
func canaryKey(t *testing.T, first byte) canary.SigningKey {
	t.Helper()
	key, err := canary.NewSigningKey("gazette", strings.NewReader(string(first)+strings.Repeat("s", 31)))
	require.NoError(t, err)
	return key
}

// signCanary is the text of a canary that began a minute ago and lasts for so long.
func signCanary(t *testing.T, key canary.SigningKey, sequence uint64, lasts time.Duration) string {
	t.Helper()
	issued := time.Now().Add(-time.Minute)
	c, err := canary.Sign(canary.Canary{Site: "gazette", Sequence: sequence, Issued: issued, Expires: issued.Add(lasts)}, key)
	require.NoError(t, err)
	return c.String()
}

// provenNewspaper is an origin with a canary, which may be exchanged.
type provenNewspaper struct {
	*httptest.Server
	canary atomic.Value // of string
}

// startProven starts an origin with a canary.
func startProven(t *testing.T, name, text string) *provenNewspaper {
	t.Helper()
	p := new(provenNewspaper)
	p.canary.Store(text)
	pages := lab.Newspaper(name)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == canary.Path {
			fmt.Fprint(w, p.canary.Load())
			return
		}
		pages.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// classOf is the class of an origin's latest probe.
func (s *station) classOf(origin string) string {
	for _, v := range s.tracker.All() {
		if v.ID.Origin == origin {
			return string(v.Class)
		}
	}
	return ""
}

func TestReadersAreKeptFromAnOriginWithoutTheCanary(t *testing.T) {
	key := canaryKey(t, 'a')
	good := signCanary(t, key, 7, time.Hour)
	primary, alternate := startProven(t, "primary", good), startProven(t, "alternate", good)
	s := startStation(t, t.TempDir(), fmt.Sprintf(
		"  - {name: gazette, origins: [\"%s\", \"%s\"], health: {interval: 1s}, identity: {canary: {key: \"%s\"}}}\n",
		primary.URL, alternate.URL, key.Public()))
	defer s.Shutdown()
	s.verdictOf(t, primary.URL, "healthy")
	s.verdictOf(t, alternate.URL, "healthy")

	// A copy of the pages, by somebody who has not got the key.
	primary.canary.Store(signCanary(t, canaryKey(t, 'b'), 8, time.Hour))
	s.verdictOf(t, primary.URL, "hijacked")
	require.Equal(t, "canary_invalid", s.classOf(primary.URL))
	response, body := s.get(t, "/?kept")
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "alternate", response.Header.Get("X-Served-By"), body)
	require.Contains(t, s.api(t, "/metrics"), "canary_invalid")

	primary.canary.Store(good)
	s.verdictOf(t, primary.URL, "healthy")
}

func TestWhatWasSeenOfCanariesSurvivesARestart(t *testing.T) {
	key := canaryKey(t, 'a')
	older, newer := signCanary(t, key, 7, time.Hour), signCanary(t, key, 8, time.Hour)
	origin := startProven(t, "primary", newer)
	directory := t.TempDir()
	sites := fmt.Sprintf("  - {name: gazette, origins: [\"%s\"], health: {interval: 1s}, identity: {canary: {key: \"%s\"}}}\n",
		origin.URL, key.Public())
	s := startStation(t, directory, sites)
	s.verdictOf(t, origin.URL, "healthy")
	require.NoError(t, s.Reload())
	s.Shutdown()
	saved := filepath.Join(directory, "state", "canaries.json")
	text, err := os.ReadFile(saved)
	require.NoError(t, err)
	require.Contains(t, string(text), `"sequence": 8`)
	info, err := os.Stat(saved)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	origin.canary.Store(older)
	again := startStation(t, directory, sites)
	again.verdictOf(t, origin.URL, "hijacked")
	require.Equal(t, "canary_stale", again.classOf(origin.URL))
	again.Shutdown()

	// Its loss is harmless: the older one has not expired.
	require.NoError(t, os.Remove(saved))
	require.NoError(t, os.Remove(filepath.Join(directory, "state", "verdicts.json")))
	forgetful := startStation(t, directory, sites)
	defer forgetful.Shutdown()
	forgetful.verdictOf(t, origin.URL, "healthy")
}

func TestACanaryMemoryThatIsBrokenIsPutAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "canaries.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"version":1,"sites":{"gaz`), 0o600))
	memory, err := restoreCanaries(path)
	require.ErrorContains(t, err, path+" is ignored, and kept as "+path+".broken")
	require.Zero(t, memory.Newest("gazette", canaryKey(t, 'a').Public()))
	require.NoFileExists(t, path)
	require.FileExists(t, path+".broken")
	_, err = restoreCanaries(path)
	require.NoError(t, err, "a missing file is no error")
}

// keeping runs a keeper over a memory until the test ends, and returns its log.
func keeping(t *testing.T, path string, memory *canary.Memory) *buffer {
	t.Helper()
	log := new(buffer)
	site := configs.Site{Name: "gazette"}
	site.Identity.Canary.Key = canaryKey(t, 'a').Public()
	k := &canaryKeeper{file: stateFile(path), memory: memory, log: slog.New(slog.NewTextHandler(log, nil)), sites: func() []configs.Site {
		return []configs.Site{site, {Name: "tribune"}}
	}}
	go k.run(t.Context())
	return log
}

func TestTheOperatorIsToldOnceBeforeACanaryExpires(t *testing.T) {
	path := filepath.Join(t.TempDir(), "canaries.json")
	synctest.Test(t, func(t *testing.T) {
		memory, key := canary.NewMemory(), canaryKey(t, 'a')
		note := func(sequence uint64) {
			now := time.Now()
			c, err := canary.Sign(canary.Canary{Site: "gazette", Sequence: sequence, Issued: now, Expires: now.Add(96 * time.Hour)}, key)
			require.NoError(t, err)
			memory.Note(key.Public(), c)
		}
		log := keeping(t, path, memory)
		told := func() int { return strings.Count(log.String(), "the canary expires soon") }
		note(1)
		time.Sleep(71 * time.Hour)
		synctest.Wait()
		require.Zero(t, told())
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		require.Equal(t, 1, told())
		require.Contains(t, log.String(), "site=gazette sequence=1")
		time.Sleep(100 * time.Hour)
		synctest.Wait()
		require.Equal(t, 1, told(), "once is enough")
		note(2)
		time.Sleep(96 * time.Hour)
		synctest.Wait()
		require.Equal(t, 2, told())
	})
}

func TestAMemoryThatCannotBeSavedIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gone", "canaries.json")
	synctest.Test(t, func(t *testing.T) {
		memory, key := canary.NewMemory(), canaryKey(t, 'a')
		log := keeping(t, path, memory)
		c, err := canary.Parse(signCanary(t, key, 1, time.Hour))
		require.NoError(t, err)
		memory.Note(key.Public(), c)
		synctest.Wait()
		require.Contains(t, log.String(), "the canaries seen could not be saved")
		require.Contains(t, log.String(), path)
	})
}

func TestReplaceLeavesNothingBehind(t *testing.T) {
	directory := t.TempDir()
	path := filepath.Join(directory, "canary")
	require.NoError(t, replace(path, []byte("one"), 0o600))
	require.NoError(t, replace(path, []byte("two"), 0o644))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "two", string(text))
	inTheWay := filepath.Join(directory, "directory")
	require.NoError(t, os.MkdirAll(filepath.Join(inTheWay, "in the way"), 0o700))
	require.Error(t, replace(inTheWay, []byte("three"), 0o600))
	left, err := os.ReadDir(directory)
	require.NoError(t, err)
	require.Len(t, left, 2)
}

// verifyAt runs canary verify against a URL and returns what it printed.
func verifyAt(t *testing.T, key canary.SigningKey, url string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := rootCommand()
	root.SetOut(&out)
	root.SetArgs([]string{"canary", "verify", "--key", key.Public().String(), url})
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestVerifyAsksOrigins(t *testing.T) {
	key := canaryKey(t, 'a')
	origin := startProven(t, "primary", signCanary(t, key, 7, time.Hour))
	for _, url := range []string{origin.URL, origin.URL + "/", origin.URL + canary.Path} {
		said, err := verifyAt(t, key, url)
		require.NoError(t, err, said)
		require.Contains(t, said, "verifies   yes\n")
		require.Contains(t, said, "sequence   7\n")
	}
	said, err := verifyAt(t, canaryKey(t, 'b'), origin.URL)
	require.ErrorIs(t, err, errUnverified)
	require.Contains(t, said, "verifies   no, bad_signature: ")
}

func TestVerifyIsNotLedAstray(t *testing.T) {
	key := canaryKey(t, 'a')
	good := signCanary(t, key, 7, time.Hour)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/good", http.StatusFound)
		case "/good":
			fmt.Fprint(w, good)
		case "/endless":
			for {
				if _, err := io.WriteString(w, good); err != nil {
					return
				}
			}
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	for path, want := range map[string]string{
		"/redirect": "/redirect answers 302 Found",
		"/absent":   "/absent answers 404 Not Found",
		"":          canary.Path + " answers 404 Not Found",
	} {
		_, err := verifyAt(t, key, server.URL+path)
		require.EqualError(t, err, "the canary cannot be read: "+server.URL+want)
	}
	said, err := verifyAt(t, key, server.URL+"/endless")
	require.ErrorIs(t, err, errUnverified)
	require.Contains(t, said, "verifies   no, too_long: ")
	_, err = verifyAt(t, key, "http://bad host.example/")
	require.ErrorContains(t, err, "is not a URL")
	server.Close()
	_, err = verifyAt(t, key, server.URL)
	require.ErrorContains(t, err, "connection refused")
}
