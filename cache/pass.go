package cache

import (
	"context"
	"slices"
)

// fetch asks the origins. What they have no better word than is doubtful where it would take the
// place of a page that is stored.
func (c *Cache) fetch(ctx context.Context, r *Request, query Query) (*Fetched, error) {
	got, err := r.Site.Fetch(ctx, r, query)
	if err == nil && got.Questionable {
		sure := func(p *Page) bool { return !p.Questionable && !p.isGone() }
		got.Doubtful = got.Doubtful || slices.ContainsFunc(c.store.Peek(r.Key), sure) || slices.ContainsFunc(c.store.Peek(partKey(r.Key)), sure)
	}
	return got, err
}

// pass fetches for this reader alone, on this reader's context, and stores nothing.
func (c *Cache) pass(ctx context.Context, r *Request, query Query, status Status) (Answer, error) {
	got, err := c.fetch(ctx, r, query)
	if err != nil {
		return Answer{}, err
	}
	result := Bypass
	if status.Fwd != FwdBypass && status.Fwd != FwdMethod {
		result = Miss
		// A body without a declared length may have been the one that was too large.
		if c.storable(r, got) == "" && got.Response.ContentLength >= 0 {
			c.accept(audience(r))
		}
	}
	status.FwdStatus = got.Response.StatusCode
	return Answer{
		Response: got.Response, Origin: got.Origin, Attempts: got.Attempts, Result: result, Status: status, doubtful: got.Doubtful,
	}, nil
}

// passOver is pass where a page is stored that could not be served as it is: it
// stands in for a failure all the same.
func (c *Cache) passOver(ctx context.Context, r *Request, stale *Page, status Status) (Answer, error) {
	a, err := c.pass(ctx, r, Query{Interim: r.Interim}, status)
	now := c.now()
	if ctx.Err() != nil || err == nil && !a.doubtful && !Replaceable(a.Response.StatusCode) && !stale.outdates(a.edition(now)) {
		return a, err
	}
	serve, detail := standsIn(stale, r, err, now)
	if !serve {
		return a, err
	}
	if err == nil {
		a.Response.Body.Close()
	}
	stale.revive(now.Add(revivedFor))
	status.FwdStatus = a.Status.FwdStatus
	return c.standIn(ctx, stale, r, status, detail, now), nil
}
