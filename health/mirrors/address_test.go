package mirrors

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAddressesAreBroughtIntoOneForm(t *testing.T) {
	for text, want := range map[string]string{
		"https://gazette.example":                      "https://gazette.example",
		"\tHTTPS://Gazette.EXAMPLE:443/\n":             "https://gazette.example",
		"https://gazette.example.:8443/a%20b?q=1#here": "https://gazette.example:8443/a%20b?q=1",
		"http://gazette.example:80/mirror/":            "http://gazette.example/mirror/",
		"gazette.example":                              "https://gazette.example",
		"//gazette.example/x":                          "https://gazette.example/x",
		"https://bücher.example":                       "https://xn--bcher-kva.example",
		"https://xn--bcher-kva.example":                "https://xn--bcher-kva.example",
		"https://روزنامه.example/":                     "https://xn--mgbtd1fdic.example",
		"https://9.9.9.9:8443":                         "https://9.9.9.9:8443",
		"https://[2620:fe::9]/":                        "https://[2620:fe::9]",
		"http://expyuzz4wqqyqhjn.onion/":               "http://expyuzz4wqqyqhjn.onion",
	} {
		a, flaw := ReadAddress(text, "https")
		require.Empty(t, flaw, text)
		require.Equal(t, want, a.URL, text)
		again, flaw := ReadAddress(a.URL, "https")
		require.Empty(t, flaw)
		require.Equal(t, a, again)
	}
}

func TestWhatCannotBeAMirrorsAddressIsRefused(t *testing.T) {
	for text, want := range map[string]Flaw{
		"":    NoURL,
		" \t": NoURL,
		"https://a.example/" + strings.Repeat("x", maxAddress): TooLongURL,
		"https://":           BadURL,
		"https://a..example": BadURL,
		"https://" + strings.Repeat("a", 64) + ".example":  BadURL,
		"https://" + strings.Repeat("a.", 127) + "example": BadURL,
		"https://a_b.example":                              BadURL,
		"https://a.example:0":                              BadURL,
		"https://a.example:65536":                          BadURL,
		"https://a.example:http":                           BadURL,
		"https://a b.example":                              BadURL,
		"https://127.1":                                    BadURL,
		"https://0x7f000001":                               BadURL,
		"https://2130706433":                               BadURL,
		"https://300.1.1.1":                                BadURL,
		"ftp://a.example":                                  UnknownProto,
		"javascript://a.example/%0aalert":                  UnknownProto,
		"https://user:word@a.example":                      Credentials,
		"https://bank.example@a.example":                   Credentials,
		"https://localhost":                                Private,
		"https://router.local":                             Private,
		"https://metadata.google.internal":                 Private,
		"https://127.0.0.1":                                Private,
		"https://10.10.34.34":                              Private,
		"https://169.254.169.254":                          Private,
		"https://100.64.0.1":                               Private,
		"https://0.0.0.0":                                  Private,
		"https://[::1]":                                    Private,
		"https://[fd00:ec2::254]":                          Private,
		"https://[::ffff:10.0.0.1]":                        Private,
		"https://[64:ff9b::a00:1]":                         Private,
		"https://[2002:a00:1::]":                           Private,
	} {
		_, flaw := ReadAddress(text, "https")
		require.Equal(t, want, flaw, "%.80q", text)
	}
}

func TestEveryFlawHasItsWords(t *testing.T) {
	seen := map[string]bool{}
	for _, flaw := range Flaws() {
		require.NotEmpty(t, flaw.Meaning(), flaw)
		require.False(t, seen[flaw.Meaning()], flaw)
		seen[flaw.Meaning()] = true
	}
	require.Empty(t, Flaw("").Meaning())
}
