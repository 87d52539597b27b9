package probe

import (
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

func TestDeadAddressesAreNotedBesideOneThatWorks(t *testing.T) {
	target := serve(t, "http", say(whole(200, "", page)))
	dead := netip.MustParseAddr("127.0.0.9")
	target.Addresses = []netip.Addr{dead, loopback, netip.MustParseAddr("127.0.0.8")}
	r := First(t.Context(), target)
	require.Equal(t, health.OK, r.Class, r.Reason)
	require.Equal(t, "127.0.0.1:"+target.port(), r.Address)
	require.Equal(t, health.ConnectRefused, r.Notice.Class)
	require.Equal(t, health.StageConnect, r.Notice.Stage)
	require.True(t, strings.HasPrefix(r.Notice.Reason, "2 of 3 addresses: connect_refused at 127.0.0.9:"+target.port()), r.Notice.Reason)
	require.Len(t, r.Evidence, 2, "each of the dead")

	sum := Sum(Each(t.Context(), []Target{target}))
	require.Equal(t, r.Notice.Class, sum.Notice.Class)
}

func TestTheFailureThatGotFurthestIsTold(t *testing.T) {
	target := serve(t, "http", say(whole(503, "", "")))
	target.Addresses = []netip.Addr{netip.MustParseAddr("127.0.0.9"), loopback, netip.MustParseAddr("127.0.0.8")}
	r := First(t.Context(), target)
	require.Equal(t, health.ServerError, r.Class, r.Reason)
	require.Equal(t, "127.0.0.1:"+target.port(), r.Address)
}

func TestOneOriginIsNotStormed(t *testing.T) {
	var mu sync.Mutex
	var now, most, all int
	target := serve(t, "http", func(c net.Conn) {
		mu.Lock()
		now, all = now+1, all+1
		most = max(most, now)
		mu.Unlock()
		hear(c)
		mu.Lock()
		now--
		mu.Unlock()
		_, _ = io.WriteString(c, whole(200, "", page))
	})
	for range 40 {
		target.Addresses = append(target.Addresses, loopback)
	}
	require.Equal(t, health.OK, First(t.Context(), target).Class)
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, maxAddresses, all)
	require.LessOrEqual(t, most, atOnce)
}

func TestWhatOnlyOnePageShowsIsInTheRound(t *testing.T) {
	target := serve(t, "http", func(c net.Conn) {
		request := hear(c)
		browser := strings.Contains(request, "Mozilla/")
		switch {
		case strings.HasPrefix(request, "GET /guarded ") && !browser:
			_, _ = io.WriteString(c, whole(403, "", ""))
		case strings.HasPrefix(request, "GET /gone "):
			_, _ = io.WriteString(c, whole(404, "", ""))
		default:
			_, _ = io.WriteString(c, whole(200, "X-Cdn: bunny\r\n", page))
		}
	})
	pages := make([]Target, 3)
	for i, path := range []string{"/guarded", "/", "/gone"} {
		pages[i] = target
		pages[i].Path = path
	}
	sum := Sum(Each(t.Context(), pages[:2]))
	require.Equal(t, health.OK, sum.Class, sum.Reason)
	require.Equal(t, health.Denied, sum.Notice.Class)
	require.Equal(t, "bunny", sum.CDN)

	results := Each(t.Context(), pages)
	require.Len(t, results, 3)
	require.Equal(t, health.StatusUnexpected, Sum(results).Class)
	require.Equal(t, health.OK, results[1].Class)
	require.Equal(t, page, string(results[1].Page.Body))
	require.Len(t, Each(t.Context(), append(pages[2:], pages...)), 1, "it ends with the first failure")
}

func TestANoticeOfMoreWeightIsKept(t *testing.T) {
	injected := health.Notice{Class: health.DNSInjected, Reason: "two answers"}
	dead := health.Notice{Class: health.ConnectRefused, Reason: "1 of 2"}
	slow := health.Notice{Class: health.Slow, Reason: "2 s"}
	for _, order := range [][]health.Notice{{injected, dead, slow}, {slow, dead, injected}, {dead, {}, slow, injected, injected}} {
		var r Result
		for _, n := range order {
			r.note(n)
		}
		require.Equal(t, injected, r.Notice)
		require.ElementsMatch(t, []string{"connect_refused: 1 of 2", "slow: 2 s"}, r.Evidence)
	}
}

// proxied serves a proxy that passes everything on to one place, whatever was asked for.
func proxied(t *testing.T, to string, greet func(net.Conn) (asked string, ok bool)) (address string, asked func() []string) {
	var mu sync.Mutex
	var names []string
	target := serve(t, "http", func(c net.Conn) {
		name, ok := greet(c)
		mu.Lock()
		names = append(names, name)
		mu.Unlock()
		if !ok {
			return
		}
		out, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer out.Close()
		var back sync.WaitGroup
		back.Go(func() { _, _ = io.Copy(c, out); c.Close() })
		_, _ = io.Copy(out, c)
		out.Close()
		back.Wait()
	})
	return net.JoinHostPort("127.0.0.1", target.port()), func() []string { mu.Lock(); defer mu.Unlock(); return names }
}

// socks is the server's side of RFC 1928 without a password.
func socks(code byte) func(net.Conn) (string, bool) {
	return func(c net.Conn) (string, bool) {
		if len(hear(c)) < 3 {
			return "", false
		}
		_, _ = c.Write([]byte{5, 0})
		request := hear(c)
		asked := ""
		if len(request) > 7 && request[3] == 3 {
			asked = request[5 : 5+request[4]]
		} else if len(request) == 10 {
			asked = netip.AddrFrom4([4]byte([]byte(request[4:8]))).String()
		}
		_, _ = c.Write([]byte{5, code, 0, 1, 0, 0, 0, 0, 0, 0})
		return asked, code == 0
	}
}

// tunnel is the server's side of CONNECT.
func tunnel(status int) func(net.Conn) (string, bool) {
	return func(c net.Conn) (string, bool) {
		asked := strings.Fields(hear(c) + " ? ?")[1]
		_, _ = io.WriteString(c, "HTTP/1.1 "+digits(status)+" \r\n\r\n")
		host, _, _ := net.SplitHostPort(asked)
		return host, status == 200
	}
}
