package lab

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// shakeHands shakes hands at an origin's address with any name in the ClientHello.
func shakeHands(t *testing.T, l *Lab, at netip.AddrPort, name string) error {
	t.Helper()
	conn, err := net.Dial("tcp", at.String())
	require.NoError(t, err)
	defer conn.Close()
	return tls.Client(conn, &tls.Config{ServerName: name, RootCAs: l.CA()}).HandshakeContext(t.Context())
}

func TestEveryOriginHasAnAddressOfItsOwnAndTheSamePort(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the system answers for 127.0.0.1 alone")
	}
	l := startLab(t, Options{})
	for i, o := range l.Origins() {
		require.Equal(t, loopback(0, firstAddress+i), o.Addr().Addr())
		require.Equal(t, l.Origins()[0].Addr().Port(), o.Addr().Port())
	}
}

func TestANameIsCutAndAnotherAtTheSameAddressIsNot(t *testing.T) {
	names := []string{"www.gazette.example", "gazette.example.net", "gazette.example.org"}
	l := startLab(t, Options{Origins: names, Together: names[:2]})
	first, second, apart := l.Origins()[0], l.Origins()[1], l.Origins()[2]
	require.Equal(t, first.Addr(), second.Addr())
	require.NotEqual(t, first.Addr(), apart.Addr())
	requireNewspaper(t, clientFor(l, NoFault), second)
	for _, fault := range []Fault{ResetSNI, EOFSNI} {
		require.NoError(t, first.Break(fault))
		for _, own := range []string{first.Name(), "GAZETTE.example"} {
			require.Error(t, shakeHands(t, l, first.Addr(), own), "%s with %s", fault, own)
		}
		requireNewspaper(t, clientFor(l, NoFault), second)
	}
	require.NoError(t, first.Break(TLSReset))
	requireNewspaper(t, clientFor(l, NoFault), second)
}

func TestANameThatIsNobodysIsNotCutByName(t *testing.T) {
	l, origin := primary(t, Options{})
	require.NoError(t, origin.Break(ResetSNI))
	var wrong x509.HostnameError
	require.ErrorAs(t, shakeHands(t, l, origin.Addr(), "gazette.example.net"), &wrong)
	require.Equal(t, []string{"www.gazette.example", "gazette.example"}, wrong.Certificate.DNSNames)
	require.NoError(t, origin.Break(TLSReset))
	isReset(t, nil, "", shakeHands(t, l, origin.Addr(), "gazette.example.net"))
}

func TestWhatBreaksThePortBreaksEverybodyThere(t *testing.T) {
	names := []string{"www.gazette.example", "gazette.example.net"}
	l := startLab(t, Options{Origins: names, Together: names})
	first, second := l.Origins()[0], l.Origins()[1]
	requireNewspaper(t, l.Client(), second) // leaves a connection open
	for _, fault := range []Fault{Down, Reset} {
		require.NoError(t, first.Break(fault))
		require.Equal(t, NoFault, second.Fault())
		_, _, err := fetch(t, clientFor(l, NoFault), second.URL())
		require.Error(t, err, fault)
	}
	require.NoError(t, first.Break(Seized)) // an answer of one name alone
	requireNewspaper(t, l.Client(), second)
	_, body, err := fetch(t, l.Client(), first.URL())
	require.NoError(t, err)
	require.NotContains(t, body, Marker)
}

func TestTogetherNeedsOrigins(t *testing.T) {
	_, err := Start(Options{Origins: []string{"a.example"}, Together: []string{"b.example"}})
	require.ErrorContains(t, err, "b.example is to share the primary's address and is no origin")
}

func TestTheBlockPageServerHasItsPageForPlainReadersAndItsCertificateForOthers(t *testing.T) {
	l, origin := primary(t, Options{})
	require.NotNil(t, l.imposter)
	at := l.imposter.Addr()
	require.Equal(t, origin.Addr().Port(), at.Port())
	var wrong x509.HostnameError
	require.ErrorAs(t, shakeHands(t, l, at, origin.Name()), &wrong)

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+at.String()+"/news", nil)
	require.NoError(t, err)
	request.Host = origin.Name()
	answer, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	defer http.DefaultClient.CloseIdleConnections()
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	answers(http.StatusOK, "customers reach www.gazette.example.")(t, answer, string(page), nil)
}

func TestTheControlServerAnswersUntilItIsBroken(t *testing.T) {
	l, _ := primary(t, Options{})
	control, err := l.StartControl()
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, _, err := fetch(t, client, control.URL()+"/")
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, answer.StatusCode)
	require.NoError(t, control.Break(Down))
	_, _, err = fetch(t, client, control.URL()+"/")
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NoError(t, control.Mend())
	_, _, err = fetch(t, client, control.URL()+"/")
	require.NoError(t, err)
	require.ErrorContains(t, control.Break(DNSNXDomain), "no nameserver knows")
}

func TestAnEdgeHasToBeNamedByItsAddress(t *testing.T) {
	l, origin := primary(t, Options{})
	require.ErrorContains(t, origin.Break(Loop), "call SetEdge first")
	require.ErrorContains(t, l.SetEdge("http://edge.example:8080"), "has no address")
	require.Error(t, l.SetEdge("http://[bad"))
}

// dialOnly connects and leaves.
func dialOnly(t *testing.T, at netip.AddrPort) error {
	t.Helper()
	conn, err := net.Dial("tcp", at.String())
	if err == nil {
		conn.Close()
	}
	return err
}
