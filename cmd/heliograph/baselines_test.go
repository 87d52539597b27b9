package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health/gate"
)

// teach has the baselines learn a genuine page with that title.
func teach(b *baselines, site, title string, now time.Time) {
	b.learn(site, titled(title), gate.Known{}, gate.Finding{Kind: gate.Genuine}, now)
}

// titled is a page with a title and hardly more.
func titled(title string) gate.Answer {
	return gate.Answer{
		Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/html"}}, Path: "/",
		Body: fmt.Appendf(nil, "<title>%s</title><p>text", title), Whole: true,
	}
}

// learntPages is how many pages a site's baseline was made of.
func learntPages(b *baselines, site string) int {
	if known := b.get(site); known != nil {
		return known.Pages
	}
	return 0
}

// keepBaselines runs keep and returns what ends it, after the last save. What it was
// told of failed saves is added to failures, if that is not nil.
func keepBaselines(t *testing.T, b *baselines, failures *[]error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.keep(ctx, func(err error) {
			if failures != nil {
				*failures = append(*failures, err)
				return
			}
			t.Error(err)
		})
	}()
	return func() {
		cancel()
		<-done
	}
}

func TestBaselinesSurviveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "baselines.json")
	before, err := newBaselines(path)
	require.NoError(t, err)
	require.Nil(t, before.get("gazette"))
	now := time.Now()
	teach(before, "gazette", "The Harbour Gazette", now)
	teach(before, "gazette", "The Harbour Gazette: tides", now)
	teach(before, "tribune", "Tribune", now)
	keepBaselines(t, before, nil)()

	about, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), about.Mode().Perm())
	after, err := newBaselines(path)
	require.NoError(t, err)
	require.Equal(t, 2, learntPages(after, "gazette"))
	require.Equal(t, 1, learntPages(after, "tribune"))
	require.Equal(t, before.get("gazette").Words, after.get("gazette").Words)
	require.True(t, before.get("gazette").Updated.Equal(after.get("gazette").Updated))
	require.Positive(t, gate.Likeness(titled("Harbour news"), gate.Known{Baseline: after.get("gazette")}).Words)
}

func TestBaselinesAreSavedAtMostOnceAMinuteAndAtTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "baselines.json")
	synctest.Test(t, func(t *testing.T) {
		b, err := newBaselines(path)
		require.NoError(t, err)
		stop := keepBaselines(t, b, nil)
		saved := func() int {
			again, err := newBaselines(path)
			require.NoError(t, err)
			return learntPages(again, "gazette")
		}
		learn := func() {
			teach(b, "gazette", "Gazette", time.Now())
			synctest.Wait()
		}

		time.Sleep(time.Hour)
		synctest.Wait()
		require.NoFileExists(t, path, "nothing was learnt")
		learn()
		require.Equal(t, 1, saved())
		learn()
		time.Sleep(baselinesEvery - time.Second)
		learn()
		require.Equal(t, 1, saved(), "a minute is not over")
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, 3, saved())
		time.Sleep(baselinesEvery)
		require.NoError(t, os.Remove(path))
		time.Sleep(baselinesEvery)
		synctest.Wait()
		require.NoFileExists(t, path, "what is saved is not saved again")

		learn()
		learn()
		stop()
		require.Equal(t, 5, saved())
	})
}

func TestWhatTeachesNothingIsNotSaved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "baselines.json")
	b, err := newBaselines(path)
	require.NoError(t, err)
	b.learn("gazette", titled("This domain is for sale"), gate.Known{}, gate.Finding{Kind: gate.Parked}, time.Now())
	b.learn("gazette", titled("Gazette"), gate.Known{}, gate.Finding{}, time.Now())
	keepBaselines(t, b, nil)()
	require.Nil(t, b.get("gazette"))
	require.NoFileExists(t, path)
}

func TestABrokenFileOfBaselinesIsSetAside(t *testing.T) {
	for name, content := range map[string]string{
		"empty":           "",
		"cut":             `{"version":1,"sites":{"gaz`,
		"of tomorrow":     `{"version":2,"sites":{}}`,
		"unknown word":    `{"version":1,"sites":{},"routes":[]}`,
		"without sites":   `{"version":1}`,
		"no baseline":     `{"version":1,"sites":{"gazette":null}}`,
		"of no page":      `{"version":1,"sites":{"gazette":{"pages":0}}}`,
		"no sketch":       `{"version":1,"sites":{"gazette":{"pages":1,"sketches":[null]}}}`,
		"a broken sketch": `{"version":1,"sites":{"gazette":{"pages":1,"sketches":["AAAA"]}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "baselines.json")
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			b, err := newBaselines(path)
			require.ErrorContains(t, err, path+" is ignored, and kept as "+path+".broken")
			require.NoFileExists(t, path)
			kept, err := os.ReadFile(path + ".broken")
			require.NoError(t, err)
			require.Equal(t, content, string(kept))
			teach(b, "gazette", "Gazette", time.Now())
			require.Equal(t, 1, learntPages(b, "gazette"), "and the baselines begin anew")
		})
	}
}

func TestABaselineLearnsOnAfterTheClockWasSetBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "baselines.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"version":1,"sites":{"gazette":{"pages":20,"updated":"2999-01-01T00:00:00Z"}}}`), 0o600))
	b, err := newBaselines(path)
	require.NoError(t, err)
	teach(b, "gazette", "Gazette", time.Now().Add(time.Hour))
	require.Equal(t, 21, learntPages(b, "gazette"))
}

func TestBaselinesThatCannotBeSavedAreToldAndTriedAgain(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "gone")
	path := filepath.Join(directory, "baselines.json")
	synctest.Test(t, func(t *testing.T) {
		b, err := newBaselines(path)
		require.NoError(t, err)
		var failures []error
		stop := keepBaselines(t, b, &failures)
		teach(b, "gazette", "Gazette", time.Now())
		synctest.Wait()
		require.Len(t, failures, 1)
		require.ErrorContains(t, failures[0], "check the data directory's owner and free space")
		require.ErrorContains(t, failures[0], path)
		require.NoError(t, os.Mkdir(directory, 0o700))
		time.Sleep(baselinesEvery)
		synctest.Wait()
		require.Len(t, failures, 1)
		require.FileExists(t, path)
		stop()
		require.Len(t, failures, 1)
	})
}

func TestBaselinesAreLearntByManyAtOnce(t *testing.T) {
	b, err := newBaselines(filepath.Join(t.TempDir(), "baselines.json"))
	require.NoError(t, err)
	now := time.Now()
	var learners sync.WaitGroup
	for i := range 16 {
		learners.Go(func() {
			for range 4 {
				teach(b, fmt.Sprint("site ", i%2), "Gazette", now)
				b.get("site 0") // while others learn
			}
		})
	}
	learners.Wait()
	// A young baseline takes its first eight pages as they come, and then none for ten
	// minutes: as many as came one after the other.
	require.Equal(t, 8, learntPages(b, "site 0"))
	require.Equal(t, 8, learntPages(b, "site 1"))
}

func TestABaselineIsGotWithoutAllocation(t *testing.T) {
	b, err := newBaselines(filepath.Join(t.TempDir(), "baselines.json"))
	require.NoError(t, err)
	teach(b, "gazette", "Gazette", time.Now())
	var got *gate.Baseline
	require.Zero(t, testing.AllocsPerRun(100, func() { got = b.get("gazette") }))
	require.NotNil(t, got)
}

func TestAForgottenBaselineIsLearntAnewAlsoAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "baselines.json")
	b, err := newBaselines(path)
	require.NoError(t, err)
	teach(b, "gazette", "Gazette", time.Now())
	keepBaselines(t, b, nil)()
	b.forget("gazette")
	b.forget("tribune")
	require.Nil(t, b.get("gazette"))
	keepBaselines(t, b, nil)()

	after, err := newBaselines(path)
	require.NoError(t, err)
	require.Nil(t, after.get("gazette"))
	teach(after, "gazette", "Gazette", time.Now())
	require.Equal(t, 1, learntPages(after, "gazette"))
}
