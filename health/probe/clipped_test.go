package probe

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

func TestNothingFromOutsideIsUnseenOrTooLong(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"a redirect to “خبر” — é", "a redirect to “خبر” — é"},
		{"a\u202eb\u2066c\u200f", `a\u202eb\u2066c\u200f`},
		{"a\u009bb\x1b[2Jc\nd\te\x00\x7f", `a\u009bb\x1b[2Jc\nd\te\x00\x7f`},
		{"a\xffb\uFFFDc", `a\xffb` + "\uFFFDc"},
		{`a "\word"`, `a "\word"`},
		{strings.Repeat("x", 40), strings.Repeat("x", 40)},
		{strings.Repeat("x", 41), strings.Repeat("x", 40) + "…"},
		{strings.Repeat("x", 39) + "é", strings.Repeat("x", 39) + "…"},
		{strings.Repeat("\u202e", 1000), strings.Repeat(`\u202e`, 6) + "…"},
	} {
		found := clipped(test.text, 40)
		require.Equal(t, test.want, found)
		require.Equal(t, found, clipped(found, 40))
		require.True(t, utf8.ValidString(found))
	}
}

func TestWhatAnOriginSendsCannotDisfigureAReport(t *testing.T) {
	const evil = "/\u202eevil\u009b2J"
	target := serve(t, "http", say(whole(302, "Location: https://warning.example"+evil+"\r\nX-Cdn: \u202e\r\n", "")))
	r := One(t.Context(), target, loopback)
	require.Equal(t, health.RedirectOffsite, r.Class, r.Reason)
	require.Equal(t, `https://warning.example/\u202eevil\u009b2J`, r.Location)
	var words []string
	for _, s := range r.Steps {
		words = append(words, s.Words)
	}
	for _, text := range append(append(words, r.Reason, r.Location), r.Evidence...) {
		require.False(t, strings.ContainsFunc(text, unseen), "%q", text)
	}
	_, err := url.Parse(r.Location)
	require.NoError(t, err)
}

func TestWhatACertificateSaysIsMadePrintable(t *testing.T) {
	found := facts(&x509.Certificate{DNSNames: []string{"a\x1b[2J"}, Issuer: pkix.Name{CommonName: "\u202eevil"}})
	require.Equal(t, []string{`a\x1b[2J`}, found.Names)
	require.Equal(t, `CN=\u202eevil`, found.Issuer)
}
