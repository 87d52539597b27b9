package replay_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/cache/replay"
)

// logged writes a log with a request a second for the given targets, 10,000 bytes each.
func logged(targets ...string) string {
	var b strings.Builder
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, target := range targets {
		fmt.Fprintf(&b, "192.0.2.1 - - [%s] \"GET %s HTTP/1.1\" 200 10000\n", at.Format("02/Jan/2006:15:04:05 -0700"), target)
		at = at.Add(time.Second)
	}
	return b.String()
}

// replayed is the summary of one log.
func replayed(t *testing.T, lifetime time.Duration, text string) replay.Summary {
	t.Helper()
	s := replay.NewSimulation([]int64{1 << 20}, lifetime)
	require.NoError(t, s.Read(t.Context(), "log", strings.NewReader(text), func(int64) {}))
	return s.Summary()
}

func TestAPageThatWasAskedForIsAHit(t *testing.T) {
	s := replayed(t, 0, logged("/", "/a", "/", "/", "/b"))
	require.EqualValues(t, 5, s.Lines)
	require.EqualValues(t, 5, s.Requests)
	require.EqualValues(t, 3, s.Pages)
	require.EqualValues(t, 2, s.Once)
	require.Equal(t, 4*time.Second, s.To.Sub(s.From))
	require.Equal(t, 2*replay.Cost(cache.KeyOf("", "/a"), 10_000)+replay.Cost(cache.KeyOf("", "/"), 10_000), s.Footprint)
	require.Len(t, s.Results, 2)
	for _, tally := range []replay.Tally{s.Results[0].Ours, s.Results[0].LRU, s.Results[1].LRU} {
		require.Equal(t, replay.Tally{Requests: 5, Hits: 2, Bytes: 50_000, HitBytes: 20_000}, tally)
		require.InDelta(t, 0.4, tally.HitShare(), 1e-9)
		require.InDelta(t, 0.4, tally.ByteShare(), 1e-9)
	}
	require.Equal(t, 3, s.Results[0].Held.Pages)
	require.Equal(t, s.Footprint, s.Results[0].Held.Bytes)
	require.Equal(t, s.Footprint, s.Results[0].LRUHeld.Bytes)
}

func TestAPagePastItsLifetimeIsFetchedAgain(t *testing.T) {
	s := replayed(t, 3*time.Second, logged("/", "/", "/", "/", "/", "/"))
	for _, tally := range []replay.Tally{s.Results[0].Ours, s.Results[0].LRU, s.Results[1].LRU} {
		require.EqualValues(t, 4, tally.Hits, "at 12:00:04 it is stored anew")
	}
}

func TestTheFrontPageOutlivesAScanThatLRUDoesNotOutlive(t *testing.T) {
	var targets []string
	for i := range 3000 {
		if targets = append(targets, fmt.Sprintf("/archive/%d", i)); i%150 == 0 {
			targets = append(targets, "/")
		}
		if i == 1 {
			targets = append(targets, "/")
		}
	}
	s := replayed(t, 0, logged(targets...))
	require.EqualValues(t, 20, s.Results[0].Ours.Hits)
	require.EqualValues(t, 1, s.Results[0].LRU.Hits)
	require.Positive(t, s.Results[0].Held.Evictions)
	require.Positive(t, s.Results[0].LRUHeld.Evictions)
	require.LessOrEqual(t, s.Results[0].Held.Bytes, int64(1<<20))
	require.LessOrEqual(t, s.Results[0].LRUHeld.Bytes, int64(1<<20))
}

func TestANotModifiedIsAUseOfAPageOfKnownSize(t *testing.T) {
	unmodified := strings.ReplaceAll(logged("/"), " 200 10000", " 304 0")
	s := replayed(t, 0, unmodified+logged("/")+unmodified)
	require.EqualValues(t, 2, s.Requests)
	require.EqualValues(t, 1, s.Results[0].Ours.Hits)
	require.Equal(t, []replay.Skipped{{Reason: replay.ReasonUnsized, Lines: 1, First: []string{"log:1"}}}, s.Skipped)
}

func TestSkippedLinesAreCountedAndTheFirstAreNamed(t *testing.T) {
	post := strings.ReplaceAll(logged("/"), "GET", "POST")
	long := strings.Repeat("x", 200<<10) + "\n"
	s := replayed(t, 0, strings.Repeat(post, 5)+"\nwhat?\n"+long+logged("/"))
	require.EqualValues(t, 8, s.Lines, "an empty line is none")
	require.EqualValues(t, 1, s.Requests)
	require.Equal(t, []replay.Skipped{
		{Reason: replay.ReasonBroken, Lines: 1, First: []string{"log:7"}},
		{Reason: replay.ReasonLong, Lines: 1, First: []string{"log:8"}},
		{Reason: replay.ReasonMethod, Lines: 5, First: []string{"log:1", "log:2", "log:3"}},
	}, s.Skipped)
}

func TestLogsThatGoBackInTimeAreNoticed(t *testing.T) {
	later := strings.ReplaceAll(logged("/", "/"), ":12:00:", ":13:00:")
	require.Zero(t, replayed(t, 0, logged("/", "/")+later).Backwards)
	require.EqualValues(t, 2, replayed(t, 0, later+logged("/", "/")).Backwards)
}

// cutReader breaks off.
type cutReader struct{}

func (cutReader) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

func TestALogThatCannotBeReadIsSaidWhere(t *testing.T) {
	s := replay.NewSimulation(nil, 0)
	require.EqualError(t, s.Read(t.Context(), "log", cutReader{}, func(int64) {}), "log: line 1: the disk is gone")
}

func TestAReplayEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := replay.NewSimulation(nil, 0)
	told := int64(0)
	err := s.Read(ctx, "log", strings.NewReader(strings.Repeat(logged("/"), 20_000)), func(lines int64) {
		told = lines
		cancel()
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, told, int64(20_000))
	require.Equal(t, told, s.Summary().Lines)
}
