package origin

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// http1For is how long an origin whose HTTP/2 is cut short is asked by HTTP/1.1.
	http1For = 10 * time.Minute
	// cutsWindow and manyCuts are what makes streams that are reset the connection's
	// fault. One page that cannot be had is its own, however often it is asked for elsewhere.
	cutsWindow = time.Minute
	manyCuts   = 3
)

// cuts keeps count of the streams and connections of an origin's HTTP/2 that were cut short,
// and decides when it is asked by HTTP/1.1 instead: when that was seen to bring what HTTP/2
// did not, and a whole connection was lost or many streams were. The zero value has seen
// none. It is safe for concurrent use.
type cuts struct {
	until atomic.Int64 // when HTTP/2 is tried again, in Unix nanoseconds

	mu      sync.Mutex  // guards everything that follows
	streams []time.Time // within cutsWindow, oldest first, manyCuts at most
	lost    time.Time   // the latest connection
}

// heeded reports whether HTTP/1.1 is used at that time.
func (c *cuts) heeded(now time.Time) bool { return now.UnixNano() < c.until.Load() }

// add counts one cut, by the words of its error: net/http keeps the types of its HTTP/2 private.
func (c *cuts) add(now time.Time, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if strings.Contains(reason, "GOAWAY") {
		c.lost = now
		return
	}
	c.streams = append(c.streams, now)
	c.streams = slices.Delete(c.streams, 0, max(0, len(c.streams)-manyCuts))
}

// mended takes note that HTTP/1.1 has brought what was cut short: where that is the
// connection's fault, HTTP/2 is left for a while.
func (c *cuts) mended(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lost := !c.lost.IsZero() && now.Sub(c.lost) < cutsWindow
	many := len(c.streams) == manyCuts && now.Sub(c.streams[0]) < cutsWindow
	if lost || many {
		c.until.Store(now.Add(http1For).UnixNano())
	}
}

// refuted takes note that there is no HTTP/1.1 to be had: HTTP/2 is returned to at once.
func (c *cuts) refuted() {
	c.until.Store(0)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.streams, c.lost = nil, time.Time{}
}
