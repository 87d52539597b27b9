package dial

import "net"

// PutBack is a connection of which the first bytes were read already, and are read
// again. They are the connection's from now on.
func PutBack(conn net.Conn, first []byte) net.Conn { return &begun{Conn: conn, first: first} }

// begun is a connection the beginning of which was put back.
type begun struct {
	net.Conn
	first []byte
}

// Read gives the beginning first.
func (c *begun) Read(p []byte) (int, error) {
	if len(c.first) > 0 && len(p) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}
