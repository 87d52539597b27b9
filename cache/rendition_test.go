package cache_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// kept is a stored page of ten bytes.
func kept(status int, lines ...string) *cache.Page {
	return &cache.Page{
		Key: "gazette /", Status: status, Header: cache.PackHeader(fields(lines...)), Body: cache.NewBody([]byte("0123456789")), Length: 10,
	}
}

// asking is a request for it.
func asking(method string, lines ...string) *http.Request {
	return &http.Request{Method: method, Header: fields(lines...)}
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
		{"RFC 9110 §14.1.2 a suffix", "bytes=-4", 206, 6, 4, "bytes 6-9/10"},
		{"RFC 9110 §14.1.2 a suffix longer than the page", "bytes=-11", 206, 0, 10, "bytes 0-9/10"},
		{"RFC 9110 §14.1 a unit in capitals", "BYTES=0-4", 206, 0, 5, "bytes 0-4/10"},
		{"RFC 9110 §15.5.17 behind the end", "bytes=10-", 416, 0, 0, "bytes */10"},
		{"RFC 9110 §15.5.17 a suffix of nothing", "bytes=-0", 416, 0, 0, "bytes */10"},
		{"RFC 9110 §14.2 several are ignored", "bytes=0-1,3-4", 200, 0, 10, ""},
		{"RFC 9110 §14.2 another unit", "lines=0-1", 200, 0, 10, ""},
		{"RFC 9110 §14.1.1 backwards", "bytes=4-2", 200, 0, 10, ""},
		{"RFC 9110 §14.1.1 no dash", "bytes=4", 200, 0, 10, ""},
		{"RFC 9110 §14.1.1 nothing", "bytes=-", 200, 0, 10, ""},
		{"RFC 9110 §14.1.1 no unit", "0-4", 200, 0, 10, ""},
		{"RFC 9110 §14.1.1 signs", "bytes=+1-+2", 200, 0, 10, ""},
		{"RFC 9110 §14.1.1 a negative suffix", "bytes=--1", 200, 0, 10, ""},
		{"RFC 9110 §14.1.1 too large for a number", "bytes=0-99999999999999999999", 200, 0, 10, ""},
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

func TestRangesAreForGetOf200(t *testing.T) {
	require.Equal(t, 404, kept(404).Render(asking("GET", "Range: bytes=0-1")).Status)
	head := kept(200).Render(asking("HEAD", "Range: bytes=0-1"))
	require.Equal(t, 200, head.Status, "RFC 9110 §14.2")
	require.EqualValues(t, 10, head.Length)

	empty := kept(200)
	empty.Body = cache.NewBody(nil)
	require.Equal(t, 416, empty.Render(asking("GET", "Range: bytes=0-")).Status)
}

func TestARangeComesWithTheFieldsOfItsPage(t *testing.T) {
	page := keep(t, nil, minute, `Etag: "1"`, "Content-Type: text/plain")
	a := cache.Answer{Rendition: page.Render(asking("GET", "Range: bytes=1-3"))}
	require.Equal(t, "3", field(a, "Content-Length"))
	require.Equal(t, `"1"`, field(a, "Etag"))
	require.Equal(t, "text/plain", field(a, "Content-Type"))
	lengths := 0
	for name := range a.Rendition.Fields() {
		if name == "Content-Length" {
			lengths++
		}
	}
	require.Equal(t, 1, lengths)
}

func TestIfRange(t *testing.T) {
	const modified, later = "Sun, 01 Mar 2026 12:00:00 GMT", "Mon, 02 Mar 2026 12:00:00 GMT"
	for _, c := range []struct {
		name, etag, condition string
		status                int
	}{
		{"RFC 9110 §13.1.5 the same tag", `"1"`, `"1"`, 206},
		{"RFC 9110 §13.1.5 another tag", `"1"`, `"2"`, 200},
		{"RFC 9110 §13.1.5 a weak tag never matches", `W/"1"`, `W/"1"`, 200},
		{"RFC 9110 §13.1.5 nor does a strong one of the same text", `W/"1"`, `"1"`, 200},
		{"RFC 9110 §13.1.5 the same date", `"1"`, modified, 206},
		{"RFC 9110 §13.1.5 not even a later date", `"1"`, later, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := kept(200, "Etag: "+c.etag, "Last-Modified: "+modified)
			require.Equal(t, c.status, p.Render(asking("GET", "Range: bytes=0-1", "If-Range: "+c.condition)).Status)
		})
	}
}

func TestConditionsComeBeforeRanges(t *testing.T) {
	r := kept(200, `Etag: "1"`).Render(asking("GET", `If-None-Match: "1"`, "Range: bytes=0-1"))
	require.Equal(t, http.StatusNotModified, r.Status, "RFC 9110 §13.2.2")
	require.Equal(t, 404, kept(404, `Etag: "1"`).Render(asking("GET", `If-None-Match: "1"`)).Status)
}

func FuzzRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-4", "bytes=-1", "bytes=4-", "bytes=9-99", "bytes=,", "x", "bytes=0-0-0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, ranges string) {
		r := kept(200).Render(&http.Request{Method: "GET", Header: http.Header{"Range": {ranges}}})
		switch r.Status {
		case 206:
			require.True(t, r.From >= 0 && r.Length > 0 && r.From+r.Length <= 10)
			require.False(t, strings.Contains(ranges, ","))
		case 416:
			require.Nil(t, r.Body)
		default:
			require.Equal(t, 200, r.Status)
			require.EqualValues(t, 10, r.Length)
		}
	})
}
