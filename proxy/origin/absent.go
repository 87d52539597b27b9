package origin

import (
	"hash/maphash"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/heliograph-edge/heliograph/health"
)

const (
	// absentFor is how long it is remembered that an origin lacks a page.
	absentFor = 30 * time.Second
	// absentPages is how many pages are remembered of one origin; the oldest are forgotten.
	absentPages = 4096
	// absentWait is how long another origin may think about a page that one does not have,
	// before the reader is told so.
	absentWait = 3 * time.Second
)

// absences are the pages that an origin was seen to lack. It is safe for concurrent use.
type absences struct {
	seed maphash.Seed

	mu    sync.Mutex                        // guards everything that follows
	pages *simplelru.LRU[uint64, time.Time] // by the hash of their targets, with when it was seen
}

// newAbsences returns a memory of none.
func newAbsences() *absences {
	pages, err := simplelru.NewLRU[uint64, time.Time](absentPages, nil)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &absences{seed: maphash.MakeSeed(), pages: pages}
}

// add remembers that a page was lacking at that time.
func (a *absences) add(target string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pages.Add(maphash.String(a.seed, target), now)
}

// forget takes note that the page is there.
func (a *absences) forget(target string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pages.Len() > 0 {
		a.pages.Remove(maphash.String(a.seed, target))
	}
}

// has reports whether the page was lacking lately.
func (a *absences) has(target string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pages.Len() == 0 {
		return false
	}
	seen, ok := a.pages.Peek(maphash.String(a.seed, target))
	return ok && now.Sub(seen) < absentFor
}

// lacking puts usable origins that were seen to lack what is asked for after the other usable
// ones. Otherwise the order stays as it is.
func (p *Pool) lacking(now time.Time, ask *Ask, order []int, views []health.View) []int {
	if len(order) < 2 || !ask.ordinary() {
		return order
	}
	return p.lackingPage(now, ask.URL.RequestURI(), order, views)
}

// lackingPage is lacking for the page with the given target.
func (p *Pool) lackingPage(now time.Time, target string, order []int, views []health.View) []int {
	rank := func(i int) int {
		switch {
		case !views[i].Verdict.Usable():
			return 2
		case p.site.Origins[i].absent.has(target, now):
			return 1
		}
		return 0
	}
	order = slices.Clone(order)
	slices.SortStableFunc(order, func(a, b int) int { return rank(a) - rank(b) })
	return order
}

// ordinary reports whether the request asks as anybody would: that there is no such page is then
// said to everybody. To another method, one reader's credentials or an Accept that rules something
// out it may be the answer to that.
func (a *Ask) ordinary() bool {
	if !a.Whole || !retrieves(a.Method) || len(a.Header["Authorization"]) > 0 || len(a.Header["Cookie"]) > 0 {
		return false
	}
	return len(a.Header["Accept"]) == 0 || slices.ContainsFunc(a.Header["Accept"], takesAnything)
}

// takesAnything reports whether a line of Accept has a weight above zero for every type,
// RFC 9110 §12.5.1.
func takesAnything(line string) bool {
	for member := range strings.SplitSeq(line, ",") {
		kind, weight, weighted := strings.Cut(member, ";")
		if strings.TrimSpace(kind) == "*/*" && (!weighted || strings.ContainsAny(weight, "123456789")) {
			return true
		}
	}
	return false
}

// retrieves reports whether a method gets a page, or its header, as it is for everybody.
func retrieves(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// isGone reports whether a status says that there is no such page.
func isGone(status int) bool { return status == http.StatusNotFound || status == http.StatusGone }

// isAbsent reports whether an attempt's result is that there is no such page, by an origin that is
// not the site's only one. A page that does not show the site's identity says so where its
// connection shows it: anybody can answer 404 to plain HTTP.
func (r *race) isAbsent(e ended) bool {
	if e.response == nil || !isGone(e.response.StatusCode) || !retrieves(r.ask.Method) || r.pool.lone() {
		return false
	}
	return e.found.class == health.OK || e.found.word && e.response.TLS != nil
}

// isPresent reports whether an answer shows that there is such a page.
func isPresent(status int) bool {
	return status < http.StatusBadRequest || status == http.StatusUnauthorized
}

// missed takes the result that there is no such page, and reports whether that was all there is
// to do with it. A second origin that says the same makes it true; until then it is no more than
// a word, and another origin is asked: free of the budget where that one is well, which is asked
// no more than if readers had been moved already. It accuses nobody.
func (r *race) missed(e ended) {
	if r.ask.ordinary() {
		e.attempt.origin.absent.add(r.ask.URL.RequestURI(), e.at)
	}
	switch {
	case r.absent:
		r.agreed, r.winner = true, r.word
		r.word = nil
		e.drop(errOvertaken)
		return
	case r.word != nil:
		r.word.drop(errOvertaken)
	}
	r.word, r.absent = &e, true
	r.deadline.Reset(absentWait)
	if len(r.running) > 0 || r.started > maxRetries || r.limited {
		return
	}
	to := r.askable(slices.DeleteFunc(slices.Clone(r.order), func(i int) bool { return !r.views[i].Verdict.Usable() }), false)
	if to >= 0 && (r.pool.sound(to) || r.pool.allowed(false)) && r.start(to, false) {
		r.hedge.Stop()
	}
}

// believe ends a race whose best answer is that there is no such page, and whom nobody has
// contradicted in time. That takes nothing from those who are slow.
func (r *race) believe() {
	for _, a := range r.running {
		a.cancel(errOvertaken)
	}
	r.running = nil
}

// unopposed reports whether there is no other origin to ask about a page that one lacks: none that
// is of use. One that has just failed is of use, as far as anybody knows.
func (r *race) unopposed(e *ended) bool {
	for place, v := range r.views {
		if place != e.attempt.place && v.Verdict.Usable() {
			return false
		}
	}
	return true
}
