package origin

import (
	"context"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/heliograph-edge/heliograph/health"
)

// race is one Fetch: attempts at several origins, one after another or, where an
// origin is slow, beside each other. All of its fields belong to the goroutine
// that runs it; attempts reach it through events.
type race struct {
	pool   *Pool
	ask    *Ask
	parent context.Context
	views  []health.View // the origins' verdicts when the race began
	order  []int         // origins still to be asked, by their place in the site

	events chan func()   // each is run by run
	over   chan struct{} // closed when run has returned

	hedge    *time.Timer // when the attempt that runs alone gets company
	deadline *time.Timer // when no answer is waited for any longer
	running  []*attempt
	started  int
	attempts []Attempt
	word     *ended // the best answer so far that is only good for want of a better one
	winner   *ended
	cause    error // why no further origin is asked
	hedged   bool
	doubted  bool // an answer was not the publication's, or no good
	limited  bool // an origin has asked to be left alone: one more is asked, and that is all
	absent   bool // the word is that there is no such page
	agreed   bool // a second origin says the same
	uploaded bool // the request's body was sent whole
	stalled  bool // the request's body stopped coming
}

// run asks origins until one has answered, or none is left.
func (r *race) run() (*Result, error) {
	first := r.askable(r.order, true)
	if first < 0 {
		return nil, r.pool.nobody(r.views)
	}
	r.deadline = time.NewTimer(fetchDeadline)
	defer r.deadline.Stop()
	r.start(first, false)
	r.hedge = time.NewTimer(r.hedgeAfter())
	defer r.hedge.Stop()
	for r.winner == nil && len(r.running) > 0 {
		select {
		case event := <-r.events:
			event()
		case <-r.hedge.C:
			if to := r.company(); to >= 0 && r.pool.allowed(true) {
				r.hedged = true
				r.start(to, true)
			}
		case <-r.deadline.C:
			r.expire()
		case <-r.parent.Done():
			r.abandon(context.Cause(r.parent))
			return nil, context.Cause(r.parent)
		}
	}
	return r.result()
}

// hedgeAfter is when the next origin is asked beside the one that is.
func (r *race) hedgeAfter() time.Duration { return r.running[0].origin.latency.hedgeAfter() }

// company is the origin that a hedge goes to, one of another fate where there is one. It is
// -1 where none is due: when the attempt under way is not alone, where asking twice is not
// safe, where a body cannot go to two at once, or those left have asked to be left alone.
func (r *race) company() int {
	if !r.ask.safe() || r.ask.Body != nil || len(r.running) != 1 || r.started > maxRetries || r.limited {
		return -1
	}
	now := r.pool.now()
	others := slices.DeleteFunc(slices.Clone(r.order), r.pool.resting(now))
	if len(others) == 0 {
		return -1
	}
	if to := company(others, r.views, r.running[0].place); to >= 0 {
		return to
	}
	return others[0]
}

// start asks an origin of those that are left. It reports whether it could: a body that
// was sent and not kept cannot be sent again.
func (r *race) start(place int, hedge bool) bool {
	var body io.ReadCloser
	if r.ask.Body != nil {
		var ok bool
		if body, ok = r.ask.Body.open(); !ok {
			return false
		}
	}
	a := &attempt{
		pool: r.pool, origin: r.pool.site.Origins[place], place: place, ask: r.ask, hedge: hedge, moved: r.started > 0, started: r.pool.now(),
	}
	a.ctx, a.cancel = context.WithCancelCause(r.parent)
	r.order = slices.DeleteFunc(r.order, func(i int) bool { return i == place })
	a.last = len(r.order) == 0 || r.started >= maxRetries || r.limited || !hedge && !r.ask.safe()
	r.running = append(r.running, a)
	r.started++
	told := heard{interim: func(code int, h http.Header) { r.tell(func() { r.hint(a, code, h) }) }}
	if body != nil {
		told.wrote = func() { r.wrote(a) }
	}
	// The goroutine ends with its attempt, which ends with a.ctx.
	go func() {
		e := a.send(body, told)
		if !r.tell(func() { r.ended(e) }) {
			e.drop(errOvertaken)
		}
	}()
	return true
}

// tell hands an event to run, and reports whether run was still there to take it.
func (r *race) tell(event func()) bool {
	select {
	case r.events <- event:
		return true
	case <-r.over:
		return false
	}
}

// ended takes an attempt's result: the race is won, or goes on with the next origin.
func (r *race) ended(e ended) {
	for i, a := range r.running {
		if a == e.attempt {
			r.running = append(r.running[:i], r.running[i+1:]...)
			break
		}
	}
	e.report()
	r.doubted = r.doubted || e.response != nil && e.found.class != health.OK
	r.attempts = append(r.attempts, e.earlier...)
	r.attempts = append(r.attempts, e.describe())
	switch {
	case r.isAbsent(e):
		r.missed(e)
		return
	case e.found.class == health.OK && (!r.absent || isPresent(e.response.StatusCode)),
		!r.ask.safe() && e.response != nil && e.found.class == health.ServerError:
		if r.ask.ordinary() {
			e.attempt.origin.absent.forget(r.ask.URL.RequestURI())
		}
		r.winner = &e
		return
	}
	switch {
	case !r.isWord(e) || r.absent:
		e.drop(errOvertaken)
	case r.word == nil:
		r.word = &e
	case e.found.class == health.BodyUnfinished && r.word.found.class != health.BodyUnfinished:
		// Perhaps not all of the page is still more than a refusal.
		r.word.drop(errOvertaken)
		r.word = &e
	default:
		e.drop(errOvertaken)
	}
	if len(r.running) == 0 && e.found.class != health.OK {
		r.next(e)
	}
}

// isWord reports whether an answer is worth passing on where nobody has a better one.
// A server's error page is so where there is no other origin, or where it says how
// long it holds; else the reader is better served with a page of our own.
func (r *race) isWord(e ended) bool {
	if e.found.class != health.ServerError {
		return e.found.word
	}
	return e.found.word && (len(r.pool.site.Origins) == 1 || statesLifetime(e.response.Header))
}

// next moves the request on to another origin after a failed attempt, where that
// is safe, allowed and possible.
func (r *race) next(failed ended) {
	if r.parent.Err() != nil { // the reader left; the failure may be no more than that
		return
	}
	if r.started > maxRetries || r.limited {
		return
	}
	sent := failed.attempt.progress.sent.Load()
	if sent && !r.ask.safe() {
		return
	}
	to := r.following(failed)
	switch {
	case to < 0:
		return
	case sent && !r.pool.sound(to) && !r.pool.allowed(false):
		return
	}
	if !r.start(to, false) {
		return
	}
	r.limited = failed.found.class == health.RateLimited
	r.hedge.Reset(r.hedgeAfter())
	if r.pool.events.Failover != nil {
		r.pool.events.Failover(r.pool.site.Name, failed.attempt.origin.ID.Origin, r.pool.site.Origins[to].ID.Origin, failed.found.class)
	}
}

// following is the origin that is asked after one has failed: where it was its address that
// failed, those that share its fate come last among those that stand as well. After a 429 no other that has asked to be
// left alone is asked, either; it is -1 where no other is left.
func (r *race) following(failed ended) int {
	order := r.order
	if failed.found.class.OfAddress() {
		order = apart(order, r.views, failed.attempt.place, r.pool.resting(r.pool.now()))
	}
	return r.askable(order, failed.found.class != health.RateLimited)
}

// askable is the first of some origins that may be asked now, -1 without one. One that rests
// may be so only by way of trial, where trials are due; a site's only origin always: nobody else
// could answer those for whom nothing is stored.
func (r *race) askable(order []int, trials bool) int {
	now := r.pool.now()
	for _, i := range order {
		o := r.pool.site.Origins[i]
		if r.pool.lone() || (trials || !o.resting(now)) && o.trial(now) {
			return i
		}
	}
	return -1
}

// giveUp ends the race at its deadline.
func (r *race) giveUp() {
	r.cause = errDeadline
	now := r.pool.now()
	for _, a := range r.running {
		a.reportSlow(now, "the deadline for the whole request passed")
		stage := a.progress.at()
		r.attempts = append(r.attempts, Attempt{
			Origin: a.origin.ID.Origin, Class: health.Classify(context.DeadlineExceeded, stage), Stage: stage,
			Reason: errDeadline.Error(), Duration: now.Sub(a.started), Hedge: a.hedge, Sent: a.progress.sent.Load(),
		})
	}
	r.abandon(errDeadline)
}

// abandon ends all attempts that are still running, and lets go of the word.
func (r *race) abandon(why error) {
	for _, a := range r.running {
		a.cancel(why)
	}
	r.running = nil
	if r.word != nil && why != errDeadline {
		r.word.drop(why)
		r.word = nil
	}
}

// result is what the race came to.
func (r *race) result() (*Result, error) {
	if r.stalled {
		return nil, ErrBodyStalled
	}
	best := r.winner
	if best == nil {
		best, r.word = r.word, nil
	}
	if best == nil && r.parent.Err() != nil {
		return nil, context.Cause(r.parent)
	}
	if best == nil {
		return nil, &Error{Site: r.pool.site.Name, Attempts: r.attempts, Cause: r.cause}
	}
	for _, a := range r.running {
		a.reportSlow(best.at, best.attempt.origin.ID.Origin+" answered first")
	}
	if r.hedged && r.winner != nil && r.pool.events.Hedged != nil {
		winner := "first"
		if best.attempt.hedge {
			winner = "hedge"
		}
		r.pool.events.Hedged(r.pool.site.Name, winner)
	}
	r.abandon(errOvertaken)
	accused := r.pool.lone() && isAccused(r.pool.tracker.View(best.attempt.origin.ID), best.response)
	best.resume(r.parent)
	return &Result{
		Response: best.response, Origin: best.attempt.origin.ID.Origin,
		Requested: best.attempt.started, Responded: best.at, Attempts: r.attempts,
		Doubtful:     best.found.doubtful && !r.agreed || r.absent && r.winner == nil && !r.unopposed(best) || accused,
		Questionable: best.found.questionable, Agreed: r.agreed || r.absent && r.winner == nil && r.unopposed(best),
	}, nil
}
