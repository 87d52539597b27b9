package replay_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/maypok86/otter/v2"
	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/cache/memory"
	"github.com/heliograph-edge/heliograph/cache/replay"
	"github.com/heliograph-edge/heliograph/cache/trace"
)

var requests = flag.Int("requests", 0, "how many `REQUESTS` each trace of TestHitRatio has; the table is printed then")

const (
	// shortly is how many requests a trace has in the everyday tests.
	shortly = 50_000
	// small is the part of the footprint up to which a store counts as small.
	small = 0.005
	// What the store must keep to, in points of the hit ratio: gain over LRU where it is
	// small, loss against LRU anywhere, loss against otter anywhere.
	leastGain, mostLoss, mostBehind = 5, 2, 3
)

// otterPolicy is the comparison with a library.
type otterPolicy struct {
	cache   *otter.Cache[cache.Key, int64]
	largest int64
}

// newOtter makes a policy that keeps capacity bytes.
func newOtter(capacity, largest int64) *otterPolicy {
	return &otterPolicy{otter.Must(&otter.Options[cache.Key, int64]{
		MaximumWeight: uint64(capacity),
		Weigher:       func(key cache.Key, size int64) uint32 { return uint32(replay.Cost(key, size)) },
		Executor:      func(f func()) { f() }, // what it keeps must not hang on the machine
	}), largest}
}

// Ask implements [replay.Policy].
func (o *otterPolicy) Ask(r replay.Request) bool {
	if r.Size > o.largest {
		return false
	}
	if _, ok := o.cache.GetIfPresent(r.Key); ok {
		return true
	}
	o.cache.Set(r.Key, r.Size)
	return false
}

// Holds implements [replay.Policy].
func (o *otterPolicy) Holds() replay.Holding {
	return replay.Holding{Pages: o.cache.EstimatedSize(), Bytes: int64(o.cache.WeightedSize())}
}

// traces are those that the store is measured with: n requests each.
func traces(n int) []*trace.Trace {
	return []*trace.Trace{
		trace.Zipf(0.7, n/5, n, 1), trace.Zipf(0.9, n/5, n, 2), trace.Zipf(1.1, n/5, n, 3),
		trace.Scans(0.9, n/5, n, 4), trace.News(n, 5),
	}
}

// ask replays a trace.
func ask(t *trace.Trace, p replay.Policy) replay.Tally {
	var tally replay.Tally
	for _, i := range t.Asked {
		page := &t.Pages[i]
		tally.Count(p.Ask(replay.Request{Key: page.Key, Size: page.Size}), page.Size)
	}
	return tally
}

// cell is what the policies came to with one trace and one size.
type cell struct {
	trace            *trace.Trace
	part             float64 // of the footprint
	capacity         int64
	ours, lru, otter replay.Tally
}

// measure replays every trace at every size.
func measure(n int) []cell {
	var cells []cell
	for _, t := range traces(n) {
		var footprint int64
		for _, page := range t.Pages {
			footprint += replay.Cost(page.Key, page.Size)
		}
		for _, part := range []float64{small, 0.02, 0.1} {
			capacity := int64(part * float64(footprint))
			store := memory.New(capacity)
			most := store.MaxPage() // for all alike: what is compared is who leaves
			cells = append(cells, cell{
				trace: t, part: part, capacity: capacity,
				ours:  ask(t, replay.NewStore(store, most, 0)),
				lru:   ask(t, replay.NewLRU(capacity, most, 0)),
				otter: ask(t, newOtter(capacity, most)),
			})
		}
	}
	return cells
}

// table shows the cells, aligned.
func table(cells []cell) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\t\t\t\t|\thits\t%\t\t|\tbytes\t%\t\t|\tthan LRU\t\t|\tthan otter\t\t")
	fmt.Fprintln(w, "trace\tonce %\tsize %\tMiB\t|\tours\tLRU\totter\t|\tours\tLRU\totter\t|\thits\tbytes\t|\thits\tbytes\t")
	for _, c := range cells {
		fmt.Fprintf(w, "%s\t%.0f\t%.1f\t%.1f\t|\t%.1f\t%.1f\t%.1f\t|\t%.1f\t%.1f\t%.1f\t|\t%+.1f\t%+.1f\t|\t%+.1f\t%+.1f\t\n",
			c.trace.Name, 100*c.trace.Once(), 100*c.part, float64(c.capacity)/(1<<20),
			100*c.ours.HitShare(), 100*c.lru.HitShare(), 100*c.otter.HitShare(),
			100*c.ours.ByteShare(), 100*c.lru.ByteShare(), 100*c.otter.ByteShare(),
			points(c.ours.HitShare(), c.lru.HitShare()), points(c.ours.ByteShare(), c.lru.ByteShare()),
			points(c.ours.HitShare(), c.otter.HitShare()), points(c.ours.ByteShare(), c.otter.ByteShare()))
	}
	w.Flush()
	return b.String()
}

// points is the difference of two shares in percentage points.
func points(a, b float64) float64 { return 100 * (a - b) }

// verdict is what the cells say in one line, and what is amiss.
func verdict(cells []cell) (line string, amiss []string) {
	gain, loss, behind := math.Inf(1), 0.0, 0.0
	for _, c := range cells {
		where := fmt.Sprintf("%s at %.1f %%", c.trace.Name, 100*c.part)
		if c.part <= small {
			g := points(c.ours.HitShare(), c.lru.HitShare())
			if gain = min(gain, g); g < leastGain {
				amiss = append(amiss, fmt.Sprintf("%s: only %.1f points better than LRU", where, g))
			}
		}
		l := max(points(c.lru.HitShare(), c.ours.HitShare()), points(c.lru.ByteShare(), c.ours.ByteShare()))
		if loss = max(loss, l); l > mostLoss {
			amiss = append(amiss, fmt.Sprintf("%s: %.1f points worse than LRU", where, l))
		}
		o := max(points(c.otter.HitShare(), c.ours.HitShare()), points(c.otter.ByteShare(), c.ours.ByteShare()))
		if behind = max(behind, o); o > mostBehind {
			amiss = append(amiss, fmt.Sprintf("%s: %.1f points behind otter", where, o))
		}
	}
	return fmt.Sprintf("better than LRU by %.1f points or more at small sizes (at least %d), worse by %.1f at most (%d), behind otter by %.1f at most (%d)",
		gain, leastGain, loss, mostLoss, behind, mostBehind), amiss
}

func TestHitRatio(t *testing.T) {
	if raceEnabled {
		t.Skip("one goroutine replays millions of requests: the race detector finds nothing in it, and takes minutes")
	}
	n := *requests
	if n == 0 {
		n = shortly
	}
	cells := measure(n)
	line, amiss := verdict(cells)
	if *requests > 0 {
		word := "kept"
		if len(amiss) > 0 {
			word = "missed"
		}
		fmt.Fprintf(os.Stdout, "%s\n%s: %s\n", table(cells), word, line)
	}
	require.Empty(t, amiss)
}
