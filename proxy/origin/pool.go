package origin

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/gate"
)

// maxRetries is how many more origins one request may be sent to after the first.
const maxRetries = 2

// Site is what a pool needs to know of its site.
type Site struct {
	Name    string
	Origins []*Origin // primary first; at least one
	Markers []string  // identity: text that each of the site's pages contains; may be empty
	// Gate judges answers; nil is one of the built-in wording alone.
	Gate *gate.Gate
	// Known is what is known of the site at the moment: hosts, markers, baseline. It is
	// called once per answer. Nil stands for Markers alone, which are also used where it has none.
	Known func() gate.Known
	// Own reports whether a host is the publication's: redirects to others are
	// doubted. Nil doubts none.
	Own func(host string) bool
}

// Events are told what a pool does. Each may be nil; all must be quick and safe
// for concurrent use.
type Events struct {
	Attempt  func(site string, a Attempt)                  // an attempt came to a result
	Failover func(site, from, to string, why health.Class) // a request went on to another origin
	Moved    func(site, from, to, why string)              // the site's readers were moved
	Hedged   func(site, winner string)                     // a hedged request was answered: by "first" or "hedge"
	NoBudget func(site string)                             // a retry was due and the budget did not allow it
	Resumed  func(site, from, to string, at int64)         // a body that broke off or stalled at a byte was gone on with from another origin
}

// Pool fetches from a site's origins. It is safe for concurrent use.
type Pool struct {
	site    Site
	tracker *health.Tracker
	events  Events
	budget  budget

	mu    sync.Mutex // guards route
	route Route
}

// NewPool returns a pool that reports to, and is told verdicts by, the tracker.
func NewPool(site Site, tracker *health.Tracker, events Events) *Pool {
	if site.Gate == nil {
		site.Gate = gate.New()
	}
	return &Pool{site: site, tracker: tracker, events: events}
}

// now is the time. It is a method so that there is one place to read the clock.
func (p *Pool) now() time.Time { return time.Now() }

// Result is an answer worth having.
type Result struct {
	Response  *http.Response // its body must be closed
	Origin    string
	Requested time.Time
	Responded time.Time
	Attempts  []Attempt
	Doubtful  bool // passed on for want of a better one, and not to be stored
	// Questionable: nobody could contradict it, but a block looks like it, too. It is never to be
	// stored in place of a page.
	Questionable bool
	Agreed       bool // a 404 or 410, and a second origin said the same
}

// Error says that no origin could answer, and what each said.
type Error struct {
	Site     string
	Attempts []Attempt
	Cause    error // what ended the search, when it was not the last origin
	// RetryAfter is when an origin may be asked again, where none could be; else 0.
	RetryAfter time.Duration
}

// Error lists every origin that was asked.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "no origin of %s could answer", e.Site)
	if e.Cause != nil {
		fmt.Fprintf(&b, " (%v)", e.Cause)
	}
	for _, a := range e.Attempts {
		fmt.Fprintf(&b, "; %s: %s: %s", a.Origin, a.Class, a.Reason)
	}
	return b.String()
}

// Unwrap returns what ended the search.
func (e *Error) Unwrap() error { return e.Cause }

// Class is what the last origin that was asked said.
func (e *Error) Class() health.Class {
	if len(e.Attempts) == 0 {
		return health.FirstByteTimeout
	}
	return e.Attempts[len(e.Attempts)-1].Class
}

// Unreached reports whether nothing was sent to any origin: none could be connected to, or none
// may be asked.
func (e *Error) Unreached() bool {
	return !slices.ContainsFunc(e.Attempts, func(a Attempt) bool { return a.Sent })
}

// Futile reports whether asking for a page is of no use: readers are better served with what
// is stored than made to wait. That is so in an outage; but a site's only origin that answers
// for itself, if badly, is asked: what it says of one page is its word, whatever it says of
// those that probes ask for.
func (p *Pool) Futile() bool {
	if !p.Outage() {
		return false
	}
	views := p.tracker.Site(p.site.Name)
	return len(views) != 1 || views[0].Verdict == health.Drained || !ownAnswer(views[0].Class)
}

// ownAnswer reports whether a class is of what an origin itself answers, rather than of the
// way there or of what stands in its place.
func ownAnswer(class health.Class) bool {
	switch class {
	case health.ServerError, health.StatusUnexpected, health.RedirectLoop, health.Denied, health.RateLimited, health.Legal,
		health.BodyTruncated, health.BodyUnfinished, health.Slow, health.Throttled, health.ForeignType, health.IdentityMismatch:
		return true
	}
	return false
}

// Outage reports whether no origin of the site is well.
func (p *Pool) Outage() bool {
	if _, _, suspected := p.tracker.Suspected(); suspected {
		return true
	}
	for _, v := range p.tracker.Site(p.site.Name) {
		if v.Verdict.Usable() {
			return false
		}
	}
	return true
}

// Active is the name of the origin that readers are sent to now.
func (p *Pool) Active() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.site.Origins[p.route.Active].ID.Origin
}

// Inherit takes over the route of the pool that this one replaces, as far as its
// origins are still there: a reload moves nobody.
func (p *Pool) Inherit(old *Pool) {
	old.mu.Lock()
	route := old.route
	old.mu.Unlock()
	same := func(i int) int {
		name := old.site.Origins[i].ID.Origin
		return slices.IndexFunc(p.site.Origins, func(o *Origin) bool { return o.ID.Origin == name })
	}
	active, previous := same(route.Active), same(route.Previous)
	if active < 0 || route.Since.IsZero() {
		return
	}
	if previous < 0 {
		previous = active // nobody is left to keep a share
	}
	route.Active, route.Previous = active, previous
	p.mu.Lock()
	defer p.mu.Unlock()
	p.route = route
}

// Close lets go of idle connections.
func (p *Pool) Close() {
	for _, o := range p.site.Origins {
		o.Close()
	}
}

// order chooses the origins for one request, by their places in the site, and moves the
// route if it is time. With it come the verdicts that it rests on.
func (p *Pool) order(now time.Time) ([]int, []health.View) {
	p.mu.Lock()
	// Read under the lock: with older verdicts than another request's, this one
	// would send readers back to where they have just been moved from.
	views := p.Views()
	choice := Choose(now, views, p.route, rand.Float64())
	from := p.route.Active
	p.route = choice.Route
	p.mu.Unlock()
	if choice.Moved && p.events.Moved != nil {
		p.events.Moved(p.site.Name, p.site.Origins[from].ID.Origin, p.site.Origins[choice.Route.Active].ID.Origin, choice.Why)
	}
	return behind(choice.Order, views, p.resting(now)), views
}

// resting tells which origins, by their places, rest at that time.
func (p *Pool) resting(now time.Time) func(int) bool {
	return func(i int) bool { return p.site.Origins[i].resting(now) }
}

// lone reports whether the site has one origin. It is asked whatever its verdict, but never twice
// for one request, and what it says is the publication's word: nobody else could have better.
func (p *Pool) lone() bool { return p.site.lone() }

// lone reports whether the site has one origin.
func (s *Site) lone() bool { return len(s.Origins) == 1 }

// unquestioned reports whether what an answer says is taken for the publication's word as long as
// it does not say that something else stands in its place: there is no marker that it would have to
// show, and nobody else to ask. What is merely bare, empty, unlike earlier pages or a refusal is
// then no reason for a doubt.
func (s *Site) unquestioned() bool { return s.lone() && len(s.Markers) == 0 }

// sound reports whether an origin is known to be well at this moment. Going on to it costs
// no budget: the one that failed is spared, and this one is asked no more than if
// readers had been moved already. With the first failure of its own that ends.
func (p *Pool) sound(i int) bool {
	v := p.tracker.View(p.site.Origins[i].ID)
	return v.Verdict == health.Healthy && v.LiveFailures == 0
}

// nobody is the error where no origin may be asked. It says when one may be again.
func (p *Pool) nobody(views []health.View) *Error {
	none := &Error{Site: p.site.Name, Cause: errNoOrigin}
	now := p.now()
	for i, v := range views {
		rest := p.site.Origins[i].untouchable(now, v)
		switch {
		case rest == 0 || v.Verdict == health.Hijacked || v.Verdict == health.Drained && len(views) > 1:
		case none.RetryAfter == 0 || rest < none.RetryAfter:
			none.Cause, none.RetryAfter = errLeftAlone, rest
		}
	}
	return none
}

// Settle moves the route if it is time, without a request: what a status shows as active
// is then where the next reader will be sent.
func (p *Pool) Settle() { p.order(p.now()) }

// Views are the origins' verdicts in the order of the configuration.
func (p *Pool) Views() []health.View {
	known := p.tracker.Site(p.site.Name)
	views := make([]health.View, len(p.site.Origins))
	for i, o := range p.site.Origins {
		views[i] = health.View{ID: o.ID, Verdict: health.Unknown}
		for _, v := range known {
			if v.ID == o.ID {
				views[i] = v
			}
		}
	}
	return views
}

// allowed asks the budget for one more request, and tells when it refuses.
func (p *Pool) allowed(hedge bool) bool {
	if p.budget.retry(p.now(), hedge) {
		return true
	}
	if p.events.NoBudget != nil {
		p.events.NoBudget(p.site.Name)
	}
	return false
}

// observe tells health and the metrics what a live request saw.
func (p *Pool) observe(o *Origin, seen health.Observation, hedge bool) {
	p.tracker.Observe(o.ID, seen)
	p.tell(o, seen, hedge)
}

// tell tells the metrics alone what a live request saw.
func (p *Pool) tell(o *Origin, seen health.Observation, hedge bool) {
	if p.events.Attempt != nil {
		p.events.Attempt(p.site.Name, Attempt{
			Origin: o.ID.Origin, Class: seen.Class, Stage: seen.Stage, Reason: seen.Reason, Status: seen.Status,
			Duration: seen.Timings.FirstByte, Hedge: hedge,
		})
	}
}

// Fetch asks the origins until one has an answer worth having. The error is an
// *Error, or ctx's when the reader left, or ErrBodyStalled. A 5xx is an answer, and
// is returned, where no origin had a better one.
func (p *Pool) Fetch(ctx context.Context, ask *Ask) (*Result, error) {
	r := &race{
		pool: p, ask: ask, parent: ctx,
		events: make(chan func()),
		over:   make(chan struct{}),
	}
	defer close(r.over)
	now := p.now()
	p.budget.request(now)
	r.order, r.views = p.order(now)
	r.order = p.lacking(now, ask, r.order, r.views)
	return r.run()
}

// Reasons why no origin is asked.
var (
	errNoOrigin  = errors.New("every origin is drained or hijacked")
	errLeftAlone = errors.New("every origin that is not drained or hijacked is to be left alone for now")
)
