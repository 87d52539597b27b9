package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/resolve"
)

var (
	elsewhere = netip.MustParseAddr("127.0.0.2") // of an impostor
	bogon     = netip.MustParseAddr("10.10.34.34")
)

// answered is what a resolver said.
func answered(outcome resolve.Outcome, addresses ...netip.Addr) resolve.Answer {
	a := resolve.Answer{Outcome: outcome}
	for _, address := range addresses {
		if address == bogon {
			a.Bogons = append(a.Bogons, address)
		} else {
			a.Addresses = append(a.Addresses, address)
		}
	}
	return a
}

// injected is an answer beside which somebody else gave another.
func injected(a resolve.Answer) resolve.Answer {
	a.Injected = true
	a.Replies = []resolve.Reply{
		{Type: "A", Outcome: resolve.Found, Addresses: []netip.Addr{elsewhere}},
		{Type: "A", Outcome: a.Outcome, Addresses: a.Addresses},
	}
	return a
}

// found is what a lookup makes of the answers, the system's first.
func found(system resolve.Answer, controls ...resolve.Answer) resolve.Result {
	r := resolve.Result{Answers: append([]resolve.Answer{system}, controls...), Finding: resolve.Compare(system, controls)}
	for _, a := range append(controls[:len(controls):len(controls)], system) {
		r.Addresses = append(r.Addresses, a.Addresses...)
		r.Evidence = append(r.Evidence, a.Evidence()...)
	}
	return r
}

func TestWhatTheResolversAnswersMean(t *testing.T) {
	forged, absent := injected(answered(resolve.Found, elsewhere, loopback)), injected(answered(resolve.NXDomain))
	forbidden := fmt.Errorf("%s leads to %s: %w", name, bogon, health.ErrAddressForbidden)
	stale := found(answered(resolve.Found, bogon))
	stale.Addresses, stale.Stale = []netip.Addr{loopback}, true
	here, public := answered(resolve.Found, loopback), answered(resolve.Found, loopback)
	for _, test := range []struct {
		name   string
		result resolve.Result
		err    error
		class  health.Class
		kind   resolve.Kind
		goesTo []netip.Addr
	}{
		{"every resolver says the same", found(here, public), nil, health.OK, resolve.Consistent, []netip.Addr{loopback, loopback}},
		{"only one can be asked", found(here), nil, health.OK, resolve.Unconfirmed, []netip.Addr{loopback}},
		{"the name does not exist, says the only one", found(answered(resolve.NXDomain)), &net.DNSError{IsNotFound: true}, health.DNSNotFound, resolve.Unconfirmed, nil},
		{"the name has no address, says the only one", found(answered(resolve.NoData)), &net.DNSError{IsNotFound: true}, health.DNSNoAddress, resolve.Unconfirmed, nil},
		{"the name does not exist here", found(answered(resolve.NXDomain), public), nil, health.DNSNXDomain, resolve.Blocked, nil},
		{"the name has no address here", found(answered(resolve.NoData), public), nil, health.DNSBlocked, resolve.Blocked, nil},
		{"the resolver here fails", found(answered(resolve.ServFail), public), nil, health.DNSBlocked, resolve.Failed, nil},
		{"the resolver here is silent", found(answered(resolve.Silence), public), nil, health.DNSBlocked, resolve.Failed, nil},
		{"the name does not exist", found(answered(resolve.NXDomain), answered(resolve.NXDomain)), &net.DNSError{IsNotFound: true}, health.DomainGone, resolve.Gone, nil},
		{"the name has no address", found(answered(resolve.NoData), answered(resolve.NXDomain)), &net.DNSError{IsNotFound: true}, health.DNSNoAddress, resolve.Empty, nil},
		{"every resolver fails", found(answered(resolve.Refused), answered(resolve.ServFail)), &net.DNSError{}, health.DNSError, resolve.Failed, nil},
		{"garbage", found(answered(resolve.Garbage)), &net.DNSError{}, health.DNSError, resolve.Failed, nil},
		{"every resolver is silent", found(answered(resolve.Silence), answered(resolve.Silence)), &net.DNSError{IsTimeout: true}, health.DNSTimeout, resolve.Failed, nil},
		{"a bogon only here", found(answered(resolve.Found, bogon), public), nil, health.DNSPoisoned, resolve.Poisoned, nil},
		{"a bogon everywhere", found(answered(resolve.Found, bogon), answered(resolve.Found, bogon)), forbidden, health.AddressForbidden, resolve.Consistent, nil},
		{"a bogon, with nothing else known", found(answered(resolve.Found, bogon)), forbidden, health.AddressForbidden, resolve.Unconfirmed, nil},
		{"a bogon, where a good address is remembered", stale, nil, health.AddressForbidden, resolve.Unconfirmed, nil},
		{"a bogon of a name that is gone", found(answered(resolve.Found, bogon), answered(resolve.NXDomain)), forbidden, health.AddressForbidden, resolve.Suspected, nil},
		{"other addresses here", found(answered(resolve.Found, elsewhere), answered(resolve.Found, netip.MustParseAddr("203.0.113.7"))), nil, health.OK, resolve.Suspected, []netip.Addr{elsewhere}},
		{"somebody answers too", found(forged, public), nil, health.OK, resolve.Injected, []netip.Addr{loopback, elsewhere, loopback}},
		{"somebody answers, and nothing useful", found(absent), &net.DNSError{}, health.DNSInjected, resolve.Injected, nil},
		{"nobody was asked", resolve.Result{Addresses: []netip.Addr{loopback}}, nil, health.OK, "", []netip.Addr{loopback}},
		{"asking was cut off", resolve.Result{}, context.DeadlineExceeded, health.DNSTimeout, "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.kind, test.result.Finding.Kind, "the case itself")
			ruling, addresses := judgeLookup(test.result, test.err)
			require.Equal(t, test.class, ruling.class, ruling.reason)
			require.Equal(t, test.goesTo, addresses)
			require.Equal(t, ruling.class == health.OK, ruling.reason == "")
		})
	}
}

// resolved makes a target's name lead where the result says.
func resolved(target Target, result resolve.Result) Target {
	target.Addresses = nil
	target.Lookup = func(context.Context, string) (resolve.Result, error) { return result, nil }
	return target
}

// beside serves the same port at the impostor's address.
func beside(t *testing.T, target Target, f func(net.Conn)) {
	l, err := net.Listen("tcp", net.JoinHostPort(elsewhere.String(), target.port()))
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f(c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-ended })
}

func TestANameThatIsWrongHereSaysWhereTheControlsLead(t *testing.T) {
	target := resolved(serve(t, "http", say(whole(200, "", page))), found(answered(resolve.NXDomain), answered(resolve.Found, loopback)))
	r := First(t.Context(), target)
	require.Equal(t, health.DNSNXDomain, r.Class, r.Reason)
	require.Equal(t, health.StageResolve, r.Stage)
	require.Empty(t, r.Address, "nothing was connected to")
	require.Contains(t, r.Evidence[len(r.Evidence)-1], "the control resolvers give 127.0.0.1; with one of them as the origin's resolver")
	requireSteps(t, r)
}

func TestTLSHasTheLastWordOnDoubtfulAddresses(t *testing.T) {
	ours, foreign := newAuthority(t), newAuthority(t)
	tomorrow := time.Now().Add(24 * time.Hour)
	good := say(whole(200, "", page))
	suspected := found(answered(resolve.Found, elsewhere), answered(resolve.Found, netip.MustParseAddr("203.0.113.7")))
	for _, test := range []struct {
		name     string
		impostor func(net.Conn)
		class    health.Class
		evidence string
	}{
		{"another's certificate", over(ours.sign(t, "warning.example", tomorrow), good), health.DNSPoisoned, "tls_wrong_host"},
		{"nobody's certificate", over(foreign.sign(t, name, tomorrow), good), health.DNSPoisoned, "tls_unknown_ca"},
		{"plain HTTP", say(whole(200, "", "<h1>Blocked</h1>")), health.DNSPoisoned, "tls_not_tls"},
		{"the origin's certificate", over(ours.sign(t, name, tomorrow), good), health.OK, ""},
		{"the origin, with a fault", over(ours.sign(t, name, tomorrow), say(whole(503, "", ""))), health.ServerError, ""},
		{"the origin, expired", over(ours.sign(t, name, time.Now().Add(-time.Hour)), good), health.TLSExpired, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			target := resolved(serve(t, "https", silent), suspected)
			beside(t, target, test.impostor)
			target.Roots = ours.pool
			r := First(t.Context(), target)
			require.Equal(t, test.class, r.Class, r.Reason)
			require.Equal(t, elsewhere.String()+":"+target.port(), r.Address)
			if test.evidence != "" {
				require.Equal(t, health.StageResolve, r.Stage)
				require.Contains(t, r.Reason, "DNS leads to "+r.Address)
				require.True(t, strings.HasPrefix(r.Evidence[0], test.evidence+": "), r.Evidence)
			}
		})
	}
}

func TestWithoutTLSTheIdentityHasTheLastWord(t *testing.T) {
	suspected := found(answered(resolve.Found, elsewhere), answered(resolve.Found, netip.MustParseAddr("203.0.113.7")))
	for class, impostor := range map[health.Class]func(net.Conn){
		health.OK:          say(whole(200, "", page)),
		health.DNSPoisoned: say(whole(200, "", "<h1>Blocked</h1>")),
		health.ServerError: say(whole(500, "", "")),
	} {
		target := resolved(serve(t, "http", silent), suspected)
		beside(t, target, impostor)
		require.Equal(t, class, First(t.Context(), target).Class)
	}
}

func TestOfInjectedAnswersTheOneThatTLSVerifiesIsUsed(t *testing.T) {
	ours, foreign := newAuthority(t), newAuthority(t)
	tomorrow := time.Now().Add(24 * time.Hour)
	forged := injected(answered(resolve.Found, elsewhere, loopback))
	good := say(whole(200, "", page))

	target := resolved(serve(t, "https", over(ours.sign(t, name, tomorrow), good)), found(forged))
	beside(t, target, over(foreign.sign(t, name, tomorrow), good))
	target.Roots = ours.pool
	r := First(t.Context(), target)
	require.Equal(t, health.OK, r.Class, r.Reason)
	require.Equal(t, "127.0.0.1:"+target.port(), r.Address)
	require.Equal(t, health.DNSInjected, r.Notice.Class)
	require.Equal(t, health.StageResolve, r.Notice.Stage)
	require.NotEmpty(t, r.Notice.Reason)
	require.Contains(t, strings.Join(r.Evidence, "\n"), "1 of 2 addresses: dns_injected at 127.0.0.2")

	target = resolved(serve(t, "https", reset), found(forged))
	beside(t, target, over(foreign.sign(t, name, tomorrow), good))
	r = First(t.Context(), target)
	require.Equal(t, health.DNSInjected, r.Class, r.Reason)
	require.Equal(t, health.StageResolve, r.Stage)

	target = resolved(serve(t, "https", over(ours.sign(t, name, tomorrow), say(whole(503, "", "")))), found(forged))
	beside(t, target, over(foreign.sign(t, name, tomorrow), good))
	target.Roots = ours.pool
	r = One(t.Context(), target, loopback)
	require.Equal(t, health.ServerError, r.Class, "an address that TLS has verified fails by itself")
}

func TestAForbiddenAddressIsNeverConnectedTo(t *testing.T) {
	connected := make(chan struct{}, 1)
	target := serve(t, "http", func(net.Conn) { connected <- struct{}{} })
	resolver := &resolve.Resolver{}
	target.Addresses = nil
	target.Lookup = func(ctx context.Context, _ string) (resolve.Result, error) { return resolver.Lookup(ctx, "127.0.0.1") }
	r := First(t.Context(), target)
	require.Equal(t, health.AddressForbidden, r.Class, r.Reason)
	require.Contains(t, r.Reason, "127.0.0.0/8")
	require.Empty(t, connected)
}
