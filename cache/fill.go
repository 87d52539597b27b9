package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
)

// ErrNotStored answers a request that allows nothing but a stored page
// (only-if-cached) where there is none: 504, RFC 9111 §5.2.1.7.
var ErrNotStored = errors.New("nothing stored answers this request, and it forbids asking an origin")

// errClosed ends what comes after Close.
var errClosed = errors.New("the cache is shutting down")

// errNobodyFollows ends a transfer that is too large to store and has no reader left.
var errNobodyFollows = errors.New("no reader is left to follow a body that is not stored")

// fill is the one fetch that stores a page while any number of readers follow it.
//
// Its goroutine decides the outcome, closes ready, and then receives the body.
// Readers wait for ready and take what the outcome offers them.
type fill struct {
	key     Key
	name    string      // its place in Cache.fills
	stale   *Page       // stored and past its time; nil when nothing was
	spoiled atomic.Bool // the key was invalidated meanwhile: do not store

	leader   context.Context // of the reader who started it; nil for a refresh
	interim  chan http.Header
	handover chan *Fetched // an answer that cannot be stored, for the leader alone

	ready chan struct{} // closed when the outcome is decided; it never changes after
	outcome
}

// outcome is what a fill came to: a page, an error, or neither, which releases
// the followers to fetch for themselves.
type outcome struct {
	page   *Page
	cursor *Cursor // the leader's, opened before the body starts to arrive
	result Result
	status Status
	tries  int // origins that were asked
	err    error
}

// follow joins the fill for the request, or starts it, and waits for its outcome.
// stale is the stored page that could not be served as it is.
func (c *Cache) follow(ctx context.Context, r *Request, stale *Page, status Status, detail string) (Answer, error) {
	for range rounds {
		f, leading, err := c.join(ctx, r, stale)
		if err != nil {
			return Answer{}, err
		}
		if f == nil { // stored since we looked
			return c.Answer(ctx, r)
		}
		if err := f.wait(ctx, r, leading); err != nil {
			return Answer{}, err
		}
		answer, settled, err := c.take(ctx, f, r, leading, status)
		if settled {
			if answer.Status.Detail == "" {
				answer.Status.Detail = detail
			}
			return answer, err
		}
		if c.isDeclined(r.Key) {
			break
		}
	}
	return c.pass(ctx, r, status)
}

// join returns the fill that is under way for the request, or starts one and
// says that the caller leads it. Without a fill, the page was stored meanwhile:
//
//	reader A: looks into the store, finds nothing
//	fill:     stores the page, leaves fills
//	reader A: looks into fills, finds nothing
//
// so the store is asked again under the lock that a fill takes to leave.
func (c *Cache) join(ctx context.Context, r *Request, stale *Page) (f *fill, leading bool, err error) {
	name := c.fillName(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.fills[name]; ok {
		return f, false, nil
	}
	if page := Select(c.store.Pages(r.Key), r.HTTP.Header); page != nil && page != stale {
		return nil, false, nil
	}
	f, err = c.startLocked(ctx, name, r, stale)
	return f, true, err
}

// fillName tells fills of one key apart by the variants that are known of it.
func (c *Cache) fillName(r *Request) string {
	pages := c.store.Pages(r.Key)
	if len(pages) == 0 || len(pages[0].VaryNames) == 0 {
		return string(r.Key)
	}
	return string(r.Key) + "\x00" + strings.Join(VaryValues(pages[0].VaryNames, r.HTTP.Header), "\x00")
}

// startLocked starts a fill. leader is nil for a refresh.
func (c *Cache) startLocked(leader context.Context, name string, r *Request, stale *Page) (*fill, error) {
	if c.closed {
		return nil, errClosed
	}
	f := &fill{
		key: r.Key, name: name, stale: stale, leader: leader,
		ready:    make(chan struct{}),
		interim:  make(chan http.Header, 4),
		handover: make(chan *Fetched),
	}
	c.fills[name] = f
	c.byKey[r.Key]++
	own := *r // the fill may outlive the reader's
	own.Interim = nil
	c.work.Go(func() { c.run(f, &own) })
	return f, nil
}

// refresh starts a fill behind the reader's back, unless one is under way.
func (c *Cache) refresh(r *Request, stale *Page) {
	name := c.fillName(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, running := c.fills[name]; running {
		return
	}
	if _, err := c.startLocked(nil, name, r, stale); err == nil {
		c.count.Refreshes.Add(1)
	}
}

// leave takes the fill out of the way of later readers.
func (c *Cache) leave(f *fill) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fills[f.name] != f {
		return
	}
	delete(c.fills, f.name)
	if c.byKey[f.key]--; c.byKey[f.key] == 0 {
		delete(c.byKey, f.key)
	}
}

// wait blocks until the fill's outcome is decided. Hints that come before it are
// told to the leader. An answer that only the leader can have ends the wait, too:
// it is left in f.page's stead by take.
func (f *fill) wait(ctx context.Context, r *Request, leading bool) error {
	for {
		var interim chan http.Header
		if leading && r.Interim != nil {
			interim = f.interim
		}
		select {
		case <-f.ready:
			return nil
		case h := <-interim:
			r.Interim(h)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
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
		if !ok {
			return Answer{}, true, errClosed
		}
		return Answer{
			Response: got.Response, Origin: got.Origin, Attempts: got.Attempts, Result: f.result, Status: status,
		}, true, nil
	case f.page == nil || !f.page.Matches(r.HTTP.Header):
		return Answer{}, false, nil
	}
	if !leading {
		c.count.Collapsed.Add(1)
	}
	now := c.now()
	page := f.page
	a = Answer{Rendition: page.Render(r.HTTP), Origin: page.Origin, Result: f.result, Status: status}
	a.Status.Stored = f.status.Stored
	if leading {
		a.Attempts = f.tries
	}
	switch f.result {
	case Stale:
		a.Age = page.Freshness.Age(now)
		a.Status.Hit, a.Status.Fwd, a.Status.Collapsed = true, "", false
		a.Status.FwdStatus = 0
		a.Status.TTL, a.Status.HasTTL = page.Freshness.TTL(now), true
	case Revalidated:
		a.Age = page.Freshness.Age(now)
	}
	if a.Rendition.Body == nil {
		return a, true, nil
	}
	if _, whole := page.Body.Whole(); whole {
		return a, true, nil
	}
	if leading {
		a.Cursor = f.cursor
		return a, true, nil
	}
	cursor, ok := page.Body.Follow()
	if !ok {
		return Answer{}, false, nil
	}
	a.Cursor = cursor
	return a, true, nil
}

// run is the life of a fill.
func (c *Cache) run(f *fill, r *Request) {
	ctx, cancel := context.WithCancel(c.ctx)
	query := Query{Whole: true}
	if f.stale != nil {
		query.Validators = f.stale.Validators
	}
	if f.leader != nil {
		query.Interim = func(h http.Header) {
			select {
			case f.interim <- h:
			default: // a leader who cannot keep up with hints does without
			}
		}
	}
	got, err := r.Site.Fetch(ctx, r, query)
	if err == nil && got.Response.StatusCode == http.StatusNotModified {
		got, err = c.confirmed(ctx, f, r, got)
	}
	switch {
	case err != nil:
		c.settleFailure(f, r, 0, err)
	case got.Response.StatusCode == http.StatusNotModified:
		c.settleFresh(f, r, got)
	case f.stale != nil && got.Response.StatusCode >= 500 && c.standsIn(f, r):
		got.Response.Body.Close()
		c.settleFailure(f, r, got.Response.StatusCode, nil)
	default:
		if reason := c.storable(r, got.Response); reason != "" {
			c.handOver(f, got, reason, cancel) // the response keeps ctx
			return
		}
		c.receive(ctx, f, r, got)
	}
	cancel()
}

// confirmed returns a 304 that is about the stale page. One that is about another
// is no answer: the page is fetched again, without conditions (RFC 9111 §4.3.4).
func (c *Cache) confirmed(ctx context.Context, f *fill, r *Request, got *Fetched) (*Fetched, error) {
	if f.stale != nil && Confirms(f.stale.Header, got.Response.Header) {
		return got, nil
	}
	got.Response.Body.Close()
	if f.stale == nil {
		return nil, fmt.Errorf("%s answered 304 to a request without conditions", got.Origin)
	}
	got, err := r.Site.Fetch(ctx, r, Query{Whole: true})
	if err == nil && got.Response.StatusCode == http.StatusNotModified {
		got.Response.Body.Close()
		return nil, fmt.Errorf("%s answered 304 to a request without conditions", got.Origin)
	}
	return got, err
}

// settle publishes the outcome.
func (f *fill) settle(o outcome) {
	f.outcome = o
	close(f.ready)
}

// standsIn reports whether the stale page may be served instead of a failure.
func (c *Cache) standsIn(f *fill, r *Request) bool {
	serve, _ := c.onError(f, r)
	return serve
}

// onError is [OnError] for the fill's stale page: first by the answer's own and
// the operator's rule for errors, then, since no origin had an answer, by the
// operator's rule for outages.
func (c *Cache) onError(f *fill, r *Request) (serve bool, detail string) {
	now := c.now()
	if serve, detail = OnError(&f.stale.Freshness, r.Site.Policy, false, now); serve {
		return serve, detail
	}
	return OnError(&f.stale.Freshness, r.Site.Policy, true, now)
}

// settleFailure ends a fill that got no answer worth having: with the stale page
// if that may be served, else with the error.
func (c *Cache) settleFailure(f *fill, r *Request, status int, err error) {
	defer c.leave(f)
	o := outcome{err: err, status: Status{FwdStatus: status}}
	if f.stale != nil && !errors.Is(err, context.Canceled) {
		if serve, detail := c.onError(f, r); serve {
			f.stale.revive(c.now().Add(revivedFor))
			o = outcome{page: f.stale, result: Stale, status: Status{FwdStatus: status, Detail: detail}}
		}
	}
	f.settle(o)
}

// settleFresh ends a fill whose stale page still holds.
func (c *Cache) settleFresh(f *fill, r *Request, got *Fetched) {
	got.Response.Body.Close()
	page := f.stale.freshen(r.HTTP.Header, got)
	stored := false
	if Storable(r.HTTP.Method, r.HTTP.Header, page.Status, page.Header) != "" {
		c.store.Remove(f.key) // the 304 forbids to keep it any longer
	} else if !f.spoiled.Load() {
		stored = c.store.Put(page, 0)
	}
	f.settle(outcome{
		page: page, result: Revalidated, tries: got.Attempts,
		status: Status{FwdStatus: http.StatusNotModified, Stored: stored},
	})
	c.leave(f)
}

// storable is [Storable], with the limits of this cache.
func (c *Cache) storable(r *Request, response *http.Response) Reason {
	if reason := Storable(r.HTTP.Method, r.HTTP.Header, response.StatusCode, response.Header); reason != "" {
		return reason
	}
	if response.ContentLength > c.maxPage {
		return ReasonTooLarge
	}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		return ReasonBypass // it never ends
	}
	return ""
}

// handOver gives an answer that cannot be stored to the leader, and releases the
// followers. cancel ends the fetch; it is called when the leader is done with it.
func (c *Cache) handOver(f *fill, got *Fetched, reason Reason, cancel context.CancelFunc) {
	if got.Response.StatusCode < 500 {
		c.decline(f.key, reason)
		if f.stale != nil {
			c.store.Remove(f.key) // RFC 9111 §4.3.3: the new answer is the truth
		}
	} else {
		c.count.Uncacheable[reason].Add(1)
	}
	c.leave(f)
	f.settle(outcome{result: Miss, status: Status{FwdStatus: got.Response.StatusCode, Detail: string(reason)}})
	if f.leader == nil {
		got.Response.Body.Close()
		cancel()
		return
	}
	stop := context.AfterFunc(f.leader, cancel)
	got.Response.Body = &endingBody{ReadCloser: got.Response.Body, end: func() { stop(); cancel() }}
	select {
	case f.handover <- got:
	case <-f.leader.Done():
		got.Response.Body.Close()
		close(f.handover)
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
func (c *Cache) receive(ctx context.Context, f *fill, r *Request, got *Fetched) {
	defer got.Response.Body.Close()
	defer c.leave(f)
	c.accept(f.key)
	page := newPage(f.key, r.HTTP.Header, got)
	o := outcome{page: page, result: Miss, status: Status{FwdStatus: got.Response.StatusCode, Stored: true}, tries: got.Attempts}
	if f.leader != nil {
		o.cursor, _ = page.Body.Follow()
		defer context.AfterFunc(f.leader, o.cursor.Close)()
	}
	f.settle(o)
	transfer := &transfer{cache: c, fill: f, body: page.Body, length: got.Response.ContentLength}
	err := transfer.copy(ctx, got.Response.Body)
	page.Body.trim()
	page.Body.end(err, got.Response.Trailer)
	if err != nil || transfer.passing || f.spoiled.Load() {
		c.store.Release(f.key, transfer.reserved)
		if err != nil {
			c.count.FillAborts.Add(1)
		}
		return
	}
	c.store.Put(page.finished(), transfer.reserved)
}

// transfer is the arrival of one body.
type transfer struct {
	cache    *Cache
	fill     *fill
	body     *Body
	length   int64 // declared; -1 when it is not
	reserved int64 // bytes of the store's budget
	passing  bool  // too large to keep: only a window of it is held
}

// copy reads the body to its end. A body that is shorter than declared is an error
// of the response's reader already (io.ErrUnexpectedEOF).
func (t *transfer) copy(ctx context.Context, from io.Reader) error {
	for {
		room := t.body.room()
		if len(room) == 0 {
			if t.length >= 0 && t.body.Size() >= t.length {
				return expectEnd(from)
			}
			if err := t.extend(ctx); err != nil {
				return err
			}
			room = t.body.room()
		}
		n, err := from.Read(room)
		if n > 0 {
			t.body.grow(n)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the body broke off after %d bytes: %w", t.body.Size(), err)
		}
		if t.passing && !t.body.waitPassed(ctx) {
			return errNobodyFollows
		}
	}
}

// extend makes room for more bytes: within the budget while the page can still be
// stored, in a window behind the readers once it cannot.
func (t *transfer) extend(ctx context.Context) error {
	n := t.nextChunk()
	if !t.passing && (t.body.Size()+n > t.cache.maxPage || !t.cache.store.Reserve(t.fill.key, n)) {
		t.startPassing()
	}
	if t.passing {
		n = min(n, firstChunk<<4)
		if !t.body.waitPassed(ctx) {
			return errNobodyFollows
		}
	} else {
		t.reserved += n
	}
	t.body.extend(int(n))
	return nil
}

// nextChunk is the size of the next allocation: exact when the length is known,
// else as much again as there is already.
func (t *transfer) nextChunk() int64 {
	size := t.body.Size()
	if t.length >= 0 {
		return min(t.length-size, largeChunk)
	}
	return min(max(size, firstChunk), largeChunk)
}

// startPassing gives up storing the page: readers that follow get it all, later
// ones fetch for themselves.
func (t *transfer) startPassing() {
	t.passing = true
	t.cache.decline(t.fill.key, ReasonTooLarge)
	t.cache.leave(t.fill)
	t.body.pass()
	t.cache.store.Release(t.fill.key, t.reserved)
	t.reserved = 0
}

// expectEnd makes sure that nothing follows a body that has its declared length.
func expectEnd(from io.Reader) error {
	var one [1]byte
	for {
		n, err := from.Read(one[:])
		switch {
		case n > 0:
			return errors.New("the body is longer than declared")
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}
