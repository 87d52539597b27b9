package probe

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// TestOnlyTheOriginItselfCanGoOnWithASession puts somebody else at the origin's address
// while a session lasts.
func TestOnlyTheOriginItselfCanGoOnWithASession(t *testing.T) {
	ours, foreign := newAuthority(t), newAuthority(t)
	tomorrow := time.Now().Add(24 * time.Hour)
	var hijacked atomic.Bool
	var resumed atomic.Int64
	genuine := &tls.Config{Certificates: []tls.Certificate{ours.sign(t, name, tomorrow)}}
	impostor := &tls.Config{Certificates: []tls.Certificate{foreign.sign(t, name, tomorrow)}}
	target := serve(t, "https", func(c net.Conn) {
		config := genuine
		if hijacked.Load() {
			config = impostor
		}
		secure := tls.Server(c, config)
		if secure.Handshake() != nil {
			return
		}
		if secure.ConnectionState().DidResume {
			resumed.Add(1)
		}
		say(whole(200, "", page))(secure)
	})
	target.Roots, target.Sessions = ours.pool, new(Sessions)
	for range 3 {
		r := One(t.Context(), target, loopback)
		require.Equal(t, health.OK, r.Class, r.Reason)
		require.Equal(t, []string{name}, r.Certificate.Names, "the facts are there with a resumed session, too")
	}
	require.Equal(t, int64(2), resumed.Load())
	hijacked.Store(true)
	require.Equal(t, health.TLSUnknownCA, One(t.Context(), target, loopback).Class)
	hijacked.Store(false)
	require.Equal(t, health.OK, One(t.Context(), target, loopback).Class)
	require.Equal(t, int64(2), resumed.Load(), "after a failure the certificate is looked at")
}

func TestASessionIsNotGoneOnWithForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Sessions
		s.shaken(false)
		s.Put("www.gazette.example", new(tls.ClientSessionState))
		_, ok := s.Get("www.gazette.example")
		require.True(t, ok)
		time.Sleep(9 * time.Minute)
		s.shaken(true)
		time.Sleep(2 * time.Minute)
		_, ok = s.Get("www.gazette.example")
		require.False(t, ok, "however often it was gone on with")
	})
}

func TestASecondHandshakeOffersNoSessionThatCameInTheMeantime(t *testing.T) {
	var s Sessions
	s.shaken(false)
	onlyNew{&s}.Put(name, new(tls.ClientSessionState))
	_, ok := onlyNew{&s}.Get(name)
	require.False(t, ok)
	_, ok = s.Get(name)
	require.True(t, ok, "the next look may go on with it")
}

// resuming serves the page over TLS. Before treats each ClientHello and says whether to go on; it is
// told whether a session is offered. Resumed counts the handshakes that went on with one.
func resuming(t *testing.T, ours *testAuthority, curves []tls.CurveID, before func(c net.Conn, offered bool) bool) (target Target, resumed *atomic.Int64) {
	resumed = new(atomic.Int64)
	config := tls.Config{
		Certificates: []tls.Certificate{ours.sign(t, name, time.Now().Add(time.Hour))}, CurvePreferences: curves,
	}
	config.SetSessionTicketKeys([][32]byte{{1}})
	target = serve(t, "https", func(c net.Conn) {
		const preSharedKey = 41 // RFC 8446 §4.2.11
		mine := config.Clone()
		mine.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if !before(c, slices.Contains(hello.Extensions, preSharedKey)) {
				return nil, errors.New("refused")
			}
			return &config, nil
		}
		secure := tls.Server(c, mine)
		if secure.Handshake() != nil {
			return
		}
		if secure.ConnectionState().DidResume {
			resumed.Add(1)
		}
		say(whole(200, "", page))(secure)
	})
	target.Roots, target.Sessions = ours.pool, new(Sessions)
	return target, resumed
}

func TestASessionAsksForNoKeyExchangeOfItsOwn(t *testing.T) {
	ours := newAuthority(t)
	for _, test := range []struct {
		curve   tls.CurveID
		resumed int64
	}{{tls.X25519, 2}, {tls.CurveP256, 2}, {tls.CurveP384, 2}, {tls.CurveP521, 2}, {tls.X25519MLKEM768, 0}} {
		t.Run(test.curve.String(), func(t *testing.T) {
			target, resumed := resuming(t, ours, []tls.CurveID{test.curve}, func(net.Conn, bool) bool { return true })
			for range 3 {
				r := One(t.Context(), target, loopback)
				require.Equal(t, health.OK, r.Class, r.Reason)
				requireSteps(t, r)
			}
			require.Equal(t, test.resumed, resumed.Load())
		})
	}
}

func TestAHandshakeThatASessionSpoilsIsMadeOnceMoreInFull(t *testing.T) {
	ours := newAuthority(t)
	for kind, spoil := range map[string]func(net.Conn){
		"an alert": func(net.Conn) {},
		"an end":   func(c net.Conn) { c.Close() },
		"a reset":  func(c net.Conn) { reset(c); c.Close() },
		"silence":  silent,
	} {
		t.Run(kind, func(t *testing.T) {
			var hellos, offers atomic.Int64
			target, resumed := resuming(t, ours, nil, func(c net.Conn, offered bool) bool {
				hellos.Add(1)
				if offered {
					offers.Add(1)
					spoil(c)
				}
				return !offered
			})
			target.Timeout = 3 * time.Second
			require.Equal(t, health.OK, One(t.Context(), target, loopback).Class)
			r := One(t.Context(), target, loopback)
			require.Equal(t, health.OK, r.Class, r.Reason)
			require.Contains(t, r.Steps[1].Words, "before that, a handshake that would have gone on with an earlier session failed")
			requireSteps(t, r)
			require.Equal(t, []int64{3, 1, 0}, []int64{hellos.Load(), offers.Load(), resumed.Load()})
		})
	}
}

func TestWhatASecondHandshakeFindsIsReported(t *testing.T) {
	var broken atomic.Bool
	var offers, cuts atomic.Int64
	target, _ := resuming(t, newAuthority(t), nil, func(c net.Conn, offered bool) bool {
		if offered {
			offers.Add(1)
			return false // an alert
		}
		if broken.Load() {
			cuts.Add(1)
			reset(c)
			c.Close()
			return false
		}
		return true
	})
	require.Equal(t, health.OK, One(t.Context(), target, loopback).Class)
	broken.Store(true)
	r := One(t.Context(), target, loopback)
	require.Equal(t, health.TLSReset, r.Class, r.Reason)
	require.Equal(t, health.StageHandshake, r.Stage)
	require.Contains(t, r.Evidence[len(r.Evidence)-1], "an earlier session failed: remote error: tls: internal error")
	requireSteps(t, r)
	require.Equal(t, []int64{1, 2}, []int64{offers.Load(), cuts.Load()}, "one with the session, one in full, one with another name")

	require.Equal(t, health.TLSReset, One(t.Context(), target, loopback).Class)
	require.Equal(t, int64(1), offers.Load(), "the session is forgotten")
}

func TestAnAddressThatCannotBeConnectedToLeavesSessionsAlone(t *testing.T) {
	target, resumed := resuming(t, newAuthority(t), nil, func(net.Conn, bool) bool { return true })
	dead := netip.MustParseAddr("127.0.0.9")
	for range 3 {
		require.Equal(t, health.ConnectRefused, One(t.Context(), target, dead).Class)
		require.Equal(t, health.OK, One(t.Context(), target, loopback).Class)
	}
	require.Equal(t, int64(2), resumed.Load())
	target.Contains = []string{"what the page does not have"}
	require.Equal(t, health.IdentityMissing, One(t.Context(), target, loopback).Class)
	require.Equal(t, health.IdentityMissing, One(t.Context(), target, loopback).Class)
	require.Equal(t, int64(3), resumed.Load(), "after what was found at a connection, the next handshake is full")
}
