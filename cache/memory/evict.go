package memory

import (
	"hash/maphash"

	"github.com/heliograph-edge/heliograph/cache"
)

// makeRoomLocked lets go of pages until n more bytes fit. False means that they cannot,
// and nothing was let go of.
func (sh *shard) makeRoomLocked(n int64) bool {
	if sh.reserved+n > sh.budget {
		return false
	}
	for sh.usedLocked()+sh.reserved+n > sh.budget {
		sh.evictLocked(n)
	}
	return true
}

// evictLocked lets go of one entry for n bytes that come, and is given another look at
// what was asked for meanwhile: a page of the small queue moves on to the main one, and one
// of the main queue stays for a round more.
func (sh *shard) evictLocked(n int64) {
	e := sh.nextLocked(n)
	for spared := 0; spared < patience && e.uses.Load() > 0; spared++ {
		if e.proven {
			e.uses.Add(^uint32(0))
			sh.main.again(e)
		} else {
			sh.small.remove(e)
			e.proven = true
			e.uses.Store(0)
			sh.main.add(e)
		}
		e = sh.nextLocked(n)
	}
	if !e.proven {
		sh.rememberLocked(e)
	}
	sh.removeLocked(e)
	sh.evicted.Add(uint64(len(e.pages)))
}

// nextLocked is the entry whose turn it is to leave for n bytes that come. What comes, comes
// into the small queue, and so does what is reserved. There is an entry at least.
func (sh *shard) nextLocked(n int64) *entry {
	e := sh.small.oldest()
	if e == nil || sh.main.list.Len() > 0 && sh.small.bytes+sh.reserved+n <= sh.budget/smallShare {
		return sh.main.oldest()
	}
	return e
}

// letGoLocked lets go of an entry for another reason than room. What was asked for need not
// prove itself again when it is back.
func (sh *shard) letGoLocked(e *entry) {
	sh.removeLocked(e)
	if e.proven || e.uses.Load() > 0 {
		sh.rememberLocked(e)
	}
}

// rememberLocked notes that an entry goes into the main queue if it is back soon.
func (sh *shard) rememberLocked(e *entry) {
	sh.ghost.remember(sh.hash(e.key()), max(leastGhost, len(sh.held)/ghostShare))
}

// hash is what the ghost remembers of a key.
func (sh *shard) hash(key cache.Key) uint64 { return maphash.String(sh.seed, string(key)) }
