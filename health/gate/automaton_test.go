package gate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheAutomatonFindsWhatASearchForEachFinds is over an alphabet of few letters, where literals overlap.
func TestTheAutomatonFindsWhatASearchForEachFinds(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	letters := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abAB"[random.IntN(4)]
		}
		return string(b)
	}
	for range 200 {
		set := &Set{}
		for i := range 30 {
			set.prints = append(set.prints, fingerprint{name: fmt.Sprint(i), kind: BlockPage, weight: 1, place: placeBody, text: letters(minLiteral + random.IntN(60))})
		}
		var tally tally
		tally.begin(newMatcher(set))
		text := []byte(letters(random.IntN(400)) + set.prints[0].text + letters(random.IntN(20)))
		tally.match(nil, text, nil)
		for i, f := range set.prints {
			require.Equal(t, bytes.Contains(text, []byte(f.text)), tally.seen[i/64]&(1<<(i%64)) != 0, "%q in %q", f.text, text)
		}
	}
}

func TestWhatAnExpressionRequires(t *testing.T) {
	for expression, want := range map[string]string{
		`notice`:                 "notice",
		`a.*longer text.*b`:      "longer text",
		`(?i)kingdom`:            "", // the Kelvin sign is a k
		`(?i)gate`:               "GATE",
		`(?i)доступ`:             "",
		`one|two`:                "",
		`(needed)+`:              "needed",
		`(needed)*`:              "",
		`x{2}(inner){1,3}`:       "inner",
		`[ab]`:                   "",
		`<title>.{0,9}</title>x`: "</title>x",
		`(`:                      "",
	} {
		require.Equal(t, want, required(expression), expression)
	}
}

func TestExpressionsAreTriedWhereTheirLiteralIsAndElseOnSmallPages(t *testing.T) {
	set, broken, err := Load("x.json", strings.NewReader(`{"fingerprint":"a_guarded","pattern":"notice [0-9]+ of"}
{"fingerprint":"a_loose","pattern":"[xyz]{7}"}
`))
	require.NoError(t, err)
	require.Empty(t, broken)
	g := New(set)
	known := Known{Markers: []string{"Gazette"}}
	require.Equal(t, "a_guarded", g.Judge(answer("a notice 77 of"), known).Fingerprint)
	require.Equal(t, "a_loose", g.Judge(answer("xyzzyxx"), known).Fingerprint)
	require.Empty(t, g.Judge(answer(strings.Repeat(" ", smallPage)+"xyzzyxx"), known).Fingerprint)
	require.Empty(t, g.Judge(answer("A NOTICE 77 OF"), known).Fingerprint, "files are compared byte for byte")
}
