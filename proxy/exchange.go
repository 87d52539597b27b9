package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/heliograph-edge/heliograph/cache"
)

const (
	// writeIdle is how long one write to a reader may take. A reader who takes
	// nothing for so long is gone, or is there to hold memory.
	writeIdle = 60 * time.Second
	// writePiece is the most that one write hands to a reader: even at 1 KiB a second
	// that is within writeIdle.
	writePiece = 32 << 10
)

// exchange is one request and its answer on the way out. It belongs to one
// goroutine and is used again for later requests.
type exchange struct {
	w       http.ResponseWriter
	in      *http.Request
	site    *Site
	request cache.Request
	body    *readerBody // nil where origins are sent none
	due     int         // bytes of the body that the write deadline is for
	// retryAfter is for how long the origins asked to be left alone; 0 when they did not.
	retryAfter time.Duration
	rec        Record

	line   []byte   // scratch for field values
	values []string // scratch for those of a rendition
}

// newExchange returns an empty exchange.
func newExchange() *exchange {
	x := &exchange{line: make([]byte, 0, 256), values: make([]string, 0, 32)}
	x.request.Interim = x.interim // bound once: a method value is an allocation
	return x
}

// reset lets go of everything that belongs to the finished request.
func (x *exchange) reset() {
	x.w, x.in, x.site, x.body, x.retryAfter = nil, nil, nil, nil, 0
	x.request.HTTP, x.request.Site, x.request.Key = nil, nil, ""
	x.rec = Record{}
	clear(x.values)
}

// interim passes an interim answer on to the reader, RFC 9110 §15.2. Readers who speak
// HTTP/1.0 do not know of such answers.
func (x *exchange) interim(code int, hints http.Header) {
	if !x.in.ProtoAtLeast(1, 1) {
		return
	}
	x.extendDeadline()
	header := x.w.Header()
	cache.Hop(hints)
	for name, values := range hints {
		header[name] = values
	}
	x.w.WriteHeader(code)
	for name := range hints {
		delete(header, name) // they are not the answer's
	}
}

// send sends what the cache answered.
func (x *exchange) send(a *cache.Answer) {
	x.rec.Result, x.rec.Origin, x.rec.Attempts, x.rec.Detail = a.Result, a.Origin, a.Attempts, a.Status.Detail
	if a.Result == cache.Stale {
		x.rec.Overdue = max(0, -a.Status.TTL)
	}
	if a.Response != nil {
		x.relay(a)
		return
	}
	if a.Cursor != nil {
		defer a.Cursor.Close()
	}
	header := x.w.Header()
	x.copyFields(header, &a.Rendition)
	x.toFront(header)
	x.stamp(header, a)
	x.writeHeader(header, a.Rendition.Status)
	switch {
	case a.Rendition.Body == nil || x.in.Method == http.MethodHead:
	case a.Cursor != nil:
		x.follow(a.Cursor, a.Rendition.Body)
	case a.Rendition.Pieces != nil:
		x.writeParts(&a.Rendition)
	default:
		x.writeBody(a.Rendition.Body, a.Rendition.From, a.Rendition.Length)
	}
}

// copyFields takes over the rendition's fields. The values are in scratch space: net/http
// copies them when the header is written.
func (x *exchange) copyFields(header http.Header, r *cache.Rendition) {
	values := x.values[:0]
	for name, value := range r.Fields() {
		if before := header[name]; len(before) > 0 {
			header[name] = append(before, value)
			continue
		}
		values = append(values, value)
		header[name] = values[len(values)-1 : len(values) : len(values)]
	}
	x.values = values
}

// stamp adds the fields that tell of this use of the answer.
func (x *exchange) stamp(header http.Header, a *cache.Answer) {
	line := x.line[:0]
	if a.Response == nil && (a.Result != cache.Miss || a.Age >= time.Second) {
		line = strconv.AppendInt(line, int64(a.Age/time.Second), 10)
	}
	age := len(line)
	line = a.Status.Append(line, Name)
	status := len(line)
	line = append(line, Name...)
	if a.Status.FwdStatus > 0 {
		line = append(line, "; received-status="...)
		line = strconv.AppendInt(line, int64(a.Status.FwdStatus), 10)
	}
	x.line = line
	text := string(line) // one allocation for all three
	values := make([]string, 3)
	if age > 0 {
		values[0] = text[:age]
		header["Age"] = values[0:1:1]
	}
	values[1], values[2] = text[age:status], text[status:]
	if upstream := header["Cache-Status"]; len(upstream) > 0 {
		header["Cache-Status"] = append(upstream[:len(upstream):len(upstream)], values[1])
	} else {
		header["Cache-Status"] = values[1:2:2]
	}
	if upstream := header["Proxy-Status"]; len(upstream) > 0 {
		header["Proxy-Status"] = append(upstream[:len(upstream):len(upstream)], values[2])
	} else {
		header["Proxy-Status"] = values[2:3:3]
	}
	x.stampVia(header)
}

// viaLine is shared by all answers: nobody changes header values.
var viaLine = []string{"1.1 " + Name}

// stampVia says that the answer passed this edge, RFC 9110 §7.6.3.
func (x *exchange) stampVia(header http.Header) {
	if upstream := header["Via"]; len(upstream) > 0 {
		header["Via"] = append(upstream[:len(upstream):len(upstream)], viaLine[0])
		return
	}
	header["Via"] = viaLine
}

// via is the edge's member of Via for a message received in the given version.
func via(major, minor int) string {
	if major >= 2 {
		return strconv.Itoa(major) + " " + Name
	}
	return strconv.Itoa(major) + "." + strconv.Itoa(minor) + " " + Name
}

// toFront turns the canonical addresses of the answer into the front's.
func (x *exchange) toFront(header http.Header) {
	for _, name := range [...]string{"Location", "Content-Location"} {
		if values := header[name]; len(values) > 0 {
			header[name] = []string{x.site.Space.ToFront(values[0])}
		}
	}
}

// writeHeader sends the answer's header.
func (x *exchange) writeHeader(header http.Header, status int) {
	if _, set := header["Content-Type"]; !set {
		header["Content-Type"] = nil // or net/http would guess one
	}
	if x.closes() {
		header["Connection"] = []string{"close"}
	}
	x.extendDeadline()
	x.w.WriteHeader(status)
	x.rec.Status, x.rec.TTFB = status, time.Since(x.rec.Start)
}

// closes reports whether the connection ends with the answer: after a request whose
// body has not ended by now, and so may never, and after a chunked one. That may
// have had a length, too, which net/http drops (RFC 9112 §6.1).
func (x *exchange) closes() bool {
	return x.in.ProtoMajor == 1 && (len(x.in.TransferEncoding) > 0 || x.body.pending())
}

// extendDeadline gives the reader time for the next write. Writers that know no
// deadline (tests) go without.
func (x *exchange) extendDeadline() {
	x.due = 0
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(writeIdle))
}

// writeParts sends several parts of a whole body, each after its own text.
func (x *exchange) writeParts(r *cache.Rendition) {
	for _, p := range r.Pieces {
		if !x.writePieces([]byte(p.Text)) || !x.writeBody(r.Body, p.From, p.Length) {
			return
		}
	}
}

// writeBody sends a part of a whole body. False means that the reader is gone.
func (x *exchange) writeBody(body *cache.Body, skip, left int64) bool {
	if left == 0 {
		return true
	}
	chunks, _ := body.Whole()
	for _, chunk := range chunks {
		if skip >= int64(len(chunk)) {
			skip -= int64(len(chunk))
			continue
		}
		part := chunk[skip:min(int64(len(chunk)), skip+left)]
		skip, left = 0, left-int64(len(part))
		if !x.writePieces(part) {
			return false
		}
		if left == 0 {
			break
		}
	}
	return true
}

// follow sends a body while it arrives, and its header before that if need be.
func (x *exchange) follow(cursor *cache.Cursor, body *cache.Body) {
	flusher, _ := x.w.(http.Flusher)
	if _, whole := body.Whole(); flusher != nil && !whole {
		flusher.Flush()
	}
	for {
		chunk, err := cursor.Next(x.in.Context())
		switch {
		case err == io.EOF:
			x.sendTrailers(body.Trailer())
			return
		case err != nil:
			x.abort(err)
		}
		x.extendDeadline() // the wait for the origin was not the reader's
		if !x.writePieces(chunk) {
			return
		}
		if flusher != nil {
			flusher.Flush()
		}
	}
}

// writePieces sends a chunk of the body, however large, so that each write is one
// that a slow reader can take in time. False means that the reader is gone.
func (x *exchange) writePieces(chunk []byte) bool {
	for piece := range slices.Chunk(chunk, writePiece) {
		if x.due += len(piece); x.due > writePiece {
			x.extendDeadline()
			x.due = len(piece)
		}
		if !x.write(piece) {
			return false
		}
	}
	return true
}

// write sends bytes of the body. False means that the reader is gone.
func (x *exchange) write(p []byte) bool {
	n, err := x.w.Write(p)
	x.rec.Bytes += int64(n)
	if err != nil {
		x.rec.Aborted = true
	}
	return err == nil
}

// abort cuts the reader's connection, so that a part is not taken for the whole.
func (x *exchange) abort(err error) {
	x.rec.Aborted = true
	if x.in.Context().Err() == nil {
		x.rec.Error, x.rec.Reason = "http_response_incomplete", err.Error()
		var coding *cache.CodingError
		if errors.As(err, &coding) {
			x.rec.Error = coding.ProxyError()
		}
	}
	if !x.in.ProtoAtLeast(1, 1) {
		x.tear()
	}
	panic(http.ErrAbortHandler)
}

// tear resets the reader's connection: in HTTP/1.0, the ordinary end of a
// connection is also that of a whole answer.
func (x *exchange) tear() {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return
	}
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if socket, ok := conn.(*net.TCPConn); ok {
		_ = socket.SetLinger(0) // without it the reader sees an ordinary end
	}
	conn.Close()
}

// left reports whether the reader has gone.
func (x *exchange) left() bool {
	return errors.Is(x.in.Context().Err(), context.Canceled)
}
