package origin

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// remembering has connections to an origin tell what left on them, as those on sockets do, and
// counts them.
func (s *scene) remembering(origin string) *atomic.Int64 {
	one, dials := s.at[origin], new(atomic.Int64)
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		dials.Add(1)
		return one.connect(ctx, network, address)
	}
	one.origin.transport.DialContext, one.origin.http1.DialContext = remembered(dial), remembered(dial)
	return dials
}

// keeping answers with a page, and says for how long its connection is kept.
func keeping(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Keep-Alive", "timeout=1")
	servePage(w, r)
}

func TestAConnectionThatIsOverIsFollowedByOneDial(t *testing.T) {
	for count := range 2 {
		for method, make := range asks() {
			t.Run(fmt.Sprintf("%d others/%s", count, method), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					handlers := []http.HandlerFunc{keeping, nil}
					s := newScene(t, handlers[:count+1]...)
					dials := s.remembering("a")
					got, err := s.fetch()
					requireAnswer(t, got, err, "a", page)
					time.Sleep(time.Second)
					s.at["a"].refuses.Store(true)
					began := time.Now()
					_, err = s.pool.Fetch(t.Context(), make())
					var none *Error
					require.ErrorAs(t, err, &none)
					require.True(t, none.Unreached())
					require.Equal(t, health.ConnectRefused, none.Attempts[0].Class)
					require.Zero(t, time.Since(began))
					require.EqualValues(t, 2, dials.Load())
				})
			})
		}
	}
}

func TestARequestIsTriedOnAHandfulOfConnectionsThatAreOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const kept = 3 * maxIdleEnds
		s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Millisecond) // so that each has a connection of its own
			keeping(w, r)
		})
		dials := s.remembering("a")
		answered := make(chan error)
		for range kept {
			go func() {
				got, err := s.fetch()
				if err == nil {
					err = got.Response.Body.Close()
				}
				answered <- err
			}()
		}
		for range kept {
			require.NoError(t, <-answered)
		}
		time.Sleep(time.Second)
		got, err := s.pool.Fetch(t.Context(), letter())
		requireAnswer(t, got, err, "a", page)
		require.EqualValues(t, kept+1, dials.Load())
	})
}

func TestAConnectionThatIsOverIsFollowedByOneHandshake(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(keeping))
	defer server.Close()
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	o := NewOrigin(Config{ID: id("a"), URL: u})
	var dials atomic.Int64
	dial := remembered(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if dials.Add(1) > 1 && err == nil {
			return cutOff{conn}, nil
		}
		return conn, err
	})
	for _, transport := range []*http.Transport{o.transport, o.http1} {
		transport.DialContext, transport.TLSClientConfig = dial, server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	}
	tracker := health.NewTracker(health.Options{})
	tracker.Configure(map[health.ID]health.Policy{o.ID: {}})
	pool := NewPool(Site{Name: siteName, Origins: []*Origin{o}, Gate: builtin()}, tracker, Events{})
	defer pool.Close()
	got, err := pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
	requireAnswer(t, got, err, "a", page)
	time.Sleep(600 * time.Millisecond) // more than half a second is longer than the origin says
	_, err = pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
	var none *Error
	require.ErrorAs(t, err, &none)
	require.Len(t, none.Attempts, 1)
	require.Equal(t, health.TLSReset, none.Class())
	require.EqualValues(t, 2, dials.Load())
}

// cutOff is a connection that was reset.
type cutOff struct{ net.Conn }

// Read implements net.Conn.
func (cutOff) Read([]byte) (int, error) { return 0, syscall.ECONNRESET }

func TestForHowLongAnOriginKeepsConnectionsIsLearnt(t *testing.T) {
	for count := range 2 {
		synctest.Test(t, func(t *testing.T) {
			handlers := []http.HandlerFunc{servePage, nil}
			s := newScene(t, handlers[:count+1]...)
			synctest.Wait() // net/http has looked at the server by then
			s.at["a"].server.IdleTimeout = 300 * time.Millisecond
			dials := s.remembering("a")
			for i, step := range []struct {
				after time.Duration
				dials int64
			}{
				{0, 1}, {290 * time.Millisecond, 1}, // nothing is known
				{400 * time.Millisecond, 2},                              // it has closed, and was seen to
				{190 * time.Millisecond, 2}, {210 * time.Millisecond, 3}, // before it does so again
				{190 * time.Millisecond, 3},
			} {
				time.Sleep(step.after)
				got, err := s.pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
				requireAnswer(t, got, err, "a", page)
				require.Equal(t, step.dials, dials.Load(), "step %d", i)
			}
		})
	}
}

func TestWhatIsLearntOfIdleConnectionsIsForgotten(t *testing.T) {
	var k keepAlive
	now := time.Now()
	require.Zero(t, k.limit(now))
	k.closed(5*time.Second, now)
	require.Equal(t, 4*time.Second, k.limit(now))
	k.closed(300*time.Millisecond, now)
	require.Equal(t, 200*time.Millisecond, k.limit(now))
	k.closed(time.Minute, now.Add(keepAliveFor))
	require.Equal(t, 200*time.Millisecond, k.limit(now.Add(keepAliveFor)), "the least counts")
	require.Zero(t, k.limit(now.Add(keepAliveFor+1)))
	k.closed(75*time.Second, now.Add(keepAliveFor+1))
	require.Equal(t, 74*time.Second, k.limit(now.Add(keepAliveFor+1)))
	k.closed(0, now)
	require.Positive(t, k.limit(now), "none is used again")
}

func TestOnlyAnOriginsEndOfAnIdleConnectionIsLearnt(t *testing.T) {
	now := time.Now()
	near, far := net.Pipe()
	defer near.Close()
	c, k := &connection{Conn: near}, new(keepAlive)
	c.begin(false, 0, 0)
	c.rests(c.turn.Load(), k, now)
	c.begin(true, 0, 0)
	far.Close()
	_, err := c.Read(make([]byte, 1))
	require.Error(t, err)
	require.Zero(t, k.limit(now), "it had a request")

	require.False(t, isOriginsEnd(net.ErrClosed), "our own doing")
	require.True(t, isOriginsEnd(&net.OpError{Op: "read", Err: syscall.ECONNRESET}))
}

func TestAnEndOverTLSIsLearntToo(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(servePage))
	server.Config.IdleTimeout = 50 * time.Millisecond
	server.StartTLS()
	defer server.Close()
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	o := NewOrigin(Config{ID: id("a"), URL: u})
	o.transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	tracker := health.NewTracker(health.Options{})
	tracker.Configure(map[health.ID]health.Policy{o.ID: {}})
	pool := NewPool(Site{Name: siteName, Origins: []*Origin{o}, Gate: builtin()}, tracker, Events{})
	defer pool.Close()
	require.Eventually(t, func() bool {
		got, err := pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
		requireAnswer(t, got, err, "a", page)
		time.Sleep(100 * time.Millisecond)
		return o.keepAlive.limit(time.Now()) > 0
	}, 30*time.Second, time.Millisecond)
}
