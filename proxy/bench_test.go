package proxy_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/proxy"
)

// hitStage is a stage with a page of 16 KiB stored under /.
func hitStage(b testing.TB) *stage {
	server := newOrigin(b, func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range map[string]string{
			"Cache-Control": "max-age=3600", "Content-Type": "text/html; charset=utf-8", "Etag": `"v1"`,
			"Last-Modified": "Sun, 09 Sep 2001 01:46:40 GMT", "Vary": "Accept-Encoding", "X-Frame-Options": "DENY",
		} {
			w.Header().Set(name, value)
		}
		io.WriteString(w, strings.Repeat("news and ", 16<<10/9))
	})
	s := newStage(b, plan{origins: []*httptest.Server{server}, options: func(o *proxy.Options) { o.Record = nil }})
	s.get("/")
	s.waitPages(1)
	return s
}

// quiet is a ResponseWriter that throws everything away and can be used again.
type quiet struct {
	header http.Header
	status int
	body   int
}

// Header implements http.ResponseWriter.
func (q *quiet) Header() http.Header { return q.header }

// WriteHeader implements http.ResponseWriter.
func (q *quiet) WriteHeader(status int) { q.status = status }

// SetWriteDeadline is there for the sake of http.ResponseController.
func (q *quiet) SetWriteDeadline(time.Time) error { return nil }

// Write implements http.ResponseWriter.
func (q *quiet) Write(p []byte) (int, error) {
	q.body += len(p)
	return len(p), nil
}

// hitRequest is a reader's request for the stored page, as net/http would make it.
func hitRequest(b testing.TB) *http.Request {
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET / HTTP/1.1\r\nHost: " + front + "\r\n\r\n")))
	require.NoError(b, err)
	return request
}

// BenchmarkHit counts what one hit costs: over a kept connection, with all that
// net/http does for a request; what net/http costs without the edge; and what the
// handler costs alone.
func BenchmarkHit(b *testing.B) {
	b.Run("connection", func(b *testing.B) {
		benchmarkConnection(b, hitStage(b).server)
	})
	b.Run("bare", func(b *testing.B) {
		page := bytes.Repeat([]byte("news and "), 16<<10/9)
		server := newOrigin(b, func(w http.ResponseWriter, _ *http.Request) { w.Write(page) })
		benchmarkConnection(b, server)
	})
	b.Run("handler", func(b *testing.B) {
		s := hitStage(b)
		request, w := hitRequest(b), &quiet{header: make(http.Header)}
		b.ReportAllocs()
		for b.Loop() {
			clear(w.header)
			s.edge.ServeHTTP(w, request)
		}
		require.Equal(b, http.StatusOK, w.status)
	})
}

// benchmarkConnection asks a server for its front page again and again.
func benchmarkConnection(b *testing.B, server *httptest.Server) {
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(b, err)
	defer conn.Close()
	asked := []byte("GET / HTTP/1.1\r\nHost: " + front + "\r\n\r\n")
	answer := make([]byte, 64<<10)
	exchangeOnce(b, conn, asked, answer)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		exchangeOnce(b, conn, asked, answer)
	}
}

// exchangeOnce sends a request and reads its answer without allocating.
func exchangeOnce(b *testing.B, conn net.Conn, asked, answer []byte) {
	if _, err := conn.Write(asked); err != nil {
		b.Fatal(err)
	}
	for n := 0; ; {
		read, err := conn.Read(answer[n:])
		if err != nil {
			b.Fatal(err)
		}
		n += read
		if head := bytes.Index(answer[:n], []byte("\r\n\r\n")); head >= 0 && n >= head+4+16<<10/9*9 {
			return
		}
	}
}

// The goal of the hit path: what the edge adds to net/http stays this small.
func TestHitAllocatesLittle(t *testing.T) {
	if raced {
		t.Skip("the race detector makes spare exchanges disappear; make test runs this without it, too")
	}
	s := hitStage(t)
	request, w := hitRequest(t), &quiet{header: make(http.Header)}
	allocations := testing.AllocsPerRun(200, func() {
		clear(w.header)
		s.edge.ServeHTTP(w, request)
	})
	require.Equal(t, http.StatusOK, w.status)
	require.LessOrEqual(t, allocations, 3.0) // the key, and the values that stamp it
}
