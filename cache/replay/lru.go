package replay

import (
	"math"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/heliograph-edge/heliograph/cache"
)

// LRU is the plain policy: whatever was used least recently leaves.
type LRU struct {
	list      *simplelru.LRU[cache.Key, held]
	capacity  int64
	largest   int64
	lifetime  time.Duration
	bytes     int64
	evictions uint64
}

// held is a page that is kept.
type held struct {
	cost int64
	at   time.Time
}

// NewLRU makes a policy that keeps capacity bytes; see [NewStore] for the rest.
func NewLRU(capacity, largest int64, lifetime time.Duration) *LRU {
	list, err := simplelru.NewLRU[cache.Key, held](math.MaxInt, nil)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &LRU{list: list, capacity: capacity, largest: largest, lifetime: lifetime}
}

// Ask implements [Policy].
func (l *LRU) Ask(r Request) bool {
	if r.Size > l.largest {
		return false
	}
	old, there := l.list.Get(r.Key)
	if there && !expired(old.at, r.At, l.lifetime) {
		return true
	}
	cost := Cost(r.Key, r.Size)
	l.list.Add(r.Key, held{cost, r.At})
	l.bytes += cost - old.cost
	for l.bytes > l.capacity {
		_, oldest, _ := l.list.RemoveOldest()
		l.bytes -= oldest.cost
		l.evictions++
	}
	return false
}

// Holds implements [Policy].
func (l *LRU) Holds() Holding { return Holding{l.list.Len(), l.bytes, l.evictions} }
