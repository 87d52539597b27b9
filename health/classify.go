package health

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// ErrAddressForbidden is what a resolver or dialer of this edge wraps when an
// origin's name leads to an address that must not be connected to: the edge
// itself, or a network the operator has not opened. [Classify] knows it.
var ErrAddressForbidden = errors.New("address is forbidden for origins")

// ErrPinMismatch is what the verification of a connection wraps when the key that
// the origin proved to have is none of those that its configuration pins.
var ErrPinMismatch = errors.New("the certificate's key is not pinned")

// ErrViaFailed is what a connection through a proxy wraps when the proxy itself could
// not be reached, or refused.
var ErrViaFailed = errors.New("the proxy that the origin is reached through failed")

// Classify says what an error of a look means. Stage is the furthest stage the
// look had reached: one and the same reset is a different fact before the
// handshake, inside it and after the request.
//
// Nil is OK. A cancelled context is InternalError, as is everything that is the
// edge's own doing (a connection it closed, no file descriptors left): the caller drops the first, and
// [State.Next] lets neither count against the origin.
func Classify(err error, at Stage) Class {
	if err == nil {
		return OK
	}
	if dialing(err) {
		at = StageConnect
	}
	for _, rule := range []func(error, Stage) Class{own, resolving, certificate, timeout, connecting, handshaking, header, stream, cut, malformed} {
		if c := rule(err, at); c != "" {
			return c
		}
	}
	return otherwise(at)
}

// dialing reports whether the error happened before there was a connection,
// whatever an earlier attempt of the same request had reached.
func dialing(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect" || op.Op == "socks connect")
}

// own finds what is not the origin's doing.
func own(err error, _ Stage) Class {
	switch {
	case errors.Is(err, ErrAddressForbidden):
		return AddressForbidden
	case errors.Is(err, ErrViaFailed) && !errors.Is(err, context.Canceled):
		return ViaFailed
	case errors.Is(err, context.Canceled), errors.Is(err, net.ErrClosed), is(err, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL):
		return InternalError
	}
	return ""
}

func resolving(err error, at Stage) Class {
	var dns *net.DNSError
	switch {
	case !errors.As(err, &dns):
		return ""
	case dns.IsTimeout:
		return DNSTimeout
	case dns.IsNotFound:
		return DNSNotFound
	}
	return DNSError
}

func certificate(err error, _ Stage) Class {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		hostname     x509.HostnameError
		invalid      x509.CertificateInvalidError
	)
	switch {
	case errors.Is(err, ErrPinMismatch):
		return TLSPinMismatch
	case errors.As(err, &authority):
		return TLSUnknownCA
	case errors.As(err, &hostname):
		return TLSWrongHost
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return TLSExpired
	case errors.As(err, &invalid), errors.As(err, &verification):
		return TLSCertificate
	}
	// crypto/tls has no type for a chain it cannot even parse.
	if strings.Contains(err.Error(), "tls: failed to parse certificate") {
		return TLSCertificate
	}
	return ""
}

func timeout(err error, at Stage) Class {
	var t interface{ Timeout() bool }
	if !errors.Is(err, context.DeadlineExceeded) && (!errors.As(err, &t) || !t.Timeout()) {
		return ""
	}
	// net/http names the stage only in these two texts; they outrank the trace.
	switch text := err.Error(); {
	case strings.Contains(text, "TLS handshake timeout"):
		return TLSTimeout
	case strings.Contains(text, "timeout awaiting response headers"):
		return FirstByteTimeout
	}
	switch at {
	case StageResolve:
		return DNSTimeout
	case StageHandshake:
		return TLSTimeout
	case StageRequest:
		return FirstByteTimeout
	case StageBody, StageIdentity:
		return BodyStalled
	}
	return ConnectTimeout
}

func connecting(err error, _ Stage) Class {
	switch {
	case is(err, syscall.ECONNREFUSED):
		return ConnectRefused
	case is(err, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EHOSTDOWN, syscall.EACCES, syscall.EPERM):
		// EACCES and EPERM are what a local packet filter's refusal looks like.
		return Unreachable
	}
	return ""
}

func handshaking(err error, at Stage) Class {
	var (
		record tls.RecordHeaderError
		alert  tls.AlertError
		op     *net.OpError
	)
	switch {
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return TLSNotTLS
	case errors.As(err, &alert), errors.As(err, &op) && op.Op == "remote error":
		// crypto/tls keeps the type of an alert from the other side private. A TLS 1.3
		// server's may come only after the request.
		return TLSAlert
	case errors.As(err, &op) && op.Op == "local error":
		return TLSProtocol
	case at == StageHandshake && strings.Contains(err.Error(), "tls: "):
		return TLSProtocol
	}
	return ""
}

// header finds an answer's header section that is too large; net/http and its
// HTTP/2 have only texts for it.
func header(err error, _ Stage) Class {
	if containsAny(err.Error(), "response headers exceeded", "header list larger than", "message too large") {
		return HeaderTooLarge
	}
	return ""
}

// cut finds connections and streams that ended before their time.
func cut(err error, at Stage) Class {
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) &&
		!is(err, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED) &&
		!containsAny(err.Error(), "server closed idle connection", "client connection lost", "unexpected EOF") {
		return ""
	}
	closed := !is(err, syscall.ECONNRESET, syscall.ECONNABORTED)
	switch at {
	case StageResolve:
		return DNSError
	case StageHandshake:
		if closed {
			return TLSEOF
		}
		return TLSReset
	case StageRequest:
		if closed {
			return RequestEOF
		}
		return RequestReset
	case StageBody, StageIdentity:
		return BodyTruncated
	}
	return ConnectReset
}

// stream finds HTTP/2 streams and connections that the other side ended. Its texts
// are all there is: net/http keeps the types of its HTTP/2 private.
func stream(err error, _ Stage) Class {
	if containsAny(err.Error(), "stream error: ", "GOAWAY") {
		return StreamReset
	}
	return ""
}

// malformed finds answers that break HTTP or their own content coding.
func malformed(err error, at Stage) Class {
	var corrupt flate.CorruptInputError
	if errors.As(err, &corrupt) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return ProtocolError
	}
	if containsAny(err.Error(), "malformed ", "invalid byte in chunk", "chunked encoding", "transfer encoding",
		"invalid Content-Length", "bad Content-Length", "http2: ", "connection error: ") {
		return ProtocolError
	}
	return ""
}

// otherwise is the class of an error that no rule knows: the plainest one of its stage.
func otherwise(at Stage) Class {
	switch at {
	case StageResolve:
		return DNSError
	case StageConnect:
		return Unreachable
	case StageHandshake:
		return TLSProtocol
	case StageRequest:
		return ProtocolError
	case StageBody, StageIdentity:
		return BodyTruncated
	}
	return InternalError
}

func is(err error, numbers ...syscall.Errno) bool {
	for _, n := range numbers {
		if errors.Is(err, n) {
			return true
		}
	}
	return false
}

func containsAny(text string, parts ...string) bool {
	for _, p := range parts {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}
