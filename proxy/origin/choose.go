package origin

import (
	"slices"
	"time"

	"github.com/heliograph-edge/heliograph/health"
)

const (
	// failBackHold is how long an origin must have been healthy before readers
	// return to it. Each return doubles it, until nobody was moved for switchWindow.
	failBackHold = 60 * time.Second
	// maxHold bounds the doubling.
	maxHold = 10 * time.Minute
	// switchWindow and maxSwitches bound how often readers are moved from one
	// origin to another, whatever the origins do.
	switchWindow = 10 * time.Minute
	maxSwitches  = 10
	// avoidAfter is how many live requests in a row may fail before an origin is
	// asked after the others, without waiting for a verdict.
	avoidAfter = 3
)

// rampSteps is the share of requests that goes to an origin after readers
// returned to it, by the time since.
var rampSteps = []struct {
	until time.Duration
	share float64
}{{10 * time.Second, 0.25}, {20 * time.Second, 0.5}}

// Route is where a site's readers are sent, and how that came about. The zero
// value has sent nobody anywhere.
type Route struct {
	Active   int         // index of the origin
	Previous int         // the one before it, which keeps its share while the ramp lasts
	Since    time.Time   // when Active became so; zero at first
	Returned bool        // Active was returned to, rather than fled to: ramp
	Switches []time.Time // within switchWindow, oldest first
	Returns  int         // how many returned since Switches was last empty
}

// Choice is an order of origins to ask, and the route that led to it.
type Choice struct {
	Order []int // indices; the first is asked first
	Route Route
	Moved bool   // the route's active origin changed
	Why   string // it changed
}

// Choose decides which origins are asked for a request, and in which order. views
// are the origins in the order of the configuration. roll is in [0,1) and places
// the request on the ramp.
//
// Readers leave an origin as soon as its verdict says that it is of no use, rather for
// one that does not share its fate where that is what it fell by, and
// return to an earlier one only after it has been healthy for a while; see returnable. When that
// has happened too often lately, the route stays as it is: requests are still
// answered by whatever origin can, but nobody is moved.
func Choose(now time.Time, views []health.View, route Route, roll float64) Choice {
	choice := Choice{Route: route}
	choice.Route.forget(now)
	active := choice.Route.Active
	preferred := refuge(views, active)
	switch {
	case preferred < 0: // nothing to choose from: the route waits
	case route.Since.IsZero() && preferred == 0:
		choice.Route.Since = now
	case route.Since.IsZero():
		choice.move(now, preferred, false, "the primary is "+string(views[0].Verdict))
	case !views[active].Verdict.Usable():
		choice.move(now, preferred, false, views[active].ID.Origin+" is "+string(views[active].Verdict))
	default:
		back := slices.IndexFunc(views[:active], func(v health.View) bool { return returnable(now, v, views, choice.Route) })
		if back >= 0 {
			choice.move(now, back, true, views[back].ID.Origin+" is healthy again")
		}
	}
	choice.Order = order(now, views, choice.Route, roll)
	return choice
}

// move makes another origin the active one, unless that happened too often lately.
func (c *Choice) move(now time.Time, to int, returning bool, why string) {
	if len(c.Route.Switches) >= maxSwitches {
		return
	}
	c.Route.Previous, c.Route.Active = c.Route.Active, to
	c.Route.Since, c.Route.Returned = now, returning
	c.Route.Switches = append(slices.Clone(c.Route.Switches), now)
	if returning {
		c.Route.Returns++
	}
	c.Moved, c.Why = true, why
}

// forget drops the switches that are too long ago to count.
func (r *Route) forget(now time.Time) {
	keep := slices.IndexFunc(r.Switches, func(t time.Time) bool { return now.Sub(t) < switchWindow })
	if keep < 0 {
		keep = len(r.Switches)
	}
	r.Switches = r.Switches[keep:]
	if len(r.Switches) == 0 {
		r.Returns = 0
	}
}

// returnable reports whether readers may return to an origin: it has been healthy
// long enough, and no live request to it failed since. One that was healthy when they went
// where they are was passed over, so they give it the same time from then on, and stay away for as
// long as its fate is that of the origin that they fled.
func returnable(now time.Time, v health.View, views []health.View, route Route) bool {
	hold := min(failBackHold<<min(route.Returns, 4), maxHold)
	if v.Verdict != health.Healthy || v.LiveFailures > 0 || now.Sub(v.Since) < hold {
		return false
	}
	return v.Since.After(route.Since) || now.Sub(route.Since) >= hold && !doomed(v, views, route)
}

// doomed reports whether an origin shares the fate of the one that readers have left,
// and that one still lies where a failure of its address has put it.
func doomed(v health.View, views []health.View, route Route) bool {
	if route.Previous >= len(views) {
		return false
	}
	fled := views[route.Previous]
	_, shares := health.SharesFate(fled, v)
	return shares && !fled.Verdict.Usable() && fled.Class.OfAddress()
}

// leftAlone reports whether a request would do harm to an origin that is of no use: it has
// asked for rest, or is behind a block that each attempt prolongs.
func leftAlone(now time.Time, v health.View) bool {
	return !v.Verdict.Usable() && now.Before(v.LeftAloneUntil)
}

// standing is how readily an origin is asked; less is sooner. Verdicts come first, and what
// readers have met lately next.
func standing(v health.View, resting bool) int {
	switch {
	case v.Verdict == health.Probation:
		return 3
	case v.Verdict == health.Down: // may be back any moment; a block lasts, and may show another's page
		return 4
	case !v.Verdict.Usable():
		return 5
	case resting:
		return 2
	case v.LiveFailures >= avoidAfter:
		return 1
	}
	return 0
}

// order lists the origins as one request asks them: the active one, then the other
// usable ones, then, as a last resort, those that are blocked or down. What is drained
// is asked only where it is the site's only origin; what is hijacked never, for its pages
// may look like the publication's. What is to be left alone is omitted, but not a site's only
// origin: for whom nothing is stored, there is nobody else.
func order(now time.Time, views []health.View, route Route, roll float64) []int {
	first := route.Active
	if route.Returned && roll >= rampShare(now.Sub(route.Since)) && route.Previous < len(views) {
		first = route.Previous
	}
	order := make([]int, 0, len(views))
	for i, v := range views {
		if v.Verdict != health.Hijacked && (len(views) == 1 || v.Verdict != health.Drained && !leftAlone(now, v)) {
			order = append(order, i)
		}
	}
	rank := func(i int) int {
		if at := standing(views[i], false); at > 0 || i != first {
			return at + 1
		}
		return 0
	}
	slices.SortStableFunc(order, func(a, b int) int { return rank(a) - rank(b) })
	return order
}

// rampShare is the part of the requests that goes to an origin so long after
// readers returned to it.
func rampShare(since time.Duration) float64 {
	for _, step := range rampSteps {
		if since < step.until {
			return step.share
		}
	}
	return 1
}
