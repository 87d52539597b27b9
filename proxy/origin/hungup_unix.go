//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package origin

import "syscall"

// hungUp reports whether the other side of an idle connection has closed it, or says something
// where it should be silent. That is left for who reads.
func hungUp(conn syscall.Conn, silent bool) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	closed := false
	err = raw.Control(func(descriptor uintptr) {
		var first [1]byte
		n, _, err := syscall.Recvfrom(int(descriptor), first[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch err {
		case nil:
			closed = n == 0 || silent
		case syscall.EAGAIN, syscall.EINTR: // nothing is there, as it should be
		default:
			closed = true
		}
	})
	return err == nil && closed
}
