package proxy_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mayGrow is how much more memory the process may hold while a body of any size
// passes through.
const mayGrow = 32 << 20

// torrent is an origin that makes up as many bytes as it is asked for.
func torrent(w http.ResponseWriter, r *http.Request) {
	size, _ := strconv.ParseInt(r.FormValue("bytes"), 10, 64)
	w.Header().Set("Cache-Control", r.FormValue("cc"))
	w.Header().Set("Content-Type", "application/octet-stream")
	if r.FormValue("length") == "declared" {
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	}
	piece := make([]byte, 64<<10)
	for size > 0 {
		n, err := w.Write(piece[:min(size, int64(len(piece)))])
		if err != nil {
			return
		}
		size -= int64(n)
	}
}

func TestLargeAnswerTakesLittleMemory(t *testing.T) {
	if _, err := residentSet(); err != nil {
		t.Skipf("this system does not tell a process its resident set: %v", err)
	}
	for _, test := range []struct {
		length, control string
		size            int64
	}{
		{"declared", "no-store", bigBody},
		{"unknown", "no-store", bigBody},
		{"unknown", "max-age=60", bigBody / 4}, // stored until it proves too large
		{"declared", "max-age=60", bigBody / 16},
	} {
		t.Run(test.length+" "+test.control, func(t *testing.T) {
			s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, torrent)}, maxPage: 4 << 20})
			query := "&length=" + test.length + "&cc=" + test.control
			passThrough(t, s, "/small?bytes=1048576"+query, 1<<20) // buffers that every size needs
			runtime.GC()
			before, err := residentSet()
			require.NoError(t, err)
			ctx, stop := context.WithCancel(t.Context())
			peak := make(chan int64)
			go func() { peak <- watchResidentSet(ctx) }()
			begun := time.Now()
			passThrough(t, s, "/large?bytes="+strconv.FormatInt(test.size, 10)+query, test.size)
			took := time.Since(begun)
			stop()
			grown := <-peak - before
			t.Logf("%d MiB in %s, resident set grown by %.1f MiB",
				test.size>>20, took.Round(time.Millisecond), float64(grown)/(1<<20))
			require.Less(t, grown, int64(mayGrow))
		})
	}
}

// passThrough reads a body of size bytes and throws it away.
func passThrough(t *testing.T, s *stage, target string, size int64) {
	t.Helper()
	answer := s.send(http.MethodGet, target, nil)
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, answer.Body, make([]byte, 64<<10))
	require.NoError(t, err)
	require.Equal(t, size, n)
}

// watchResidentSet is the largest resident set until ctx ends.
func watchResidentSet(ctx context.Context) (peak int64) {
	for {
		if now, err := residentSet(); err == nil {
			peak = max(peak, now)
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return peak
		}
	}
}

// residentSet is the memory that the process holds now, in bytes.
func residentSet() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("no VmRSS in /proc/self/status")
}

// A body that a reader takes slowly does not pile up in the edge.
func TestSlowReaderHoldsTheOriginBack(t *testing.T) {
	if _, err := residentSet(); err != nil {
		t.Skipf("this system does not tell a process its resident set: %v", err)
	}
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, torrent)}})
	answer := s.send(http.MethodGet, "/edition?length=unknown&cc=no-store&bytes="+strconv.Itoa(256<<20), nil)
	before, err := residentSet()
	require.NoError(t, err)
	for range 50 {
		_, err := io.CopyN(io.Discard, answer.Body, 10_000)
		require.NoError(t, err)
		time.Sleep(tick) // the origin could send megabytes meanwhile
	}
	now, err := residentSet()
	require.NoError(t, err)
	require.Less(t, now-before, int64(mayGrow))
	answer.Body.Close()
	require.Less(t, s.waitRecords(1)[0].Bytes, int64(64<<20), "most of it was never fetched")
}
