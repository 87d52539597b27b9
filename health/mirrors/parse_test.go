package mirrors

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const second = `{"version": "2.0", "made_by": {"tools": [1, {"a": []}]}, "sites": [
  {"main_domain": "www.gazette.example", "available_alternatives": [
    {"proto": "https", "type": "mirror", "created_at": "2026-03-01 11:39:07.637811", "updated_at": "2026-03-02T10:00:00", "url": "https://d1.cdn.example"},
    {"proto": "tor", "type": "eotk", "created_at": "2026-03-01", "url": "http://gazettexyz.onion/"},
    {"proto": "https", "type": "ipfs", "url": "https://gateway.example/ipns/gazette", "new_field": {"x": 1}}
  ]},
  {"main_domain": "quiet.example", "available_alternatives": []}
]}`

func TestAListOfVersion2IsRead(t *testing.T) {
	list, skipped, err := Parse(strings.NewReader("\xef\xbb\xbf" + second))
	require.NoError(t, err)
	require.Empty(t, skipped)
	require.Equal(t, "2.0", list.Version)
	require.Equal(t, []Site{
		{Domain: "www.gazette.example", Alternates: []Alternate{
			{Address: Address{"https://d1.cdn.example", "d1.cdn.example"}, Proto: HTTPS, Kind: Mirror,
				Created: time.Date(2026, 3, 1, 11, 39, 7, 637811000, time.UTC), Updated: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)},
			{Address: Address{"http://gazettexyz.onion", "gazettexyz.onion"}, Proto: Tor, Kind: EOTK, Created: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)},
			{Address: Address{"https://gateway.example/ipns/gazette", "gateway.example"}, Proto: HTTPS, Kind: IPFS},
		}},
		{Domain: "quiet.example"},
	}, list.Sites)
	site, found := list.Find("gazette.example")
	require.True(t, found)
	require.Len(t, site.Alternates, 3)
	_, found = list.Find("other.example")
	require.False(t, found)
	_, found = list.Find("")
	require.False(t, found)
}

func TestAListOfVersion1IsRead(t *testing.T) {
	list, skipped, err := Parse(strings.NewReader(`{"sites": [{"available_mirrors": ["d1.cdn.example", "https://d2.cdn.example/g"],
		"available_onions": ["gazettexyz.onion"], "available_ipfs_nodes": ["QmHash"], "main_domain": "gazette.example"}], "version": 1}`))
	require.NoError(t, err)
	var urls []string
	for _, a := range list.Sites[0].Alternates {
		urls = append(urls, string(a.Proto)+" "+string(a.Kind)+" "+a.URL)
	}
	require.Equal(t, []string{"https mirror https://d1.cdn.example", "https mirror https://d2.cdn.example/g", "tor eotk http://gazettexyz.onion"}, urls)
	require.Equal(t, []Skipped{{UnknownProto, 1, []string{`site 1, address 4 "QmHash"`}}}, skipped)
}

// TestAListWithEveryMistakeIsReadAndTheMistakesAreCounted is what lists in use have in them.
func TestAListWithEveryMistakeIsReadAndTheMistakesAreCounted(t *testing.T) {
	list, skipped, err := Parse(strings.NewReader(`{"version": "2.0", "sites": [
	  {"main_domain": "gazette.example", "available_alternatives": [
	    {"proto": "gopher", "type": "mirror", "url": "gopher://a.example"},
	    {"proto": "https", "type": "balloon", "url": "https://a.example"},
	    {"proto": "https", "type": "mirror", "url": ""},
	    {"proto": "https", "type": "mirror", "url": "https://one.example"},
	    {"proto": "https", "type": "mirror", "url": "https://ONE.example:443/"},
	    {"proto": "https", "type": "mirror", "url": "https://bücher.example", "created_at": "2026-03-02", "updated_at": "2026-03-01"},
	    {"proto": "https", "type": "mirror", "url": "https://xn--bcher-kva.example"},
	    {"proto": "https", "type": "mirror", "url": "https://port.example:8443/path/", "created_at": "yesterday"},
	    {"proto": "http", "type": "mirror", "url": "https://label.example"},
	    {"proto": "tor", "type": "eotk", "url": "http://plain.example"},
	    {"proto": "https", "type": "mirror", "url": "https://10.0.0.1/"},
	    {"proto": "https", "type": "mirror", "url": "https://a@b.example/"},
	    {"proto": "https", "type": "mirror", "url": "https://b..example/"},
	    {"proto": "https", "type": "mirror", "url": 7}, 7, null, [[]]
	  ]},
	  {"main_domain": "", "available_alternatives": null},
	  {"main_domain": ["x"]}, "text", [{"main_domain": "x.example"}],
	  {"main_domain": "GAZETTE.example.", "available_alternatives": [{"url": "https://one.example/"}, {"url": "two.example"}]}
	]}`))
	require.NoError(t, err)
	require.Len(t, list.Sites, 1)
	var urls []string
	for _, a := range list.Sites[0].Alternates {
		urls = append(urls, a.URL)
		require.Zero(t, a.Created)
	}
	require.Equal(t, []string{"https://one.example", "https://xn--bcher-kva.example", "https://port.example:8443/path/", "https://label.example", "https://two.example"}, urls)
	counts := map[Flaw]int{}
	for _, s := range skipped {
		counts[s.Flaw] = s.Count
		require.LessOrEqual(t, len(s.First), maxNamed)
		require.NotEmpty(t, s.First)
		require.Contains(t, s.String(), s.First[0])
	}
	require.Equal(t, map[Flaw]int{UnknownProto: 1, UnknownType: 1, NoURL: 1, Duplicate: 3, TimesReverse: 1, BadTime: 1, WrongProto: 1,
		Private: 1, Credentials: 1, BadURL: 1, NotAnEntry: 6, BadDomain: 2}, counts)
	require.Equal(t, `site 1, address 14 "", site 1, address 15 "", site 1, address 16 "" and 3 more: the entry is not an object with texts in it`, skipped[0].String())
}

func TestListsThatAreNoneAreRefused(t *testing.T) {
	for text, want := range map[string]Reason{
		"":                                   Malformed,
		"<html>":                             Malformed,
		"[]":                                 Malformed,
		"7":                                  Malformed,
		`{"version": "2.0", "sites": [`:      Malformed,
		`{"version": "2.0", "sites": {}}`:    Malformed,
		`{"version": "2.0", "sites": []} {}`: Malformed,
		`{"version": "2.0", "x": ` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`: Malformed,
		`{"sites": []}`:                      UnknownVersion,
		`{"version": "3.0", "sites": []}`:    UnknownVersion,
		`{"version": "20", "sites": []}`:     UnknownVersion,
		`{"version": {"a": 2}, "sites": []}`: UnknownVersion,
	} {
		list, skipped, err := Parse(strings.NewReader(text))
		var refusal *Refusal
		require.ErrorAs(t, err, &refusal, "%.60q", text)
		require.Equal(t, want, refusal.Reason, "%.60q: %s", text, err)
		require.Contains(t, Reasons(), refusal.Reason)
		require.Empty(t, list)
		require.Empty(t, skipped)
	}
	_, _, err := Parse(strings.NewReader(`{"version": "9\u001b[2J"}`))
	require.EqualError(t, err, `list_unknown_version: its version is "9`+"\uFFFD"+`[2J", and this build reads 1 and 2`)
}

func TestAFailureToReadIsSaid(t *testing.T) {
	_, _, err := Parse(io.MultiReader(strings.NewReader(`{"version"`), failing{}))
	require.ErrorContains(t, err, "the line is cut")
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the line is cut") }

// endless repeats a text without end behind a beginning, and counts what was read.
type endless struct {
	first, again string
	read         int
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		c := e.again
		at := e.read - len(e.first)
		if at < 0 {
			c, at = e.first, e.read
		}
		k := copy(p[n:], c[at%len(c):])
		n += k
		e.read += k
	}
	return n, nil
}

func TestAListWithoutEndIsRefusedInBoundedMemory(t *testing.T) {
	for name, e := range map[string]*endless{
		"addresses":  {first: `{"version":"2.0","sites":[{"main_domain":"a.example","available_alternatives":[`, again: `{"url":"https://b.example"},`},
		"deep site":  {first: `{"version":"2.0","sites":[`, again: `[`},
		"no entries": {first: `{"version":"2.0","sites":[{"main_domain":"a.example","available_alternatives":[`, again: `{},`},
		"sites":      {first: `{"version":"2.0","sites":[`, again: `{"main_domain":"a.example"},`},
		"unknown":    {first: `{"version":"2.0","x":[`, again: `1,`},
		"deep":       {first: `{"version":"2.0","x":`, again: `[`},
		"deep entry": {first: `{"version":"2.0","sites":[{"available_mirrors":[`, again: `[`},
		"text":       {first: `{"version":"2.0","sites":[{"main_domain":"`, again: `aaaaaaaa`},
		"spaces":     {first: `{"version":"2.0"`, again: "        "},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := Parse(e)
		runtime.ReadMemStats(&after)
		var refusal *Refusal
		require.ErrorAs(t, err, &refusal, name)
		require.Contains(t, []Reason{TooLong, Malformed}, refusal.Reason, name)
		require.LessOrEqual(t, e.read, MaxBytes+64<<10, name)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20), name)
	}
}

func TestAListOfTheVeryBoundsIsRead(t *testing.T) {
	list := `{"version":"2.0","sites":[{"main_domain":"a.example","available_alternatives":[` +
		strings.TrimSuffix(strings.Repeat(`{},`, MaxEntries-1), ",") + `]}]}`
	_, skipped, err := Parse(strings.NewReader(list + strings.Repeat(" ", MaxBytes-len(list))))
	require.NoError(t, err)
	require.Equal(t, MaxEntries-1, skipped[0].Count)
	_, _, err = Parse(strings.NewReader(list + strings.Repeat(" ", MaxBytes-len(list)+1)))
	require.ErrorContains(t, err, string(TooLong))
}
