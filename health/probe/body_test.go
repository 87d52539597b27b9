package probe

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/gate"
)

func TestAPageThatStopsIsToldFromOneThatDrips(t *testing.T) {
	at := func(s float64) time.Time { return time.Unix(1000, 0).Add(time.Duration(s * float64(time.Second))) }
	type piece struct {
		after float64
		bytes int
	}
	drip := func(every float64, bytes int, until float64) (pieces []piece) {
		for s := every; s <= until; s += every {
			pieces = append(pieces, piece{s, bytes})
		}
		return pieces
	}
	for _, test := range []struct {
		name    string
		pieces  []piece
		until   float64
		timeout time.Duration
		class   health.Class
	}{
		{"nothing after the header", nil, 3, 5 * time.Second, health.BodyStalled},
		{"a page that stops early", []piece{{0.1, 2000}}, 3.1, 5 * time.Second, health.BodyStalled},
		{"a page that stops at 12 KiB", []piece{{0.1, 12 << 10}}, 3.1, 5 * time.Second, health.BodyStalled16K},
		{"a page that stops at 16 KiB", []piece{{0.1, 16 << 10}}, 3.1, 5 * time.Second, health.BodyStalled16K},
		{"a page that stops at 36 KiB", []piece{{0.1, 36 << 10}}, 3.1, 5 * time.Second, health.BodyStalled16K},
		{"a page that stops beyond", []piece{{0.1, 36<<10 + 1}}, 3.1, 5 * time.Second, health.BodyStalled},
		{"a page that drips until it stops", append(drip(0.5, 5000, 20), piece{20, 1}), 23, time.Minute, health.BodyStalled},
		{"a stop that a short look sees", []piece{{0.01, 500}}, 0.1, 100 * time.Millisecond, health.BodyStalled},
		{"1 KB a second", drip(1, 1000, 4.9), 4.9, 5 * time.Second, health.Throttled},
		{"3.9 KB a second", drip(0.1, 390, 4.9), 4.9, 5 * time.Second, health.Throttled},
		{"6 KB a second", drip(0.1, 600, 4.9), 4.9, 5 * time.Second, health.Slow},
		{"a body that began late", drip(0.1, 100, 0.5), 0.5, 5 * time.Second, health.Slow},
	} {
		t.Run(test.name, func(t *testing.T) {
			var p pace
			p.begin(at(0))
			for _, piece := range test.pieces {
				require.False(t, p.add(piece.bytes, at(piece.after)), "at %v s", piece.after)
			}
			require.Equal(t, test.class, p.late(at(test.until), test.timeout), p.words(at(test.until)))
		})
	}
}

func TestThrottlingIsSeenWhereverInThePageItBegins(t *testing.T) {
	begun := time.Unix(1000, 0)
	var p pace
	p.begin(begun)
	require.False(t, p.add(100<<10, begun.Add(time.Second)), "it begins well")
	throttled := 0
	for s := 2; s < 60 && throttled == 0; s++ {
		if p.add(1000, begun.Add(time.Duration(s)*time.Second)) {
			throttled = s
		}
	}
	require.Equal(t, 10, throttled, "the first 5 s were good, the next 5 were not")
}

func TestABodyThatStopsTellsWhere(t *testing.T) {
	for n, class := range map[int]health.Class{1000: health.BodyStalled, 16 << 10: health.BodyStalled16K, 40 << 10: health.BodyStalled} {
		target := serve(t, "http", func(c net.Conn) {
			hear(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", n))
			silent(c)
		})
		target.Timeout = time.Second
		r := One(t.Context(), target, loopback)
		require.Equal(t, class, r.Class, r.Reason)
		require.Equal(t, health.StageBody, r.Stage)
		require.Equal(t, int64(n), r.BodyBytes)
		require.Contains(t, r.Evidence, "its length is declared: 100000 bytes")
		requireSteps(t, r)
	}
}

// dripping sends a little of an endless page at a time.
func dripping(first string, bytes int, every time.Duration) func(net.Conn) {
	return func(c net.Conn) {
		hear(c)
		_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n"+first)
		for err == nil {
			time.Sleep(every)
			_, err = io.WriteString(c, strings.Repeat("x", bytes))
		}
	}
}

func TestABodyThatDripsIsThrottled(t *testing.T) {
	target := serve(t, "http", dripping(page, 20, 20*time.Millisecond))
	target.Timeout = 4 * time.Second
	r := One(t.Context(), target, loopback)
	require.Equal(t, health.Throttled, r.Class, r.Reason)
	require.Equal(t, health.StageBody, r.Stage)
	require.Contains(t, r.Reason, "less than 4 KB/s")
	requireSteps(t, r)
}

func TestALongPageThatComesWellIsJudgedByWhatCame(t *testing.T) {
	target := serve(t, "http", dripping(page, 1000, 10*time.Millisecond))
	target.Timeout = 2 * time.Second // far from the whole page, and from a rate that is throttled
	r := One(t.Context(), target, loopback)
	require.Equal(t, health.OK, r.Class, r.Reason)
	require.Equal(t, health.Slow, r.Notice.Class)
	require.Equal(t, health.StageBody, r.Notice.Stage)

	target.Contains = []string{"a text that comes at the end"}
	r = One(t.Context(), target, loopback)
	require.Equal(t, health.Slow, r.Class, "what has not come yet is not missing: %s", r.Reason)
}

func TestAPageThatEndsWithTheConnectionMustEndItself(t *testing.T) {
	const menu = "<html><head><title>The Harbour Gazette</title></head><body><nav><a href=/news>News</a></nav><main>"
	long := strings.Repeat("<p>Ships came in.", 100)
	known := &gate.Baseline{Pages: 1, Lengths: []int{len(menu) + len(long)}}
	for _, test := range []struct {
		name   string
		header string
		body   string
		known  *gate.Baseline
		class  health.Class
	}{
		{"cut in a text", "HTTP/1.0 200 OK\r\n", menu + long, nil, health.BodyUnfinished},
		{"cut in a tag", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/html\r\n", menu + "</main><a hre", nil, health.BodyUnfinished},
		{"cut after a tag", "HTTP/1.0 200 OK\r\n", menu + "<p>One.</p>", nil, health.BodyUnfinished},
		{"in capitals", "HTTP/1.0 200 OK\r\n", strings.ToUpper("<html>") + "The Harbour Gazette</BODY></HTML>", nil, health.OK},
		{"whole", "HTTP/1.0 200 OK\r\n", menu + "</main></body></html>\n", nil, health.OK},
		{"whole, by a style that leaves end tags out", "HTTP/1.0 200 OK\r\n", menu + "<p>One.</main><footer>2026</footer>", nil, health.OK},
		{"as long as a known page", "HTTP/1.0 200 OK\r\n", menu + long, known, health.OK},
		{"half as long as a known page", "HTTP/1.0 200 OK\r\n", menu + long[:len(long)/2], known, health.BodyUnfinished},
		{"a page of a declared length", whole(200, "", menu+long)[:len("HTTP/1.1 200 OK\r\n")] + "Content-Length: " + digits(len(menu+long)) + "\r\n", menu + long, nil, health.OK},
		{"a piece of a page", "HTTP/1.0 200 OK\r\n", "<p>The Harbour Gazette", nil, health.OK},
		{"no page", "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n", "<html> by The Harbour Gazette", nil, health.OK},
	} {
		t.Run(test.name, func(t *testing.T) {
			target := serve(t, "http", say(test.header+"\r\n"+test.body))
			target.Known.Baseline = test.known
			r := One(t.Context(), target, loopback)
			require.Equal(t, test.class, r.Class, r.Reason)
			requireSteps(t, r)
			require.Equal(t, r.OK(), len(r.Evidence) == 0)
		})
	}
}

func TestAFirstByteThatComesLateIsNoted(t *testing.T) {
	target := serve(t, "http", func(c net.Conn) {
		hear(c)
		time.Sleep(slowAnswer + 50*time.Millisecond)
		_, _ = io.WriteString(c, whole(200, "", page))
	})
	r := One(t.Context(), target, loopback)
	require.Equal(t, health.OK, r.Class, r.Reason)
	require.Equal(t, health.Slow, r.Notice.Class)
	require.Equal(t, health.StageRequest, r.Notice.Stage)
	require.Contains(t, r.Notice.Reason, "the answer began after 1")
}
