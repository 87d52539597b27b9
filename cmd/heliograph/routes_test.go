package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/lab"
	"github.com/heliograph-edge/heliograph/proxy"
	"github.com/heliograph-edge/heliograph/proxy/origin"
)

// twoOrigins is a site called gazette, with a primary and an alternate that nobody
// asks.
func twoOrigins() []*proxy.Site {
	site := origin.Site{Name: "gazette"}
	for _, name := range []string{"primary", "alternate"} {
		id := health.ID{Site: site.Name, Origin: name}
		site.Origins = append(site.Origins, origin.NewOrigin(origin.Config{ID: id}))
	}
	return []*proxy.Site{{Name: site.Name, Pool: origin.NewPool(site, health.NewTracker(health.Options{}), origin.Events{})}}
}

// send moves the readers of a site to one of its origins.
func send(t *testing.T, site *proxy.Site, to string) {
	t.Helper()
	now := time.Now()
	require.NoError(t, site.Pool.Resume(origin.SavedRoute{
		Site: site.Name, At: now, Active: to, Previous: "primary", Since: now, Switches: []time.Time{now},
	}, now))
}

// routesAt are routes of the sites under a path, with a log.
func routesAt(path string, sites []*proxy.Site) (*routes, *buffer) {
	log := &buffer{}
	return newRoutes(path, func() []*proxy.Site { return sites }, slog.New(slog.NewTextHandler(log, nil))), log
}

// savedActive is where the file says that the readers of its one site are; empty
// without a file.
func savedActive(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return ""
	}
	require.NoError(t, err)
	saved, err := parseRoutes(content)
	require.NoError(t, err)
	require.Len(t, saved, 1)
	return saved[0].Active
}

func TestRoutesAreSavedAfterMovesAndAtTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "routes.json")
	synctest.Test(t, func(t *testing.T) {
		sites := twoOrigins()
		r, log := routesAt(path, sites)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.keep(ctx)
		}()
		// pause lets the time go by, and what is due in it happen.
		pause := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}

		send(t, sites[0], "alternate")
		for range 9 { // many moves in a row do not put the save off
			r.touch()
			pause(routesDelay / 10)
			require.Empty(t, savedActive(t, path), "moves are gathered for a second")
		}
		pause(routesDelay / 10)
		require.Equal(t, "alternate", savedActive(t, path))
		about, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), about.Mode().Perm())

		require.NoError(t, os.Remove(path))
		pause(routesEvery)
		require.Equal(t, "alternate", savedActive(t, path), "and every five minutes without any")

		send(t, sites[0], "primary")
		r.touch()
		cancel()
		<-done
		require.Equal(t, "primary", savedActive(t, path), "and at the end")
		left, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		require.Len(t, left, 1, "no temporary file stays")
		require.Empty(t, log.String())
	})
}

func TestRoutesThatCannotBeSavedAreLogged(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "routes.json")
	require.NoError(t, os.MkdirAll(filepath.Join(path, "in the way"), 0o700))
	r, log := routesAt(path, twoOrigins())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.keep(ctx)
	require.Contains(t, log.String(), "routes could not be saved")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file stays")
}

func TestRoutesGoOnWhereTheLastRunLeftThem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "routes.json")
	before := twoOrigins()
	send(t, before[0], "alternate")
	r, _ := routesAt(path, before)
	require.NoError(t, r.save(time.Now()))

	after := twoOrigins()
	again, log := routesAt(path, after)
	again.restore(after, time.Now())
	require.Equal(t, "alternate", after[0].Pool.Active())
	require.NotContains(t, log.String(), "level=WARN")

	renamed := twoOrigins()
	renamed[0].Name = "harbour"
	again, log = routesAt(path, renamed)
	again.restore(renamed, time.Now())
	require.Equal(t, "primary", renamed[0].Pool.Active())
	require.Contains(t, log.String(), "the site is not there any more")

	late := twoOrigins()
	again, log = routesAt(path, late)
	again.restore(late, time.Now().Add(2*time.Hour))
	require.Equal(t, "primary", late[0].Pool.Active())
	require.Contains(t, log.String(), "more than 1h0m0s from now")
	require.FileExists(t, path, "an old file is no broken one")
}

func TestABrokenRoutesFileIsSetAside(t *testing.T) {
	for name, content := range map[string]string{
		"empty":        "",
		"cut":          `{"version":1,"routes":[{"site":"gaz`,
		"of tomorrow":  `{"version":2}`,
		"unknown word": `{"version":1,"sites":[]}`,
		"no route": `{"version":1,"routes":[{"site":"gazette","at":"2026-03-01T12:00:00Z","active":"alternate","previous":"primary",` +
			`"since":"2026-03-01T12:00:00Z","returned":false,"switches":null,"returns":-1}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "routes.json")
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			sites := twoOrigins()
			r, log := routesAt(path, sites)
			r.restore(sites, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
			require.Contains(t, log.String(), "level=WARN")
			require.Contains(t, log.String(), path+".broken")
			require.NoFileExists(t, path)
			kept, err := os.ReadFile(path + ".broken")
			require.NoError(t, err)
			require.Equal(t, content, string(kept))
			require.Equal(t, "primary", sites[0].Pool.Active())
		})
	}
}

func TestABrokenRoutesFileDoesNotPreventTheStart(t *testing.T) {
	primary := newspaper(t, "primary")
	directory := t.TempDir()
	path := filepath.Join(directory, "state", "routes.json")
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o600))
	s := startStation(t, directory, fmt.Sprintf("  - origins: [\"%s\"]\n", primary.URL))
	response, _ := s.get(t, "/")
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.FileExists(t, path+".broken")
	s.Shutdown()
	require.Contains(t, s.log.String(), "starting without the routes of the last run")
	require.Equal(t, primary.URL, savedActive(t, path))
}

// TestARestartKeepsReadersWhereTheyAre restarts an edge while the primary, which
// readers had to leave, has been well for less than the wait before a return.
func TestARestartKeepsReadersWhereTheyAre(t *testing.T) {
	var broken atomic.Bool
	well := lab.Newspaper("primary")
	primary := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		well.ServeHTTP(w, r)
	}))
	t.Cleanup(primary.Close)
	alternate := newspaper(t, "alternate")
	directory := t.TempDir()
	sites := fmt.Sprintf("  - {name: gazette, origins: [\"%s\", \"%s\"], health: {interval: 1s, fall: 1, rise: 1}}\n", primary.URL, alternate.URL)
	servedBy := func(s *station, path string) string {
		response, _ := s.get(t, path)
		require.Equal(t, http.StatusOK, response.StatusCode)
		return response.Header.Get("X-Served-By")
	}

	s := startStation(t, directory, sites)
	require.Equal(t, "primary", servedBy(s, "/?before"))
	broken.Store(true)
	s.verdictOf(t, primary.URL, "down")
	require.Equal(t, "alternate", servedBy(s, "/?failed"))
	broken.Store(false)
	s.verdictOf(t, primary.URL, "healthy")
	file := filepath.Join(directory, "state", "routes.json")
	require.Eventually(t, func() bool { return savedActive(t, file) == alternate.URL }, patience, 10*time.Millisecond,
		"a move is saved while the edge runs")
	s.Shutdown()

	again := startStation(t, directory, sites)
	again.verdictOf(t, primary.URL, "healthy")
	require.Equal(t, "alternate", servedBy(again, "/?again"))
	again.Shutdown()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	var saved routesFile
	require.NoError(t, json.Unmarshal(content, &saved))
	require.Len(t, saved.Routes[0].Switches, 1, "the count of switches goes on, and a restart is none")

	require.NoError(t, os.Remove(file))
	forgetful := startStation(t, directory, sites)
	defer forgetful.Shutdown()
	require.Equal(t, "primary", servedBy(forgetful, "/?forgotten"), "only the file held readers back")
}
