package cache

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// run is the life of a fill.
func (c *Cache) run(f *fill, r *Request) {
	defer c.fetchEnded(f.number)
	ctx, cancel := context.WithCancel(c.ctx)
	query := Query{Whole: true, Compressed: c.asksCompressed(r), Conditions: f.conditional}
	if f.stale != nil {
		query.Validators = f.stale.Validators()
	}
	if f.leader != nil {
		query.Interim = func(code int, h http.Header) {
			select {
			case f.interim <- interim{code, h}:
			default: // a leader who cannot keep up with hints does without
			}
		}
	}
	if f.rest != nil {
		query = f.rest.query(query.Interim)
	}
	got, err := c.fetch(ctx, r, query)
	if err == nil && f.rest != nil {
		var done bool
		if got, done, err = c.receiveRest(ctx, cancel, f, r, got); done {
			cancel()
			f.letGo()
			return
		}
	}
	if err == nil && got.Response.StatusCode == http.StatusNotModified && !f.conditional {
		got, err = c.confirmed(ctx, f, r, got)
	}
	if err == nil {
		got, err = c.legible(ctx, r, got)
	}
	if err == nil {
		got.believe(r.Site)
	}
	now := c.now()
	switch {
	case err != nil:
		c.settleFailure(f, r, 0, err, now)
	case got.Response.StatusCode == http.StatusNotModified && !f.conditional:
		c.settleFresh(f, r, got)
	case f.replaceable(got) && (f.leader == nil || f.standsIn(r, now)):
		got.Response.Body.Close()
		c.settleFailure(f, r, got.Response.StatusCode, nil, now)
	default:
		if reason := cmp.Or(c.storable(r, got), f.held().yields(got)); reason != "" {
			c.handOver(f, r, got, reason, cancel) // the response keeps ctx
			return
		}
		c.receive(ctx, cancel, f, r, got)
	}
	cancel()
	f.letGo()
}

// replaceable reports whether there is a stale page and an answer that it may
// replace.
func (f *fill) replaceable(got *Fetched) bool {
	return f.stale != nil && (got.Doubtful || Replaceable(got.Response.StatusCode) || f.stale.outdates(got.edition()))
}

// confirmed returns a 304 that is about the stale page. One that is about another,
// or comes from an origin that did not mint the validators and so was not given
// them, is no answer: the page is fetched again, without conditions (RFC 9111 §4.3.4).
func (c *Cache) confirmed(ctx context.Context, f *fill, r *Request, got *Fetched) (*Fetched, error) {
	if f.stale != nil && f.stale.isConfirmed(got) {
		return got, nil
	}
	if f.stale == nil {
		return nil, unasked(got)
	}
	got.Response.Body.Close()
	return fetchUnasked(ctx, r, Query{Whole: true, Compressed: c.asksCompressed(r)})
}

// settle publishes the outcome.
func (f *fill) settle(o outcome) {
	f.outcome = o
	close(f.ready)
}

// standsIn reports whether the stale page may be served instead of a failure.
func (f *fill) standsIn(r *Request, now time.Time) bool {
	serve, _ := standsIn(f.stale, r, nil, now)
	return serve
}

// standsIn is [OnError] for a request that failed: first by the answer's own and the
// operator's rule for errors, then, where no origin is of use or could be reached at
// all, by the operator's rule for outages. An origin that answered badly, or hung up, is
// not out of reach: where the page says for how long it may be used, its failure is the answer,
// also where it does so all the time.
func standsIn(stale *Page, r *Request, failure error, now time.Time) (serve bool, detail string) {
	if stale.isGone() {
		return false, ""
	}
	f := stale.freshness().tolerating(ParseCacheControl(r.HTTP.Header["Cache-Control"]), r.Site.Policy)
	serve, detail = OnError(&f, r.Site.Policy, false, now)
	unasked := r.Site.inOutage() || unreached(failure)
	silent := !f.NoStale && !f.NoCache && f.StaleIfError < 0 // the page sets no limit of its own
	if !serve && (unasked || silent && r.Site.isAiling()) {
		return OnError(&f, r.Site.Policy, true, now)
	}
	return serve, detail
}

// unreached reports whether an error says that no origin could be reached: it was asked
// of none.
func unreached(err error) bool {
	var failed interface{ Unreached() bool }
	return errors.As(err, &failed) && failed.Unreached()
}

// settleFailure ends a fill that got no answer worth having: with the stale page
// if that may be served, else with the error. Only a refresh, which nobody leads,
// may come here with neither.
func (c *Cache) settleFailure(f *fill, r *Request, status int, err error, now time.Time) {
	defer c.leave(f)
	o := outcome{err: err, status: Status{FwdStatus: status}}
	if f.stale != nil {
		f.stale.revive(now.Add(revivedFor))
		if serve, detail := standsIn(f.stale, r, err, now); serve {
			o = outcome{page: f.stale, result: Stale, status: Status{FwdStatus: status, Detail: detail}}
		}
	}
	f.settle(o)
}

// settleFresh ends a fill whose stale page still holds. Where the 304 makes it a
// page that may not be kept, it is the leader's alone.
func (c *Cache) settleFresh(f *fill, r *Request, got *Fetched) {
	got.Response.Body.Close()
	base, held := c.confirmedNow(f.stale, got)
	page := base.freshen(r.HTTP.Header, got)
	o := outcome{page: page, result: Revalidated, tries: got.Attempts, status: Status{FwdStatus: http.StatusNotModified}}
	o.withheld = withheld(got.Response.Header)
	reason := Storable(r.HTTP.Method, r.HTTP.Header, page.Status, page.Header.Unpack())
	switch {
	case reason == "" && !held: // somebody had a reason to let go of it meanwhile
	case reason == "":
		o.status.Stored = c.keep(f, page, 0)
	case reason != ReasonCookie: // which is about this request, not about the page
		c.store.Drop(base)
		fallthrough
	default:
		c.decline(f.audience, reason)
		o.alone, o.status.Detail = true, string(reason)
	}
	f.settle(o)
	c.leave(f)
}

// confirmedNow is the page that a 304 is about, as it is stored by now: another 304 may have
// put one with a newer header in its place, which this one updates (RFC 9111 §4.3.4). held
// is false when there is none any more.
func (c *Cache) confirmedNow(page *Page, got *Fetched) (base *Page, held bool) {
	stored := c.store.Peek(page.Key)
	if slices.Contains(stored, page) {
		return page, true
	}
	for _, p := range stored {
		if p.SameVariant(page) && c.present(p) && p.isConfirmed(got) {
			return p, true
		}
	}
	return page, false
}

// storable is [Storable], with the limits of this cache.
func (c *Cache) storable(r *Request, got *Fetched) Reason {
	response := got.Response
	if got.Doubtful {
		if isGone(got.Response.StatusCode) {
			return ReasonUnconfirmed
		}
		return ReasonForeign
	}
	reason := Storable(r.HTTP.Method, r.HTTP.Header, response.StatusCode, response.Header)
	if reason != "" && (reason != ReasonNoFreshness || !got.rules()) {
		return reason
	}
	if response.StatusCode/100 == 2 && Contradicts(r.Key.Target(), response.Header.Get("Content-Type")) {
		return ReasonContentType
	}
	if response.ContentLength > c.maxPage {
		return ReasonTooLarge
	}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		return ReasonStreaming
	}
	return ""
}

// handOver gives an answer that cannot be stored to the leader, and releases the
// followers. cancel ends the fetch; it is called when the leader is done with it.
func (c *Cache) handOver(f *fill, r *Request, got *Fetched, reason Reason, cancel context.CancelFunc) {
	c.heed(f, r, got, reason)
	c.leave(f)
	f.settle(outcome{result: Miss, status: Status{FwdStatus: got.Response.StatusCode, Detail: string(reason)}})
	if f.leader == nil {
		f.stale.revive(c.now().Add(revivedFor)) // it may still be there: not to be repeated at every use
		got.Response.Body.Close()
		cancel()
		return
	}
	stop := context.AfterFunc(f.leader, cancel)
	c.decodeFor(r, got)
	got.Response.Body = &endingBody{ReadCloser: got.Response.Body, end: func() { stop(); cancel(); f.letGo() }}
	select {
	case f.handover <- got:
	case <-f.leader.Done():
		got.Response.Body.Close()
		close(f.handover)
	case <-c.ctx.Done():
		got.Response.Body.Close()
		close(f.handover)
	}
}

// heed draws the consequences of an answer that cannot be stored. A failure, or an
// answer to this request alone, or one that is perhaps somebody else's or earlier than what
// is stored, says nothing of the page. What is for one reader says nothing of what the others are shown.
// Anything else is the truth about the page (RFC 9111 §4.3.3), in this variant.
func (c *Cache) heed(f *fill, r *Request, got *Fetched, reason Reason) {
	if reason == ReasonPartial {
		return // see heedPart
	}
	if got.Response.StatusCode >= 500 || reason == ReasonStatus || reason == ReasonForeign || reason == ReasonUnconfirmed || reason == ReasonOlder || judgesRequest(got) {
		c.declineOnce(f.audience, reason)
		return
	}
	c.decline(f.audience, reason)
	if f.stale != nil && reason != ReasonPrivate && !personal(r.HTTP.Header) {
		c.store.Drop(f.stale)
	}
}

// endingBody is a response body that ends its fetch when it is closed.
type endingBody struct {
	io.ReadCloser
	end func()
}

// Close closes the body, then ends the fetch.
func (b *endingBody) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}

// receive settles the fill with a page and stores it when its body has arrived.
func (c *Cache) receive(ctx context.Context, cancel context.CancelFunc, f *fill, r *Request, got *Fetched) {
	defer got.Response.Body.Close()
	defer c.ended(f)
	defer c.leave(f)
	c.accept(f.audience)
	minted := single(got.Response.Header, "Etag")
	decoded := c.decode(r, got)
	page := newPage(f.key, r.HTTP.Header, got)
	if decoded {
		page.Minted, page.Decoded = minted, true
	}
	o := outcome{page: page, result: Miss, status: Status{FwdStatus: got.Response.StatusCode, Stored: true}, tries: got.Attempts}
	o.withheld = withheld(got.Response.Header)
	if f.leader != nil {
		o.cursor, _ = page.Body.Follow()
		defer context.AfterFunc(f.leader, o.cursor.Close)()
	}
	if got.Response.ContentLength == 0 {
		c.ends(f) // with its header
	}
	f.settle(o)
	transfer := &transfer{cache: c, fill: f, body: page.Body, length: got.Response.ContentLength}
	c.work.Go(func() { transfer.watch(ctx, cancel) })
	err := transfer.copy(ctx, got.Response.Body)
	if err != nil {
		// Before the followers learn of it: one who asks again must not join this.
		c.leave(f)
		c.count.FillAborts.Add(1)
	}
	page.Body.trim()
	c.ends(f)
	page.Body.end(err, got.Response.Trailer)
	if err != nil || transfer.passing {
		c.store.Release(f.key, transfer.reserved)
		if !transfer.passing {
			c.keepBroken(f, page)
		}
		return
	}
	c.keep(f, page.finished(), transfer.reserved)
}

// keep stores the page, unless its key was invalidated since the fill began, or a
// fill that began later was the first to end.
func (c *Cache) keep(f *fill, page *Page, reserved int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	c.mu.Lock() // no other fill may store between the look and the Put
	defer c.mu.Unlock()
	if f.spoiled || slices.ContainsFunc(c.store.Peek(f.key), page.isOlder) || !c.admitLocked(page, f.stale, f.number) {
		c.store.Release(f.key, reserved)
		return false
	}
	c.store.Remove(partKey(f.key))
	return c.put(page, reserved)
}

// spoil makes sure that the fill stores nothing after it returns.
func (f *fill) spoil() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spoiled = true
}
