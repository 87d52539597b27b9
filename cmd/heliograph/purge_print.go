package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/heliograph-edge/heliograph/proxy"
	"github.com/heliograph-edge/heliograph/proxy/console"
)

// print writes what became of the orders, as JSON or as a table.
func (f *purgeFlags) print(out io.Writer, results []purged) error {
	if f.asJSON {
		text, err := json.MarshalIndent(map[string][]purged{"purges": results}, "", "  ")
		if err != nil {
			return err
		}
		_, err = out.Write(append(console.Harmless(text), '\n'))
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "PURGED\tMODE\tPAGES\tSIZE\tSTATE")
	for _, r := range results {
		fmt.Fprintln(table, strings.Join(purgeRow(r), "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	note := purgeNote(results, f.soft, f.dry)
	if note == "" {
		return nil
	}
	_, err := fmt.Fprintln(out, note)
	return err
}

// purgeNote is what is to be said of all orders together, empty for nothing: what is not
// known of one that failed may be the contrary.
func purgeNote(results []purged, soft, dry bool) string {
	background, failed, matched := false, 0, int64(0)
	for _, r := range results {
		if r.Error != "" {
			failed++
		}
		if r.Purge != nil {
			background = background || r.Purge.State == console.PurgeRunning
			matched += r.Purge.Matched
		}
	}
	switch {
	case background && soft:
		return "The pages stay, and are stale from now on: each is fetched anew or confirmed at its next use, and stands in where no origin answers. They are still being counted: see --wait."
	case background:
		return "Readers get nothing of it any more; the memory becomes free in the background. See --wait."
	case failed == len(results):
		return ""
	case matched == 0 && failed == 0:
		return "Nothing stored matched. See what is stored of an address with: heliograph explain URL"
	case dry:
		return "Nothing was done: leave out --dry-run."
	}
	return ""
}

// purgeRow is one order in the table.
func purgeRow(r purged) []string {
	if r.Purge == nil {
		return []string{printable(orderWords(r.Order)), "-", "-", "-", "failed: " + printable(r.Error)}
	}
	p := r.Purge
	state := p.State
	switch {
	case r.Error != "":
		state = "failed: " + printable(r.Error)
	case p.DryRun:
		state = "dry run"
	case p.State == console.PurgeRunning:
		state = fmt.Sprintf("in the background, id %d", p.ID)
	}
	pages, size := fmt.Sprint(p.Matched), sizeOf(p.Bytes)
	if p.State == console.PurgeRunning {
		pages, size = "-", "-" // not counted yet
	}
	return []string{printable(p.What), p.Mode, pages, size, state}
}

// orderWords is an order as its giver wrote it.
func orderWords(o proxy.PurgeOrder) string {
	switch {
	case o.URL != "":
		return o.URL
	case o.Prefix != "":
		return "prefix " + o.Prefix
	case o.Tag != "":
		return "tag " + o.Tag
	case o.Everything:
		return "everything"
	}
	return "all of " + o.Site
}

// sizeOf is a number of bytes in the unit that keeps it short.
func sizeOf(n int64) string {
	size, unit := float64(n), "B"
	for _, next := range []string{"KiB", "MiB", "GiB"} {
		if size < 1000 {
			break
		}
		size, unit = size/1024, next
	}
	if unit == "B" || size >= 100 {
		return fmt.Sprintf("%.0f %s", size, unit)
	}
	return fmt.Sprintf("%.1f %s", size, unit)
}
