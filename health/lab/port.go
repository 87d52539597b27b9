package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// port is one loopback TCP port, an origin's for its whole life.
type port struct {
	address netip.AddrPort
	release func() // gives the reservation back
}

// door is what stands at a port: a listener, or something that lets nobody in.
type door interface{ Close() error }

// listen opens the port. Closing a listener and binding its port again can meet
// the last moments of the old socket, so it tries for a second.
func (p port) listen() (*net.TCPListener, error) {
	const tries, pause = 50, 20 * time.Millisecond
	var lastErr error
	for range tries {
		listener, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(p.address))
		if err == nil {
			return listener, nil
		}
		lastErr = err
		time.Sleep(pause)
	}
	return nil, fmt.Errorf("cannot listen on %s again, another program may have taken the port: %w", p.address, lastErr)
}

// fullQueue is a listener nobody accepts from, with its queue filled.
type fullQueue struct {
	listener *net.TCPListener
	fillers  []net.Conn
}

// Close gives up the listener and the connections that fill it.
func (q *fullQueue) Close() error {
	err := q.listener.Close()
	for _, filler := range q.fillers {
		filler.Close()
	}
	return err
}

// blackhole opens the port so that it drops connection attempts: the queue of
// the listener is made as short as it gets and filled, and the kernel ignores
// every SYN that no longer fits.
func (p port) blackhole() (*fullQueue, error) {
	listener, err := p.listen()
	if err != nil {
		return nil, err
	}
	queue := &fullQueue{listener: listener}
	if err := shrinkQueue(listener); err != nil {
		queue.Close()
		return nil, fmt.Errorf("cannot shorten the accept queue of %s: %w", p.address, err)
	}
	// An attempt that stays unanswered for 50 ms on loopback was dropped. Kernels
	// round the shortest queue up differently; 16 is more than any of them.
	dialer := net.Dialer{Timeout: 50 * time.Millisecond}
	for range 16 {
		filler, err := dialer.DialContext(context.Background(), "tcp4", p.address.String())
		if err != nil {
			break
		}
		queue.fillers = append(queue.fillers, filler)
	}
	return queue, nil
}
