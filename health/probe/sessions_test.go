package probe

import (
	"crypto/tls"
	"net"
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
