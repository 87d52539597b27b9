package canary

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzParse holds that any text is refused for a reason of the closed set, or is
// read as what it is written as again; and that of all texts with one signature
// only one verifies.
func FuzzParse(f *testing.F) {
	key := signingKey(f, "gazette", 'a')
	one := signed(f, 42)
	other := signed(f, 43, Field{"note", "x: y"})
	lines := strings.SplitAfter(one.String(), "\n")
	signature := lines[len(lines)-2]
	for _, text := range []string{
		"", firstLine, one.String(), other.String(), one.String() + "\n", strings.ReplaceAll(one.String(), "\n", "\r\n"),
		strings.TrimSuffix(one.String(), "\n"), other.message + signature, "<html>", strings.Repeat("a: b\n", MaxBytes),
	} {
		f.Add(text)
	}
	expect := Expect{Site: "gazette", Now: noon.Add(time.Hour)}
	f.Fuzz(func(t *testing.T, text string) {
		requireReadOrRefused(t, text)
		// What the fuzzer makes up cannot be signed, so each text is tried under a
		// signature that exists.
		for _, candidate := range []string{text, strings.TrimSuffix(text, signature) + signature} {
			c, err := Verify(candidate, key.Public(), expect)
			if err == nil {
				require.Contains(t, []string{one.String(), other.String()}, c.String(), "nobody signed this")
				require.Equal(t, strings.TrimSuffix(strings.ReplaceAll(candidate, "\r\n", "\n"), "\n")+"\n", c.String())
			}
		}
	})
}

func requireReadOrRefused(t *testing.T, text string) {
	t.Helper()
	c, err := Parse(text)
	if err != nil {
		var refusal *Refusal
		require.ErrorAs(t, err, &refusal)
		require.Contains(t, []Reason{TooLong, Malformed}, refusal.Reason)
		require.NotEmpty(t, refusal.Detail)
		require.Less(t, len(refusal.Detail), 5*MaxBytes)
		return
	}
	require.LessOrEqual(t, len(text), MaxBytes)
	require.True(t, c.Expires.After(c.Issued))
	require.NotZero(t, c.Sequence)
	require.NotEmpty(t, c.Site)
	if len(c.String()) <= MaxBytes { // a line end may be missing from a text of the very limit
		again, err := Parse(c.String())
		require.NoError(t, err)
		require.Equal(t, c, again)
		require.Equal(t, c.String(), again.String())
	}
}

// FuzzParseSigningKey holds that any key file is refused, or is one that its own
// writing is read as.
func FuzzParseSigningKey(f *testing.F) {
	f.Add(signingKey(f, "gazette", 'a').File())
	f.Add("")
	f.Add(secretLine + "\nsite: a\nseed: \n")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParseSigningKey(text)
		if err != nil {
			return
		}
		again, err := ParseSigningKey(key.File())
		require.NoError(t, err)
		require.Equal(t, key, again)
	})
}
