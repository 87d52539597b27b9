package cache_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// holding returns an edge that holds a page of size bytes, fresh for a day.
func holding(t testing.TB, size int) *edge {
	e := newEdgeOf(t, 1<<30, 64<<20, always(200, strings.Repeat("x", size), "Cache-Control: max-age=86400",
		`Etag: "1"`, "Vary: Accept-Encoding", "Content-Type: text/html; charset=utf-8"))
	a := e.get(t, "Accept-Encoding: gzip, br")
	_, err := readAll(t.Context(), &a)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return e.Usage().Pages == 1 }, time.Minute, time.Millisecond)
	return e
}

func TestAFreshHitAllocatesNothing(t *testing.T) {
	e := holding(t, 16<<10)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		r := e.request(method, "Accept-Encoding: gzip, br")
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if a, err := e.Answer(t.Context(), r); err != nil || a.Result != cache.Hit {
				t.Error(a.Result, err)
			}
		}), method)
	}
}

func BenchmarkAnswerFromAFreshPage(b *testing.B) {
	for _, c := range []struct{ name, line string }{
		{"whole", "X-None: 1"},
		{"not modified", `If-None-Match: "1"`},
		{"range", "Range: bytes=1000-1999"},
	} {
		b.Run(c.name, func(b *testing.B) {
			e := holding(b, 16<<10)
			r := e.request(http.MethodGet, "Accept-Encoding: gzip, br", c.line)
			b.ReportAllocs()
			for b.Loop() {
				if a, err := e.Answer(b.Context(), r); err != nil || a.Result != cache.Hit {
					b.Fatal(a.Result, err)
				}
			}
		})
	}
}

func BenchmarkAnswerFromAFreshPageInParallel(b *testing.B) {
	e := holding(b, 16<<10)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := e.request(http.MethodGet, "Accept-Encoding: gzip, br")
		for pb.Next() {
			if a, err := e.Answer(b.Context(), r); err != nil || a.Result != cache.Hit {
				b.Error(a.Result, err)
			}
		}
	})
}

// zeros is a body of n bytes that costs nothing to make.
type zeros struct{ n int64 }

// Read implements io.Reader.
func (z *zeros) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), z.n))
	z.n -= int64(n)
	return n, nil
}

// BenchmarkTransfer is a fill with one reader: from the origin's bytes to theirs.
func BenchmarkTransfer(b *testing.B) {
	for _, c := range []struct {
		name           string
		size, declared int64
	}{
		{"16KiB", 16 << 10, 16 << 10},
		{"1MiB", 1 << 20, 1 << 20},
		{"1MiB undeclared", 1 << 20, -1},
		{"256MiB passing", 256 << 20, -1},
	} {
		b.Run(c.name, func(b *testing.B) {
			e := newEdgeOf(b, 256<<20, 4<<20, func(ask) (*http.Response, error) {
				response := replyOf(200, c.declared, minute)
				response.Body = io.NopCloser(&zeros{c.size})
				return response, nil
			})
			r := e.request(http.MethodGet)
			b.SetBytes(c.size)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r.Key = cache.Key(fmt.Sprintf("gazette /%d", i))
				a, err := e.Answer(b.Context(), r)
				if err != nil {
					b.Fatal(err)
				}
				if n := drain(b.Context(), &a); n != c.size {
					b.Fatal(n)
				}
			}
		})
	}
}

// drain takes an answer's body without a copy, and returns how long it was.
func drain(ctx context.Context, a *cache.Answer) (n int64) {
	if a.Cursor == nil {
		return a.Rendition.Length
	}
	defer a.Cursor.Close()
	for {
		p, err := a.Cursor.Next(ctx)
		if err != nil {
			return n
		}
		n += int64(len(p))
	}
}

func BenchmarkAnswerInACoding(b *testing.B) {
	e := keeping(b, article(20<<10, 15), html, `Etag: "v1"`)
	r := e.request(http.MethodGet, "Accept-Encoding: gzip, deflate, br, zstd")
	e.ask(b, r)
	b.ReportAllocs()
	for b.Loop() {
		if a, err := e.Answer(b.Context(), r); err != nil || a.Result != cache.Hit {
			b.Fatal(a.Result, err)
		}
	}
}
