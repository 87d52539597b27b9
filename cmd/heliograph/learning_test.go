package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health/gate"
	"github.com/heliograph-edge/heliograph/health/probe"
)

// school is a learner with what it learns into, and what it told the operator.
type school struct {
	*learner
	learnt *baselines
	told   []string
	now    time.Time
}

func newSchool(t *testing.T) *school {
	t.Helper()
	learnt, err := newBaselines(filepath.Join(t.TempDir(), "baselines.json"))
	require.NoError(t, err)
	s := &school{learnt: learnt, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s.learner = newLearner(&configs.Site{Name: "gazette"}, learnt, func(message string, _ ...any) { s.told = append(s.told, message) })
	return s
}

// sees takes a good look at an origin's page in.
func (s *school) sees(origin, page string) {
	s.now = s.now.Add(10 * time.Second)
	known := s.known(nil)()
	answer := gate.Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/html"}}, Path: "/", Body: []byte(page), Whole: true}
	r := probe.Result{Page: answer, Judged: gate.New().Judge(answer, known)}
	r.At = s.now
	s.take(origin, r, known)
}

// knows reports whether the site's pages are known, and a page is like them.
func (s *school) knows(page string) bool {
	answer := gate.Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/html"}}, Path: "/", Body: []byte(page), Whole: true}
	return s.learnt.get("gazette") != nil && gate.Likeness(answer, s.known(nil)()).Like()
}

// front is a page of the publication, and stranger one of somebody else.
func front() string {
	var b strings.Builder
	b.WriteString("<!doctype html><html><head><title>Harbour Gazette morning edition</title></head><body><header><nav><ul>")
	for i := range 12 {
		fmt.Fprintf(&b, `<li class="section"><a href="/section-%d">Section %d</a></li>`, i, i)
	}
	b.WriteString("</ul></nav></header><main>")
	for i := range 20 {
		fmt.Fprintf(&b, `<article class="teaser"><h2><a href="/story-%d">Boats and tides %d</a></h2><p>What happened at the pier.</p></article>`, i, i)
	}
	return b.String() + "</main></body></html>"
}

func stranger() string {
	return "<!doctype html><html><head><title>Resource withheld today</title></head><body><table><tr><td><b>" +
		strings.Repeat("<i>Nothing here</i><br>", 30) + "</b></td></tr></table></body></html>"
}

func TestTwoOriginsThatAgreeMakeASiteKnown(t *testing.T) {
	s := newSchool(t)
	s.sees("primary", front())
	require.Nil(t, s.learnt.get("gazette"), "one page proves nothing")
	s.sees("mirror", front())
	require.True(t, s.knows(front()))
	require.False(t, s.knows(stranger()))
}

func TestANoticeThatIsSeenFirstIsNotThePublication(t *testing.T) {
	s := newSchool(t)
	for range 2 * aloneFor {
		s.sees("primary", stranger())
		s.sees("mirror", front())
	}
	require.Nil(t, s.learnt.get("gazette"), "nothing says which of the two it is")
	require.Len(t, s.told, 1)
	require.Contains(t, s.told[0], "identity.contains")
	s.sees("third", front())
	require.True(t, s.knows(front()))
}

func TestAnOnlyPageIsBelievedAfterAWhile(t *testing.T) {
	s := newSchool(t)
	for range aloneFor - 1 {
		s.sees("primary", front())
	}
	require.Nil(t, s.learnt.get("gazette"))
	s.sees("primary", front())
	require.True(t, s.knows(front()))
	s.learnt.forget("gazette")
	s.forget()
	s.sees("primary", stranger())
	require.Nil(t, s.learnt.get("gazette"), "after the operator's word it begins anew")
}
