package origin

import (
	"slices"
	"time"

	"github.com/heliograph-edge/heliograph/health"
)

// Candidate is an origin as a request would meet it now.
type Candidate struct {
	View   health.View
	Asked  bool   // when those before it have failed
	Active bool   // readers are sent there
	Why    string // it is not asked, or only after the others; empty for what is plain
}

// Candidates lists the site's origins in the order in which a request for the page with the
// given target would ask them now, and then those that it would not ask. Nobody is moved by that.
func (p *Pool) Candidates(target string) []Candidate {
	now := p.now()
	p.mu.Lock()
	route := p.route
	p.mu.Unlock()
	views := p.Views()
	choice := Choose(now, views, route, 0)
	choice.Order = p.lackingPage(now, target, choice.Order, views)
	all := candidates(now, views, choice, p.resting(now))
	for i := range all {
		c := &all[i]
		place := slices.IndexFunc(views, func(v health.View) bool { return v.ID == c.View.ID })
		c.Active = place == route.Active // where readers are, which this request would change first if need be
		if c.Why == "" && len(all) > 1 && p.site.Origins[place].absent.has(target, now) {
			c.Why = "after the others: it lacked this page a moment ago"
		}
	}
	return all
}

// candidates is Candidates as a choice has it.
func candidates(now time.Time, views []health.View, choice Choice, resting func(int) bool) []Candidate {
	all := make([]Candidate, 0, len(views))
	order := behind(choice.Order, views, resting)
	for _, i := range order {
		c := Candidate{View: views[i], Asked: true, Active: i == choice.Route.Active}
		if len(order) > 1 {
			c.Why = whyLater(views[i], resting(i))
		}
		all = append(all, c)
	}
	for i, v := range views {
		if !slices.Contains(order, i) {
			all = append(all, Candidate{View: v, Active: i == choice.Route.Active, Why: whyNot(now, v)})
		}
	}
	return all
}

// whyLater says why an origin is asked only after others, if so.
func whyLater(v health.View, resting bool) string {
	switch {
	case !v.Verdict.Usable():
		return "only as a last resort"
	case resting:
		return "after the others: it asked to be left alone"
	case v.LiveFailures >= avoidAfter:
		return "after the others: readers' requests to it failed"
	}
	return ""
}

// whyNot says why an origin is not asked.
func whyNot(now time.Time, v health.View) string {
	switch {
	case v.Verdict == health.Hijacked:
		return "never asked: what answers there is not the publication"
	case v.Verdict == health.Drained:
		return "not asked: an operator has drained it"
	case leftAlone(now, v):
		return "not asked before " + v.LeftAloneUntil.UTC().Format(time.RFC3339) + ": that would prolong what is wrong there"
	}
	return "not asked now"
}
