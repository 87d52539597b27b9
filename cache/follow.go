package cache

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// follow joins the fill for the request, or starts it, and waits for its outcome.
// stale is the stored page that could not be served as it is.
func (c *Cache) follow(ctx context.Context, r *Request, stale *Page, status Status) (Answer, error) {
	var vary []string // as an answer that was another variant told
	for range rounds {
		f, leading, err := c.join(ctx, r, stale, vary)
		if err != nil {
			return Answer{}, err
		}
		if f == nil { // stored or purged since we looked
			return Answer{}, errLookAgain
		}
		if !leading && c.isPast(f, r) {
			c.leave(f)
			continue
		}
		if err = f.wait(ctx, r, leading, c.patienceFor(stale, r)); err != nil {
			if leading {
				f.letGo()
			}
			if err != errSlow {
				return Answer{}, err
			}
			now := c.now()
			stale.revive(now.Add(slowRest))
			status.Collapsed = !leading
			return c.standIn(ctx, stale, r, status, DetailSlow, now), nil
		}
		answer, settled, err := c.take(ctx, f, r, leading, status)
		if settled {
			return answer, err
		}
		if f.page == nil || f.alone || c.isDeclined(audience(r)) {
			break
		}
		vary = f.page.varies()
	}
	return c.pass(ctx, r, Query{Interim: r.Interim}, status)
}

// errLookAgain ends an attempt to answer from what is not there any more, or need not be
// asked for.
var errLookAgain = errors.New("the store has changed")

// errSlow ends a wait for a fill that takes longer than the reader has to wait.
var errSlow = errors.New("the origins take too long")

// patienceFor is how long the reader waits for the fill; 0 for as long as it takes.
func (c *Cache) patienceFor(stale *Page, r *Request) time.Duration {
	if stale == nil || stale.isGone() || demandsMore(ParseCacheControl(r.HTTP.Header["Cache-Control"]), r.HTTP.Header) {
		return 0
	}
	now := c.now()
	if stale.freshness().TTL(now) > 0 || !stale.freshness().mayServeStale(r.Site.Policy, now) {
		return 0 // a reader who asked for a fresh page to be validated means it
	}
	return patience
}

// isPast reports whether the fill has a page for the reader that would have to be
// validated before it is served to this one, were it stored already: it is no use to
// follow it, however long it takes to arrive. Who waited when its header came is
// served: the origin gave it in answer to that wait (RFC 9111 §4, on collapsing).
func (c *Cache) isPast(f *fill, r *Request) bool {
	select {
	case <-f.ready:
	default:
		return false
	}
	if f.page == nil || !f.page.Matches(r.HTTP.Header) {
		return false
	}
	action := c.decide(f.page, r, ParseCacheControl(r.HTTP.Header["Cache-Control"]), c.now()).Action
	return action != Serve && action != ServeAndRefresh
}

// wait blocks until the fill's outcome is decided, or for as long as most allows
// when that is not 0. Hints that come before it are told to the leader.
func (f *fill) wait(ctx context.Context, r *Request, leading bool, most time.Duration) error {
	var late <-chan time.Time
	if most > 0 {
		timer := time.NewTimer(most)
		defer timer.Stop()
		late = timer.C
	}
	for {
		var told chan interim
		if leading && r.Interim != nil {
			told = f.interim
		}
		select {
		case <-f.ready:
			for len(told) > 0 { // they came before the answer
				i := <-told
				r.Interim(i.code, i.header)
			}
			return nil
		case i := <-told:
			r.Interim(i.code, i.header)
		case <-late:
			return errSlow
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// standIn is the answer that a stale page gives in place of what an origin was asked
// for: no hit, which RFC 9211 §2.1 keeps for what was not asked for.
func (c *Cache) standIn(ctx context.Context, stale *Page, r *Request, status Status, detail string, now time.Time) Answer {
	status.TTL, status.HasTTL, status.Detail = stale.freshness().TTL(now), true, detail
	a := Answer{Age: stale.Freshness.Age(now), Origin: stale.Origin, Result: Stale, Status: status}
	a.Rendition, a.Cursor = c.render(ctx, stale, r)
	return a
}

// take turns the outcome into the reader's answer. settled is false when the
// outcome is not for this reader: another variant, or an answer for the leader only.
func (c *Cache) take(ctx context.Context, f *fill, r *Request, leading bool, status Status) (a Answer, settled bool, err error) {
	status.FwdStatus, status.Collapsed = f.status.FwdStatus, !leading
	if f.status.Detail != "" {
		status.Detail = f.status.Detail
	}
	switch {
	case f.err != nil:
		return Answer{}, true, f.err
	case f.page == nil && leading:
		got, ok := <-f.handover
		if !ok { // the reader left, or Close came first
			return Answer{}, true, cmp.Or(context.Cause(ctx), errClosed)
		}
		return Answer{
			Response: got.Response, Origin: got.Origin, Attempts: got.Attempts, Result: f.result, Status: status,
		}, true, nil
	case f.page == nil, f.alone && !leading, !f.page.answers(r.HTTP):
		return Answer{}, false, nil
	}
	page, now := f.page, c.now()
	if f.result == Stale {
		if !leading {
			c.count.Collapsed.Add(1)
		}
		return c.standIn(ctx, page, r, status, f.status.Detail, now), true, nil
	}
	a = Answer{Age: page.Freshness.Age(now), Origin: page.Origin, Result: f.result, Status: status}
	a.Status.Stored = f.status.Stored
	if leading {
		a.Attempts = f.tries
	}
	if f.result == Revalidated {
		a.Rendition, a.Cursor = c.render(ctx, page, r)
		settled = true
	} else {
		settled = c.arrive(ctx, f, r, leading, &a)
		a.Cursor.limit(&a.Rendition)
	}
	if leading && a.Rendition.Status == page.Status {
		a.Rendition.Own = append(slices.Clip(a.Rendition.Own), f.withheld...)
	}
	if settled && !leading {
		c.count.Collapsed.Add(1)
	}
	return a, settled, nil
}

// place returns the reader's cursor if it needs one, false when the body's
// beginning has been let go of. A leader who needs none gives up its own, so that
// nothing waits for it.
func (f *fill) place(leading, needed bool) (*Cursor, bool) {
	switch {
	case needed && leading:
		return f.cursor, true
	case needed:
		return f.page.Body.Follow()
	case leading && f.cursor != nil:
		f.cursor.Close()
	}
	return nil, true
}
