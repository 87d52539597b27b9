package gate

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// synthetic is a set of n literals such as lists have: pieces of markup,
// addresses, and words in two scripts.
func synthetic(n int) *Set {
	random := rand.New(rand.NewPCG(1, 2))
	shapes := []string{`<title>notice %s</title>`, `http://%s.isp.example/`, `<meta name="%s"`, `доступ %s закрыт`, `id="blk-%s"`, `Reference %s`}
	s := &Set{}
	for i := range n {
		word := fmt.Sprintf("%x%c%x", random.Uint32(), 'a'+i%26, i)
		s.prints = append(s.prints, fingerprint{name: word, kind: BlockPage, weight: 2, place: placeBody, text: fmt.Sprintf(shapes[i%len(shapes)], word)})
	}
	return s
}

// longPage is an article of the site's template, of Limit bytes and more.
func longPage(t testing.TB) []byte {
	genuine, _ := corpus(t)
	for _, s := range genuine {
		if s.file == "genuine/article.html" {
			head, foot, found := strings.Cut(string(s.Body), "</article>")
			require.True(t, found)
			var b strings.Builder
			b.WriteString(head)
			for i := 0; b.Len() < Limit; i++ {
				fmt.Fprintf(&b, "<p class=\"text\">Paragraph %d: in the roads forty ships wait; the port authority wants to take the food first, "+
					"then the ferries, then <a href=\"/ships/%d\" title=\"ship\">the rest</a> in the order in which they came, as "+
					"<a href=\"https://shipping.example/s?id=%d&amp;x=1\">the register</a> has it.</p>\n", i, i, i)
			}
			return []byte(b.String() + "</article>" + foot)
		}
	}
	require.Fail(t, "no article in the corpus")
	return nil
}

// journeys are the ways that a page of 64 KiB takes through the gate.
func journeys(t testing.TB) map[string]Known {
	genuine, _ := corpus(t)
	site := publications()["gazette"]
	hosts := []string{site.host, "gazette.example.net"}
	baseline := learntFrom("gazette", site, genuine, "")
	return map[string]Known{
		"marker":   {Hosts: hosts, Markers: []string{"The Harbour Gazette"}, Baseline: baseline},
		"likeness": {Hosts: hosts, Baseline: baseline},
		"nothing":  {Hosts: hosts},
		"matching": {Hosts: hosts, Wildcard: true}, // a sign: all fingerprints are sought
	}
}

func article(body []byte) Answer {
	return Answer{Status: 200, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Path: "/news/pilots", Body: body[:Limit]}
}

func BenchmarkJudge64KiB(b *testing.B) {
	gate, page := New(synthetic(2000)), longPage(b)
	answer := article(page)
	for name, known := range journeys(b) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(Limit)
			b.ReportAllocs()
			for b.Loop() {
				if gate.Judge(answer, known).Kind.Foreign() {
					b.Fatal("objected to")
				}
			}
		})
	}
}

func BenchmarkJudgeCorpus(b *testing.B) {
	gate := New(synthetic(2000))
	genuine, foreign := corpus(b)
	known := Known{Hosts: []string{"www.gazette.example"}}
	b.ReportAllocs()
	for b.Loop() {
		for _, s := range genuine {
			gate.Judge(s.Answer, known)
		}
		for _, s := range foreign {
			gate.Judge(s.Answer, known)
		}
	}
}

func BenchmarkNewWith2000(b *testing.B) {
	set := synthetic(2000)
	for b.Loop() {
		New(set)
	}
}

func TestAPageWithoutObjectionDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector lets pools forget on purpose")
	}
	gate, page := New(synthetic(2000)), longPage(t)
	answer := article(page)
	for name, known := range journeys(t) {
		require.Zero(t, testing.AllocsPerRun(20, func() { gate.Judge(answer, known) }), name)
	}
}

// TestNoPageIsExpensive is about shape and not speed: what is made to be slow
// may not take a hundred times as long as an ordinary page of its length.
func TestNoPageIsExpensive(t *testing.T) {
	gate := New(synthetic(2000))
	known := Known{Hosts: []string{"www.gazette.example"}, Baseline: gazetteBaseline(t)}
	took := func(body []byte) time.Duration {
		best := time.Hour
		for range 5 {
			begin := time.Now()
			gate.Judge(Answer{Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Path: "/", Body: body, Whole: true}, known)
			best = min(best, time.Since(begin))
		}
		return best
	}
	ordinary := took(longPage(t)[:Limit])
	for _, piece := range []string{"<", "</", "<!--", "<a href=", "<a href=\"", "&#", "<title>", "<script>", "</script", "<p ", "http://notice",
		"<title>notice <title>notice ", "доступ ", "<q>", "\xff", "<a href=//a.b/>", "="} {
		body := []byte(strings.Repeat(piece, Limit/len(piece)+1))[:Limit]
		require.Less(t, took(body), 100*ordinary, "%q", piece)
	}
}

func gazetteBaseline(t testing.TB) *Baseline {
	genuine, _ := corpus(t)
	return learntFrom("gazette", publications()["gazette"], genuine, "")
}
