package lab

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Tally is what a [Reader] got so far. Every request is good, failed or
// foreign, and every good one came from a cache or from an origin.
type Tally struct {
	// Name is the reader's.
	Name string `json:"name,omitempty"`
	// Since is when the reader started; zero before that.
	Since time.Time `json:"since"`
	// Requests counts the requests with an outcome.
	Requests int64 `json:"requests"`
	// Failed counts errors, statuses other than 200, and answers that were cut.
	Failed int64 `json:"failed"`
	// Foreign counts answers that look fine and are not the newspaper.
	Foreign int64 `json:"foreign"`
	// Cached counts good answers that an edge had stored.
	Cached int64 `json:"cached"`
	// Origins counts the other good answers by X-Served-By; without it, under "".
	Origins map[string]int64 `json:"origins"`
	// Latency is the time until the last byte, in seconds, of all requests.
	Latency Latency `json:"latency_seconds"`
	// Events are the latest failures and changes of origin, the oldest first.
	Events []Event `json:"events"`
}

// Latency sums up how long requests took, in seconds. P50 and P99 are of the
// last 16384 requests, Max of all. All are zero before the first.
type Latency struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Event is something worth telling about one request.
type Event struct {
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"` // "failed", "foreign", or "moved" to another origin
	Path   string    `json:"path"`
	Detail string    `json:"detail"`
}

// kind is what an answer is.
type kind string

const (
	kindGood    kind = "good"
	kindFailed  kind = "failed"
	kindForeign kind = "foreign"
)

// outcome is one finished request of a reader.
type outcome struct {
	at       time.Time
	took     time.Duration
	path     string
	kind     kind
	detail   string // for what is not good
	cached   bool
	servedBy string
}

const (
	eventsKept    = 32
	latenciesKept = 16384
)

// journal adds outcomes up. The zero value is empty and ready.
type journal struct {
	mu        sync.Mutex // guards all
	since     time.Time
	requests  int64
	failed    int64
	foreign   int64
	cached    int64
	origins   map[string]int64
	latest    string // origin of the last answer that came from one
	latencies []time.Duration
	longest   time.Duration
	events    []Event
	whole     map[string]struct{} // the targets of good answers
}

// begin notes the first start.
func (j *journal) begin(now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.since.IsZero() {
		j.since = now
	}
}

func (j *journal) add(o outcome) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.latencies) < latenciesKept {
		j.latencies = append(j.latencies, o.took)
	} else {
		j.latencies[j.requests%latenciesKept] = o.took
	}
	j.requests++
	j.longest = max(j.longest, o.took)
	switch {
	case o.kind == kindFailed:
		j.failed++
		j.noteLocked(o, string(o.kind), o.detail)
	case o.kind == kindForeign:
		j.foreign++
		j.noteLocked(o, string(o.kind), o.detail)
	case o.cached:
		j.cached++
		j.keepLocked(o.path)
	default:
		j.addOriginLocked(o)
		j.keepLocked(o.path)
	}
}

// keepLocked remembers that a target was had. One with a query of a visitor's own
// is never asked for again.
func (j *journal) keepLocked(target string) {
	if strings.Contains(target, visitQuery) {
		return
	}
	if j.whole == nil {
		j.whole = make(map[string]struct{})
	}
	j.whole[target] = struct{}{}
}

// had reports whether a good answer came for the target.
func (j *journal) had(target string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, ok := j.whole[target]
	return ok
}

func (j *journal) addOriginLocked(o outcome) {
	if j.origins == nil {
		j.origins = make(map[string]int64)
	}
	j.origins[o.servedBy]++
	if j.latest != "" && o.servedBy != j.latest {
		j.noteLocked(o, "moved", "from "+j.latest+" to "+o.servedBy)
	}
	j.latest = o.servedBy
}

func (j *journal) noteLocked(o outcome, kind, detail string) {
	if len(j.events) == eventsKept {
		j.events = slices.Delete(j.events, 0, 1)
	}
	j.events = append(j.events, Event{At: o.at, Kind: kind, Path: o.path, Detail: detail})
}

func (j *journal) tally() Tally {
	j.mu.Lock()
	defer j.mu.Unlock()
	t := Tally{
		Since: j.since, Requests: j.requests, Failed: j.failed, Foreign: j.foreign, Cached: j.cached,
		Origins: make(map[string]int64), Events: append([]Event{}, j.events...),
		Latency: Latency{Max: j.longest.Seconds()},
	}
	maps.Copy(t.Origins, j.origins)
	t.Latency.rank(slices.Sorted(slices.Values(j.latencies)))
	return t
}

// tallySince is the difference to an earlier tally.
func (j *journal) tallySince(earlier Tally) Tally {
	j.mu.Lock()
	defer j.mu.Unlock()
	t := Tally{
		Since: j.since, Requests: j.requests - earlier.Requests, Failed: j.failed - earlier.Failed,
		Foreign: j.foreign - earlier.Foreign, Cached: j.cached - earlier.Cached,
		Origins: make(map[string]int64), Events: []Event{},
	}
	for origin, n := range j.origins {
		if n > earlier.Origins[origin] {
			t.Origins[origin] = n - earlier.Origins[origin]
		}
	}
	var took []time.Duration
	for back := int64(1); back <= min(t.Requests, int64(len(j.latencies))); back++ {
		took = append(took, j.latencies[(j.requests-back)%latenciesKept])
	}
	slices.Sort(took)
	t.Latency.rank(took)
	if len(took) > 0 {
		t.Latency.Max = took[len(took)-1].Seconds()
	}
	return t
}

// rank sets the percentiles from sorted times.
func (l *Latency) rank(sorted []time.Duration) {
	if len(sorted) > 0 {
		l.P50 = rank(sorted, 50).Seconds()
		l.P99 = rank(sorted, 99).Seconds()
	}
}

// rank is the smallest of the sorted values that percent of them do not exceed.
func rank(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)*percent+99)/100-1]
}

// standIns are the details of an answer that came from the store although an origin
// was asked: it failed, or was too slow.
var standIns = []string{"detail=error", "detail=outage", "detail=slow"}

// fromCache reports whether an edge answered from its store: by Cache-Status
// (RFC 9211 §2), of which any cache on the way may have the hit, or else by Age.
func fromCache(header http.Header) bool {
	if status := header.Values("Cache-Status"); len(status) > 0 {
		for member := range splitOutside(strings.Join(status, ","), ',') {
			for parameter := range splitOutside(member, ';') {
				p := strings.TrimSpace(parameter)
				if p == "hit" || p == "hit=?1" || slices.Contains(standIns, p) {
					return true
				}
			}
		}
		return false
	}
	age, err := strconv.Atoi(header.Get("Age"))
	return err == nil && age > 0
}

// splitOutside yields the parts of text between separators that are not inside
// a quoted string (RFC 8941 §3.3.3).
func splitOutside(text string, separator byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start, quoted := 0, false
		for i := 0; i < len(text); i++ {
			switch c := text[i]; {
			case quoted && c == '\\':
				i++
			case c == '"':
				quoted = !quoted
			case c == separator && !quoted:
				if !yield(text[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(text[start:])
	}
}
