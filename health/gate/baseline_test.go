package gate

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestABaselineLearnsOnlyFromPagesThatPassed(t *testing.T) {
	var b *Baseline
	now := time.Unix(1_700_000_000, 0)
	page := answer("<title>Harbour Gazette</title>")
	for _, k := range Kinds() {
		_, taken := b.Learn(page, Known{}, Finding{Kind: k}, now)
		require.Equal(t, k == Genuine, taken, k)
	}
	half := page
	half.Whole = false
	for name, a := range map[string]Answer{"an error": with(page, 404, "/"), "part of a page": half,
		"a feed": answer("<rss>", "Content-Type", "text/xml")} {
		_, taken := b.Learn(a, Known{}, Finding{Kind: Genuine}, now)
		require.False(t, taken, name)
	}
}

func TestABaselineThatIsGrownLearnsSlowly(t *testing.T) {
	b := &Baseline{}
	now := time.Unix(1_700_000_000, 0)
	learn := func(title string) bool {
		next, taken := b.Learn(answer("<title>"+title+"</title>"), Known{}, Finding{Kind: Genuine}, now)
		b = next
		return taken
	}
	for range youngPages {
		require.True(t, learn("Harbour"))
	}
	require.False(t, learn("Casino"), "a burst")
	now = now.Add(learnEvery)
	require.True(t, learn("Casino"))
	require.False(t, Likeness(answer("<title>Casino</title>"), Known{Baseline: b}).Words > 0, "one page does not make a word the site's")
	require.Equal(t, 1, Likeness(answer("<title>Harbour</title>"), Known{Baseline: b}).Words)
}

func TestABaselineIsBoundedAndNeverChanged(t *testing.T) {
	b := &Baseline{}
	now := time.Unix(1_700_000_000, 0)
	for i := range 300 {
		now = now.Add(learnEvery)
		var body strings.Builder
		fmt.Fprintf(&body, "<title>Harbour wordnumber%s tale%s</title>", strings.Repeat("x", i%40), strings.Repeat("y", i%50))
		for j := range 40 {
			fmt.Fprintf(&body, `<a class="c%d-%d" href="https://h%d-%d.example/">x</a>`, i, j, i, j)
		}
		before, err := json.Marshal(b)
		require.NoError(t, err)
		next, taken := b.Learn(answer(body.String(), fmt.Sprintf("X-Field-%d", i), "1"), Known{}, Finding{Kind: Genuine}, now)
		require.True(t, taken)
		after, err := json.Marshal(b)
		require.NoError(t, err)
		require.Equal(t, string(before), string(after))
		b = next
	}
	text, err := json.Marshal(b)
	require.NoError(t, err)
	require.Less(t, len(text), 32<<10)
	require.Less(t, b.Pages, fullPages)
	require.Equal(t, "harbour", b.Words[0].Text)
	var read Baseline
	require.NoError(t, json.Unmarshal(text, &read))
	require.Equal(t, b.Sketches, read.Sketches)
	require.Equal(t, b.Words, read.Words)
	require.Error(t, json.Unmarshal([]byte(`{"sketches":["x"]}`), &read))
}

func TestLikenessCountsRunesAndFindsAnyTitle(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	learnt := func(title string) Known {
		b, taken := (&Baseline{}).Learn(answer("<title>"+title+"</title>"), Known{}, Finding{Kind: Genuine}, now)
		require.True(t, taken)
		return Known{Baseline: b}
	}
	for _, c := range []struct {
		name, known, page string
		words             int
	}{
		{"four Cyrillic letters are eight bytes and short", "Наша газета", "<title>Наша страница</title>", 0},
		{"five Cyrillic letters are long", "Вестник", "<title>ВЕСТНИК и другие</title>", 1},
		{"one long word of several suffices", "Harbour Gazette", "<title>Gazette quite otherwise</title>", 1},
		{"a title with attributes", "Gazette", `<title data-x="1>2" lang=en>Gazette</title>`, 1},
		{"a title of more than 512 bytes", "Gazette", "<title>" + strings.Repeat("ab ", 300) + "Gazette</title>", 1},
		{"a title in references", "Gazette", "<title>&#71;azett&#x65;</title>", 1},
		{"scripts without spaces", "港湾日报", "<title>港湾日报 - 首页</title>", 2},
		{"accents do not matter", "Actualité", "<title>ACTUALITE</title>", 1},
		{"a drawing's title is none", "Gazette", "<title>x</title><svg><title>Gazette</title></svg>", 0},
		{"a notice's words are not the site's", "Access blocked", "<title>Access blocked</title>", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Likeness(answer(c.page), learnt(c.known))
			require.Equal(t, c.words, s.Words, s.Reason())
		})
	}
}

func TestLengthAndHeaderAloneMakeNoLikeness(t *testing.T) {
	b := &Baseline{Pages: 1, Lengths: []int{20}, Fields: []Counted{{"X-Node", 1}}}
	s := Likeness(answer("<title>otherly</title>", "X-Node", "1"), Known{Baseline: b})
	require.True(t, s.Length)
	require.True(t, s.Fields)
	require.False(t, s.Like())
	require.True(t, s.Unlike())
	require.False(t, Likeness(answer(""), Known{}).Unlike(), "nothing is known")
	require.NotEmpty(t, Score{}.Reason())
}

func TestRandomPath(t *testing.T) {
	home := answer("<title>Gazette</title><a href=/a>a</a><p>one")
	for _, c := range []struct {
		name   string
		random Answer
		want   bool
	}{
		{"the same page", home, true},
		{"the same page with the path in it", answer("<title>Gazette</title><a href=/a>a</a><p>ono"), true},
		{"a 404", with(home, 404, "/x"), false},
		{"a redirect", with(home, 302, "/x"), false},
		{"another page", answer("<title>Nothing here</title><p>one and two and three and four"), false},
		{"no page", answer("x", "Content-Type", "text/plain"), false},
	} {
		require.Equal(t, c.want, RandomPath(home, c.random), c.name)
	}
}
