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

// judged is the one rule on the edge's own network, over all origins and the latest
// control look.
//
// Witnesses are origins in use: one that fell earlier says nothing by failing
// still, though an answer from it counts like any other. A control look says whether
// the network works, if it was taken after the failures began; what an origin
// answered after that is later news. Without its word two witnesses of
// different name are the least that can tell a network from an origin: the
// network is suspected when every origin's latest look ended in the network and
// all witnesses' failures began within networkSpan; it stays suspected, however
// long and whoever is added, until somebody gets further than that.
func judged(origins iter.Seq2[ID, State], now time.Time, suspected bool, c control) outage {
	w := testimonyOf(origins)
	switch {
	case w.first.IsZero():
		return outage{}
	case c.denies(w.first, w.answered):
		return outage{networkSuspected, w.first, fmt.Sprintf(
			"origins stopped answering, and so did what is asked besides to see whether the network works (%s): "+
				"this edge's own network is suspected and verdicts are frozen until one of them answers", c.reason)}
	case !w.all && !w.answered.Before(w.first), c.confirms(w.last):
		return outage{}
	case c.on && !suspected && now.Sub(w.last) < controlHold:
		return outage{networkUnsure, w.first, ""}
	case w.count < 2:
		return outage{}
	case w.all && (suspected || w.last.Sub(w.first) <= networkSpan):
		return outage{networkSuspected, w.first, fmt.Sprintf(
			"all %d origins stopped answering within %s: this edge's own network is suspected and verdicts are frozen until one answers",
			w.origins, max(w.last.Sub(w.first), 0).Round(time.Second))}
	case !w.all && now.Sub(w.first) < networkHold:
		return outage{networkUnsure, w.first, ""}
	}
	return outage{}
}

// testimony is what the origins say about the edge's own network.
type testimony struct {
	origins     int
	all         bool      // the latest look at every origin ended in the network
	answered    time.Time // the latest answer of any
	count       int       // of witnesses; 2 stands for more
	first, last time.Time // when the failures of failing witnesses began; zero without any
}

func testimonyOf(origins iter.Seq2[ID, State]) testimony {
	w := testimony{all: true}
	var name string
	for id, s := range origins {
		w.origins++
		w.answered = latest(w.answered, s.LastAnswer)
		failing := !s.NetworkSince.IsZero()
		w.all = w.all && failing
		if !s.witness() {
			continue
		}
		if w.count == 0 || w.count == 1 && name != id.Origin {
			w.count, name = w.count+1, id.Origin
		}
		if failing {
			w.last = latest(w.last, s.NetworkSince)
			if w.first.IsZero() || s.NetworkSince.Before(w.first) {
				w.first = s.NetworkSince
			}
		}
	}
	return w
}

// witness reports whether the origin is in use, so that its failing says something.
func (s State) witness() bool { return !s.Verdict.fallen() && s.Verdict != Probation }

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
	s.Failures, s.Strains, s.NetworkSince, s.Accused, s.Live = 0, 0, time.Time{}, false, Live{}
	return s
}
