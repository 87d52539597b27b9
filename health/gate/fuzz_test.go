package gate

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzJudge(f *testing.F) {
	genuine, foreign := corpus(f)
	for _, s := range append(genuine, foreign...) {
		f.Add(s.Body, s.Status, s.Path, s.Header.Get("Content-Type"), "Gazette", s.Whole)
	}
	gate := New(synthetic(50))
	baseline := gazetteBaseline(f)
	f.Fuzz(func(t *testing.T, body []byte, status int, path, kind, marker string, whole bool) {
		a := Answer{Status: status, Header: http.Header{"Content-Type": {kind}}, Path: path, Body: body, Whole: whole}
		k := Known{Hosts: []string{"www.gazette.example"}, Markers: []string{marker}, Baseline: baseline}
		before := bytes.Clone(body)
		found := gate.Judge(a, k)
		require.Equal(t, before, body, "the body was written to")
		require.Equal(t, found, gate.Judge(a, k), "the same page, another finding")
		require.Less(t, found.Kind, kinds)
		require.Equal(t, found.Kind.Foreign(), len(found.Evidence) > 0)
		RandomPath(a, a)
		gate.Judge(a, Known{Explain: true})
		if next, taken := baseline.Learn(a, k, found, baseline.Updated.Add(learnEvery)); taken {
			require.LessOrEqual(t, len(next.Words), keptWords)
			require.LessOrEqual(t, len(next.Hosts), keptHosts)
		}
	})
}

func FuzzLoadCSV(f *testing.F) {
	f.Add([]byte("a,isp,,body,contains,\"a pattern\",5,,,,\nb,isp,,header.via,regexp,x+,5,,,,\n"))
	f.Add([]byte("\"\n\"\"\n,,,,\r\n\"a"))
	f.Fuzz(func(t *testing.T, rows []byte) { loadAny(t, "x.csv", ooniHeader+string(rows)) })
}

func FuzzLoadJSONLines(f *testing.F) {
	f.Add([]byte("{\"fingerprint\":\"a_x\",\"pattern\":\"a.*pattern\"}\n{}\n"))
	f.Add([]byte("[1]\n{\"pattern\":1}\n\x00"))
	f.Fuzz(func(t *testing.T, rows []byte) { loadAny(t, "x.json", string(rows)) })
}

// loadAny loads what may be anything and uses what came of it.
func loadAny(t *testing.T, name, content string) {
	set, broken, err := Load(name, strings.NewReader(content))
	for _, b := range broken {
		require.Positive(t, b.Line)
		require.Positive(t, b.Row)
		require.LessOrEqual(t, b.Line, 1+strings.Count(content, "\n"))
	}
	if err == nil {
		var found tally
		found.begin(newMatcher(set))
		found.match(nil, []byte(content), http.Header{"Via": {content}})
	}
}
