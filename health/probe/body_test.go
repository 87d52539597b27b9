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
		{"6 KB a second", drip(0.1, 600, 4.9), 4.9, 5 * time.Second, health.OK},
		{"58 KB a second", drip(0.1, 5800, 4.9), 4.9, 5 * time.Second, health.OK},
		{"a minute of 58 KB a second", drip(0.1, 5800, 59.9), 59.9, time.Minute, health.OK},
		{"a body that began late and flows", drip(0.1, 1000, 0.5), 0.5, 5 * time.Second, health.OK},
		{"a body that began late", drip(0.1, 100, 0.5), 0.5, 5 * time.Second, health.Slow},
		{"a body that was about to begin", nil, 0.5, 5 * time.Second, health.Slow},
		{"a lull in a body that flowed", append(drip(0.1, 5800, 5), piece{5.1, 10}), 5.3, 6 * time.Second, health.OK},
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
	return func(c net.Conn) { hear(c); drips(first, bytes, every)(c) }
}

// drips is dripping, to what was heard already.
func drips(first string, bytes int, every time.Duration) func(net.Conn) {
	return func(c net.Conn) {
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
	for _, contains := range [][]string{nil, target.Contains} {
		target.Contains = contains
		r := One(t.Context(), target, loopback)
		require.Equal(t, health.OK, r.Class, r.Reason)
		require.Equal(t, health.Slow, r.Notice.Class)
		require.Equal(t, health.StageBody, r.Notice.Stage)
		require.Regexp(t, `^the page came at [0-9.]+ KB/s and was not read to its end$`, r.Notice.Reason)
		require.False(t, r.Page.Whole)
		requireSteps(t, r)
	}

	for _, g := range []*gate.Gate{nil, gate.New()} {
		target.Contains, target.Gate = []string{"a text that comes at the end"}, g
		r := One(t.Context(), target, loopback)
		require.Equal(t, health.Slow, r.Class, "what has not come yet is not missing: %s", r.Reason)
		require.Equal(t, health.StageBody, r.Stage)
		require.Regexp(t, `^the page comes too slowly to be judged: it came at [0-9.]+ KB/s, and what came in time does not contain "a text`, r.Reason)
		requireSteps(t, r)
	}
}

func TestALongPageThatComesWellLeavesTimeForItsCanary(t *testing.T) {
	n, target := publication(t)
	n.page = drips(page, 1000, 10*time.Millisecond)
	n.shows(writes(whole(200, "", signed(t, keyOf(t, "gazette", 'a'), 7, 7*24*time.Hour))))
	target.Timeout = 3 * time.Second
	r := One(t.Context(), target, loopback)
	require.Equal(t, health.OK, r.Class, r.Reason)
	require.True(t, r.Proven)
	require.Equal(t, health.Slow, r.Notice.Class)
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
