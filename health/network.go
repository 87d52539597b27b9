package health

import (
	"fmt"
	"iter"
	"time"
)

const (
	// networkSpan is how far apart the failures of one broken network may begin:
	// the longest healthy interval with its jitter, and a little of a probe.
	networkSpan = 15 * time.Second
	// networkHold is how long a fall waits for another origin to prove that the
	// edge's own network works: two probe timeouts, because the others are asked
	// at the first failure.
	networkHold = 10 * time.Second
)

// network is what all origins together say about the edge's own network.
type network int

const (
	networkWorks     network = iota // or cannot be told from one that works
	networkUnsure                   // some failed and nobody has answered since
	networkSuspected                // all failed at once
)

// outage is the network's state with when it began and why; Since and Reason
// are empty while it works.
type outage struct {
	network network
	since   time.Time
	reason  string
}

// judged is the one rule on the edge's own network, over all origins.
//
// Witnesses are origins in use: one that fell earlier says nothing by failing
// still, though an answer from it counts like any other. Two witnesses of
// different name are the least that can tell a network from an origin. The
// network is suspected when every origin's latest look ended in the network and
// all witnesses' failures began within networkSpan; it stays suspected, however
// long and whoever is added, until somebody gets further than that.
func judged(origins iter.Seq2[ID, State], now time.Time, suspected bool) outage {
	var (
		first, last, answered time.Time
		name                  string
		witnesses, count      int
		all                   = true
	)
	for id, s := range origins {
		count++
		answered = latest(answered, s.LastAnswer)
		failing := !s.NetworkSince.IsZero()
		all = all && failing
		if s.Verdict.fallen() || s.Verdict == Probation {
			continue
		}
		if witnesses == 0 || name != id.Origin {
			witnesses, name = witnesses+1, id.Origin
		}
		if failing {
			last = latest(last, s.NetworkSince)
			if first.IsZero() || s.NetworkSince.Before(first) {
				first = s.NetworkSince
			}
		}
	}
	switch {
	case witnesses < 2 || first.IsZero():
		return outage{}
	case all && (suspected || last.Sub(first) <= networkSpan):
		return outage{networkSuspected, first, fmt.Sprintf(
			"all %d origins stopped answering within %s: this edge's own network is suspected and verdicts are frozen until one answers",
			count, max(last.Sub(first), 0).Round(time.Second))}
	case !all && answered.Before(first) && now.Sub(first) < networkHold:
		return outage{networkUnsure, first, ""}
	}
	return outage{}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// thawed is the state once the network works again. What was counted against
// an origin in use meanwhile proves nothing, and a probe that was under way when
// the network came back must not be the one too many.
func (s State) thawed() State {
	if s.Verdict.fallen() {
		return s
	}
	s.Failures, s.NetworkSince, s.Accused, s.Live = 0, time.Time{}, false, Live{}
	return s
}
