package canary

import (
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestVerify(t *testing.T) {
	const day = 24 * time.Hour
	forged := "it was signed with another key, or changed after it was signed"
	ours := signingKey(t, "gazette", 'a')
	at42, at41 := signed(t, 42), signed(t, 41)
	beside := signed(t, 42, Field{"note", "another text"})
	foreign, err := Sign(at42, signingKey(t, "gazette", 'b'))
	require.NoError(t, err)
	tribune, err := Sign(Canary{Site: "tribune", Sequence: 42, Issued: noon, Expires: noon.Add(day)}, signingKey(t, "tribune", 'a'))
	require.NoError(t, err)
	require.Equal(t, ours.Public(), signingKey(t, "tribune", 'a').Public(), "one key for two sites")
	seen := func(c Canary) Newest { return c.newest() }

	for _, test := range []struct {
		name   string
		text   string
		key    Key
		after  time.Duration // of noon
		newest Newest
		lag    time.Duration
		reason Reason
		detail string
	}{
		{"the first one seen", at42.String(), ours.Public(), 0, Newest{}, 0, "", ""},
		{"the same again", at42.String(), ours.Public(), time.Hour, seen(at42), 0, "", ""},
		{"a newer one", at42.String(), ours.Public(), time.Hour, seen(at41), 0, "", ""},
		{"with lines of other keys", beside.String(), ours.Public(), 0, Newest{}, 0, "", ""},

		{"another key's", foreign.String(), ours.Public(), 0, Newest{}, 0, BadSignature, forged},
		{"no key", at42.String(), Key{}, 0, Newest{}, 0, BadSignature, forged},
		{"a changed site", strings.Replace(at42.String(), "gazette", "gazettf", 1), ours.Public(), 0, Newest{}, 0, BadSignature, forged},
		{"a changed sequence", strings.Replace(at42.String(), "42", "43", 1), ours.Public(), 0, Newest{}, 0, BadSignature, forged},
		{"a changed issue", strings.Replace(at42.String(), "03-14", "03-15", 1), ours.Public(), 0, Newest{}, 0, BadSignature, forged},
		{"a changed expiry", strings.Replace(at42.String(), "03-21", "04-21", 1), ours.Public(), 0, Newest{}, 0, BadSignature, forged},
		{"a line added", strings.Replace(at42.String(), "signature", "note: x\nsignature", 1), ours.Public(), 0, Newest{}, 0, BadSignature, forged},
		{"a line taken out", strings.Replace(beside.String(), "note: another text\n", "", 1), ours.Public(), 0, Newest{}, 0, BadSignature, forged},
		{"a changed note", strings.Replace(beside.String(), "another text", "another texT", 1), ours.Public(), 0, Newest{}, 0, BadSignature, forged},
		{"another's signature", strings.Replace(at42.String(), "sequence: 42", "sequence: 41", 1), ours.Public(), 0, Newest{}, 0, BadSignature, forged},
		{"an expired one of another key", foreign.String(), ours.Public(), 30 * day, Newest{}, 0, BadSignature, forged},

		{"of another site", tribune.String(), ours.Public(), 0, Newest{}, 0, WrongSite, `it is for the site "tribune", not for "gazette"`},
		{"as late as it may be", at42.String(), ours.Public(), -5 * time.Minute, Newest{}, 0, "", ""},
		{"of the future", at42.String(), ours.Public(), -5*time.Minute - 1, Newest{}, 0, NotYet, "it is issued at 2026-03-14T12:00:00Z, which is in the future: a clock is wrong"},
		{"in its last moment", at42.String(), ours.Public(), 7*day - 1, Newest{}, 0, "", ""},
		{"expired", at42.String(), ours.Public(), 7 * day, Newest{}, 0, Expired, "it expired at 2026-03-21T12:00:00Z"},
		{"the newest, expired", at42.String(), ours.Public(), 8 * day, seen(at42), 0, Expired, "it expired at 2026-03-21T12:00:00Z"},

		{"an older one", at41.String(), ours.Public(), time.Hour, seen(at42), 0, Rollback, "its sequence is 41, and 42 was seen before"},
		{"another text with its sequence", beside.String(), ours.Public(), time.Hour, seen(at42), 0, Rollback, "another text with its sequence, 42, was seen before"},
		{"an older one while copies may lag", at41.String(), ours.Public(), time.Hour - 1, seen(at42), time.Hour, "", ""},
		{"an older one after that", at41.String(), ours.Public(), time.Hour, seen(at42), time.Hour, Rollback, "its sequence is 41, and 42 was seen before"},
		{"another text while copies may lag", beside.String(), ours.Public(), 0, seen(at42), time.Hour, Rollback, "another text with its sequence, 42, was seen before"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := Verify(test.text, test.key, Expect{Site: "gazette", Now: noon.Add(test.after), Newest: test.newest, Lag: test.lag})
			if test.reason == "" {
				require.NoError(t, err)
				require.Equal(t, test.text, c.String())
				return
			}
			requireRefusal(t, err, test.reason, test.detail)
			require.Equal(t, Canary{}, c, "what was refused is not handed out")
		})
	}
}

func TestEveryReasonIsStaleOrNot(t *testing.T) {
	var stale []Reason
	for _, r := range Reasons() {
		if r.Stale() {
			stale = append(stale, r)
		}
	}
	require.Equal(t, []Reason{NotYet, Expired, Rollback}, stale)
	require.Len(t, Reasons(), 7)
}

// Whatever single bit is changed on the way, the canary does not verify.
func TestNoBitMayChange(t *testing.T) {
	c := signed(t, 42, Field{"note", "x"})
	key := signingKey(t, "gazette", 'a').Public()
	for i := range len(c.String()) {
		for bit := range 8 {
			text := []byte(c.String())
			text[i] ^= 1 << bit
			_, err := Verify(string(text), key, Expect{Site: "gazette", Now: noon})
			require.Error(t, err, "bit %d of byte %d", bit, i)
		}
	}
}

func TestASignatureOverTheBareTextIsNone(t *testing.T) {
	c, key := signed(t, 42), signingKey(t, "gazette", 'a')
	bare := ed25519.Sign(key.private, []byte(c.message))
	text := c.message + "signature: " + base64.StdEncoding.EncodeToString(bare) + "\n"
	_, err := Verify(text, key.Public(), Expect{Site: "gazette", Now: noon})
	require.ErrorContains(t, err, "bad_signature")
}

func TestSignRefusesWhatCouldNotBeRead(t *testing.T) {
	key := signingKey(t, "gazette", 'a')
	good := Canary{Site: "gazette", Sequence: 1, Issued: noon, Expires: noon.Add(time.Hour)}
	for want, change := range map[string]func(*Canary){
		`the key is of the site "gazette", not of "tribune"`:                           func(c *Canary) { c.Site = "tribune" },
		`sign: malformed: line 3: "0" is not a whole number from 1 on`:                 func(c *Canary) { c.Sequence = 0 },
		"sign: malformed: it expires before it is issued":                              func(c *Canary) { c.Expires = c.Issued },
		"sign: malformed: line 6: the key site is given twice":                         func(c *Canary) { c.Extra = []Field{{"site", "tribune"}} },
		"sign: malformed: line 7: something stands after the signature":                func(c *Canary) { c.Extra = []Field{{"signature", strings.Repeat("A", 86) + "=="}} },
		"sign: malformed: line 7: it is not \"key: value\"":                            func(c *Canary) { c.Extra = []Field{{"note", "a\nb"}} },
		"sign: malformed: line 6: the value of note is empty, or has spaces around it": func(c *Canary) { c.Extra = []Field{{"note", ""}} },
	} {
		c := good
		change(&c)
		_, err := Sign(c, key)
		require.EqualError(t, err, want)
	}
	local := good
	local.Issued = noon.In(time.FixedZone("Tehran", 12600)).Add(999 * time.Millisecond)
	c, err := Sign(local, key)
	require.NoError(t, err)
	require.Equal(t, noon, c.Issued)
}

func BenchmarkVerify(b *testing.B) {
	text, key := signed(b, 42).String(), signingKey(b, "gazette", 'a').Public()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Verify(text, key, Expect{Site: "gazette", Now: noon}); err != nil {
			b.Fatal(err)
		}
	}
}
