package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// reply is what the scripted origin answers to one request. The zero value of each
// field is the ordinary one; its text is written as it stands here, broken or not.
type reply struct {
	code     int      // 0 means 200
	lines    []string // header lines; a name alone leaves out what would be there without it
	text     *string  // the body; nil for one that is different in every answer
	interim  []string // answers that come before: the status line's end, then header lines
	wait     time.Duration
	hangUp   bool // the connection ends after the request
	declared int  // of a body that ends earlier; 0 means its length
	chunked  bool // no length is declared
	trailer  string
	// ranged has the origin heed Range and If-Range of a body with the tag of the reply, as
	// a server of files does.
	ranged bool
	// held has the origin wait until a step of the rule releases it.
	held bool
}

// says is the 200 with these header lines.
func says(lines ...string) reply { return reply{lines: lines} }

// of is the reply with another status.
func (r reply) of(code int) reply { r.code = code; return r }

// with is the reply with another body.
func (r reply) with(text string) reply { r.text = &text; return r }

// and is the reply with more header lines.
func (r reply) and(lines ...string) reply {
	r.lines = append(append([]string(nil), r.lines...), lines...)
	return r
}

// after is the reply of an origin that takes its time.
func (r reply) after(d time.Duration) reply { r.wait = d; return r }

// heldBack is the reply that comes when a step releases it, or at the rule's end.
func (r reply) heldBack() reply { r.held = true; return r }

// hintsFirst is the reply after interim ones.
func (r reply) hintsFirst(interim ...string) reply { r.interim = interim; return r }

// shortOf is the reply of an origin that hangs up within the body.
func (r reply) shortOf(declared int) reply { r.declared = declared; return r }

// inChunks is the reply without a declared length.
func (r reply) inChunks() reply { r.chunked = true; return r }

// byRange is the reply of an origin that serves parts.
func (r reply) byRange() reply { r.ranged = true; return r }

// hangsUp is an origin that ends the connection instead of answering.
func hangsUp() reply { return reply{hangUp: true} }

// seen is one request as the origin saw it, and what it answered.
type seen struct {
	method, target string
	header         http.Header
	sent           http.Header
	body           string
}

// script is what the origin plays for one rule: one reply at a time.
type script struct {
	gate    chan struct{} // closed when replies that are held back may come
	release func()        // closes gate

	mu    sync.Mutex // guards what follows
	next  reply
	asked []seen
}

// gives sets what is answered from now on.
func (s *script) gives(r reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = r
}

// log is every request until now.
func (s *script) log() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]seen(nil), s.asked...)
}

// scripted is an origin on loopback that answers each rule's requests as its script
// says, and everything else with a small page.
type scripted struct {
	net.Listener
	front string // status line of what no rule asks for: the front page, which probes look at

	work sync.WaitGroup

	mu      sync.Mutex // guards what follows
	scripts map[string]*script
	open    map[net.Conn]bool
}

// newScripted starts the origin. It ends with the test.
func newScripted(t *testing.T, front string) *scripted {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	o := &scripted{Listener: listener, front: front, scripts: make(map[string]*script), open: make(map[net.Conn]bool)}
	o.work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			o.mu.Lock()
			o.open[conn] = true
			o.mu.Unlock()
			o.work.Go(func() { o.converse(conn) })
		}
	})
	t.Cleanup(o.stop)
	return o
}

// stop ends the origin and its connections. It may be called again.
func (o *scripted) stop() {
	o.Listener.Close()
	o.mu.Lock()
	for conn := range o.open {
		conn.Close()
	}
	o.mu.Unlock()
	o.work.Wait()
}

// script makes the script for the paths below prefix.
func (o *scripted) script(prefix string) *script {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := &script{gate: make(chan struct{})}
	s.release = sync.OnceFunc(func() { close(s.gate) })
	o.scripts[prefix] = s
	return s
}

// find is the script that a target belongs to, nil without one.
func (o *scripted) find(target string) *script {
	rest := strings.TrimPrefix(target, "/rule-")
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(rest)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.scripts["/rule-"+rest[:end]]
}

// converse answers the requests of one connection.
func (o *scripted) converse(conn net.Conn) {
	defer func() {
		conn.Close()
		o.mu.Lock()
		delete(o.open, conn)
		o.mu.Unlock()
	}()
	reader := bufio.NewReader(conn)
	for {
		request, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, request.Body); err != nil {
			return
		}
		s := o.find(request.RequestURI)
		if s == nil {
			page := "<!doctype html><title>The Harbour Gazette</title><p>News of the harbour.</p>"
			fmt.Fprintf(conn, "HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s", o.front, len(page), page)
			continue
		}
		if !s.answer(conn, request) {
			return
		}
	}
}

// moment is a date that is so many seconds away from now, in one of the forms of RFC 9110 §5.6.7.
var moment = regexp.MustCompile(`\{(rfc850|asctime|)([+-]?\d+)\}`)

// fill puts dates and the rule's path in their places.
func fill(line, path string, now time.Time) string {
	line = strings.ReplaceAll(line, "{path}", path)
	return moment.ReplaceAllStringFunc(line, func(m string) string {
		parts := moment.FindStringSubmatch(m)
		seconds, _ := strconv.Atoi(parts[2])
		layout := map[string]string{"": http.TimeFormat, "rfc850": "Monday, 02-Jan-06 15:04:05 GMT", "asctime": time.ANSIC}[parts[1]]
		return now.Add(time.Duration(seconds) * time.Second).UTC().Format(layout)
	})
}

// answer plays the next reply. False means that the connection ends.
func (s *script) answer(conn net.Conn, request *http.Request) bool {
	path := rulePath.FindString(request.RequestURI)
	s.mu.Lock()
	r, n := s.next, len(s.asked)+1
	text := "answer " + strconv.Itoa(n) + " of " + path + "\n"
	if r.text != nil {
		text = *r.text
	}
	head, body := r.compose(request, path, text)
	if r.code == http.StatusNoContent || r.code == http.StatusNotModified {
		text = ""
	}
	s.asked = append(s.asked, seen{request.Method, request.RequestURI, request.Header, parsed(head), text})
	s.mu.Unlock()
	if r.hangUp {
		return false
	}
	if r.held {
		<-s.gate
	}
	time.Sleep(r.wait)
	for _, i := range r.interim {
		fmt.Fprintf(conn, "HTTP/1.1 %s\r\n\r\n", strings.ReplaceAll(i, "\n", "\r\n"))
	}
	_, err := io.WriteString(conn, head+body)
	return err == nil && r.declared == 0
}

// rulePath is the part of a target that belongs to one rule.
var rulePath = regexp.MustCompile(`^/rule-\d+`)

// parsed are the fields of a composed header.
func parsed(head string) http.Header {
	answer, err := http.ReadResponse(bufio.NewReader(strings.NewReader(head)), nil)
	if err != nil {
		return http.Header{}
	}
	return answer.Header
}

// compose makes the header and the body of the reply.
func (r reply) compose(request *http.Request, path, text string) (head, body string) {
	code, lines := cmp.Or(r.code, 200), r.lines
	if r.ranged {
		code, lines, text = r.slice(request, text)
	}
	now := time.Now()
	given := make(map[string]bool)
	var out strings.Builder
	fmt.Fprintf(&out, "HTTP/1.1 %d %s\r\n", code, cmp.Or(http.StatusText(code), "Unheard Of"))
	for _, line := range lines {
		name, _, valued := strings.Cut(line, ":")
		given[strings.ToLower(name)] = true
		if valued {
			out.WriteString(fill(line, path, now) + "\r\n")
		}
	}
	bodiless := code == http.StatusNoContent || code == http.StatusNotModified
	if !given["date"] {
		out.WriteString("Date: " + now.UTC().Format(http.TimeFormat) + "\r\n")
	}
	if !given["content-type"] && !bodiless {
		out.WriteString("Content-Type: text/plain\r\n")
	}
	switch {
	case bodiless:
		text = ""
	case r.chunked:
		if r.trailer != "" {
			out.WriteString("Trailer: " + strings.SplitN(r.trailer, ":", 2)[0] + "\r\n")
			text = fmt.Sprintf("%x\r\n%s\r\n0\r\n%s\r\n\r\n", len(text), text, r.trailer)
		} else {
			text = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(text), text)
		}
		out.WriteString("Transfer-Encoding: chunked\r\n")
		if r.declared > 0 { // the last chunk never comes
			text = strings.TrimSuffix(text, "0\r\n\r\n")
		}
	case !given["content-length"]:
		fmt.Fprintf(&out, "Content-Length: %d\r\n", cmp.Or(r.declared, len(text)))
	}
	if request.Method == http.MethodHead {
		text = ""
	}
	return out.String() + "\r\n", text
}

// slice is the reply of a server of files to a request with one range, and the ordinary
// reply to any other.
func (r reply) slice(request *http.Request, text string) (code int, lines []string, part string) {
	code, lines, part = cmp.Or(r.code, 200), r.lines, text
	set, asked := strings.CutPrefix(request.Header.Get("Range"), "bytes=")
	condition := request.Header.Get("If-Range")
	if !asked || strings.Contains(set, ",") || condition != "" && !r.names(condition) {
		return code, lines, part
	}
	first, last, _ := strings.Cut(set, "-")
	from, _ := strconv.Atoi(first)
	to, err := strconv.Atoi(last)
	if err != nil || to >= len(text) {
		to = len(text) - 1
	}
	if first == "" {
		size, _ := strconv.Atoi(last)
		from, to = max(0, len(text)-size), len(text)-1
	}
	if from >= len(text) {
		return 416, []string{fmt.Sprintf("Content-Range: bytes */%d", len(text))}, ""
	}
	lines = append(append([]string(nil), lines...), fmt.Sprintf("Content-Range: bytes %d-%d/%d", from, to, len(text)))
	return 206, lines, text[from : to+1]
}

// names reports whether one of the reply's lines carries the tag.
func (r reply) names(tag string) bool {
	for _, line := range r.lines {
		if line == "ETag: "+tag {
			return true
		}
	}
	return false
}
