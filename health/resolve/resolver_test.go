package resolve

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/lab"
)

// pair is a system's resolver and a control resolver over HTTPS.
type pair struct {
	*Resolver
	system, control *lab.Nameserver
}

func newPair(t *testing.T, system, control lab.Saying) pair {
	t.Helper()
	l := startLab(t)
	p := pair{system: startNameserver(t, l, system), control: startNameserver(t, l, control)}
	p.Resolver = &Resolver{
		System: server(t, p.system.UDP()), Controls: []Server{server(t, p.control.HTTPS())},
		Roots: l.CA(), Timeout: long, Listen: time.Millisecond,
	}
	return p
}

func TestLookingUpBesideAControlResolver(t *testing.T) {
	truth := lab.At(right...)
	for _, test := range []struct {
		name            string
		system, control lab.Saying
		kind            Kind
		addresses       []netip.Addr
		class           health.Class
	}{
		{"nothing is wrong", truth, truth, Consistent, right, health.OK},
		{"row 1: NXDOMAIN here only", lab.In(lab.NXDomain), truth, Blocked, right, health.OK},
		{"row 2: NXDOMAIN everywhere", lab.In(lab.NXDomain), lab.In(lab.NXDomain), Gone, nil, health.DNSNotFound},
		{"no address anywhere", lab.At(), lab.At(), Empty, nil, health.DNSNotFound},
		{"row 3: a private address", lab.At(ip("10.10.34.34")), truth, Poisoned, right, health.OK},
		{"row 3: this machine", lab.At(ip("127.0.0.1"), ip("::1")), truth, Poisoned, right, health.OK},
		{"row 3: no address of a machine", lab.At(ip("0.0.0.0")), truth, Poisoned, right, health.OK},
		{"row 3: the same everywhere", lab.At(ip("127.0.0.1")), lab.At(ip("127.0.0.1")), Consistent, nil, health.AddressForbidden},
		{"row 4: a block page's server", lab.At(other...), truth, Suspected, append(right[:2:2], other...), health.OK},
		{"row 6: SERVFAIL here only", lab.In(lab.ServFail), truth, Failed, right, health.OK},
		{"row 6: REFUSED everywhere", lab.In(lab.Refused), lab.In(lab.Refused), Failed, nil, health.DNSError},
		{"row 6: nonsense here only", lab.In(lab.Nonsense), truth, Failed, right, health.OK},
		{"row 47: a metadata service", lab.At(ip("169.254.169.254")), lab.At(ip("169.254.169.254")), Consistent, nil, health.AddressForbidden},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPair(t, test.system, test.control)
			result, err := p.Lookup(t.Context(), "WWW.Gazette.example.")
			require.Equal(t, test.class, health.Classify(err, health.StageResolve), "%v", err)
			require.Equal(t, test.addresses, result.Addresses)
			require.Equal(t, test.kind, result.Finding.Kind, result.Finding.Reason)
			require.Positive(t, result.Duration)
			require.Len(t, result.Answers, 2)
			evidence := strings.Join(result.Evidence, "\n")
			require.Contains(t, evidence, result.Answers[0].Server.name())
			require.Contains(t, evidence, result.Answers[1].Server.name())
			require.False(t, result.Stale)
			if test.class == health.AddressForbidden {
				require.ErrorIs(t, err, health.ErrAddressForbidden)
			}
			addresses, again := p.Addresses(t.Context(), name)
			require.Equal(t, result.Addresses, addresses)
			require.Equal(t, fmt.Sprint(err), fmt.Sprint(again))
		})
	}
}

func TestSilenceHereOnlyIsAFailureHereOnly(t *testing.T) {
	p := newPair(t, lab.In(lab.Silent), lab.At(right...))
	p.Timeout = 4 * time.Second // the control answers within it; half of it is waited for the system
	result, err := p.Lookup(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, Failed, result.Finding.Kind)
	require.True(t, result.Finding.OnlyHere)
	require.Equal(t, right, result.Addresses)
}

func TestSilenceEverywhereIsATimeout(t *testing.T) {
	p := newPair(t, lab.In(lab.Silent), lab.In(lab.Silent))
	p.Timeout = short
	result, err := p.Lookup(t.Context(), name)
	require.Equal(t, health.DNSTimeout, health.Classify(err, health.StageResolve))
	require.Equal(t, Failed, result.Finding.Kind)
	require.Empty(t, result.Addresses)
}

func TestRow5TheControlsAddressComesBeforeAnInjectedOne(t *testing.T) {
	p := newPair(t, lab.Saying{Manner: lab.Forged, Addresses: right, Forgery: other[0], Delay: time.Millisecond}, lab.At(right...))
	p.Listen = patient
	result, err := p.Lookup(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, Injected, result.Finding.Kind)
	require.Equal(t, append(right[:2:2], other...), result.Addresses)
	require.Contains(t, strings.Join(result.Evidence, "\n"), "different answers")
}

func TestLoopbackCanBeAllowed(t *testing.T) {
	p := newPair(t, lab.At(ip("127.0.0.1")), lab.At(ip("127.0.0.1")))
	p.Bogons.Allowed = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	result, err := p.Lookup(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, ips("127.0.0.1"), result.Addresses)
}

func TestAHostThatIsAnAddress(t *testing.T) {
	r := &Resolver{System: server(t, "udp://127.0.0.1:1")}
	result, err := r.Lookup(t.Context(), "[2a00:1450::1]")
	require.NoError(t, err)
	require.Equal(t, ips("2a00:1450::1"), result.Addresses)
	_, err = r.Lookup(t.Context(), "169.254.169.254")
	require.ErrorIs(t, err, health.ErrAddressForbidden)
	_, err = r.Lookup(t.Context(), "::ffff:8.8.8.8")
	require.ErrorIs(t, err, health.ErrAddressForbidden)
}

func TestAHostThatCannotBeAskedFor(t *testing.T) {
	for _, host := range []string{"", ".", "bücher.example", "a..example", "a b.example", strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 130)} {
		_, err := (&Resolver{}).Lookup(t.Context(), host)
		require.Equal(t, health.DNSError, health.Classify(err, health.StageResolve), host)
		require.ErrorContains(t, err, "no host name in ASCII")
	}
}

func TestTheMachinesOwnTableOfHostsComesFirst(t *testing.T) {
	r := &Resolver{hosts: func(context.Context, string) []netip.Addr {
		return append(ips("10.0.0.1", "169.254.169.254"), right...)
	}}
	result, err := r.Lookup(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, append(ips("10.0.0.1"), right...), result.Addresses, "the operator's own word opens a private network, but no metadata service")
	require.Equal(t, Unconfirmed, result.Finding.Kind)
	require.Contains(t, result.Evidence[0], "table of hosts")
}

func TestTheTableOfHostsIsReadWithoutAskingAnybody(t *testing.T) {
	for _, host := range []string{"localhost", "gazette.localhost"} {
		require.Contains(t, pinned(t.Context(), host), ip("127.0.0.1"))
	}
	require.Empty(t, pinned(t.Context(), "nobody.test"))
}

func TestTheMachinesOwnServersAreAskedInOrder(t *testing.T) {
	l := startLab(t)
	broken, good := startNameserver(t, l, lab.In(lab.ServFail)), startNameserver(t, l, lab.At(right...))
	r := &Resolver{
		Timeout: long, Listen: time.Millisecond,
		hosts:       func(context.Context, string) []netip.Addr { return nil },
		nameservers: func() []string { return []string{broken.Addr().String(), good.Addr().String()} },
	}
	result, err := r.Lookup(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, right, result.Addresses)
	require.Equal(t, "system", result.Answers[0].Server.String())
	require.Positive(t, broken.Asked(name))
}

func TestTheMachinesOwnServersAreReadFromItsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	require.NoError(t, os.WriteFile(file, []byte("search example\nnameserver 192.0.2.1\nnameserver 2001:db8::1\nnameserver fe80::1%eth0\nnameserver odd\nnameserver 192.0.2.4\n"), 0o600))
	require.Equal(t, []string{"192.0.2.1:53", "[2001:db8::1]:53", "[fe80::1%eth0]:53"}, nameserversIn(file))
	require.Empty(t, nameserversIn(file+".missing"))
}
