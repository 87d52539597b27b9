package resolve

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestServersAreReadAsTheConfigurationSpellsThem(t *testing.T) {
	for spec, want := range map[string]string{
		"system":                         "system",
		"udp://192.0.2.1":                "udp://192.0.2.1:53",
		"UDP://192.0.2.1:5353/":          "udp://192.0.2.1:5353",
		"tcp://[2001:DB8::1]":            "tcp://[2001:db8::1]:53",
		"tls://DNS.example.":             "tls://dns.example:853",
		"tls://192.0.2.1":                "tls://192.0.2.1:853",
		"tls://dns.example#192.0.2.1":    "tls://dns.example:853#192.0.2.1",
		"https://dns.example":            "https://dns.example:443/dns-query",
		"https://dns.example/q#::1, ::2": "https://dns.example:443/q#::1,::2",
		"https://dns.example:8443/a%20b": "https://dns.example:8443/a%20b",
		"tls://[::ffff:192.0.2.1]":       "tls://192.0.2.1:853",
	} {
		s, err := ParseServer(spec)
		require.NoError(t, err, spec)
		require.Equal(t, want, s.String())
		again, err := ParseServer(s.String())
		require.NoError(t, err)
		require.Equal(t, s, again)
	}
	require.Equal(t, "system", Server{}.String())
	require.True(t, Server{}.System())
	require.False(t, server(t, "udp://192.0.2.1").Encrypted())
	require.True(t, server(t, "tls://192.0.2.1").Encrypted())
}

func TestARefusedServerSaysWhatIsAccepted(t *testing.T) {
	for spec, reason := range map[string]string{
		"":                                    "has no host",
		"192.0.2.1":                           "has no host",
		"quic://dns.example":                  `the scheme "quic" is not known`,
		"udp://dns.example":                   "is no IP address",
		"udp://192.0.2.1/path":                "udp takes no path",
		"tls://dns.example/path":              "tls takes no path",
		"udp://192.0.2.1#192.0.2.2":           "an address already",
		"udp://192.0.2.1:0":                   `"0" is no port`,
		"udp://192.0.2.1:70000":               `"70000" is no port`,
		"tls://dns.example#here":              `"here" after the # is no IP address`,
		"tls://dns.example#fe80::1%25eth0":    "has a zone",
		"tls://[fe80::1%25eth0]":              "has a zone",
		"https://u:p@dns.example/":            "more than a scheme",
		"https://dns.example/dns-query?a=b":   "more than a scheme",
		"https://dns.example/dns-query{?dns}": "more than a scheme",
		"https://bücher.example/":             "no host name in ASCII",
		"https://-..example/":                 "no host name in ASCII",
		"https://":                            "has no host",
		"tls://dns.example..:1":               "no host name in ASCII",
		"http://dns.example/":                 `the scheme "http" is not known`,
		"tls://dns.example#" + strings.Repeat("::1,", 8) + "::1": "more than 8 addresses",
		"tls://" + strings.Repeat("a", 3000):                     "longer than 2048 bytes",
		"udp://%":                                                "it is no URL",
	} {
		_, err := ParseServer(spec)
		require.ErrorContains(t, err, reason, spec)
		require.ErrorContains(t, err, accepted)
	}
}

func FuzzParseServer(f *testing.F) {
	for _, spec := range []string{"system", "udp://192.0.2.1:53", "tls://dns.example#192.0.2.1,::1", "https://dns.example:1/a%2Fb?#", "tcp://[::1%25a]"} {
		f.Add(spec)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		s, err := ParseServer(spec)
		if err != nil {
			require.Less(t, len(err.Error()), 4*maxSpec)
			return
		}
		again, err := ParseServer(s.String())
		require.NoError(t, err, "%q became %q", spec, s)
		require.Equal(t, s, again)
		require.NotEmpty(t, s.System() || len(s.addresses()) > 0)
	})
}
