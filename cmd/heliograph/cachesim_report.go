package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/heliograph-edge/heliograph/cache/replay"
	"github.com/heliograph-edge/heliograph/configs"
)

// cacheSimReport is the summary of a replay as JSON has it.
type cacheSimReport struct {
	Lines     int64             `json:"lines"`
	Requests  int64             `json:"requests"`
	Bytes     int64             `json:"bytes"`
	From      *time.Time        `json:"from,omitempty"`
	To        *time.Time        `json:"to,omitempty"`
	Backwards int64             `json:"backwards"`
	Pages     int64             `json:"pages"`
	Once      float64           `json:"asked_once"` // share of the pages
	Footprint int64             `json:"footprint_bytes"`
	Skipped   []cacheSimSkipped `json:"skipped"`
	Results   []cacheSimResult  `json:"results"`
	Unlimited cacheSimRatio     `json:"without_limit"`
}

// cacheSimSkipped are lines that were not replayed.
type cacheSimSkipped struct {
	Reason replay.Reason `json:"reason"`
	Lines  int64         `json:"lines"`
	First  []string      `json:"first"`
}

// cacheSimResult is what one size of memory comes to.
type cacheSimResult struct {
	Memory int64         `json:"memory_bytes"`
	Edge   cacheSimRatio `json:"edge"`
	LRU    cacheSimRatio `json:"lru"`
}

// cacheSimRatio is what one policy comes to. The shares are from 0 to 1.
type cacheSimRatio struct {
	Hits      float64 `json:"hits"`
	ByteHits  float64 `json:"byte_hits"`
	Pages     int     `json:"pages"`
	Evictions uint64  `json:"evictions"`
}

// ratio renders what a policy came to.
func ratio(t replay.Tally, h replay.Holding) cacheSimRatio {
	return cacheSimRatio{t.HitShare(), t.ByteShare(), h.Pages, h.Evictions}
}

// newCacheSimReport renders a summary.
func newCacheSimReport(s replay.Summary) cacheSimReport {
	r := cacheSimReport{
		Lines: s.Lines, Requests: s.Requests, Bytes: s.Bytes, Backwards: s.Backwards, Pages: s.Pages, Footprint: s.Footprint,
		Skipped: []cacheSimSkipped{}, Results: []cacheSimResult{},
	}
	if s.Pages > 0 {
		r.Once = float64(s.Once) / float64(s.Pages)
		r.From, r.To = &s.From, &s.To
	}
	for _, skipped := range s.Skipped {
		r.Skipped = append(r.Skipped, cacheSimSkipped(skipped))
	}
	for _, o := range s.Results {
		if o.Memory == 0 {
			r.Unlimited = ratio(o.LRU, o.LRUHeld)
			continue
		}
		r.Results = append(r.Results, cacheSimResult{o.Memory, ratio(o.Ours, o.Held), ratio(o.LRU, o.LRUHeld)})
	}
	return r
}

// printCacheSim writes a summary for people, or as JSON.
func printCacheSim(w io.Writer, s replay.Summary, asJSON bool) error {
	report := newCacheSimReport(s)
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	}
	var b strings.Builder
	report.writeFacts(&b)
	if report.Requests > 0 {
		report.writeTable(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeFacts writes what the logs had.
func (r *cacheSimReport) writeFacts(b *strings.Builder) {
	table := tabwriter.NewWriter(b, 0, 0, 3, ' ', 0)
	fmt.Fprintf(table, "lines\t%d\n", r.Lines)
	fmt.Fprintf(table, "requests\t%d replayed, %s\n", r.Requests, bytesInWords(r.Bytes))
	for _, skipped := range r.Skipped {
		fmt.Fprintf(table, "skipped\t%d %s (%s%s)\n", skipped.Lines, skipped.Reason, printable(strings.Join(skipped.First, ", ")), more(skipped))
	}
	if r.From != nil {
		fmt.Fprintf(table, "time\t%s to %s (%s)\n", r.From.Format(time.DateTime), r.To.Format(time.DateTime), r.To.Sub(*r.From).Round(time.Second))
		fmt.Fprintf(table, "pages\t%d, of which %.0f %% were asked for once\n", r.Pages, 100*r.Once)
		fmt.Fprintf(table, "footprint\t%s, with bookkeeping\n", bytesInWords(r.Footprint))
	}
	if r.Backwards > 0 {
		fmt.Fprintf(table, "note\t%d requests are older than what came before: give the logs in the order of time\n", r.Backwards)
	}
	_ = table.Flush() // to memory: it does not fail
}

// more says that there are more lines than those named.
func more(s cacheSimSkipped) string {
	if s.Lines > int64(len(s.First)) {
		return ", …"
	}
	return ""
}

// writeTable writes what each size of memory comes to.
func (r *cacheSimReport) writeTable(b *strings.Builder) {
	b.WriteString("\n")
	table := tabwriter.NewWriter(b, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "memory\thits\tbytes\tpages\tevictions\tLRU hits\tLRU bytes\t")
	for _, o := range r.Results {
		fmt.Fprintf(table, "%s\t%.1f %%\t%.1f %%\t%d\t%d\t%.1f %%\t%.1f %%\t\n", configs.FormatSize(o.Memory),
			100*o.Edge.Hits, 100*o.Edge.ByteHits, o.Edge.Pages, o.Edge.Evictions, 100*o.LRU.Hits, 100*o.LRU.ByteHits)
	}
	u := r.Unlimited
	fmt.Fprintf(table, "no limit\t%.1f %%\t%.1f %%\t%d\t%d\t\t\t\n", 100*u.Hits, 100*u.ByteHits, u.Pages, u.Evictions)
	_ = table.Flush() // to memory: it does not fail
}

// bytesInWords is a number of bytes as people read it.
func bytesInWords(n int64) string {
	value, unit := float64(n), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if value < 1024 {
			break
		}
		value, unit = value/1024, next
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
