package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

func TestResolving(t *testing.T) {
	target := serve(t, "http", say(whole(200, "", page)))
	target.Addresses = nil
	answer := func(addresses []netip.Addr, err error) func(context.Context, string) ([]netip.Addr, error) {
		return func(_ context.Context, host string) ([]netip.Addr, error) {
			require.Equal(t, name, host)
			return addresses, err
		}
	}
	target.Resolver = answer([]netip.Addr{loopback}, nil)
	require.Equal(t, health.OK, First(t.Context(), target).Class)

	for class, err := range map[health.Class]error{
		health.DNSNotFound:      &net.DNSError{Err: "no such host", Name: name, IsNotFound: true},
		health.DNSError:         &net.DNSError{Err: "server misbehaving", Name: name},
		health.AddressForbidden: fmt.Errorf("127.0.0.1: %w", health.ErrAddressForbidden),
	} {
		target.Resolver = answer(nil, err)
		results := Run(t.Context(), target)
		require.Len(t, results, 1)
		require.Equal(t, class, results[0].Class)
		require.Equal(t, health.StageResolve, results[0].Stage)
		require.Contains(t, results[0].Reason, "resolving "+name)
		require.Empty(t, results[0].Address)
		require.Equal(t, results[0].Class, First(t.Context(), target).Class)
	}

	target.Resolver = answer(nil, nil)
	require.Equal(t, health.DNSNotFound, First(t.Context(), target).Class, "no address is not found")

	target.Timeout = short
	target.Resolver = func(ctx context.Context, _ string) ([]netip.Addr, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	require.Equal(t, health.DNSTimeout, First(t.Context(), target).Class)

	target.Resolver = func(context.Context, string) ([]netip.Addr, error) {
		return nil, errors.New("asked for a literal")
	}
	target.URL.Host = net.JoinHostPort("127.0.0.1", target.URL.Port())
	target.Timeout = 0
	require.Equal(t, health.OK, First(t.Context(), target).Class, "an address needs no resolving")
}

func TestAnImpossibleTargetSaysSo(t *testing.T) {
	for reason, target := range map[string]Target{
		"has no host":          {URL: &url.URL{Scheme: "http"}},
		`has the scheme "ftp"`: {URL: &url.URL{Scheme: "ftp", Host: name}},
		"the path to probe":    {URL: &url.URL{Scheme: "http", Host: name}, Path: "no slash"},
	} {
		for _, r := range []Result{Run(t.Context(), target)[0], First(t.Context(), target), One(t.Context(), target, loopback)} {
			require.Equal(t, health.InternalError, r.Class)
			require.Contains(t, r.Reason, reason)
			require.False(t, r.At.IsZero())
		}
	}
}

func TestAPathLeadsToNoOtherHost(t *testing.T) {
	target := Target{URL: &url.URL{Scheme: "https", Host: name}}
	for path, want := range map[string]string{
		"":                       "https://" + name + "/",
		"/news?a=b%20c":          "https://" + name + "/news?a=b%20c",
		"//evil.example/x":       "https://" + name + "//evil.example/x",
		"https://evil.example/x": "https://" + name + "/x",
		"/a%2Fb":                 "https://" + name + "/a%2Fb",
	} {
		target.Path = path
		got, err := target.pageURL()
		require.NoError(t, err)
		require.Equal(t, want, got.String())
	}
}

func TestPortsOfSchemes(t *testing.T) {
	for address, want := range map[string]string{"http://a.example": "80", "https://a.example": "443", "https://a.example:8443": "8443"} {
		u, err := url.Parse(address)
		require.NoError(t, err)
		require.Equal(t, want, Target{URL: u}.port())
	}
}
