package lab

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	freezeAfter = 16 << 10 // where the throttling boxes seen in the wild stop a connection
	dripSize    = 64       // bytes per piece under SlowBody
	streamLimit = 512      // where a body of undeclared length is cut
)

// cutter passes an answer on up to its limit, and acts there once.
type cutter struct {
	http.ResponseWriter
	limit   func(declared int64) int64 // declared is negative for a body of unknown length
	at      func()                     // at the limit; when it returns, the body goes on
	chunked bool                       // drop the declared length

	begun   bool
	reached bool
	left    int64
}

// Unwrap lets http.ResponseController reach the connection, so that upgrades
// and flushes work through a cutter.
func (c *cutter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// WriteHeader learns the declared length on its way through.
func (c *cutter) WriteHeader(status int) {
	if status >= 200 {
		c.begin()
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *cutter) begin() {
	c.begun = true
	declared, err := strconv.ParseInt(c.Header().Get("Content-Length"), 10, 64)
	if err != nil {
		declared = -1
	}
	c.left = c.limit(declared)
	if c.chunked {
		c.Header().Del("Content-Length")
	}
}

// Write acts at the limit as soon as there is a byte beyond it.
func (c *cutter) Write(p []byte) (int, error) {
	if !c.begun {
		c.begin()
	}
	if c.reached || int64(len(p)) <= c.left {
		c.left -= int64(len(p))
		return c.ResponseWriter.Write(p)
	}
	before, err := c.ResponseWriter.Write(p[:c.left])
	if err != nil {
		return before, err
	}
	if err := http.NewResponseController(c.ResponseWriter).Flush(); err != nil {
		return before, fmt.Errorf("cannot send what comes before the cut: %w", err)
	}
	c.reached = true
	c.at()
	after, err := c.ResponseWriter.Write(p[c.left:])
	return before + after, err
}

func halfway(declared int64) int64 {
	if declared < 0 {
		return streamLimit
	}
	return declared / 2
}

func abort() { panic(http.ErrAbortHandler) }

func truncate(w http.ResponseWriter) http.ResponseWriter {
	return &cutter{ResponseWriter: w, limit: halfway, at: abort}
}

func truncateChunked(w http.ResponseWriter) http.ResponseWriter {
	return &cutter{ResponseWriter: w, limit: halfway, at: abort, chunked: true}
}

// freeze holds the body until the spell is over or the reader has gone.
func (s *spell) freeze(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	limit := func(declared int64) int64 {
		if declared > freezeAfter {
			return freezeAfter
		}
		return halfway(declared)
	}
	return &cutter{ResponseWriter: w, limit: limit, at: func() { s.hold(r.Context()) }}
}

// dripper sends a body in small pieces with a pause after each.
type dripper struct {
	http.ResponseWriter
	size  int
	pause func()
	over  <-chan struct{} // when closed, the rest goes out in one piece
}

func (s *spell) drip(w http.ResponseWriter, r *http.Request, size int, pause time.Duration) http.ResponseWriter {
	return &dripper{ResponseWriter: w, over: s.over, size: size, pause: func() { s.wait(r.Context(), pause) }}
}

// Unwrap lets http.ResponseController reach the connection.
func (d *dripper) Unwrap() http.ResponseWriter { return d.ResponseWriter }

// Write sends p piece by piece.
func (d *dripper) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		size := min(d.size, len(p))
		select {
		case <-d.over:
			size = len(p)
		default:
		}
		n, err := d.ResponseWriter.Write(p[:size])
		written += n
		if err != nil {
			return written, err
		}
		if p = p[size:]; len(p) == 0 {
			break
		}
		if err := http.NewResponseController(d.ResponseWriter).Flush(); err != nil {
			return written, fmt.Errorf("cannot send a piece: %w", err)
		}
		d.pause()
	}
	return written, nil
}
