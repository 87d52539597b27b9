package resolve

import (
	"context"
	"net"
	"time"
)

const (
	// resend is when a question over UDP is asked again: datagrams get lost.
	resend = time.Second
	// maxDatagrams bounds what one question makes us listen to.
	maxDatagrams = 64
	maxMessage   = 65535
)

// overUDP asks by datagram, and once more if the first got lost. It asks over TCP
// where the answer did not fit, or where only answers with the letter case
// changed came back: some servers do not keep it, and over TCP nobody who cannot
// see the question can answer it.
func (a asker) overUDP(ctx context.Context, address string, q question) heard {
	h := a.byDatagram(ctx, address, q, resend)
	if h.outcome() == Silence && !h.recased && ctx.Err() == nil {
		before := h.disbelieved
		h = a.byDatagram(ctx, address, q, a.timeout)
		h.disbelieved += before
	}
	truncated := false
	for _, r := range h.replies {
		truncated = truncated || r.truncated
	}
	if !truncated && (len(h.replies) > 0 || !h.recased) {
		return h
	}
	conn, err := a.dial(ctx, "tcp", address)
	if err != nil {
		return h.completed(heard{err: err})
	}
	return h.completed(overConn(ctx, conn, q))
}

// completed is what was heard over UDP with the whole reply that came over TCP
// in place of a truncated one. If none came, the addresses in a truncated one are
// better than nothing; that it has none says nothing.
func (h heard) completed(whole heard) heard {
	replies := h.replies
	h.replies, h.err = nil, whole.err
	h.garbage = h.garbage || whole.garbage
	h.disbelieved += whole.disbelieved
	for _, r := range replies {
		if !r.truncated || (len(whole.replies) == 0 && r.Outcome == Found) {
			h.add(r)
		}
	}
	for _, r := range whole.replies {
		h.add(r)
	}
	return h
}

// byDatagram asks from a new socket, whose port the system chooses at random,
// and listens: for so long for the first answer, and for a short while after it
// for others.
func (a asker) byDatagram(ctx context.Context, address string, q question, long time.Duration) (h heard) {
	asked := q.message(true)
	wire, err := asked.Pack()
	if err != nil {
		return heard{err: err}
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", address)
	if err != nil {
		return heard{err: err}
	}
	defer conn.Close()
	defer endWith(ctx, conn)()
	begun := time.Now()
	if _, err = conn.Write(wire); err != nil {
		return heard{err: err}
	}
	if h.err = wait(ctx, conn, long); h.err != nil {
		return h
	}
	buffer := make([]byte, maxMessage)
	settled := false
	for range maxDatagrams {
		n, err := conn.Read(buffer)
		if err != nil {
			h.err = err
			break
		}
		reply, f := read(buffer[:n], asked, true)
		reply.After = time.Since(begun)
		if h.note(reply, f) && !settled {
			settled = true
			if h.err = wait(ctx, conn, a.listen); h.err != nil {
				break
			}
		}
	}
	if len(h.replies) > 0 {
		h.err = nil
	}
	return h
}

// wait lets a connection wait for so long from now.
func wait(ctx context.Context, conn net.Conn, long time.Duration) error {
	if err := conn.SetReadDeadline(time.Now().Add(long)); err != nil {
		return err
	}
	// After the deadline and not before: ctx may have ended, and endWith have set
	// the deadline that was just overwritten.
	return ctx.Err()
}

// endWith makes the end of ctx end what a connection waits for. The function it
// returns takes that back.
func endWith(ctx context.Context, conn net.Conn) (stop func()) {
	end := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return func() { end() }
}
