package gate

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

const ooniHeader = "name,scope,other_names,location_found,pattern_type,pattern,confidence_no_fp,expected_countries,source,exp_url,notes\n"

func TestOONIRowsAreUsedAsTheirColumnsSay(t *testing.T) {
	set, broken, err := Load("fingerprints_http.csv", strings.NewReader(ooniHeader+
		`contains,isp,,body,contains,"said the, ""notice""",9,IR,,,`+"\n"+
		`prefix,nat,,body,prefix,<html>here,5,,,,`+"\n"+
		`full,nat,,body,full,<b>all</b>,5,,,,`+"\n"+
		`regexp,nat,,body,regexp,number [0-9]+ is shut,5,,,,`+"\n"+
		`via,nat,,header.via,contains,1.1 filterbox,8,,,,`+"\n"+
		`location,nat,,header.location,prefix,http://warning.example/,8,,,,`+"\n"+
		`good,fp,,body,contains,Breaking News,5,,,,`+"\n"+
		`vague,vbw,,body,contains,is not shown,5,,,,`+"\n"))
	require.NoError(t, err)
	require.Empty(t, broken)
	require.Equal(t, 8, set.Len())
	g := New(set)
	known := Known{Hosts: []string{"www.gazette.example"}, Markers: []string{"Gazette"}}
	for _, c := range []struct {
		a    Answer
		want string
	}{
		{answer(`<p>it said the, "notice" so`), "contains"},
		{answer("<html>here, and more"), "prefix"},
		{answer(" <html>here"), ""},
		{answer("<b>all</b>"), "full"},
		{answer("<b>all</b> and more"), ""},
		{answer("number 7 is shut"), "regexp"},
		{answer("x", "Via", "1.1 filterbox"), "via"},
		{with(answer("x", "Location", "http://warning.example/?1"), 302, "/"), "location"},
		{answer("Breaking News"), ""},
		{answer("this is not shown"), "vague"}, // missing and bare: two signs
	} {
		f := g.Judge(c.a, known)
		require.Equal(t, c.want, f.Fingerprint, "%s: %q", c.a.Body, f.Evidence)
		if c.want != "" {
			require.Equal(t, BlockPage, f.Kind)
		}
	}
}

func TestABrokenRowIsNamedAndTheRestUsed(t *testing.T) {
	set, broken, err := Load("list.csv", strings.NewReader(ooniHeader+
		"good1,isp,,body,contains,first pattern,5,,,,\n"+
		"\n"+
		"short,isp,,body\n"+
		"place,isp,,cookie,contains,pattern,5,,,,\n"+
		"manner,isp,,body,equals,pattern,5,,,,\n"+
		"tiny,isp,,body,contains,abc,5,,,,\n"+
		"empty,isp,,body,contains,,5,,,,\n"+
		"re,isp,,body,regexp,(unclosed,5,,,,\n"+
		"sure,isp,,body,contains,pattern,11,,,,\n"+
		"quote,isp,,body,contains,\"never closed,5,,,,\n"+
		"good2,isp,,body,contains,\"second\npattern\",5,,,,\n"+
		",isp,,body,contains,pattern,5,,,,\n"+
		"dns,isp,,dns,full,10.10.34.34,5,,,,\n"+
		"good3,isp,,body,contains,third pattern,5,,,,\n"))
	require.NoError(t, err)
	var lines []int
	for _, b := range broken {
		require.Equal(t, "list.csv", b.File)
		require.Error(t, errors.Unwrap(b))
		lines = append(lines, b.Line)
	}
	require.Equal(t, []int{4, 5, 6, 7, 8, 9, 10, 11, 14, 15}, lines)
	require.Equal(t, 3, set.Len())
	require.Equal(t, "list.csv:4: row 2: the row has 4 fields and should have 7 at least", broken[0].Error())
	require.Equal(t, `list.csv:5: row 3: location_found "cookie" is neither body nor header.NAME`, broken[1].Error())
}

func TestABrokenLineOfJSONIsNamedAndTheRestUsed(t *testing.T) {
	set, broken, err := Load("false_positive_signatures.json", strings.NewReader(
		`{"fingerprint":"x_news","pattern":"Breaking \\w+ News"}`+"\n\n"+
			`{"fingerprint":"x_bad","pattern":"(?<=look)behind"}`+"\n"+
			`{"fingerprint":`+"\n"+
			`{"pattern":"nameless"}`+"\n"+
			`{"fingerprint":"x_more","pattern":"one\\.two\\.three"}`))
	require.NoError(t, err)
	require.Len(t, broken, 3)
	require.Equal(t, []int{3, 4, 5}, []int{broken[0].Line, broken[1].Line, broken[2].Line})
	require.Equal(t, 2, broken[0].Row)
	require.Equal(t, 2, set.Len())
	require.True(t, set.prints[0].benign)
	require.Equal(t, mannerContains, set.prints[1].manner, "an escaped text is a text")
	require.Equal(t, "one.two.three", set.prints[1].text)
}

func TestExpressionsReachOverLines(t *testing.T) {
	set, _, err := Load("blockpage_signatures.json", strings.NewReader(`{"fingerprint":"c_lines","pattern":"<i>head</i>.*<i>foot</i>"}`))
	require.NoError(t, err)
	f := New(set).Judge(answer("<i>head</i>\n\n<i>foot</i>"), Known{})
	require.Equal(t, "c_lines", f.Fingerprint)
	require.Equal(t, BlockPage, f.Kind)
}

func TestAGoodPagesFingerprintDoesNotHideABlockPage(t *testing.T) {
	benign, _, err := Load("false_positive_signatures.json", strings.NewReader(`{"fingerprint":"x_redirect","pattern":"redirect"}`))
	require.NoError(t, err)
	f := New(benign).Judge(answer("this site is blocked, redirect follows"), Known{})
	require.Equal(t, BlockPage, f.Kind)
	require.Contains(t, strings.Join(f.Evidence, "\n"), "x_redirect")
}

func TestAFileThatIsNoListIsRefused(t *testing.T) {
	for name, content := range map[string]string{
		"empty.csv":   "",
		"columns.csv": "a,b,c\n1,2,3\n",
		"prose.json":  strings.Repeat("words and words\n", 200),
		"prose.csv":   ooniHeader + strings.Repeat("words and words\n", 200),
		"large.json":  strings.Repeat(" ", maxFile+1),
	} {
		_, _, err := Load(name, strings.NewReader(content))
		require.ErrorContains(t, err, name)
	}
	_, _, err := Load("x.json", iotest.ErrReader(errors.New("gone")))
	require.EqualError(t, err, "x.json: gone")
	_, _, err = LoadFile(filepath.Join(t.TempDir(), "none.csv"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestTheBuiltInWordingIsSoundAndFindable(t *testing.T) {
	set := Builtin()
	require.Greater(t, set.Len(), 100)
	seen, ready := map[string]bool{}, newMatcher(set)
	for _, f := range set.prints {
		require.GreaterOrEqual(t, len(f.text), minLiteral, f.name)
		require.False(t, seen[f.text+f.kind.String()], "%s: %q is there twice", f.name, f.text)
		seen[f.text+f.kind.String()] = true
		var tally tally
		tally.begin(ready)
		tally.match([]byte("so "+f.text+" it is"), nil, nil)
		require.GreaterOrEqual(t, tally.weight[f.kind], f.weight, "%q", f.text)
	}
}
