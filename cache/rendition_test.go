package cache_test

import (
	"net/http"
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

func TestConditionsComeBeforeRanges(t *testing.T) {
	r := kept(200, `Etag: "1"`).Render(asking("GET", `If-None-Match: "1"`, "Range: bytes=0-1"))
	require.Equal(t, http.StatusNotModified, r.Status, "RFC 9110 §13.2.2")
	require.Equal(t, 404, kept(404, `Etag: "1"`).Render(asking("GET", `If-None-Match: "1"`)).Status)
}
