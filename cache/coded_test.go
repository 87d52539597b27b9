package cache_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// html is what most answers of these tests are.
const html = "Content-Type: text/html; charset=utf-8"

// article is a text of n bytes that compresses as text does, the same for the same seed.
func article(n int, seed uint64) string {
	words := strings.Fields("the harbour opens again after nine weeks of ice and by noon quays were full of people who came to see ships")
	random := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(words[random.IntN(len(words))])
		b.WriteString([]string{" ", " ", ", ", ".\n", strconv.Itoa(random.IntN(1000))}[random.IntN(5)])
	}
	return b.String()[:n]
}

// noise is a text of n bytes that no coding makes smaller by a tenth.
func noise(n int) string {
	random := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.IntN(256))
	}
	return string(b)
}

// decoded is what a body in a coding says.
func decoded(t testing.TB, coding, body string) string {
	t.Helper()
	plain, err := undo(coding, strings.NewReader(body))
	require.NoError(t, err, coding)
	return plain
}

// undo decodes, and returns what came out before an error, too.
func undo(coding string, from io.Reader) (string, error) {
	switch coding {
	case "gzip":
		unzipped, err := gzip.NewReader(from)
		if err != nil {
			return "", err
		}
		from = unzipped
	case "br":
		from = brotli.NewReader(from)
	case "zstd":
		decoder, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return "", err
		}
		defer decoder.Close()
		from = decoder
	}
	plain, err := io.ReadAll(from)
	return string(plain), err
}

// keeping returns an edge that has stored what its origin always answers.
func keeping(t testing.TB, body string, lines ...string) *edge {
	t.Helper()
	e := newEdge(t, always(200, body, append(lines, "Cache-Control: max-age=86400")...))
	e.read(t)
	e.waitStored(t, 1)
	return e
}

// waitStored waits until n pages are stored.
func (e *edge) waitStored(t testing.TB, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return e.Usage().Pages == n }, time.Minute, time.Millisecond)
}

func TestAReaderGetsTheCodingItLikesBest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where an encoder takes no time
		text := article(20<<10, 1)
		e := keeping(t, text, html, `Etag: "v1"`, "Last-Modified: Sun, 01 Mar 2026 12:00:00 GMT", "Vary: X-Theme",
			"Accept-Ranges: bytes", "Content-Digest: sha-256=:AA==:", "Repr-Digest: sha-256=:AA==:", "Digest: sha-256=AA", "Content-Md5: AA")
		for _, test := range []struct{ accept, coding string }{
			{"gzip, deflate, br, zstd", "br"},
			{"gzip, zstd", "zstd"},
			{"gzip", "gzip"},
			{"br;q=0.1, gzip;q=0.2", "gzip"},
			{"deflate", ""},
			{"identity, gzip;q=0.5", ""},
			{"*;q=0", ""},
		} {
			for range 2 { // once made, once kept
				a, body := e.read(t, "Accept-Encoding: "+test.accept)
				require.Equal(t, cache.Hit, a.Result)
				require.Equal(t, test.coding, field(a, "Content-Encoding"), test.accept)
				require.Equal(t, text, decoded(t, test.coding, body))
				require.Equal(t, strconv.Itoa(len(body)), field(a, "Content-Length"))
				require.Equal(t, "X-Theme, Accept-Encoding", field(a, "Vary"))
				require.Equal(t, "Sun, 01 Mar 2026 12:00:00 GMT", field(a, "Last-Modified"))
				if test.coding == "" {
					require.Equal(t, `"v1"`, field(a, "Etag"))
					require.Equal(t, "bytes", field(a, "Accept-Ranges"))
					require.Equal(t, "sha-256=:AA==:", field(a, "Content-Digest"))
					continue
				}
				require.Less(t, len(body), len(text)*9/10)
				require.Equal(t, `W/"v1"`, field(a, "Etag"), "RFC 9110 §8.8.3.3")
				for _, name := range []string{"Accept-Ranges", "Content-Digest", "Repr-Digest", "Digest", "Content-Md5"} {
					require.Empty(t, field(a, name), name)
				}
			}
		}
		require.Equal(t, 1, e.fetches(), "the origin is asked once for all of them")
	})
}

func TestWhatIsNotCodedIsAsTheOriginSentIt(t *testing.T) {
	text := article(5000, 2)
	for _, test := range []struct {
		name, body string
		lines      []string
		asks       string
		vary       string
	}{
		{"a short one", text[:255], []string{html}, "", ""},
		{"a picture", text, []string{"Content-Type: image/png"}, "", ""},
		{"a font that is compressed", text, []string{"Content-Type: font/woff2"}, "", ""},
		{"without a type", text, nil, "", ""},
		{"RFC 9111 §5.2.2.6 no-transform", text, []string{html, "Cache-Control: no-transform"}, "", ""},
		{"RFC 9111 §5.2.1.6 a reader's no-transform", text, []string{html}, "Cache-Control: no-transform", "Accept-Encoding"},
		{"what no coding makes smaller", noise(5000), []string{html}, "", "Accept-Encoding"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := keeping(t, test.body, append(test.lines, `Etag: "v1"`, "Accept-Ranges: bytes")...)
			for _, accept := range []string{"Accept-Encoding: gzip, br, zstd", "X-None: 1"} {
				lines := []string{accept}
				if test.asks != "" {
					lines = append(lines, test.asks)
				}
				a, body := e.read(t, lines...)
				require.Equal(t, cache.Hit, a.Result)
				require.Equal(t, test.body, body)
				require.Empty(t, field(a, "Content-Encoding"))
				require.Equal(t, `"v1"`, field(a, "Etag"))
				require.Equal(t, "bytes", field(a, "Accept-Ranges"))
				require.Equal(t, strconv.Itoa(len(body)), field(a, "Content-Length"))
				require.Equal(t, test.vary, field(a, "Vary"))
			}
		})
	}
}

func TestAPageThatCameCodedIsForThoseWhoAcceptTheSame(t *testing.T) {
	e := newEdge(t, always(200, "coded", minute, html, "Content-Encoding: br"))
	_, body := e.read(t, "Accept-Encoding: br")
	require.Equal(t, "coded", body)
	e.waitStored(t, 1)
	a, _ := e.read(t, "Accept-Encoding: br")
	require.Equal(t, cache.Hit, a.Result)
	require.Equal(t, "br", field(a, "Content-Encoding"))
	require.Equal(t, "Accept-Encoding", field(a, "Vary"), "RFC 9110 §12.5.5, also where the origin forgot it")
	a, _ = e.read(t, "Accept-Encoding: zstd")
	require.NotEqual(t, cache.Hit, a.Result)
	require.False(t, e.last().Compressed, "the reader's own word counts")
}

func TestATagOfACodedPageStillValidates(t *testing.T) {
	e := keeping(t, article(5000, 3), html, `Etag: "v1"`, "Last-Modified: Sun, 01 Mar 2026 12:00:00 GMT")
	for _, test := range []struct {
		name, accept, condition string
		status                  int
		tag                     string
	}{
		{"RFC 9110 §13.1.2 the weak tag by weak comparison", "br", `If-None-Match: W/"v1"`, 304, `W/"v1"`},
		{"RFC 9110 §13.1.2 the strong tag", "br", `If-None-Match: "v1"`, 304, `W/"v1"`},
		{"RFC 9110 §15.4.5 a 304 has the tag of what would be sent", "identity", `If-None-Match: W/"v1"`, 304, `"v1"`},
		{"RFC 9110 §13.1.2 another tag", "br", `If-None-Match: W/"v2"`, 200, `W/"v1"`},
		{"RFC 9110 §13.1.3 the date", "gzip", "If-Modified-Since: Sun, 01 Mar 2026 12:00:00 GMT", 304, `W/"v1"`},
		{"RFC 9110 §13.1.1 a weak tag matches nothing strongly", "br", `If-Match: W/"v1"`, 412, `"v1"`},
	} {
		for range 2 {
			a, _ := e.read(t, "Accept-Encoding: "+test.accept, test.condition)
			require.Equal(t, test.status, a.Rendition.Status, test.name)
			require.Equal(t, test.tag, field(a, "Etag"), test.name)
			require.Equal(t, "Accept-Encoding", field(a, "Vary"), test.name)
			e.read(t, "Accept-Encoding: "+test.accept) // it is made now
		}
	}
}

func TestHeadSaysOfACodedPageWhatGetWould(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where an encoder takes no time
		e := keeping(t, article(5000, 4), html, `Etag: "v1"`)
		for _, accept := range []string{"br", "zstd", "gzip", "identity"} {
			head := e.ask(t, e.request(http.MethodHead, "Accept-Encoding: "+accept))
			require.Nil(t, head.Rendition.Body)
			get, _ := e.read(t, "Accept-Encoding: "+accept)
			for _, name := range []string{"Content-Encoding", "Content-Length", "Etag", "Vary"} {
				require.Equal(t, field(get, name), field(head, name), "RFC 9110 §9.3.2: %s", name)
			}
		}
	})
}

func TestARangeIsOneOfIdentity(t *testing.T) {
	text := article(5000, 5)
	e := keeping(t, text, html, `Etag: "v1"`)
	for _, lines := range [][]string{
		{"Range: bytes=100-199"}, {"Range: bytes=100-199", `If-Range: "v1"`},
	} {
		a, body := e.read(t, append(lines, "Accept-Encoding: br")...)
		require.Equal(t, http.StatusPartialContent, a.Rendition.Status)
		require.Equal(t, text[100:200], body)
		require.Empty(t, field(a, "Content-Encoding"))
	}
	a, body := e.read(t, "Range: bytes=100-199", `If-Range: W/"v1"`, "Accept-Encoding: br")
	require.Equal(t, http.StatusOK, a.Rendition.Status, "RFC 9110 §13.1.5: a weak tag is no condition of a range")
	require.Equal(t, text, body)
}

func TestFirstReadersTogetherHaveOneRenditionMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where an encoder takes no time
		text := article(200<<10, 6)
		e := keeping(t, text, html)
		bodies := make([]*cache.Body, 20)
		var readers sync.WaitGroup
		for i := range bodies {
			readers.Go(func() {
				if a, err := e.Answer(t.Context(), e.request(http.MethodGet, "Accept-Encoding: gzip")); err == nil {
					bodies[i] = a.Rendition.Body
				}
			})
		}
		readers.Wait()
		for _, body := range bodies {
			require.NotNil(t, body)
			require.Same(t, bodies[0], body)
		}
	})
}

func TestRenditionsCountInTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where an encoder takes no time
		e := keeping(t, article(100<<10, 7), html)
		before, made := e.Usage().Bytes, int64(0)
		for _, accept := range []string{"gzip", "br", "zstd", "gzip"} {
			a := e.get(t, "Accept-Encoding: "+accept)
			if after := e.Usage().Bytes; after > before {
				require.Greater(t, after-before, a.Rendition.Length)
				require.Less(t, after-before, a.Rendition.Length*5/4+4<<10, "as far as allocations are rounded up")
				before, made = after, made+1
			}
		}
		require.EqualValues(t, 3, made)
		require.Equal(t, e.store.Pages("gazette /")[0].Cost(), before)
		e.store.Remove("gazette /")
		require.Zero(t, e.Usage().Bytes)
	})
}

func TestTheStoreHoldsItsBudgetAlsoOfRenditions(t *testing.T) {
	e := newEdgeOf(t, 1<<20, 200<<10, nil)
	e.answers(func(a ask) (*http.Response, error) {
		return reply(200, article(60<<10, uint64(a.n)), minute, html), nil
	})
	for i := range 60 {
		r := e.request(http.MethodGet, "Accept-Encoding: "+[]string{"gzip", "br", "zstd"}[i%3])
		r.Key = cache.Key(fmt.Sprintf("gazette /%d", i%25))
		a := e.ask(t, r)
		body, err := readAll(t.Context(), &a)
		require.NoError(t, err)
		require.Len(t, decoded(t, field(a, "Content-Encoding"), body), 60<<10)
		usage := e.Usage()
		require.LessOrEqual(t, usage.Bytes, usage.Capacity)
	}
	require.NotZero(t, e.Usage().Evictions)
}

func TestAPageThatIsConfirmedKeepsItsRenditions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := article(20<<10, 9)
		e := newEdge(t, always(200, text, minute, html, `Etag: "v1"`))
		e.read(t)
		synctest.Wait()
		before := e.get(t, "Accept-Encoding: br")
		e.read(t, "Accept-Encoding: gzip")
		bytes := e.Usage().Bytes
		e.answers(always(304, "", minute, `Etag: "v1"`, "Vary: Accept-Encoding, Accept-Encoding", "Accept-Ranges: bytes"))
		time.Sleep(2 * time.Minute)
		a, body := e.read(t, "Accept-Encoding: br")
		require.Equal(t, cache.Revalidated, a.Result)
		require.Same(t, before.Rendition.Body, a.Rendition.Body)
		require.Equal(t, text, decoded(t, "br", body))
		require.Equal(t, "Accept-Encoding, Accept-Encoding", field(a, "Vary"), "by the new header")
		require.Empty(t, field(a, "Accept-Ranges"))
		require.Equal(t, `W/"v1"`, field(a, "Etag"))
		require.InDelta(t, bytes, e.Usage().Bytes, 500, "they count as before")
		require.Equal(t, e.store.Pages("gazette /")[0].Cost(), e.Usage().Bytes)

		e.answers(always(304, "", "Cache-Control: max-age=60, no-transform", `Etag: "v1"`))
		time.Sleep(2 * time.Minute)
		a, body = e.read(t, "Accept-Encoding: br")
		require.Equal(t, cache.Revalidated, a.Result)
		require.Empty(t, field(a, "Content-Encoding"), "what may not be transformed any more is not")
		require.Equal(t, text, body)
	})
}

func TestTheChoiceOfARenditionAllocatesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where an encoder takes no time
		e := keeping(t, article(20<<10, 14), html, `Etag: "v1"`)
		for _, line := range []string{"Accept-Encoding: br", "Accept-Encoding: gzip;q=0.5, zstd;q=0.6", "X-None: 1"} {
			for _, condition := range []string{"X-Other: 1", `If-None-Match: W/"v1"`} {
				r := e.request(http.MethodGet, line, condition)
				e.ask(t, r)
				require.Zero(t, testing.AllocsPerRun(100, func() {
					if a, err := e.Answer(t.Context(), r); err != nil || a.Result != cache.Hit {
						t.Error(a.Result, err)
					}
				}), line)
			}
		}
	})
}
