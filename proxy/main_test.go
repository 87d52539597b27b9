package proxy_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/cache/memory"
	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/proxy"
	"github.com/heliograph-edge/heliograph/proxy/origin"
	"github.com/heliograph-edge/heliograph/proxy/rewrite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// How long tests wait for what needs a moment, and how often they look. The first
// only bounds a failure.
const (
	waitLong = 30 * time.Second
	tick     = 2 * time.Millisecond
)

// The names that the tests use. front and otherFront lead to the same site.
const (
	front      = "front.test"
	otherFront = "other-front.test"
	canonical  = "https://www.gazette.example"
	edgeID     = "heliograph-test"
)

// stage is an edge on a real socket, with real origins behind it.
type stage struct {
	t       testing.TB
	edge    *proxy.Edge
	server  *httptest.Server
	cache   *cache.Cache
	tracker *health.Tracker
	client  *http.Client
	ahead   atomic.Int64 // how far the cache's clock is ahead

	mu      sync.Mutex // guards records
	records []proxy.Record
}

// plan is what a stage is made from; the zero value of each field is the ordinary one.
type plan struct {
	origins []*httptest.Server
	adjust  func(*proxy.Site)
	config  func(*origin.Config)
	markers []string
	options func(*proxy.Options)
	maxPage int64
}

// newStage starts an edge in front of the origins, ends it with the test, and
// checks then that every request had its record.
func newStage(t testing.TB, p plan) *stage {
	s := &stage{t: t, tracker: health.NewTracker(health.Options{})}
	store := memory.New(16 << 20)
	maxPage := store.MaxPage()
	if p.maxPage > 0 {
		maxPage = p.maxPage
	}
	s.cache = cache.New(cache.Options{
		Store: store, MaxPage: maxPage,
		Now: func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) },
	})
	options := proxy.Options{ID: edgeID, Cache: s.cache, Record: s.note}
	if p.options != nil {
		p.options(&options)
	}
	s.edge = proxy.NewEdge(options)
	s.server = httptest.NewUnstartedServer(s.edge)
	s.server.Config.DisableGeneralOptionsHandler = true
	s.server.Start()
	site := s.site(p)
	s.edge.Serve(proxy.NewSites(edgeID, []*proxy.Site{site}))
	s.client = &http.Client{
		Transport: &http.Transport{DisableCompression: true, DialContext: s.dial},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		s.server.CloseClientConnections()
		s.server.Close()
		require.Eventually(t, func() bool { return s.edge.InFlight() == 0 }, waitLong, tick)
		s.cache.Close()
		site.Pool.Close()
	})
	return s
}

// site builds the one site of a stage.
func (s *stage) site(p plan) *proxy.Site {
	home, err := url.Parse(canonical)
	require.NoError(s.t, err)
	site := &proxy.Site{Name: "gazette", Fronts: []string{front, otherFront}, Space: rewrite.Space{Canonical: home}}
	policies := make(map[health.ID]health.Policy)
	var origins []*origin.Origin
	for i, server := range p.origins {
		config := origin.Config{ID: health.ID{Site: site.Name, Origin: "origin-" + string(rune('a'+i))}}
		config.URL, err = url.Parse(server.URL)
		require.NoError(s.t, err)
		if p.config != nil {
			p.config(&config)
		}
		policies[config.ID] = health.Policy{}
		site.Space.Origins = append(site.Space.Origins, config.URL)
		origins = append(origins, origin.NewOrigin(config))
	}
	s.tracker.Configure(policies)
	site.Pool = origin.NewPool(origin.Site{Name: site.Name, Origins: origins, Markers: p.markers}, s.tracker, origin.Events{})
	if p.adjust != nil {
		p.adjust(site)
	}
	return site
}

// dial connects to the edge, whatever the address.
func (s *stage) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, s.server.Listener.Addr().String())
}

// note keeps a copy of each record.
func (s *stage) note(r *proxy.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = append(s.records, *r)
}

// waitRecords waits until there are n records, and returns them.
func (s *stage) waitRecords(n int) []proxy.Record {
	s.t.Helper()
	var records []proxy.Record
	require.Eventually(s.t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		records = append([]proxy.Record(nil), s.records...)
		return len(records) >= n
	}, waitLong, tick, "a request has no record")
	require.Len(s.t, records, n)
	return records
}

// waitPages waits until n pages are stored: a reader may have its answer a moment
// before that.
func (s *stage) waitPages(n int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return s.cache.Usage().Pages == n }, waitLong, tick)
}

// pass moves the cache's clock.
func (s *stage) pass(d time.Duration) { s.ahead.Add(int64(d)) }

// send sends a request and returns the answer while its body may still arrive.
// Fields come as name, value pairs; the field Host chooses the front. Every answer
// must say what the cache and the proxy did.
func (s *stage) send(method, target string, body io.Reader, fields ...string) *http.Response {
	s.t.Helper()
	answer, err := s.try(method, target, body, fields...)
	require.NoError(s.t, err)
	requireStamped(s.t, answer)
	return answer
}

// try is send for requests that may fail.
func (s *stage) try(method, target string, body io.Reader, fields ...string) (*http.Response, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*waitLong)
	s.t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, method, "http://"+front+target, body)
	require.NoError(s.t, err)
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == "Host" {
			request.Host = fields[i+1]
			continue
		}
		request.Header.Add(fields[i], fields[i+1])
	}
	answer, err := s.client.Do(request)
	if err == nil {
		s.t.Cleanup(func() { answer.Body.Close() })
	}
	return answer, err
}

// get is send for a GET that is read to its end.
func (s *stage) get(target string, fields ...string) (*http.Response, string) {
	s.t.Helper()
	answer := s.send(http.MethodGet, target, nil, fields...)
	body, err := io.ReadAll(answer.Body)
	require.NoError(s.t, err)
	answer.Body.Close()
	return answer, string(body)
}

// requireStamped checks the fields that no answer goes without.
func requireStamped(t testing.TB, answer *http.Response) {
	t.Helper()
	for _, name := range []string{"Cache-Status", "Proxy-Status"} {
		require.Regexp(t, `(^|, )heliograph(;|$)`, strings.Join(answer.Header[name], ", "), name)
	}
	require.Contains(t, strings.Join(answer.Header["Via"], ", "), "1.1 heliograph")
}

// raw is a connection to the edge, for what a client would not send.
type raw struct {
	net.Conn
	*bufio.Reader
	t testing.TB
}

// rawConn connects to the edge.
func (s *stage) rawConn() *raw {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.server.Listener.Addr().String())
	require.NoError(s.t, err)
	require.NoError(s.t, conn.SetDeadline(time.Now().Add(waitLong)))
	s.t.Cleanup(func() { conn.Close() })
	return &raw{Conn: conn, Reader: bufio.NewReader(conn), t: s.t}
}

// Read implements io.Reader.
func (r *raw) Read(p []byte) (int, error) { return r.Reader.Read(p) }

// say sends text as it is.
func (r *raw) say(text string) {
	r.t.Helper()
	_, err := io.WriteString(r.Conn, text)
	require.NoError(r.t, err)
}

// answer reads an answer's header.
func (r *raw) answer(method string) *http.Response {
	r.t.Helper()
	answer, err := http.ReadResponse(r.Reader, &http.Request{Method: method})
	require.NoError(r.t, err)
	r.t.Cleanup(func() { answer.Body.Close() })
	return answer
}

// newOrigin starts an origin that ends with the test.
func newOrigin(t testing.TB, handler http.HandlerFunc) *httptest.Server {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// counted is an origin's handler that counts its requests.
func counted(n *atomic.Int64, handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		handler(w, r)
	}
}

// pageHandler answers with a page that may be kept for a minute.
func pageHandler(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, body)
	}
}

// readAll reads an answer's body to its end.
func readAll(t testing.TB, answer *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	answer.Body.Close()
	return string(body)
}
