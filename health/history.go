package health

import "time"

// historyLength is how many probes are remembered of each origin: ten minutes of a
// healthy one, two of one that changes.
const historyLength = 64

// PastProbe is what is remembered of one probe.
type PastProbe struct {
	At     time.Time     `json:"at"`
	Class  Class         `json:"class"`
	Status int           `json:"status,omitempty"` // of the answer; 0 without one
	Took   time.Duration `json:"took"`             // all stages together
}

// history is the latest probes of one origin, historyLength at most. The zero value
// remembers none.
type history struct {
	probes []PastProbe // once full, a ring
	oldest int         // index of the oldest, once full
}

// add remembers a probe, and forgets the oldest where there are too many.
func (h *history) add(o Observation) {
	// Round takes the monotonic reading away, which no file keeps.
	h.push(PastProbe{At: o.At.Round(0), Class: o.Class, Status: o.Status, Took: o.Timings.Total()})
}

// push is add for a probe as it is remembered.
func (h *history) push(p PastProbe) {
	if len(h.probes) < historyLength {
		h.probes = append(h.probes, p)
		return
	}
	h.probes[h.oldest] = p
	h.oldest = (h.oldest + 1) % historyLength
}

// all lists the probes, oldest first. The slice is the caller's.
func (h *history) all() []PastProbe {
	all := make([]PastProbe, 0, len(h.probes))
	return append(append(all, h.probes[h.oldest:]...), h.probes[:h.oldest]...)
}

// History is the latest 64 probes of one origin, oldest first; nil for one that is not
// configured. The slice is the caller's.
func (t *Tracker) History(id ID) []PastProbe {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.entries[id]; e != nil {
		return e.history.all()
	}
	return nil
}
