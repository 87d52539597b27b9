package cache

import (
	"context"
	"time"
)

// endingWait is how long a reader waits for a page to be stored that has arrived whole: the store
// takes microseconds, but an origin may declare a length and be slow to end.
const endingWait = 100 * time.Millisecond

// ends notes that followers are about to have all of a fill's body. Who has it may ask again before
// the page is stored,
//
//	fill:     publishes the last bytes
//	reader A: has the whole answer, asks again, finds nothing stored
//	fill:     stores the page
//
// and must find it then: see ended. It is called before each publication of what may be the end.
func (c *Cache) ends(f *fill) {
	if f.over != nil {
		return
	}
	f.over = make(chan struct{})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ending[wholeKey(f.key)] = f.over
}

// ended notes that the page is stored, or is not going to be.
func (c *Cache) ended(f *fill) {
	if f.over == nil {
		return
	}
	key := wholeKey(f.key)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending[key] == f.over {
		delete(c.ending, key)
	}
	close(f.over)
}

// awaitEnd waits for a page of the request's key that has arrived and is being stored, after
// found was all that the store had. It returns whether the store is to be asked again.
func (c *Cache) awaitEnd(ctx context.Context, r *Request, found *Page) bool {
	c.mu.Lock() // which is held while a page is stored
	over := c.ending[wholeKey(r.Key)]
	now := Select(c.store.Peek(r.Key), r.HTTP.Header)
	c.mu.Unlock()
	if over == nil {
		return now != nil && now != found && c.present(now)
	}
	timer := time.NewTimer(endingWait)
	defer timer.Stop()
	select {
	case <-over:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}
