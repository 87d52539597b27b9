package replay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"time"

	"github.com/heliograph-edge/heliograph/cache/memory"
)

const (
	// longestLine is as much of a line as is looked at.
	longestLine = 64 << 10
	// lookEvery is how many lines are read before anybody is told how many.
	lookEvery = 1 << 12
	// examples is how many lines are named for each reason.
	examples = 3
)

// Simulation replays access logs against memories of several sizes at once.
type Simulation struct {
	runs  []*run
	seed  maphash.Seed
	seen  map[uint64]record // by the key's hash: there may be very many
	total Summary
	skips map[Reason]*Skipped
}

// run is what one size of memory comes to.
type run struct {
	size      int64 // 0 for no limit
	ours, lru Policy
	tally     [2]Tally
}

// record is what is known of one page.
type record struct {
	size, cost int64
	times      uint32
}

// Summary is what the logs had.
type Summary struct {
	Lines     int64
	Requests  int64 // replayed
	Bytes     int64
	From, To  time.Time
	Backwards int64 // requests that were older than those before by a minute and more
	Pages     int64
	Once      int64 // of them asked for a single time
	Footprint int64 // that all pages would take in a store
	Skipped   []Skipped
	Results   []Outcome
}

// Skipped are the lines that were not replayed for a reason.
type Skipped struct {
	Reason Reason
	Lines  int64
	First  []string // file:line
}

// Outcome is what a size of memory came to.
type Outcome struct {
	Memory    int64 // 0 for no limit
	Ours, LRU Tally
	Held      Holding // by ours, in the end
	LRUHeld   Holding
}

// NewSimulation makes a simulation of these sizes of memory, and of one without limit.
// Pages older than lifetime are fetched again; 0 keeps them for ever.
func NewSimulation(sizes []int64, lifetime time.Duration) *Simulation {
	s := &Simulation{seed: maphash.MakeSeed(), seen: make(map[uint64]record), skips: make(map[Reason]*Skipped)}
	for _, size := range sizes {
		store := memory.New(size)
		s.runs = append(s.runs, &run{
			size: size, ours: NewStore(store, store.MaxPage(), lifetime), lru: NewLRU(size, store.MaxPage(), lifetime),
		})
	}
	s.runs = append(s.runs, &run{lru: NewLRU(math.MaxInt64, math.MaxInt64, lifetime)})
	return s
}

// Read replays one log. told is called now and then with the number of lines read so far.
func (s *Simulation) Read(ctx context.Context, name string, from io.Reader, told func(lines int64)) error {
	lines := bufio.NewReaderSize(from, longestLine)
	for n := int64(1); ; n++ {
		text, long, err := lines.ReadLine()
		if err == io.EOF {
			return nil
		}
		whole := !long
		for long && err == nil {
			_, long, err = lines.ReadLine()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%s: line %d: %w", name, n, err)
		}
		if len(text) == 0 {
			continue
		}
		s.total.Lines++
		if reason := s.line(string(text), whole); reason != "" {
			s.skip(reason, name, n)
		}
		if s.total.Lines%lookEvery == 0 {
			told(s.total.Lines)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
	}
}

// line replays one line, or says why not.
func (s *Simulation) line(text string, whole bool) Reason {
	if !whole {
		return ReasonLong
	}
	line, reason := ParseLine(text)
	if reason == "" {
		reason = line.Storable()
	}
	if reason != "" {
		return reason
	}
	hash := maphash.String(s.seed, string(line.Key))
	known, asked := s.seen[hash]
	if !asked && !line.IsWhole() {
		return ReasonUnsized
	}
	if line.IsWhole() {
		known.size, known.cost = line.Bytes, Cost(line.Key, line.Bytes)
	}
	known.times++
	s.seen[hash] = known
	s.span(line.At)
	s.total.Requests++
	s.total.Bytes += line.Bytes
	r := Request{Key: line.Key, Size: known.size, At: line.At}
	for _, run := range s.runs {
		if run.ours != nil {
			run.tally[0].Count(run.ours.Ask(r), line.Bytes)
		}
		run.tally[1].Count(run.lru.Ask(r), line.Bytes)
	}
	return ""
}

// span extends the time that the logs are about.
func (s *Simulation) span(at time.Time) {
	t := &s.total
	if t.From.IsZero() || at.Before(t.From) {
		t.From = at
	}
	if at.After(t.To) {
		t.To = at
	}
	if t.To.Sub(at) > time.Minute {
		t.Backwards++
	}
}

// skip counts a line that is not replayed.
func (s *Simulation) skip(reason Reason, name string, n int64) {
	skipped := s.skips[reason]
	if skipped == nil {
		skipped = &Skipped{Reason: reason}
		s.skips[reason] = skipped
	}
	skipped.Lines++
	if len(skipped.First) < examples {
		skipped.First = append(skipped.First, fmt.Sprintf("%s:%d", name, n))
	}
}

// Summary is what has come of it so far.
func (s *Simulation) Summary() Summary {
	t := s.total
	for _, known := range s.seen {
		t.Pages++
		t.Footprint += known.cost
		if known.times == 1 {
			t.Once++
		}
	}
	for _, reason := range []Reason{ReasonBroken, ReasonLong, ReasonOther, ReasonMethod, ReasonStatus, ReasonBypass, ReasonUnsized} {
		if skipped := s.skips[reason]; skipped != nil {
			t.Skipped = append(t.Skipped, *skipped)
		}
	}
	for _, run := range s.runs {
		o := Outcome{Memory: run.size, Ours: run.tally[0], LRU: run.tally[1], LRUHeld: run.lru.Holds()}
		if run.ours != nil {
			o.Held = run.ours.Holds()
		}
		t.Results = append(t.Results, o)
	}
	return t
}
