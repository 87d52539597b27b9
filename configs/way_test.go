package configs

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health/resolve"
)

const (
	somePin  = "sha256/n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="
	otherPin = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
)

// parseOrigin reads a file whose only origin has the given keys beside its URL.
func parseOrigin(keys ...string) (Origin, error) {
	text := "sites:\n  - origins:\n      - url: https://www.gazette.example\n"
	for _, key := range keys {
		text += "        " + key + "\n"
	}
	f, err := Parse("heliograph.yaml", []byte(text))
	if err != nil {
		return Origin{}, err
	}
	return f.Sites[0].Origins[0], nil
}

func TestTheWayToAnOriginIsRead(t *testing.T) {
	plain, err := parseOrigin()
	require.NoError(t, err)
	require.True(t, plain.Resolver.System())
	require.True(t, plain.Via.Direct())
	require.Empty(t, plain.Pins)
	require.Empty(t, plain.Network)

	o, err := parseOrigin("resolver: https://DNS.example#192.0.2.53", "via: socks5://ops:hunter2@127.0.0.1:9050",
		"pin: ["+somePin+", "+otherPin+"]", "network: Hafen & Söhne Hosting")
	require.NoError(t, err)
	require.Equal(t, "https://dns.example:443/dns-query#192.0.2.53", o.Resolver.String())
	require.Equal(t, "socks5://ops@127.0.0.1:9050", o.Via.String())
	require.Len(t, o.Pins, 2)
	require.Equal(t, somePin, o.Pins[0].String())
	require.Equal(t, otherPin, o.Pins[1].String())
	require.Equal(t, "Hafen & Söhne Hosting", o.Network)
}

func TestOnePinNeedsNoList(t *testing.T) {
	o, err := parseOrigin("pin: " + somePin)
	require.NoError(t, err)
	require.Len(t, o.Pins, 1)
	require.Equal(t, somePin, o.Pins[0].String())
}

func TestAViaCarriesOnlySomeResolvers(t *testing.T) {
	const via = "via: socks5://127.0.0.1:9050"
	for name, test := range map[string]struct {
		keys    []string
		refused string
	}{
		"no resolver, the proxy resolves": {[]string{via}, ""},
		"tcp":                             {[]string{via, "resolver: tcp://192.0.2.53"}, ""},
		"tls":                             {[]string{via, "resolver: tls://dns.example#192.0.2.53"}, ""},
		"https":                           {[]string{via, "resolver: https://dns.example/dns-query"}, ""},
		"udp":                             {[]string{via, "resolver: udp://192.0.2.53"}, "udp://192.0.2.53:53 cannot be asked through via"},
		"the machine's":                   {[]string{via, "resolver: system"}, "the machine's own resolver cannot be asked through via"},
		"udp without via":                 {[]string{"resolver: udp://192.0.2.53"}, ""},
		"the machine's without via":       {[]string{"resolver: system"}, ""},
		"an address, with via":            {[]string{via, "address: [192.0.2.10]"}, ""},
		"an address, with a resolver":     {[]string{"address: [192.0.2.10]", "resolver: udp://192.0.2.53"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseOrigin(test.keys...)
			if test.refused == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "sites[0].origins[0].resolver: "+test.refused)
		})
	}
}

func TestAPasswordIsNeverRepeated(t *testing.T) {
	const secret = "hunter2"
	for _, written := range []string{
		"ops:hunter2@proxy.example:1080", "https://ops:hunter2@proxy.example:443",
		"socks5://ops:hunter2@proxy.example", "socks5://ops:hunter2@proxy.example:1080/x", "socks5://ops:hunter2@:1080",
		"socks5://ops:hunter2@proxy.example:70000", "socks5://ops:hun%ter2@proxy.example:1080", "socks5://ops:hunter2/@proxy.example:1080",
		"socks5://ops:hunter2@[::1", "socks5://ops:hunter2@proxy.example:1080#x",
	} {
		for _, key := range []string{"via", "resolver", "pin", "url"} {
			text := "sites: [{origins: [{url: https://www.gazette.example, " + key + ": '" + written + "'}]}]"
			if key == "url" {
				text = "sites: [{origins: [{url: '" + written + "'}]}]"
			}
			_, err := Parse("heliograph.yaml", []byte(text))
			require.Error(t, err, text)
			require.NotContains(t, err.Error(), secret, text)
			require.NotContains(t, err.Error(), "ter2", text)
		}
	}
	f, err := Parse("heliograph.yaml", []byte(
		"sites: [{origins: [{url: https://www.gazette.example, via: 'http://ops:hunter2@proxy.example:3128'}]}]"))
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprintf("%v %+v", f.Sites, f.Sites), secret)
}

func TestResolversShortOfASchemeAreUnderstood(t *testing.T) {
	for written, meant := range map[string]string{
		"192.0.2.53":            "udp://192.0.2.53",
		"192.0.2.53:5353":       "udp://192.0.2.53:5353",
		"2001:db8::53":          "udp://[2001:db8::53]",
		"dns.example/dns-query": "https://dns.example/dns-query",
	} {
		_, err := parseResolver(written)
		require.ErrorContains(t, err, fmt.Sprintf("(did you mean %q?)", meant))
		_, err = resolve.ParseServer(meant)
		require.NoError(t, err, "and what was meant is one")
	}
	_, err := parseResolver("nobody")
	require.EqualError(t, err, "has no host")
}

func TestNetworksToAllowAreRead(t *testing.T) {
	f, err := Parse("heliograph.yaml", []byte(`
allow: [10.20.0.0/16, 192.0.2.80, "fd00:20::/48", "fd00::7", "::ffff:10.1.0.0/112", 127.0.0.0/8]
sites: [{origins: [https://www.gazette.example]}]
`))
	require.NoError(t, err)
	var want []netip.Prefix
	for _, text := range []string{"10.20.0.0/16", "192.0.2.80/32", "fd00:20::/48", "fd00::7/128", "10.1.0.0/16", "127.0.0.0/8"} {
		want = append(want, netip.MustParsePrefix(text))
	}
	require.Equal(t, want, f.Allow)
}

func TestAMetadataServiceStaysRefusedWhateverIsAllowed(t *testing.T) {
	for _, network := range resolve.Metadata() {
		require.Contains(t, allowProblem(network), "is a metadata service")
	}
	f, err := Parse("heliograph.yaml", []byte("allow: [169.254.0.0/16]\nsites: [{origins: [https://www.gazette.example]}]"))
	require.NoError(t, err)
	bogons := resolve.Bogons{Allowed: f.Allow}
	_, refused := bogons.Contains(netip.MustParseAddr("169.254.7.7"))
	require.False(t, refused)
	_, refused = bogons.Contains(netip.MustParseAddr("169.254.169.254"))
	require.True(t, refused)
}

func TestControlIsRead(t *testing.T) {
	f, err := Parse("heliograph.yaml", []byte(`
control:
  resolvers: [tls://dns.example#192.0.2.53, udp://192.0.2.54]
  urls: [https://WWW.Example.org/, "http://192.0.2.9:8080/up?plain"]
sites: [{origins: [https://www.gazette.example]}]
`))
	require.NoError(t, err)
	require.Len(t, f.Control.Resolvers, 2)
	require.Equal(t, "tls://dns.example:853#192.0.2.53", f.Control.Resolvers[0].String())
	require.Equal(t, "udp://192.0.2.54:53", f.Control.Resolvers[1].String())
	require.Len(t, f.Control.URLs, 2)
	require.Equal(t, "https://www.example.org", f.Control.URLs[0].String())
	require.Equal(t, "http://192.0.2.9:8080/up?plain", f.Control.URLs[1].String())
}

func TestAListIsNoLongerThanItsBound(t *testing.T) {
	var full strings.Builder
	for i := range maxControls {
		fmt.Fprintf(&full, "udp://192.0.2.%d,", i+1)
	}
	const rest = "]}\nsites: [{origins: [https://www.gazette.example]}]"
	_, err := Parse("heliograph.yaml", []byte("control: {resolvers: ["+full.String()+rest))
	require.NoError(t, err)
	_, err = Parse("heliograph.yaml", []byte("control: {resolvers: ["+full.String()+"udp://192.0.2.100"+rest))
	require.ErrorContains(t, err, "control.resolvers: has 9 items, more than 8")
}

func TestNetworkLabelsAreShortAndPrintable(t *testing.T) {
	for label, problem := range map[string]string{
		"AS64500": "", "Hafen & Söhne": "", strings.Repeat("ü", maxNetwork): "",
		"": "is empty", strings.Repeat("ü", maxNetwork+1): "is longer than 64 characters",
		"AS 64500\n": `"AS 64500\n" begins or ends with a space`, "AS\t64500": `"AS\t64500" has a character that cannot be printed`,
	} {
		require.Equal(t, problem, networkProblem(label), label)
	}
}
