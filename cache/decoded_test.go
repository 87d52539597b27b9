package cache_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// zipped is a text in gzip.
func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

// alwaysZipped answers every fetch with the same in gzip.
func alwaysZipped(text string, lines ...string) answering {
	return always(200, zipped(text), append(lines, "Content-Encoding: gzip")...)
}

func TestAFillAsksForACompressedTransferWhateverTheReaderTakes(t *testing.T) {
	for _, line := range []string{"X-None: 1", "Accept-Encoding: identity", "Accept-Encoding: br", "Accept-Encoding: gzip;q=0"} {
		e := newEdge(t, always(200, "a page", minute))
		e.read(t, line)
		require.True(t, e.last().Compressed, line)
	}
	e := newEdge(t, always(200, "a page", minute))
	e.read(t, "Cache-Control: no-transform")
	require.False(t, e.last().Compressed, "RFC 9111 §5.2.1.6: what comes may not be decoded for this reader")
	_, err := e.Answer(t.Context(), e.request(http.MethodPost))
	require.NoError(t, err)
	require.False(t, e.last().Compressed, "what is passed through is not decoded")
}

func TestACompressedAnswerIsStoredAsIdentity(t *testing.T) {
	text := article(20<<10, 20)
	e := newEdge(t, alwaysZipped(text, minute, html, `Etag: "v1"`, "Vary: Accept-Encoding, X-Theme", "Content-Digest: sha-256=:AA==:",
		"Repr-Digest: sha-256=:AA==:", "Last-Modified: Sun, 01 Mar 2026 12:00:00 GMT"))
	for i, accept := range []string{"identity", "gzip", "br", "deflate"} {
		a, body := e.read(t, "Accept-Encoding: "+accept)
		coding := field(a, "Content-Encoding")
		require.Equal(t, text, decoded(t, coding, body), accept)
		require.Equal(t, `W/"v1"`, field(a, "Etag"), "RFC 9110 §8.8.1: the origin named other bytes")
		require.Equal(t, "Sun, 01 Mar 2026 12:00:00 GMT", field(a, "Last-Modified"))
		require.Equal(t, "Accept-Encoding, X-Theme", field(a, "Vary"))
		require.Empty(t, field(a, "Content-Digest"), "RFC 9530 §2: of other bytes")
		require.Empty(t, field(a, "Repr-Digest"))
		if i == 0 {
			e.waitStored(t, 1)
			continue
		}
		require.Equal(t, cache.Hit, a.Result)
	}
	a, body := e.read(t, "X-Theme: dark")
	require.Equal(t, text, body)
	require.NotEqual(t, cache.Hit, a.Result, "what else it varies by still counts")
}

func TestADecodedPageIsValidatedWithTheTagThatTheOriginMinted(t *testing.T) {
	for _, given := range []string{`Etag: "v1"`, `Etag: W/"v1"`, "X-None: 1"} {
		synctest.Test(t, func(t *testing.T) {
			text := article(5000, 21)
			e := newEdge(t, alwaysZipped(text, minute, html, `Etag: "v1"`))
			e.read(t)
			e.answers(always(304, "", minute, given, "Repr-Digest: sha-256=:AA==:", "X-New: 1"))
			for range 2 {
				time.Sleep(2 * time.Minute)
				a, body := e.read(t)
				require.Equal(t, `"v1"`, e.last().Validators.ETag)
				require.True(t, e.last().Compressed)
				require.Equal(t, cache.Revalidated, a.Result)
				require.Equal(t, text, body)
				require.Equal(t, `W/"v1"`, field(a, "Etag"))
				require.Equal(t, "1", field(a, "X-New"))
				require.Empty(t, field(a, "Repr-Digest"))
			}
			a, _ := e.read(t, `If-None-Match: W/"v1"`)
			require.Equal(t, 304, a.Rendition.Status)
		})
	}
}

func TestHeadFreshensADecodedPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := article(5000, 22)
		e := newEdge(t, alwaysZipped(text, minute, html))
		e.read(t)
		time.Sleep(2 * time.Minute)
		e.answers(alwaysZipped(text, minute, html, "X-New: 1"))
		a, err := e.Answer(t.Context(), e.request(http.MethodHead))
		require.NoError(t, err)
		require.Empty(t, a.Response.Header.Get("Content-Encoding"), "the reader would not get it")
		require.Empty(t, a.Response.Header.Get("Content-Length"))
		hit, body := e.read(t)
		require.Equal(t, cache.Hit, hit.Result, "RFC 9111 §4.3.5: the length on the way is not the page's")
		require.Equal(t, "1", field(hit, "X-New"))
		require.Equal(t, text, body)
	})
}

func TestWhatMayNotBeTransformedIsStoredAsItCame(t *testing.T) {
	text := article(5000, 23)
	// An origin that heeds Accept-Encoding, as the edge asks it.
	e := newEdge(t, func(a ask) (*http.Response, error) {
		lines := []string{"Cache-Control: max-age=60, no-transform", html, `Etag: "v1"`}
		if a.Compressed || strings.Contains(a.HTTP.Header.Get("Accept-Encoding"), "gzip") {
			return alwaysZipped(text, lines...)(a)
		}
		return reply(200, text, append(lines, "Vary: Accept-Encoding")...), nil
	})
	a, body := e.read(t, "Accept-Encoding: gzip")
	require.Equal(t, text, decoded(t, "gzip", body))
	require.Equal(t, `"v1"`, field(a, "Etag"))
	e.waitStored(t, 1)
	require.Equal(t, 1, e.fetches())

	a, body = e.read(t, "Accept-Encoding: identity")
	require.Empty(t, field(a, "Content-Encoding"))
	require.Equal(t, text, body, "a reader who cannot read it gets it otherwise")
	require.Equal(t, 2, e.fetches(), "which the origin is asked for at once: what is stored says so")
	e.waitStored(t, 2)
	for accept, coding := range map[string]string{"gzip": "gzip", "identity": ""} {
		a, body = e.read(t, "Accept-Encoding: "+accept)
		require.Equal(t, cache.Hit, a.Result)
		require.Equal(t, coding, field(a, "Content-Encoding"))
		require.Equal(t, text, decoded(t, coding, body))
	}
}

func TestAReaderWithoutGzipIsNotGivenWhatMayNotBeDecoded(t *testing.T) {
	text := article(5000, 24)
	for _, lines := range [][]string{{"Cache-Control: max-age=60, no-transform"}, {"Cache-Control: no-store, no-transform"}} {
		e := newEdge(t, func(a ask) (*http.Response, error) {
			if a.Compressed {
				return alwaysZipped(text, lines...)(a)
			}
			return reply(200, text, lines...), nil
		})
		_, body := e.read(t)
		require.Equal(t, text, body)
		require.Equal(t, 2, e.fetches(), "it is not known before")
	}
}

func TestWhatIsNotDecodedStaysAsItCame(t *testing.T) {
	for _, test := range []struct {
		name, body string
		lines      []string
	}{
		{"a body that is no gzip", "not gzip at all", []string{"Content-Encoding: gzip"}},
		{"a body that is shorter than any gzip", "\x1f\x8b", []string{"Content-Encoding: gzip"}},
		{"no body", "", []string{"Content-Encoding: gzip"}},
		{"another coding", zipped("x"), []string{"Content-Encoding: br"}},
		{"two codings", zipped("x"), []string{"Content-Encoding: br, gzip"}},
		{"two codings in two lines", zipped("x"), []string{"Content-Encoding: br", "Content-Encoding: gzip"}},
		{"gzip that is not said to be", zipped("x"), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdge(t, always(200, test.body, append(test.lines, minute, html, `Etag: "v1"`)...))
				for i := range 2 {
					a, body := e.read(t, "Accept-Encoding: gzip")
					require.Equal(t, test.body, body)
					require.Equal(t, `"v1"`, field(a, "Etag"))
					require.Equal(t, strings.Join(fields(test.lines...)["Content-Encoding"], ", "), field(a, "Content-Encoding"))
					require.Equal(t, i == 1, a.Result == cache.Hit)
					synctest.Wait()
				}
			})
		})
	}
}

func TestWhatIsNotStoredIsDecodedForThoseWhoNeedIt(t *testing.T) {
	text := article(5000, 25)
	for accept, coding := range map[string]string{"gzip": "gzip", "identity": "", "br": "", "": ""} {
		e := newEdge(t, alwaysZipped(text, "Cache-Control: no-store", `Etag: "v1"`, "Content-Digest: sha-256=:AA==:"))
		var lines []string
		if accept != "" {
			lines = append(lines, "Accept-Encoding: "+accept)
		}
		a, body := e.read(t, lines...)
		require.Equal(t, text, decoded(t, coding, body))
		require.Equal(t, coding, a.Response.Header.Get("Content-Encoding"))
		if coding == "" {
			require.Equal(t, `W/"v1"`, a.Response.Header.Get("Etag"))
			require.Empty(t, a.Response.Header.Get("Content-Length"))
			require.EqualValues(t, -1, a.Response.ContentLength)
			require.Empty(t, a.Response.Header.Get("Content-Digest"))
		}
	}
}

func TestGzipOfSeveralMembersIsOnePage(t *testing.T) {
	e := newEdge(t, always(200, zipped("one ")+zipped("")+zipped("page"), minute, "Content-Encoding: X-GZIP"))
	_, body := e.read(t)
	require.Equal(t, "one page", body, "RFC 1952 §2.2")
}

// bomb is a stream of gzip that unpacks to n zeros.
func bomb(n int64) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		z := gzip.NewWriter(w)
		_, err := io.Copy(z, &zeros{n})
		w.CloseWithError(errors.Join(err, z.Close()))
	}()
	return r
}

// bombing answers with a bomb.
func bombing(n int64) answering {
	return func(ask) (*http.Response, error) {
		response := replyOf(200, -1, minute, "Content-Encoding: gzip")
		response.Body = bomb(n)
		return response, nil
	}
}

func TestABombIsNotStored(t *testing.T) {
	e := newEdgeOf(t, 256<<20, 64<<20, bombing(8<<20))
	a := e.get(t)
	require.EqualValues(t, 8<<20, drain(t.Context(), &a), "who asked for it gets it")
	require.Eventually(t, func() bool { return e.Usage().Bytes == 0 }, time.Minute, time.Millisecond)
	require.Zero(t, e.Usage().Pages)
	require.EqualValues(t, 1, e.Counters().Uncacheable[cache.ReasonTooLarge].Load())
}

func TestABombBreaksOff(t *testing.T) {
	e := newEdgeOf(t, 256<<20, 128<<20, bombing(1<<30))
	a := e.get(t)
	defer a.Cursor.Close()
	var size int64
	for {
		p, err := a.Cursor.Next(t.Context())
		if err != nil {
			var coding *cache.CodingError
			require.ErrorAs(t, err, &coding)
			require.Equal(t, "http_response_content_coding_error", coding.ProxyError())
			require.Contains(t, err.Error(), "more than 200 times")
			break
		}
		size += int64(len(p))
	}
	require.Less(t, size, int64(65<<20))
	require.Eventually(t, func() bool { return e.Usage().Bytes == 0 }, time.Minute, time.Millisecond)
}

func TestAPageLargerThanMayBeStoredIsDecodedAllTheSame(t *testing.T) {
	text := noise(300 << 10)
	e := newEdgeOf(t, 64<<20, 100<<10, nil)
	e.answers(func(ask) (*http.Response, error) {
		response := replyOf(200, -1, minute, "Content-Encoding: gzip")
		response.Body = io.NopCloser(strings.NewReader(zipped(text)))
		return response, nil
	})
	_, body := e.read(t)
	require.True(t, text == body)
	require.Zero(t, e.Usage().Pages)
}

func TestBrokenGzipBreaksOffAndIsNotStored(t *testing.T) {
	whole := zipped(article(20<<10, 26))
	for name, body := range map[string]string{
		"cut":                 whole[:len(whole)/2],
		"of a wrong checksum": whole[:len(whole)-8] + "\x00\x00\x00\x00\x00\x00\x00\x00",
		"with a tail":         whole + "and more",
		"with a wrong header": "\x1f\x8b\x08\xff\xff",
		"of nonsense":         whole[:100] + noise(1000),
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, always(200, body, minute, "Content-Encoding: gzip"))
			a := e.get(t)
			_, err := readAll(t.Context(), &a)
			var coding *cache.CodingError
			require.ErrorAs(t, err, &coding)
			require.Eventually(t, func() bool { return e.Usage().Bytes == 0 }, time.Minute, time.Millisecond)
			require.Zero(t, e.Usage().Pages)
		})
	}
}

func TestACompressedBodyThatBreaksOffIsNoCodingError(t *testing.T) {
	errReset := errors.New("connection reset")
	e := newEdge(t, func(ask) (*http.Response, error) {
		response := replyOf(200, -1, minute, "Content-Encoding: gzip")
		half := zipped(article(20<<10, 27))
		response.Body = io.NopCloser(io.MultiReader(strings.NewReader(half[:len(half)/2]), failing{errReset}))
		return response, nil
	})
	a := e.get(t)
	_, err := readAll(t.Context(), &a)
	require.ErrorIs(t, err, errReset)
	var coding *cache.CodingError
	require.False(t, errors.As(err, &coding))
}

// failing is a body that cannot be read.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Trailers end a coded body as any other.
func TestADecodedBodyHasItsTrailers(t *testing.T) {
	e := newEdge(t, func(ask) (*http.Response, error) {
		response := replyOf(200, -1, minute, "Content-Encoding: gzip", "Trailer: X-Sum")
		response.Trailer = http.Header{"X-Sum": nil}
		response.Body = io.NopCloser(io.MultiReader(strings.NewReader(zipped("a page")), atEnd(func() { response.Trailer.Set("X-Sum", "1") })))
		return response, nil
	})
	a, body := e.read(t)
	require.Equal(t, "a page", body)
	require.Equal(t, "1", a.Rendition.Body.Trailer().Get("X-Sum"))
}

// atEnd is an empty reader that says when it is read.
type atEnd func()

func (f atEnd) Read([]byte) (int, error) { f(); return 0, io.EOF }
