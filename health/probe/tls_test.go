package probe

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/dial"
)

func TestWhatATLSOriginDoes(t *testing.T) {
	ours, foreign := newAuthority(t), newAuthority(t)
	tomorrow, yesterday := time.Now().Add(24*time.Hour), time.Now().Add(-time.Hour)
	good := say(whole(200, "", page))
	tests := []struct {
		name    string
		origin  func(net.Conn)
		timeout time.Duration
		class   health.Class
		stage   health.Stage
		names   []string // of the certificate; nil without one
	}{
		{"a good page", over(ours.sign(t, name, tomorrow), good), 0, health.OK, "", []string{name}},
		{"a reset after the ClientHello", func(c net.Conn) { hear(c); reset(c) }, 0, health.TLSReset, health.StageHandshake, nil},
		{"an end after the ClientHello", say(), 0, health.TLSEOF, health.StageHandshake, nil},
		{"silence after the ClientHello", silent, short, health.TLSTimeout, health.StageHandshake, nil},
		{"plain HTTP on the TLS port", say("HTTP/1.0 400 Bad Request\r\n\r\n"), 0, health.TLSNotTLS, health.StageHandshake, nil},
		{"garbage on the TLS port", say("220 mail.example ESMTP\r\n"), 0, health.TLSNotTLS, health.StageHandshake, nil},
		{"an older TLS only", older(ours.sign(t, name, tomorrow)), 0, health.TLSAlert, health.StageHandshake, nil},
		{"10 MB of handshake", flooded, 0, health.TLSProtocol, health.StageHandshake, nil},
		{"a reset after the request", over(ours.sign(t, name, tomorrow), func(c net.Conn) { hear(c); reset(c.(*tls.Conn).NetConn()); c.(*tls.Conn).NetConn().Close() }), 0, health.RequestReset, health.StageRequest, []string{name}},
		{"an alert", say("\x15\x03\x03\x00\x02\x02\x28"), 0, health.TLSAlert, health.StageHandshake, nil},
		{"an unknown authority", over(foreign.sign(t, name, tomorrow), good), 0, health.TLSUnknownCA, health.StageHandshake, []string{name}},
		{"another's certificate", over(ours.sign(t, "seized.example", tomorrow), good), 0, health.TLSWrongHost, health.StageHandshake, []string{"seized.example"}},
		{"an expired certificate", over(ours.sign(t, name, yesterday), good), 0, health.TLSExpired, health.StageHandshake, []string{name}},
		{"an end after the request", over(ours.sign(t, name, tomorrow), say()), 0, health.RequestEOF, health.StageRequest, []string{name}},
		{"silence after the request", over(ours.sign(t, name, tomorrow), silent), 2 * time.Second, health.FirstByteTimeout, health.StageRequest, []string{name}},
		{"another page", over(ours.sign(t, name, tomorrow), say(whole(200, "", "seized"))), 0, health.IdentityMissing, health.StageIdentity, []string{name}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			target := serve(t, "https", test.origin)
			target.Roots, target.Timeout = ours.pool, test.timeout
			r := One(t.Context(), target, loopback)
			require.Equal(t, test.class, r.Class, r.Reason)
			require.Equal(t, test.stage, r.Stage)
			require.Equal(t, r.OK(), len(r.Evidence) == 0, r.Evidence)
			requireSteps(t, r)
			if test.names == nil {
				require.Nil(t, r.Certificate)
				require.Zero(t, r.NotAfter())
				return
			}
			require.NotNil(t, r.Certificate)
			require.Equal(t, test.names, r.Certificate.Names)
			require.Equal(t, "CN=an authority of tests", r.Certificate.Issuer)
			require.False(t, r.Certificate.NotAfter.IsZero())
			require.Equal(t, r.Certificate.NotAfter, r.NotAfter())
			pin, err := dial.ParsePin(r.Certificate.Pin)
			require.NoError(t, err)
			require.Equal(t, r.Certificate.Pin, pin.String())
		})
	}
}

func TestPlainHTTPOnTheTLSPortIsRecognised(t *testing.T) {
	target := serve(t, "https", say("HTTP/1.0 400 Bad Request\r\n\r\n"))
	require.Contains(t, One(t.Context(), target, loopback).Reason, "it speaks plain HTTP on this port")
}

// older is an origin that speaks no TLS that is still allowed.
func older(certificate tls.Certificate) func(net.Conn) {
	return func(c net.Conn) {
		_ = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}).Handshake()
	}
}

// flooded answers a ClientHello with a handshake message that has no end: each of its
// records is right, and the message is as long as crypto/tls allows.
func flooded(c net.Conn) {
	hear(c)
	record := make([]byte, 5+16<<10)
	record[0], record[1], record[2] = 22, 3, 3
	binary.BigEndian.PutUint16(record[3:], 16<<10)
	record[5], record[6], record[7], record[8] = 2, 0, 0xff, 0xff // a ServerHello of 65535 bytes
	for range 10 << 20 / len(record) {
		if _, err := c.Write(record); err != nil {
			return
		}
	}
}

// selective is an origin behind somebody who treats ClientHellos by their name; those
// with another name, or none, reach the origin.
func selective(t *testing.T, certificate tls.Certificate, treat func(net.Conn)) (func(net.Conn), func() []string) {
	var mu sync.Mutex
	var names []string
	origin := func(c net.Conn) {
		b := bufio.NewReader(c)
		first, err := b.Peek(5)
		if err != nil {
			return
		}
		if first, err = b.Peek(5 + int(binary.BigEndian.Uint16(first[3:]))); err != nil {
			return
		}
		seen := ""
		for _, n := range []string{name, "gazette.example.ir"} {
			if strings.Contains(string(first), n) {
				seen = n
			}
		}
		mu.Lock()
		names = append(names, seen)
		mu.Unlock()
		if seen == name {
			treat(c)
			return
		}
		_ = tls.Server(peeked{c, b}, &tls.Config{Certificates: []tls.Certificate{certificate}}).Handshake()
	}
	return origin, func() []string { mu.Lock(); defer mu.Unlock(); return names }
}

// peeked is a connection of which something was read ahead.
type peeked struct {
	net.Conn
	from io.Reader
}

func (p peeked) Read(b []byte) (int, error) { return p.from.Read(b) }

func TestANameThatIsCutOffIsToldFromAServerThatIs(t *testing.T) {
	ours := newAuthority(t)
	certificate := ours.sign(t, name, time.Now().Add(time.Hour))
	for _, test := range []struct {
		name    string
		treat   func(net.Conn)
		timeout time.Duration
		class   health.Class
	}{
		{"reset", reset, 0, health.TLSResetSNI},
		{"closed", func(net.Conn) {}, 0, health.TLSResetSNI},
		{"silent", silent, time.Second, health.TLSTimeoutSNI},
	} {
		for other, words := range map[string]string{"gazette.example.ir": "with the name gazette.example.ir", "": "without a name"} {
			t.Run(test.name+" "+words, func(t *testing.T) {
				origin, names := selective(t, certificate, test.treat)
				target := serve(t, "https", origin)
				target.Roots, target.Timeout, target.OtherNames = ours.pool, test.timeout, []string{name, other}
				r := One(t.Context(), target, loopback)
				require.Equal(t, test.class, r.Class, r.Reason)
				require.Equal(t, health.StageHandshake, r.Stage)
				require.Contains(t, strings.Join(r.Evidence, "\n"), "a ClientHello "+words+" is answered at the same address, with a ServerHello")
				require.Equal(t, []string{name, other}, names())
				require.Nil(t, r.Certificate, "nothing of the comparison is believed")
				requireSteps(t, r)
			})
		}
	}
}

func TestAnAlertAnswersTheComparisonToo(t *testing.T) {
	var asked atomic.Int32
	target := serve(t, "https", func(c net.Conn) {
		hear(c)
		if asked.Add(1) == 1 {
			reset(c)
			return
		}
		_, _ = io.WriteString(c, "\x15\x03\x03\x00\x02\x02\x70")
	})
	r := One(t.Context(), target, loopback)
	require.Equal(t, health.TLSResetSNI, r.Class, r.Reason)
	require.Contains(t, r.Evidence[0], "with an alert")
}

func TestAServerThatCutsEveryNameIsSaidToDoSo(t *testing.T) {
	for answer, origin := range map[string]func(net.Conn){
		"connection reset": func(c net.Conn) { hear(c); reset(c) },
		"EOF":              say(),
		"what comes back is not TLS": func(c net.Conn) {
			if hello := hear(c); strings.Contains(hello, name) {
				reset(c)
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.0 400 Bad Request\r\n\r\n")
		},
	} {
		r := One(t.Context(), serve(t, "https", origin), loopback)
		require.Contains(t, []health.Class{health.TLSReset, health.TLSEOF}, r.Class, r.Reason)
		require.Contains(t, r.Evidence[0], "a ClientHello without a name is not answered there either")
		require.Contains(t, r.Evidence[0], answer)
	}
}

func TestAnAddressIsProvedByAVerifiedHandshakeOnly(t *testing.T) {
	ours, foreign := newAuthority(t), newAuthority(t)
	for _, test := range []struct {
		by     *testAuthority
		at     string
		proved []string
	}{
		{ours, name, []string{name + " 127.0.0.1"}},
		{foreign, name, nil},
		{ours, "seized.example", nil},
	} {
		var proved []string
		target := serve(t, "https", over(test.by.sign(t, test.at, time.Now().Add(time.Hour)), say(whole(503, "", ""))))
		target.Roots = ours.pool
		target.Proved = func(host string, address netip.Addr) { proved = append(proved, host+" "+address.String()) }
		require.False(t, One(t.Context(), target, loopback).OK())
		require.Equal(t, test.proved, proved, "what the server says later changes nothing")
	}
}

func TestAPinIsAskedForBesides(t *testing.T) {
	ours, foreign := newAuthority(t), newAuthority(t)
	certificate := ours.sign(t, name, time.Now().Add(time.Hour))
	target := serve(t, "https", over(certificate, say(whole(200, "", page))))
	target.Roots = ours.pool
	target.Pins = dial.Pins{dial.PinOf(ours.certificate)}
	require.Equal(t, health.OK, One(t.Context(), target, loopback).Class)

	target.Pins = dial.Pins{dial.PinOf(foreign.certificate)}
	r := One(t.Context(), target, loopback)
	require.Equal(t, health.TLSPinMismatch, r.Class, r.Reason)
	require.Equal(t, health.StageHandshake, r.Stage)
	require.NotNil(t, r.Certificate)
	require.Contains(t, r.Reason, r.Certificate.Pin)
}

func TestTheHandshakeAloneIsBounded(t *testing.T) {
	ours := newAuthority(t)
	body := page + strings.Repeat(" ", 2*maxHandshake)
	target := serve(t, "https", over(ours.sign(t, name, time.Now().Add(time.Hour)), say(whole(200, "", body))))
	target.Roots = ours.pool
	r := One(t.Context(), target, loopback)
	require.Equal(t, health.OK, r.Class, r.Reason)
	require.Equal(t, int64(len(body)), r.BodyBytes)

	chain := ours.sign(t, name, time.Now().Add(time.Hour))
	for size := 0; size < maxHandshake; size += len(ours.certificate.Raw) {
		chain.Certificate = append(chain.Certificate, ours.certificate.Raw)
	}
	target = serve(t, "https", over(chain, say(whole(200, "", page))))
	target.Roots = ours.pool
	r = One(t.Context(), target, loopback)
	require.Equal(t, health.TLSProtocol, r.Class, r.Reason)
	require.Contains(t, r.Reason, "the server's side of the handshake exceeds 131072 bytes")
}
