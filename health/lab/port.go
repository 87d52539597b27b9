package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// port is one loopback TCP port, an origin's for its whole life.
type port struct {
	address netip.AddrPort
	release func() // gives the reservation back
}

// firstAddress is the first origin's, where each has one of its own. 127.0.0.1 is left to
// the edge, so that nobody takes the one for the other.
const firstAddress = 2

// imposterBlock is where the last of the addresses is: in another network than the
// others, since addresses of one network count as the same.
const imposterBlock = 66

// reserveEach takes the same port number at an address for each of n: 127.0.0.2, 127.0.0.3
// and so on, and the last one in another network. Where the system has no such addresses, it takes ports of 127.0.0.1, and reports false.
func reserveEach(n int) (ports []port, apart bool, err error) {
	// The number that is free at the first address may be taken at another.
	for range 20 {
		if ports, err = reserveAlike(n); err == nil {
			return ports, true, nil
		}
		if errors.Is(err, syscall.EADDRNOTAVAIL) {
			break
		}
	}
	for range n {
		one, err := reserve(netip.AddrPortFrom(loopback(0, 1), 0))
		if err != nil {
			releaseAll(ports)
			return nil, false, err
		}
		ports = append(ports, one)
	}
	return ports, false, nil
}

// reserveAlike tries it with one number. On an error nothing is kept.
func reserveAlike(n int) (ports []port, err error) {
	number := uint16(0)
	for i := range n {
		at := loopback(0, firstAddress+i)
		if i == n-1 {
			at = loopback(imposterBlock, 1)
		}
		one, err := reserve(netip.AddrPortFrom(at, number))
		if err != nil {
			releaseAll(ports)
			return nil, err
		}
		ports = append(ports, one)
		number = one.address.Port()
	}
	return ports, nil
}

func releaseAll(ports []port) {
	for _, p := range ports {
		p.release()
	}
}

// loopback is the address 127.0.block.host.
func loopback(block, host int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, 0, byte(block), byte(host)})
}

// spare is the same port at an address that nothing has reserved.
func (p port) spare(block int) port {
	own := p.address.Addr().As4()
	return port{address: netip.AddrPortFrom(loopback(block, int(own[3])), p.address.Port()), release: func() {}}
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
