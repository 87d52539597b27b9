package origin

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// granted is how many retries of many tries a budget allows.
func granted(b *budget, now time.Time, hedge bool) int {
	n := 0
	for range 1000 {
		if b.retry(now, hedge) {
			n++
		}
	}
	return n
}

func TestTheBudgetIsAShareOfTheRequestsAndAtLeastItsFloor(t *testing.T) {
	for _, test := range []struct{ requests, retries, hedges int }{
		{0, 3, 3}, {1, 3, 3}, {9, 3, 3}, {10, 3, 3}, {15, 3, 3}, {19, 3, 3}, {20, 4, 4}, {35, 7, 7}, {100, 20, 20}, {1000, 200, 200},
	} {
		var retries, hedges budget
		for range test.requests {
			retries.request(noon)
			hedges.request(noon)
		}
		require.Equal(t, test.retries, granted(&retries, noon, false), test.requests)
		require.Equal(t, test.hedges, granted(&hedges, noon, true), test.requests)
	}
}

func TestHedgesAndRetriesAreCountedApart(t *testing.T) {
	for _, hedgesFirst := range []bool{true, false} {
		var b budget
		got := map[bool]int{}
		for _, hedge := range []bool{hedgesFirst, !hedgesFirst} {
			got[hedge] = granted(&b, noon, hedge)
		}
		require.Equal(t, map[bool]int{true: budgetFloor, false: budgetFloor}, got)
	}
}

func TestTheBudgetForgetsAfterItsWindow(t *testing.T) {
	var b budget
	for range 50 {
		b.request(noon)
	}
	require.Equal(t, 10, granted(&b, noon, false))
	require.Zero(t, granted(&b, noon.Add((budgetSeconds-1)*time.Second), false))
	require.Equal(t, budgetFloor, granted(&b, noon.Add(budgetSeconds*time.Second), false))
	require.Equal(t, budgetFloor, granted(&b, noon.Add(24*time.Hour), false))
}

func TestTheBudgetSlides(t *testing.T) {
	var b budget
	total := 0
	for second := range 60 {
		now := noon.Add(time.Duration(second) * time.Second)
		for range 10 {
			b.request(now)
		}
		total += granted(&b, now, false)
	}
	require.LessOrEqual(t, total, 60*10/5+budgetFloor)
	require.GreaterOrEqual(t, total, 60*10/5-budgetSeconds)
}

func TestTheBudgetHoldsForManyAtOnce(t *testing.T) {
	var b budget
	for range 100 {
		b.request(noon)
	}
	var group sync.WaitGroup
	counts := make([]int, 8)
	for i := range counts {
		group.Go(func() { counts[i] = granted(&b, noon, false) })
	}
	group.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	require.Equal(t, 20, total)
}
