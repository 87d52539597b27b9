package lab

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// throughProxy is a client that knows the origins through a proxy alone.
func throughProxy(t *testing.T, l *Lab, p *Proxy) *http.Client {
	t.Helper()
	via, err := url.Parse(p.URL())
	require.NoError(t, err)
	client := clientFor(l, NoFault)
	transport := client.Transport.(*http.Transport)
	transport.DialContext = nil
	transport.Proxy = http.ProxyURL(via)
	return client
}

func startProxies(t *testing.T, l *Lab) []*Proxy {
	t.Helper()
	socks, err := l.StartSOCKS()
	require.NoError(t, err)
	connect, err := l.StartConnectProxy()
	require.NoError(t, err)
	return []*Proxy{socks, connect}
}

func TestOriginsAreReachedThroughAProxyByName(t *testing.T) {
	l, origin := primary(t, Options{})
	for _, p := range startProxies(t, l) {
		requireNewspaper(t, throughProxy(t, l, p), origin)
		require.EqualValues(t, 1, p.Tunnels(), p.URL())
		require.NoError(t, origin.Break(Down))
		_, _, err := fetch(t, throughProxy(t, l, p), origin.URL())
		require.Error(t, err)
		require.EqualValues(t, 1, p.Tunnels(), p.URL())
		require.NoError(t, origin.Mend())
	}
}

func TestAProxyRefusesOrStaysSilentUntilItIsMended(t *testing.T) {
	l, origin := primary(t, Options{})
	for _, p := range startProxies(t, l) {
		require.NoError(t, p.Break(ProxyRefuses))
		_, _, err := fetch(t, throughProxy(t, l, p), origin.URL())
		require.Error(t, err)

		require.NoError(t, p.Break(ProxySilent))
		impatient := throughProxy(t, l, p)
		impatient.Timeout = 100 * time.Millisecond
		_, _, err = fetch(t, impatient, origin.URL())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, p.Tunnels())

		require.NoError(t, p.Break(NoProxyFault))
		requireNewspaper(t, throughProxy(t, l, p), origin)
		require.ErrorContains(t, p.Break("melt"), `no fault of a proxy is named "melt"`)
	}
}

func TestRFC1928RepliesSayWhatBecameOfTheRequest(t *testing.T) {
	l, origin := primary(t, Options{})
	p := startProxies(t, l)[0]
	require.NoError(t, origin.Break(Down))
	port := origin.Addr().Port()
	own := origin.Addr().Addr().As4()
	for name, test := range map[string]struct {
		host  []byte
		reply byte
	}{
		"§6 connection refused":          {append([]byte{1}, own[:]...), 5},
		"§6 host unreachable, elsewhere": {[]byte{1, 192, 0, 2, 1}, 4},
		"§6 host unreachable, no origin": {append([]byte{3, 12}, "else.example"...), 4},
	} {
		conn, err := net.Dial("tcp", p.listener.Addr().String())
		require.NoError(t, err)
		defer conn.Close()
		request := append(append([]byte{5, 1, 0, 5, 1, 0}, test.host...), byte(port>>8), byte(port))
		_, err = conn.Write(request)
		require.NoError(t, err)
		answer := make([]byte, 12)
		_, err = io.ReadFull(conn, answer)
		require.NoError(t, err, name)
		require.Equal(t, []byte{5, 0, 5, test.reply}, answer[:4], name)
	}
}

func TestTheConnectProxyKnowsNothingElse(t *testing.T) {
	l, _ := primary(t, Options{})
	conn, err := net.Dial("tcp", startProxies(t, l)[1].listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	fmt.Fprint(conn, "GET http://www.gazette.example/ HTTP/1.1\r\nHost: www.gazette.example\r\n\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode)
}

func TestClosingTheLabCutsTunnels(t *testing.T) {
	l, err := Start(Options{Origins: []string{"only.example"}})
	require.NoError(t, err)
	p, err := l.StartSOCKS()
	require.NoError(t, err)
	origin := l.Origins()[0]
	require.NoError(t, origin.Break(Silence))
	ended := make(chan error, 1)
	client := throughProxy(t, l, p)
	go func() {
		answer, err := client.Get(origin.URL())
		if err == nil {
			answer.Body.Close()
		}
		ended <- err
	}()
	require.Eventually(t, func() bool { return origin.Requests() == 1 }, waitLong, tick)
	require.NoError(t, l.Close())
	require.Error(t, <-ended)
}
