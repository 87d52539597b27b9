package lab

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
)

const (
	// recordHandshake is the type of the record that TLS begins with (RFC 8446 §5.1).
	recordHandshake = 22
	// flood is how much handshake FloodHandshake sends. A message cannot be declared longer.
	flood = 1<<24 - 1
)

// errInterfered ends a handshake that a fault has broken.
var errInterfered = errors.New("the lab interfered with the handshake")

// greet answers a ClientHello, or does not.
func (e *endpoint) greet(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	o, named := e.resident(hello.ServerName)
	if conn, ok := tracked(hello.Conn); ok {
		e.mu.Lock()
		conn.resident = o
		e.mu.Unlock()
	}
	fault := o.Fault()
	if fault.traits().byName && !named {
		fault = NoFault
	}
	if interfere(hello.Conn, fault) {
		// Closed before returning, so that no alert follows.
		hello.Conn.Close()
		return nil, errInterfered
	}
	protocols := []string{"http/1.1"}
	if fault == H2Reset {
		protocols = []string{"h2", "http/1.1"}
	}
	return &tls.Config{
		Certificates: []tls.Certificate{*o.certs.certificate(fault)},
		NextProtos:   protocols,
		// A resumed session is not asked for a certificate again, and would
		// see nothing of a wrong one.
		SessionTicketsDisabled: true,
	}, nil
}

// interfere does to a connection whose ClientHello was read what a fault does, and
// reports whether that is the end of it.
func interfere(conn net.Conn, fault Fault) bool {
	switch fault {
	case TLSReset, ResetSNI:
		reset(conn)
	case TLSEOF, EOFSNI:
	case TLSAlert:
		// A fatal handshake_failure (RFC 8446 §6.2).
		_, _ = conn.Write([]byte{21, 3, 3, 0, 2, 2, 40})
	case TLSSilence, SilenceSNI:
		// Until the client gives up or the end of the spell cuts the connection.
		_, _ = io.Copy(io.Discard, conn)
	case FloodHandshake:
		sendFlood(conn)
	default:
		return false
	}
	return true
}

// sendFlood sends one ServerHello of the greatest length that can be declared, in records
// of 16 KiB. The reader being gone is no error of ours.
func sendFlood(conn net.Conn) {
	message := make([]byte, 4+flood)
	message[0] = 2
	message[1], message[2], message[3] = flood>>16, flood>>8&0xff, flood&0xff
	for len(message) > 0 {
		size := min(len(message), 1<<14)
		record := append([]byte{recordHandshake, 3, 3, byte(size >> 8), byte(size)}, message[:size]...)
		if _, err := conn.Write(record); err != nil {
			return
		}
		message = message[size:]
	}
}

// sendPlainPage answers whatever comes with a block page in plain HTTP.
func sendPlainPage(conn *connection) {
	defer conn.Close()
	if _, err := conn.peek(); err != nil {
		return
	}
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html; charset=utf-8\r\n"+
		"Content-Length: %d\r\nConnection: close\r\n\r\n%s", len(blockPage), blockPage)
	// Closing with unread bytes would send RST, which can overtake the page.
	_ = conn.CloseWrite()
	_, _ = io.Copy(io.Discard, conn)
}
