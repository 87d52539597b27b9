package lab

import (
	"crypto/tls"
	"net"
	"sync"
)

// connection is an accepted connection that its origin can cut.
type connection struct {
	*net.TCPConn
	forget func(*connection) // takes it off the origin's list
	once   sync.Once
}

// Close ends the connection in the ordinary way and takes it off the list.
func (c *connection) Close() error {
	c.once.Do(func() { c.forget(c) })
	return c.TCPConn.Close()
}

// reset ends a connection with a RST instead of a FIN. It goes past TLS, which
// would say goodbye first.
func reset(conn net.Conn) {
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	if tracked, ok := conn.(*connection); ok {
		// A linger of zero is what makes the kernel send RST; it fails only on a
		// connection that is closed already.
		_ = tracked.SetLinger(0)
	}
	conn.Close()
}
