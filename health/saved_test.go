package health

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestVerdictsSurviveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "verdicts.json")
	before, _ := tracking(primary, alternate, foreign)
	observe(before, primary, probed(0, BlockPage), probed(60, OK))
	observe(before, alternate, probed(61, OK))
	require.NoError(t, before.Drain(alternate))
	require.NoError(t, before.Save(path))

	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file stays")

	for _, order := range []string{"before", "after"} {
		t.Run("restored "+order+" Configure", func(t *testing.T) {
			after, _ := tracking()
			if order == "before" {
				require.NoError(t, after.Restore(path, at(120)))
				after.Configure(policiesOf(primary, alternate, foreign))
			} else {
				after.Configure(policiesOf(primary, alternate, foreign))
				require.NoError(t, after.Restore(path, at(120)))
			}
			want := before.All()
			for i, got := range after.All() {
				require.True(t, want[i].Since.Equal(got.Since))
				got.Since = want[i].Since // its zone and monotonic reading are not saved
				require.Equal(t, want[i], got)
			}
			observe(after, primary, probed(121, OK), probed(123, OK), probed(125, OK))
			require.Equal(t, Probation, after.View(primary).Verdict, "the count goes on where it was")
			observe(after, primary, probed(127, OK))
			require.Equal(t, Healthy, after.View(primary).Verdict)
		})
	}
}

func TestOldVerdictsComeBackAsHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "verdicts.json")
	before, _ := tracking(primary, alternate)
	observe(before, primary, probed(0, OK), probed(1, BlockPage))
	observe(before, alternate, probed(1, OK))
	require.NoError(t, before.Drain(alternate))
	require.NoError(t, before.Save(path))

	for name, now := range map[string]time.Time{"an hour later": at(3602), "the clock was set back": at(-3600)} {
		t.Run(name, func(t *testing.T) {
			after, _ := tracking(primary, alternate)
			require.NoError(t, after.Restore(path, now))
			v := after.View(primary)
			require.Equal(t, Unknown, v.Verdict)
			require.Empty(t, v.Class)
			require.Equal(t, at(0), v.LastSuccess)
			require.Equal(t, at(1), v.LastProbe)
			require.Equal(t, 1, v.Flaps)
			require.Equal(t, Drained, after.View(alternate).Verdict, "the operator's word does not age")
		})
	}
}

func TestRestoreKeepsWhatWasSeenSince(t *testing.T) {
	path := filepath.Join(t.TempDir(), "verdicts.json")
	before, _ := tracking(primary)
	observe(before, primary, probed(0, IdentityMissing))
	require.NoError(t, before.Save(path))
	after, _ := tracking(primary)
	observe(after, primary, probed(1, OK))
	require.NoError(t, after.Restore(path, at(2)))
	require.Equal(t, Healthy, after.View(primary).Verdict)
}

func TestAMissingFileIsNoError(t *testing.T) {
	tracker, _ := tracking(primary)
	require.NoError(t, tracker.Restore(filepath.Join(t.TempDir(), "none.json"), noon))
}

func TestABrokenFileIsPutAside(t *testing.T) {
	for name, content := range map[string]string{
		"empty":        "",
		"cut":          `{"version":1,"origins":[{"site":"gaz`,
		"of tomorrow":  `{"version":3}`,
		"odd verdict":  `{"version":1,"origins":[{"site":"s","origin":"o","state":{"verdict":"tired"}}]}`,
		"drained":      `{"version":1,"origins":[{"site":"s","origin":"o","state":{"verdict":"drained"}}]}`,
		"odd probe":    `{"version":2,"origins":[{"site":"s","origin":"o","state":{"verdict":"down"},"probes":["soon 200 1 ok"]}]}`,
		"unknown word": `{"version":1,"sites":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "verdicts.json")
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			tracker, _ := tracking(primary)
			err := tracker.Restore(path, noon)
			require.ErrorContains(t, err, path+".broken")
			require.ErrorContains(t, err, "ignored")
			require.NoFileExists(t, path)
			kept, err := os.ReadFile(path + ".broken")
			require.NoError(t, err)
			require.Equal(t, content, string(kept))
			require.Equal(t, Unknown, tracker.View(primary).Verdict)
		})
	}
}

func TestSaveSaysWhatToDo(t *testing.T) {
	tracker, _ := tracking(primary)
	path := filepath.Join(t.TempDir(), "gone", "verdicts.json")
	err := tracker.Save(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, path)
}

func TestAFailedRenameLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "verdicts.json")
	require.NoError(t, os.MkdirAll(filepath.Join(path, "in the way"), 0o700))
	tracker, _ := tracking(primary)
	require.Error(t, tracker.Save(path))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
}

func TestKeepSavesAfterTransitionsAndAtTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "verdicts.json")
	synctest.Test(t, func(t *testing.T) {
		tracker, _ := tracking(primary)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan struct{})
		go func() {
			defer close(done)
			tracker.Keep(ctx, path, func(err error) { t.Error(err) })
		}()
		saved := func() Verdict {
			other, _ := tracking(primary)
			require.NoError(t, other.Restore(path, time.Now()))
			return other.View(primary).Verdict
		}

		tracker.Observe(primary, Observation{Class: OK})
		time.Sleep(saveDelay / 2)
		synctest.Wait()
		require.NoFileExists(t, path, "transitions are gathered for a second")
		time.Sleep(saveDelay)
		synctest.Wait()
		require.Equal(t, Healthy, saved())

		require.NoError(t, os.Remove(path))
		time.Sleep(saveEvery)
		synctest.Wait()
		require.Equal(t, Healthy, saved(), "and every five minutes without any")

		tracker.Observe(primary, Observation{Class: IdentityMissing})
		cancel()
		<-done
		require.Equal(t, Hijacked, saved(), "and at the end")
	})
}

func TestKeepTellsOfFailures(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gone", "verdicts.json")
	synctest.Test(t, func(t *testing.T) {
		tracker, _ := tracking(primary)
		ctx, cancel := context.WithCancel(t.Context())
		var failures atomic.Int32
		done := make(chan struct{})
		go func() {
			defer close(done)
			tracker.Keep(ctx, path, func(error) { failures.Add(1) })
		}()
		time.Sleep(saveEvery + time.Second)
		synctest.Wait()
		require.EqualValues(t, 1, failures.Load())
		cancel()
		<-done
		require.EqualValues(t, 2, failures.Load())
	})
}
