package probe

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/dial"
	"github.com/heliograph-edge/heliograph/health/resolve"
)

func via(t *testing.T, scheme, address string) dial.Via {
	v, err := dial.ParseVia(scheme + "://" + address)
	require.NoError(t, err)
	return v
}

func TestALookThroughAProxy(t *testing.T) {
	ours := newAuthority(t)
	target := serve(t, "https", over(ours.sign(t, name, time.Now().Add(time.Hour)), say(whole(200, "", page))))
	target.Roots = ours.pool
	target.Proved = func(string, netip.Addr) { require.Fail(t, "what a proxy connects to proves nothing here") }
	origin := net.JoinHostPort("127.0.0.1", target.port())
	for scheme, greet := range map[string]func(net.Conn) (string, bool){"socks5": socks(0), "http": tunnel(200)} {
		proxy, asked := proxied(t, origin, greet)
		target.Via, target.Addresses, target.Lookup = via(t, scheme, proxy), nil, nil
		r := First(t.Context(), target)
		require.Equal(t, health.OK, r.Class, r.Reason)
		require.Equal(t, name+":"+target.port()+" via "+scheme+"://"+proxy, r.Address, "the proxy finds the address")
		requireSteps(t, r)
		require.Equal(t, "left to the proxy", r.Steps[0].Words)

		target.Lookup = func(context.Context, string) (resolve.Result, error) {
			return resolve.Result{Addresses: []netip.Addr{loopback}}, nil
		}
		r = First(t.Context(), target)
		require.Equal(t, health.OK, r.Class, r.Reason)
		require.Equal(t, origin+" via "+scheme+"://"+proxy, r.Address)
		require.Equal(t, []string{name, "127.0.0.1"}, asked())
	}
}

func TestAProxysFailureIsNotTheOrigins(t *testing.T) {
	target := serve(t, "http", say(whole(200, "", page)))
	target.Addresses = nil
	origin := net.JoinHostPort("127.0.0.1", target.port())
	for _, test := range []struct {
		name, scheme string
		greet        func(net.Conn) (string, bool)
		class        health.Class
	}{
		{"it refuses", "http", tunnel(403), health.ViaFailed},
		{"it hangs up", "http", func(net.Conn) (string, bool) { return "", false }, health.ViaFailed},
		{"it fails", "socks5", socks(1), health.ViaFailed},
		{"the origin refuses it", "socks5", socks(5), health.ConnectRefused},
		{"the origin is not reached", "socks5", socks(4), health.Unreachable},
	} {
		t.Run(test.name, func(t *testing.T) {
			proxy, _ := proxied(t, origin, test.greet)
			target.Via = via(t, test.scheme, proxy)
			r := First(t.Context(), target)
			require.Equal(t, test.class, r.Class, r.Reason)
			require.Equal(t, health.StageConnect, r.Stage)
			require.True(t, strings.HasSuffix(r.Address, " via "+test.scheme+"://"+proxy), r.Address)
			requireSteps(t, r)
		})
	}
}
