package resolve

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health/lab"
)

func TestWhatEveryTransportHears(t *testing.T) {
	l := startLab(t)
	chain := lab.Saying{Addresses: right, Aliases: []string{"cdn.example", "Edge.CDN.example"}, TTL: 90 * time.Second}
	for _, test := range []struct {
		name    string
		says    lab.Saying
		outcome Outcome
		timeout time.Duration
		check   func(t *testing.T, a Answer)
	}{
		{"both families", lab.At(right...), Found, long, func(t *testing.T, a Answer) {
			require.Equal(t, right, a.Addresses)
			require.Equal(t, time.Minute, a.TTL)
		}},
		{"one family", lab.At(right[1]), Found, long, func(t *testing.T, a Answer) { require.Equal(t, right[1:], a.Addresses) }},
		{"aliases", chain, Found, long, func(t *testing.T, a Answer) {
			require.Equal(t, right, a.Addresses)
			require.Equal(t, []string{"cdn.example", "edge.cdn.example"}, a.Aliases)
			require.Equal(t, 90*time.Second, a.TTL)
		}},
		{"RFC 2308 §2.1: no such name", lab.In(lab.NXDomain), NXDomain, long, func(t *testing.T, a Answer) { require.Equal(t, maxNegative, a.TTL) }},
		{"RFC 2308 §2.2: no such records", lab.At(), NoData, long, func(t *testing.T, a Answer) { require.Equal(t, maxNegative, a.TTL) }},
		{"SERVFAIL", lab.In(lab.ServFail), ServFail, long, nil},
		{"REFUSED", lab.In(lab.Refused), Refused, long, nil},
		{"FORMERR", lab.In(lab.FormErr), FormErr, long, nil},
		{"nonsense", lab.In(lab.Nonsense), Garbage, long, func(t *testing.T, a Answer) { require.Positive(t, a.Disbelieved) }},
		{"aliases in a circle", lab.In(lab.AliasLoop), Garbage, long, nil},
		{"a huge answer", lab.Saying{Manner: lab.Huge, Addresses: right}, Found, long, func(t *testing.T, a Answer) {
			require.Len(t, a.Addresses, maxAddresses)
			require.Equal(t, right[0], a.Addresses[0])
		}},
		{"silence", lab.In(lab.Silent), Silence, short, func(t *testing.T, a Answer) { require.Error(t, a.Err) }},
	} {
		n := startNameserver(t, l, test.says)
		for transport, spec := range transports(n) {
			t.Run(test.name+" over "+transport, func(t *testing.T) {
				a := askOnce(t, &Resolver{Roots: l.CA(), Timeout: test.timeout, Listen: time.Millisecond}, spec)
				require.Equal(t, test.outcome, a.Outcome, "%v", a.Err)
				require.False(t, a.Injected)
				require.Equal(t, spec, a.Server.String())
				require.NotEmpty(t, a.Evidence())
				if test.check != nil {
					test.check(t, a)
				}
			})
		}
	}
}

func TestAnInjectedAnswerIsSeenBesideTheServersOwn(t *testing.T) {
	l := startLab(t)
	for manner, lie := range map[lab.Manner]string{lab.Forged: "192.0.2.66", lab.ForgedNXDomain: "NXDOMAIN"} {
		n := startNameserver(t, l, lab.Saying{Manner: manner, Addresses: right, Delay: time.Millisecond})
		t.Run(string(manner), func(t *testing.T) {
			t.Parallel()
			a := askOnce(t, &Resolver{Timeout: long, Listen: patient}, n.UDP())
			require.Equal(t, Found, a.Outcome)
			require.True(t, a.Injected)
			require.Contains(t, a.Addresses, right[0])
			require.Equal(t, right[0], a.Addresses[0], "the later answer first: the injector is nearer")
			require.Contains(t, strings.Join(a.Evidence(), "\n"), lie)
		})
	}
}

func TestAnAddressForAnAliasIsAnInjection(t *testing.T) {
	reply := heard{kind: typeCNAME, replies: []Reply{{Type: typeCNAME, Outcome: Found, Addresses: other}}}
	honest := heard{kind: typeA, replies: []Reply{{Type: typeA, Outcome: Found, Addresses: other}}}
	a := answerOf(Server{}, []heard{honest, reply})
	require.True(t, a.Injected)
	require.Equal(t, other, a.Addresses)
	require.Contains(t, strings.Join(a.Evidence(), "\n"), "as no server does")
	require.False(t, answerOf(Server{}, []heard{honest}).Injected)
}

func TestTheQuestionForAnAliasIsAskedWhereSomebodyCouldAnswerIt(t *testing.T) {
	forge := func(asked *dns.Msg, send func(*dns.Msg)) {
		if asked.Question[0].Qtype == dns.TypeAAAA {
			send(new(dns.Msg).SetReply(asked))
			return
		}
		send(addressed(asked, other[0]))
	}
	a := askOnce(t, &Resolver{Timeout: long, Listen: time.Millisecond}, udpServer(t, forge))
	require.True(t, a.Injected)
	require.Equal(t, other, a.Addresses)
	require.Contains(t, a.injection(), "question for an alias")
}

func TestAnswersToOtherQuestionsAreCountedAndNotBelieved(t *testing.T) {
	l := startLab(t)
	for _, manner := range []lab.Manner{lab.WrongID, lab.WrongQuestion} {
		n := startNameserver(t, l, lab.Saying{Manner: manner, Addresses: right})
		a := askOnce(t, &Resolver{Timeout: long, Listen: time.Millisecond}, n.UDP())
		require.Equal(t, Found, a.Outcome)
		require.Equal(t, right, a.Addresses)
		require.False(t, a.Injected)
		require.GreaterOrEqual(t, a.Disbelieved, 2, "one of each family")
		require.Contains(t, strings.Join(a.Evidence(), "\n"), "were not believed")
	}
}

func TestOnlyDisbelievedAnswersAreSilence(t *testing.T) {
	a := askOnce(t, &Resolver{Timeout: short}, udpServer(t, func(asked *dns.Msg, send func(*dns.Msg)) {
		asked.Id++
		send(addressed(asked, other[0]))
	}))
	require.Equal(t, Silence, a.Outcome)
	require.Empty(t, a.Addresses)
}

func TestAChangedLetterCaseIsAskedAgainOverTCP(t *testing.T) {
	l := startLab(t)
	n := startNameserver(t, l, lab.Saying{Manner: lab.CaseLost, Addresses: right})
	a := askOnce(t, &Resolver{Timeout: long, Listen: time.Millisecond}, n.UDP())
	require.Equal(t, right, a.Addresses)
	require.Positive(t, a.Disbelieved)

	a = askOnce(t, &Resolver{Timeout: long, Listen: time.Millisecond}, udpServer(t, func(asked *dns.Msg, send func(*dns.Msg)) {
		asked.Question[0].Name = strings.ToLower(asked.Question[0].Name)
		send(addressed(asked, other[0]))
	}))
	require.Equal(t, Unreachable, a.Outcome, "there is no TCP to prove it")
	require.Empty(t, a.Addresses)
}

func TestATruncatedAnswerIsAskedForOverTCP(t *testing.T) {
	l := startLab(t)
	n := startNameserver(t, l, lab.Saying{Manner: lab.Truncated, Addresses: right})
	a := askOnce(t, &Resolver{Timeout: long, Listen: time.Millisecond}, n.UDP())
	require.Equal(t, right, a.Addresses)
	require.False(t, a.Injected)

	partly := func(addresses ...netip.Addr) func(*dns.Msg, func(*dns.Msg)) {
		return func(asked *dns.Msg, send func(*dns.Msg)) {
			m := addressed(asked, addresses...)
			m.Truncated = true
			send(m)
		}
	}
	r := &Resolver{Timeout: long, Listen: time.Millisecond}
	require.Equal(t, Unreachable, askOnce(t, r, udpServer(t, partly())).Outcome, "without TCP nothing is known")
	require.Equal(t, other, askOnce(t, r, udpServer(t, partly(other...))).Addresses, "a part is better than nothing")
}

func TestALostDatagramIsSentAgain(t *testing.T) {
	var seen atomic.Int32
	a := askOnce(t, &Resolver{Timeout: long, Listen: time.Millisecond}, udpServer(t, func(asked *dns.Msg, send func(*dns.Msg)) {
		if seen.Add(1) > 3 { // one of each type
			send(addressed(asked, other[0]))
		}
	}))
	require.Equal(t, other, a.Addresses)
}

func TestARepeatedAnswerIsNoInjection(t *testing.T) {
	a := askOnce(t, &Resolver{Timeout: long, Listen: short}, udpServer(t, func(asked *dns.Msg, send func(*dns.Msg)) {
		if asked.Question[0].Qtype != dns.TypeA {
			send(addressed(asked))
			return
		}
		send(addressed(asked, right[0], other[0]))
		send(addressed(asked, other[0], right[0]))
	}))
	require.False(t, a.Injected)
	require.Len(t, a.Replies, 3, "one for each type")
	require.ElementsMatch(t, []netip.Addr{right[0], other[0]}, a.Addresses)
}

func TestAFloodOfDatagramsEnds(t *testing.T) {
	a := askOnce(t, &Resolver{Timeout: long}, udpServer(t, func(asked *dns.Msg, send func(*dns.Msg)) {
		asked.Id++
		for range 2 * maxDatagrams {
			send(addressed(asked, other[0]))
		}
	}))
	require.NotEqual(t, Found, a.Outcome)
	require.LessOrEqual(t, a.Disbelieved, 6*maxDatagrams)
}

func TestAServerThatIsNotThereIsUnreachable(t *testing.T) {
	l := startLab(t)
	n := startNameserver(t, l, lab.At(right...))
	specs := transports(n)
	require.NoError(t, n.Close())
	for transport, spec := range specs {
		a := askOnce(t, &Resolver{Roots: l.CA(), Timeout: long}, spec)
		require.Equal(t, Unreachable, a.Outcome, transport)
		require.Error(t, a.Err)
	}
}

func TestAnUntrustedCertificateIsNotAsked(t *testing.T) {
	l := startLab(t)
	n := startNameserver(t, l, lab.At(right...))
	wrongName := func(spec string) string { return strings.Replace(spec, lab.NameserverName, "other.example", 1) }
	for _, test := range []struct {
		resolver *Resolver
		spec     string
	}{
		{&Resolver{Timeout: long, Roots: startLab(t).CA()}, n.TLS()},
		{&Resolver{Timeout: long, Roots: startLab(t).CA()}, n.HTTPS()},
		{&Resolver{Timeout: long, Roots: l.CA()}, wrongName(n.TLS())},
		{&Resolver{Timeout: long, Roots: l.CA()}, wrongName(n.HTTPS())},
	} {
		a := askOnce(t, test.resolver, test.spec)
		require.Equal(t, Unreachable, a.Outcome)
		require.ErrorContains(t, a.Err, "certificate")
	}
	require.Zero(t, n.Asked(name))
}

func TestBootstrapAddressesAreTriedInOrder(t *testing.T) {
	l := startLab(t)
	n := startNameserver(t, l, lab.At(right...))
	for _, spec := range []string{n.TLS(), n.HTTPS()} {
		spec = strings.Replace(spec, "#", "#127.0.0.77,", 1)
		a := askOnce(t, &Resolver{Roots: l.CA(), Timeout: long, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if strings.HasPrefix(address, "127.0.0.77") {
				return nil, &net.OpError{Op: "dial", Err: context.DeadlineExceeded}
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}}, spec)
		require.Equal(t, Found, a.Outcome, "%v", a.Err)
	}
}

func TestTheEndOfTheCallEndsTheQuestion(t *testing.T) {
	l := startLab(t)
	n := startNameserver(t, l, lab.In(lab.Silent))
	for transport, spec := range transports(n) {
		ctx, cancel := context.WithCancel(t.Context())
		before := n.Asked(name)
		done := make(chan Answer, 1)
		go func() {
			done <- (&Resolver{Roots: l.CA(), Timeout: time.Hour}).asker().host(ctx, server(t, spec), name)
		}()
		require.Eventually(t, func() bool { return n.Asked(name) > before }, long, time.Millisecond, transport)
		cancel()
		select {
		case a := <-done:
			require.Equal(t, Silence, a.Outcome, "%s: %v", transport, a.Err)
		case <-time.After(long):
			require.Fail(t, "the question outlives its caller", transport)
		}
	}
}

func TestGatheringWaitsPatientlyForTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		after := func(d time.Duration, what string) func(context.Context) string {
			return func(ctx context.Context) string {
				select {
				case <-time.After(d):
					return what
				case <-ctx.Done():
					return "cut"
				}
			}
		}
		got := gather(t.Context(), time.Second, []func(context.Context) string{
			after(time.Hour, "late"), after(time.Second, "no"), after(2*time.Second, "yes"), after(2900*time.Millisecond, "also"),
		}, func(s string) bool { return s == "yes" })
		require.Equal(t, []string{"cut", "no", "yes", "also"}, got)
		require.Equal(t, 3*time.Second, time.Since(begun))
	})
}

// addressed is an answer with addresses of any family, whatever was asked.
func addressed(asked *dns.Msg, addresses ...netip.Addr) *dns.Msg {
	m := new(dns.Msg).SetReply(asked)
	for _, address := range addresses {
		header := dns.RR_Header{Name: m.Question[0].Name, Class: dns.ClassINET, Ttl: 60, Rrtype: dns.TypeA}
		if address.Is4() {
			m.Answer = append(m.Answer, &dns.A{Hdr: header, A: address.AsSlice()})
			continue
		}
		header.Rrtype = dns.TypeAAAA
		m.Answer = append(m.Answer, &dns.AAAA{Hdr: header, AAAA: address.AsSlice()})
	}
	return m
}

// udpServer answers datagrams, and has no TCP.
func udpServer(t *testing.T, answer func(asked *dns.Msg, send func(*dns.Msg))) string {
	t.Helper()
	return rawServer(t, func(question []byte, send func([]byte)) {
		asked := new(dns.Msg)
		if asked.Unpack(question) != nil {
			return
		}
		answer(asked, func(m *dns.Msg) {
			if wire, err := m.Pack(); err == nil {
				send(wire)
			}
		})
	})
}

// rawServer is udpServer without the messages.
func rawServer(t testing.TB, answer func(question []byte, send func([]byte))) string {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, maxMessage)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			answer(buffer[:n], func(wire []byte) { _, _ = conn.WriteTo(wire, from) })
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, conn.Close())
		<-done
	})
	return "udp://" + conn.LocalAddr().String()
}
