package main

import (
	"fmt"
	"time"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/lab"
)

// originSight is one origin as the demonstration shows it.
type originSight struct {
	alias   string
	host    string
	fault   lab.Fault
	verdict health.Verdict
	class   health.Class
	since   time.Time // of the verdict; zero before the first look
	active  bool
}

// sight is the whole stage at one moment.
type sight struct {
	at      time.Time
	origins []originSight
	outage  bool // no origin is of use
	tally   lab.Tally
}

// look takes in the stage as it is now.
func (s *stage) look() sight {
	seen := sight{at: time.Now(), tally: s.byAlias(s.reader.Tally())}
	pool := s.edge.proxy.Sites().All()[0].Pool
	seen.outage = pool.Outage()
	active, views := pool.Active(), pool.Views()
	for i, o := range s.lab.Origins() {
		v := views[i]
		seen.origins = append(seen.origins, originSight{
			alias: o.Alias(), host: o.Name(), fault: o.Fault(), active: o.Alias() == active,
			verdict: v.Verdict, class: v.Class, since: v.Since,
		})
	}
	return seen
}

// active is the alias of the origin that readers are sent to.
func (s sight) active() string {
	for _, o := range s.origins {
		if o.active {
			return o.alias
		}
	}
	return ""
}

// changes tells what is different now from what it was at an earlier look: the
// faults first, then what the edge and the readers made of them.
func (s sight) changes(before sight) []string {
	var told []string
	for i, o := range s.origins {
		if was := before.origins[i]; o.fault != was.fault {
			told = append(told, tellFault(o))
		}
	}
	for i, o := range s.origins {
		if was := before.origins[i]; o.verdict != was.verdict {
			told = append(told, fmt.Sprintf("%s was %s and is %s", o.alias, was.verdict, tellVerdict(o)))
		}
	}
	if was, is := before.active(), s.active(); was != is {
		told = append(told, fmt.Sprintf("readers moved from %s to %s", was, is))
	}
	switch {
	case s.outage && !before.outage:
		told = append(told, "no origin is of use: readers get what is stored")
	case before.outage && !s.outage:
		told = append(told, "an origin is of use again")
	}
	return append(told, s.mishaps(before)...)
}

// mishaps tells of requests that went wrong since an earlier look.
func (s sight) mishaps(before sight) []string {
	failed, foreign := s.tally.Failed-before.tally.Failed, s.tally.Foreign-before.tally.Foreign
	if failed+foreign == 0 {
		return nil
	}
	told := fmt.Sprintf("readers saw %d failures and %d foreign pages", failed, foreign)
	for i := len(s.tally.Events) - 1; i >= 0; i-- {
		if e := s.tally.Events[i]; e.Kind != "moved" {
			return []string{told + ", the last at " + e.Path + ": " + e.Detail}
		}
	}
	return []string{told}
}

// tellFault says what was done to an origin.
func tellFault(o originSight) string {
	if o.fault == lab.NoFault {
		return o.alias + " is mended"
	}
	return fmt.Sprintf("%s is broken: %s", o.alias, o.fault.Description())
}

// tellVerdict is an origin's verdict with the class it rests on, where that says more.
func tellVerdict(o originSight) string {
	if o.class == "" || o.class == health.OK {
		return string(o.verdict)
	}
	return fmt.Sprintf("%s (%s)", o.verdict, o.class)
}
