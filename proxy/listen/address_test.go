package listen

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAddressesAreTakenOutOfMessages(t *testing.T) {
	for message, want := range map[string]string{
		"http: TLS handshake error from 192.0.2.7:555: EOF":                 "http: TLS handshake error from (reader) EOF",
		"read tcp 198.51.100.1:443->192.0.2.7:555: i/o timeout":             "read tcp (reader) i/o timeout",
		"read tcp [2001:db8::1]:443->[2001:db8::7]:555: read: reset":        "read tcp (reader) read: reset",
		"http: panic serving [fe80::7%eth0]:555: oops":                      "http: panic serving (reader) oops",
		"http2: server: error reading preface from client 192.0.2.7:555: x": "http2: server: error reading preface from client (reader) x",
		"accept tcp 192.0.2.7:80, again":                                    "accept tcp (reader) again",
		"http: Accept error: too many open files; retrying in 5ms":          "http: Accept error: too many open files; retrying in 5ms",
		"at server.go:1898 +0x10":                                           "at server.go:1898 +0x10",
	} {
		require.Equal(t, want, withoutAddress(message))
	}
}
