package cache

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
)

// ErrNotStored answers a request that allows nothing but a stored page
// (only-if-cached) where there is none: 504, RFC 9111 §5.2.1.7.
var ErrNotStored = errors.New("nothing stored answers this request, and it forbids asking an origin")

// errClosed ends what comes after Close.
var errClosed = errors.New("the cache is shutting down")

// fill is the one fetch that stores a page while any number of readers follow it.
//
// Its goroutine decides the outcome, closes ready, and then receives the body.
// Readers wait for ready and take what the outcome offers them.
type fill struct {
	key   Key
	name  string // its place in Cache.fills
	stale *Page  // stored and past its time; nil when nothing was

	mu      sync.Mutex // guards spoiled, and is held while the page is stored
	spoiled bool       // the key was invalidated meanwhile: do not store

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
func (c *Cache) follow(ctx context.Context, r *Request, stale *Page, status Status) (Answer, error) {
	var vary []string // as an answer that was another variant told
	for range rounds {
		f, leading, err := c.join(ctx, r, stale, vary)
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
			return answer, err
		}
		if f.page == nil || c.isDeclined(r.Key) {
			break
		}
		vary = f.page.VaryNames
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
func (c *Cache) join(ctx context.Context, r *Request, stale *Page, vary []string) (f *fill, leading bool, err error) {
	name := c.fillName(r, vary)
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

// fillName tells fills of one key apart by variant: as vary says, or else what is
// stored.
func (c *Cache) fillName(r *Request, vary []string) string {
	if len(vary) == 0 {
		if pages := c.store.Pages(r.Key); len(pages) > 0 {
			vary = pages[0].VaryNames
		}
	}
	if len(vary) == 0 {
		return string(r.Key)
	}
	return string(r.Key) + "\x00" + strings.Join(VaryValues(vary, r.HTTP.Header), "\x00")
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
	if r.HTTP.Method != http.MethodGet { // only GET makes a page; HEAD is answered from it
		own.HTTP = r.HTTP.WithContext(c.ctx)
		own.HTTP.Method = http.MethodGet
	}
	c.work.Go(func() { c.run(f, &own) })
	return f, nil
}

// refresh starts a fill behind the reader's back, unless one is under way or was
// done since the reader looked.
func (c *Cache) refresh(r *Request, stale *Page) {
	name := c.fillName(r, nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, running := c.fills[name]; running || Select(c.store.Pages(r.Key), r.HTTP.Header) != stale {
		return
	}
	if _, err := c.startLocked(nil, name, r, stale); err == nil { //nolint:staticcheck // nobody leads a refresh
		c.count.Refreshes.Add(1)
	}
}

// leave takes the fill out of the way of later readers.
func (c *Cache) leave(f *fill) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaveLocked(f)
}

// leaveLocked is leave. Doing it twice is the same as doing it once.
func (c *Cache) leaveLocked(f *fill) {
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
		if !ok { // the reader left, or Close came first
			return Answer{}, true, cmp.Or(context.Cause(ctx), errClosed)
		}
		return Answer{
			Response: got.Response, Origin: got.Origin, Attempts: got.Attempts, Result: f.result, Status: status,
		}, true, nil
	case f.page == nil || !f.page.Matches(r.HTTP.Header):
		return Answer{}, false, nil
	}
	page, now := f.page, c.now()
	_, whole := page.Body.Whole() // once: a body that ends meanwhile must not change the rest
	a = Answer{
		Rendition: page.render(r.HTTP, whole), Age: page.Freshness.Age(now), Origin: page.Origin,
		Result: f.result, Status: status,
	}
	a.Status.Stored = f.status.Stored
	if leading {
		a.Attempts = f.tries
	}
	if f.result == Stale {
		a.Status.Hit, a.Status.Fwd, a.Status.Collapsed = true, "", false
		a.Status.FwdStatus = 0
		a.Status.TTL, a.Status.HasTTL = page.Freshness.TTL(now), true
	}
	a.Cursor, settled = f.place(leading, a.Rendition.Body != nil && !whole)
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
