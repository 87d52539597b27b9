package cache

import "time"

const (
	// declinedFor is how long it is remembered that a key's answers cannot be
	// stored, so that its readers are not made to wait for each other. Varnish's
	// hit-for-miss and Pingora's predictor use the same two minutes.
	declinedFor = 2 * time.Minute
	// declinedKeys bounds that memory: about 10 MiB of keys.
	declinedKeys = 64 << 10
)

// audience is what is remembered of a request whose answer cannot be stored: its
// key. Readers with cookies or credentials are an audience of their own, since what cannot
// be kept of theirs may well be kept of others'.
func audience(r *Request) Key {
	if personal(r.HTTP.Header) {
		return r.Key + "\x00personal"
	}
	return r.Key
}

// refusal is why the latest answer to an audience was not stored.
type refusal struct {
	reason Reason
	at     time.Time
	until  time.Time // until then none of them is expected to be; zero where one answer says nothing of the next
	// complete is the length of a page of which a part was too large to store; 0 where that was
	// not the reason.
	complete int64
}

// decline remembers that the answers to an audience cannot be stored.
func (c *Cache) decline(of Key, reason Reason) {
	c.count.Uncacheable[reason].Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	c.declined.Add(of, refusal{reason: reason, at: now, until: now.Add(declinedFor)})
}

// declineOnce remembers, for who asks, that one answer to an audience was not stored.
func (c *Cache) declineOnce(of Key, reason Reason) {
	c.count.Uncacheable[reason].Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if last, known := c.declined.Peek(of); !known || now.After(last.until) {
		c.declined.Add(of, refusal{reason: reason, at: now})
	}
}

// lastRefusal is why the latest answer to an audience was not stored; false when it was, or
// it is not known any more.
func (c *Cache) lastRefusal(of Key) (refusal, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.declined.Peek(of)
}

// accept forgets that the answers to an audience could not be stored.
func (c *Cache) accept(of Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.declined.Remove(of)
}

// isDeclined reports whether the answers to an audience could not be stored lately.
func (c *Cache) isDeclined(of Key) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	last, known := c.declined.Get(of)
	return known && c.now().Before(last.until)
}

// learnLength remembers how long a page is of which a part for an audience was too large to
// store: who asks for as much need not wait for others, and smaller parts can be told.
func (c *Cache) learnLength(of Key, complete int64) {
	c.count.Uncacheable[ReasonTooLarge].Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	c.declined.Add(lengthKey(of), refusal{ReasonTooLarge, now, now.Add(declinedFor), complete})
}

// learntLength is the length of a page that nothing is stored of, -1 where it is not known.
func (c *Cache) learntLength(of Key) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last, known := c.declined.Peek(lengthKey(of)); known && c.now().Before(last.until) {
		return last.complete
	}
	return -1
}

// lengthKey is where an audience's page is remembered to be long, apart from what is declined:
// its smaller parts can be stored.
func lengthKey(of Key) Key { return of + "\x00length" }
