package health

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestClassify(t *testing.T) {
	op := func(op string, err error) error { return &net.OpError{Op: op, Net: "tcp", Err: err} }
	call := func(n syscall.Errno) error { return os.NewSyscallError("call", n) }
	get := func(err error) error { return &url.Error{Op: "Get", URL: "https://a.example/", Err: err} }
	reset := op("read", call(syscall.ECONNRESET))
	slow := os.ErrDeadlineExceeded

	tests := []struct {
		name string
		err  error
		at   Stage
		want Class
	}{
		{"no error", nil, StageBody, OK},
		{"cancelled", get(context.Canceled), StageRequest, InternalError},
		{"a connection closed here", op("read", net.ErrClosed), StageBody, InternalError},
		{"no descriptors left", op("dial", call(syscall.EMFILE)), StageConnect, InternalError},
		{"no ports left", op("dial", call(syscall.EADDRNOTAVAIL)), StageConnect, InternalError},
		{"a forbidden address", fmt.Errorf("%w: 127.0.0.1", ErrAddressForbidden), StageConnect, AddressForbidden},
		{"a forbidden address, from a resolver", op("dial", fmt.Errorf("%w: 127.0.0.1", ErrAddressForbidden)), StageResolve, AddressForbidden},

		{"NXDOMAIN", op("dial", &net.DNSError{Err: "no such host", IsNotFound: true}), StageConnect, DNSNotFound},
		{"SERVFAIL", &net.DNSError{Err: "server misbehaving", IsTemporary: true}, StageResolve, DNSError},
		{"a silent resolver", &net.DNSError{Err: "i/o timeout", IsTimeout: true}, StageResolve, DNSTimeout},
		{"resolving took too long", context.DeadlineExceeded, StageResolve, DNSTimeout},
		{"a reset from a resolver", reset, StageResolve, DNSError},
		{"anything else while resolving", errors.New("odd"), StageResolve, DNSError},

		{"refused", op("dial", call(syscall.ECONNREFUSED)), StageConnect, ConnectRefused},
		{"refused on a second attempt", op("dial", call(syscall.ECONNREFUSED)), StageRequest, ConnectRefused},
		{"no route to host", op("dial", call(syscall.EHOSTUNREACH)), StageConnect, Unreachable},
		{"no route to network", op("dial", call(syscall.ENETUNREACH)), StageConnect, Unreachable},
		{"a packet filter says no", op("dial", call(syscall.EPERM)), StageConnect, Unreachable},
		{"a proxy says no", op("socks connect", errors.New("unknown error general SOCKS server failure")), StageRequest, Unreachable},
		{"connecting took too long", context.DeadlineExceeded, StageConnect, ConnectTimeout},
		{"the kernel gave up", op("dial", call(syscall.ETIMEDOUT)), StageRequest, ConnectTimeout},
		{"a timeout of unknown stage", slow, "", ConnectTimeout},
		{"reset before anything was sent", reset, StageConnect, ConnectReset},
		{"closed before anything was sent", io.EOF, StageConnect, ConnectReset},

		{"reset in the handshake", reset, StageHandshake, TLSReset},
		{"closed in the handshake", io.EOF, StageHandshake, TLSEOF},
		{"silence in the handshake", slow, StageHandshake, TLSTimeout},
		{"no TLS on the port", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, StageHandshake, TLSNotTLS},
		{"no TLS on the port, seen by net/http", get(http.ErrSchemeMismatch), StageHandshake, TLSNotTLS},
		{"an alert", op("remote error", errors.New("tls: handshake failure")), StageHandshake, TLSAlert},
		{"an alert that came late", op("remote error", errors.New("tls: certificate required")), StageRequest, TLSAlert},
		{"an alert of QUIC", tls.AlertError(40), StageHandshake, TLSAlert},
		{"another fault in the handshake", errors.New("tls: server selected unsupported protocol version 301"), StageHandshake, TLSProtocol},
		{"anything else in the handshake", errors.New("odd"), StageHandshake, TLSProtocol},
		{"unknown authority", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, StageHandshake, TLSUnknownCA},
		{"unknown authority, bare", get(x509.UnknownAuthorityError{}), StageHandshake, TLSUnknownCA},
		{"wrong name", x509.HostnameError{Host: "a.example", Certificate: &x509.Certificate{}}, StageHandshake, TLSWrongHost},
		{"expired", x509.CertificateInvalidError{Reason: x509.Expired}, StageHandshake, TLSExpired},
		{"not for servers", x509.CertificateInvalidError{Reason: x509.IncompatibleUsage}, StageHandshake, TLSCertificate},
		{"a key that is not pinned", fmt.Errorf("%w: sha256/x", ErrPinMismatch), StageHandshake, TLSPinMismatch},
		{"a proxy that is not there", fmt.Errorf("%w: %w", ErrViaFailed, op("dial", call(syscall.ECONNREFUSED))), StageConnect, ViaFailed},
		{"not a certificate", errors.New("tls: failed to parse certificate from server: x509: malformed"), StageHandshake, TLSCertificate},

		{"reset after the request", reset, StageRequest, RequestReset},
		{"closed after the request", get(io.EOF), StageRequest, RequestEOF},
		{"closed inside the header", io.ErrUnexpectedEOF, StageRequest, RequestEOF},
		{"writing to a closed connection", op("write", call(syscall.EPIPE)), StageRequest, RequestEOF},
		{"an idle connection was gone", errors.New("http: server closed idle connection"), StageRequest, RequestEOF},
		{"an HTTP/2 server goes away", errors.New("http2: server sent GOAWAY and closed the connection"), StageRequest, StreamReset},
		{"silence after the request", slow, StageRequest, FirstByteTimeout},
		{"not HTTP", errors.New(`malformed HTTP response "SSH-2.0"`), StageRequest, ProtocolError},
		{"anything else after the request", errors.New("odd"), StageRequest, ProtocolError},
		{"an HTTP/2 header that is too large", errors.New("http2: response header list larger than advertised limit"), StageRequest, HeaderTooLarge},

		{"cut in the body", io.ErrUnexpectedEOF, StageBody, BodyTruncated},
		{"reset in the body", reset, StageBody, BodyTruncated},
		{"an HTTP/2 stream reset in the body", errors.New("stream error: stream ID 1; INTERNAL_ERROR; received from peer"), StageBody, StreamReset},
		{"the body stopped", slow, StageBody, BodyStalled},
		{"a bad chunk", errors.New("invalid byte in chunk length"), StageBody, ProtocolError},
		{"no gzip", gzip.ErrHeader, StageBody, ProtocolError},
		{"broken gzip", flate.CorruptInputError(7), StageBody, ProtocolError},
		{"anything else in the body", errors.New("odd"), StageBody, BodyTruncated},
		{"anything else, anywhere", errors.New("odd"), "", InternalError},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, Classify(test.err, test.at))
		})
	}
}

func TestEveryClassThatClassifyGivesIsOfTheClosedSet(t *testing.T) {
	for _, at := range append(Stages(), "") {
		for _, err := range []error{io.EOF, os.ErrDeadlineExceeded, errors.New("odd"), syscall.ECONNRESET} {
			require.Contains(t, Classes(), Classify(err, at))
		}
	}
}

// TestClassifyWhatNetHTTPReturns runs the errors that net/http gives no type
// through the real thing, so that a change of their text is noticed.
func TestClassifyWhatNetHTTPReturns(t *testing.T) {
	tests := []struct {
		name   string
		scheme string
		answer func(net.Conn)
		want   Class
	}{
		{"not HTTP", "http", say("SSH-2.0-OpenSSH_9.9\r\n"), ProtocolError},
		{"a header without a colon", "http", say("HTTP/1.1 200 OK\r\nodd\r\n\r\n"), ProtocolError},
		{"a header without an end", "http", say("HTTP/1.1 200 OK\r\nOdd: " + strings.Repeat("x", 1<<16)), HeaderTooLarge},
		{"an impossible length", "http", say("HTTP/1.1 200 OK\r\nContent-Length: -7\r\n\r\n"), ProtocolError},
		{"an unknown transfer coding", "http", say("HTTP/1.1 200 OK\r\nTransfer-Encoding: carrier-pigeon\r\n\r\n"), ProtocolError},
		{"closed after the request", "http", say(""), RequestEOF},
		{"reset after the request", "http", func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }, RequestReset},
		{"silence after the request", "http", silent, FirstByteTimeout},
		{"silence in the handshake", "https", silent, TLSTimeout},
		{"plain HTTP on the TLS port", "https", say("HTTP/1.0 400 Bad Request\r\n\r\n"), TLSNotTLS},
		{"a chunk that is none", "http", say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nodd\r\n"), ProtocolError},
		{"a chunk that is cut", "http", say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nodd"), BodyTruncated},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err, at := fetch(t, test.scheme+"://"+answering(t, test.answer))
			require.Error(t, err)
			require.Equal(t, test.want, Classify(err, at), "%v at %s", err, at)
		})
	}
}

// answering serves one connection and returns its address.
func answering(t *testing.T, answer func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		// The request, or a ClientHello: both come in one piece.
		_, _ = bufio.NewReader(c).ReadByte()
		answer(c)
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func say(text string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, text) }
}

// silent waits for the other side to give up.
func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// fetch gets a page as the live path does, and says how far it came.
func fetch(t *testing.T, address string) (error, Stage) {
	transport := &http.Transport{
		TLSHandshakeTimeout: 50 * time.Millisecond, ResponseHeaderTimeout: 50 * time.Millisecond,
		MaxResponseHeaderBytes: 4096,
	}
	defer transport.CloseIdleConnections()
	at := StageConnect
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		TLSHandshakeStart: func() { at = StageHandshake },
		GotConn:           func(httptrace.GotConnInfo) { at = StageRequest },
	})
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	require.NoError(t, err)
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return err, at
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err, StageBody
}
