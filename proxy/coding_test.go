package proxy_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// zip is a text in gzip.
func zip(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

// unzip is a body without its coding.
func unzip(t testing.TB, coding, body string) string {
	t.Helper()
	var plain io.Reader = strings.NewReader(body)
	switch coding {
	case "gzip":
		r, err := gzip.NewReader(plain)
		require.NoError(t, err)
		plain = r
	case "br":
		plain = brotli.NewReader(plain)
	case "zstd":
		r, err := zstd.NewReader(plain, zstd.WithDecoderConcurrency(1))
		require.NoError(t, err)
		defer r.Close()
		plain = r
	}
	text, err := io.ReadAll(plain)
	require.NoError(t, err)
	return string(text)
}

// zipHandler answers as an origin that compresses for those who accept it.
func zipHandler(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		header, body := w.Header(), text
		header.Set("Cache-Control", "max-age=60")
		header.Set("Content-Type", "text/html; charset=utf-8")
		header.Set("Vary", "Accept-Encoding")
		header.Set("Etag", `"plain"`)
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			header.Set("Etag", `"zipped"`)
			header.Set("Content-Encoding", "gzip")
			body = zip(text)
		}
		header.Set("Content-Length", strconv.Itoa(len(body)))
		if r.Header.Get("If-None-Match") == header.Get("Etag") {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		io.WriteString(w, body)
	}
}

func TestEveryReaderGetsThePageInItsCoding(t *testing.T) {
	text := "<!doctype html>" + strings.Repeat("<p>The harbour opens again after nine weeks of ice.</p>\n", 500)
	origin := newOrigin(t, zipHandler(text))
	s := newStage(t, plan{origins: []*httptest.Server{origin, origin}})
	for _, first := range []string{"br", "gzip", "zstd", "identity"} {
		for i, accept := range []string{first, first, "br", "zstd", "gzip", "identity", ""} {
			var fields []string
			if accept != "" {
				fields = []string{"Accept-Encoding", accept}
			}
			answer, body := s.get("/"+first, fields...)
			coding := strings.TrimPrefix(accept, "identity")
			require.Equal(t, coding, answer.Header.Get("Content-Encoding"))
			require.Equal(t, text, unzip(t, coding, body))
			require.Equal(t, `W/"zipped"`, answer.Header.Get("Etag"))
			require.Equal(t, []string{"Accept-Encoding"}, answer.Header["Vary"])
			if i == 0 {
				require.Eventually(t, func() bool {
					answer := s.send(http.MethodHead, "/"+first, nil)
					return strings.Contains(answer.Header.Get("Cache-Status"), "; hit")
				}, waitLong, tick)
				continue
			}
			require.EqualValues(t, len(body), answer.ContentLength)
			require.Contains(t, answer.Header.Get("Cache-Status"), "; hit")
		}
	}
}

func TestWhatOriginsAreAskedToEncode(t *testing.T) {
	m := newMirror(t, "Cache-Control", "max-age=60", "Content-Type", "text/plain")
	one, several := newStage(t, plan{origins: []*httptest.Server{m.Server}}), newStage(t, plan{origins: []*httptest.Server{m.Server, m.Server}})
	for i, test := range []struct{ name, method, accept, field, value, want string }{
		{"a page for a reader without the field", "GET", "", "", "", "gzip of several"},
		{"a page for a reader who wants no coding", "GET", "identity", "", "", "gzip of several"},
		{"a page for a reader of other codings", "GET", "br, zstd", "", "", "gzip of several"},
		{"a page for a reader of gzip", "GET", "br, gzip;q=0.1", "", "", "gzip"},
		{"a page for a reader of anything", "GET", "*", "", "", "gzip"},
		{"a reader who wants the bytes as they are", "GET", "br", "Cache-Control", "no-transform", "identity"},
		{"a reader who wants the bytes as they are, in gzip", "GET", "br, gzip;q=0.1", "Cache-Control", "no-transform", "gzip"},
		{"a range", "GET", "gzip", "Range", "bytes=5-9", "identity"},
		{"what is passed through", "POST", "br, gzip", "", "", "gzip"},
		{"what is passed through to a reader of other codings", "POST", "br", "", "", "identity"},
		{"what is passed through to a reader who refuses gzip", "POST", "gzip;q=0, *", "", "", "identity"},
	} {
		fields := []string{"X-Test", strconv.Itoa(i)}
		if test.accept != "" {
			fields = append(fields, "Accept-Encoding", test.accept)
		}
		if test.field != "" {
			fields = append(fields, test.field, test.value)
		}
		want, ofSeveral := strings.CutSuffix(test.want, " of several")
		for _, s := range []*stage{several, one} {
			if ofSeveral && s == one {
				want = "identity" // what may not be decoded is not asked of it twice
			}
			readAll(t, s.send(test.method, "/"+strconv.Itoa(i), nil, fields...))
			require.Equal(t, strconv.Itoa(i), m.last.Load().Header.Get("X-Test"))
			require.Equal(t, []string{want}, m.last.Load().Header["Accept-Encoding"], test.name)
		}
	}
}

func TestBrokenGzipIsToldFromABodyThatIsCut(t *testing.T) {
	text := strings.Repeat("a text of no page ", 50_000)
	zipped := zip(text)
	server := newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Encoding", "gzip")
		io.WriteString(w, zipped[:len(zipped)-8]+"checksum")
	})
	s := newStage(t, plan{origins: []*httptest.Server{server}})
	answer := s.send(http.MethodGet, "/text.txt", nil)
	_, err := io.ReadAll(answer.Body)
	require.Error(t, err, "nobody takes it for the whole")
	record := s.waitRecords(1)[0]
	require.True(t, record.Aborted)
	require.Equal(t, "http_response_content_coding_error", record.Error, "RFC 9209 §2.3")
	require.Contains(t, record.Reason, "could not be decoded after")
	require.Equal(t, cache.Miss, record.Result)
	require.Zero(t, s.cache.Usage().Pages)
}
