package lab

import (
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDownClosesOpenConnectionsAndKeepsThePort(t *testing.T) {
	l, origin := primary(t, Options{})
	requireNewspaper(t, l.Client(), origin) // leaves a connection open
	address := origin.Addr()
	raw, err := net.Dial("tcp", address.String())
	require.NoError(t, err)
	defer raw.Close()
	requireNewspaper(t, clientFor(l, NoFault), origin) // accepted after it, so raw is accepted too

	require.NoError(t, origin.Break(Down))
	_, err = raw.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET)
	for range 3 {
		_, err = net.Dial("tcp", address.String())
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
	}

	require.NoError(t, origin.Mend())
	require.Equal(t, address, origin.Addr())
	requireNewspaper(t, l.Client(), origin)
}

func TestAFaultOfTheAnswersKeepsConnectionsOpen(t *testing.T) {
	l, origin := primary(t, Options{})
	requireNewspaper(t, l.Client(), origin)
	require.NoError(t, origin.Break(Seized))
	_, body, err := fetch(t, l.Client(), origin.URL()+"/news")
	require.NoError(t, err)
	require.NotContains(t, body, Marker)
	require.NoError(t, origin.Mend())
	requireNewspaper(t, l.Client(), origin)
	require.EqualValues(t, 1, origin.Connections())
	require.EqualValues(t, 3, origin.Requests())
}

func TestBreakRefusesWhatIsNoFault(t *testing.T) {
	_, origin := primary(t, Options{})
	require.ErrorContains(t, origin.Break("haunted"), `no fault is named "haunted"`)
	require.Equal(t, NoFault, origin.Fault())
}

func TestBreakingTwiceIsBreakingOnce(t *testing.T) {
	_, origin := primary(t, Options{})
	require.NoError(t, origin.Break(Seized))
	since := origin.Since()
	require.NoError(t, origin.Break(Seized))
	require.Equal(t, since, origin.Since())
}

func TestBreakAndMendUnderTrafficLeaveAWorkingOrigin(t *testing.T) {
	l, origin := primary(t, Options{})
	stop := make(chan struct{})
	var visitors sync.WaitGroup
	for range 4 {
		visitors.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if answer, err := l.Client().Get(origin.URL() + "/"); err == nil {
					io.Copy(io.Discard, answer.Body)
					answer.Body.Close()
				}
			}
		})
	}
	for range 3 {
		for _, fault := range []Fault{Down, Reset, ResetRequest, WrongName, Freeze, EndlessHeaders, Truncate, NoFault} {
			require.NoError(t, origin.Break(fault))
		}
	}
	close(stop)
	visitors.Wait()
	requireNewspaper(t, clientFor(l, NoFault), origin)
}

func TestCloseCutsEverythingThatIsHeld(t *testing.T) {
	for _, fault := range []Fault{NoFault, Blackhole, Slow, SlowBody, Freeze, TLSSilence, EndlessHeaders} {
		t.Run(string(fault), func(t *testing.T) {
			l, err := Start(Options{Origins: []string{"only.example"}})
			require.NoError(t, err)
			origin, _ := l.Origin("primary")
			requireNewspaper(t, l.Client(), origin)
			before := origin.Requests()
			require.NoError(t, origin.Break(fault))

			ended := make(chan error, 1)
			go func() {
				answer, err := l.Client().Get(origin.URL() + "/events")
				if err == nil {
					_, err = io.Copy(io.Discard, answer.Body)
					answer.Body.Close()
				}
				ended <- err
			}()
			if fault != Blackhole && fault != TLSSilence { // no request arrives under these
				require.Eventually(t, func() bool { return origin.Requests() > before }, waitLong, tick)
			}
			require.NoError(t, l.Close())
			require.Error(t, <-ended)
			require.NoError(t, l.Close())
			require.ErrorIs(t, origin.Break(Down), net.ErrClosed)
			_, err = net.Dial("tcp", origin.Addr().String())
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
		})
	}
}

func TestStartRefusesNamesThatAreNone(t *testing.T) {
	for _, test := range []struct{ names, says string }{
		{"", "is no host name"},
		{"https://gazette.example", "is no host name"},
		{"gazette.example:443", "is no host name"},
		{"gazette.example/news", "is no host name"},
	} {
		_, err := Start(Options{Origins: []string{test.names}})
		require.ErrorContains(t, err, test.says)
	}
	_, err := Start(Options{Origins: []string{"a.example", "a.example"}})
	require.ErrorContains(t, err, "given twice")
}

func TestOriginsAreFoundByNameAndAlias(t *testing.T) {
	l := startLab(t, Options{})
	require.Len(t, l.Origins(), 3)
	for alias, name := range map[string]string{
		"primary": "www.gazette.example", "alternate1": "gazette.example.net", "alternate2": "gazette.example.org",
	} {
		byAlias, ok := l.Origin(alias)
		require.True(t, ok)
		byName, ok := l.Origin(name)
		require.True(t, ok)
		require.Same(t, byName, byAlias)
		require.Equal(t, name, byName.Name())
		require.Equal(t, alias, byName.Alias())
		requireNewspaper(t, l.Client(), byName)
	}
	_, ok := l.Origin("alternate3")
	require.False(t, ok)
}

func TestDialContextKnowsOnlyTheLabsNames(t *testing.T) {
	l := startLab(t, Options{})
	_, err := l.DialContext(t.Context(), "tcp", "elsewhere.example:443")
	var dnsErr *net.DNSError
	require.ErrorAs(t, err, &dnsErr)
	require.True(t, dnsErr.IsNotFound)
	_, err = l.DialContext(t.Context(), "tcp", "no-port.example")
	require.Error(t, err)
}

func TestCAPEMIsTheAuthorityOfThePool(t *testing.T) {
	l := startLab(t, Options{})
	pool := l.CA().Clone()
	require.True(t, pool.AppendCertsFromPEM(l.CAPEM()))
	require.True(t, pool.Equal(l.CA()))
}

func TestPlainLabSpeaksHTTP(t *testing.T) {
	l, origin := primary(t, Options{Plain: true})
	require.Regexp(t, `^http://www\.gazette\.example:\d+$`, origin.URL())
	requireNewspaper(t, l.Client(), origin)
}

func TestOriginsSpeakHTTP1Only(t *testing.T) {
	l, origin := primary(t, Options{})
	client := clientFor(l, NoFault)
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	answer, _, err := fetch(t, client, origin.URL()+"/")
	require.NoError(t, err)
	require.Equal(t, 1, answer.ProtoMajor)
	require.Equal(t, "http/1.1", answer.TLS.NegotiatedProtocol)
}
