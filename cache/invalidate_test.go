package cache_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

func TestInvalidates(t *testing.T) {
	for _, c := range []struct {
		name   string
		method string
		status int
		want   bool
	}{
		{"§4.4 POST", "POST", 200, true},
		{"§4.4 PUT", "PUT", 204, true},
		{"§4.4 DELETE", "DELETE", 200, true},
		{"§4.4 PATCH", "PATCH", 200, true},
		{"§4.4 a redirect is no error", "POST", 303, true},
		{"§4.4 a method whose safety is unknown", "M-SEARCH", 200, true},
		{"RFC 9110 §9.1 methods have case", "get", 200, true},
		{"§4.4 a client's error", "POST", 403, false},
		{"§4.4 a server's error", "DELETE", 500, false},
		{"§4.4 an interim answer", "POST", 100, false},
		{"RFC 9110 §9.2.1 GET", "GET", 200, false},
		{"RFC 9110 §9.2.1 HEAD", "HEAD", 200, false},
		{"RFC 9110 §9.2.1 OPTIONS", "OPTIONS", 200, false},
		{"RFC 9110 §9.2.1 TRACE", "TRACE", 200, false},
		{"registered as safe", "PROPFIND", 207, false},
		{"registered as safe", "REPORT", 200, false},
		{"registered as safe", "SEARCH", 200, false},
		{"registered as safe", "QUERY", 200, false},
		{"RFC 9113 §11.6 PRI is no method to serve", "PRI", 200, true},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, cache.Invalidates(c.method, c.status)) })
	}
}

func TestInvalidatedTargets(t *testing.T) {
	own := func(address *url.URL) bool {
		return address.Host == "www.gazette.example" || address.Host == "gazette.example:8443" && address.Scheme != "http"
	}
	for _, c := range []struct {
		name string
		in   []string
		want []string // besides the request's own
	}{
		{"§4.4 the request's own", nil, nil},
		{"§4.4 Location, relative", []string{"Location: story"}, []string{"/news/story"}},
		{"§4.4 Content-Location, absolute path", []string{"Content-Location: /a%2fb?x"}, []string{"/a%2Fb?x"}},
		{"§4.4 both, in that order", []string{"Content-Location: /b", "Location: /a"}, []string{"/a", "/b"}},
		{"§4.4 each once", []string{"Content-Location: /a", "Location: /a", "Location: post?id=1"}, []string{"/a"}},
		{"§4.4 an address of the site", []string{"Location: https://www.gazette.example/a#top"}, []string{"/a"}},
		{"§4.4 another of its hosts", []string{"Location: //gazette.example:8443"}, []string{"/"}},
		{"§4.4 not another origin's", []string{"Location: https://other.example/a"}, nil},
		{"§4.4 nor another port's", []string{"Location: http://www.gazette.example:81/a"}, nil},
		{"§4.4 nor of the same host and port by another scheme", []string{"Location: http://gazette.example:8443/a"}, nil},
		{"§4.4 nor another scheme's", []string{"Location: ftp://www.gazette.example/a", "Content-Location: mailto:a@gazette.example"}, nil},
		{"§4.4 nor without a host", []string{"Location: https:///a"}, nil},
		{"what cannot be read is left out", []string{"Location: http://[", "Content-Location: %zz"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, err := url.ParseRequestURI("/news/post?id=1")
			require.NoError(t, err)
			require.Equal(t, append([]string{"/news/post?id=1"}, c.want...), cache.InvalidatedTargets(u, fields(c.in...), own))
		})
	}
}
