package origin

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/dial"
)

// mixed is a pool over one real TLS server that answers each version of HTTP by a handler of
// its own.
type mixed struct {
	pool    *Pool
	tracker *health.Tracker
	origin  *Origin
	seen    witness
	resumed *[]string
	by1     atomic.Int64 // requests by HTTP/1.1
	by2     atomic.Int64
}

// startMixed starts the server, and a pool over it.
func startMixed(t *testing.T, by1, by2 http.HandlerFunc) *mixed {
	m := &mixed{tracker: health.NewTracker(health.Options{})}
	s := startShared(t, true, "www.gazette.example")
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 {
			m.by2.Add(1)
			by2(w, r)
			return
		}
		m.by1.Add(1)
		by1(w, r)
	})
	m.origin = s.origin(t, "www.gazette.example")
	m.over(t, m.origin)
	return m
}

// over makes the pool. The site has another origin, which is out of use, so that the one that
// is asked is not its only one.
func (m *mixed) over(t *testing.T, o *Origin) {
	spare := NewOrigin(Config{ID: id("spare"), URL: &url.URL{Scheme: "https", Host: "spare.gazette.example"}})
	m.tracker.Configure(map[health.ID]health.Policy{o.ID: {}, spare.ID: {}})
	require.NoError(t, m.tracker.Drain(spare.ID))
	m.among(t, o, spare)
}

// among makes the pool of some origins.
func (m *mixed) among(t *testing.T, origins ...*Origin) {
	m.pool = NewPool(Site{Name: siteName, Origins: origins, Markers: []string{marker}, Gate: builtin()}, m.tracker, m.seen.events())
	m.resumed = (&scene{pool: m.pool}).resumes()
	t.Cleanup(m.pool.Close)
}

// resetEarly ends the stream before its header.
func resetEarly(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// resetLate ends the stream amid a body.
func resetLate(body []byte, kind string, after int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Header().Set("Etag", tag)
		flushed(w, kind, string(body[:after]))
		panic(http.ErrAbortHandler)
	}
}

func TestASafeRequestWhoseHTTP2StreamIsResetIsSentAgainByHTTP1(t *testing.T) {
	for name, by2 := range map[string]http.HandlerFunc{
		"before the header": resetEarly,
		"amid the body":     resetLate([]byte(page), "text/html", 40),
	} {
		t.Run(name, func(t *testing.T) {
			m := startMixed(t, servePage, by2)
			got, err := m.pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
			requireAnswer(t, got, err, "www.gazette.example", page)
			require.Equal(t, 1, got.Response.ProtoMajor)
			require.Equal(t, []health.Class{health.StreamReset, health.OK}, m.seen.of("www.gazette.example"), "the metrics know of it")
			require.Equal(t, health.StreamReset, got.Attempts[0].Class)
			require.Zero(t, m.tracker.View(m.origin.ID).LiveFailures, "and it is nothing that readers suffer from")

			for range manyCuts {
				require.Same(t, m.origin.transport, m.origin.at(time.Now().Add(time.Second)), "one page is no reason to leave HTTP/2")
				got, err = m.pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
				requireAnswer(t, got, err, "www.gazette.example", page)
				if m.by2.Load() == manyCuts {
					break
				}
			}
			got, err = m.pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
			requireAnswer(t, got, err, "www.gazette.example", page)
			require.EqualValues(t, manyCuts, m.by2.Load(), "it stays with HTTP/1.1")
			require.EqualValues(t, manyCuts+1, m.by1.Load())
			require.Same(t, m.origin.http1, m.origin.at(time.Now().Add(http1For-time.Minute)))
			require.Same(t, m.origin.transport, m.origin.at(time.Now().Add(http1For)), "for a while")
		})
	}
}

func TestAnUnsafeRequestWhoseStreamIsResetIsNotSentAgain(t *testing.T) {
	m := startMixed(t, servePage, resetEarly)
	_, err := m.pool.Fetch(t.Context(), ask(http.MethodPost, "/"))
	var none *Error
	require.ErrorAs(t, err, &none)
	require.Equal(t, health.StreamReset, none.Class(), none)
	require.Zero(t, m.by1.Load())
	require.Same(t, m.origin.transport, m.origin.at(time.Now()), "and shows nothing of HTTP/1.1")
}

func TestABodyWhoseStreamIsResetIsGoneOnWithByHTTP1(t *testing.T) {
	m := startMixed(t, edition{etag: tag, body: film}.ServeHTTP, resetLate(film, "video/mp4", 200_000))
	got, err := m.pool.Fetch(t.Context(), ask(http.MethodGet, "/tide.mp4"))
	require.NoError(t, err)
	require.Equal(t, 2, got.Response.ProtoMajor)
	require.True(t, bytes.Equal(film, []byte(readAll(t, got))))
	name := m.origin.ID.Origin
	require.Equal(t, []health.Class{health.OK, health.StreamReset, health.OK}, m.seen.of(name))
	require.Len(t, *m.resumed, 1)
	require.True(t, strings.HasPrefix((*m.resumed)[0], name+">"+name+"@"))
}

// goingAway is an HTTP/2 server that ends each connection at the first request.
func goingAway(conn net.Conn) error {
	defer conn.Close()
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(conn, preface); err != nil {
		return err
	}
	framer := http2.NewFramer(conn, conn)
	if err := framer.WriteSettings(); err != nil {
		return err
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return err
		}
		if _, ok := frame.(*http2.HeadersFrame); ok {
			// The stream is among those that were acted on, so net/http does not send it again.
			return framer.WriteGoAway(frame.Header().StreamID, http2.ErrCodeEnhanceYourCalm, nil)
		}
	}
}

func TestAConnectionThatGoesAwayIsFollowedByHTTP1(t *testing.T) {
	certificate, roots := selfSigned(t, "www.gazette.example")
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2", "http/1.1"},
	})
	require.NoError(t, err)
	var serving sync.WaitGroup
	defer serving.Wait()
	defer listener.Close()
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				if err := conn.(*tls.Conn).Handshake(); err != nil {
					conn.Close()
				} else if conn.(*tls.Conn).ConnectionState().NegotiatedProtocol == "h2" {
					_ = goingAway(conn) // the client may be the first to leave
				} else {
					answerOnce(conn)
				}
			})
		}
	})
	at := netip.MustParseAddrPort(listener.Addr().String())
	m := &mixed{tracker: health.NewTracker(health.Options{})}
	m.over(t, NewOrigin(Config{
		ID: id("a"), URL: &url.URL{Scheme: "https", Host: fmt.Sprintf("www.gazette.example:%d", at.Port())},
		Way: dial.Way{Addresses: []netip.Addr{at.Addr()}, Roots: roots},
	}))
	got, err := m.pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
	requireAnswer(t, got, err, "a", page)
	require.Equal(t, health.StreamReset, got.Attempts[0].Class, got.Attempts[0].Reason)
	origin := m.pool.site.Origins[0]
	require.Same(t, origin.http1, origin.at(time.Now()), "a whole connection is reason enough")
}

// answerOnce reads a request's header, and answers it with the page.
func answerOnce(conn net.Conn) {
	defer conn.Close()
	var asked bytes.Buffer
	for piece := make([]byte, 1<<10); !bytes.HasSuffix(asked.Bytes(), []byte("\r\n\r\n")); {
		n, err := conn.Read(piece)
		if err != nil {
			return
		}
		asked.Write(piece[:n])
	}
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(page), page)
}

func TestAVerifiedHandshakeProvesItsAddressOncePerConnection(t *testing.T) {
	for _, http2 := range []bool{true, false} {
		s := startShared(t, http2, "www.gazette.example")
		at := netip.MustParseAddrPort(s.Listener.Addr().String())
		var proved []string
		var mu sync.Mutex
		way := dial.Way{
			Roots:    s.roots,
			Resolver: func(_ context.Context, host string) ([]netip.Addr, error) { return []netip.Addr{at.Addr()}, nil },
			Proved: func(host string, address netip.Addr) {
				mu.Lock()
				defer mu.Unlock()
				proved = append(proved, host+" "+address.String())
			},
		}
		o := NewOrigin(Config{ID: id("a"), URL: &url.URL{Scheme: "https", Host: fmt.Sprintf("www.gazette.example:%d", at.Port())}, Way: way})
		m := &mixed{tracker: health.NewTracker(health.Options{})}
		m.over(t, o)
		for range 3 {
			got, err := m.pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
			requireAnswer(t, got, err, "a", page)
		}
		mu.Lock()
		require.Equal(t, []string{"www.gazette.example 127.0.0.1"}, proved)
		mu.Unlock()

		way.Roots = nil
		m = &mixed{tracker: health.NewTracker(health.Options{})}
		m.over(t, NewOrigin(Config{ID: id("a"), URL: o.URL, Way: way}))
		_, err := m.pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
		var none *Error
		require.ErrorAs(t, err, &none)
		require.Equal(t, health.TLSUnknownCA, none.Class())
		mu.Lock()
		require.Len(t, proved, 1, "what is not trusted proves nothing")
		mu.Unlock()
	}
}

func TestAnOriginIsReachedOnlyWhereItsWayAllows(t *testing.T) {
	s := startShared(t, true, "www.gazette.example")
	at := netip.MustParseAddrPort(s.Listener.Addr().String())
	here := []netip.Addr{at.Addr()}
	for _, test := range []struct {
		name  string
		way   dial.Way
		class health.Class
	}{
		{"a forbidden address", dial.Way{Roots: s.roots, Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return here, fmt.Errorf("it leads to the metadata of a cloud: %w", health.ErrAddressForbidden)
		}}, health.AddressForbidden},
		{"no address", dial.Way{Roots: s.roots, Resolver: func(context.Context, string) ([]netip.Addr, error) { return nil, nil }}, health.DNSNotFound},
		{"a failing resolver", dial.Way{Roots: s.roots, Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return nil, &net.DNSError{Err: "refused", Name: "www.gazette.example"}
		}}, health.DNSError},
		{"another key than the pinned one", dial.Way{Roots: s.roots, Addresses: here, Pins: dial.Pins{{1}}}, health.TLSPinMismatch},
		{"the pinned key", dial.Way{Roots: s.roots, Addresses: here, Pins: dial.Pins{{1}, dial.PinOf(s.leaf)}}, health.OK},
	} {
		m := &mixed{tracker: health.NewTracker(health.Options{})}
		m.over(t, NewOrigin(Config{
			ID: id("a"), URL: &url.URL{Scheme: "https", Host: fmt.Sprintf("www.gazette.example:%d", at.Port())}, Way: test.way,
		}))
		got, err := m.pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
		if test.class == health.OK {
			requireAnswer(t, got, err, "a", page)
			continue
		}
		var none *Error
		require.True(t, errors.As(err, &none), test.name)
		require.Equal(t, test.class, none.Class(), none.Attempts[0].Reason)
	}
}
