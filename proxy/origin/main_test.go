package origin

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/gate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	siteName = "gazette"
	marker   = "The Harbour Gazette"
	page     = "<!doctype html><title>" + marker + "</title><p>High water at noon."
	notice   = "<!doctype html><title>Welcome</title><p>Nothing is known of this page."
	denied   = "<!doctype html><title>Access denied</title><p>By order of the ministry, this site is blocked."
)

// builtin is the gate of the built-in wording, made once: nothing changes it.
var builtin = sync.OnceValue(func() *gate.Gate { return gate.New() })

// gated is a site whose answers the built-in gate judges.
func gated(s Site) *Site {
	s.Gate = builtin()
	return &s
}

// scripted is an origin that answers over connections in memory, so that a test
// in a synctest bubble has its own clock.
type scripted struct {
	origin   *Origin
	handler  http.HandlerFunc // nil refuses connections
	server   *http.Server
	arriving chan net.Conn
	over     chan struct{}
	refuses  atomic.Bool
	requests atomic.Int64
}

// Accept implements net.Listener.
func (s *scripted) Accept() (net.Conn, error) {
	select {
	case conn := <-s.arriving:
		return conn, nil
	case <-s.over:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (s *scripted) Close() error { return nil }

// Addr implements net.Listener.
func (s *scripted) Addr() net.Addr { return &net.UnixAddr{} }

// ServeHTTP counts a request and answers it as the script says.
func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	s.handler(w, r)
}

// connect is the dial function of the origin's transport.
func (s *scripted) connect(context.Context, string, string) (net.Conn, error) {
	if s.handler == nil || s.refuses.Load() {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	near, far := net.Pipe()
	select {
	case s.arriving <- far:
		return near, nil
	case <-s.over:
		return nil, net.ErrClosed
	}
}

// witness keeps what a pool tells.
type witness struct {
	mu        sync.Mutex // guards everything that follows
	attempts  []Attempt
	failovers []string
	moved     []string
	hedged    []string
	noBudget  int
}

// events are the callbacks that fill the witness.
func (w *witness) events() Events {
	add := func(to *[]string, text string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		*to = append(*to, text)
	}
	return Events{
		Attempt: func(_ string, a Attempt) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.attempts = append(w.attempts, a)
		},
		Failover: func(_, from, to string, why health.Class) { add(&w.failovers, from+">"+to+": "+string(why)) },
		Moved:    func(_, from, to, why string) { add(&w.moved, from+">"+to+": "+why) },
		Hedged:   func(_, winner string) { add(&w.hedged, winner) },
		NoBudget: func(string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.noBudget++
		},
	}
}

// of lists the classes that were reported of an origin.
func (w *witness) of(origin string) []health.Class {
	w.mu.Lock()
	defer w.mu.Unlock()
	var classes []health.Class
	for _, a := range w.attempts {
		if a.Origin == origin {
			classes = append(classes, a.Class)
		}
	}
	return classes
}

// scene is a pool over scripted origins called a, b, c and so on.
type scene struct {
	t       *testing.T
	pool    *Pool
	tracker *health.Tracker
	seen    witness
	at      map[string]*scripted
}

// id names an origin of the tests' site.
func id(origin string) health.ID { return health.ID{Site: siteName, Origin: origin} }

// newScene starts a scripted origin for each handler, and a pool over them whose
// pages must show the marker. It belongs in a synctest bubble.
func newScene(t *testing.T, handlers ...http.HandlerFunc) *scene {
	s := &scene{t: t, tracker: health.NewTracker(health.Options{}), at: map[string]*scripted{}}
	policies := map[health.ID]health.Policy{}
	site := Site{Name: siteName, Markers: []string{marker}, Gate: builtin()}
	for i, handler := range handlers {
		name := string(rune('a' + i))
		o := NewOrigin(Config{ID: id(name), URL: &url.URL{Scheme: "http", Host: name + ".gazette.example"}})
		one := &scripted{origin: o, handler: handler, arriving: make(chan net.Conn), over: make(chan struct{})}
		o.transport.DialContext, o.http1.DialContext = one.connect, one.connect
		one.server = &http.Server{Handler: one}
		s.at[name] = one
		site.Origins = append(site.Origins, o)
		policies[o.ID] = health.Policy{}
		served := make(chan struct{})
		go func() {
			defer close(served)
			one.server.Serve(one)
		}()
		t.Cleanup(func() {
			close(one.over)
			one.server.Close()
			<-served
			time.Sleep(time.Second) // net/http lets a connection that it ends linger
		})
	}
	s.tracker.Configure(policies)
	s.pool = NewPool(site, s.tracker, s.seen.events())
	t.Cleanup(s.pool.Close)
	return s
}

// ask is a request as a test makes it.
func ask(method, path string) *Ask {
	return &Ask{
		Method: method, URL: &url.URL{Scheme: "https", Host: "www.gazette.example", Path: path},
		Header: http.Header{"User-Agent": {"reader"}},
	}
}

// fetch asks for the front page.
func (s *scene) fetch() (*Result, error) {
	return s.pool.Fetch(s.t.Context(), ask(http.MethodGet, "/"))
}

// liveFailures is how many requests in a row were held against an origin.
func (s *scene) liveFailures(origin string) int { return s.tracker.View(id(origin)).LiveFailures }

// requireAnswer checks who answered and what, and closes the body.
func requireAnswer(t *testing.T, got *Result, err error, origin, body string) {
	t.Helper()
	require.NoError(t, err)
	require.Equal(t, origin, got.Origin)
	require.Equal(t, body, readAll(t, got))
}

// readAll reads the whole answer and closes it.
func readAll(t *testing.T, got *Result) string {
	t.Helper()
	text, err := io.ReadAll(got.Response.Body)
	require.NoError(t, err)
	require.NoError(t, got.Response.Body.Close())
	return string(text)
}

// servePage answers with the publication's page.
func servePage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	io.WriteString(w, page)
}

// serveStatus answers with a status and a line of plain text.
func serveStatus(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(status)
		io.WriteString(w, text)
	}
}

// serveHTML answers with a status and a page.
func serveHTML(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		io.WriteString(w, text)
	}
}

// serveRaw sends bytes that need not be HTTP, and closes the connection.
func serveRaw(raw string) http.HandlerFunc { return serveRawFor(raw, 0) }

// serveRawFor is serveRaw, and leaves the connection open for a time.
func serveRawFor(raw string, open time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer conn.Close()
		io.WriteString(conn, raw)
		time.Sleep(open)
	}
}

// serveEndlessly sends a beginning, and then the same over and over until the
// other side has had enough.
func serveEndlessly(first, again string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer conn.Close()
		for _, err = io.WriteString(conn, first); err == nil; {
			_, err = io.WriteString(conn, again)
		}
	}
}

// hang answers nothing until the request is given up.
func hang(_ http.ResponseWriter, r *http.Request) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// breakOff closes the connection without an answer.
func breakOff(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
