package origin

import (
	"errors"
	"io"
	"sync"
	"syscall"
	"time"
)

// keepAliveFor is how long it is remembered when an origin was seen to close an idle connection: one
// that restarts closes those that it would have kept.
const keepAliveFor = 10 * time.Minute

// keepAlive is for how long an origin was seen to keep idle connections. The zero value knows of
// none. It is safe for concurrent use.
type keepAlive struct {
	mu    sync.Mutex    // guards everything that follows
	least time.Duration // at which one was closed; 0 where none was
	until time.Time     // that is remembered
}

// closed takes note that the origin has closed a connection that was idle for so long.
func (k *keepAlive) closed(idle time.Duration, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.least == 0 || idle < k.least || now.After(k.until) {
		k.least, k.until = max(idle, 1), now.Add(keepAliveFor)
	}
}

// limit is for how long a connection may have been idle and still be used; 0 for any time. A request
// that is on its way when the origin closes is lost, hence the margin.
func (k *keepAlive) limit(now time.Time) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.After(k.until) {
		return 0
	}
	return max(k.least-min(idleMargin, k.least/3), 1)
}

// idling is a connection's time without a request.
type idling struct {
	since time.Time
	turn  int64 // of the request before
	seen  *keepAlive
}

// rests notes that the connection has no request from now on, after that of the turn. net/http may
// have given it to the next one before it tells of that.
func (c *connection) rests(turn int64, seen *keepAlive, now time.Time) {
	c.idle.Store(&idling{since: now, turn: turn, seen: seen})
}

// learn takes note of when the origin has closed the connection, if it was idle.
func (c *connection) learn(now time.Time) {
	if i := c.idle.Load(); i != nil && i.turn == c.turn.Load() {
		i.seen.closed(now.Sub(i.since), now)
	}
}

// isOriginsEnd reports whether an error of reading is the origin's doing.
func isOriginsEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
}

// Close implements net.Conn. Over TLS the origin's notice that it closes comes before the end, and
// that is not read any more.
func (c *connection) Close() error {
	if raw, ok := c.Conn.(syscall.Conn); ok && c.idle.Load() != nil && !c.over.Load() && hungUp(raw, false) {
		c.learn(time.Now())
	}
	return c.Conn.Close()
}
