package cache_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// keptOf is a stored page with a body of its own.
func keptOf(body []byte, lines ...string) *cache.Page {
	p := kept(200, lines...)
	p.Body, p.Length = cache.NewBody(body), int64(len(body))
	return p
}

// sent are the bytes that a rendition of a whole body sends.
func sent(t testing.TB, r cache.Rendition) []byte {
	t.Helper()
	if r.Body == nil {
		return nil
	}
	chunks, whole := r.Body.Whole()
	require.True(t, whole)
	body := bytes.Join(chunks, nil)
	if r.Pieces == nil {
		return body[r.From:][:r.Length]
	}
	var out []byte
	for _, p := range r.Pieces {
		out = append(append(out, p.Text...), body[p.From:][:p.Length]...)
	}
	require.EqualValues(t, r.Length, len(out))
	return out
}

// span is what a Content-Range says, with the bytes that came with it.
type span struct {
	field, bytes string
}

// spans are the parts of a 206, however they were sent.
func spans(t testing.TB, r cache.Rendition) []span {
	t.Helper()
	require.Equal(t, http.StatusPartialContent, r.Status)
	a := cache.Answer{Rendition: r}
	out := sent(t, r)
	require.Equal(t, strconv.Itoa(len(out)), field(a, "Content-Length"))
	kind, params, err := mime.ParseMediaType(field(a, "Content-Type"))
	if err != nil || kind != "multipart/byteranges" {
		return []span{{field(a, "Content-Range"), string(out)}}
	}
	require.Empty(t, field(a, "Content-Range"), "RFC 9110 §15.3.7.2")
	var parts []span
	for reader := multipart.NewReader(bytes.NewReader(out), params["boundary"]); ; {
		part, err := reader.NextRawPart()
		if err == io.EOF {
			return parts
		}
		require.NoError(t, err)
		content, err := io.ReadAll(part)
		require.NoError(t, err)
		parts = append(parts, span{part.Header.Get("Content-Range"), string(content)})
	}
}

func TestSingleRanges(t *testing.T) {
	for _, c := range []struct {
		name, field  string
		status       int
		from, length int64
		span         string
	}{
		{"RFC 9110 §14.1.2 both ends", "bytes=0-4", 206, 0, 5, "bytes 0-4/10"},
		{"RFC 9110 §14.1.2 one byte", "bytes=0-0", 206, 0, 1, "bytes 0-0/10"},
		{"RFC 9110 §14.1.2 the last byte", "bytes=9-9", 206, 9, 1, "bytes 9-9/10"},
		{"RFC 9110 §14.1.2 to the end", "bytes=4-", 206, 4, 6, "bytes 4-9/10"},
		{"RFC 9110 §14.1.2 beyond the end", "bytes=4-99", 206, 4, 6, "bytes 4-9/10"},
		{"RFC 9110 §14.1.2 far beyond the end", "bytes=4-9223372036854775807", 206, 4, 6, "bytes 4-9/10"},
		{"RFC 9110 §14.1.2 beyond any number", "bytes=4-99999999999999999999", 206, 4, 6, "bytes 4-9/10"},
		{"RFC 9110 §14.1.2 a suffix", "bytes=-4", 206, 6, 4, "bytes 6-9/10"},
		{"RFC 9110 §14.1.2 a suffix longer than the page", "bytes=-11", 206, 0, 10, "bytes 0-9/10"},
		{"RFC 9110 §14.1 a unit in capitals", "BYTES=0-4", 206, 0, 5, "bytes 0-4/10"},
		{"RFC 9110 §5.6.1.2 empty members", "bytes=,0-4, ,", 206, 0, 5, "bytes 0-4/10"},
		{"RFC 9110 §15.5.17 behind the end", "bytes=10-", 416, 0, 0, "bytes */10"},
		{"RFC 9110 §15.5.17 far behind the end", "bytes=99999999999999999999-", 416, 0, 0, "bytes */10"},
		{"RFC 9110 §15.5.17 several behind the end", "bytes=10-11,12-", 416, 0, 0, "bytes */10"},
		{"RFC 9110 §15.5.17 a suffix of nothing", "bytes=-0", 416, 0, 0, "bytes */10"},
		{"RFC 9110 §14.2 another unit", "lines=0-1", 200, 0, 10, ""},
		{"RFC 9110 §14.1.1 backwards", "bytes=4-2", 200, 0, 10, ""},
		{"RFC 9110 §14.1.1 one of several backwards", "bytes=0-1,4-2", 200, 0, 10, ""},
		{"RFC 9110 §14.1.1 no dash", "bytes=4", 200, 0, 10, ""},
		{"RFC 9110 §14.1.1 nothing", "bytes=-", 200, 0, 10, ""},
		{"RFC 9110 §14.1.1 no member", "bytes=,", 200, 0, 10, ""},
		{"RFC 9110 §14.1.1 no unit", "0-4", 200, 0, 10, ""},
		{"RFC 9110 §14.1.1 signs", "bytes=+1-+2", 200, 0, 10, ""},
		{"RFC 9110 §14.1.1 a negative suffix", "bytes=--1", 200, 0, 10, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := kept(200).Render(asking("GET", "Range: "+c.field))
			require.Equal(t, c.status, r.Status)
			require.Equal(t, c.span, field(cache.Answer{Rendition: r}, "Content-Range"))
			if c.status == 416 {
				require.Nil(t, r.Body)
				return
			}
			require.Equal(t, c.from, r.From)
			require.Equal(t, c.length, r.Length)
		})
	}
}

func TestSeveralRanges(t *testing.T) {
	for _, c := range []struct {
		name, field string
		want        []span
	}{
		{"RFC 9110 §15.3.7.2 two", "bytes=0-1,3-4", []span{{"bytes 0-1/10", "01"}, {"bytes 3-4/10", "34"}}},
		{"RFC 9110 §15.3.7.2 in the order asked for", "bytes=-1,0-0", []span{{"bytes 9-9/10", "9"}, {"bytes 0-0/10", "0"}}},
		{"RFC 9110 §15.3.7 one that cannot be satisfied", "bytes=0-1,20-30", []span{{"bytes 0-1/10", "01"}}},
		{"RFC 9110 §15.3.7.2 two that overlap", "bytes=0-3,2-5", []span{{"bytes 0-5/10", "012345"}}},
		{"RFC 9110 §15.3.7.2 two that touch", "bytes=0-1,2-3", []span{{"bytes 0-3/10", "0123"}}},
		{"RFC 9110 §15.3.7.2 joined by a third", "bytes=0-1,4-5,2-3", []span{{"bytes 0-5/10", "012345"}}},
		{"RFC 9110 §15.3.7.2 two of three joined", "bytes=8-8,0-1,1-2", []span{{"bytes 8-8/10", "8"}, {"bytes 0-2/10", "012"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			page := kept(200, "Content-Type: text/plain", `Etag: "1"`)
			r := page.Render(asking("GET", "Range: "+c.field))
			require.Equal(t, c.want, spans(t, r))
			require.Equal(t, `"1"`, field(cache.Answer{Rendition: r}, "Etag"))
		})
	}
}

func TestEachPartSaysWhatItIs(t *testing.T) {
	out := string(sent(t, kept(200, "Content-Type: text/plain").Render(asking("GET", "Range: bytes=0-1,4-5"))))
	require.Equal(t, 2, strings.Count(out, "\r\nContent-Type: text/plain\r\n"), "RFC 9110 §14.6")
	other := string(sent(t, kept(200, "Content-Type: text/plain").Render(asking("GET", "Range: bytes=0-1,4-5"))))
	require.NotEqual(t, out, other, "nobody can write the boundary into a page")
	require.NotContains(t, string(sent(t, kept(200).Render(asking("GET", "Range: bytes=0-1,4-5")))), "Content-Type")
}

func TestAbsurdRangesAreAnsweredWithTheWholePage(t *testing.T) {
	many := make([]string, 17)
	for i := range many {
		many[i] = fmt.Sprintf("%d-%d", 3*i, 3*i)
	}
	for _, c := range []struct{ name, field string }{
		{"RFC 9110 §14.2 too many", "bytes=" + strings.Join(many, ",")},
		{"RFC 9110 §14.2 three that overlap", "bytes=0-9,5-12,9-20"},
		{"RFC 9110 §14.2 the same again and again", "bytes=0-1,0-1,0-1"},
		{"RFC 9110 §17.15 more than there is", "bytes=0-70,10-98"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := keptOf(make([]byte, 100)).Render(asking("GET", "Range: "+c.field))
			require.Equal(t, http.StatusOK, r.Status)
			require.EqualValues(t, 100, r.Length)
		})
	}
	require.Len(t, spans(t, keptOf(make([]byte, 100)).Render(asking("GET", "Range: bytes="+strings.Join(many[:16], ",")))), 16)
}

func TestRangesAreForGetOf200(t *testing.T) {
	require.Equal(t, 404, kept(404).Render(asking("GET", "Range: bytes=0-1")).Status)
	head := kept(200).Render(asking("HEAD", "Range: bytes=0-1"))
	require.Equal(t, 200, head.Status, "RFC 9110 §14.2")
	require.EqualValues(t, 10, head.Length)

	empty := keptOf(nil)
	require.Equal(t, 416, empty.Render(asking("GET", "Range: bytes=0-")).Status)
	require.Equal(t, 200, empty.Render(asking("GET", "Range: bytes=-5")).Status, "RFC 9110 §14.1.2: all that there is")
	twice := asking("GET", "Range: bytes=0-1", "Range: bytes=2-3")
	require.Equal(t, 200, kept(200).Render(twice).Status, "RFC 9110 §5.3: it is no list")
}

func TestIfRange(t *testing.T) {
	const (
		modified = "Sun, 01 Mar 2026 12:00:00 GMT"
		later    = "Mon, 02 Mar 2026 12:00:00 GMT"
	)
	for _, c := range []struct {
		name, etag, date, condition string
		status                      int
	}{
		{"RFC 9110 §13.1.5 the same tag", `"1"`, later, `"1"`, 206},
		{"RFC 9110 §13.1.5 another tag", `"1"`, later, `"2"`, 200},
		{"RFC 9110 §13.1.5 a weak tag never matches", `W/"1"`, later, `W/"1"`, 200},
		{"RFC 9110 §13.1.5 nor does a strong one of the same text", `W/"1"`, later, `"1"`, 200},
		{"RFC 9110 §13.1.5 nor a weak one of a strong", `"1"`, later, `W/"1"`, 200},
		{"RFC 9110 §13.1.5 the same date", `"1"`, later, modified, 206},
		{"RFC 9110 §13.1.5 not even a later date", `"1"`, later, later, 200},
		{"RFC 9110 §13.1.5 nor an earlier one", `"1"`, later, "Sat, 28 Feb 2026 12:00:00 GMT", 200},
		{"RFC 9110 §8.8.2.2 a second is enough", `"1"`, "Sun, 01 Mar 2026 12:00:01 GMT", modified, 206},
		{"RFC 9110 §8.8.2.2 fetched in the second of the change", `"1"`, modified, modified, 200},
		{"RFC 9110 §8.8.2.2 fetched at no known time", `"1"`, "", modified, 200},
		{"RFC 9110 §13.1.5 nothing", `"1"`, later, "", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines := []string{"Etag: " + c.etag, "Last-Modified: " + modified}
			if c.date != "" {
				lines = append(lines, "Date: "+c.date)
			}
			p := kept(200, lines...)
			require.Equal(t, c.status, p.Render(asking("GET", "Range: bytes=0-1", "If-Range: "+c.condition)).Status)
			require.Equal(t, 200, p.Render(asking("GET", "If-Range: "+c.condition)).Status, "RFC 9110 §14.2: it is about a Range")
		})
	}
}

func TestRangesGluedTogetherEqualThePage(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		body := make([]byte, 1+random.IntN(5000))
		for i := range body {
			body[i] = byte(random.Uint32())
		}
		page := keptOf(body, "Content-Type: text/plain")
		var glued []byte
		for from := 0; from < len(body); {
			to := min(len(body), from+1+random.IntN(1500))
			one := spans(t, page.Render(asking("GET", fmt.Sprintf("Range: bytes=%d-%d", from, to-1))))
			require.Len(t, one, 1)
			glued, from = append(glued, one[0].bytes...), to
		}
		require.Equal(t, body, glued)

		var set []string
		for range 1 + random.IntN(8) {
			from := random.IntN(len(body))
			set = append(set, fmt.Sprintf("%d-%d", from, from+random.IntN(len(body))))
		}
		r := page.Render(asking("GET", "Range: bytes="+strings.Join(set, ",")))
		require.LessOrEqual(t, len(sent(t, r)), len(body)+16*200, "never amplified")
		if r.Status != http.StatusPartialContent {
			continue
		}
		for _, s := range spans(t, r) {
			var from, to, size int
			_, err := fmt.Sscanf(s.field, "bytes %d-%d/%d", &from, &to, &size)
			require.NoError(t, err)
			require.Equal(t, len(body), size)
			require.Equal(t, string(body[from:to+1]), s.bytes)
		}
	}
}

func TestARangeOfAPageThatArrivesIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := make(chan *stream, 1)
		e := newEdge(t, streaming(streams, 200, 10, minute))
		first := e.get(t)
		a := e.get(t, "Range: bytes=4-6")
		require.Equal(t, http.StatusPartialContent, a.Rendition.Status)
		require.Equal(t, "bytes 4-6/10", field(a, "Content-Range"))
		require.True(t, a.Status.Collapsed)
		got := make(chan string, 1)
		go func() {
			body, err := readAll(t.Context(), &a)
			got <- fmt.Sprint(body, err)
		}()
		origin := <-streams
		origin.send(t, "012345")
		origin.send(t, "6")
		require.Equal(t, "456<nil>", <-got, "before the rest has come")
		none := e.get(t, "Range: bytes=10-")
		require.Equal(t, http.StatusRequestedRangeNotSatisfiable, none.Rendition.Status)
		several := e.get(t, "Range: bytes=0-1,4-5")
		require.Equal(t, 2, e.fetches(), "several ranges are the origin's to answer")
		several.Response.Body.Close()
		origin.send(t, "789")
		require.NoError(t, origin.to.Close())
		body, err := readAll(t.Context(), &first)
		require.NoError(t, err)
		require.Equal(t, "0123456789", body)
	})
}

func FuzzRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-4", "bytes=-1", "bytes=4-", "bytes=9-99", "bytes=,", "x", "bytes=0-0-0", "bytes=0-1,3-4", "bytes=1-2,0-0,-3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, ranges string) {
		r := kept(200).Render(&http.Request{Method: "GET", Header: http.Header{"Range": {ranges}}})
		switch r.Status {
		case 206:
			for _, s := range spans(t, r) {
				var from, to int
				_, err := fmt.Sscanf(s.field, "bytes %d-%d/10", &from, &to)
				require.NoError(t, err)
				require.Equal(t, "0123456789"[from:to+1], s.bytes)
			}
		case 416:
			require.Nil(t, r.Body)
		default:
			require.Equal(t, 200, r.Status)
			require.EqualValues(t, 10, r.Length)
		}
	})
}
