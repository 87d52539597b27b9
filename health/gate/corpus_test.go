package gate

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sample is a page of the corpus, as testdata/manifest.tsv lists it.
type sample struct {
	file string
	site string
	kind Kind
	why  string
	Answer
}

// publication is a site that the corpus has pages of.
type publication struct{ host, marker string }

func publications() map[string]publication {
	return map[string]publication{
		"gazette": {"www.gazette.example", "The Harbour Gazette"},
		"bandar":  {"www.bandargah.example", "روزنامه بندرگاه"},
		"mina":    {"www.almina.example", "جريدة الميناء"},
		"vestnik": {"www.vestnik.example", "Вестник гавани"},
		"gangwan": {"www.gangwan.example", "港湾日报"},
		"liman":   {"www.liman.example", "Liman Gazetesi"},
		"faro":    {"www.elfaro.example", "El Faro del Puerto"},
		"port":    {"www.gazetteduport.example", "La Gazette du Port"},
		"minato":  {"www.minato.example", "港の新聞"},
	}
}

// corpus reads every page of the corpus.
func corpus(t testing.TB) (genuine, foreign []sample) {
	t.Helper()
	manifest, err := os.ReadFile("testdata/manifest.tsv")
	require.NoError(t, err)
	listed := map[string]bool{}
	for i, line := range strings.Split(strings.TrimSuffix(string(manifest), "\n"), "\n") {
		if i == 0 {
			continue
		}
		cells := strings.Split(line, "\t")
		require.Len(t, cells, 7, line)
		s := sample{file: cells[0], site: cells[1], kind: kindOf(t, cells[2]), why: cells[6]}
		s.Status, err = strconv.Atoi(cells[3])
		require.NoError(t, err)
		s.Header = http.Header{"Content-Type": {"text/html"}}
		s.Path, s.Whole = cells[4], true
		if cells[5] != "" {
			name, value, found := strings.Cut(cells[5], "=")
			require.True(t, found, line)
			s.Header.Set(name, value)
		}
		s.Body, err = os.ReadFile(filepath.Join("testdata", s.file))
		require.NoError(t, err)
		listed[s.file] = true
		if strings.HasPrefix(s.file, "genuine/") {
			genuine = append(genuine, s)
		} else {
			foreign = append(foreign, s)
		}
	}
	for _, pattern := range []string{"testdata/genuine/*", "testdata/foreign/*"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			require.True(t, listed[strings.TrimPrefix(file, "testdata/")], "%s is not in the manifest", file)
		}
	}
	return genuine, foreign
}

func kindOf(t testing.TB, word string) Kind {
	t.Helper()
	for _, k := range Kinds() {
		if k.String() == word {
			return k
		}
	}
	require.Fail(t, "no kind", word)
	return Unknown
}

// mode is how much is known of a site.
type mode struct {
	name             string
	marker, baseline bool
}

func modes() []mode {
	return []mode{{"marker", true, false}, {"baseline", false, true}, {"marker and baseline", true, true}, {"fingerprints alone", false, false}}
}

// memory keeps what was learnt of a site without a page.
type memory map[[2]string]*Baseline

// known is what a mode knows of a site when it sees the page named without.
func (m mode) known(learnt memory, name string, site publication, genuine []sample, without string) Known {
	k := Known{Hosts: []string{site.host}, Explain: true}
	if m.baseline {
		if learnt[[2]string{name, without}] == nil {
			learnt[[2]string{name, without}] = learntFrom(name, site, genuine, without)
		}
		k.Baseline = learnt[[2]string{name, without}]
	}
	if m.marker {
		k.Markers = []string{site.marker}
	}
	return k
}

// learntFrom is the baseline of a site's other pages.
func learntFrom(name string, site publication, genuine []sample, without string) *Baseline {
	var b *Baseline
	now := time.Unix(1_700_000_000, 0)
	for _, s := range genuine {
		if s.site == name && s.file != without {
			now = now.Add(learnEvery)
			b, _ = b.Learn(s.Answer, Known{Hosts: []string{site.host}}, Finding{Kind: Genuine}, now)
		}
	}
	return b
}

func TestNoGenuinePageOfTheCorpusIsObjectedTo(t *testing.T) {
	genuine, _ := corpus(t)
	require.GreaterOrEqual(t, len(genuine), 60)
	gate, learnt := New(), memory{}
	for _, m := range modes() {
		proven := 0
		for _, s := range genuine {
			site := publications()[s.site]
			f := gate.Judge(s.Answer, m.known(learnt, s.site, site, genuine, s.file))
			switch f.Kind {
			case BlockPage, Seized, Parked, Challenge, Mismatch:
				t.Errorf("%s: %s (%s) is called %s: %q", m.name, s.file, s.why, f.Kind, f.Evidence)
			}
			if m.marker && f.Kind != Genuine {
				t.Errorf("%s: %s (%s) has the marker and is called %s: %q", m.name, s.file, s.why, f.Kind, f.Evidence)
			}
			if f.Kind == Genuine {
				proven++
			}
		}
		t.Logf("%-20s genuine %d of %d proven, the others without objection", m.name, proven, len(genuine))
	}
}

func TestForeignPagesOfTheCorpusAreFound(t *testing.T) {
	genuine, foreign := corpus(t)
	require.GreaterOrEqual(t, len(foreign), 60)
	gate, learnt := New(), memory{}
	t.Logf("%-20s %9s %9s %9s %9s", "known of the site", "pages", "precision", "recall", "named")
	for _, m := range modes() {
		caught, named, all, alarms := 0, 0, 0, 0
		var missed []string
		for name, site := range publications() {
			k := m.known(learnt, name, site, genuine, "")
			for _, s := range foreign {
				f := gate.Judge(s.Answer, k)
				all++
				switch {
				case !f.Kind.Foreign():
					missed = append(missed, name+": "+s.file)
				case f.Kind == s.kind:
					named++
					fallthrough
				default:
					caught++
					require.NotEmpty(t, f.Evidence, s.file)
				}
				if m.marker && f.Kind != s.kind {
					t.Logf("%s: %s: %s is called %s: %q", m.name, name, s.file, f.Kind, f.Evidence)
				}
			}
		}
		for _, s := range genuine {
			if f := gate.Judge(s.Answer, m.known(learnt, s.site, publications()[s.site], genuine, s.file)); f.Kind.Foreign() && f.Kind != Denied {
				alarms++
			}
		}
		recall := float64(caught) / float64(all)
		t.Logf("%-20s %9d %9.3f %9.3f %9.3f", m.name, all, float64(caught)/float64(caught+alarms), recall, float64(named)/float64(all))
		switch {
		case m.marker:
			require.Equal(t, 1.0, recall, "%s: %q", m.name, missed)
		case m.baseline:
			require.GreaterOrEqual(t, recall, 0.95, "%s: %q", m.name, missed)
		default:
			t.Logf("not found by fingerprints alone, of the first site: %q", missed[:len(missed)/len(publications())])
		}
	}
}
