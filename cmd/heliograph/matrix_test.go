package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/lab"
)

var (
	matrixOut    = flag.String("matrix", "", "write the scenario matrix's table to this `FILE`")
	matrixRows   = flag.String("matrix-rows", "", "play only the rows with these `NUMBERS`, with commas between them")
	updateMatrix = flag.Bool("update-matrix", false, "write health/MATRIX.md instead of comparing it")
)

// atOnce is how many worlds are run at the same time. They mostly wait for probes.
const atOnce = 16

// The three copies that the edge may have of what a reader asks for.
const (
	fresh = iota
	stale
	none
)

// copies names them.
var copies = [3]string{"fresh copy", "stale copy", "no copy"}

// row is one row of the scenario matrix: something happens to the primary P, or to the
// alternates A1 and A2, and readers ask for pages of which the edge has a fresh copy, a stale
// one or none.
type row struct {
	number int
	scene  string
	worlds []world // each must hold
}

// world is one way in which a row's scene can come about.
type world struct {
	lab      lab.Options
	config   string         // further top-level keys
	site     string         // further keys of the site
	origins  string         // further keys of each origin
	identity string         // in place of identity: {contains: [the marker]}
	breaks   [3]lab.Fault   // of P, A1, A2
	setUp    func(*play)    // more to do before the break
	class    health.Class   // what a probe of the origin subject finds, or takes notice of
	host     string         // that readers ask for once all is set up; the site's front when empty
	subject  string         // primary when empty
	never    string         // who must not answer anything in the moment of the break; empty for nobody
	verdict  health.Verdict // that the subject ends with; empty for any
	paths    [3]string      // in place of the default paths
	expects  [3]outcome
	then     func(*play) // more that must hold at the end
}

// outcome is what a reader gets, and what the edge has afterwards.
type outcome struct {
	from string // who answers: P, A1, A2, "stored", "edge"; or "redirect", which P sends
	kept string // what is stored afterwards: "the page", or "nothing"
}

// The outcomes that most rows have.
var (
	fromP    = outcome{"P", "the page"}
	fromA1   = outcome{"A1", "the page"}
	fromA2   = outcome{"A2", "the page"}
	stored   = outcome{"stored", "the page"}
	refused  = outcome{"421", "nothing"}
	ownPage  = outcome{"edge", "nothing"}
	viaA1    = [3]outcome{stored, fromA1, fromA1}
	viaA2    = [3]outcome{stored, fromA2, fromA2}
	viaP     = [3]outcome{stored, fromP, fromP}
	asStored = [3]outcome{stored, stored, ownPage}
)

// play is one world under way. It is a require.TestingT of its own, so that many can run
// at once whatever the test's parallelism.
type play struct {
	world
	*edge
	lab       *lab.Lab
	control   *lab.Origin // what the control URL leads to
	directory string
	log       *buffer
	reader    *http.Client
	problems  []string
}

// Errorf notes a problem.
func (p *play) Errorf(format string, args ...any) {
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

// FailNow ends the world's goroutine.
func (p *play) FailNow() { runtime.Goexit() }

// defaultPaths are pages of the newspaper with the freshness that a copy needs.
func (w *world) path(state int) string {
	if w.paths[state] != "" {
		return w.paths[state]
	}
	return [3]string{"/harbour?max-age=3600", "/weather?max-age=1", "/news?max-age=3600"}[state]
}

// perform runs a world, and returns what went wrong.
func (w world) perform(directory string) []string {
	p := &play{world: w, directory: directory, log: &buffer{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer p.end()
		p.start()
		p.run()
	}()
	<-done
	return p.problems
}

// start opens the lab and the edge before it.
func (p *play) start() {
	var err error
	p.lab, err = lab.Start(p.world.lab)
	require.NoError(p, err)
	p.control, err = p.lab.StartControl()
	require.NoError(p, err)
	require.NoError(p, os.WriteFile(filepath.Join(p.directory, "lab.pem"), p.lab.CAPEM(), 0o600))
	require.NoError(p, os.WriteFile(filepath.Join(p.directory, "ooni.csv"), []byte(fingerprints), 0o600))
	path := filepath.Join(p.directory, "heliograph.yaml")
	require.NoError(p, os.WriteFile(path, []byte(p.configuration()), 0o600))
	p.edge, err = startEdge(edgeOptions{log: p.log, load: func() (*configs.File, error) { return configs.Load(path) }})
	require.NoError(p, err, p.configuration())
	require.NoError(p, p.lab.SetEdge("http://"+p.Addr("http").String()))
	p.reader = &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       30 * time.Second,
	}
}

// configuration is the world's heliograph.yaml.
func (p *play) configuration() string {
	var b strings.Builder
	b.WriteString("listen: {http: \"127.0.0.1:0\", admin: \"127.0.0.1:0\"}\ndata: state\ndrain: 100ms\ncache: {memory: 64MiB}\nallow: [127.0.0.0/8]\n")
	control := fmt.Sprintf("control: {resolvers: [%q]}\n", p.lab.Control().TCP())
	if p.config != "" {
		control = strings.ReplaceAll(p.config, "CONTROL", p.control.URL())
	}
	b.WriteString(control)
	b.WriteString("sites:\n  - name: " + lab.Site + "\n    origins:\n")
	for _, o := range p.lab.Origins() {
		fmt.Fprintf(&b, "      - {name: %s, url: %q, resolver: %q, ca: lab.pem%s}\n", o.Alias(), o.URL(), p.lab.Local().UDP(), p.origins)
	}
	identity := fmt.Sprintf("{contains: [%q]}", lab.Marker)
	if p.identity != "" {
		identity = strings.ReplaceAll(p.identity, "KEY", p.lab.CanaryKey().String())
	}
	b.WriteString("    fronts: [read.gazette.example]\n    identity: " + identity + "\n")
	site := "    health: {interval: 1s, timeout: 1s}\n"
	if p.site != "" {
		site = p.site
	}
	b.WriteString(site)
	return b.String()
}

// end closes what was opened.
func (p *play) end() {
	if p.reader != nil {
		p.reader.CloseIdleConnections()
	}
	if p.edge != nil {
		p.Shutdown()
	}
	if p.lab != nil {
		if err := p.lab.Close(); err != nil {
			p.Errorf("closing the lab: %v", err)
		}
	}
	if len(p.problems) > 0 {
		p.problems = append(p.problems, "the log:\n"+p.log.String())
	}
}

// run plays the world: store, break, wait for the class, read, and look what was kept.
func (p *play) run() {
	p.until("the primary is well", func() bool { return p.view("primary").Verdict == health.Healthy })
	for _, state := range []int{stale, fresh} {
		a := p.get(p.path(state), nil)
		p.expectPage(a, state, "P")
	}
	time.Sleep(1100 * time.Millisecond) // a max-age of one second has passed
	if p.setUp != nil {
		p.setUp(p)
	}
	p.breakAll()
	p.atOnce()
	p.found()
	for state := range copies {
		if p.expects[state].from != "" {
			p.expect(state)
		}
	}
	if p.then != nil {
		p.then(p)
	}
	p.keeps()
}

// breakAll breaks the origins.
func (p *play) breakAll() {
	for i, fault := range p.breaks {
		if fault != lab.NoFault {
			require.NoError(p, p.lab.Origins()[i].Break(fault))
		}
	}
}

// atOnce asks before any probe can have noticed: whatever a reader gets then, it is never
// somebody else's page.
func (p *play) atOnce() {
	for _, path := range []string{"/culture?max-age=0", p.path(fresh)} {
		a := p.get(path, nil)
		p.expectOwn(a, path)
		if p.never != "" && p.served(a) == p.never {
			p.Errorf("%s: %s answered in the moment of the break: %v", path, p.never, a.Header)
		}
	}
}

// found waits for the class, and the verdict, of the subject.
func (p *play) found() {
	subject := p.subject
	if subject == "" {
		subject = "primary"
	}
	seen := func() bool {
		v := p.view(subject)
		if p.class == health.OK {
			return v.Class == health.OK && v.Notice.Class == "" && v.LastProbe.After(time.Now().Add(-3*time.Second))
		}
		return (v.Class == p.class || v.Notice.Class == p.class) && (p.verdict == "" || v.Verdict == p.verdict)
	}
	p.until(fmt.Sprintf("%s is found %s and %s", subject, p.class, p.verdict), seen)
}

// until waits for a condition.
func (p *play) until(what string, holds func() bool) {
	for end := time.Now().Add(100 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if holds() {
			return
		}
	}
	p.Errorf("it never came to this: %s; the primary is %+v", what, p.view("primary"))
	p.FailNow()
}

// view is what the tracker has of an origin.
func (p *play) view(alias string) health.View {
	return p.tracker.View(health.ID{Site: lab.Site, Origin: alias})
}

// fingerprints is a list in OONI's form that knows the lab's block page.
const fingerprints = "name,scope,other_names,location_found,pattern_type,pattern,confidence_no_fp,expected_countries,source,exp_url,notes\n" +
	"vbw.test.notice,vbw,,body,contains,This address is not available on our network,10,,,,\n"

// answer is what a reader got.
type answer struct {
	*http.Response
	body string
	err  error // of the body
}

// get asks the edge as a browser would.
func (p *play) get(path string, header http.Header) answer {
	return p.send(http.MethodGet, path, header, nil)
}

func (p *play) send(method, path string, header http.Header, body io.Reader) answer {
	r, err := http.NewRequest(method, "http://"+p.Addr("http").String()+path, body)
	require.NoError(p, err)
	r.Host = "read.gazette.example"
	r.Header = http.Header{"User-Agent": {"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}, "Accept": {"text/html,*/*;q=0.8"}}
	for name, values := range header {
		r.Header[name] = values
	}
	if host := header.Get("Host"); host != "" {
		r.Host = host
	}
	r.Header.Del("Host")
	response, err := p.reader.Do(r)
	require.NoError(p, err, path)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{response, string(text), err}
}

// foreign are words that stand on what a fault puts in the publication's place.
var foreign = []string{
	"<title>Access restricted", "<title>This domain has been seized", "may be for sale</title>", "<title>Just a moment", "<title>Welcome to nginx", "<title>Line notice 7",
}

// expectOwn holds that an answer is the publication's or the edge's own.
func (p *play) expectOwn(a answer, what string) {
	for _, word := range foreign {
		if strings.Contains(a.body, word) {
			p.Errorf("%s: the reader was shown a page with %q", what, word)
		}
	}
	if a.err != nil {
		p.Errorf("%s: the answer broke off after %d bytes: %v", what, len(a.body), a.err)
	}
	if location := a.Header.Get("Location"); strings.Contains(location, "provider.example") {
		p.Errorf("%s: the reader was sent to %s", what, location)
	}
	isHTML := strings.HasPrefix(a.Header.Get("Content-Type"), "text/html")
	if a.StatusCode == http.StatusOK && isHTML && !strings.Contains(a.body, lab.Marker) {
		p.Errorf("%s: the reader was shown a page that is not the publication's: %.200s", what, a.body)
	}
	if a.StatusCode == http.StatusOK && isHTML && !strings.Contains(a.body, "</html>") {
		p.Errorf("%s: the reader was shown a part of a page: %d bytes", what, len(a.body))
	}
}

// served is who an answer is from.
func (p *play) served(a answer) string {
	status := a.Header.Get("Cache-Status")
	age, err := strconv.Atoi(a.Header.Get("Age"))
	switch {
	case a.StatusCode/100 == 3:
		return "redirect"
	case a.Header.Get("X-Served-By") == "":
		return "edge"
	case strings.Contains(status, "hit"), err == nil && age > 0 && !strings.Contains(status, "fwd-status=200") && !strings.Contains(status, "fwd-status=304"):
		return "stored"
	}
	names := []string{"P", "A1", "A2"}
	at := slices.IndexFunc(p.lab.Origins(), func(o *lab.Origin) bool { return o.Name() == a.Header.Get("X-Served-By") })
	if at < 0 {
		return a.Header.Get("X-Served-By")
	}
	return names[at]
}

// expectPage holds that an answer is a whole page of the publication from that origin.
func (p *play) expectPage(a answer, state int, from string) {
	what := fmt.Sprintf("%s (%s)", p.path(state), copies[state])
	require.NoError(p, a.err, what)
	require.Equal(p, http.StatusOK, a.StatusCode, "%s: %s %v", what, a.body, a.Header)
	if strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		require.Contains(p, a.body, lab.Marker, what)
		require.Contains(p, a.body, "</html>", what)
	}
	require.Contains(p, strings.Split(from, ", "), p.served(a), "%s: %v", what, a.Header)
}

// expect asks for a path and holds what the reader gets.
func (p *play) expect(state int) {
	a := p.get(p.path(state), http.Header{"Host": {p.host}})
	p.expectOwn(a, p.path(state))
	switch want := p.expects[state].from; want {
	case "edge":
		require.Equal(p, "edge", p.served(a), "%s: %v", p.path(state), a.Header)
		require.GreaterOrEqual(p, a.StatusCode, 500, p.path(state))
	case "421":
		require.Equal(p, http.StatusMisdirectedRequest, a.StatusCode, "%s: %v", p.path(state), a.Header)
	case "redirect":
		require.Equal(p, "redirect", p.served(a), "%s: %v", p.path(state), a.Header)
	default:
		p.expectPage(a, state, want)
	}
}

// keeps holds what is stored, by closing every origin and asking again.
func (p *play) keeps() {
	for _, o := range p.lab.Origins() {
		require.NoError(p, o.Break(lab.Down))
	}
	for state := range copies {
		want := p.expects[state].kept
		if want == "" {
			continue
		}
		a := p.get(p.path(state), http.Header{"Host": {p.host}})
		p.expectOwn(a, p.path(state))
		if want == "nothing" {
			require.Equal(p, "edge", p.served(a), "%s was stored: %v", p.path(state), a.Header)
			continue
		}
		require.Equal(p, http.StatusOK, a.StatusCode, "%s is stored no more: %s %v", p.path(state), a.body, a.Header)
		require.NotEmpty(p, a.Header.Get("X-Served-By"), p.path(state))
	}
}

// TestMatrix plays every row of the scenario matrix with a fresh copy, a stale copy and no copy.
//
// Worlds run on real sockets, with probes that have a second. One in which the machine had no
// time for them says nothing: what fails beside fifteen others is played again beside none.
func TestMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	rows := chosen(matrix())
	var all []staged
	for i := range slices.Backward(rows) { // those at the end take longest
		for j := range rows[i].worlds {
			all = append(all, staged{row: i, world: j})
		}
	}
	playAll(t, rows, all, atOnce)
	var again []staged
	for _, s := range all {
		if len(s.problems) > 0 {
			t.Logf("row %d, world %d is played again by itself: %s", rows[s.row].number, s.world+1, s.problems[0])
			again = append(again, staged{row: s.row, world: s.world})
		}
	}
	playAll(t, rows, again, 1)
	problems := make([][]string, len(rows))
	for _, s := range again {
		for _, problem := range s.problems {
			problems[s.row] = append(problems[s.row], fmt.Sprintf("world %d: %s", s.world+1, problem))
		}
	}
	reportMatrix(t, rows, problems)
}

// staged is one world of one row, and what went wrong in it.
type staged struct {
	row, world int
	problems   []string
}

// playAll plays worlds, so many at once, and fills in their problems.
func playAll(t *testing.T, rows []row, all []staged, width int) {
	tasks := make(chan int)
	var workers sync.WaitGroup
	for range width {
		workers.Go(func() {
			for i := range tasks {
				directory, err := os.MkdirTemp(t.TempDir(), "world")
				if err != nil {
					all[i].problems = []string{err.Error()}
					continue
				}
				all[i].problems = rows[all[i].row].worlds[all[i].world].perform(directory)
			}
		})
	}
	for i := range all {
		tasks <- i
	}
	close(tasks)
	workers.Wait()
}

// patientRows are those that wait for half a minute or more: for readers to return, for a block
// to be over. make matrix plays them, too.
var patientRows = []int{39, 40}

// chosen are the rows that the command line asks for.
func chosen(rows []row) []row {
	wanted := strings.Split(*matrixRows, ",")
	return slices.DeleteFunc(rows, func(r row) bool {
		if *matrixRows != "" {
			return !slices.Contains(wanted, strconv.Itoa(r.number))
		}
		return *matrixOut == "" && slices.Contains(patientRows, r.number)
	})
}

// reportMatrix renders the table, compares it with the document, and tells what did not hold.
func reportMatrix(t *testing.T, rows []row, problems [][]string) {
	held := 0
	for i, r := range rows {
		if len(problems[i]) == 0 {
			held += 3
			continue
		}
		t.Errorf("row %d (%s) does not hold:\n%s", r.number, r.scene, strings.Join(problems[i], "\n"))
	}
	table := matrixTable(matrix())
	last := fmt.Sprintf("matrix: %d/%d\n", held, 3*len(rows))
	if *matrixOut != "" {
		require.NoError(t, os.WriteFile(*matrixOut, []byte(table+"\n"+last), 0o600))
	}
	document := filepath.Join(checkout, "health", "MATRIX.md")
	if *updateMatrix {
		require.NoError(t, os.WriteFile(document, []byte(matrixDocument(table)), 0o600))
	}
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	require.Equal(t, matrixDocument(table), string(text), "the promise is not what is tested: go test ./cmd/heliograph -run TestMatrix -update-matrix")
	t.Log(last)
}

// matrixTable renders the rows, aligned.
func matrixTable(rows []row) string {
	lines := [][]string{{"#", "what happens", "class", "fresh copy", "stale copy", "no copy", "stored afterwards"}}
	for _, r := range rows {
		for i, w := range r.worlds {
			number, scene := "", ""
			if i == 0 {
				number, scene = fmt.Sprint(r.number), r.scene
			}
			kept := fmt.Sprintf("%s, %s, %s", w.expects[0].kept, w.expects[1].kept, w.expects[2].kept)
			lines = append(lines, []string{number, scene, string(w.class), w.expects[0].from, w.expects[1].from, w.expects[2].from, kept})
		}
	}
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for i, line := range lines {
		for j, cell := range line {
			fmt.Fprintf(&b, "| %s%s ", cell, strings.Repeat(" ", widths[j]-len([]rune(cell))))
		}
		b.WriteString("|\n")
		if i == 0 {
			for _, width := range widths {
				b.WriteString("|" + strings.Repeat("-", width+2))
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}

// matrixDocument is health/MATRIX.md.
func matrixDocument(table string) string {
	return "# What readers get, whatever happens to the origins\n\n" +
		"Each line is a world that a test builds and breaks (`make matrix`): a primary P and two alternates, A1 and A2, an edge in front of them, and a\n" +
		"reader who asks for a page of which the edge has a fresh copy, a stale one, or none. The class is what probes find of the origin that the\n" +
		"scene is about ([CLASSES.md](CLASSES.md)); then who answers: an origin, the store (`stored`), or the edge with a page of its own (`edge`). The last column\n" +
		"is what the store has of the three pages afterwards, with every origin closed. In every world a reader also asks in the very moment of the\n" +
		"break, before any probe: a foreign page is never shown.\n\n" + table
}
