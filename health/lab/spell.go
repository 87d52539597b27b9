package lab

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The pages that stand in the newspaper's place. None carries the Marker.
var (
	//go:embed notices/block.html
	blockPage string
	//go:embed notices/seized.html
	seizedPage string
	//go:embed notices/parked.html
	parkedPage string
)

// spell is the time from one Break or Mend of an origin to the next. It answers
// the requests that arrive meanwhile.
type spell struct {
	fault Fault
	since time.Time
	over  chan struct{} // closed when the next spell begins

	paper http.Handler
	delay time.Duration // of Slow, before an answer
	pause time.Duration // of SlowBody, between pieces
}

// ServeHTTP answers with the newspaper, or as the spell's fault has it.
func (s *spell) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch s.fault {
	case ResetRequest:
		reset(takeOver(w))
	case Garbage:
		sendGarbage(w)
	case EndlessHeaders:
		sendEndlessHeaders(w)
	case Error500:
		http.Error(w, "500 Internal Server Error", http.StatusInternalServerError)
	case Error503:
		http.Error(w, "503 Service Unavailable", http.StatusServiceUnavailable)
	case Slow:
		s.wait(r.Context(), s.delay)
		s.paper.ServeHTTP(w, r)
	case SlowBody:
		s.paper.ServeHTTP(s.drip(w, r), r)
	case Freeze:
		s.paper.ServeHTTP(s.freeze(w, r), r)
	case Truncate:
		s.paper.ServeHTTP(truncate(w), r)
	case TruncateChunked:
		s.paper.ServeHTTP(truncateChunked(w), r)
	case BlockPage:
		sendNotice(w, "", strings.ReplaceAll(blockPage, "{{host}}", hostOnly(r.Host)))
	case Seized:
		// Real banners ask to be kept: a cache that believes them loses the page.
		sendNotice(w, "public, max-age=86400", seizedPage)
	case Parked:
		sendNotice(w, "public, max-age=3600", strings.ReplaceAll(parkedPage, "{{host}}", hostOnly(r.Host)))
	case RedirectOff:
		to := "http://notice.provider.example/access-denied?address=" + url.QueryEscape(r.Host+r.URL.Path)
		http.Redirect(w, r, to, http.StatusFound)
	default:
		s.paper.ServeHTTP(w, r)
	}
}

// wait lasts for the duration, or until the spell is over. When the reader goes
// away it ends the request.
func (s *spell) wait(reader context.Context, duration time.Duration) {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.over:
	case <-reader.Done():
		panic(http.ErrAbortHandler)
	}
}

func sendNotice(w http.ResponseWriter, cacheControl, page string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if cacheControl != "" {
		w.Header().Set("Cache-Control", cacheControl)
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(page)))
	fmt.Fprint(w, page)
}

// hostOnly keeps the letters of a host name: the notices are not templates, and
// the name comes from the request.
func hostOnly(host string) string {
	name, _, _ := strings.Cut(host, ":")
	return strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return -1
	}, name)
}

// takeOver takes the connection from the HTTP server. Without one that can be
// taken it ends the request.
func takeOver(w http.ResponseWriter) net.Conn {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return conn
}

// sendGarbage greets like a mail server. The reader being gone is no error of ours.
func sendGarbage(w http.ResponseWriter) {
	conn := takeOver(w)
	defer conn.Close()
	_, _ = conn.Write([]byte("220 harbour-office.example ready, state your business\r\n"))
}

// sendEndlessHeaders writes field lines until nobody reads them, or the end of
// the spell closes the connection.
func sendEndlessHeaders(w http.ResponseWriter) {
	var lines bytes.Buffer
	for lines.Len() < 16<<10 {
		fmt.Fprintf(&lines, "X-Tide-%d: high water in the afternoon, low water at dusk\r\n", lines.Len())
	}
	conn := takeOver(w)
	defer conn.Close()
	_, err := conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"))
	for err == nil {
		_, err = conn.Write(lines.Bytes())
	}
}
