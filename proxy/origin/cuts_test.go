package origin

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/dial"
)

const (
	reset = "stream error: stream ID 3; INTERNAL_ERROR; received from peer"
	gone  = "http2: server sent GOAWAY and closed the connection"
)

func TestHTTP2IsLeftOnlyForWhatIsTheConnectionsFaultAndForWhatIsBetter(t *testing.T) {
	const within = cutsWindow - time.Second
	for _, test := range []struct {
		name   string
		after  time.Duration // between the first cut and HTTP/1.1's success
		cuts   []string
		leaves bool
	}{
		{"nothing was cut", 0, nil, false},
		{"a stream", 0, []string{reset}, false},
		{"two streams", 0, []string{reset, reset}, false},
		{"three streams", within, []string{reset, reset, reset}, true},
		{"three streams, too long ago", cutsWindow, []string{reset, reset, reset}, false},
		{"a connection", within, []string{gone}, true},
		{"a connection, too long ago", cutsWindow, []string{gone}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c cuts
			for _, reason := range test.cuts {
				c.add(noon, reason)
			}
			require.False(t, c.heeded(noon), "not before HTTP/1.1 was seen to be better")
			now := noon.Add(test.after)
			c.mended(now)
			require.Equal(t, test.leaves, c.heeded(now))
			require.Equal(t, test.leaves, c.heeded(now.Add(http1For-1)))
			require.False(t, c.heeded(now.Add(http1For)))
			c.refuted()
			require.False(t, c.heeded(now))
			c.mended(now)
			require.False(t, c.heeded(now), "and it takes as much to leave it again")
		})
	}
}

// startHTTP2 starts a server that speaks nothing but HTTP/2, and a pool over it. A strict one
// says so in the handshake.
func startHTTP2(t *testing.T, strict bool, handler http.HandlerFunc) *mixed {
	certificate, roots := selfSigned(t, "www.gazette.example")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: handler, Protocols: new(http.Protocols), ErrorLog: log.New(io.Discard, "", 0), TLSConfig: &tls.Config{
		Certificates: []tls.Certificate{certificate},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if strict && !slices.Contains(hello.SupportedProtos, "h2") {
				return nil, errors.New("no protocol in common")
			}
			return nil, nil
		},
	}}
	server.Protocols.SetHTTP2(true)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.ServeTLS(listener, "", "") })
	t.Cleanup(serving.Wait)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	at := netip.MustParseAddrPort(listener.Addr().String())
	m := &mixed{tracker: health.NewTracker(health.Options{})}
	m.origin = NewOrigin(Config{
		ID: id("a"), URL: &url.URL{Scheme: "https", Host: fmt.Sprintf("www.gazette.example:%d", at.Port())},
		Way: dial.Way{Addresses: []netip.Addr{at.Addr()}, Roots: roots},
	})
	m.over(t, m.origin)
	return m
}

// exceptBroken serves the page, and cuts the stream of one that is broken.
func exceptBroken(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/broken" {
		panic(http.ErrAbortHandler)
	}
	servePage(w, r)
}

func TestAnOriginOfHTTP2AloneOutlivesItsResets(t *testing.T) {
	for _, strict := range []bool{true, false} {
		m := startHTTP2(t, strict, exceptBroken)
		for range manyCuts {
			_, err := m.pool.Fetch(t.Context(), ask(http.MethodGet, "/broken"))
			var none *Error
			require.ErrorAs(t, err, &none)
			require.Equal(t, health.StreamReset, none.Class(), "that it has no HTTP/1.1 is not held against it: %v", none)
		}
		got, err := m.pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
		requireAnswer(t, got, err, "a", page)
	}
}

func TestAnOriginThatLostHTTP1IsAskedByHTTP2AtOnce(t *testing.T) {
	m := startHTTP2(t, true, exceptBroken)
	m.origin.cuts.add(time.Now(), gone)
	m.origin.cuts.mended(time.Now())
	_, err := m.pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
	require.Error(t, err)
	got, err := m.pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
	requireAnswer(t, got, err, "a", page)
}

func TestAPageThatIsCutByBothVersionsIsNoReasonToLeaveEither(t *testing.T) {
	m := startMixed(t, breakOff, resetEarly)
	for range manyCuts {
		_, err := m.pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
		require.Error(t, err)
	}
	require.EqualValues(t, manyCuts, m.by1.Load())
	require.Same(t, m.origin.transport, m.origin.at(time.Now()))
}
