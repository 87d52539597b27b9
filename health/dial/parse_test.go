package dial

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAViaIsReadInEverySpelling(t *testing.T) {
	for text, want := range map[string]Via{
		"":                           {},
		"socks5://127.0.0.1:1080":    {scheme: "socks5", address: "127.0.0.1:1080"},
		"SOCKS5://127.0.0.1:1080/":   {scheme: "socks5", address: "127.0.0.1:1080"},
		"http://[::1]:3128":          {scheme: "http", address: "[::1]:3128"},
		"http://proxy.example:65535": {scheme: "http", address: "proxy.example:65535"},
		"socks5://ops:hunter2@proxy.example:1080":   {scheme: "socks5", address: "proxy.example:1080", as: url.UserPassword("ops", "hunter2")},
		"socks5://ops@proxy.example:1080":           {scheme: "socks5", address: "proxy.example:1080", as: url.User("ops")},
		"socks5://ops:@proxy.example:1080":          {scheme: "socks5", address: "proxy.example:1080", as: url.UserPassword("ops", "")},
		"socks5://o%3Ap:x@proxy.example:1080":       {scheme: "socks5", address: "proxy.example:1080", as: url.UserPassword("o:p", "x")},
		"http://o%40p:a%3Ab%2Fc@proxy.example:3128": {scheme: "http", address: "proxy.example:3128", as: url.UserPassword("o@p", "a:b/c")},
	} {
		via, err := ParseVia(text)
		require.NoError(t, err, text)
		require.Equal(t, want, via, text)
		require.Equal(t, text == "", via.Direct(), text)
	}
}

func TestNoVerbOfFmtPrintsThePassword(t *testing.T) {
	via, err := ParseVia("socks5://ops:hunter2@proxy.example:1080")
	require.NoError(t, err)
	inside := struct{ way Way }{Way{Via: via}}
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		for _, value := range []any{via, &via, inside} {
			require.NotContains(t, fmt.Sprintf(verb, value), "hunter2", verb)
		}
	}
	require.Equal(t, via.String(), fmt.Sprintf("%s", via))
	require.Equal(t, "socks5://ops@proxy.example:1080", via.String())
	other, err := ParseVia("socks5://ops:hunter3@proxy.example:1080")
	require.NoError(t, err)
	require.NotEqual(t, via.Key(), other.Key())
}

func TestWhatIsNoViaIsRefusedWithTheSpellings(t *testing.T) {
	const incomplete = "it must have a host and a port and nothing else"
	const credentials = "a user has 1 to 255 bytes and no colon, and a password 255 at most"
	long := strings.Repeat("x", 256)
	for text, problem := range map[string]string{
		"127.0.0.1:1080":                           "it is no URL",
		"proxy.example":                            `the scheme "" is not known`,
		"proxy.example:1080":                       `the scheme "proxy.example" is not known`,
		"https://proxy.example:443":                `the scheme "https" is not known`,
		"socks4://proxy.example:1080":              `the scheme "socks4" is not known`,
		"socks5h://proxy.example:1080":             `the scheme "socks5h" is not known`,
		"socks5://proxy.example":                   incomplete,
		"socks5://:1080":                           incomplete,
		"socks5:proxy.example:1080":                incomplete,
		"http://proxy.example:3128/tunnel":         incomplete,
		"http://proxy.example:3128?a=b":            incomplete,
		"http://proxy.example:3128?":               incomplete,
		"http://proxy.example:3128#top":            incomplete,
		"http://proxy.example:0":                   `"0" is no port`,
		"http://proxy.example:65536":               `"65536" is no port`,
		"http://proxy.example:http":                "it is no URL",
		"http://[::1:3128":                         "it is no URL",
		"socks5://ops:hun%ter2@h.example:1080":     "it is no URL",
		"http://:hunter2@proxy.example:3128":       credentials,
		"http://@proxy.example:3128":               credentials,
		"http://o%3Ap:hunter2@h.example:3128":      credentials,
		"socks5://" + long + ":x@h.example:1080":   credentials,
		"socks5://ops:" + long + "@h.example:1080": credentials,
	} {
		via, err := ParseVia(text)
		require.EqualError(t, err, problem+"; "+acceptedVia, text)
		require.Equal(t, Via{}, via, text)
	}
}

func TestAViaIsWrittenWithoutItsPassword(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "",
		"socks5://127.0.0.1:1080":          "socks5://127.0.0.1:1080",
		"http://ops:hunter2@[::1]:3128":    "http://ops@[::1]:3128",
		"http://o%40p:hunter2@h.example:1": "http://o%40p@h.example:1",
	} {
		via, err := ParseVia(text)
		require.NoError(t, err, text)
		require.Equal(t, want, via.String())
		require.NotContains(t, fmt.Sprintf("%v %+v %s", via, struct{ Via Via }{via}, &via), "hunter2")
		again, err := ParseVia(via.String())
		require.NoError(t, err, text)
		require.Equal(t, want, again.String())
	}
}

func TestAPinReadsWhatItWrites(t *testing.T) {
	certificate := &x509.Certificate{RawSubjectPublicKeyInfo: []byte("a key"), Raw: []byte("a certificate")}
	pin := PinOf(certificate)
	require.Equal(t, Pin(sha256.Sum256([]byte("a key"))), pin, "of the key alone")
	require.True(t, strings.HasPrefix(pin.String(), "sha256/"))
	again, err := ParsePin(pin.String())
	require.NoError(t, err)
	require.Equal(t, pin, again)
}

func TestWhatIsNoPinIsRefused(t *testing.T) {
	hash := base64.StdEncoding.EncodeToString(make([]byte, sha256.Size))
	for name, text := range map[string]string{
		"nothing":            "",
		"a hash alone":       hash,
		"a prefix alone":     "sha256/",
		"another hash":       "sha512/" + hash,
		"HPKP's spelling":    `pin-sha256="` + hash + `"`,
		"curl's spelling":    "sha256//" + hash,
		"in hexadecimal":     "sha256/" + strings.Repeat("00", sha256.Size),
		"a byte short":       "sha256/" + base64.StdEncoding.EncodeToString(make([]byte, sha256.Size-1)),
		"a byte long":        "sha256/" + base64.StdEncoding.EncodeToString(make([]byte, sha256.Size+1)),
		"without padding":    "sha256/" + strings.TrimRight(hash, "="),
		"of URLs":            "sha256/" + base64.URLEncoding.EncodeToString([]byte(strings.Repeat("\xff", sha256.Size))),
		"a space at the end": "sha256/" + hash + " ",
	} {
		t.Run(name, func(t *testing.T) {
			pin, err := ParsePin(text)
			require.EqualError(t, err, "a pin is sha256/ and 44 characters of base64; heliograph check prints an origin's")
			require.Equal(t, Pin{}, pin)
		})
	}
}
