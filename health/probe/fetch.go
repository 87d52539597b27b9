package probe

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/dial"
)

// fetch is one GET over one fresh connection. Each stage is a method that reports
// whether the next one is worth taking; when it is not, finding says why.
type fetch struct {
	finding
	look *look
	url  *url.URL

	conn    net.Conn
	unwatch func() bool // ends the watch of the look's context over conn
	answer  *answer     // nil before its header has come
	body    []byte      // decoded, as far as it was read
	whole   bool        // the body ends where body ends
	expired bool        // the look's time, and not only the stage's, was over when it failed
	short   string      // at what rate the body came that was not read to its end for lack of time

	timings     health.Timings
	steps       []Step
	certificate *health.Certificate
	notice      health.Notice
}

// fetch prepares to fetch an address of the origin.
func (l *look) fetch(at *url.URL) *fetch {
	return &fetch{finding: finding{class: health.OK}, look: l, url: at}
}

// open walks the stages until the answer's header is there.
func (f *fetch) open() {
	for _, stage := range []func() bool{f.connect, f.handshake, f.request, f.header} {
		if !stage() {
			f.close()
			return
		}
	}
}

// close ends the connection. Nothing that was sent is unread on purpose, and nobody
// waits for the close.
func (f *fetch) close() {
	if f.conn != nil {
		f.unwatch()
		_ = f.conn.Close()
		f.conn = nil
	}
}

// fail ends the fetch. It is false, so that a stage can return it.
func (f *fetch) fail(stage health.Stage, class health.Class, took time.Duration, reason string, evidence ...string) bool {
	f.finding, f.expired = finding{class, stage, reason, evidence}, f.look.left() == 0
	f.step(stage, took, class, reason)
	return false
}

// failWith is fail for an error of the connection.
func (f *fetch) failWith(stage health.Stage, took time.Duration, doing string, err error) bool {
	return f.fail(stage, health.Classify(err, stage), took, doing+": "+err.Error())
}

// step notes a stage that was taken.
func (f *fetch) step(stage health.Stage, took time.Duration, class health.Class, words string) {
	f.steps = append(f.steps, Step{Stage: stage, Took: took, Class: class, Words: clipped(words, maxReason)})
}

// limit gives the connection the time of one stage.
func (f *fetch) limit() error { return f.limitTo(stageTimeout) }

// limitTo gives the connection so much time, within the look's.
func (f *fetch) limitTo(span time.Duration) error {
	until := time.Now().Add(span)
	if total, ok := f.look.ctx.Deadline(); ok && total.Before(until) {
		until = total
	}
	if err := f.conn.SetDeadline(until); err != nil {
		return err
	}
	// After the deadline and not before: the context may have ended, and its watch have
	// set the deadline that was just overwritten.
	return f.look.ctx.Err()
}

// connect connects to the place, through the proxy if there is one.
func (f *fetch) connect() bool {
	at := f.look.at
	doing := "connecting to " + at.label
	ctx, cancel := context.WithTimeout(f.look.ctx, stageTimeout)
	defer cancel()
	begun := time.Now()
	conn, err := f.look.target.Via.DialContext(ctx, "tcp", at.address)
	took := time.Since(begun)
	f.timings.Connect = took
	if err != nil {
		return f.failWith(health.StageConnect, took, doing, err)
	}
	return f.connected(conn, took)
}

// reconnect connects once more, in place of a connection that is of no use. The steps tell of
// connecting once.
func (f *fetch) reconnect() bool {
	f.close()
	f.steps = f.steps[:len(f.steps)-1]
	return f.connect()
}

// connected takes the connection over and looks whether it stands. A reset that
// comes before anything was sent is a fact of the address; one that comes after
// the name was sent is a fact of the name. Neither side speaks first in TLS or
// HTTP, so a short read tells them apart. It lasts as long as the connecting did,
// because a server's reset needs that round trip, within 10 and 250 ms.
func (f *fetch) connected(conn net.Conn, took time.Duration) bool {
	f.conn = conn
	f.unwatch = context.AfterFunc(f.look.ctx, func() {
		// The past: whatever is being read or written returns at once.
		_ = conn.SetDeadline(time.Unix(1, 0))
	})
	first := make([]byte, 1)
	settle := time.Now().Add(min(max(took, 10*time.Millisecond), 250*time.Millisecond))
	err := conn.SetReadDeadline(settle)
	var n int
	if err == nil {
		n, err = conn.Read(first)
	}
	var timeout net.Error
	switch {
	case n > 0:
		f.conn = dial.PutBack(conn, first)
	case errors.As(err, &timeout) && timeout.Timeout() && f.look.ctx.Err() == nil:
	default:
		return f.failWith(health.StageConnect, took, "connected to "+f.look.at.label+", but not for long", err)
	}
	f.step(health.StageConnect, took, health.OK, "connected to "+f.look.at.label)
	return true
}

// request sends the GET.
func (f *fetch) request() bool {
	begun := time.Now()
	err := f.limit()
	if err == nil {
		w := bufio.NewWriter(f.conn)
		if err = f.look.target.request(f.url, f.look.browser).Write(w); err == nil {
			err = w.Flush()
		}
	}
	if err != nil {
		return f.failWith(health.StageRequest, time.Since(begun), "sending the request to "+f.look.at.label, err)
	}
	return true
}

// request is the one GET: plain about who asks, or in a browser's words, and not to
// be answered from a cache in front of the origin.
func (t Target) request(at *url.URL, browser bool) *http.Request {
	r := &http.Request{
		Method: http.MethodGet, URL: at, Host: cmp.Or(t.Host, t.URL.Host), Close: true,
		Header: http.Header{
			"User-Agent":      {cmp.Or(t.Agent, defaultAgent)},
			"Accept":          {"text/html,*/*"},
			"Accept-Encoding": {"identity"},
			"Cache-Control":   {"no-cache"},
		},
	}
	if browser {
		r.Header.Set("User-Agent", browserAgent)
		r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
		r.Header.Set("Accept-Language", "en-US,en;q=0.5")
		r.Header.Set("Accept-Encoding", "gzip")
		r.Header.Set("Upgrade-Insecure-Requests", "1")
	}
	if t.EdgeID != "" {
		r.Header["Cdn-Loop"] = []string{t.EdgeID}
	}
	return r
}

// header reads the answer's header.
func (f *fetch) header() bool {
	begun := time.Now()
	a, err := readAnswer(f.conn)
	took := time.Since(begun)
	f.timings.FirstByte, f.answer = took, a
	switch {
	case errors.Is(err, errHeaderTooLarge):
		return f.fail(health.StageRequest, health.HeaderTooLarge, took, "reading the answer of "+f.look.at.label+": "+err.Error())
	case err != nil:
		return f.failWith(health.StageRequest, took, "waiting for the answer of "+f.look.at.label, err)
	}
	words := fmt.Sprintf("%d %s for %s", a.StatusCode, http.StatusText(a.StatusCode), f.url.RequestURI())
	if location := a.Header.Get("Location"); location != "" {
		words += ", leads to " + location
	}
	f.step(health.StageRequest, took, health.OK, words)
	return true
}
