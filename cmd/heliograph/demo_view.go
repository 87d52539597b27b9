package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/heliograph-edge/heliograph/health/lab"
)

// recentLines is how many lines of the view tell what happened lately, or answer
// the last command. The whole view fits a terminal of 24 lines.
const recentLines = 6

// happening is a line about something that changed.
type happening struct {
	at   time.Time
	text string
}

// view is everything that is shown at one moment.
type view struct {
	front, admin string
	log          string
	now          sight
	lately       lab.Tally     // of the last span
	span         time.Duration // that lately covers
	recent       []happening   // the oldest first
	answer       []string      // to the last command, in place of recent; may be nil
}

// lines draws the view. Its height is always the same.
func (v view) lines() []string {
	lines := []string{
		"The Harbour Gazette   " + v.front + "/   admin " + v.admin + "/   log " + v.log,
		"",
	}
	lines = append(lines, originTable(v.now)...)
	lines = append(lines, "")
	lines = append(lines, readerTable(v.now, []readerRow{
		{fmt.Sprintf("last %.0f s", v.span.Seconds()), v.lately}, {"in all", v.now.tally},
	})...)
	lines = append(lines, "")
	lines = append(lines, v.told()...)
	return append(lines, "", "break ORIGIN FAULT · mend [ORIGIN] · clear ORIGIN · faults · help · quit     POST "+v.admin+"/api/v1/lab/primary/break?fault=down")
}

// told is what happened lately, or the answer to the last command, in a fixed
// number of lines.
func (v view) told() []string {
	told := v.answer
	if told == nil {
		for _, h := range v.recent[max(0, len(v.recent)-recentLines):] {
			told = append(told, h.line())
		}
	}
	lines := make([]string, recentLines)
	copy(lines, told)
	return lines
}

// line is a happening with its time of day.
func (h happening) line() string { return h.at.Format(time.TimeOnly) + "  " + h.text }

// originTable shows the origins, the one that readers are on with a mark.
func originTable(s sight) []string {
	return tabulate(func(w io.Writer) {
		fmt.Fprintln(w, "  ORIGIN\tHOST\tFAULT\tVERDICT\tCLASS\tSINCE")
		for _, o := range s.origins {
			mark := " "
			if o.active {
				mark = "▸"
			}
			fmt.Fprintf(w, "%s %s\t%s\t%s\t%s\t%s\t%s\n", mark, o.alias, o.host, dash(string(o.fault)), o.verdict,
				dash(string(o.class)), dash(elapsed(o.since, s.at)))
		}
	})
}

// readerRow is what readers got in some time.
type readerRow struct {
	name  string
	tally lab.Tally
}

// readerTable shows what readers got, and where it came from.
func readerTable(s sight, rows []readerRow) []string {
	return tabulate(func(w io.Writer) {
		fmt.Fprint(w, "  READERS\tREQUESTS\tFAILED\tFOREIGN\tFROM CACHE")
		for _, o := range s.origins {
			fmt.Fprint(w, "\t", strings.ToUpper(o.alias))
		}
		fmt.Fprintln(w, "\tP50\tP99")
		for _, r := range rows {
			t := r.tally
			fmt.Fprintf(w, "  %s\t%d\t%d\t%d\t%d", r.name, t.Requests, t.Failed, t.Foreign, t.Cached)
			for _, o := range s.origins {
				fmt.Fprintf(w, "\t%d", t.Origins[o.alias])
			}
			fmt.Fprintf(w, "\t%s\t%s\n", milliseconds(t.Latency.P50), milliseconds(t.Latency.P99))
		}
	})
}

// tabulate aligns the columns of what is written.
func tabulate(write func(io.Writer)) []string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	write(table)
	_ = table.Flush() // a Builder takes everything
	return strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
}

// elapsed is how long something has been so; empty when it never began.
func elapsed(since, now time.Time) string {
	if since.IsZero() {
		return ""
	}
	return max(now.Sub(since), 0).Truncate(time.Second).String()
}

// milliseconds is a latency in seconds as it is shown.
func milliseconds(seconds float64) string {
	return strconv.FormatFloat(1000*seconds, 'f', 1, 64) + " ms"
}

// plain is the moment as one line, where nothing can be drawn over.
func (v view) plain() string {
	var origins []string
	for _, o := range v.now.origins {
		origins = append(origins, o.alias+" "+tellVerdict(o))
	}
	t := v.lately
	return fmt.Sprintf("%s  last %.0f s: %s; readers on %s; %s", v.now.at.Format(time.TimeOnly), v.span.Seconds(),
		tellTally(t), v.now.active(), strings.Join(origins, ", "))
}

// tellTally is what readers got as part of a sentence.
func tellTally(t lab.Tally) string {
	var fetched int64
	for _, n := range t.Origins {
		fetched += n
	}
	return fmt.Sprintf("%d requests, %d failed, %d foreign, %d from cache, %d from origins", t.Requests, t.Failed, t.Foreign, t.Cached, fetched)
}
