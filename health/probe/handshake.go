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

// handshake proves by TLS that the place is the origin's, where it has TLS. A handshake that
// offered an earlier session and failed says little of the origin: it is made once more in full,
// over a fresh connection, and only what comes of that counts.
func (f *fetch) handshake() bool {
	t := &f.look.target
	if !t.secure() {
		return true
	}
	var sessions tls.ClientSessionCache
	offers := false
	if t.Sessions != nil {
		sessions = t.Sessions
		_, offers = t.Sessions.Get(t.URL.Hostname())
	}
	s := f.shake(sessions, offers)
	if s.err == nil || !offers || f.look.ctx.Err() != nil {
		return f.shaken(s, "")
	}
	t.Sessions.Forget()
	before := "a handshake that would have gone on with an earlier session failed: " + s.err.Error()
	if !f.reconnect() {
		f.evidence = append(f.evidence, before)
		return false
	}
	return f.shaken(f.shake(onlyNew{t.Sessions}, false), before)
}

// handshaken is what came of one handshake.
type handshaken struct {
	conn *tls.Conn
	took time.Duration
	err  error
}

// classical are the key exchanges that are offered beside a session. The session has its secret
// already, so that the one that withstands quantum computers, by far the dearest, adds nothing.
func classical() []tls.CurveID {
	return []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
}

// shake makes one handshake over the connection as it stands. It may take at most two thirds of what
// time is left: a look that fails here still has a question.
func (f *fetch) shake(sessions tls.ClientSessionCache, offers bool) handshaken {
	t := &f.look.target
	config := t.clientConfig(t.URL.Hostname())
	config.ClientSessionCache = sessions
	if offers {
		config.CurvePreferences = classical()
	}
	bounded := &measured{Conn: f.conn, left: maxHandshake}
	s := handshaken{conn: tls.Client(bounded, config)}
	begun := time.Now()
	if s.err = f.limitTo(min(stageTimeout, f.look.left()*2/3)); s.err == nil {
		s.err = s.conn.HandshakeContext(f.look.ctx)
	}
	s.took = time.Since(begun)
	if s.err == nil {
		bounded.left = -1
	}
	return s
}

// shaken goes on with what came of the handshake that counts. Before is what came before it.
func (f *fetch) shaken(s handshaken, before string) bool {
	t := &f.look.target
	host := t.URL.Hostname()
	f.timings.Handshake = s.took
	f.certificate = presented(s.conn, s.err)
	if s.err == nil {
		state := s.conn.ConnectionState()
		t.Sessions.shaken(state.DidResume)
		f.conn = s.conn
		f.look.prove(host)
		words := tls.VersionName(state.Version) + ", " + described(f.certificate)
		if before != "" {
			words += "; before that, " + before
		}
		f.step(health.StageHandshake, s.took, health.OK, words)
		return true
	}
	class, doing := health.Classify(s.err, health.StageHandshake), "TLS with "+f.look.at.label+" for "+host
	var record tls.RecordHeaderError
	switch {
	case errors.Is(s.err, errHandshakeTooLarge):
		class = health.TLSProtocol
	case errors.As(s.err, &record) && strings.HasPrefix(string(record.RecordHeader[:]), "HTTP/"):
		return f.fail(health.StageHandshake, health.TLSNotTLS, s.took, doing+": it speaks plain HTTP on this port")
	}
	f.fail(health.StageHandshake, class, s.took, doing+": "+s.err.Error())
	if f.certificate != nil {
		f.evidence = append(f.evidence, "it presents a "+described(f.certificate))
	}
	f.compare(class)
	if before != "" {
		f.evidence = append(f.evidence, before)
	}
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
		Issuer: clipped(leaf.Issuer.String(), maxReason), NotAfter: leaf.NotAfter, Pin: dial.PinOf(leaf).String(),
	}
	for _, name := range leaf.DNSNames {
		c.Names = append(c.Names, clipped(name, maxReason))
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
