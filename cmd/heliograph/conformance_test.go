package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// conformanceTable is where TestConformance writes its table; empty for nowhere.
var conformanceTable = flag.String("conformance", "", "write the table of rules kept to this `FILE`")

// freedom says of a rule how much the RFC binds a cache to it.
type freedom bool

const (
	must freedom = false // MUST or SHOULD of the section
	may  freedom = true  // left to the cache: what is asserted is what this one chose
)

// rule is one sentence of a specification, played over real sockets.
type rule struct {
	section string
	name    string
	freedom freedom
	play    []turn
}

// settled is how long the cache may take for what it does behind a reader's back. It bounds a failure.
const settled = 20 * time.Second

// TestConformance plays every rule against one edge with one origin, as cmd assembles it.
func TestConformance(t *testing.T) {
	score := conform(t, "200 OK", "healthy", "")
	if *conformanceTable != "" && score != nil {
		require.NoError(t, os.WriteFile(*conformanceTable, []byte(score.String()), 0o600))
	}
}

// TestConformanceWhereTheFrontPageFails plays them with an origin whose front page, which
// probes look at, is a failure: a site's only origin is asked whatever its verdict.
func TestConformanceWhereTheFrontPageFails(t *testing.T) {
	for _, front := range []string{"404 Not Found", "500 Internal Server Error"} {
		t.Run(front, func(t *testing.T) { conform(t, front, "down", "    health: {fall: 1, interval: 1s}\n") })
	}
}

// conform plays every rule, beside a front page with the given status line that earns the
// origin the verdict. The score is nil where not all were played.
func conform(t *testing.T, front, verdict, health string) *score {
	origin := newScripted(t, front)
	s := startStation(t, t.TempDir(), "  - origins: [\"http://"+origin.Addr().String()+"\"]\n    cookies: true\n"+health)
	t.Cleanup(s.Shutdown)
	s.verdictOf(t, s.current.sites[0].Pool.Views()[0].ID.Origin, verdict)
	score := &score{}
	rules := slices.Concat(
		storingRules(), sharingRules(), freshnessRules(), ageRules(), requestRules(), staleRules(),
		validationRules(), unaskedRules(), conditionRules(), headRules(), invalidationRules(), varyRules(), fieldRules(), rangeRules(), partialRules(), interimRules(),
		targetedRules(), groupRules(), searchRules(), codingRules(), statusRules(),
	)
	t.Run("rules", func(t *testing.T) {
		for i, r := range rules {
			t.Run(r.section+" "+r.name, func(t *testing.T) {
				t.Parallel()
				path := "/rule-" + strconv.Itoa(i)
				err := r.run(s.Addr("http").String(), path, origin.script(path))
				if crossed(err) {
					path = "/rule-" + strconv.Itoa(i+len(rules))
					err = r.run(s.Addr("http").String(), path, origin.script(path))
				}
				score.add(r, err)
				require.NoError(t, err)
			})
		}
	})
	if t.Failed() {
		t.Logf("what the edge says of its origin:\n%s", withoutRequests(s.log.String()))
	}
	requireDistinct(t, rules)
	if !score.complete(len(rules)) {
		return nil
	}
	return score
}

// withoutRequests is a log without the lines of single requests.
func withoutRequests(log string) string {
	var rest strings.Builder
	for line := range strings.Lines(log) {
		if !strings.Contains(line, `"msg":"request"`) {
			rest.WriteString(line)
		}
	}
	return rest.String()
}

// crossed reports whether a request was lost on a connection that the origin had closed for another
// rule's sake: it never came there, and a lone origin is sent nothing twice.
func crossed(err error) bool {
	return err != nil && strings.Contains(err.Error(), "→ 502 [heliograph; fwd=") && strings.Contains(err.Error(), "asked 0 times")
}

// requireDistinct checks that no two rules have the same name: a table that says a thing twice counts it twice.
func requireDistinct(t *testing.T, rules []rule) {
	t.Helper()
	names := make(map[string]bool)
	for _, r := range rules {
		name := r.section + " " + r.name
		require.False(t, names[name], "%s stands there twice", name)
		require.NotEmpty(t, r.play, name)
		names[name] = true
	}
}

// run plays the rule's turns.
func (r *rule) run(address, path string, origin *script) error {
	defer origin.release()
	for i, s := range r.play {
		time.Sleep(s.pause)
		if s.releases {
			origin.release()
		}
		answers, err := s.perform(address, path, origin)
		if err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
		for _, g := range answers {
			for _, check := range s.checks {
				if err := check(g); err != nil {
					return fmt.Errorf("step %d, %s %s → %d [%s]: %w",
						i+1, s.method, strings.Join(s.lines, "; "), g.StatusCode, g.Header.Get("Cache-Status"), err)
				}
			}
		}
	}
	return nil
}

// perform makes the step's request, over and over where it waits for something, and returns
// the answer of each reader.
func (s turn) perform(address, path string, origin *script) ([]*got, error) {
	for deadline := time.Now().Add(settled); ; time.Sleep(5 * time.Millisecond) {
		origin.gives(s.reply)
		before := origin.log()
		answers, err := s.askAll(address, path)
		if err != nil {
			return nil, err
		}
		asked := origin.log()[len(before):]
		for _, g := range answers {
			g.script, g.before, g.asked = origin, before, asked
		}
		if s.until == "" || answers[0].body == s.until || time.Now().After(deadline) {
			return answers, nil
		}
	}
}

// askAll makes the request of each of the step's readers at once.
func (s turn) askAll(address, path string) ([]*got, error) {
	answers := make([]*got, max(1, s.readers))
	errs := make([]error, len(answers))
	var readers sync.WaitGroup
	for i := range answers {
		readers.Go(func() { answers[i], errs[i] = s.ask(address, path) })
	}
	readers.Wait()
	return answers, errors.Join(errs...)
}

// score counts the rules kept.
type score struct {
	mu      sync.Mutex // guards what follows
	results []result
}

// result is a rule and what was found.
type result struct {
	rule
	err error
}

// add counts a rule.
func (s *score) add(r rule, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results = append(s.results, result{r, err})
}

// complete reports whether all rules were played.
func (s *score) complete(all int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.results) == all
}

// numbers are what section names are put in order by.
var numbers = regexp.MustCompile(`\d+`)

// ordinal makes a section's name comparable: §3.10 comes after §3.9.
func ordinal(section string) string {
	return numbers.ReplaceAllStringFunc(section, func(n string) string { return strings.Repeat("0", max(0, 5-len(n))) + n })
}

// String is the table: a line for each section, and the rules that are not kept.
func (s *score) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := make(map[string]*[4]int) // required kept, required, optional kept, optional
	var sections, broken []string
	var sum [4]int
	for _, r := range s.results {
		c, ok := counts[r.section]
		if !ok {
			c = new([4]int)
			counts[r.section] = c
			sections = append(sections, r.section)
		}
		column := 0
		if r.freedom == may {
			column = 2
		}
		c[column+1]++
		sum[column+1]++
		if r.err == nil {
			c[column]++
			sum[column]++
			continue
		}
		broken = append(broken, fmt.Sprintf("%s %s\n    %v\n", r.section, r.name, r.err))
	}
	slices.SortFunc(sections, func(a, b string) int { return strings.Compare(ordinal(a), ordinal(b)) })
	slices.Sort(broken)
	var table strings.Builder
	line := func(name string, c *[4]int) {
		fmt.Fprintf(&table, "%-22s %4d of %4d   %4d of %4d\n", name, c[0], c[1], c[2], c[3])
	}
	fmt.Fprintf(&table, "%-22s %12s   %12s\n", "section", "required", "optional")
	for _, name := range sections {
		line(name, counts[name])
	}
	line("all", &sum)
	if len(broken) > 0 {
		table.WriteString("\nnot kept:\n" + strings.Join(broken, ""))
	}
	return table.String()
}
