package lab

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Origin is one address of the newspaper: a loopback port with a switch for
// faults in front of it. Its methods may be called concurrently.
type Origin struct {
	// set when it starts, never changed
	name   string
	alias  string
	plain  bool
	port   port
	server *http.Server
	certs  wardrobe // empty when plain
	calm   spell    // what every spell begins as

	mu          sync.Mutex // guards all that follows
	spell       *spell
	door        door // nil while the port is closed
	open        map[*connection]struct{}
	requests    int64
	connections int64
	closed      bool

	running sync.WaitGroup // everything that serves; Add only under mu, while not closed
}

// errInterfered ends a handshake that a fault has broken.
var errInterfered = errors.New("the lab interfered with the handshake")

// startOrigin opens an origin that serves the newspaper, without a fault.
func startOrigin(o *Origin) error {
	reserved, err := reserve()
	if err != nil {
		return fmt.Errorf("cannot start the origin %s: %w", o.name, err)
	}
	o.port = reserved
	o.open = make(map[*connection]struct{})
	o.server = &http.Server{
		Handler:  http.HandlerFunc(o.answer),
		ErrorLog: log.New(io.Discard, "", 0), // broken handshakes are what the lab is for
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.beginLocked(NoFault)
	if err := o.openLocked(NoFault); err != nil {
		o.port.release()
		return fmt.Errorf("cannot start the origin %s: %w", o.name, err)
	}
	return nil
}

// Name is the origin's host name.
func (o *Origin) Name() string { return o.name }

// Alias is "primary" for the first origin of a lab, then "alternate1" and so on.
func (o *Origin) Alias() string { return o.alias }

// Addr is the loopback address it listens on, or would if it were not down. It
// never changes.
func (o *Origin) Addr() netip.AddrPort { return o.port.address }

// URL is the origin's address without a trailing slash, such as
// https://www.gazette.example:40123.
func (o *Origin) URL() string {
	scheme := "https"
	if o.plain {
		scheme = "http"
	}
	return fmt.Sprintf("%s://%s:%d", scheme, o.name, o.port.address.Port())
}

// Fault is the fault in force; NoFault when there is none.
func (o *Origin) Fault() Fault {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.spell.fault
}

// Since is when the present fault, or the absence of one, began.
func (o *Origin) Since() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.spell.since
}

// Requests counts the requests that were read, whatever the answer.
func (o *Origin) Requests() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.requests
}

// Connections counts the connections that were accepted, whatever became of them.
func (o *Origin) Connections() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.connections
}

// Break puts a fault in force, in place of any other; NoFault mends. It fails
// for a name outside the set, for a fault of the TLS handshake on an origin
// without TLS, and when the port cannot be opened as the fault needs it. After
// the last, the origin is down.
func (o *Origin) Break(fault Fault) error {
	if fault != NoFault {
		known, err := ParseFault(string(fault))
		if err != nil {
			return err
		}
		fault = known
	}
	if o.plain && fault.NeedsTLS() {
		return fmt.Errorf("%s has no TLS, so it cannot show %s", o.name, fault)
	}
	toCut, err := o.change(fault)
	for _, conn := range toCut {
		reset(conn)
	}
	return err
}

// Mend takes the fault away. It fails when the port cannot be opened again;
// the origin is then still down.
func (o *Origin) Mend() error { return o.Break(NoFault) }

// change makes the switch and returns the connections that must not survive
// it. They are reset by the caller, without the lock, which their Close takes.
func (o *Origin) change(fault Fault) ([]*connection, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil, fmt.Errorf("cannot change the fault of %s: the lab is closed: %w", o.name, net.ErrClosed)
	}
	before := o.spell.fault
	if before == fault {
		return nil, nil
	}
	var toCut []*connection
	if before.traits().cuts || fault.traits().cuts {
		for conn := range o.open {
			toCut = append(toCut, conn)
		}
	}
	if ajar(before) && ajar(fault) {
		o.beginLocked(fault)
		return toCut, nil
	}
	if o.door != nil {
		o.door.Close()
		o.door = nil
	}
	o.beginLocked(fault)
	if err := o.openLocked(fault); err != nil {
		o.beginLocked(Down)
		return toCut, fmt.Errorf("%s is down now, break or mend it again: %w", o.name, err)
	}
	return toCut, nil
}

// ajar reports whether connections can be accepted under a fault.
func ajar(fault Fault) bool { return fault != Down && fault != Blackhole }

// beginLocked ends the spell in force and begins the next.
func (o *Origin) beginLocked(fault Fault) {
	if o.spell != nil {
		close(o.spell.over)
	}
	next := o.calm
	next.fault, next.since, next.over = fault, time.Now(), make(chan struct{})
	o.spell = &next
}

// openLocked makes of the port what the fault needs.
func (o *Origin) openLocked(fault Fault) error {
	switch fault {
	case Down:
		return nil
	case Blackhole:
		queue, err := o.port.blackhole()
		if err != nil {
			return err
		}
		o.door = queue
		return nil
	default:
		listener, err := o.port.listen()
		if err != nil {
			return err
		}
		o.door = listener
		// Serve ends with its listener, and the server goes on to the next.
		o.running.Go(func() { o.server.Serve(&gate{TCPListener: listener, origin: o}) })
		return nil
	}
}

// gate is the listener that the HTTP server sees: only connections that get as
// far as HTTP pass it.
type gate struct {
	*net.TCPListener
	origin *Origin
}

// Accept waits for the next connection that the fault in force lets through.
func (g *gate) Accept() (net.Conn, error) {
	for {
		accepted, err := g.AcceptTCP()
		if err != nil {
			return nil, err
		}
		if conn := g.origin.admit(accepted); conn != nil {
			return conn, nil
		}
	}
}

// admit counts a connection and gives it to the fault in force, or returns what
// the HTTP server is to serve.
func (o *Origin) admit(accepted *net.TCPConn) net.Conn {
	conn := &connection{TCPConn: accepted, forget: o.forget}
	o.mu.Lock()
	o.connections++
	o.open[conn] = struct{}{}
	fault := o.spell.fault
	if o.closed || !ajar(fault) { // accepted just before the door closed
		fault = Reset
	}
	if fault == PlainOnTLS {
		o.running.Go(func() { sendPlainPage(conn) })
	}
	o.mu.Unlock()

	switch {
	case fault == PlainOnTLS:
		return nil
	case fault == Reset:
		reset(conn)
		return nil
	case o.plain:
		return conn
	default:
		return tls.Server(conn, &tls.Config{GetConfigForClient: o.greet})
	}
}

func (o *Origin) forget(conn *connection) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.open, conn)
}

// greet answers a ClientHello, or does not.
func (o *Origin) greet(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	switch fault := o.Fault(); fault {
	case ResetSNI:
		reset(hello.Conn)
		return nil, errInterfered
	case TLSSilence:
		// Until the client gives up or the end of the spell cuts the connection.
		// Closed before returning, so that no alert follows.
		_, _ = io.Copy(io.Discard, hello.Conn)
		hello.Conn.Close()
		return nil, errInterfered
	default:
		return &tls.Config{
			Certificates: []tls.Certificate{*o.certs.certificate(fault)},
			NextProtos:   []string{"http/1.1"},
			// A resumed session is not asked for a certificate again, and would
			// see nothing of a wrong one.
			SessionTicketsDisabled: true,
		}, nil
	}
}

// sendPlainPage answers whatever comes with a block page in plain HTTP.
func sendPlainPage(conn *connection) {
	defer conn.Close()
	head := make([]byte, 1)
	if _, err := io.ReadFull(conn, head); err != nil {
		return
	}
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html; charset=utf-8\r\n"+
		"Content-Length: %d\r\nConnection: close\r\n\r\n%s", len(blockPage), blockPage)
	// Closing with unread bytes would send RST, which can overtake the page.
	_ = conn.CloseWrite()
	_, _ = io.Copy(io.Discard, conn)
}

// answer is the origin's HTTP handler.
func (o *Origin) answer(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	o.running.Add(1)
	o.requests++
	present := o.spell
	o.mu.Unlock()
	defer o.running.Done()
	present.ServeHTTP(w, r)
}

// close ends the origin and waits for all that serves. It may be called again.
func (o *Origin) close() error {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return nil
	}
	o.closed = true
	close(o.spell.over)
	toCut := make([]*connection, 0, len(o.open))
	for conn := range o.open {
		toCut = append(toCut, conn)
	}
	if o.door != nil {
		o.door.Close()
	}
	o.mu.Unlock()

	for _, conn := range toCut {
		reset(conn)
	}
	err := o.server.Close()
	o.running.Wait()
	o.port.release()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("cannot close the origin %s: %w", o.name, err)
	}
	return nil
}
