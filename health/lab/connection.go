package lab

import (
	"crypto/tls"
	"net"
	"sync"
)

// connection is an accepted connection that its endpoint can cut.
type connection struct {
	*net.TCPConn
	forget func(*connection) // takes it off the endpoint's list
	once   sync.Once

	first    []byte  // read already, and not yet by whoever reads; one goroutine at a time reads
	resident *Origin // whose name the ClientHello had; nil before. Guarded by the endpoint's mu
}

// Read gives what was peeked at first.
func (c *connection) Read(p []byte) (int, error) {
	if len(c.first) > 0 && len(p) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.TCPConn.Read(p)
}

// peek is the first byte that comes.
func (c *connection) peek() (byte, error) {
	head := make([]byte, 1)
	if _, err := c.TCPConn.Read(head); err != nil {
		return 0, err
	}
	c.first = head
	return head[0], nil
}

// Close ends the connection in the ordinary way and takes it off the list.
func (c *connection) Close() error {
	c.once.Do(func() { c.forget(c) })
	return c.TCPConn.Close()
}

// tracked is the connection below TLS.
func tracked(conn net.Conn) (*connection, bool) {
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	c, ok := conn.(*connection)
	return c, ok
}

// reset ends a connection with a RST instead of a FIN. It goes past TLS, which
// would say goodbye first.
func reset(conn net.Conn) {
	if c, ok := tracked(conn); ok {
		// A linger of zero is what makes the kernel send RST; it fails only on a
		// connection that is closed already.
		_ = c.SetLinger(0)
		conn = c
	}
	conn.Close()
}

// single is a listener of one connection, for a server to go on with.
type single struct {
	net.Conn
	given bool // Accept is called by one goroutine alone
}

// Accept gives the connection, and then no other.
func (s *single) Accept() (net.Conn, error) {
	if s.given {
		return nil, net.ErrClosed
	}
	s.given = true
	return s.Conn, nil
}

// Close leaves the connection to the server that has it.
func (s *single) Close() error { return nil }

// Addr is where the connection was accepted.
func (s *single) Addr() net.Addr { return s.LocalAddr() }
