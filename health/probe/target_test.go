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
	"github.com/heliograph-edge/heliograph/health/resolve"
)

func TestResolving(t *testing.T) {
	target := serve(t, "http", say(whole(200, "", page)))
	target.Addresses = nil
	answer := func(addresses []netip.Addr, err error) func(context.Context, string) (resolve.Result, error) {
		return func(_ context.Context, host string) (resolve.Result, error) {
			require.Equal(t, name, host)
			return resolve.Result{Addresses: addresses}, err
		}
	}
	target.Lookup = answer([]netip.Addr{loopback}, nil)
	good := First(t.Context(), target)
	require.Equal(t, health.OK, good.Class)
	require.NotNil(t, good.Lookup)

	for class, err := range map[health.Class]error{
		health.DNSNotFound:      &net.DNSError{Err: "no such host", Name: name, IsNotFound: true},
		health.DNSError:         &net.DNSError{Err: "server misbehaving", Name: name},
		health.AddressForbidden: fmt.Errorf("127.0.0.1: %w", health.ErrAddressForbidden),
	} {
		target.Lookup = answer(nil, err)
		results := Run(t.Context(), target)
		require.Len(t, results, 1)
		require.Equal(t, class, results[0].Class)
		require.Equal(t, health.StageResolve, results[0].Stage)
		require.Contains(t, results[0].Reason, "resolving "+name)
		require.Empty(t, results[0].Address)
		require.NotEmpty(t, results[0].Evidence)
		requireSteps(t, results[0])
		require.Equal(t, results[0].Class, First(t.Context(), target).Class)
	}

	target.Lookup = answer(nil, nil)
	require.Equal(t, health.DNSNoAddress, First(t.Context(), target).Class, "a name without an address exists")

	target.Timeout = short
	target.Lookup = func(ctx context.Context, _ string) (resolve.Result, error) {
		<-ctx.Done()
		return resolve.Result{}, ctx.Err()
	}
	require.Equal(t, health.DNSTimeout, First(t.Context(), target).Class)

	target.Lookup = func(context.Context, string) (resolve.Result, error) {
		return resolve.Result{}, errors.New("asked for a literal")
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
