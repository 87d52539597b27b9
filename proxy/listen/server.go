package listen

import (
	"context"
	"crypto/tls"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// The limits of a front. They hold for every protocol.
const (
	headerTimeout = 10 * time.Second // to send a request's header
	idleTimeout   = 75 * time.Second // between requests
	maxHeader     = 64 << 10         // of a request
)

// Server serves one front, or the admin API.
type Server struct {
	http     *http.Server
	listener net.Listener
	tls      *tls.Config // nil without TLS
	cut      context.CancelFunc
}

// NewServer returns a server for the listener. With a TLS configuration it speaks
// HTTP/2 and HTTP/1.1 over TLS, without one HTTP/1.1.
func NewServer(l net.Listener, handler http.Handler, secure *tls.Config, logger *slog.Logger) *Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(secure != nil)
	ctx, cut := context.WithCancel(context.Background())
	return &Server{listener: l, tls: secure, cut: cut, http: &http.Server{
		Handler: handler, Protocols: protocols, TLSConfig: secure,
		ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog:                     log.New(&complaints{logger}, "", 0),
		BaseContext:                  func(net.Listener) context.Context { return ctx },
		DisableGeneralOptionsHandler: true, // the handler records every request
	}}
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve serves until Shutdown. It returns http.ErrServerClosed then.
func (s *Server) Serve() error {
	if s.tls != nil {
		return s.http.ServeTLS(s.listener, "", "")
	}
	return s.http.Serve(s.listener)
}

// Shutdown stops listening and waits for requests to end. When ctx ends first,
// what is left is cut. Upgraded connections, which would not end by themselves,
// are cut once the requests have ended.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.cut()
	err := s.http.Shutdown(ctx)
	if err != nil {
		s.http.Close()
	}
	return err
}

// complaints turns net/http's own messages into debug records: what scanners and
// vanishing readers cause is no news, and it names their addresses, so the part
// that does is left out.
type complaints struct{ log *slog.Logger }

// Write implements io.Writer.
func (c *complaints) Write(p []byte) (int, error) {
	message := strings.TrimSpace(string(p))
	if strings.HasPrefix(message, "http: panic serving") {
		c.log.Error("a request made the edge panic; please report this", "trace", withoutAddress(message))
		return len(p), nil
	}
	c.log.Debug("connection", "message", withoutAddress(message))
	return len(p), nil
}

// withoutAddress removes every word that is an address and port, or two of them
// with an arrow between, as errors of connections have.
func withoutAddress(message string) string {
	words := strings.Split(message, " ")
	for i, w := range words {
		for end := range strings.SplitSeq(strings.TrimRight(w, ":,"), "->") {
			if _, err := netip.ParseAddrPort(end); err == nil {
				words[i] = "(reader)"
			}
		}
	}
	return strings.Join(words, " ")
}
