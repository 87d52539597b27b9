package origin

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// routeFresh is how old a saved route may be to be gone on with. Verdicts, which
// it rests on, are worth no more after that time.
const routeFresh = time.Hour

// SavedRoute is a site's [Route] as it outlives the process. It names origins,
// because their places in the configuration may be others when it is read.
type SavedRoute struct {
	Site     string      `json:"site"`
	At       time.Time   `json:"at"` // when it was still so
	Active   string      `json:"active"`
	Previous string      `json:"previous"`
	Since    time.Time   `json:"since"`
	Returned bool        `json:"returned"`
	Switches []time.Time `json:"switches"`
	Returns  int         `json:"returns"`
}

// Check says what no route can be like.
func (s SavedRoute) Check() error {
	switch {
	case s.Site == "" || s.Active == "" || s.Previous == "":
		return errors.New("the site or an origin has no name")
	case s.At.IsZero() || s.Since.IsZero():
		return errors.New("at or since is missing")
	case len(s.Switches) > maxSwitches:
		return fmt.Errorf("%d switches are more than ever happen", len(s.Switches))
	case !slices.IsSortedFunc(s.Switches, time.Time.Compare):
		return errors.New("the switches are not in their order")
	case s.Returns < 0:
		return fmt.Errorf("%d returns are less than none", s.Returns)
	}
	return nil
}

// Route is where the site's readers are sent now; false before the first of them.
func (p *Pool) Route(now time.Time) (SavedRoute, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.route.Since.IsZero() {
		return SavedRoute{}, false
	}
	return SavedRoute{
		Site: p.site.Name, At: now,
		Active: p.site.Origins[p.route.Active].ID.Origin, Previous: p.site.Origins[p.route.Previous].ID.Origin,
		Since: p.route.Since, Returned: p.route.Returned,
		Switches: slices.Clone(p.route.Switches), Returns: p.route.Returns,
	}, true
}

// Resume goes on with a route of an earlier process, which has passed Check. The
// error says why it is of no use any more; the pool then starts anew. Call it
// before the first Fetch.
func (p *Pool) Resume(saved SavedRoute, now time.Time) error {
	if now.Sub(saved.At).Abs() > routeFresh {
		return fmt.Errorf("it was saved at %s, more than %s from now", saved.At.Format(time.RFC3339), routeFresh)
	}
	active, previous := p.place(saved.Active), p.place(saved.Previous)
	if active < 0 {
		return fmt.Errorf("%s is no origin of the site any more", saved.Active)
	}
	if previous < 0 {
		previous = active // nobody is left to keep a share
	}
	route := Route{
		Active: active, Previous: previous, Since: saved.Since, Returned: saved.Returned,
		Switches: slices.Clone(saved.Switches), Returns: saved.Returns,
	}
	// After the clock was set back, times to come would count for longer than they may.
	if route.Since.After(now) {
		route.Since = now
	}
	route.Switches = slices.DeleteFunc(route.Switches, now.Before)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.route = route
	return nil
}

// place is the index of the origin with the name, -1 without one.
func (p *Pool) place(name string) int {
	return slices.IndexFunc(p.site.Origins, func(o *Origin) bool { return o.ID.Origin == name })
}
