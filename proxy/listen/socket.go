package listen

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
)

// Sockets opens listeners, or takes those that the service manager has opened.
type Sockets struct {
	handed []handed // not opened yet
}

// handed is a socket that was handed over.
type handed struct {
	name     string
	listener net.Listener
}

// Inherit returns the sockets that the service manager handed over, by the
// FileDescriptorName of their units; none without socket activation.
func Inherit() (*Sockets, error) {
	s := &Sockets{}
	var problems []error
	for _, file := range activation.Files(true) {
		l, err := net.FileListener(file) // which has a descriptor of its own
		file.Close()
		if err != nil {
			problems = append(problems, fmt.Errorf("%s is no stream socket to listen on: %w", file.Name(), err))
			continue
		}
		s.handed = append(s.handed, handed{file.Name(), l})
	}
	if len(problems) > 0 {
		s.CloseUnused()
		return nil, fmt.Errorf("sockets handed over by the service manager: %w", errors.Join(problems...))
	}
	return s, nil
}

// CloseUnused closes the sockets that were handed over and never opened, and says
// which they were. Left open, they would let readers in whom nobody serves.
func (s *Sockets) CloseUnused() []string {
	var unused []string
	for _, h := range s.handed {
		unused = append(unused, fmt.Sprintf("%s (%s)", h.name, h.listener.Addr()))
		h.listener.Close()
	}
	s.handed = nil
	return unused
}

// Open returns the listener called name: the one handed over under that name, or
// a new one on the address (host:port, or unix:/path).
func (s *Sockets) Open(name, address string) (net.Listener, error) {
	if i := slices.IndexFunc(s.handed, func(h handed) bool { return h.name == name }); i >= 0 {
		l := s.handed[i].listener
		s.handed = slices.Delete(s.handed, i, i+1)
		return l, nil
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
