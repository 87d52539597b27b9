package listen

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
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
	open     connections

	underWay atomic.Int64  // requests, those of upgraded connections among them
	idle     chan struct{} // capacity 1: underWay came to 0; read by Shutdown
}

// NewServer returns a server for the listener. With a TLS configuration it speaks
// HTTP/2 and HTTP/1.1 over TLS, without one HTTP/1.1.
func NewServer(l net.Listener, handler http.Handler, secure *tls.Config, logger *slog.Logger) *Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(secure != nil)
	ctx, cut := context.WithCancel(context.Background())
	s := &Server{listener: l, tls: secure, cut: cut, idle: make(chan struct{}, 1)}
	s.http = &http.Server{
		Handler: s.count(handler), Protocols: protocols, TLSConfig: secure,
		ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog:                     log.New(&complaints{logger}, "", 0),
		BaseContext:                  func(net.Listener) context.Context { return ctx },
		ConnState:                    s.open.note,
		DisableGeneralOptionsHandler: true, // the handler records every request
	}
	return s
}

// count passes requests on, and counts those that are under way. net/http forgets
// a connection once it is upgraded, but the request that did it goes on until the
// tunnel ends.
func (s *Server) count(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.underWay.Add(1)
		defer s.leave()
		handler.ServeHTTP(w, r)
	})
}

// leave counts a request that has ended.
func (s *Server) leave() {
	if s.underWay.Add(-1) > 0 {
		return
	}
	select {
	case s.idle <- struct{}{}:
	default:
	}
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

// Shutdown stops listening and waits for requests and upgraded connections to end.
// When ctx ends first, what is left is cut, and the error says how much that was.
// It may be called again, but not by two at a time.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.cut()
	err := s.http.Shutdown(ctx)
	if err == nil {
		err = s.wait(ctx)
	}
	if err != nil {
		s.http.Close()
		return fmt.Errorf("%d requests and upgraded connections were cut: %w", s.underWay.Load(), err)
	}
	return nil
}

// wait returns when no request is under way, or with the error of ctx.
func (s *Server) wait(ctx context.Context) error {
	for s.underWay.Load() > 0 {
		select {
		case <-s.idle: // now, or some time ago
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
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
