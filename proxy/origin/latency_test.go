package origin

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheHedgeWaitsForTheUsualTimeWithinItsBounds(t *testing.T) {
	tests := []struct {
		name    string
		samples func(i int) time.Duration
		n       int
		want    time.Duration
	}{
		{"nothing is known", nil, 0, time.Second},
		{"too little is known", func(int) time.Duration { return 100 * time.Millisecond }, enoughSamples - 1, time.Second},
		{"the usual time", func(int) time.Duration { return 100 * time.Millisecond }, latencySamples, 100 * time.Millisecond},
		{"a very quick origin", func(int) time.Duration { return time.Millisecond }, latencySamples, hedgeEarliest},
		{"a very slow one", func(int) time.Duration { return 5 * time.Second }, latencySamples, hedgeLatest},
		{"the 95th percentile", func(i int) time.Duration { return time.Duration(100+i) * time.Millisecond }, latencySamples, 160 * time.Millisecond},
		{"one outlier is not the usual", func(i int) time.Duration {
			if i == 7 {
				return 10 * time.Second
			}
			return 200 * time.Millisecond
		}, latencySamples, 200 * time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var l latency
			for i := range test.n {
				l.add(test.samples(i))
			}
			require.Equal(t, test.want, l.hedgeAfter())
		})
	}
}

func TestOldTimesAreForgotten(t *testing.T) {
	var l latency
	for range 10 * latencySamples {
		l.add(900 * time.Millisecond)
	}
	for range latencySamples {
		l.add(100 * time.Millisecond)
	}
	require.Equal(t, 100*time.Millisecond, l.hedgeAfter())
}

func TestManyMayAddTimesAtOnce(t *testing.T) {
	var l latency
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 100 {
				l.add(80 * time.Millisecond)
				l.hedgeAfter()
			}
		})
	}
	group.Wait()
	require.Equal(t, 80*time.Millisecond, l.hedgeAfter())
}
