package cache

import (
	"context"
	"net/http"
)

// head asks an origin whether a stored page still holds that a request for its header
// alone needs to be validated, and updates the page by the answer (RFC 9111 §4.3.5).
func (c *Cache) head(ctx context.Context, r *Request, page *Page, status Status) (Answer, error) {
	number := c.fetchBegan()
	defer c.fetchEnded(number)
	if !c.present(page) { // purged since the reader looked
		return c.pass(ctx, r, Query{Interim: r.Interim}, Status{Fwd: FwdURIMiss})
	}
	got, err := c.askHead(ctx, r, page)
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
			return c.standIn(ctx, page, r, status, detail, now), nil
		}
	}
	if err != nil {
		return Answer{}, err
	}
	status.FwdStatus = got.Response.StatusCode
	switch {
	case got.Response.StatusCode == http.StatusNotModified:
		got.Response.Body.Close()
		fresh := page.freshen(r.HTTP.Header, got)
		status.Stored = c.replace(page, fresh, r, number)
		a := Answer{
			Age: fresh.Freshness.Age(now), Origin: fresh.Origin, Attempts: got.Attempts, Result: Revalidated, Status: status,
		}
		a.Rendition, _ = c.render(ctx, fresh, r)
		return a, nil
	case got.Doubtful, got.Origin != page.Origin: // what another says of its own says nothing of this one
	case page.isDescribed(got):
		status.Stored = c.replace(page, page.freshen(r.HTTP.Header, got), r, number)
	case got.Response.StatusCode < 500 && !judgesRequest(got):
		page.expire(now) // there is another in its place
	}
	if page.Decoded || !page.Header.Has("Content-Encoding") { // else GET keeps the coding, too
		c.decodeFor(r, got)
	}
	return Answer{
		Response: got.Response, Origin: got.Origin, Attempts: got.Attempts, Result: Miss, Status: status, doubtful: got.Doubtful,
	}, nil
}

// askHead asks for the header, with the page's validators. A 304 that is not about the
// page is no answer: it is asked for again, without conditions (RFC 9111 §4.3.4).
func (c *Cache) askHead(ctx context.Context, r *Request, page *Page) (*Fetched, error) {
	query := Query{Whole: true, Compressed: c.asksCompressed(r), Validators: page.Validators(), Interim: r.Interim}
	got, err := c.fetch(ctx, r, query)
	if err != nil || got.Response.StatusCode != http.StatusNotModified || page.isConfirmed(got) {
		return got, err
	}
	got.Response.Body.Close()
	query.Validators = Validators{}
	return fetchUnasked(ctx, r, query)
}

// replace stores a page whose header was updated in place of what it was, unless that is
// not stored any more. One that must not be kept any longer goes without a replacement.
// number is that of the fetch.
func (c *Cache) replace(old, fresh *Page, r *Request, number uint64) bool {
	switch Storable(http.MethodGet, r.HTTP.Header, fresh.Status, fresh.Header.Unpack()) {
	case "":
	case ReasonRequestNoStore, ReasonCookie, ReasonAuthorization: // about this request, not about the page
		return false
	default:
		c.store.Drop(old)
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.admitLocked(fresh, old, number) || !c.store.Drop(old) {
		return false
	}
	return c.put(fresh, 0)
}

// isDescribed reports whether an answer to HEAD is about the body that the page has: 200, and
// different in no validator nor length (RFC 9111 §4.3.5). Lengths of different codings
// cannot be compared.
func (p *Page) isDescribed(got *Fetched) bool {
	header := got.Response.Header
	if got.Response.StatusCode != http.StatusOK || p.Status != http.StatusOK {
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
	return length == "" || p.Decoded || length == p.Header.Get("Content-Length") ||
		header.Get("Content-Encoding") != p.Header.Get("Content-Encoding")
}
