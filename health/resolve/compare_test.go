package resolve

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// said is an answer as a server of its own gave it.
func said(outcome Outcome, addresses ...netip.Addr) Answer {
	usable, bogons := Bogons{}.split(addresses)
	return Answer{Server: Server{scheme: schemeUDP, host: "192.0.2.53", port: "53"}, Outcome: outcome, Addresses: usable, Bogons: bogons}
}

func tampered(answer Answer) Answer {
	answer.Injected = true
	answer.Replies = []Reply{
		{Type: typeA, Outcome: Found, Addresses: other}, {Type: typeA, Outcome: Found, Addresses: right},
	}
	return answer
}

func TestWhatTheAnswersComeTo(t *testing.T) {
	var (
		found  = said(Found, right...)
		bogon  = said(Found, ip("10.10.34.34"))
		nx     = said(NXDomain)
		nodata = said(NoData)
		silent = said(Silence)
	)
	for _, test := range []struct {
		name     string
		system   Answer
		controls []Answer
		want     Kind
		here     bool
		reason   string
	}{
		{"row 1: NXDOMAIN here only", nx, []Answer{found}, Blocked, true, "NXDOMAIN"},
		{"NODATA here only", nodata, []Answer{found}, Blocked, true, "NODATA"},
		{"NXDOMAIN here, and one control is blocked too", nx, []Answer{nx, found}, Blocked, true, ""},
		{"row 2: NXDOMAIN everywhere", nx, []Answer{nx, nx}, Gone, false, ""},
		{"NXDOMAIN here, and the only control is silent", nx, []Answer{silent}, Unconfirmed, false, "no control resolver answered"},
		{"NXDOMAIN here, and nobody else to ask", nx, nil, Unconfirmed, false, "there is no control resolver"},
		{"NODATA everywhere", nodata, []Answer{nodata}, Empty, false, ""},
		{"NXDOMAIN here and NODATA there", nx, []Answer{nodata}, Empty, false, ""},

		{"row 3: a bogon here only", bogon, []Answer{found}, Poisoned, true, "10.10.34.34"},
		{"a bogon here beside the right address", said(Found, right[0], ip("127.0.0.1")), []Answer{found}, Poisoned, true, "127.0.0.1"},
		{"the same bogon everywhere", bogon, []Answer{bogon}, Consistent, false, "10.10.34.34"},
		{"a bogon, and nobody else to ask", bogon, nil, Unconfirmed, false, "10.10.34.34"},

		{"row 4: another address here", said(Found, other...), []Answer{found}, Suspected, false, other[0].String()},
		{"a domain that is gone and still blocked", said(Found, other...), []Answer{nx}, Suspected, false, "NXDOMAIN"},
		{"another address in the same network", said(Found, ip("8.20.0.99")), []Answer{found}, Consistent, false, ""},
		{"the same address in one family", said(Found, right[1], other[0]), []Answer{found}, Consistent, false, ""},
		{"the same as one of two controls", found, []Answer{said(Found, other...), found}, Consistent, false, ""},
		{"an address, and nobody else to ask", found, nil, Unconfirmed, false, ""},
		{"an address, and the controls fail", found, []Answer{silent, said(ServFail)}, Unconfirmed, false, ""},

		{"row 5: two answers", tampered(found), []Answer{found}, Injected, true, "different answers"},
		{"two answers, and nobody else to ask", tampered(found), nil, Injected, false, "different answers"},
		{"two answers to the only control", said(Found, other...), []Answer{tampered(found)}, Injected, false, "udp://192.0.2.53"},
		{"two answers to one control and the other agrees", found, []Answer{tampered(found), found}, Consistent, false, ""},

		{"row 6: SERVFAIL here only", said(ServFail), []Answer{found}, Failed, true, "SERVFAIL"},
		{"row 6: REFUSED here only", said(Refused), []Answer{nx, found}, Failed, true, "REFUSED"},
		{"row 6: silence here only", silent, []Answer{found}, Failed, true, "no answer in time"},
		{"garbage here only", said(Garbage), []Answer{found}, Failed, true, "is no answer"},
		{"FORMERR here, and no such name", said(FormErr), []Answer{nx}, Failed, false, "FORMERR"},
		{"row 6: everybody fails", silent, []Answer{said(Unreachable)}, Failed, false, "no resolver answered"},
		{"silence, and nobody else to ask", silent, nil, Failed, false, "no answer in time"},
	} {
		t.Run(test.name, func(t *testing.T) {
			finding := Compare(test.system, test.controls)
			require.Equal(t, test.want, finding.Kind, finding.Reason)
			require.Equal(t, test.here, finding.OnlyHere)
			require.NotEmpty(t, finding.Reason)
			require.Contains(t, finding.Reason, test.reason)
			require.Contains(t, Kinds(), finding.Kind)
		})
	}
}

func TestEveryPairOfOutcomesComesToSomething(t *testing.T) {
	for _, a := range Outcomes() {
		require.NotEmpty(t, a.Words())
		for _, b := range Outcomes() {
			for _, system := range []Answer{said(a), said(a, right...), tampered(said(a))} {
				for _, control := range []Answer{said(b), said(b, other...), said(b, ip("10.0.0.1")), tampered(said(b))} {
					finding := Compare(system, []Answer{control})
					require.Contains(t, Kinds(), finding.Kind)
					require.NotEmpty(t, finding.Reason)
				}
			}
		}
	}
}

func TestAddressesThatTheControlsKnowComeFirst(t *testing.T) {
	a, b, c, d := ip("8.0.0.1"), ip("8.0.0.2"), ip("8.0.0.3"), ip("8.0.0.4")
	require.Equal(t, []netip.Addr{c, b, d, a}, ranked(said(Found, a, b), []Answer{said(Found, b, c), said(Found, c, d)}[:2]))
	require.Equal(t, []netip.Addr{a, b}, ranked(said(Found, a, b), nil))
	require.Equal(t, []netip.Addr{c, a}, ranked(tampered(said(Found, a)), []Answer{said(Found, c)}))
	require.Empty(t, ranked(said(NXDomain), []Answer{said(Silence)}))
}
