package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/lab"
)

func TestAnAnswerIsRememberedForItsTimeToLive(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := newPair(t, lab.At(right...), lab.Saying{Addresses: right, TTL: 20 * time.Second})
	p.Now = func() time.Time { return now }
	lookup := func(want []netip.Addr) {
		t.Helper()
		result, err := p.Lookup(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, want, result.Addresses)
		result.Addresses[0] = netip.Addr{} // what callers do to it is their own
	}
	lookup(right)
	asked := p.control.Asked(name)
	p.system.Say(name, lab.At(other...))
	p.control.Say(name, lab.At(other...))
	now = now.Add(19 * time.Second)
	lookup(right)
	require.Equal(t, asked, p.control.Asked(name))
	now = now.Add(time.Second)
	lookup(other)
	require.Greater(t, p.control.Asked(name), asked)
}

func TestAReaderDoesNotWaitForAnAnswerThatIsAMinuteOverItsTime(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := newPair(t, lab.At(right...), lab.Saying{Addresses: right, TTL: 20 * time.Second})
	p.Now = func() time.Time { return now }
	ask := func() []netip.Addr {
		addresses, err := p.Addresses(t.Context(), name)
		require.NoError(t, err)
		return addresses
	}
	require.Equal(t, right, ask())
	p.system.Say(name, lab.Saying{Addresses: other, TTL: 20 * time.Second})
	p.control.Say(name, lab.Saying{Addresses: other, TTL: 20 * time.Second})
	asked := p.control.Asked(name)
	now = now.Add(20*time.Second + grace)
	require.Equal(t, right, ask())
	require.Equal(t, asked, p.control.Asked(name))
	_, err := p.Lookup(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, other, ask(), "what a probe found replaces them")
	now = now.Add(20*time.Second + grace + time.Second)
	p.system.Say(name, lab.At(right...))
	p.control.Say(name, lab.At(right...))
	require.Equal(t, right, ask(), "without probes they are asked for again")
}

func TestFreshnessIsBounded(t *testing.T) {
	with := func(kind Kind, ttls ...time.Duration) Result {
		r := Result{Finding: Finding{Kind: kind}}
		for _, ttl := range ttls {
			r.Answers = append(r.Answers, Answer{Outcome: Found, TTL: ttl})
		}
		return r
	}
	require.Equal(t, 5*time.Second, with(Consistent, time.Minute, 5*time.Second).freshness())
	require.Equal(t, maxFresh, with(Consistent, time.Hour).freshness())
	require.Equal(t, maxDoubtful, with(Injected, time.Hour).freshness())
	require.Zero(t, with(Consistent, 0).freshness())
	require.Zero(t, Result{Answers: []Answer{{Outcome: ServFail, TTL: time.Hour}}}.freshness(), "failures are not remembered")
}

func TestTheLastGoodAddressesServeForADay(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := newPair(t, lab.At(right...), lab.At(right...))
	p.Now = func() time.Time { return now }
	_, err := p.Lookup(t.Context(), name)
	require.NoError(t, err)

	for _, failing := range []lab.Saying{lab.In(lab.ServFail), lab.In(lab.Nonsense), lab.At(ip("10.0.0.1"))} {
		p.system.Say(name, failing)
		p.control.Say(name, failing)
		now = now.Add(2 * time.Hour)
		result, err := p.Lookup(t.Context(), name)
		require.NoError(t, err)
		require.True(t, result.Stale)
		require.Equal(t, right, result.Addresses)
		require.Contains(t, result.Evidence[len(result.Evidence)-1], "2026-03-01T12:00:00Z")
	}
	p.system.Say(name, lab.In(lab.NXDomain))
	p.control.Say(name, lab.In(lab.NXDomain))
	now = now.Add(time.Hour)
	_, err = p.Lookup(t.Context(), name)
	require.Equal(t, health.DNSNotFound, health.Classify(err, health.StageResolve), "a name that is gone is gone")

	p.system.Say(name, lab.In(lab.ServFail))
	p.control.Say(name, lab.In(lab.ServFail))
	now = now.Add(24 * time.Hour)
	_, err = p.Lookup(t.Context(), name)
	require.Equal(t, health.DNSError, health.Classify(err, health.StageResolve))
}

func TestDoubtfulAddressesDoNotReplaceGoodOnes(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var m memory
	good := Result{Addresses: right, Finding: Finding{Kind: Consistent}, Answers: []Answer{said(Found, right...)}}
	m.remember(good, now)
	forged := Result{Addresses: other, Finding: Finding{Kind: Injected}, Answers: []Answer{tampered(said(Found, other...))}}
	m.remember(forged, now)
	require.Equal(t, right, m.good)
	forged.Answers = append(forged.Answers, said(Found, other...))
	m.remember(forged, now)
	require.Equal(t, other, m.good, "a control resolver vouches for them")
}

func TestAHandshakeProvesAnAddress(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := newPair(t, lab.At(other...), lab.At(right...))
	p.Now = func() time.Time { return now }
	lookup := func() Result {
		t.Helper()
		result, err := p.Lookup(t.Context(), name)
		require.NoError(t, err)
		return result
	}
	require.Equal(t, Suspected, lookup().Finding.Kind)
	p.Proved(strings.ToUpper(name), other[0])
	result := lookup()
	require.Equal(t, Consistent, result.Finding.Kind)
	require.Contains(t, result.Finding.Reason, other[0].String())
	require.Equal(t, append(other[:1:1], right...), result.Addresses)

	now = now.Add(maxStale)
	require.Equal(t, Suspected, lookup().Finding.Kind, "a proof is of its time")
	for i := range 2 * maxProved {
		p.Proved(name, netip.AddrFrom4([4]byte{8, 8, 8, byte(i)}))
		now = now.Add(time.Second)
	}
	require.Len(t, p.memoryLocked(name).proved, maxProved)
	require.Contains(t, p.memoryLocked(name).proved, ip("8.8.8.31"))
}

func TestTheCacheIsBounded(t *testing.T) {
	r := &Resolver{hosts: func(context.Context, string) []netip.Addr { return right }}
	for i := range maxHosts + 10 {
		_, err := r.Lookup(t.Context(), fmt.Sprintf("n%d.example", i))
		require.NoError(t, err)
	}
	require.Equal(t, maxHosts, r.cache.Len())
	require.Empty(t, r.under)
}

func TestLookupsAtTheSameTimeAreOne(t *testing.T) {
	release, begun := make(chan struct{}), make(chan struct{}, 64)
	r := &Resolver{hosts: func(context.Context, string) []netip.Addr {
		begun <- struct{}{}
		<-release
		return right
	}}
	var looking sync.WaitGroup
	for range 32 {
		looking.Go(func() {
			addresses, err := r.Addresses(t.Context(), name)
			if err != nil || len(addresses) != len(right) {
				t.Errorf("%v, %v", addresses, err)
			}
		})
	}
	waiting := func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.under[name] != nil && r.under[name].waiting == 32
	}
	require.Eventually(t, waiting, long, time.Millisecond)
	close(release)
	looking.Wait()
	require.Len(t, begun, 1)
}

func TestALookupEndsWithTheLastWhoWaits(t *testing.T) {
	p := newPair(t, lab.In(lab.Silent), lab.In(lab.Silent))
	p.Timeout = time.Hour
	first, leaveFirst := context.WithCancel(t.Context())
	second, leaveSecond := context.WithCancel(t.Context())
	failed := make(chan error, 2)
	for _, ctx := range []context.Context{first, second} {
		go func() {
			_, err := p.Lookup(ctx, name)
			failed <- err
		}()
	}
	waiting := func(n int) func() bool {
		return func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.under[name] != nil && p.under[name].waiting == n
		}
	}
	require.Eventually(t, waiting(2), long, time.Millisecond)
	leaveFirst()
	require.ErrorIs(t, <-failed, context.Canceled)
	require.Eventually(t, waiting(1), long, time.Millisecond)
	leaveSecond()
	require.ErrorIs(t, <-failed, context.Canceled)
	require.Empty(t, p.under)

	_, err := p.Lookup(first, name)
	require.ErrorIs(t, err, context.Canceled)
	var dns *net.DNSError
	require.False(t, errors.As(err, &dns), "our own end is nobody's failure")
}

func TestManyLookupsAtOnce(t *testing.T) {
	p := newPair(t, lab.At(right...), lab.At(right...))
	var looking sync.WaitGroup
	for i := range 24 {
		host := fmt.Sprintf("n%d.example", i%4)
		p.system.Say(host, lab.At(right...))
		p.control.Say(host, lab.At(right...))
		looking.Go(func() {
			if _, err := p.Lookup(t.Context(), host); err != nil {
				t.Error(err)
			}
			p.Proved(host, right[0])
		})
	}
	looking.Wait()
}
