package origin

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/dial"
)

// shared is one TLS server, with one address and one certificate for two names,
// as a host of many sites is. It notes what it is asked.
type shared struct {
	*httptest.Server
	roots *x509.CertPool
	leaf  *x509.Certificate

	mu    sync.Mutex                     // guards everything that follows
	hosts map[string]map[string]struct{} // by connection: the hosts that were asked for on it
	names map[string]struct{}            // by SNI
	etags map[string]string              // by host: the condition that came with it
}

// ServeHTTP notes the request and answers with a page.
func (s *shared) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	on := s.hosts[r.RemoteAddr]
	if on == nil {
		on = map[string]struct{}{}
		s.hosts[r.RemoteAddr] = on
	}
	on[r.Host] = struct{}{}
	s.names[r.TLS.ServerName] = struct{}{}
	s.etags[r.Host] = r.Header.Get("If-None-Match")
	s.mu.Unlock()
	servePage(w, r)
}

// selfSigned makes a certificate, and the pool that trusts it.
func selfSigned(t *testing.T, names ...string) (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: names, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// startShared starts the server.
func startShared(t *testing.T, http2 bool, names ...string) *shared {
	certificate, roots := selfSigned(t, names...)
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	require.NoError(t, err)
	s := &shared{roots: roots, leaf: leaf, hosts: map[string]map[string]struct{}{}, names: map[string]struct{}{}, etags: map[string]string{}}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that a test breaks
	s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	s.EnableHTTP2 = http2
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// origin is the server under one of its names.
func (s *shared) origin(t *testing.T, name string) *Origin {
	at := netip.MustParseAddrPort(s.Listener.Addr().String())
	o := NewOrigin(Config{
		ID: id(name), URL: &url.URL{Scheme: "https", Host: fmt.Sprintf("%s:%d", name, at.Port())},
		Way: dial.Way{Addresses: []netip.Addr{at.Addr()}, Roots: s.roots},
	})
	t.Cleanup(o.Close)
	return o
}

func TestNothingIsSharedBetweenOriginsAtOneAddress(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		first, second := "one.example", "two.example"
		s := startShared(t, http2, first, second)
		tracker := health.NewTracker(health.Options{})
		var origins []*Origin
		for _, name := range []string{first, second} {
			origins = append(origins, s.origin(t, name))
		}
		tracker.Configure(map[health.ID]health.Policy{id(first): {}, id(second): {}})
		pool := NewPool(Site{Name: siteName, Origins: origins, Markers: []string{marker}}, tracker, Events{})
		get := func() string {
			a := ask(http.MethodGet, "/")
			a.Conditional = func(origin string, header http.Header) { header.Set("If-None-Match", `"`+origin+`"`) }
			got, err := pool.Fetch(t.Context(), a)
			require.NoError(t, err)
			require.Equal(t, page, readAll(t, got))
			if http2 {
				require.Equal(t, 2, got.Response.ProtoMajor)
			}
			return got.Origin
		}
		for range 3 {
			require.Equal(t, first, get())
		}
		require.NoError(t, tracker.Drain(id(first)))
		for range 3 {
			require.Equal(t, second, get())
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		require.Len(t, s.hosts, 2, "one connection for each origin")
		for connection, hosts := range s.hosts {
			require.Len(t, hosts, 1, connection)
		}
		require.Equal(t, map[string]struct{}{first: {}, second: {}}, s.names, "SNI")
		require.Equal(t, map[string]string{
			origins[0].URL.Host: `"` + first + `"`, origins[1].URL.Host: `"` + second + `"`,
		}, s.etags, "conditions")
	}
}

func TestTheCertificateMustHaveTheOriginsName(t *testing.T) {
	s := startShared(t, true, "one.example")
	tracker := health.NewTracker(health.Options{})
	o := s.origin(t, "two.example")
	tracker.Configure(map[health.ID]health.Policy{o.ID: {}})
	pool := NewPool(Site{Name: siteName, Origins: []*Origin{o}}, tracker, Events{})
	_, err := pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
	var none *Error
	require.ErrorAs(t, err, &none)
	require.Equal(t, health.TLSWrongHost, none.Class())
	require.Equal(t, health.StageHandshake, none.Attempts[0].Stage)
	require.Empty(t, s.hosts)
}

func TestNotModifiedOverHTTP2MayTellALength(t *testing.T) { // RFC 9110 §8.6
	s := startShared(t, true, "one.example")
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "5000")
		w.WriteHeader(http.StatusNotModified)
	})
	tracker := health.NewTracker(health.Options{})
	o := s.origin(t, "one.example")
	tracker.Configure(map[health.ID]health.Policy{o.ID: {}})
	pool := NewPool(Site{Name: siteName, Origins: []*Origin{o}, Markers: []string{marker}}, tracker, Events{})
	got, err := pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
	requireAnswer(t, got, err, "one.example", "")
	require.Equal(t, http.StatusNotModified, got.Response.StatusCode)
	require.Equal(t, 2, got.Response.ProtoMajor)
	require.Zero(t, tracker.View(o.ID).LiveFailures)
}

// cable is a connection that can be cut without either end hearing of it.
type cable struct {
	net.Conn
	cut atomic.Bool
}

// Write implements net.Conn. On a cut cable it goes nowhere.
func (c *cable) Write(p []byte) (int, error) {
	if c.cut.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func TestADeadHTTP2ConnectionIsNoticedAndReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		certificate, roots := selfSigned(t, "www.gazette.example")
		s := newScene(t, nil)
		arriving, over := make(chan net.Conn), make(chan struct{})
		far := &scripted{arriving: arriving, over: over}
		server := &http.Server{Handler: http.HandlerFunc(servePage), TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			server.ServeTLS(far, "", "")
		}()
		var cables []*cable
		o := s.at["a"].origin
		o.URL = &url.URL{Scheme: "https", Host: "www.gazette.example"}
		o.transport.TLSClientConfig.RootCAs, o.transport.TLSClientConfig.ServerName = roots, "www.gazette.example"
		o.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			near, there := net.Pipe()
			arriving <- there
			cables = append(cables, &cable{Conn: near})
			return cables[len(cables)-1], nil
		}
		for range 2 {
			got, err := s.fetch()
			requireAnswer(t, got, err, "a", page)
			require.Equal(t, 2, got.Response.ProtoMajor)
		}
		require.Len(t, cables, 1)
		cables[0].cut.Store(true)
		time.Sleep(pingAfter + pingTimeout + time.Second)
		began := time.Now()
		got, err := s.fetch()
		requireAnswer(t, got, err, "a", page)
		require.Zero(t, time.Since(began))
		require.Len(t, cables, 2)

		s.pool.Close()
		close(over)
		server.Close()
		<-ended
		time.Sleep(time.Minute)
	})
}
