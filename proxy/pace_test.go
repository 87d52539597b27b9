package proxy_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// paced is a ResponseWriter that keeps what deadlines it was given, and how much it
// had to write within each.
type paced struct {
	*httptest.ResponseRecorder
	mu     sync.Mutex // guards everything that follows
	reads  []time.Time
	writes []int // bytes after each write deadline
}

// SetReadDeadline is there for the sake of http.ResponseController.
func (p *paced) SetReadDeadline(deadline time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reads = append(p.reads, deadline)
	return nil
}

// SetWriteDeadline is there for the sake of http.ResponseController.
func (p *paced) SetWriteDeadline(time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes = append(p.writes, 0)
	return nil
}

// Write implements io.Writer.
func (p *paced) Write(b []byte) (int, error) {
	p.mu.Lock()
	p.writes[len(p.writes)-1] += len(b)
	p.mu.Unlock()
	return p.ResponseRecorder.Write(b)
}

// serve has the edge answer a request into a paced writer.
func (s *stage) serve(method, target string, body io.Reader) *paced {
	w := &paced{ResponseRecorder: httptest.NewRecorder()}
	request := httptest.NewRequest(method, target, body)
	request.Host = front
	s.edge.ServeHTTP(w, request)
	return w
}

// A reader at 2 KiB a second takes 32 KiB in 16 s, and a page of 1 MiB in minutes.
func TestNoDeadlineIsForMoreThanASlowReaderCanTake(t *testing.T) {
	for _, control := range []string{"max-age=60", "no-store"} {
		page := strings.Repeat("0123456789abcdef", 64<<10)
		s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", control)
			io.WriteString(w, page)
		})}})
		for _, target := range []string{"a fill", "a hit"} {
			w := s.serve(http.MethodGet, "/", nil)
			require.True(t, w.Body.String() == page, target)
			for _, n := range w.writes {
				require.LessOrEqual(t, n, 32<<10, target)
			}
			if control == "max-age=60" {
				s.waitPages(1)
			}
		}
	}
}

func TestSmallHitHasOneDeadline(t *testing.T) {
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, pageHandler(strings.Repeat("x", 16<<10)))}})
	s.get("/")
	s.waitPages(1)
	require.Equal(t, []int{16 << 10}, s.serve(http.MethodGet, "/", nil).writes)
}

func TestHeaderDoesNotWaitForTheBody(t *testing.T) {
	for _, control := range []string{"max-age=60", "no-store"} {
		more := make(chan struct{})
		s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", control)
			w.Header().Set("Content-Type", "text/css")
			w.(http.Flusher).Flush()
			<-more
			io.WriteString(w, "body {}")
		})}})
		answer := s.send(http.MethodGet, "/style.css", nil)
		require.Equal(t, "text/css", answer.Header.Get("Content-Type"))
		close(more)
		require.Equal(t, "body {}", readAll(t, answer))
	}
}

// stalling gives its text, then stands still until the deadline.
type stalling struct{ text io.Reader }

// Read implements io.Reader.
func (s *stalling) Read(p []byte) (int, error) {
	n, err := s.text.Read(p)
	if err == io.EOF {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

func TestUploadThatStopsIsTheReadersFault(t *testing.T) {
	arrived := make(chan error, 1)
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		arrived <- err
	})}})
	w := s.serve(http.MethodPost, "/upload", &stalling{strings.NewReader("half")})
	answer := w.Result()
	require.Equal(t, http.StatusRequestTimeout, answer.StatusCode)
	require.Equal(t, "close", answer.Header.Get("Connection"), "RFC 9110 §15.5.9")
	requireStamped(t, answer)
	require.Error(t, <-arrived, "the origin must not take the body for whole")
	for _, view := range s.tracker.Site("gazette") {
		require.Zero(t, view.LiveFailures, "the origin did nothing wrong")
		require.Equal(t, health.Unknown, view.Verdict)
	}
	record := s.waitRecords(1)[0]
	require.Equal(t, http.StatusRequestTimeout, record.Status)
	require.Equal(t, "http_request_error", record.Error)
}

// A deadline that outlived the body would end the request, or the next one.
func TestEachReadOfABodyHasItsOwnDeadlineAndNoneIsLeft(t *testing.T) {
	m := newMirror(t)
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	begun := time.Now()
	w := s.serve(http.MethodPost, "/upload", io.MultiReader(strings.NewReader("first "), strings.NewReader("second")))
	require.Equal(t, http.StatusOK, w.Code)
	require.GreaterOrEqual(t, len(w.reads), 4)
	for i, deadline := range w.reads {
		if i%2 == 1 {
			require.Zero(t, deadline, "after the read")
			continue
		}
		require.WithinRange(t, deadline, begun.Add(30*time.Second), time.Now().Add(30*time.Second))
	}
	require.Zero(t, w.reads[len(w.reads)-1])
	require.Empty(t, s.serve(http.MethodGet, "/", nil).reads, "there is no body to wait for")
}

// What the origin did not want to read must not stand for the next request.
func TestAnswerBeforeTheBodyHasEndedClosesTheConnection(t *testing.T) {
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	})}})
	conn := s.rawConn()
	conn.say("POST /upload HTTP/1.1\r\nHost: " + front + "\r\nContent-Length: 1000000\r\n\r\n")
	_, err := conn.Write(bytes.Repeat([]byte("x"), 1000))
	require.NoError(t, err)
	answer := conn.answer(http.MethodPost)
	require.Equal(t, http.StatusRequestEntityTooLarge, answer.StatusCode)
	require.True(t, answer.Close)
	conn.Close()
	require.Eventually(t, func() bool { return s.edge.InFlight() == 0 }, waitLong, tick)
}
