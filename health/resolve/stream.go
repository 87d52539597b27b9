package resolve

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/miekg/dns"
)

// maxHeader bounds the header of an answer over HTTPS.
const maxHeader = 16 << 10

// overStream asks over a new TCP connection, with TLS inside where the server
// has it (RFC 7858).
func (a asker) overStream(ctx context.Context, server Server, q question) heard {
	conn, err := a.connect(ctx, server)
	if err != nil {
		return heard{err: err}
	}
	if server.scheme == schemeTLS {
		secure := tls.Client(conn, a.tls(server))
		if err = secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return heard{err: err}
		}
		conn = secure
	}
	return overConn(ctx, conn, q)
}

// connect tries the server's addresses one after the other.
func (a asker) connect(ctx context.Context, server Server) (net.Conn, error) {
	var errs []error
	for _, address := range server.addresses() {
		conn, err := a.dial(ctx, "tcp", address)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

func (a asker) tls(server Server) *tls.Config {
	return &tls.Config{ServerName: server.host, RootCAs: a.roots, MinVersion: tls.VersionTLS12}
}

// overConn asks on a connection and closes it. Messages have their length in
// front (RFC 1035 §4.2.2).
func overConn(ctx context.Context, conn net.Conn, q question) (h heard) {
	defer conn.Close()
	defer endWith(ctx, conn)()
	begun := time.Now()
	asked := q.message(false)
	wire, err := asked.Pack()
	if err != nil {
		return heard{err: err}
	}
	framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
	if _, err = conn.Write(framed); err != nil {
		return heard{err: err}
	}
	var size [2]byte
	if _, err = io.ReadFull(conn, size[:]); err != nil {
		return heard{err: err}
	}
	answer := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err = io.ReadFull(conn, answer); err != nil {
		return heard{err: err}
	}
	return h.only(answer, asked, begun)
}

// only takes the one message that a stream has for a question. There is no
// other to wait for, so what does not fit is garbage.
func (h heard) only(wire []byte, asked *dns.Msg, begun time.Time) heard {
	reply, f := read(wire, asked, false)
	reply.After = time.Since(begun)
	h.note(reply, f)
	h.garbage = f != fits
	return h
}

// transport is for the questions of one lookup: their connection is shared if
// the server speaks HTTP/2, and is not kept afterwards.
func (a asker) transport(server Server) *http.Transport {
	return &http.Transport{
		// What a request began to open outlives it without limits of its own.
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, a.timeout)
			defer cancel()
			return a.connect(ctx, server)
		},
		TLSHandshakeTimeout:    a.timeout,
		IdleConnTimeout:        a.timeout,
		TLSClientConfig:        a.tls(server),
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// overHTTPS asks by POST (RFC 8484). Redirects are not followed: RoundTrip does not.
func (a asker) overHTTPS(ctx context.Context, transport http.RoundTripper, server Server, q question) (h heard) {
	begun := time.Now()
	asked := q.message(false)
	asked.Id = 0 // RFC 8484 §4.1: HTTP pairs answers with questions
	wire, err := asked.Pack()
	if err != nil {
		return heard{err: err}
	}
	target := "https://" + net.JoinHostPort(server.host, server.port) + server.path
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(wire))
	if err != nil {
		return heard{err: err}
	}
	request.Header.Set("Content-Type", "application/dns-message")
	request.Header.Set("Accept", "application/dns-message")
	request.Header["User-Agent"] = nil // who asks is nobody's business
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return heard{err: err}
	}
	defer answer.Body.Close()
	body, err := messageIn(answer)
	if err != nil {
		return heard{err: err}
	}
	h = h.only(body, asked, begun)
	for i := range h.replies {
		h.replies[i].TTL = max(0, h.replies[i].TTL-age(answer))
	}
	return h
}

// messageIn is the DNS message in an answer over HTTPS.
func messageIn(answer *http.Response) ([]byte, error) {
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the resolver answered with the status %d", answer.StatusCode)
	}
	kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil || kind != "application/dns-message" {
		return nil, errors.New("the resolver answered with something else than application/dns-message")
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxMessage+1))
	if err == nil && len(body) > maxMessage {
		err = fmt.Errorf("the resolver's answer is longer than the %d bytes of a message", maxMessage)
	}
	return body, err
}

// age is how long a cache on the way has kept an answer, which counts against
// the times to live in it (RFC 8484 §5.1).
func age(answer *http.Response) time.Duration {
	seconds, err := strconv.ParseUint(answer.Header.Get("Age"), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
