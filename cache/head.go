package cache

import (
	"context"
	"net/http"
)

// head asks an origin whether a stored page still holds that a request for its header
// alone needs to be validated, and updates the page by the answer (RFC 9111 §4.3.5).
func (c *Cache) head(ctx context.Context, r *Request, page *Page, status Status) (Answer, error) {
	got, err := r.Site.Fetch(ctx, r, Query{Whole: true, Validators: page.Validators(), Interim: r.Interim})
	if ctx.Err() != nil {
		if err == nil {
			got.Response.Body.Close()
		}
		return Answer{}, context.Cause(ctx)
	}
	now := c.now()
	if err != nil || got.Doubtful || Replaceable(got.Response.StatusCode) {
		if serve, detail := standsIn(page, r, err, now); serve {
			if err == nil {
				status.FwdStatus = got.Response.StatusCode
				got.Response.Body.Close()
			}
			page.revive(now.Add(revivedFor))
			return standIn(page, r, status, detail, now), nil
		}
	}
	if err != nil {
		return Answer{}, err
	}
	status.FwdStatus = got.Response.StatusCode
	switch {
	case got.Response.StatusCode == http.StatusNotModified && page.isConfirmed(got):
		got.Response.Body.Close()
		fresh := page.freshen(r.HTTP.Header, got)
		status.Stored = c.replace(page, fresh, r)
		return Answer{
			Rendition: fresh.Render(r.HTTP), Age: fresh.Freshness.Age(now), Origin: fresh.Origin, Attempts: got.Attempts,
			Result: Revalidated, Status: status,
		}, nil
	case got.Doubtful:
	case page.isDescribed(got):
		status.Stored = c.replace(page, page.freshen(r.HTTP.Header, got), r)
	case got.Response.StatusCode < 500:
		c.store.Drop(page) // there is another in its place: §4.3.5
	}
	return Answer{
		Response: got.Response, Origin: got.Origin, Attempts: got.Attempts, Result: Miss, Status: status, doubtful: got.Doubtful,
	}, nil
}

// replace stores a page whose header was updated in place of what it was, unless that is
// not stored any more or the new one may not be.
func (c *Cache) replace(old, fresh *Page, r *Request) bool {
	if Storable(http.MethodGet, r.HTTP.Header, fresh.Status, fresh.Header.Unpack()) != "" || !c.store.Drop(old) {
		return false
	}
	return c.store.Put(fresh, 0)
}

// isDescribed reports whether an answer to HEAD is about the body that the page has: of the
// same status and origin, and different in no validator nor length (RFC 9111 §4.3.5).
func (p *Page) isDescribed(got *Fetched) bool {
	header := got.Response.Header
	if got.Response.StatusCode != p.Status || got.Origin != p.Origin {
		return false
	}
	held, given := p.Validators(), ValidatorsOf(got.Origin, header)
	if given.ETag != "" && opaqueTag(given.ETag) != opaqueTag(held.ETag) {
		return false
	}
	if given.LastModified != "" && given.LastModified != held.LastModified {
		return false
	}
	length := header.Get("Content-Length")
	return length == "" || p.Minted != "" || length == p.Header.Get("Content-Length")
}
