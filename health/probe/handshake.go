package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/dial"
)

// maxHandshake is how many bytes a server may send before the handshake is done. The
// longest chains in use have some tens of KiB.
const maxHandshake = 128 << 10

var errHandshakeTooLarge = fmt.Errorf("the server's side of the handshake exceeds %d bytes", maxHandshake)

// clientConfig is how a handshake under a name begins: as readers' requests begin theirs.
func (t Target) clientConfig(name string) *tls.Config {
	config := dial.Way{Roots: t.Roots, Pins: t.Pins}.TLS(name)
	config.NextProtos = []string{"http/1.1"}
	return config
}

// measured is a connection that gives up once too much was read.
type measured struct {
	net.Conn
	left int
}

// Read reads while there is something left; without bounds it is set to a negative number.
func (c *measured) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, errHandshakeTooLarge
	}
	if c.left > 0 {
		p = p[:min(len(p), c.left)]
	}
	n, err := c.Conn.Read(p)
	if c.left > 0 {
		c.left -= n
	}
	return n, err
}

// handshake proves by TLS that the place is the origin's, where it has TLS. It may take at most two
// thirds of what time is left: a look that fails here still has a question.
func (f *fetch) handshake() bool {
	t := &f.look.target
	if !t.secure() {
		return true
	}
	host := t.URL.Hostname()
	doing := "TLS with " + f.look.at.label + " for " + host
	bounded := &measured{Conn: f.conn, left: maxHandshake}
	config := t.clientConfig(host)
	if t.Sessions != nil {
		config.ClientSessionCache = t.Sessions
		if _, ok := t.Sessions.Get(host); ok {
			// The session has its secret; of the key exchange that comes on top, this one is the
			// cheapest that every server has.
			config.CurvePreferences = []tls.CurveID{tls.CurveP256}
		}
	}
	secure := tls.Client(bounded, config)
	begun := time.Now()
	err := f.limitTo(min(stageTimeout, f.look.left()*2/3))
	if err == nil {
		err = secure.HandshakeContext(f.look.ctx)
	}
	took := time.Since(begun)
	f.timings.Handshake = took
	f.certificate = presented(secure, err)
	var record tls.RecordHeaderError
	switch {
	case err == nil:
		bounded.left = -1
		t.Sessions.shaken(secure.ConnectionState().DidResume)
		f.conn = secure
		f.look.prove(host)
		f.step(health.StageHandshake, took, health.OK, tls.VersionName(secure.ConnectionState().Version)+", "+described(f.certificate))
		return true
	case errors.Is(err, errHandshakeTooLarge):
		return f.fail(health.StageHandshake, health.TLSProtocol, took, doing+": "+err.Error())
	case errors.As(err, &record) && strings.HasPrefix(string(record.RecordHeader[:]), "HTTP/"):
		return f.fail(health.StageHandshake, health.TLSNotTLS, took, doing+": it speaks plain HTTP on this port")
	}
	class := health.Classify(err, health.StageHandshake)
	f.fail(health.StageHandshake, class, took, doing+": "+err.Error())
	if f.certificate != nil {
		f.evidence = append(f.evidence, "it presents a "+described(f.certificate))
	}
	f.compare(class)
	return false
}

// left is the time that the look has left.
func (l *look) left() time.Duration {
	until, ok := l.ctx.Deadline()
	if !ok {
		return stageTimeout
	}
	return max(0, time.Until(until))
}

// prove tells once that the address is the name's. What was reached through a proxy
// proves nothing about addresses seen from here.
func (l *look) prove(host string) {
	if l.proved || l.target.Proved == nil || !l.target.Via.Direct() || !l.at.ip.IsValid() {
		return
	}
	l.proved = true
	l.target.Proved(host, l.at.ip)
}

// presented is the certificate of the other side, also when it was refused.
func presented(conn *tls.Conn, err error) *health.Certificate {
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

// facts are what an operator needs to know of a certificate.
func facts(leaf *x509.Certificate) *health.Certificate {
	c := &health.Certificate{
		Names: slices.Clone(leaf.DNSNames), Issuer: leaf.Issuer.String(), NotAfter: leaf.NotAfter, Pin: dial.PinOf(leaf).String(),
	}
	for _, ip := range leaf.IPAddresses {
		c.Names = append(c.Names, ip.String())
	}
	return c
}

// described is a certificate in words.
func described(c *health.Certificate) string {
	names := strings.Join(c.Names[:min(len(c.Names), 4)], ", ")
	if more := len(c.Names) - 4; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return clipped(fmt.Sprintf("certificate for %s from %s until %s", names, c.Issuer, c.NotAfter.UTC().Format(time.DateOnly)), maxReason)
}

// compare finds out, after a handshake that was cut or not answered, whether it was the name:
// one more ClientHello goes to the same place, with another name in it.
func (f *fetch) compare(class health.Class) {
	byName := map[health.Class]health.Class{
		health.TLSReset: health.TLSResetSNI, health.TLSEOF: health.TLSResetSNI, health.TLSTimeout: health.TLSTimeoutSNI,
	}[class]
	if byName == "" || f.look.ctx.Err() != nil {
		return
	}
	name, words := f.look.target.otherName()
	answer, err := f.look.greet(name)
	if err != nil {
		f.evidence = append(f.evidence, fmt.Sprintf("a ClientHello %s is not answered there either: %v", words, err))
		return
	}
	f.class = byName
	f.evidence = append(f.evidence, fmt.Sprintf("a ClientHello %s is answered at the same address, with %s: it is the name %s that is cut off",
		words, answer, f.look.target.URL.Hostname()))
	f.steps[len(f.steps)-1].Class = byName
}

// otherName is the name for the comparison. An address is a name that crypto/tls
// leaves out of the ClientHello.
func (t Target) otherName() (name, words string) {
	host := t.URL.Hostname()
	for _, other := range t.OtherNames {
		if _, err := netip.ParseAddr(other); err != nil && other != "" && !strings.EqualFold(other, host) {
			return other, "with the name " + other
		}
	}
	return netip.IPv4Unspecified().String(), "without a name"
}

// greet sends a ClientHello under a name over a fresh connection, and says what comes back.
// It looks at the first bytes and at nothing else: no handshake goes on, nothing is
// trusted, nothing more is sent.
func (l *look) greet(name string) (answer string, err error) {
	hello, err := l.target.clientHello(name)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(l.ctx, stageTimeout)
	defer cancel()
	conn, err := l.target.Via.DialContext(ctx, "tcp", l.at.address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	unwatch := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer unwatch()
	if _, err := conn.Write(hello); err != nil {
		return "", err
	}
	var first [6]byte // RFC 8446 §5.1: type, version, length; and the type of the message
	if _, err := io.ReadFull(conn, first[:]); err != nil {
		return "", err
	}
	const alert, handshake, serverHello = 21, 22, 2
	switch {
	case first[0] == handshake && first[1] == 3 && first[5] == serverHello:
		return "a ServerHello", nil
	case first[0] == alert && first[1] == 3:
		return "an alert", nil
	}
	return "", fmt.Errorf("what comes back is not TLS (% x)", first)
}

// clientHello is the bytes with which a handshake under a name begins.
func (t Target) clientHello(name string) ([]byte, error) {
	var heard captured
	err := tls.Client(&heard, t.clientConfig(name)).HandshakeContext(context.Background())
	if !errors.Is(err, errCaptured) {
		return nil, fmt.Errorf("writing a ClientHello: %w", err)
	}
	return heard.sent, nil
}

var errCaptured = errors.New("there is nobody to answer")

// captured is a connection to nobody that keeps what is sent.
type captured struct {
	net.Conn
	sent []byte
}

// Write keeps the bytes.
func (c *captured) Write(p []byte) (int, error) { c.sent = append(c.sent, p...); return len(p), nil }

// Read ends the handshake.
func (c *captured) Read([]byte) (int, error) { return 0, errCaptured }

// Close has nothing to close.
func (c *captured) Close() error { return nil }
