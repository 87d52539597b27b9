package canary

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// noon is when the canaries of these tests are issued.
var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// signingKey is the same key for the same site and first byte of its seed.
func signingKey(t testing.TB, site string, first byte) SigningKey {
	t.Helper()
	key, err := NewSigningKey(site, strings.NewReader(string(first)+strings.Repeat("s", 31)))
	require.NoError(t, err)
	return key
}

// signed is a canary of the gazette, good for a week from noon.
func signed(t testing.TB, sequence uint64, extra ...Field) Canary {
	t.Helper()
	c, err := Sign(Canary{
		Site: "gazette", Sequence: sequence, Issued: noon, Expires: noon.Add(7 * 24 * time.Hour), Extra: extra,
	}, signingKey(t, "gazette", 'a'))
	require.NoError(t, err)
	return c
}

// requireRefusal holds that err refuses for the reason, in words that say why.
func requireRefusal(t *testing.T, err error, reason Reason, detail string) {
	t.Helper()
	var refusal *Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, reason, refusal.Reason, err)
	require.Equal(t, detail, refusal.Detail)
	require.Contains(t, Reasons(), refusal.Reason)
	require.Equal(t, string(reason)+": "+detail, err.Error())
}

func TestACanaryIsReadableText(t *testing.T) {
	text := signed(t, 42, Field{"editor", "María — night desk"}).String()
	begin, signature, found := strings.Cut(text, "signature: ")
	require.True(t, found)
	require.Equal(t, `heliograph-canary: 1
site: gazette
sequence: 42
issued: 2026-03-14T12:00:00Z
expires: 2026-03-21T12:00:00Z
editor: María — night desk
`, begin)
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(signature, "\n"))
	require.NoError(t, err)
	require.Len(t, raw, 64)
}

func TestParseReadsWhatStringWrites(t *testing.T) {
	c := signed(t, 42, Field{"editor", "María"}, Field{"note-2", "a: b"})
	again, err := Parse(c.String())
	require.NoError(t, err)
	require.Equal(t, c, again)
	require.Equal(t, "gazette", c.Site)
	require.EqualValues(t, 42, c.Sequence)
	require.Equal(t, noon, c.Issued)
	require.Equal(t, noon.Add(7*24*time.Hour), c.Expires)
	require.Equal(t, []Field{{"editor", "María"}, {"note-2", "a: b"}}, c.Extra)
}

func TestLineEndsMayChangeOnTheWay(t *testing.T) {
	c := signed(t, 42)
	for name, text := range map[string]string{
		"CRLF":                strings.ReplaceAll(c.String(), "\n", "\r\n"),
		"some CRLF":           strings.Replace(c.String(), "\n", "\r\n", 2),
		"no last end":         strings.TrimSuffix(c.String(), "\n"),
		"CRLF, no last end":   strings.TrimSuffix(strings.ReplaceAll(c.String(), "\n", "\r\n"), "\r\n"),
		"nothing has changed": c.String(),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Verify(text, signingKey(t, "gazette", 'a').Public(), Expect{Site: "gazette", Now: noon})
			require.NoError(t, err)
			require.Equal(t, c, got)
		})
	}
}

func TestFieldsMayStandInAnyOrder(t *testing.T) {
	lines := strings.SplitAfter(signed(t, 42).String(), "\n")
	lines[1], lines[4] = lines[4], lines[1]
	c, err := Parse(strings.Join(lines, ""))
	require.NoError(t, err)
	require.EqualValues(t, 42, c.Sequence)
	_, err = Verify(c.String(), signingKey(t, "gazette", 'a').Public(), Expect{Site: "gazette", Now: noon})
	requireRefusal(t, err, BadSignature, "it was signed with another key, or changed after it was signed")
}

func TestParseRefusesWhatIsNoCanary(t *testing.T) {
	good := signed(t, 42).String()
	swap := func(old, replacement string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, replacement, 1)
	}
	lineOf := func(key string) string {
		_, rest, _ := strings.Cut(good, "\n"+key+": ")
		value, _, _ := strings.Cut(rest, "\n")
		return key + ": " + value + "\n"
	}
	signature := lineOf("signature")
	const noSignature = "line 6: it is not the base64 of 64 bytes"
	for name, test := range map[string]struct{ text, detail string }{
		"nothing":                {"", `its first line is not "heliograph-canary: 1"`},
		"a page":                 {"<!doctype html>\n<title>Seized</title>\n", `its first line is not "heliograph-canary: 1"`},
		"another version":        {swap("canary: 1", "canary: 2"), `its first line is not "heliograph-canary: 1"`},
		"a byte order mark":      {"\ufeff" + good, `its first line is not "heliograph-canary: 1"`},
		"a line before":          {"\n" + good, `its first line is not "heliograph-canary: 1"`},
		"an indented first line": {" " + good, `its first line is not "heliograph-canary: 1"`},
		"the first line alone":   {firstLine, `it has no line "site"`},
		"the first line twice":   {swap("site:", "heliograph-canary: 1\nheliograph-canary: 1\nsite:"), "line 3: the key heliograph-canary is given twice"},

		"no site":      {swap(lineOf("site"), ""), `it has no line "site"`},
		"no sequence":  {swap(lineOf("sequence"), ""), `it has no line "sequence"`},
		"no issue":     {swap(lineOf("issued"), ""), `it has no line "issued"`},
		"no expiry":    {swap(lineOf("expires"), ""), `it has no line "expires"`},
		"no signature": {swap(signature, ""), `it has no line "signature"`},

		"an empty line":      {swap("sequence", "\nsequence"), `line 3: it is not "key: value"`},
		"no colon":           {swap("sequence: ", "sequence "), `line 3: it is not "key: value"`},
		"no space":           {swap("sequence: ", "sequence:"), `line 3: it is not "key: value"`},
		"two spaces":         {swap("sequence: ", "sequence:  "), "line 3: the value of sequence is empty, or has spaces around it"},
		"a space at the end": {swap("sequence: 42", "sequence: 42 "), "line 3: the value of sequence is empty, or has spaces around it"},
		"no value":           {swap("sequence: 42", "sequence: "), "line 3: the value of sequence is empty, or has spaces around it"},
		"a key in capitals":  {swap("sequence: ", "Sequence: "), `line 3: "Sequence" is not a key of a-z, 0-9 and -`},
		"no key":             {swap("sequence: ", ": "), `line 3: "" is not a key of a-z, 0-9 and -`},
		"a key of digits":    {swap("sequence: ", "1st: "), `line 3: "1st" is not a key of a-z, 0-9 and -`},
		"a key twice":        {swap("issued", "sequence: 43\nissued"), "line 4: the key sequence is given twice"},
		"a note twice":       {swap("issued", "note: a\nnote: b\nissued"), "line 5: the key note is given twice"},
		"a tab":              {swap("gazette", "gaz\tette"), "line 2: it has the character U+0009"},
		"a lone CR":          {swap("sequence", "a: b\rsequence"), "line 3: it has the character U+000D"},
		"CR CR LF":           {swap("\nsequence", "\r\r\nsequence"), "line 2: it has the character U+000D"},
		"NUL":                {swap("gazette", "gazette\x00"), "line 2: it has the character U+0000"},
		"a turned direction": {swap("issued", "note: \u202egnol\nissued"), "line 4: it has the character U+202E"},
		"an escape":          {swap("issued", "note: \x1b[2J\nissued"), "line 4: it has the character U+001B"},
		"not UTF-8":          {swap("gazette", "gaz\xffette"), "line 2: it is not UTF-8"},

		"a site with capitals":        {swap("gazette", "Gazette"), `line 2: "Gazette" is not the name of a site`},
		"a site that begins oddly":    {swap("gazette", "-gazette"), `line 2: "-gazette" is not the name of a site`},
		"sequence zero":               {swap("42", "0"), `line 3: "0" is not a whole number from 1 on`},
		"a negative sequence":         {swap("42", "-1"), `line 3: "-1" is not a whole number from 1 on`},
		"a sequence with a plus":      {swap("42", "+42"), `line 3: "+42" is not a whole number from 1 on`},
		"a sequence with a zero":      {swap("42", "042"), `line 3: "042" is not a whole number from 1 on`},
		"a sequence out of range":     {swap("42", "9223372036854775808"), `line 3: "9223372036854775808" is not a whole number from 1 on`},
		"a sequence in words":         {swap("42", "latest"), `line 3: "latest" is not a whole number from 1 on`},
		"a time with another zone":    {swap("2026-03-14T12:00:00Z", "2026-03-14T12:00:00+01:00"), `line 4: "2026-03-14T12:00:00+01:00" is not a time such as 2026-03-14T12:00:00Z`},
		"a time with a zone of zero":  {swap("2026-03-14T12:00:00Z", "2026-03-14T12:00:00+00:00"), `line 4: "2026-03-14T12:00:00+00:00" is not a time such as 2026-03-14T12:00:00Z`},
		"a time with fractions":       {swap("2026-03-21T12:00:00Z", "2026-03-21T12:00:00.5Z"), `line 5: "2026-03-21T12:00:00.5Z" is not a time such as 2026-03-14T12:00:00Z`},
		"a time with a short hour":    {swap("2026-03-21T12:00:00Z", "2026-03-21T2:00:00Z"), `line 5: "2026-03-21T2:00:00Z" is not a time such as 2026-03-14T12:00:00Z`},
		"a date that does not exist":  {swap("2026-03-21", "2026-02-30"), `line 5: "2026-02-30T12:00:00Z" is not a time such as 2026-03-14T12:00:00Z`},
		"a date alone":                {swap("2026-03-21T12:00:00Z", "2026-03-21"), `line 5: "2026-03-21" is not a time such as 2026-03-14T12:00:00Z`},
		"an expiry before the issue":  {swap("2026-03-21", "2026-03-13"), "it expires before it is issued"},
		"an expiry at the issue":      {swap("2026-03-21", "2026-03-14"), "it expires before it is issued"},
		"a signature of other bytes":  {swap(signature, "signature: QUJD\n"), noSignature},
		"a signature without padding": {swap("==\n", "\n"), noSignature},
		"a signature in two lines":    {swap(signature, signature[:40]+"\n"+signature[40:]), noSignature},
		"a signature in URL base64":   {swap(signature, "signature: "+strings.Repeat("-_", 43)+"==\n"), noSignature},
		"a signature with a mark":     {swap("==\n", "!=\n"), noSignature},
		"a line after the signature":  {good + "note: x\n", "line 7: something stands after the signature"},
		"an empty line at the end":    {good + "\n", "line 7: something stands after the signature"},
		"two signatures":              {good + signature, "line 7: something stands after the signature"},
		"a page after it":             {good + "<script>", "line 7: something stands after the signature"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(test.text)
			requireRefusal(t, err, Malformed, test.detail)
			_, err = Verify(test.text, signingKey(t, "gazette", 'a').Public(), Expect{Site: "gazette", Now: noon})
			requireRefusal(t, err, Malformed, test.detail)
		})
	}
}

// The last character of a signature's base64 has four bits that say nothing. Another
// character with the same two bits would be another text with the same signature.
func TestASignatureHasOneSpelling(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	text := strings.TrimSuffix(signed(t, 42).String(), "==\n")
	read := 0
	for _, r := range alphabet {
		if _, err := Parse(text[:len(text)-1] + string(r) + "==\n"); err == nil {
			read++
		}
	}
	require.Equal(t, 4, read, "two bits of the last character count")
}

func TestTheLongestCanaryIsRead(t *testing.T) {
	key := signingKey(t, "gazette", 'a')
	room := MaxBytes - len(signed(t, 42, Field{"note", "x"}).String())
	longest := signed(t, 42, Field{"note", strings.Repeat("x", room+1)})
	require.Len(t, longest.String(), MaxBytes)
	_, err := Verify(longest.String(), key.Public(), Expect{Site: "gazette", Now: noon})
	require.NoError(t, err)

	_, err = Parse(longest.String() + "\n")
	requireRefusal(t, err, TooLong, "it has more than 4096 bytes")
	_, err = Sign(Canary{
		Site: "gazette", Sequence: 42, Issued: noon, Expires: noon.Add(time.Hour), Extra: []Field{{"note", strings.Repeat("x", room+2)}},
	}, key)
	require.EqualError(t, err, "sign: too_long: it has more than 4096 bytes")
}
