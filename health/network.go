package health

import (
	"fmt"
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
// network is suspected when every origin's latest look ended in the network (but for those
// that are left alone, see voice) and all witnesses' failures began within networkSpan;
// it stays suspected, however long and whoever is added, until somebody gets further
// than that.
func judged(origins []voice, now time.Time, suspected bool, c control) outage {
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

// voice is what one origin says about the edge's own network. The Tracker has all of them
// in one place: where a thousand origins fail, each failure has all of them heard.
type voice struct {
	name     string    // of the origin
	failing  time.Time // since when its looks end in the network; zero when the latest did not
	answered time.Time // the latest answer
	witness  bool      // it is in use, so that its failing says something
	// mute: it fell by a block that each attempt prolongs. Nobody asks it before that is
	// over, so the latest look is of no time in particular.
	mute bool
}

// voice is what the state of the origin of that name says.
func (s *State) voice(name string) voice {
	return voice{
		name: name, failing: s.NetworkSince, answered: s.LastAnswer,
		witness: s.witness(), mute: s.Residual > 0 && !s.witness(),
	}
}

// testimony is what the origins say about the edge's own network.
type testimony struct {
	origins     int
	all         bool      // the latest look at every origin that is not mute ended in the network
	answered    time.Time // the latest answer of any
	count       int       // of witnesses; 2 stands for more
	first, last time.Time // when the failures of failing witnesses began; zero without any
}

func testimonyOf(origins []voice) testimony {
	w := testimony{all: true, origins: len(origins)}
	var name string
	for i := range origins {
		v := &origins[i]
		w.answered = latest(w.answered, v.answered)
		failing := !v.failing.IsZero()
		w.all = w.all && (failing || v.mute)
		if !v.witness {
			continue
		}
		if w.count == 0 || w.count == 1 && name != v.name {
			w.count, name = w.count+1, v.name
		}
		if failing {
			w.last = latest(w.last, v.failing)
			if w.first.IsZero() || v.failing.Before(w.first) {
				w.first = v.failing
			}
		}
	}
	return w
}

// witness reports whether the origin is in use, so that its failing says something.
func (s *State) witness() bool { return !s.Verdict.fallen() && s.Verdict != Probation }

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// thawed is the state once the network works again. What was counted against
// an origin in use meanwhile proves nothing, not even that each attempt prolongs a block,
// and a probe that was under way when the network came back must not be the one too many.
func (s State) thawed() State {
	if s.Verdict.fallen() {
		return s
	}
	s.Failures, s.Strains, s.Residual, s.NetworkSince, s.Accused, s.Live = 0, 0, 0, time.Time{}, false, Live{}
	return s
}
