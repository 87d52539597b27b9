package origin

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	latencySamples = 64
	// enoughSamples is how many first bytes must have been timed before their
	// 95th percentile means something.
	enoughSamples = 20
	// hedgeLatest is when a hedge is sent to an origin that is slower than
	// usual, or whose usual is not known.
	hedgeLatest = time.Second
	// hedgeEarliest keeps a very quick origin from being hedged for one pause of
	// the garbage collector.
	hedgeEarliest = 50 * time.Millisecond
)

// latency keeps the times to first byte of an origin's latest answers. The zero
// value is ready to use. It is safe for concurrent use.
type latency struct {
	p95 atomic.Int64 // nanoseconds; 0 until there are enough samples

	mu      sync.Mutex // guards everything that follows
	samples [latencySamples]time.Duration
	n       int
}

// add takes one more time to first byte into account.
func (l *latency) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.samples[l.n%latencySamples] = d
	l.n++
	// Sorting at every eighth sample keeps the cost out of most requests.
	if l.n < enoughSamples || l.n%8 != 0 {
		return
	}
	sorted := slices.Clone(l.samples[:min(l.n, latencySamples)])
	slices.Sort(sorted)
	l.p95.Store(int64(sorted[len(sorted)*95/100]))
}

// hedgeAfter is how long to wait for this origin before the next one is asked, too.
func (l *latency) hedgeAfter() time.Duration {
	p95 := time.Duration(l.p95.Load())
	if p95 == 0 {
		return hedgeLatest
	}
	return min(max(p95, hedgeEarliest), hedgeLatest)
}
