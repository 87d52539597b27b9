package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOneControlURLThatAnswersIsEnough(t *testing.T) {
	well := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }))
	defer well.Close()
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	address := func(s *httptest.Server) *url.URL {
		u, err := url.Parse(s.URL)
		require.NoError(t, err)
		return u
	}
	require.NoError(t, controlLook([]*url.URL{address(dead), address(well)})(t.Context()))
	err := controlLook([]*url.URL{address(dead), address(untrusted)})(t.Context())
	require.ErrorContains(t, err, dead.URL)
	require.ErrorContains(t, err, untrusted.URL, "who answers with another's certificate proves nothing")
}
