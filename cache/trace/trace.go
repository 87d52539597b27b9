package trace

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/heliograph-edge/heliograph/cache"
)

// Page is one page of a trace.
type Page struct {
	Key  cache.Key
	Size int64 // of its body
}

// Trace is what readers ask for, in its order.
type Trace struct {
	Name  string
	Pages []Page
	Asked []int32 // indexes into Pages
}

// Once is the share of the pages asked for that were asked for a single time.
func (t *Trace) Once() float64 {
	times := make([]int32, len(t.Pages))
	for _, i := range t.Asked {
		times[i]++
	}
	asked, once := 0, 0
	for _, n := range times {
		if n > 0 {
			asked++
		}
		if n == 1 {
			once++
		}
	}
	return float64(once) / float64(max(asked, 1))
}

// writer puts a trace together.
type writer struct {
	random *rand.Rand
	trace  Trace
}

// newWriter begins a trace.
func newWriter(name string, seed uint64) *writer {
	return &writer{random: rand.New(rand.NewPCG(seed, 1)), trace: Trace{Name: name}}
}

// page adds a page whose size is lognormal around a median, and returns its index.
func (w *writer) page(median, spread float64) int32 {
	size := median * math.Exp(spread*w.random.NormFloat64())
	key := cache.Key("gazette /" + strconv.Itoa(len(w.trace.Pages)))
	w.trace.Pages = append(w.trace.Pages, Page{Key: key, Size: int64(min(size, largest))})
	return int32(len(w.trace.Pages) - 1)
}

// largest bounds a page, as stores do.
const largest = 1 << 20

// ask adds a request.
func (w *writer) ask(page int32) { w.trace.Asked = append(w.trace.Asked, page) }

// lottery draws indexes with given weights.
type lottery struct{ upTo []float64 }

// newLottery makes a lottery of n indexes.
func newLottery(n int, weight func(i int) float64) lottery {
	l := lottery{make([]float64, n)}
	sum := 0.0
	for i := range n {
		sum += weight(i)
		l.upTo[i] = sum
	}
	return l
}

// draw returns one of the indexes.
func (l lottery) draw(random *rand.Rand) int {
	i, _ := slices.BinarySearch(l.upTo, random.Float64()*l.upTo[len(l.upTo)-1])
	return min(i, len(l.upTo)-1)
}

// zipf is the lottery of Zipf's law: the weight of the i-th is 1/i to the power of alpha.
func zipf(n int, alpha float64) lottery {
	return newLottery(n, func(i int) float64 { return math.Pow(float64(i+1), -alpha) })
}

// Zipf is a trace without any locality but that some pages are asked for more often, by
// Zipf's law with this alpha.
func Zipf(alpha float64, pages, requests int, seed uint64) *Trace {
	w := newWriter("zipf "+strconv.FormatFloat(alpha, 'f', 1, 64), seed)
	for range pages {
		w.page(16<<10, 1.2)
	}
	order := w.random.Perm(pages) // so that keys tell nothing of ranks
	law := zipf(pages, alpha)
	for range requests {
		w.ask(int32(order[law.draw(w.random)]))
	}
	return &w.trace
}

// Scans is a trace of Zipf's law, through which somebody now and then reads a stretch of an
// archive that nobody else asks for, page by page: a third of all requests.
func Scans(alpha float64, pages, requests int, seed uint64) *Trace {
	w := newWriter("zipf "+strconv.FormatFloat(alpha, 'f', 1, 64)+" with scans", seed)
	for range pages {
		w.page(16<<10, 1.2)
	}
	law := zipf(pages, alpha)
	stretch := max(requests/60, 1)
	for len(w.trace.Asked) < requests {
		for range 2 * stretch {
			w.ask(int32(law.draw(w.random)))
		}
		// Readers go on meanwhile.
		for range stretch {
			w.ask(w.page(16<<10, 1.2))
			if w.random.IntN(4) == 0 {
				w.ask(int32(law.draw(w.random)))
			}
		}
	}
	return &w.trace
}
