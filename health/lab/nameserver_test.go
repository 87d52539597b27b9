package lab

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

const paperName = "www.gazette.example"

// Addresses that nothing connects to.
var (
	four = netip.MustParseAddr("192.0.2.1")
	six  = netip.MustParseAddr("2001:db8::1")
)

// startNameserver is a nameserver that ends with the test.
func startNameserver(t *testing.T, says Saying) (*Lab, *Nameserver) {
	t.Helper()
	l := startLab(t, Options{Origins: []string{paperName}, Plain: true})
	n, err := l.StartNameserver()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	n.Say(paperName, says)
	return l, n
}

func questionOf(kind uint16) *dns.Msg { return new(dns.Msg).SetQuestion("wWw.Gazette.example.", kind) }

// exchange asks over UDP, TCP or TLS as a plain client would.
func exchange(t *testing.T, l *Lab, spec string, question *dns.Msg) (*dns.Msg, error) {
	t.Helper()
	u, err := url.Parse(spec)
	require.NoError(t, err)
	client := dns.Client{Net: u.Scheme, Timeout: waitLong, UDPSize: dns.MaxMsgSize}
	address := u.Host
	if u.Scheme == "tls" {
		client.Net, client.TLSConfig = "tcp-tls", &tls.Config{RootCAs: l.CA(), ServerName: u.Hostname()}
		address = net.JoinHostPort(u.Fragment, u.Port())
	}
	answer, _, err := client.ExchangeContext(t.Context(), question, address)
	return answer, err
}

// post asks over HTTPS.
func post(t *testing.T, l *Lab, spec, contentType string, body []byte) (status int, answer *dns.Msg) {
	t.Helper()
	u, err := url.Parse(spec)
	require.NoError(t, err)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: l.CA()}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(u.Fragment, u.Port()))
		},
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: waitLong}
	u.Fragment = ""
	response, err := client.Post(u.String(), contentType, bytes.NewReader(body))
	require.NoError(t, err)
	defer response.Body.Close()
	wire, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	answer = new(dns.Msg)
	if response.StatusCode == http.StatusOK {
		require.Equal(t, "application/dns-message", response.Header.Get("Content-Type"))
		require.NoError(t, answer.Unpack(wire))
	}
	return response.StatusCode, answer
}

func TestANameserverSaysTheSameOverEveryTransport(t *testing.T) {
	for _, test := range []struct {
		name    string
		says    Saying
		kind    uint16
		code    int
		records int
	}{
		{"IPv4", At(four, six), dns.TypeA, dns.RcodeSuccess, 1},
		{"IPv6", At(four, six), dns.TypeAAAA, dns.RcodeSuccess, 1},
		{"NODATA", At(four), dns.TypeAAAA, dns.RcodeSuccess, 0},
		{"aliases", Saying{Addresses: []netip.Addr{four}, Aliases: []string{"a.example", "b.example"}}, dns.TypeA, dns.RcodeSuccess, 3},
		{"the alias alone", Saying{Addresses: []netip.Addr{four}, Aliases: []string{"a.example", "b.example"}}, dns.TypeCNAME, dns.RcodeSuccess, 1},
		{"no alias", At(four), dns.TypeCNAME, dns.RcodeSuccess, 0},
		{"NXDOMAIN", In(NXDomain), dns.TypeA, dns.RcodeNameError, 0},
		{"SERVFAIL", In(ServFail), dns.TypeA, dns.RcodeServerFailure, 0},
		{"REFUSED", In(Refused), dns.TypeA, dns.RcodeRefused, 0},
		{"FORMERR", In(FormErr), dns.TypeA, dns.RcodeFormatError, 0},
		{"a circle", In(AliasLoop), dns.TypeA, dns.RcodeSuccess, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, n := startNameserver(t, test.says)
			check := func(answer *dns.Msg) {
				t.Helper()
				require.Equal(t, test.code, answer.Rcode)
				require.Len(t, answer.Answer, test.records)
				require.Equal(t, "wWw.Gazette.example.", answer.Question[0].Name, "the case is kept")
			}
			for _, spec := range []string{n.UDP(), n.TCP(), n.TLS()} {
				answer, err := exchange(t, l, spec, questionOf(test.kind))
				require.NoError(t, err, spec)
				check(answer)
			}
			wire, err := questionOf(test.kind).Pack()
			require.NoError(t, err)
			status, answer := post(t, l, n.HTTPS(), "application/dns-message", wire)
			require.Equal(t, http.StatusOK, status)
			check(answer)
			require.Equal(t, 4, n.Asked(paperName+"."))
		})
	}
}

func TestANameserverDeniesNamesItWasToldNothingOf(t *testing.T) {
	l, n := startNameserver(t, At(four))
	answer, err := exchange(t, l, n.UDP(), new(dns.Msg).SetQuestion("other.example.", dns.TypeA))
	require.NoError(t, err)
	require.Equal(t, dns.RcodeNameError, answer.Rcode)
	require.Zero(t, n.Asked(paperName))
}

// datagrams asks over UDP and collects so many messages.
func datagrams(t *testing.T, n *Nameserver, question *dns.Msg, count int) []*dns.Msg {
	t.Helper()
	conn, err := net.Dial("udp", n.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(waitLong)))
	wire, err := question.Pack()
	require.NoError(t, err)
	_, err = conn.Write(wire)
	require.NoError(t, err)
	buffer := make([]byte, dns.MaxMsgSize)
	var messages []*dns.Msg
	for range count {
		size, err := conn.Read(buffer)
		require.NoError(t, err)
		m := new(dns.Msg)
		require.NoError(t, m.Unpack(buffer[:size]))
		messages = append(messages, m)
	}
	return messages
}

func TestLiesOnTheWayComeBeforeTheTruth(t *testing.T) {
	for _, manner := range []Manner{Forged, ForgedNXDomain, WrongID, WrongQuestion} {
		t.Run(string(manner), func(t *testing.T) {
			l, n := startNameserver(t, Saying{Manner: manner, Addresses: []netip.Addr{four}, Delay: time.Millisecond})
			question := questionOf(dns.TypeA)
			messages := datagrams(t, n, question, 2)
			lie, truth := messages[0], messages[1]
			require.Equal(t, four.AsSlice(), []byte(truth.Answer[0].(*dns.A).A.To4()))
			require.Equal(t, question.Id, truth.Id)
			require.Equal(t, manner == ForgedNXDomain, lie.Rcode == dns.RcodeNameError)
			require.Equal(t, manner == WrongID, lie.Id != question.Id)
			require.Equal(t, manner == WrongQuestion, lie.Question[0].Name != question.Question[0].Name)
			if manner != ForgedNXDomain {
				require.Equal(t, "192.0.2.66", lie.Answer[0].(*dns.A).A.String())
			}
			answer, err := exchange(t, l, n.TCP(), question)
			require.NoError(t, err)
			require.Equal(t, truth.Answer, answer.Answer, "nobody is on the way of a stream")
		})
	}
}

func TestAForgeryAnswersEveryQuestion(t *testing.T) {
	_, n := startNameserver(t, Saying{Manner: Forged, Forgery: netip.MustParseAddr("192.0.2.99")})
	lie := datagrams(t, n, questionOf(dns.TypeCNAME), 2)[0]
	require.Equal(t, "192.0.2.99", lie.Answer[0].(*dns.A).A.String())
}

func TestWhatDoesNotFitADatagramComesByStream(t *testing.T) {
	for _, says := range []Saying{{Manner: Truncated, Addresses: []netip.Addr{four}}, {Manner: Huge, Addresses: []netip.Addr{four}}} {
		l, n := startNameserver(t, says)
		short := datagrams(t, n, questionOf(dns.TypeA), 1)[0]
		require.True(t, short.Truncated)
		require.Empty(t, short.Answer)
		answer, err := exchange(t, l, n.TCP(), questionOf(dns.TypeA))
		require.NoError(t, err)
		require.False(t, answer.Truncated)
		require.Equal(t, four.AsSlice(), []byte(answer.Answer[0].(*dns.A).A.To4()))
		require.Equal(t, says.Manner == Huge, len(answer.Answer) > 1000)
	}
}

func TestALostLetterCase(t *testing.T) {
	_, n := startNameserver(t, Saying{Manner: CaseLost, Addresses: []netip.Addr{four}})
	require.Equal(t, "www.gazette.example.", datagrams(t, n, questionOf(dns.TypeA), 1)[0].Question[0].Name)
}

func TestNonsenseIsNoMessage(t *testing.T) {
	l, n := startNameserver(t, In(Nonsense))
	for _, spec := range []string{n.UDP(), n.TCP(), n.TLS()} {
		_, err := exchange(t, l, spec, questionOf(dns.TypeA))
		require.Error(t, err, spec)
		var timeout net.Error
		require.NotErrorAs(t, err, &timeout)
	}
}

func TestSilenceEndsWithTheNameserver(t *testing.T) {
	l, n := startNameserver(t, In(Silent))
	var asking sync.WaitGroup
	for _, spec := range []string{n.TCP(), n.TLS()} {
		asking.Go(func() {
			if answer, err := exchange(t, l, spec, questionOf(dns.TypeA)); err == nil {
				t.Errorf("%s answered %v", spec, answer)
			}
		})
	}
	require.Eventually(t, func() bool { return n.Asked(paperName) == 2 }, waitLong, tick)
	require.NoError(t, n.Close())
	asking.Wait()
	require.NoError(t, n.Close(), "a second time")
}

func TestHTTPSRefusesWhatIsNoQuestion(t *testing.T) {
	l, n := startNameserver(t, At(four))
	wire, err := questionOf(dns.TypeA).Pack()
	require.NoError(t, err)
	for _, body := range [][]byte{nil, []byte("hello"), bytes.Repeat([]byte{1}, dns.MaxMsgSize+1)} {
		status, _ := post(t, l, n.HTTPS(), "application/dns-message", body)
		require.Equal(t, http.StatusBadRequest, status)
	}
	status, _ := post(t, l, n.HTTPS(), "text/plain", wire)
	require.Equal(t, http.StatusBadRequest, status)
	status, _ = post(t, l, "https://dns.example:"+mustPort(t, n.HTTPS())+"/elsewhere#127.0.0.1", "application/dns-message", wire)
	require.Equal(t, http.StatusNotFound, status)
}

func mustPort(t *testing.T, spec string) string {
	t.Helper()
	u, err := url.Parse(spec)
	require.NoError(t, err)
	return u.Port()
}

func TestWhatANameserverSaysCanBeChangedWhileItIsAsked(t *testing.T) {
	l, n := startNameserver(t, At(four))
	var busy sync.WaitGroup
	for _, manner := range Manners() {
		busy.Go(func() { n.Say(paperName, Saying{Manner: manner, Addresses: []netip.Addr{four}}) })
		busy.Go(func() {
			n.Say("other.example", Saying{TTL: time.Second, Addresses: []netip.Addr{six}})
			answer, err := exchange(t, l, n.TCP(), new(dns.Msg).SetQuestion("other.example.", dns.TypeAAAA))
			if err != nil || len(answer.Answer) != 1 || answer.Answer[0].Header().Ttl != 1 {
				t.Errorf("%v, %v", answer, err)
			}
		})
	}
	busy.Wait()
}
