package probe

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/health"
)

// What an origin sends and an operator reads is cut to these many bytes.
const (
	maxReason   = 512
	maxLocation = 2048
)

// look is one walk through the stages. Each stage is a method that reports
// whether the next one is worth taking; when it is not, result says why.
type look struct {
	target  Target
	address string
	caller  context.Context // for the difference between our limit and the caller's end
	ctx     context.Context // caller with Timeout
	cancel  context.CancelFunc
	conn    net.Conn
	unwatch func() bool // ends the watch of ctx over conn
	answer  *answer
	page    []byte // decoded, as far as it is looked at

	result Result
}

func (l *look) begin(address netip.Addr) {
	l.ctx, l.cancel = context.WithTimeout(l.caller, l.target.timeout())
	l.address = net.JoinHostPort(address.Unmap().String(), l.target.port())
	l.result.Address = l.address
	l.result.Class = health.OK
}

func (l *look) end() {
	if l.conn != nil {
		l.unwatch()
		// Nothing that was sent is unread on purpose, and nobody waits for the close.
		_ = l.conn.Close()
	}
	l.cancel()
}

// fail ends the look. It is false, so that a stage can return it.
func (l *look) fail(stage health.Stage, class health.Class, doing string, err error) bool {
	l.result.At = time.Now()
	if err != nil {
		doing += ": " + err.Error()
	}
	l.result.Class, l.result.Stage, l.result.Reason = class, stage, clipped(doing, maxReason)
	if l.caller != nil && errors.Is(l.caller.Err(), context.Canceled) {
		l.result.Class, l.result.Reason = health.InternalError, clipped("the look was cut short while "+doing, maxReason)
	}
	return false
}

// failWith is fail for an error of the connection.
func (l *look) failWith(stage health.Stage, doing string, err error) bool {
	return l.fail(stage, health.Classify(err, stage), doing, err)
}

// limit gives the connection the time of one stage.
func (l *look) limit() error {
	until := time.Now().Add(stageTimeout)
	if total, ok := l.ctx.Deadline(); ok && total.Before(until) {
		until = total
	}
	if err := l.conn.SetDeadline(until); err != nil {
		return err
	}
	// After the deadline and not before: ctx may have ended, and its watch have
	// set the deadline that was just overwritten.
	return l.ctx.Err()
}

func (l *look) connect() bool {
	doing := "connecting to " + l.address
	ctx, cancel := context.WithTimeout(l.ctx, stageTimeout)
	defer cancel()
	begun := time.Now()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.address)
	took := time.Since(begun)
	l.result.Timings.Connect = took
	if err != nil {
		return l.failWith(health.StageConnect, doing, err)
	}
	return l.connected(conn, took)
}

// connected takes the connection over and looks whether it stands. A reset that
// comes before anything was sent is a fact of the address; one that comes after
// the name was sent is a fact of the name. Neither side speaks first in TLS or
// HTTP, so a short read tells them apart. It lasts as long as the connecting did,
// because a server's reset needs that round trip, within 10 and 250 ms.
func (l *look) connected(conn net.Conn, took time.Duration) bool {
	l.conn = conn
	l.unwatch = context.AfterFunc(l.ctx, func() {
		// The past: whatever is being read or written returns at once.
		_ = conn.SetDeadline(time.Unix(1, 0))
	})
	first := make([]byte, 1)
	settle := time.Now().Add(min(max(took, 10*time.Millisecond), 250*time.Millisecond))
	err := conn.SetReadDeadline(settle)
	var n int
	if err == nil {
		n, err = conn.Read(first)
	}
	var timeout net.Error
	switch {
	case n > 0:
		l.conn = &spokeFirst{Conn: conn, first: first}
	case errors.As(err, &timeout) && timeout.Timeout() && l.ctx.Err() == nil:
	default:
		return l.failWith(health.StageConnect, "connected to "+l.address+", but not for long", err)
	}
	return true
}

// spokeFirst is a connection whose first byte was read already.
type spokeFirst struct {
	net.Conn
	first []byte
}

func (c *spokeFirst) Read(p []byte) (int, error) {
	if len(c.first) > 0 && len(p) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

func (l *look) handshake() bool {
	if !l.target.secure() {
		return true
	}
	host := l.target.URL.Hostname()
	doing := "TLS with " + l.address + " for " + host
	secure := tls.Client(l.conn, &tls.Config{
		ServerName: host,
		RootCAs:    l.target.Roots,
		NextProtos: []string{"http/1.1"},
		MinVersion: tls.VersionTLS12,
	})
	begun := time.Now()
	err := l.limit()
	if err == nil {
		err = secure.HandshakeContext(l.ctx)
	}
	l.result.Timings.Handshake = time.Since(begun)
	l.result.Certificate = presented(secure, err)
	if l.result.Certificate != nil {
		l.result.NotAfter = l.result.Certificate.NotAfter
	}
	var record tls.RecordHeaderError
	switch {
	case err == nil:
		l.conn = secure
		return true
	case errors.As(err, &record) && strings.HasPrefix(string(record.RecordHeader[:]), "HTTP/"):
		return l.fail(health.StageHandshake, health.TLSProtocol, doing+": it speaks plain HTTP on this port", nil)
	}
	return l.failWith(health.StageHandshake, doing, err)
}

// presented is the certificate of the other side, also when it was refused.
func presented(conn *tls.Conn, err error) *Certificate {
	chain := conn.ConnectionState().PeerCertificates
	var refused *tls.CertificateVerificationError
	if errors.As(err, &refused) {
		chain = refused.UnverifiedCertificates
	}
	if len(chain) == 0 {
		return nil
	}
	return facts(chain[0])
}

func facts(leaf *x509.Certificate) *Certificate {
	c := &Certificate{Names: leaf.DNSNames, Issuer: leaf.Issuer.String(), NotAfter: leaf.NotAfter}
	for _, ip := range leaf.IPAddresses {
		c.Names = append(c.Names, ip.String())
	}
	return c
}

func (l *look) request() bool {
	doing := "sending the request to " + l.address
	r, err := l.target.request()
	if err != nil {
		return l.fail(health.StageRequest, health.InternalError, doing, err)
	}
	if err = l.limit(); err == nil {
		w := bufio.NewWriter(l.conn)
		if err = r.Write(w); err == nil {
			err = w.Flush()
		}
	}
	if err != nil {
		return l.failWith(health.StageRequest, doing, err)
	}
	return true
}

// request is the one GET: plain about who asks, and not to be answered from a
// cache in front of the origin.
func (t Target) request() (*http.Request, error) {
	page, err := t.pageURL()
	if err != nil {
		return nil, err
	}
	r := &http.Request{
		Method: http.MethodGet, URL: page, Host: cmp.Or(t.Host, t.URL.Host), Close: true,
		Header: http.Header{
			"User-Agent":      {cmp.Or(t.Agent, defaultAgent)},
			"Accept":          {"text/html,*/*"},
			"Accept-Encoding": {"identity"},
			"Cache-Control":   {"no-cache"},
		},
	}
	if t.EdgeID != "" {
		r.Header["Cdn-Loop"] = []string{t.EdgeID}
	}
	return r, nil
}

// answered reads the answer's header and judges its status.
func (l *look) answered() bool {
	begun := time.Now()
	a, err := readAnswer(l.conn)
	l.result.Timings.FirstByte = time.Since(begun)
	l.answer = a
	switch {
	case errors.Is(err, errHeaderTooLarge):
		return l.fail(health.StageRequest, health.HeaderTooLarge, "reading the answer of "+l.address, err)
	case err != nil:
		return l.failWith(health.StageRequest, "waiting for the answer of "+l.address, err)
	}
	l.result.Status = a.StatusCode
	location := a.Header.Get("Location")
	l.result.Location = clipped(location, maxLocation)
	page, err := l.target.pageURL()
	if err != nil {
		return l.fail(health.StageRequest, health.InternalError, "judging the status", err)
	}
	class, reason := judgeStatus(a.StatusCode, location, page, l.target.Hosts)
	if class != health.OK {
		return l.fail(health.StageRequest, class, reason, nil)
	}
	// A redirect on the site says that the origin is well; its page is elsewhere.
	return a.StatusCode < 300
}

// body reads what the page is judged by. A body that goes on beyond that is
// none of the probe's business.
func (l *look) body() bool {
	begun := time.Now()
	defer func() {
		l.result.Timings.Body = time.Since(begun)
		l.result.BodyBytes = l.answer.received()
	}()
	var err error
	l.page, err = l.answer.page(l.limit)
	switch {
	case errors.Is(err, errCoding):
		return l.fail(health.StageBody, health.ProtocolError, "reading the body", err)
	case err != nil:
		doing := fmt.Sprintf("reading the body from %s, after %d bytes", l.address, l.answer.received())
		return l.failWith(health.StageBody, doing, err)
	}
	return true
}

func (l *look) identity() bool {
	if missing, found := lacks(l.page, l.target.Contains); found {
		return l.fail(health.StageIdentity, health.IdentityMissing,
			fmt.Sprintf("the page of %d bytes does not contain %q", len(l.page), missing), nil)
	}
	return true
}

// clipped is text in at most limit bytes, whole characters only.
func clipped(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}
