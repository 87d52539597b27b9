package trace_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache/trace"
)

func TestTheSameSeedGivesTheSameTrace(t *testing.T) {
	for _, c := range []func(seed uint64) *trace.Trace{
		func(seed uint64) *trace.Trace { return trace.Zipf(0.9, 1000, 5000, seed) },
		func(seed uint64) *trace.Trace { return trace.Scans(0.9, 1000, 5000, seed) },
		func(seed uint64) *trace.Trace { return trace.News(20_000, seed) },
	} {
		one, again, other := c(1), c(1), c(2)
		require.Equal(t, one, again)
		require.NotEqual(t, one.Asked, other.Asked)
		for _, i := range one.Asked {
			require.Less(t, int(i), len(one.Pages))
		}
	}
}

func TestTwoThirdsOfTheNewspapersPagesAreAskedForOnce(t *testing.T) {
	for _, requests := range []int{50_000, 200_000} {
		news := trace.News(requests, 1)
		require.Len(t, news.Asked, requests)
		require.InDelta(t, 0.71, news.Once(), 0.06)
	}
}

func TestFewPagesAreAskedForMostOften(t *testing.T) {
	zipf := trace.Zipf(1, 10_000, 100_000, 1)
	times := make(map[int32]int)
	for _, i := range zipf.Asked {
		times[i]++
	}
	// The first of ten thousand has 1 in H(10000) = 9.79 of all requests.
	most := 0
	for _, n := range times {
		most = max(most, n)
	}
	require.InDelta(t, 10_200, most, 500)
}

func TestAScanAsksForEachPageOfTheArchiveOnce(t *testing.T) {
	scans := trace.Scans(0.9, 1000, 30_000, 1)
	times := make(map[int32]int)
	for _, i := range scans.Asked {
		times[i]++
	}
	archived := 0
	for i, n := range times {
		if i >= 1000 {
			archived++
			require.Equal(t, 1, n)
		}
	}
	require.InDelta(t, 30_000/3.25, archived, 500)
}
