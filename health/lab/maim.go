package lab

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	smallBuffer = 2 << 10                // of a connection under Throttle
	throttleGap = 100 * time.Millisecond // between two pieces under Throttle
	bombSize    = 1 << 30                // of what GzipBomb unpacks to
)

// maim answers under the faults of bodies.
func (s *spell) maim(w http.ResponseWriter, r *http.Request) {
	switch s.fault {
	case SlowBody:
		s.publish(s.drip(w, r, dripSize, s.pause), r)
	case Throttle:
		s.publish(s.drip(w, r, max(1, s.rate*int(throttleGap)/int(time.Second)), throttleGap), r)
	case Freeze:
		// A box on the way counts the bytes as they are, and a page that comes compressed
		// would be over before it is frozen.
		s.publish(s.freeze(w, r), uncoded(r))
	case ResetBody:
		s.publish(&cutter{ResponseWriter: w, limit: halfway, at: func() { reset(takeOver(w)); abort() }}, r)
	case Truncate:
		s.publish(truncate(w), r)
	case TruncateChunked:
		s.publish(truncateChunked(w), r)
	case H2Reset:
		s.resetStream(w, r)
	case TruncateClose:
		s.redraft(w, r, func(d *draft) { d.endWithConnection() })
	case TruncateGzip:
		s.redraft(w, r, func(d *draft) {
			packed := compress(d.body.Bytes())
			d.Header().Set("Content-Encoding", "gzip")
			d.finish(packed[:len(packed)/2])
		})
	case EndlessBody:
		s.redraft(w, r, func(d *draft) { s.goOnForEver(d, r) })
	case GzipBomb:
		s.redraft(w, r, func(d *draft) {
			d.Header().Set("Content-Encoding", "gzip")
			d.finish(bomb(d.body.Bytes()))
		})
	}
}

// resetStream cuts an HTTP/2 stream half way, and asks for the end of its connection:
// RST_STREAM and GOAWAY (RFC 9113 §6.4, §6.8).
func (s *spell) resetStream(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor < 2 {
		s.publish(w, r)
		return
	}
	w.Header().Set("Connection", "close")
	s.publish(truncate(w), r)
}

// goOnForEver sends the page without its end, and paragraphs until nobody reads them.
func (s *spell) goOnForEver(d *draft, r *http.Request) {
	w := d.ResponseWriter
	d.Header().Del("Content-Length")
	w.WriteHeader(d.status)
	page := strings.Split(d.body.String(), "</main>")[0]
	paragraphs := []byte(strings.Repeat("<p>"+strings.TrimSpace(line)+"</p>\n", 400))
	for _, err := w.Write([]byte(page)); err == nil; _, err = w.Write(paragraphs) {
		s.wait(r.Context(), time.Millisecond) // enough for any limit, and kind to the machine
		select {
		case <-s.over:
			return
		default:
		}
	}
}

// bomb is a page in gzip, and behind it blanks in many members (RFC 1952 §2.2), of which each is
// small however much it unpacks to.
func bomb(page []byte) []byte {
	const member = 1 << 20
	var small bytes.Buffer
	w, _ := gzip.NewWriterLevel(&small, gzip.BestCompression)
	w.Write(bytes.Repeat([]byte{' '}, member)) // a buffer takes everything
	w.Close()
	return append(compress(page), bytes.Repeat(small.Bytes(), bombSize/member)...)
}

// uncoded is the request without what makes an answer anything else than the whole page as
// it is.
func uncoded(r *http.Request) *http.Request {
	plain := r.Clone(r.Context())
	for _, name := range []string{"Accept-Encoding", "Range", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range"} {
		plain.Header.Del(name)
	}
	return plain
}

// draft holds a page back, so that it can be changed. Answers that are no pages pass.
type draft struct {
	http.ResponseWriter
	status int
	held   bool
	body   bytes.Buffer
}

// redraft answers with the newspaper's answer as change has it.
func (s *spell) redraft(w http.ResponseWriter, r *http.Request, change func(*draft)) {
	if r.Method != http.MethodGet {
		s.publish(w, r)
		return
	}
	d := &draft{ResponseWriter: w}
	s.publish(d, uncoded(r))
	if d.held {
		for _, name := range []string{"ETag", "Last-Modified", "Accept-Ranges"} {
			d.Header().Del(name)
		}
		change(d)
	}
}

// Unwrap lets http.ResponseController reach the connection of what passes.
func (d *draft) Unwrap() http.ResponseWriter { return d.ResponseWriter }

// WriteHeader decides by the type whether the answer is held back.
func (d *draft) WriteHeader(status int) {
	if d.status != 0 || status < 200 {
		d.ResponseWriter.WriteHeader(status)
		return
	}
	d.status = status
	d.held = strings.HasPrefix(d.Header().Get("Content-Type"), "text/html")
	if !d.held {
		d.ResponseWriter.WriteHeader(status)
	}
}

// Write keeps what is held back.
func (d *draft) Write(p []byte) (int, error) {
	if d.status == 0 {
		d.WriteHeader(http.StatusOK)
	}
	if d.held {
		return d.body.Write(p)
	}
	return d.ResponseWriter.Write(p)
}

// finish sends the answer with another body.
func (d *draft) finish(body []byte) {
	d.Header().Set("Content-Length", strconv.Itoa(len(body)))
	d.ResponseWriter.WriteHeader(d.status)
	d.ResponseWriter.Write(body)
}

// endWithConnection sends half of the page as HTTP/1.0 servers do, whose bodies end when
// their connections do (RFC 9112 §6.3).
func (d *draft) endWithConnection() {
	conn := takeOver(d.ResponseWriter)
	defer conn.Close()
	header := d.Header().Clone()
	header.Del("Content-Length")
	header.Set("Connection", "close")
	var head bytes.Buffer
	fmt.Fprintf(&head, "HTTP/1.1 %d %s\r\n", d.status, http.StatusText(d.status))
	header.Write(&head) // a buffer takes everything
	head.WriteString("\r\n")
	_, _ = conn.Write(append(head.Bytes(), d.body.Bytes()[:d.body.Len()/2]...))
}
