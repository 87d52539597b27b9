package cache

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// pieceOf is a piece of a page, in chunks of random size.
func pieceOf(random *rand.Rand, page []byte, from, to int64) piece {
	p := piece{byteRange: byteRange{from, to}}
	for at := from; at < to; {
		next := min(to, at+1+random.Int64N(200))
		p.chunks = append(p.chunks, bytes.Clone(page[at:next]))
		at = next
	}
	return p
}

// requireTrue checks that pieces are in order, apart, and made of the page's bytes.
func requireTrue(t *testing.T, page []byte, pieces []piece) {
	t.Helper()
	end := int64(-1)
	for _, p := range pieces {
		require.Greater(t, p.from, end, "in order and apart")
		require.Greater(t, p.to, p.from)
		require.Equal(t, page[p.from:p.to], bytes.Join(p.chunks, nil))
		end = p.to
	}
}

func TestPiecesCombine(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 3))
		page := make([]byte, 1+random.IntN(4000))
		there := make([]bool, len(page))
		for i := range page {
			page[i] = byte(random.Uint32())
		}
		var pieces []piece
		for range 1 + random.IntN(12) {
			from := random.Int64N(int64(len(page)))
			to := min(int64(len(page)), from+1+random.Int64N(700))
			pieces = combine(pieces, pieceOf(random, page, from, to))
			for i := from; i < to; i++ {
				there[i] = true
			}
			requireTrue(t, page, pieces)
		}
		parts, body := assemble(pieces, int64(len(page)))
		stored := &Page{Parts: parts, Body: body}
		requireTrue(t, page, stored.pieces())
		chunks, _ := body.Whole()
		joined := bytes.Join(chunks, nil)
		for i := range page {
			at, ok := parts.offset(byteRange{int64(i), int64(i) + 1})
			require.Equal(t, there[i], ok)
			if ok {
				require.Equal(t, page[i], joined[at])
			}
		}
		want := byteRange{0, int64(len(page))}
		gap := parts.missing(want)
		for i := range page {
			if !there[i] {
				require.True(t, gap.contains(byteRange{int64(i), int64(i) + 1}), "all that is missing")
			}
		}
		require.Equal(t, parts.isWhole(), gap.size() == 0)
	}
}

func TestPiecesStayWithinTheirBounds(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 4))
		page := make([]byte, 5000)
		for i := range page {
			page[i] = byte(random.Uint32())
		}
		var pieces []piece
		var latest byteRange
		for range 1 + random.IntN(100) {
			from := random.Int64N(int64(len(page)))
			latest = byteRange{from, min(int64(len(page)), from+1+random.Int64N(60))}
			pieces = combine(pieces, pieceOf(random, page, latest.from, latest.to))
		}
		most := 60 + random.Int64N(3000)
		pieces = bounded(pieces, latest, most)
		requireTrue(t, page, pieces)
		var total int64
		kept := false
		for _, p := range pieces {
			total += p.size()
			kept = kept || p.contains(latest)
		}
		require.LessOrEqual(t, total, most)
		require.LessOrEqual(t, len(pieces), mostSpans)
		require.True(t, kept, "what was asked for last stays")
	}
}

func TestMissing(t *testing.T) {
	parts := &Parts{Complete: 100, Spans: []Span{{10, 20}, {30, 40}, {50, 60}}}
	for _, c := range []struct{ want, missing byteRange }{
		{byteRange{0, 5}, byteRange{0, 5}},
		{byteRange{0, 15}, byteRange{0, 10}},
		{byteRange{12, 25}, byteRange{20, 25}},
		{byteRange{15, 35}, byteRange{20, 30}},
		{byteRange{12, 55}, byteRange{20, 50}},
		{byteRange{0, 100}, byteRange{0, 100}},
		{byteRange{60, 100}, byteRange{60, 100}},
	} {
		require.Equal(t, c.missing, parts.missing(c.want), "%v", c.want)
	}
	require.Zero(t, parts.missing(byteRange{12, 18}).size())
}

func TestSlices(t *testing.T) {
	const large = 5*slice + 7
	for _, c := range []struct {
		want, rounded byteRange
		complete      int64
	}{
		{byteRange{10, 20}, byteRange{10, 20}, slice},
		{byteRange{10, 20}, byteRange{0, slice}, large},
		{byteRange{slice - 1, slice}, byteRange{0, slice}, large},
		{byteRange{slice - 1, slice + 1}, byteRange{0, 2 * slice}, large},
		{byteRange{5*slice + 1, 5*slice + 2}, byteRange{5 * slice, large}, large},
		{byteRange{0, large}, byteRange{0, large}, large},
	} {
		require.Equal(t, c.rounded, rounded(c.want, c.complete), "%v of %d", c.want, c.complete)
	}
}

func TestASmallPieceOfAChunkDoesNotHoldTheChunk(t *testing.T) {
	p := piece{byteRange{0, 1000}, [][]byte{make([]byte, 1000)}}
	p = p.cut(byteRange{10, 20})
	require.Equal(t, 10, len(p.chunks[0]))
	require.LessOrEqual(t, cap(p.chunks[0]), 16)
}

func FuzzContentRange(f *testing.F) {
	for _, seed := range []string{"bytes 0-4/10", "bytes 0-4/*", "bytes */10", "bytes 4-0/10", "bytes 0-10/10", "Bytes 0-0/1", "bytes=0-1/2", "bytes 9223372036854775807-9223372036854775807/*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		r, complete, ok := parseContentRange(field)
		if !ok {
			return
		}
		require.True(t, 0 <= r.from && r.from < r.to)
		size := "*"
		if complete >= 0 {
			require.LessOrEqual(t, r.to, complete)
			size = fmt.Sprint(complete)
		}
		again, length, ok := parseContentRange(contentRange(r, size))
		require.True(t, ok, "what is written can be read")
		require.Equal(t, r, again)
		require.Equal(t, complete, length)
	})
}
