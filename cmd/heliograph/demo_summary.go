package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/heliograph-edge/heliograph/health/lab"
)

// summary is what came of a story.
type summary struct {
	Seconds     float64          `json:"seconds"`
	Requests    int64            `json:"requests"`
	Failed      int64            `json:"failed"`
	Foreign     int64            `json:"foreign"`
	Cached      int64            `json:"cached"`
	Origins     map[string]int64 `json:"origins"` // by alias
	Switches    int              `json:"switches"`
	Latency     lab.Latency      `json:"latency_seconds"`
	Interrupted bool             `json:"interrupted"`
	Scenes      []sceneSummary   `json:"scenes"`
	Mishaps     []lab.Event      `json:"mishaps"` // the latest failures and foreign pages
}

// sceneSummary is what came of one scene.
type sceneSummary struct {
	Title    string           `json:"title"`
	At       float64          `json:"at_seconds"`
	Active   string           `json:"active"` // at its end
	Requests int64            `json:"requests"`
	Failed   int64            `json:"failed"`
	Foreign  int64            `json:"foreign"`
	Cached   int64            `json:"cached"`
	Origins  map[string]int64 `json:"origins"`
	Latency  lab.Latency      `json:"latency_seconds"`

	got lab.Tally
}

// counted is the scene with its counts filled in from what readers got.
func (s sceneSummary) counted() sceneSummary {
	t := s.got
	s.Requests, s.Failed, s.Foreign, s.Cached = t.Requests, t.Failed, t.Foreign, t.Cached
	s.Origins, s.Latency = t.Origins, t.Latency
	return s
}

// close adds up what readers got. They have left.
func (s *summary) close(on *stage, took time.Duration) (err error) {
	t := on.byAlias(on.reader.Tally())
	s.Seconds, s.Requests, s.Failed, s.Foreign, s.Cached = took.Seconds(), t.Requests, t.Failed, t.Foreign, t.Cached
	s.Origins, s.Latency, s.Mishaps = t.Origins, t.Latency, []lab.Event{}
	for _, e := range t.Events {
		if e.Kind != "moved" {
			s.Mishaps = append(s.Mishaps, e)
		}
	}
	s.Switches, err = on.switches()
	return err
}

// verdict is the error that the command ends with: nil when every reader got the
// newspaper to the end of the story.
func (s *summary) verdict() error {
	switch {
	case s.Failed+s.Foreign > 0:
		return &quietError{errors.New("a reader saw an error or a foreign page")}
	case s.Interrupted:
		return &quietError{errors.New("the story was cut short")}
	case s.Requests == 0:
		return &quietError{errors.New("no reader asked for anything")}
	}
	return nil
}

// writeJSON prints the summary for programs.
func (s *summary) writeJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(s)
}

// writeTable prints the summary for people. aliases are the origins in order.
func (s *summary) writeTable(w io.Writer, aliases []string) error {
	rows := tabulate(func(w io.Writer) {
		fmt.Fprintf(w, "requests\t%d\t\n", s.Requests)
		fmt.Fprintf(w, "failed\t%d\t\n", s.Failed)
		fmt.Fprintf(w, "foreign\t%d\t\n", s.Foreign)
		fmt.Fprintf(w, "from cache\t%d\t%s\n", s.Cached, share(s.Cached, s.Requests))
		for _, alias := range aliases {
			fmt.Fprintf(w, "from %s\t%d\t%s\n", alias, s.Origins[alias], share(s.Origins[alias], s.Requests))
		}
		fmt.Fprintf(w, "switches\t%d\t\n", s.Switches)
		fmt.Fprintf(w, "p50\t%s\t\n", milliseconds(s.Latency.P50))
		fmt.Fprintf(w, "p99\t%s\t\n", milliseconds(s.Latency.P99))
	})
	fmt.Fprintf(w, "\nWhat readers got in %.1f s\n", s.Seconds)
	for _, row := range rows {
		fmt.Fprintln(w, "  "+row)
	}
	for _, e := range s.Mishaps {
		fmt.Fprintf(w, "%s  %s: %s: %s\n", e.At.Format(time.TimeOnly), e.Kind, e.Path, e.Detail)
	}
	_, err := fmt.Fprintln(w, "\n"+s.conclusion())
	return err
}

// conclusion is the summary in one sentence.
func (s *summary) conclusion() string {
	if err := s.verdict(); err != nil {
		return "Not as it should be: " + err.Error() + "."
	}
	return "Every reader got the newspaper, every time."
}

// share is a part of a whole in per cent; empty where there is no whole.
func share(part, whole int64) string {
	if whole == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f %%", 100*float64(part)/float64(whole))
}
