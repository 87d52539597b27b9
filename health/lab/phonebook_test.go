package lab

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

func address(t *testing.T, text string) netip.Addr {
	t.Helper()
	return netip.MustParseAddr(text)
}

// told is what a nameserver says over UDP: how many answers, and the code and the addresses of the first.
func told(t *testing.T, l *Lab, n *Nameserver, name string) (code int, addresses []netip.Addr) {
	t.Helper()
	answer, err := exchange(t, l, n.UDP(), new(dns.Msg).SetQuestion(name+".", dns.TypeA))
	require.NoError(t, err)
	for _, record := range answer.Answer {
		if a, ok := record.(*dns.A); ok {
			found, _ := netip.AddrFromSlice(a.A.To4())
			addresses = append(addresses, found)
		}
	}
	return answer.Rcode, addresses
}

func TestTheLocalNameserverLiesAndTheControlOneTellsTheTruth(t *testing.T) {
	l, origin := primary(t, Options{})
	require.NoError(t, l.SetEdge("http://127.0.0.1:8080"))
	own := origin.Addr().Addr()
	truth := []netip.Addr{own}
	for _, test := range []struct {
		fault     Fault
		code      int
		addresses []netip.Addr
	}{
		{NoFault, dns.RcodeSuccess, truth},
		{DNSNXDomain, dns.RcodeNameError, nil},
		{DNSEmpty, dns.RcodeSuccess, nil},
		{DNSBogon, dns.RcodeSuccess, []netip.Addr{address(t, "10.10.34.34")}},
		{DNSLoopback, dns.RcodeSuccess, []netip.Addr{address(t, "127.0.0.1")}},
		{DNSMetadata, dns.RcodeSuccess, []netip.Addr{address(t, "169.254.169.254")}},
		{DNSBlockPage, dns.RcodeSuccess, []netip.Addr{l.imposter.Addr().Addr()}},
		{DNSInjected, dns.RcodeSuccess, []netip.Addr{l.imposter.Addr().Addr()}},
		{DNSServFail, dns.RcodeServerFailure, nil},
		{DNSRefused, dns.RcodeRefused, nil},
		{Seized, dns.RcodeSuccess, truth},
	} {
		require.NoError(t, origin.Break(test.fault))
		for _, name := range []string{origin.Name(), "gazette.example"} {
			code, addresses := told(t, l, l.Local(), name)
			require.Equal(t, test.code, code, test.fault)
			require.Equal(t, test.addresses, addresses, test.fault)
			code, addresses = told(t, l, l.Control(), name)
			require.Equal(t, dns.RcodeSuccess, code, test.fault)
			require.Equal(t, truth, addresses, test.fault)
		}
		_, addresses := told(t, l, l.Local(), l.Origins()[1].Name())
		require.Equal(t, []netip.Addr{l.Origins()[1].Addr().Addr()}, addresses, "the others' names are left alone")
	}
}

func TestAnInjectedAnswerIsOverUDPAloneAndTheTruthFollows(t *testing.T) {
	l, origin := primary(t, Options{})
	require.NoError(t, origin.Break(DNSInjected))
	local, control := origin.phone.under(DNSInjected)
	require.Equal(t, injectionLead, local.Delay)
	require.Equal(t, Truth, control.Manner)
	answer, err := exchange(t, l, l.Local().TCP(), new(dns.Msg).SetQuestion(origin.Name()+".", dns.TypeA))
	require.NoError(t, err)
	require.Equal(t, origin.Addr().Addr().String(), answer.Answer[0].(*dns.A).A.String())
}

func TestTheNameserversAgreeThatADomainIsGone(t *testing.T) {
	l, origin := primary(t, Options{})
	require.NoError(t, origin.Break(DomainGone))
	for _, n := range []*Nameserver{l.Local(), l.Control()} {
		code, _ := told(t, l, n, origin.Name())
		require.Equal(t, dns.RcodeNameError, code)
	}
	require.NoError(t, origin.Mend())
	_, addresses := told(t, l, l.Control(), origin.Name())
	require.Len(t, addresses, 1)
}

func TestSilenceAndNoiseAreToldOverUDP(t *testing.T) {
	_, origin := primary(t, Options{})
	for fault, manner := range map[Fault]Manner{DNSSilent: Silent, DNSGarbage: Nonsense} {
		require.NoError(t, origin.Break(fault))
		local, control := origin.phone.under(fault)
		require.Equal(t, manner, local.Manner)
		require.Equal(t, Truth, control.Manner)
	}
}

func TestOneOfThreeAddressesIsDeadAndTheOthersServe(t *testing.T) {
	l, origin := primary(t, Options{})
	require.NoError(t, origin.Break(DNSOneDead))
	_, addresses := told(t, l, l.Local(), origin.Name())
	require.Len(t, addresses, 3)
	require.Subset(t, l.Addresses(), addresses)
	for i, a := range addresses {
		err := dialOnly(t, netip.AddrPortFrom(a, origin.Addr().Port()))
		require.Equal(t, i == 0, err != nil, "%s: %v", a, err)
		if i > 0 {
			require.NoError(t, shakeHands(t, l, netip.AddrPortFrom(a, origin.Addr().Port()), origin.Name()))
		}
	}
	require.NoError(t, origin.Mend())
	_, again := told(t, l, l.Local(), origin.Name())
	require.Equal(t, []netip.Addr{origin.Addr().Addr()}, again)
	require.Error(t, dialOnly(t, netip.AddrPortFrom(addresses[1], origin.Addr().Port())))
}
