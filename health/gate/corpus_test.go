package gate

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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

// mode is how much is known of a site, and the recall that this must give.
type mode struct {
	name             string
	marker, baseline bool
	recall           float64
}

func modes() []mode {
	return []mode{
		{"marker only", true, false, 1},
		{"baseline only", false, true, 0.96},
		{"marker and baseline", true, true, 1},
		{"nothing known", false, false, 0.83},
	}
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

// objected reports whether a genuine page was called foreign. A 403 is not the page's
// fault but its status': without an identity it is denied, whatever it says. One that is
// merely unlike the others is doubted, and shown where no other origin has a better one.
func objected(s sample, f Finding) bool {
	return f.Kind.Foreign() && !f.MerelyUnlike() && (f.Kind != Denied || s.Status != http.StatusForbidden)
}

func TestNoGenuinePageOfTheCorpusIsObjectedTo(t *testing.T) {
	genuine, _ := corpus(t)
	require.GreaterOrEqual(t, len(genuine), 60)
	gate, learnt := New(), memory{}
	for _, m := range modes() {
		proven, doubted := 0, 0
		for _, s := range genuine {
			site := publications()[s.site]
			f := gate.Judge(s.Answer, m.known(learnt, s.site, site, genuine, s.file))
			if objected(s, f) {
				t.Errorf("%s: %s (%s) is called %s: %q", m.name, s.file, s.why, f.Kind, f.Evidence)
			}
			if m.marker && f.Kind != Genuine && strings.HasSuffix(s.file, ".html") {
				t.Errorf("%s: %s (%s) has the marker and is called %s: %q", m.name, s.file, s.why, f.Kind, f.Evidence)
			}
			switch {
			case f.Kind == Genuine:
				proven++
			case f.MerelyUnlike():
				doubted++
			}
		}
		t.Logf("%-20s %d of %d genuine pages proven, %d merely unlike the others, no other objection", m.name, proven, len(genuine), doubted)
	}
}

// catch is what the gate makes of the foreign pages, as each publication's, in one mode.
type catch struct {
	pages, caught, named, alarms int
	doubted                      int // of those caught: merely unlike the site's pages
	missed                       []string
}

// catchOf judges the corpus in a mode.
func catchOf(t *testing.T, m mode, genuine, foreign []sample) catch {
	gate, learnt := New(), memory{}
	var c catch
	for _, name := range slices.Sorted(maps.Keys(publications())) {
		k := m.known(learnt, name, publications()[name], genuine, "")
		for _, s := range foreign {
			f := gate.Judge(s.Answer, k)
			c.pages++
			if !f.Kind.Foreign() {
				c.missed = append(c.missed, name+": "+s.file)
				continue
			}
			c.caught++
			if f.MerelyUnlike() {
				c.doubted++
			}
			require.NotEmpty(t, f.Evidence, s.file)
			if f.Kind == s.kind {
				c.named++
			} else if m.marker {
				t.Logf("%s: %s: %s is called %s: %q", m.name, name, s.file, f.Kind, f.Evidence)
			}
		}
	}
	for _, s := range genuine {
		if objected(s, gate.Judge(s.Answer, m.known(learnt, s.site, publications()[s.site], genuine, s.file))) {
			c.alarms++
		}
	}
	return c
}

func TestForeignPagesOfTheCorpusAreFound(t *testing.T) {
	genuine, foreign := corpus(t)
	require.GreaterOrEqual(t, len(foreign), 60)
	t.Logf("%d genuine and %d foreign pages, each of these in the place of %d publications", len(genuine), len(foreign), len(publications()))
	for _, m := range modes() {
		c := catchOf(t, m, genuine, foreign)
		precision := float64(c.caught) / float64(c.caught+c.alarms)
		recall, named := float64(c.caught)/float64(c.pages), float64(c.named)/float64(c.pages)
		rejected := float64(c.caught-c.doubted) / float64(c.pages)
		t.Logf("%-20s precision %.3f  recall %.3f  called by the right name %.3f  rejected for more than being unlike %.3f", m.name, precision, recall, named, rejected)
		require.Equal(t, 1.0, precision, m.name)
		require.GreaterOrEqual(t, recall, m.recall, "%s: %q", m.name, c.missed)
		if !m.marker && !m.baseline {
			t.Logf("not found with %s, of the first site: %q", m.name, c.missed[:len(c.missed)/len(publications())])
		}
	}
}
