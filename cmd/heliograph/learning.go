package main

import (
	"slices"
	"sync"

	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health/gate"
	"github.com/heliograph-edge/heliograph/health/probe"
)

// aloneFor is how many good looks at an origin whose page nobody confirms make its site
// known by that page: at the usual pace two minutes. An edge that starts during a block must
// not take the first notice it sees for the publication.
const aloneFor = 12

// learner takes in the pages of good looks at one site's origins. It is safe for
// concurrent use.
//
// Where a marker or a canary proves the pages, or they are like those known, they are
// learnt as they come. Of a site that nothing proves the first pages are believed when
// two origins agree on them, or when there is only one page to be seen for long enough. Where
// origins disagree nothing is believed, and the operator is told.
type learner struct {
	site   *configs.Site
	learnt *baselines
	warn   func(message string, args ...any)

	mu     sync.Mutex                // guards all that follows
	first  map[string]*gate.Baseline // what each origin's first pages look like, while the site is not known
	looks  map[string]int
	warned bool
}

// newLearner learns for a site.
func newLearner(site *configs.Site, learnt *baselines, warn func(string, ...any)) *learner {
	return &learner{site: site, learnt: learnt, warn: warn, first: map[string]*gate.Baseline{}, looks: map[string]int{}}
}

// take takes in the page of a good look at an origin.
func (l *learner) take(origin string, r probe.Result, known gate.Known) {
	found := r.Judged
	if found.Kind == gate.Unknown && !proves(l.site) && l.believes(origin, r, known) {
		found.Kind = gate.Genuine
	}
	l.learnt.learn(l.site.Name, r.Page, known, found, r.At)
}

// believes decides on a page of a site of which nothing is known yet.
func (l *learner) believes(origin string, r probe.Result, known gate.Known) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.learnt.get(l.site.Name) != nil {
		return false // known meanwhile: compared from the next look on
	}
	believed := gate.Finding{Kind: gate.Genuine}
	own, taken := l.first[origin].Learn(r.Page, known, believed, r.At)
	if own == nil || own.Pages == 0 {
		return false // no page that could teach anything
	}
	if taken {
		l.first[origin] = own
	}
	l.looks[origin]++
	agreed, differs := l.compare(origin, r, known)
	switch {
	case agreed:
		return true
	case differs && !l.warned:
		l.warned = true
		l.warn("the origins show different pages and nothing says which is the publication's: set identity.contains or a canary",
			"site", l.site.Name)
	}
	return !differs && l.looks[origin] >= aloneFor
}

// compare holds a page against the first pages of the other origins.
func (l *learner) compare(origin string, r probe.Result, known gate.Known) (agreed, differs bool) {
	for other, looks := range l.first {
		if other == origin {
			continue
		}
		known.Baseline = looks
		if gate.Likeness(r.Page, known).Like() {
			return true, false
		}
		differs = true
	}
	return false, differs
}

// forget lets the first pages be seen anew.
func (l *learner) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.first)
	clear(l.looks)
	l.warned = false
}

// known returns what is known of the site, as of the moment it is asked.
func (l *learner) known(hosts []string) func() gate.Known {
	hosts = slices.Clone(hosts)
	return func() gate.Known {
		return gate.Known{
			Hosts: hosts, Markers: l.site.Identity.Contains, Baseline: l.learnt.get(l.site.Name),
			Proven: !l.site.Identity.Canary.Key.IsZero(),
		}
	}
}
