package mirrors

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireAddress holds that an address is in the one form.
func requireAddress(t *testing.T, a Address) {
	t.Helper()
	again, flaw := ReadAddress(a.URL, "gopher")
	require.Empty(t, flaw, a.URL)
	require.Equal(t, a, again)
	require.LessOrEqual(t, len(a.URL), 3*maxAddress+1000)
	for _, c := range []byte(a.URL) {
		require.True(t, c > ' ' && c < 0x7f, "%q", a.URL)
	}
}

// FuzzReadAddress holds that an address is refused, or brought into a form that is
// its own.
func FuzzReadAddress(f *testing.F) {
	for _, text := range []string{"", "a.example", "https://ex%41mple.example:8443/a b?c#d", "http://[::ffff:9.9.9.9]", "//x", "https://ß.example./%zz", "https://a.example/?a=\x7f%"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if a, flaw := ReadAddress(text, "https"); flaw == "" {
			requireAddress(t, a)
		} else {
			require.Contains(t, Flaws(), flaw)
		}
	})
}

// FuzzParse holds that any list is refused for a reason of the closed set, or that
// each of its entries is kept in the one form or counted.
func FuzzParse(f *testing.F) {
	f.Add([]byte(second))
	f.Add([]byte(`{"version":1,"sites":[{"main_domain":"a.example","available_mirrors":["b.example",1,null],"available_onions":["x.onion"]},[],7]}`))
	f.Add([]byte(`{"version":"2.0","sites":[{"main_domain":"a.example","available_alternatives":[{"url":"https://b.example"},{"url":"https://b.example"}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, skipped, err := Parse(bytes.NewReader(text))
		if err != nil {
			var refusal *Refusal
			require.ErrorAs(t, err, &refusal)
			require.Contains(t, Reasons(), refusal.Reason)
			require.Less(t, len(refusal.Detail), 600)
			return
		}
		domains := map[string]bool{}
		for _, site := range list.Sites {
			require.False(t, domains[site.Domain])
			domains[site.Domain] = true
			seen := map[string]bool{}
			for _, a := range site.Alternates {
				require.False(t, seen[a.URL])
				seen[a.URL] = true
				requireAddress(t, a.Address)
				require.False(t, a.Updated.Before(a.Created) && !a.Updated.IsZero())
			}
		}
		for _, s := range skipped {
			require.Positive(t, s.Count)
			require.NotContains(t, s.String(), "\n")
		}
	})
}

// FuzzAccept holds that nothing but what was signed is accepted, whatever the
// signature file is.
func FuzzAccept(f *testing.F) {
	one := newSigner('a')
	list := text("gazette", 7, "https://g7.example")
	f.Add([]byte(list), one.sign(pure, list, "timestamp:1"))
	f.Add([]byte(list), one.sign(prehashed, list, ""))
	f.Add([]byte("test"), []byte(publishedPrehashed))
	f.Add([]byte("{}"), []byte(publishedPure))
	keys := []Key{one.key(f)}
	f.Fuzz(func(t *testing.T, text, minisig []byte) {
		seen, err := Accept(Seen{Signed: Signed{Site: "gazette"}}, text, minisig, keys, noon)
		if err != nil {
			var refusal *Refusal
			require.ErrorAs(t, err, &refusal)
			require.Contains(t, Reasons(), refusal.Reason)
			require.Zero(t, seen.Version)
		} else {
			require.Equal(t, list, string(text), "nobody signed this")
		}
		// What the fuzzer makes up is not signed, so it is also read as if it were.
		if signed, err := parseSigned(text); err == nil {
			require.NotZero(t, signed.Version)
			for _, url := range signed.Addresses {
				a, _ := ReadAddress(url, "https")
				requireAddress(t, a)
			}
		}
	})
}

// FuzzParseKey holds that a key is refused or is one that its own writing is read as.
func FuzzParseKey(f *testing.F) {
	f.Add(publishedKey)
	f.Add("untrusted comment: x\n" + newSigner('a').key(f).String() + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParseKey(text)
		if err != nil {
			return
		}
		again, err := ParseKey(key.String())
		require.NoError(t, err)
		require.Equal(t, key, again)
		require.Len(t, key.ID(), 16)
	})
}

// FuzzCandidates holds that whatever a page is, what it names is in the one form and
// none of the site's own.
func FuzzCandidates(f *testing.F) {
	f.Add(`<p>Alternate addresses: <a href="https://a.example">x</a> b.example 备用网址：https://a.example或`, `<https://a.example>; rel=duplicate`, "http://x.onion")
	f.Add(`<script><p>зеркала сайта <code>https://b.example`, `<`, "https://gazette.example")
	f.Fuzz(func(t *testing.T, page, link, onion string) {
		found := Candidates(http.Header{"Link": {link}, "Onion-Location": {onion}}, []byte(page), []string{"gazette.example"})
		require.LessOrEqual(t, len(found), MaxCandidates)
		seen := map[string]bool{}
		for _, c := range found {
			requireAddress(t, c.Address)
			require.False(t, seen[c.URL])
			seen[c.URL] = true
			require.NotEqual(t, "gazette.example", strings.TrimPrefix(c.Host, "www."))
			require.Contains(t, Places(), c.Where)
			require.Equal(t, c.Where == Notice, c.Words != "")
		}
	})
}
