package listen

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// Connections are open connections by their state. Upgraded ones are not counted.
type Connections struct {
	New    int64 // nothing was asked yet
	Active int64 // a request is being read or served
	Idle   int64 // waiting for the next request
}

// Connections tells how many connections are open now.
func (s *Server) Connections() Connections {
	count := &s.open.count
	return Connections{
		New: count[http.StateNew].Load(), Active: count[http.StateActive].Load(), Idle: count[http.StateIdle].Load(),
	}
}

// connections counts a server's connections. Its zero value has none.
type connections struct {
	states sync.Map                         // of *atomic.Int32, a http.ConnState, by net.Conn
	count  [http.StateIdle + 1]atomic.Int64 // by http.ConnState
}

// note is the server's ConnState. net/http does not say which state a connection
// leaves, so that is kept.
func (c *connections) note(conn net.Conn, to http.ConnState) {
	if to == http.StateNew {
		c.states.Store(conn, new(atomic.Int32))
		c.count[to].Add(1)
		return
	}
	state, known := c.states.Load(conn)
	if !known {
		return
	}
	from := state.(*atomic.Int32).Swap(int32(to))
	c.count[from].Add(-1)
	if to > http.StateIdle { // hijacked or closed: there is no next state
		c.states.Delete(conn)
		return
	}
	c.count[to].Add(1)
}
