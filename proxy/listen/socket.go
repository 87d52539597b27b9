package listen

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
)

// Sockets opens listeners, or takes those that the service manager has opened.
type Sockets struct {
	handed map[string][]net.Listener
}

// Inherit returns the sockets that the service manager handed over, by the
// FileDescriptorName of their units; none without socket activation.
func Inherit() (*Sockets, error) {
	handed, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("sockets handed over by the service manager: %w", err)
	}
	return &Sockets{handed: handed}, nil
}

// Open returns the listener called name: the one handed over under that name, or
// a new one on the address (host:port, or unix:/path).
func (s *Sockets) Open(name, address string) (net.Listener, error) {
	if l := s.handed[name]; len(l) > 0 && l[0] != nil {
		return l[0], nil
	}
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return openUnix(name, path)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen.%s: cannot open %s: %w%s", name, address, err, hint(err))
	}
	return l, nil
}

// openUnix opens a unix socket that only this user may connect to. A socket that
// an earlier process left behind is replaced; one that somebody serves is not.
func openUnix(name, path string) (net.Listener, error) {
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		return nil, fmt.Errorf("listen.%s: another process serves unix:%s; stop it, or choose another path", name, path)
	}
	if found, err := os.Lstat(path); err == nil && found.Mode().Type() != os.ModeSocket {
		return nil, fmt.Errorf("listen.%s: %s is there and is no socket; remove it, or choose another path", name, path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("listen.%s: cannot replace unix:%s: %w", name, path, err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen.%s: cannot open unix:%s: %w", name, path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("listen.%s: cannot restrict unix:%s: %w", name, path, err)
	}
	return l, nil
}

// hint says what to do about an address that cannot be opened.
func hint(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "; another program uses the port: stop it, or choose another"
	case errors.Is(err, syscall.EACCES):
		return "; ports below 1024 need CAP_NET_BIND_SERVICE (the systemd unit grants it)"
	}
	return ""
}
