package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/proxy"
)

// logFlush is how long a line of the log may wait to be written. One write for
// each request would cost more than a hit.
const logFlush = time.Second

// journal writes the log in batches. It is safe for concurrent use; Close it to
// write what is left.
type journal struct {
	stop chan struct{}
	done chan struct{}

	mu     sync.Mutex // guards buffer
	buffer *bufio.Writer
}

// newJournal returns a journal that writes to w.
func newJournal(w io.Writer) *journal {
	j := &journal{buffer: bufio.NewWriterSize(w, 64<<10), stop: make(chan struct{}), done: make(chan struct{})}
	go j.flushing()
	return j
}

// Write implements io.Writer.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buffer.Write(p)
}

// flush writes what waits. A log that cannot be written is nothing to stop serving for.
func (j *journal) flush() {
	j.mu.Lock()
	defer j.mu.Unlock()
	_ = j.buffer.Flush()
}

// flushing flushes until Close.
func (j *journal) flushing() {
	defer close(j.done)
	tick := time.NewTicker(logFlush)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			j.flush()
		case <-j.stop:
			j.flush()
			return
		}
	}
}

// Close writes what is left and ends the journal.
func (j *journal) Close() {
	close(j.stop)
	<-j.done
}

// newLogger returns a logger in the configured form and level.
func newLogger(w io.Writer, c configs.Log, level *slog.LevelVar) *slog.Logger {
	setLevel(level, c.Level)
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "console" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// setLevel sets a level by its configured name.
func setLevel(level *slog.LevelVar, name string) {
	var l slog.Level
	if l.UnmarshalText([]byte(name)) == nil {
		level.Set(l)
	}
}

// logRecord is a finished request as the access log has it.
func logRecord(logger *slog.Logger, r *proxy.Record) {
	if !logger.Enabled(context.Background(), slog.LevelInfo) {
		return
	}
	attrs := make([]slog.Attr, 0, 16)
	attrs = append(attrs,
		slog.String("site", r.Site), slog.String("method", r.Method), slog.String("path", r.Path),
		slog.String("proto", r.Proto), slog.Int("status", r.Status), slog.Int64("bytes", r.Bytes),
		slog.String("cache", string(r.Result)), slog.Float64("seconds", r.Duration.Seconds()),
	)
	for _, a := range []slog.Attr{
		slog.String("origin", r.Origin), slog.String("detail", r.Detail), slog.String("error", r.Error),
		slog.String("reason", r.Reason), slog.String("reader", r.Reader),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	if r.Attempts > 1 {
		attrs = append(attrs, slog.Int("attempts", r.Attempts))
	}
	if r.Aborted {
		attrs = append(attrs, slog.Bool("aborted", true))
	}
	logger.LogAttrs(context.Background(), slog.LevelInfo, "request", attrs...)
}

// readerAddress returns what records hold of a reader's address: nothing unless
// the operator asked for it, and then the network only unless asked for more.
func readerAddress(mode string) func(string) string {
	switch mode {
	case "full":
		return func(remote string) string {
			a, err := netip.ParseAddrPort(remote)
			if err != nil {
				return ""
			}
			return a.Addr().Unmap().String()
		}
	case "truncated":
		return func(remote string) string {
			a, err := netip.ParseAddrPort(remote)
			if err != nil {
				return ""
			}
			bits := 48
			if a.Addr().Unmap().Is4() {
				bits = 24
			}
			prefix, err := a.Addr().Unmap().Prefix(bits)
			if err != nil {
				return ""
			}
			return prefix.String()
		}
	}
	return nil
}
