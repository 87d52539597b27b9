package lab

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// reserve takes a port of a loopback address, a free one for the number 0, and keeps it
// with a socket that is bound but never listens. Beside it, listeners (which Go opens with SO_REUSEADDR) can
// come and go; while there is none, connections are refused and the kernel gives
// the port to nobody else.
func reserve(at netip.AddrPort) (port, error) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return port{}, fmt.Errorf("cannot make a socket to reserve a port: %w", err)
	}
	address, err := bind(socket, at)
	if err != nil {
		syscall.Close(socket)
		return port{}, fmt.Errorf("cannot reserve a port of %s: %w", at.Addr(), err)
	}
	return port{address: address, release: func() { syscall.Close(socket) }}, nil
}

func bind(socket int, at netip.AddrPort) (netip.AddrPort, error) {
	if err := syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return netip.AddrPort{}, err
	}
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}); err != nil {
		return netip.AddrPort{}, err
	}
	bound, err := syscall.Getsockname(socket)
	if err != nil {
		return netip.AddrPort{}, err
	}
	v4, ok := bound.(*syscall.SockaddrInet4)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("the kernel bound a %T, not an IPv4 address", bound)
	}
	return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), uint16(v4.Port)), nil
}

// shrinkQueue calls listen(2) once more: on a socket that already listens it
// only sets the length of the queue.
func shrinkQueue(listener *net.TCPListener) error {
	raw, err := listener.SyscallConn()
	if err != nil {
		return err
	}
	var listenErr error
	if err := raw.Control(func(fd uintptr) { listenErr = syscall.Listen(int(fd), 0) }); err != nil {
		return err
	}
	return listenErr
}
