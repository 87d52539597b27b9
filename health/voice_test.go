package health

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkALiveFailureAmongAThousandOrigins is what a reader's failed request costs under
// the one lock, where every other origin is asked about the edge's own network.
func BenchmarkALiveFailureAmongAThousandOrigins(b *testing.B) {
	tracker := NewTracker(Options{})
	policies := map[ID]Policy{primary: {}}
	for i := range 999 {
		policies[ID{"gazette", fmt.Sprintf("https://%d.gazette.example", i)}] = Policy{}
	}
	tracker.Configure(policies)
	for id := range policies {
		tracker.Observe(id, probed(0, OK))
	}
	failure := requested(1, ConnectTimeout)
	b.ReportAllocs()
	for b.Loop() {
		tracker.Observe(primary, failure)
	}
}

func TestAFailureAmongManyOriginsAllocatesNothing(t *testing.T) {
	tracker := NewTracker(Options{})
	policies := map[ID]Policy{primary: {}}
	for i := range 100 {
		policies[ID{"gazette", fmt.Sprintf("https://%d.gazette.example", i)}] = Policy{}
	}
	tracker.Configure(policies)
	for id := range policies {
		tracker.Observe(id, probed(0, OK))
	}
	failure := requested(1, ConnectTimeout)
	observe(tracker, primary, failure, failure, failure)
	require.Zero(t, testing.AllocsPerRun(100, func() { tracker.Observe(primary, failure) }))
}
