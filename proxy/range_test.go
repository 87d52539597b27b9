package proxy_test

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// library is an origin that serves ranges of one file, and notes which it was asked for.
type library struct {
	file  string
	mu    sync.Mutex // guards asked
	asked []string
}

// ServeHTTP implements http.Handler.
func (l *library) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	l.asked = append(l.asked, strings.TrimSpace(r.Header.Get("Range")+" "+r.Header.Get("If-Range")))
	l.mu.Unlock()
	w.Header().Set("Cache-Control", "max-age=60")
	w.Header().Set("Etag", `"edition-1"`)
	w.Header().Set("Content-Type", "video/mp4")
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(l.file))
}

// ranges are what it was asked for so far.
func (l *library) ranges() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.asked...)
}

func TestAReaderWhoSeeksInAFilmFillsSlices(t *testing.T) {
	film := strings.Repeat("0123456789abcdef", 5<<16)
	l := &library{file: film}
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, l.ServeHTTP)}})
	seek := func(from, to int) {
		t.Helper()
		answer, body := s.get("/film.mp4", "Range", fmt.Sprintf("bytes=%d-%d", from, to-1), "Accept-Encoding", "gzip, br")
		require.Equal(t, http.StatusPartialContent, answer.StatusCode)
		require.Equal(t, int64(to-from), answer.ContentLength)
		require.True(t, film[from:to] == body, "not the bytes of the film")
		require.Equal(t, "video/mp4", answer.Header.Get("Content-Type"))
	}
	seek(0, 100)
	s.waitPages(1)
	seek(3_000_000, 3_000_100)
	require.Eventually(t, func() bool { return s.cache.Usage().Bytes > 1<<20 }, waitLong, tick)
	seek(3_100_000, 3_100_100)
	seek(2_100_000, 2_100_001)
	require.Equal(t, []string{"bytes=0-99", `bytes=2097152-3145727 "edition-1"`}, l.ranges())
}

func TestAPartAndItsRestBecomeThePage(t *testing.T) {
	l := &library{file: "0123456789"}
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, l.ServeHTTP)}})
	answer, body := s.get("/a.mp4", "Range", "bytes=0-5")
	require.Equal(t, "012345", body)
	require.Contains(t, answer.Header.Get("Cache-Status"), "fwd=uri-miss; fwd-status=206; stored")
	s.waitPages(1)
	answer, body = s.get("/a.mp4")
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, "0123456789", body)
	require.Contains(t, answer.Header.Get("Cache-Status"), "fwd=partial; fwd-status=206; stored")
	require.Eventually(t, func() bool {
		answer, body = s.get("/a.mp4")
		require.Equal(t, "0123456789", body)
		return strings.Contains(answer.Header.Get("Cache-Status"), "; hit")
	}, waitLong, tick)
	require.Equal(t, []string{"bytes=0-5", `bytes=6-9 "edition-1"`}, l.ranges()[:2])
}

func TestSeveralRangesAreSentAsParts(t *testing.T) {
	var requests atomic.Int64
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, counted(&requests, (&library{file: "0123456789"}).ServeHTTP))}})
	s.get("/a.mp4")
	s.waitPages(1)
	answer, body := s.get("/a.mp4", "Range", "bytes=0-1,-2")
	require.Equal(t, http.StatusPartialContent, answer.StatusCode)
	require.Equal(t, int64(len(body)), answer.ContentLength)
	require.NotContains(t, answer.Header, "Content-Range")
	kind, params, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/byteranges", kind)
	reader := multipart.NewReader(bytes.NewReader([]byte(body)), params["boundary"])
	for _, want := range []struct{ span, text string }{{"bytes 0-1/10", "01"}, {"bytes 8-9/10", "89"}} {
		part, err := reader.NextRawPart()
		require.NoError(t, err)
		require.Equal(t, want.span, part.Header.Get("Content-Range"))
		require.Equal(t, "video/mp4", part.Header.Get("Content-Type"))
		text, err := io.ReadAll(part)
		require.NoError(t, err)
		require.Equal(t, want.text, string(text))
	}
	_, err = reader.NextRawPart()
	require.Equal(t, io.EOF, err)
	require.Equal(t, int64(1), requests.Load())
}
