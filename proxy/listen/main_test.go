package listen_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heliograph-edge/heliograph/proxy/listen"
)

// TestMain looks for what is left running. The goroutine that keeps the lock of an
// order fresh sees within 5 s that the order has ended.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"))
}

// How long tests wait for what needs a moment, and how often they look. The first
// only bounds a failure.
const (
	waitLong = 30 * time.Second
	tick     = 2 * time.Millisecond
)

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// String is what was written so far.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// logger writes everything into the journal.
func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// newKeeper makes a keeper that ends with the test.
func newKeeper(t *testing.T, c listen.Certificates) *listen.Keeper {
	t.Helper()
	k, err := listen.NewKeeper(c)
	require.NoError(t, err)
	t.Cleanup(k.Close)
	return k
}

// serve starts a server on a loopback port that ends with the test.
func serve(t *testing.T, handler http.Handler, secure *tls.Config, log *journal) *listen.Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := listen.NewServer(l, handler, secure, log.logger())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // whoever is still there is cut
		_ = s.Shutdown(ctx)
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
	})
	return s
}

// authority is the pool with the internal authority kept under data.
func authority(t *testing.T, data string) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "internal-ca.pem"))
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(text))
	return pool
}

// clientTo is a client whose every connection goes to the server.
func clientTo(t *testing.T, s *listen.Server, roots *x509.CertPool, protocols *http.Protocols) *http.Client {
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, Protocols: protocols,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", s.Addr().String())
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: waitLong}
}

// greeting answers with the protocol that was spoken.
func greeting(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }

// fetch gets a page and returns its body.
func fetch(client *http.Client, url string) (string, error) {
	answer, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}
