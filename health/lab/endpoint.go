package lab

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// endpoint is one loopback port and the origins that live at it: one, unless the lab
// was told to put several at the primary's address.
type endpoint struct {
	// set when it starts, never changed
	port      port
	spare     port // at a second address; only its address is used. The zero port where there is none
	plain     bool
	either    bool // TLS and plain HTTP are both answered, by what comes first
	server    *http.Server
	residents []*Origin // the first answers for names that are nobody's

	mu     sync.Mutex // guards all that follows, and what the residents say it does
	doors  []door     // none while the port is closed
	open   map[*connection]struct{}
	closed bool

	running sync.WaitGroup // everything that serves; Add only under mu, while not closed
}

// passage is what a port does with connection attempts.
type passage string

const (
	passageShut   passage = "shut"
	passageQueue  passage = "queue"  // attempts are never answered
	passageOpen   passage = "open"   // at the one address
	passageDouble passage = "double" // at the spare one, too
)

// start opens the endpoint for its residents, which are without a fault.
func (e *endpoint) start() error {
	e.open = make(map[*connection]struct{})
	e.server = &http.Server{
		Handler:  http.HandlerFunc(e.answer),
		ErrorLog: log.New(io.Discard, "", 0), // broken handshakes are what the lab is for
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, o := range e.residents {
		o.beginLocked(NoFault)
	}
	return e.openLocked(passageOpen)
}

// passageLocked is what the residents' faults make of the port. What one of them does to
// the port, it does to all.
func (e *endpoint) passageLocked() passage {
	is := passageOpen
	for _, o := range e.residents {
		switch o.spell.fault {
		case Down:
			return passageShut
		case Blackhole:
			is = passageQueue
		case DNSOneDead:
			if is == passageOpen {
				is = passageDouble
			}
		}
	}
	return is
}

// shutLocked closes the port.
func (e *endpoint) shutLocked() {
	for _, d := range e.doors {
		d.Close()
	}
	e.doors = nil
}

// openLocked makes of the port what it is to be.
func (e *endpoint) openLocked(wanted passage) error {
	switch wanted {
	case passageShut:
		return nil
	case passageQueue:
		queue, err := e.port.blackhole()
		if err != nil {
			return err
		}
		e.doors = append(e.doors, queue)
		return nil
	}
	ports := []port{e.port}
	if wanted == passageDouble {
		ports = append(ports, e.spare)
	}
	for _, p := range ports {
		listener, err := p.listen()
		if err != nil {
			e.shutLocked()
			return err
		}
		e.doors = append(e.doors, listener)
		// Serve ends with its listener, and the server goes on to the next.
		e.running.Go(func() { e.server.Serve(&gate{TCPListener: listener, endpoint: e}) })
	}
	return nil
}

// gate is the listener that the HTTP server sees: only connections that get as
// far as HTTP pass it.
type gate struct {
	*net.TCPListener
	endpoint *endpoint
}

// Accept waits for the next connection that the faults in force let through.
func (g *gate) Accept() (net.Conn, error) {
	for {
		accepted, err := g.AcceptTCP()
		if err != nil {
			return nil, err
		}
		if conn := g.endpoint.admit(accepted); conn != nil {
			return conn, nil
		}
	}
}

// admit counts a connection and gives it to the faults in force, or returns what
// the HTTP server is to serve.
func (e *endpoint) admit(accepted *net.TCPConn) net.Conn {
	conn := &connection{TCPConn: accepted, forget: e.forget}
	e.mu.Lock()
	e.open[conn] = struct{}{}
	// Accepted just before the door closed?
	refused := e.closed || e.passageLocked() == passageShut || e.passageLocked() == passageQueue
	serve := e.serveLocked(conn)
	for _, o := range e.residents {
		o.connections++
		refused = refused || o.spell.refuses()
	}
	taken := serve != nil && !refused
	if taken {
		e.running.Go(serve)
	}
	e.mu.Unlock()

	switch {
	case taken:
		return nil
	case refused:
		reset(conn)
		return nil
	case e.plain:
		return conn
	default:
		return tls.Server(conn, &tls.Config{GetConfigForClient: e.greet})
	}
}

// serveLocked is how a connection is served that does not go to the HTTP server as it is; nil
// for others.
func (e *endpoint) serveLocked(conn *connection) func() {
	either := e.either
	for _, o := range e.residents {
		switch o.spell.fault {
		case PlainOnTLS:
			return func() { sendPlainPage(conn) }
		case RedirectScheme:
			either = true
		case Throttle:
			// A large buffer would take a whole page at once. It fails only on a closed connection.
			_ = conn.SetWriteBuffer(smallBuffer)
		}
	}
	if either {
		return func() { e.serveEither(conn) }
	}
	return nil
}

// serveEither serves TLS and plain HTTP on one port.
func (e *endpoint) serveEither(conn *connection) {
	first, err := conn.peek()
	if err != nil {
		conn.Close()
		return
	}
	var served net.Conn = conn
	if first == recordHandshake {
		served = tls.Server(conn, &tls.Config{GetConfigForClient: e.greet})
	}
	if err := e.server.Serve(&single{Conn: served}); errors.Is(err, http.ErrServerClosed) {
		conn.Close()
	}
}

func (e *endpoint) forget(conn *connection) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.open, conn)
}

// resident is the origin that a name is for; false says that the name is none of theirs.
func (e *endpoint) resident(name string) (*Origin, bool) {
	for _, o := range e.residents {
		if o.hasName(name) {
			return o, true
		}
	}
	return e.residents[0], false
}

// answer is the HTTP handler. The name of the handshake says whose request it is, and
// without TLS the Host field.
func (e *endpoint) answer(w http.ResponseWriter, r *http.Request) {
	name := hostName(r.Host)
	if r.TLS != nil && r.TLS.ServerName != "" {
		name = r.TLS.ServerName
	}
	o, _ := e.resident(name)
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	e.running.Add(1)
	o.requests++
	present := o.spell
	e.mu.Unlock()
	defer e.running.Done()
	present.ServeHTTP(w, r)
}

// hostName is the value of a Host field without its port.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

// close ends the endpoint and waits for all that serves. It may be called again.
func (e *endpoint) close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	for _, o := range e.residents {
		close(o.spell.over)
	}
	toCut := make([]*connection, 0, len(e.open))
	for conn := range e.open {
		toCut = append(toCut, conn)
	}
	e.shutLocked()
	e.mu.Unlock()

	for _, conn := range toCut {
		reset(conn)
	}
	err := e.server.Close()
	e.running.Wait()
	e.port.release()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("cannot close what is at %s: %w", e.port.address, err)
	}
	return nil
}
