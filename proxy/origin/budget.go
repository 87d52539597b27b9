package origin

import (
	"sync"
	"time"
)

const (
	budgetSeconds = 10  // the window that requests and retries are counted in
	budgetShare   = 0.2 // retries per request in it
	budgetFloor   = 3   // retries, and as many hedges, in it that are always allowed, however few the requests
)

// budget bounds how much work retries may add to what readers ask for, so that a
// site in trouble is not asked three times as much. A move after a connection
// that never came about adds no work to anybody and is not counted. The zero
// value is ready to use. It is safe for concurrent use.
type budget struct {
	mu       sync.Mutex // guards everything that follows
	seconds  [budgetSeconds]int64
	requests [budgetSeconds]int
	retries  [budgetSeconds]int
	hedges   [budgetSeconds]int
}

// request counts one request of a reader.
func (b *budget) request(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests[b.slotLocked(now)]++
}

// retry counts one retry, or one hedge, if the budget allows it. The two are counted
// apart: failures must not use up what a hanging origin needs, nor the other way round.
func (b *budget) retry(now time.Time, hedge bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	slot := b.slotLocked(now)
	spent := &b.retries
	if hedge {
		spent = &b.hedges
	}
	var requests, used int
	for i, second := range b.seconds {
		if now.Unix()-second < budgetSeconds {
			requests += b.requests[i]
			used += spent[i]
		}
	}
	if used >= max(int(budgetShare*float64(requests)), budgetFloor) {
		return false
	}
	spent[slot]++
	return true
}

// slotLocked returns the slot of the second that now is in, emptied if it held an older one.
func (b *budget) slotLocked(now time.Time) int {
	slot := int(now.Unix() % budgetSeconds)
	if b.seconds[slot] != now.Unix() {
		b.seconds[slot], b.requests[slot], b.retries[slot], b.hedges[slot] = now.Unix(), 0, 0, 0
	}
	return slot
}
