package main

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// progressPace is how often the progress line is written again.
const progressPace = 100 * time.Millisecond

// checkProgress is the line that says how far a check is.
type checkProgress struct {
	out           io.Writer // nil shows nothing
	began         time.Time
	looked, total atomic.Int64

	stop    chan struct{}
	stopped sync.WaitGroup
}

// newCheckProgress shows the progress on a terminal, and nowhere else. End it.
func newCheckProgress(notes io.Writer) *checkProgress {
	if !onTerminal(notes) {
		notes = nil
	}
	return startProgress(notes)
}

// startProgress shows the progress on out, if there is any.
func startProgress(out io.Writer) *checkProgress {
	p := &checkProgress{out: out, began: time.Now(), stop: make(chan struct{})}
	if out != nil {
		p.stopped.Go(p.show)
	}
	return p
}

// expect adds to the number of addresses.
func (p *checkProgress) expect(n int) { p.total.Add(int64(n)) }

// done counts an address that was looked at.
func (p *checkProgress) done() { p.looked.Add(1) }

// show writes the line until the end, over itself.
func (p *checkProgress) show() {
	pace := time.NewTicker(progressPace)
	defer pace.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-pace.C:
			fmt.Fprintf(p.out, "\rlooking… %d of %d addresses, %.1f s\x1b[K",
				p.looked.Load(), p.total.Load(), time.Since(p.began).Seconds())
		}
	}
}

// end erases the line.
func (p *checkProgress) end() {
	close(p.stop)
	p.stopped.Wait()
	if p.out != nil {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
