package mirrors

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/blake2b"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// signer signs as minisign does.
type signer struct {
	id      string
	private ed25519.PrivateKey
}

func newSigner(letter byte) signer {
	return signer{strings.Repeat(string(letter), keyIDSize), ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(letter), 32)))}
}

func (s signer) key(t testing.TB) Key {
	t.Helper()
	public := s.private.Public().(ed25519.PublicKey)
	key, err := ParseKey(base64.StdEncoding.EncodeToString([]byte(pure + s.id + string(public))))
	require.NoError(t, err)
	return key
}

func (s signer) sign(algorithm, text, comment string) []byte {
	message := []byte(text)
	if algorithm == prehashed {
		sum := blake2b.Sum512(message)
		message = sum[:]
	}
	sig := ed25519.Sign(s.private, message)
	global := ed25519.Sign(s.private, append(sig[:len(sig):len(sig)], comment...))
	return fmt.Appendf(nil, "%ssignature\n%s\n%s%s\n%s\n", untrusted, base64.StdEncoding.EncodeToString([]byte(algorithm+s.id+string(sig))),
		trusted, comment, base64.StdEncoding.EncodeToString(global))
}

// text is a list of a site and a version, issued at noon for two days.
func text(site string, version int, urls ...string) string {
	addresses := []signedAddress{}
	for _, url := range urls {
		addresses = append(addresses, signedAddress{url})
	}
	list, _ := json.Marshal(map[string]any{"heliograph_list": 1, "site": site, "version": version, "issued": noon,
		"expires": noon.Add(48 * time.Hour), "addresses": addresses, "note": "of no meaning to this build"})
	return string(list)
}

// The published vectors of minisign: its author's key, and the text "test" signed both ways.
const (
	publishedKey       = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
	publishedPrehashed = "untrusted comment: signature from minisign secret key\n" +
		"RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n" +
		"trusted comment: timestamp:1556193335\tfile:test\n" +
		"y/rUw2y8/hOUYjZU71eHp/Wo1KZ40fGy2VJEDl34XMJM+TX48Ss/17u3IvIfbVR1FkZZSNCisQbuQY+bHwhEBg==\n"
	publishedPure = "untrusted comment: signature from minisign secret key\n" +
		"RWQf6LRCGA9i59SLOFxz6NxvASXDJeRtuZykwQepbDEGt87ig1BNpWaVWuNrm73YiIiJbq71Wi+dP9eKL8OC351vwIasSSbXxwA=\n" +
		"trusted comment: timestamp:1555779966\tfile:test\n" +
		"QtKMXWyYcwdpZAlPF7tE2ENJkRd1ujvKjlj1m9RtHTBnZPa5WKU5uWRs5GoP5M/VqE81QFuMKI5k/SfNQUaOAA=="
)

func TestSignaturesThatMinisignMadeAreVerified(t *testing.T) {
	key, err := ParseKey("untrusted comment: minisign public key E7620F1842B4E81F\r\n" + publishedKey + "\r\n")
	require.NoError(t, err)
	require.Equal(t, publishedKey, key.String())
	require.Equal(t, "E7620F1842B4E81F", key.ID())
	for _, file := range []string{publishedPrehashed, publishedPure, strings.ReplaceAll(publishedPrehashed, "\n", "\r\n")} {
		s, err := parseSignature([]byte(file))
		require.NoError(t, err)
		require.True(t, s.by(key, []byte("test")))
		require.False(t, s.by(key, []byte("Test")))
		require.False(t, s.by(newSigner('a').key(t), []byte("test")))
		require.False(t, s.by(Key{}, []byte("test")))
		other := s
		other.comment += "1"
		require.False(t, other.by(key, []byte("test")), "the trusted comment is signed, too")
		other = s
		other.algorithm = map[string]string{pure: prehashed, prehashed: pure}[s.algorithm]
		require.False(t, other.by(key, []byte("test")))
	}
}

func TestKeysThatProveNothingAreRefused(t *testing.T) {
	good := newSigner('a').key(t)
	require.Empty(t, Key{}.String())
	for _, file := range []string{"", "RW", publishedKey[1:], publishedKey + "\n" + publishedKey, "x" + publishedKey[1:], good.String() + "=",
		"trusted comment: x\n" + publishedKey, strings.Replace(publishedKey, "RW", "RU", 1), publishedKey[:20] + "\n" + publishedKey[21:]} {
		_, err := ParseKey(file)
		require.Error(t, err, file)
		require.NotContains(t, err.Error(), "anybody", file)
	}
	// Every point of small order, in all its encodings.
	for _, y := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000", "0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		for _, sign := range []byte{0, 0x80} {
			point, err := hex.DecodeString(y)
			require.NoError(t, err)
			point[31] |= sign
			_, err = ParseKey(base64.StdEncoding.EncodeToString(append([]byte(pure+"12345678"), point...)))
			require.Error(t, err, "%s %x", y, sign)
		}
	}
	_, err := ParseKey(base64.StdEncoding.EncodeToString(append([]byte(pure), make([]byte, 40)...)))
	require.EqualError(t, err, "is one that anybody can sign for")
}

func TestAListThatThePublicationSignedIsAccepted(t *testing.T) {
	one, other := newSigner('a'), newSigner('b')
	keys := []Key{other.key(t), one.key(t)}
	for _, algorithm := range []string{pure, prehashed} {
		list := text("gazette", 7, "https://G7.example:443/", "http://gazettexyz.onion")
		seen, err := Accept(Seen{Signed: Signed{Site: "gazette"}}, []byte(list), one.sign(algorithm, list, "timestamp:1"), keys, noon)
		require.NoError(t, err)
		require.Equal(t, Signed{"gazette", 7, noon, noon.Add(48 * time.Hour), []string{"https://g7.example", "http://gazettexyz.onion"}}, seen.Signed)
		require.Equal(t, "list 7 of gazette, 2 addresses, until 2026-03-16T12:00:00Z", seen.String())
		require.True(t, seen.Current(noon))
		require.False(t, seen.Current(seen.Expires))
		require.False(t, Seen{}.Current(time.Time{}))

		// The same list again, and a newer one with the other key, which takes all back.
		again, err := Accept(seen, []byte(list), one.sign(algorithm, list, "timestamp:2"), keys, noon.Add(time.Hour))
		require.NoError(t, err)
		require.Equal(t, seen, again)
		list = text("gazette", 8)
		newer, err := Accept(seen, []byte(list), other.sign(algorithm, list, ""), keys, noon)
		require.NoError(t, err)
		require.Empty(t, newer.Addresses)
		require.Equal(t, uint64(8), newer.Version)
	}
}

func TestWhatWasSeenIsKeptOverARestart(t *testing.T) {
	list := text("gazette", 7, "https://g7.example")
	seen, err := Accept(Seen{Signed: Signed{Site: "gazette"}}, []byte(list), newSigner('a').sign(pure, list, ""), []Key{newSigner('a').key(t)}, noon)
	require.NoError(t, err)
	saved, err := json.Marshal(seen)
	require.NoError(t, err)
	var read Seen
	require.NoError(t, json.Unmarshal(saved, &read))
	require.Equal(t, seen, read)
}

func TestListsAreRefusedEachForItsReason(t *testing.T) {
	one, other := newSigner('a'), newSigner('b')
	before := text("gazette", 7, "https://g7.example")
	keys := []Key{one.key(t)}
	newest, err := Accept(Seen{Signed: Signed{Site: "gazette"}}, []byte(before), one.sign(prehashed, before, ""), keys, noon)
	require.NoError(t, err)
	later := text("gazette", 8, "https://g8.example")
	impostor := signer{one.id, other.private}
	for _, c := range []struct {
		name string
		list string
		by   signer
		now  time.Time
		want Reason
	}{
		{"the list before", text("gazette", 6, "https://g6.example"), one, noon, Rollback},
		{"its version with other content", text("gazette", 7, "https://g9.example"), one, noon, Rollback},
		{"its version with other spaces", before + " ", one, noon, Rollback},
		{"at the moment of its expiry", later, one, noon.Add(48 * time.Hour), Expired},
		{"issued in more than five minutes", later, one, noon.Add(-5*time.Minute - time.Second), Future},
		{"another publication's", text("herald", 8), one, noon, OtherSite},
		{"signed with another key", later, other, noon, OtherKey},
		{"signed with another key under the number of ours", later, impostor, noon, BadSignature},
		{"no JSON", "<html>", one, noon, Malformed},
		{"JSON of another shape", "[]", one, noon, Malformed},
		{"a list of mirrors that nobody signs", second, one, noon, Malformed},
		{"no version of the shape", `{"site":"gazette"}`, one, noon, Malformed},
		{"another shape", strings.Replace(later, `"heliograph_list":1`, `"heliograph_list":2`, 1), one, noon, UnknownVersion},
		{"something behind it", later + "{}", one, noon, Malformed},
		{"no site", text("", 8), one, noon, Malformed},
		{"a site that is none", text("Gazette", 8), one, noon, Malformed},
		{"no version", text("gazette", 0), one, noon, Malformed},
		{"a version that is no number", strings.Replace(later, `"version":8`, `"version":8.5`, 1), one, noon, Malformed},
		{"a version that no other reader takes for whole", text("gazette", 1<<53), one, noon, Malformed},
		{"no addresses", strings.Replace(later, `"addresses"`, `"a"`, 1), one, noon, Malformed},
		{"an address of the private net", text("gazette", 8, "https://10.0.0.1"), one, noon, Malformed},
		{"an address twice", text("gazette", 8, "https://a.example", "https://A.example/"), one, noon, Malformed},
		{"too many addresses", text("gazette", 8, make([]string, MaxAddresses+1)...), one, noon, TooLong},
		{"too many bytes", later + strings.Repeat(" ", MaxSigned), one, noon, TooLong},
		{"expired before it was issued", strings.Replace(later, `"expires":"2026-03-16`, `"expires":"2025-03-16`, 1), one, noon, Malformed},
	} {
		for _, algorithm := range []string{pure, prehashed} {
			seen, err := Accept(newest, []byte(c.list), c.by.sign(algorithm, c.list, "x"), keys, c.now)
			requireRefused(t, c.want, err, c.name)
			require.Equal(t, newest, seen, c.name)
		}
	}
	seen, err := Accept(newest, []byte(later), one.sign(pure, later, "x"), keys, noon.Add(-5*time.Minute))
	require.NoError(t, err, "a clock that is five minutes ahead is let pass")
	require.Equal(t, uint64(8), seen.Version)
}

func TestSignaturesThatAreNoneAreRefused(t *testing.T) {
	one := newSigner('a')
	list := text("gazette", 7)
	good := string(one.sign(pure, list, "timestamp:1"))
	lines := strings.SplitAfter(good, "\n")
	for name, c := range map[string]struct {
		file string
		want Reason
	}{
		"nothing":                       {"", Unsigned},
		"a page":                        {"<html>", Unsigned},
		"too long":                      {good + strings.Repeat("\n", MaxSignature), Unsigned},
		"one line less":                 {strings.Join(lines[:3], ""), Unsigned},
		"one line more":                 {good + "more\n", Unsigned},
		"no untrusted comment":          {strings.Replace(good, untrusted, "", 1), Unsigned},
		"no trusted comment":            {strings.Replace(good, "\n"+trusted, "\ncomment: ", 1), Unsigned},
		"no base64":                     {lines[0] + "!" + lines[1][1:] + lines[2] + lines[3], Unsigned},
		"base64 that is too short":      {lines[0] + "RWQ=\n" + lines[2] + lines[3], Unsigned},
		"another algorithm":             {lines[0] + "RXQ" + lines[1][3:] + lines[2] + lines[3], Unsigned},
		"the fourth line of another":    {lines[0] + lines[1] + lines[2] + lines[1], Unsigned},
		"another trusted comment":       {strings.Replace(good, "timestamp:1", "timestamp:2", 1), BadSignature},
		"another text's signature":      {string(one.sign(pure, text("gazette", 8), "timestamp:1")), BadSignature},
		"the other algorithm's letters": {strings.Replace(good, "\nRW", "\nRU", 1), BadSignature},
	} {
		_, err := Accept(Seen{Signed: Signed{Site: "gazette"}}, []byte(list), []byte(c.file), []Key{one.key(t)}, noon)
		requireRefused(t, c.want, err, name)
	}
	_, err := Accept(Seen{Signed: Signed{Site: "gazette"}}, []byte(list), []byte(good), nil, noon)
	requireRefused(t, OtherKey, err, "no keys")
	_, err = Accept(Seen{Signed: Signed{Site: "gazette"}}, []byte(list), []byte(good), []Key{{}}, noon)
	requireRefused(t, OtherKey, err, "the zero key")
}

func requireRefused(t *testing.T, want Reason, err error, name string) {
	t.Helper()
	var refusal *Refusal
	require.ErrorAs(t, err, &refusal, name)
	require.Equal(t, want, refusal.Reason, "%s: %s", name, err)
	require.NotEmpty(t, refusal.Detail)
}
