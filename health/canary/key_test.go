package canary

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKeysAreOneLine(t *testing.T) {
	key := signingKey(t, "gazette", 'a').Public()
	require.Regexp(t, `^heliograph-canary-key:[A-Za-z0-9+/]{43}=$`, key.String())
	again, err := ParseKey(key.String())
	require.NoError(t, err)
	require.Equal(t, key, again)
	require.False(t, key.IsZero())
	require.True(t, Key{}.IsZero())
	require.Empty(t, Key{}.String())
}

func TestParseKeyRefuses(t *testing.T) {
	good := signingKey(t, "gazette", 'a').Public().String()
	const form = "is not heliograph-canary-key: and the base64 of 32 bytes"
	for name, test := range map[string]struct{ text, want string }{
		"nothing":          {"", "does not begin with heliograph-canary-key:"},
		"another prefix":   {"age1" + good, "does not begin with heliograph-canary-key:"},
		"the prefix alone": {keyPrefix, form},
		"too short":        {good[:len(good)-5] + "=", form},
		"too long":         {strings.TrimSuffix(good, "=") + "AAAA", form},
		"a space":          {good + " ", form},
		"a line end":       {good + "\n", form},
		"no padding":       {strings.TrimSuffix(good, "="), form},
		"only zeros":       {keyPrefix + strings.Repeat("A", 43) + "=", "is one that anybody can sign for"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseKey(test.text)
			require.EqualError(t, err, test.want)
		})
	}
}

// For a point of small order, a signature of nothing fits one text in eight or more.
// Each of those refused is shown to be one, and each sign of x is refused.
func TestKeysThatAnybodyCanSignForAreRefused(t *testing.T) {
	nobodys := make([]byte, ed25519.SignatureSize) // R is the neutral point, S is zero
	nobodys[0] = 1
	anybody := func(point []byte) bool {
		for i := range uint64(512) {
			if ed25519.Verify(point, binary.BigEndian.AppendUint64(nil, i), nobodys) {
				return true
			}
		}
		return false
	}
	forgeable := 0
	for _, y := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		for _, sign := range []byte{0, 0x80} {
			point, err := hex.DecodeString(y)
			require.NoError(t, err)
			point[31] |= sign
			_, err = ParseKey(keyPrefix + base64.StdEncoding.EncodeToString(point))
			require.EqualError(t, err, "is one that anybody can sign for", y)
			if anybody(point) {
				forgeable++
			}
		}
	}
	require.Equal(t, 14, forgeable)
	require.False(t, anybody([]byte(signingKey(t, "gazette", 'a').Public().point)))
}

func TestTheKeyFileIsReadAsWritten(t *testing.T) {
	key, err := NewSigningKey("gazette", rand.Reader)
	require.NoError(t, err)
	require.Equal(t, "gazette", key.Site())
	require.Contains(t, key.File(), "# Public: "+key.Public().String()+"\n")
	_, fields, found := strings.Cut(key.File(), secretLine)
	require.True(t, found)
	for name, text := range map[string]string{
		"as written":       key.File(),
		"CRLF":             strings.ReplaceAll(key.File(), "\n", "\r\n"),
		"without comments": secretLine + fields,
	} {
		again, err := ParseSigningKey(text)
		require.NoError(t, err, name)
		require.Equal(t, key, again, name)
	}
	other, err := NewSigningKey("gazette", rand.Reader)
	require.NoError(t, err)
	require.NotEqual(t, key, other)
}

func TestAKeyFileThatIsNoneIsRefusedWithoutRepeatingIt(t *testing.T) {
	key := signingKey(t, "gazette", 'a')
	seed := base64.StdEncoding.EncodeToString(key.private.Seed())
	for name, test := range map[string]struct{ text, want string }{
		"nothing":         {"", `it does not begin with "heliograph-canary-secret: 1"`},
		"another file":    {"-----BEGIN PRIVATE KEY-----\n" + seed + "\n", "it has a line that is neither a comment nor the site nor the seed"},
		"another version": {strings.Replace(key.File(), "secret: 1", "secret: 2", 1), `it does not begin with "heliograph-canary-secret: 1"`},
		"no site":         {strings.Replace(key.File(), "site: gazette\n", "", 1), "it names no site"},
		"a bad site":      {strings.Replace(key.File(), "site: gazette", "site: Gazette!", 1), "it names no site"},
		"no seed":         {strings.Replace(key.File(), "seed: "+seed, "", 1), "its seed is not the base64 of 32 bytes"},
		"half a seed":     {strings.Replace(key.File(), seed, seed[:20], 1), "its seed is not the base64 of 32 bytes"},
		"two seeds":       {key.File() + "seed: " + seed + "\n", "it has a line that is neither a comment nor the site nor the seed"},
		"too long":        {key.File() + strings.Repeat("#", MaxBytes), "it has more than 4096 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseSigningKey(test.text)
			require.EqualError(t, err, test.want)
			require.NotContains(t, err.Error(), seed[:8])
		})
	}
}

func TestAPrivateKeyIsNeverPrinted(t *testing.T) {
	key := signingKey(t, "gazette", 'a')
	seed := key.private.Seed()
	secrets := []string{base64.StdEncoding.EncodeToString(seed)[:12], hex.EncodeToString(seed)[:12], string(seed[:12]), "115 115 115"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%t"} {
		for _, value := range []any{key, &key, []SigningKey{key}, struct{ Key SigningKey }{key}} {
			printed := fmt.Sprintf(verb, value)
			for _, secret := range secrets {
				require.NotContains(t, printed, secret, verb)
			}
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "key", key)
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "key", key)
	require.Equal(t, 2, strings.Count(log.String(), "made"))
	for _, secret := range secrets {
		require.NotContains(t, log.String(), secret)
	}
}

func TestNoKeyIsMadeForAnImpossibleSite(t *testing.T) {
	for _, site := range []string{"", "Gazette", "-gazette", ".gazette", "gaz ette", "gazette/", strings.Repeat("g", 254)} {
		_, err := NewSigningKey(site, rand.Reader)
		require.ErrorContains(t, err, "is not the name of a site", site)
	}
	_, err := NewSigningKey("gazette", strings.NewReader("too few"))
	require.ErrorContains(t, err, "no random bytes")
}
