package lab

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
)

// ProxyFault is one way in which a [Proxy] misbehaves. The zero value is a proxy that
// connects whoever asks.
type ProxyFault string

// The closed set of a proxy's faults.
const (
	NoProxyFault ProxyFault = ""
	ProxyRefuses ProxyFault = "refuse" // it answers that it does not want to
	ProxySilent  ProxyFault = "silent" // it never answers
)

// Proxy is a proxy on loopback that connects to the lab's origins by name, and to loopback
// addresses. Its methods may be called concurrently.
type Proxy struct {
	// set when it starts, never changed
	scheme   string
	listener *net.TCPListener
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	ctx      context.Context // of everything that it dials
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex // guards all that follows
	fault   ProxyFault
	open    map[*connection]struct{}
	tunnels int64
	closed  bool
}

// StartSOCKS starts a SOCKS5 proxy (RFC 1928) that asks for no password. The lab closes it.
func (l *Lab) StartSOCKS() (*Proxy, error) { return l.startProxy("socks5") }

// StartConnectProxy starts an HTTP proxy that knows CONNECT (RFC 9110 §9.3.6) and nothing
// else. The lab closes it.
func (l *Lab) StartConnectProxy() (*Proxy, error) { return l.startProxy("http") }

func (l *Lab) startProxy(scheme string) (*Proxy, error) {
	listener, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(loopback(0, 1), 0)))
	if err != nil {
		return nil, fmt.Errorf("cannot start the %s proxy: %w", scheme, err)
	}
	p := &Proxy{scheme: scheme, listener: listener, open: make(map[*connection]struct{})}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(address)
		if literal, err := netip.ParseAddr(host); err == nil {
			if !literal.IsLoopback() {
				return nil, syscall.EHOSTUNREACH // the lab ends at this machine
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}
		return l.DialContext(ctx, network, address)
	}
	p.running.Go(p.accept)
	l.adopt(p.close)
	return p, nil
}

// URL is the proxy as a configuration names it: socks5://127.0.0.1:40123.
func (p *Proxy) URL() string { return p.scheme + "://" + p.listener.Addr().String() }

// Break puts a fault in force for the connections to come; NoProxyFault mends. It fails for
// a name outside the set.
func (p *Proxy) Break(fault ProxyFault) error {
	switch fault {
	case NoProxyFault, ProxyRefuses, ProxySilent:
	default:
		return fmt.Errorf("no fault of a proxy is named %q: use %s or %s", fault, ProxyRefuses, ProxySilent)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = fault
	return nil
}

// Tunnels counts the connections that it made for somebody.
func (p *Proxy) Tunnels() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tunnels
}

// accept serves each connection until the listener is closed.
func (p *Proxy) accept() {
	for {
		accepted, err := p.listener.AcceptTCP()
		if err != nil {
			return
		}
		conn := &connection{TCPConn: accepted, forget: p.forget}
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			accepted.Close()
			return
		}
		p.open[conn] = struct{}{}
		fault := p.fault
		p.running.Go(func() {
			defer conn.Close()
			p.serve(conn, fault)
		})
		p.mu.Unlock()
	}
}

func (p *Proxy) forget(conn *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, conn)
}

// serve is one connection's life.
func (p *Proxy) serve(conn *connection, fault ProxyFault) {
	if fault == ProxySilent {
		_, _ = io.Copy(io.Discard, conn) // until the client gives up
		return
	}
	reader := bufio.NewReader(conn)
	read, reply := readSOCKS, replySOCKS
	if p.scheme == "http" {
		read, reply = readConnect, replyConnect
	}
	address, err := read(conn, reader)
	if err != nil {
		return
	}
	if fault == ProxyRefuses {
		_ = reply(conn, errUnwanted)
		return
	}
	far, err := p.dial(p.ctx, "tcp", address)
	if reply(conn, err) != nil || err != nil {
		if far != nil {
			far.Close()
		}
		return
	}
	p.mu.Lock()
	p.tunnels++
	p.mu.Unlock()
	defer context.AfterFunc(p.ctx, func() { far.Close() })()
	relay(conn, reader, far)
}

// relay carries bytes both ways until both sides have ended.
func relay(near *connection, buffered io.Reader, far net.Conn) {
	defer far.Close()
	var there sync.WaitGroup
	there.Go(func() {
		_, _ = io.Copy(far, buffered)
		closeWrite(far)
	})
	_, _ = io.Copy(near, far)
	closeWrite(near)
	// The far side has said all: what is still to come from the near one is for nobody.
	near.Close()
	there.Wait()
}

// closeWrite tells the other side that nothing more comes.
func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// errUnwanted is why a proxy refuses that could do what is asked.
var errUnwanted = errors.New("the proxy does not want to")

// readSOCKS reads a greeting and a request (RFC 1928 §3, §4).
func readSOCKS(conn io.Writer, r *bufio.Reader) (address string, err error) {
	greeting := make([]byte, 2)
	if _, err := io.ReadFull(r, greeting); err != nil {
		return "", err
	}
	if _, err := r.Discard(int(greeting[1])); err != nil {
		return "", err
	}
	if _, err := conn.Write([]byte{5, 0}); err != nil {
		return "", err
	}
	request := make([]byte, 4)
	if _, err := io.ReadFull(r, request); err != nil {
		return "", err
	}
	length := map[byte]int{1: 4, 4: 16}[request[3]]
	if request[3] == 3 {
		size, err := r.ReadByte()
		if err != nil {
			return "", err
		}
		length = int(size)
	}
	rest := make([]byte, length+2)
	if _, err := io.ReadFull(r, rest); err != nil {
		return "", err
	}
	host := string(rest[:length])
	if literal, ok := netip.AddrFromSlice(rest[:length]); ok && request[3] != 3 {
		host = literal.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(rest[length:])))), nil
}

// replySOCKS says what became of a request (RFC 1928 §6).
func replySOCKS(conn io.Writer, err error) error {
	code := byte(0)
	switch {
	case err == nil:
	case errors.Is(err, errUnwanted):
		code = 2
	case errors.Is(err, syscall.ECONNREFUSED):
		code = 5
	default:
		code = 4
	}
	_, writeErr := conn.Write([]byte{5, code, 0, 1, 0, 0, 0, 0, 0, 0})
	return writeErr
}

// readConnect reads a CONNECT request.
func readConnect(conn io.Writer, r *bufio.Reader) (address string, err error) {
	request, err := http.ReadRequest(r)
	if err != nil {
		return "", err
	}
	if request.Method != http.MethodConnect {
		_, err = io.WriteString(conn, "HTTP/1.1 405 Method Not Allowed\r\nAllow: CONNECT\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return "", errors.Join(errUnwanted, err)
	}
	return request.Host, nil
}

// replyConnect says what became of a request.
func replyConnect(conn io.Writer, err error) error {
	answer := "200 Connection established\r\n"
	switch {
	case err == nil:
	case errors.Is(err, errUnwanted):
		answer = "403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n"
	default:
		answer = "502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n"
	}
	_, writeErr := io.WriteString(conn, "HTTP/1.1 "+answer+"\r\n")
	return writeErr
}

// close ends the proxy and waits for its connections. It may be called again.
func (p *Proxy) close() error {
	p.mu.Lock()
	again := p.closed
	p.closed = true
	var toCut []*connection
	for conn := range p.open {
		toCut = append(toCut, conn)
	}
	p.mu.Unlock()
	p.cancel()
	if !again {
		p.listener.Close()
	}
	for _, conn := range toCut {
		reset(conn)
	}
	p.running.Wait()
	return nil
}
