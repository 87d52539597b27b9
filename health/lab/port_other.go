//go:build !linux

package lab

import (
	"fmt"
	"net"
	"net/netip"
)

// reserve picks a port of a loopback address, a free one for the number 0. Without a way to keep a port that does
// not listen, it is the system's again whenever no listener is open.
func reserve(at netip.AddrPort) (port, error) {
	listener, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at))
	if err != nil {
		return port{}, fmt.Errorf("cannot reserve a port of %s: %w", at.Addr(), err)
	}
	defer listener.Close()
	return port{address: listener.Addr().(*net.TCPAddr).AddrPort(), release: func() {}}, nil
}

// shrinkQueue leaves the queue as it is: attempts beyond the fillers connect
// and are never answered.
func shrinkQueue(*net.TCPListener) error { return nil }
