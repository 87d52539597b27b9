package cache

import (
	"context"
	"errors"
	"net/http"
)

// remainder is what a fill asks for that does not ask for a whole page.
type remainder struct {
	spec rangeSpec // of the Range that is sent
	// held is the page that the answer is to be combined with, nil for none: If-Range
	// holds the answer to its version.
	held  *Page
	own   bool // spec is what the leader asked for: any answer to it is the leader's
	whole bool // the leader asked for the whole page
}

// query is what the origins are asked.
func (q *remainder) query(interim func(code int, header http.Header)) Query {
	query := Query{Range: q.spec.String(), Interim: interim}
	if q.held != nil {
		query.IfRange = q.held.Validators()
	}
	return query
}

// errOtherPart ends a fill whose answer is not the rest of what is held, and the wait of a reader
// whom a fill's answer is not for: it does not wait for another.
var errOtherPart = errors.New("the origin's answer is not the part that was asked for")

// answerPart goes on with a request for ranges of a page that is not stored whole: from
// the parts that are (RFC 9111 §3.3), by what is missing of them (§3.4), or by an origin's
// own answer.
func (c *Cache) answerPart(ctx context.Context, r *Request, directives Directives, status Status) (Answer, error) {
	if !directives.OnlyIfCached && !directives.NoStore {
		if a, ok := c.followNear(ctx, r, status); ok {
			return a, nil
		}
	}
	var stale *Page
	for range rounds {
		if whole := Select(c.pages(r.Key), r.HTTP.Header); whole != nil {
			if !whole.serves(r.HTTP.Header) {
				break
			}
			return Answer{}, errLookAgain // stored since we looked
		}
		held, now := c.parts(r), c.now()
		fresh := false
		stale = nil
		if held != nil {
			decision := c.decide(held, r, directives, now)
			fresh = decision.Action == Serve
			answers := held.answers(r.HTTP)
			switch {
			case answers && fresh:
				return c.stored(ctx, held, r, decision, now), nil
			case answers:
				stale, status.Fwd = held, decision.Detail
			default:
				status.Fwd = FwdPartial
			}
		}
		if directives.OnlyIfCached {
			return Answer{}, ErrNotStored
		}
		q, reason := c.restOfPart(r, held, fresh)
		if q == nil || directives.NoStore {
			status.Detail = string(reason)
			break
		}
		if c.isDeclined(audience(r.inParts())) {
			status.Detail = "uncacheable"
			break
		}
		a, settled, err := c.followPart(ctx, r, q, held, stale, status)
		if settled || err != nil && err != errOtherPart {
			return a, err
		}
		if err != nil {
			break
		}
	}
	if stale != nil {
		return c.passOver(ctx, r, stale, status)
	}
	return c.pass(ctx, r, Query{Interim: r.Interim}, status)
}

// followPart joins the fill for a part, or starts it, and waits for its outcome. settled
// is false when nothing came of it for this reader.
func (c *Cache) followPart(ctx context.Context, r *Request, q *remainder, held, stale *Page, status Status) (a Answer, settled bool, err error) {
	f, leading, err := c.joinPart(ctx, r, q, held, stale)
	if err != nil || f == nil {
		return Answer{}, false, err
	}
	if !leading && c.isPast(f, r) {
		c.leave(f)
		return Answer{}, false, nil
	}
	if err = f.wait(ctx, r, leading, c.patienceFor(stale, r)); err != nil {
		if leading {
			f.letGo()
		}
		if err != errSlow {
			return Answer{}, false, err
		}
		now := c.now()
		stale.revive(now.Add(slowRest))
		status.Collapsed = !leading
		return c.standIn(ctx, stale, r, status, DetailSlow, now), true, nil
	}
	if f.err == errOtherPart {
		return Answer{}, false, errOtherPart
	}
	a, settled, err = c.take(ctx, f, r, leading, status)
	if !settled && err == nil {
		err = errOtherPart
	}
	return a, settled, err
}

// joinPart returns the fill that is under way for the part, or starts one and says that
// the caller leads it. Without a fill, something was stored meanwhile: see join.
func (c *Cache) joinPart(ctx context.Context, r *Request, q *remainder, held, stale *Page) (f *fill, leading bool, err error) {
	part := r.inParts()
	name := c.fillName(part, nil) + "\x00" + q.spec.String()
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.fills[name]; ok {
		return f, false, nil
	}
	if Select(c.pages(r.Key), r.HTTP.Header) != nil || Select(c.pages(part.Key), r.HTTP.Header) != held {
		return nil, false, nil
	}
	f, err = c.startLocked(ctx, name, r, stale, q)
	return f, true, err
}

// inParts is the request as one for what is stored in parts.
func (r *Request) inParts() *Request {
	part := *r
	part.Key = partKey(r.Key)
	return &part
}

// parts is what is stored in part of the page that the request asks for, nil without
// any that may answer this reader.
func (c *Cache) parts(r *Request) *Page {
	held := Select(c.pages(partKey(r.Key)), r.HTTP.Header)
	if held == nil || !held.serves(r.HTTP.Header) {
		return nil
	}
	return held
}

// followNear follows a fill of the whole page whose body will soon have come to what the
// request asks for.
func (c *Cache) followNear(ctx context.Context, r *Request, status Status) (a Answer, ok bool) {
	name := c.fillName(r, nil)
	c.mu.Lock()
	f := c.fills[name]
	c.mu.Unlock()
	if f == nil || c.isPast(f, r) {
		return Answer{}, false
	}
	select {
	case <-f.ready:
	default:
		return Answer{}, false
	}
	if f.page == nil || f.result != Miss || f.alone || !f.page.Matches(r.HTTP.Header) {
		return Answer{}, false
	}
	ranges, asked := f.page.wanted(r.HTTP.Header, f.page.Length, false)
	if !asked || len(ranges) > 0 && ranges[0].from > f.page.Body.Size()+slice {
		return Answer{}, false
	}
	a, ok, err := c.take(ctx, f, r, false, status)
	return a, ok && err == nil
}

// restOfPart is what to ask the origins for when a request's range is not there; nil
// where that is for the reader alone, with a reason if it is one of the page's. fresh says
// that the parts that are held may be used.
func (c *Cache) restOfPart(r *Request, held *Page, fresh bool) (*remainder, Reason) {
	header := r.HTTP.Header
	specs, ok := parseRange(header)
	if !ok || len(specs) != 1 || conditional(header) {
		return nil, ""
	}
	if len(header["If-Range"]) > 0 && (!fresh || held == nil || !ifRange(header, held.version())) {
		return nil, ""
	}
	spec, complete := specs[0], c.learntLength(audience(r.inParts()))
	if held != nil {
		complete = held.Parts.Complete
	}
	if complete < 0 {
		if spec.first >= 0 && spec.last-spec.first >= c.maxPage {
			return nil, ReasonTooLarge
		}
		return &remainder{spec: spec, own: true}, ""
	}
	want, ok := spec.of(complete)
	if !ok {
		return &remainder{spec: spec, own: true}, ""
	}
	return restOfRange(want, held, fresh && held != nil && held.combines(), complete, c.maxPage)
}

// restOfRange is restOfPart for a range of a page of known length. combines says that what is
// held of it can be combined with more. Most is what may be stored.
func restOfRange(want byteRange, held *Page, combines bool, complete, most int64) (*remainder, Reason) {
	for _, target := range [...]byteRange{rounded(want, complete), want} {
		gap, with := target, (*Page)(nil)
		if combines {
			gap, with = held.Parts.missing(target), held
		}
		if gap.size() <= most && want.size() <= most {
			return &remainder{spec: rangeSpec{gap.from, gap.to - 1}, held: with, own: gap == want}, ""
		}
	}
	return nil, ReasonTooLarge
}

// restOfPage is what is missing of a page that is stored in part and asked for whole; nil
// where it is to be fetched whole.
func (c *Cache) restOfPage(r *Request) *remainder {
	return c.restOf(r, c.parts(r))
}

// restOf is restOfPage where these parts are held, nil for none.
func (c *Cache) restOf(r *Request, held *Page) *remainder {
	if r.HTTP.Method != http.MethodGet || len(r.HTTP.Header["Range"]) > 0 || conditionsOf(r) != "" {
		return nil
	}
	if held == nil || !held.combines() || held.Parts.Complete > c.maxPage {
		return nil
	}
	directives := ParseCacheControl(r.HTTP.Header["Cache-Control"])
	if decision := c.decide(held, r, directives, c.now()); decision.Action != Serve || decision.Stale {
		return nil
	}
	page := byteRange{0, held.Parts.Complete}
	gap := held.Parts.missing(page)
	if gap == page {
		return nil // what there is lies between: it saves nothing
	}
	return &remainder{spec: rangeSpec{gap.from, gap.to - 1}, held: held, whole: true}
}

// answers reports whether the page has what a request asks for.
func (p *Page) answers(request *http.Request) bool {
	if p.Parts == nil || !p.Matches(request.Header) {
		return p.Matches(request.Header)
	}
	if request.Method != http.MethodGet || len(request.Header["Range"]) == 0 {
		return false
	}
	held := p.version()
	if PreconditionFailed(request.Header, p.Status, held) || NotModified(request.Header, p.Status, held) {
		return true
	}
	_, whole := p.Body.Whole()
	_, ok := p.renderPart(request.Header, whole)
	return ok
}

// combines reports whether other parts can be told to be of the same version as these (RFC
// 9111 §3.4): by a strong tag, and the length of the whole.
func (p *Page) combines() bool {
	return p.Parts != nil && p.Parts.Complete >= 0 && p.Minted == "" && isStrong(p.Header.Single("Etag"))
}

// isSameVersion reports whether the bytes of two pages in parts may be put together.
func (p *Page) isSameVersion(other *Page) bool {
	return p.combines() && other.combines() && p.Parts.Complete == other.Parts.Complete &&
		p.Origin == other.Origin && p.Header.Single("Etag") == other.Header.Single("Etag")
}
