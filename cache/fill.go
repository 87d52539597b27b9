package cache

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// ErrNotStored answers a request that allows nothing but a stored page
// (only-if-cached) where there is none: 504, RFC 9111 §5.2.1.7.
var ErrNotStored = errors.New("nothing stored answers this request, and it forbids asking an origin")

// interims is how many interim answers wait for a leader who is slow to pass them on: as many as
// an origin may send.
const interims = 32

// mostRefreshes is how many refreshes of one site are under way at once. After a soft purge
// of everything, readers would else send every page that they use to the origins at once;
// none of them waits for it.
const mostRefreshes = 16

// errClosed ends what comes after Close.
var errClosed = errors.New("the cache is shutting down")

// fill is the one fetch that stores a page while any number of readers follow it.
//
// Its goroutine decides the outcome, closes ready, and then receives the body.
// Readers wait for ready and take what the outcome offers them.
type fill struct {
	key      Key
	audience Key        // as [audience] says of the request
	name     string     // its place in Cache.fills
	stale    *Page      // stored and past its time; nil when nothing was
	rest     *remainder // what is asked for of the page; nil for all of it
	number   uint64     // see purging
	// conditional: the leader's own conditions go along, and may be what is answered.
	conditional bool

	mu      sync.Mutex // guards spoiled, and is held while the page is stored
	spoiled bool       // the key was invalidated meanwhile: do not store

	leader   context.Context // of the reader who started it, for as long as that one waits; nil for a refresh
	letGo    func()          // ends leader
	interim  chan interim
	handover chan *Fetched // an answer that cannot be stored, for the leader alone

	over chan struct{} // see Cache.ends; of the fill's goroutine

	ready chan struct{} // closed when the outcome is decided; it never changes after
	outcome
}

// interim is an answer that comes before the answer.
type interim struct {
	code   int
	header http.Header
}

// outcome is what a fill came to: a page, an error, or neither, which releases
// the followers to fetch for themselves.
type outcome struct {
	page   *Page
	alone  bool    // page is for the leader and nobody else
	cursor *Cursor // the leader's, opened before the body starts to arrive
	result Result
	status Status
	tries  int // origins that were asked
	err    error

	withheld []Field // what the answer had for the leader alone
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
	var rest *remainder
	if stale == nil {
		name += conditionsOf(r)
		rest = c.restOfPage(r)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.fills[name]; ok {
		return f, false, nil
	}
	if page := Select(c.pages(r.Key), r.HTTP.Header); page != nil && page != stale && page.serves(r.HTTP.Header) {
		return nil, false, nil
	}
	if stale != nil && (!c.present(stale) || !slices.Contains(c.store.Peek(stale.Key), stale)) {
		return nil, false, nil // purged since the reader looked, perhaps after another had taken its place
	}
	if rest != nil && Select(c.pages(partKey(r.Key)), r.HTTP.Header) != rest.held {
		return nil, false, nil // purged since the reader looked, or there is more of it by now
	}
	f, err = c.startLocked(ctx, name, r, stale, rest)
	return f, true, err
}

// fillName tells fills of one key apart by variant: as vary says, or else what is
// stored.
func (c *Cache) fillName(r *Request, vary []string) string {
	if len(vary) == 0 {
		if pages := c.store.Peek(r.Key); len(pages) > 0 {
			vary = pages[0].varies()
		}
	}
	own := string(audience(r)) // nobody waits for an answer that is rarely for both
	if len(vary) == 0 {
		return own
	}
	return own + "\x00" + strings.Join(VaryValues(vary, r.HTTP.Header), "\x00")
}

// startLocked starts a fill of all of the page, or of a rest of it. leader is nil for a
// refresh.
func (c *Cache) startLocked(leader context.Context, name string, r *Request, stale *Page, rest *remainder) (*fill, error) {
	if c.closed {
		return nil, errClosed
	}
	f := &fill{
		key: r.Key, audience: audience(r), name: name, stale: stale, rest: rest, letGo: func() {},
		ready:    make(chan struct{}),
		interim:  make(chan interim, interims),
		handover: make(chan *Fetched),

		conditional: stale == nil && conditionsOf(r) != "",
	}
	if rest != nil && !rest.whole {
		f.audience, f.conditional = audience(r.inParts()), false
	}
	if leader != nil {
		f.leader, f.letGo = context.WithCancel(leader)
	}
	c.fills[name] = f
	c.byKey[r.Key]++
	f.number = c.fetchBeganLocked()
	own := *r // the fill may outlive the reader's
	own.Interim = nil
	c.work.Go(func() {
		c.run(f, &own)
		if leader == nil {
			c.refreshEnded(f.key.Site())
		}
	})
	return f, nil
}

// refresh starts a fill behind the reader's back, unless one is under way or was
// done since the reader looked, or the site has as many as it may: the page's next use
// starts it then.
func (c *Cache) refresh(r *Request, stale *Page) {
	name, site := c.fillName(r, nil), r.Key.Site()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refreshing[site] >= mostRefreshes {
		return
	}
	if _, running := c.fills[name]; running || Select(c.pages(r.Key), r.HTTP.Header) != stale {
		return
	}
	if _, err := c.startLocked(nil, name, r, stale, nil); err == nil { //nolint:staticcheck // nobody leads a refresh
		c.count.Refreshes.Add(1)
		c.refreshing[site]++
	}
}

// refreshEnded makes room for another refresh of the site.
func (c *Cache) refreshEnded(site string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refreshing[site]--; c.refreshing[site] == 0 {
		delete(c.refreshing, site)
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

// conditionsOf are the reader's own preconditions, as they go to the only origin there is
// where nothing is stored that they could be compared with: RFC 9111 §4.3.2 leaves them to
// that. What a reader holds from one of several may be something else to the others, so
// these are asked for the whole page. It is "" without any.
func conditionsOf(r *Request) string {
	if !r.Site.Lone || !conditional(r.HTTP.Header) {
		return ""
	}
	var all strings.Builder
	for _, name := range [...]string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		for _, value := range r.HTTP.Header[name] {
			all.WriteString("\x00" + name + ":" + value)
		}
	}
	return all.String()
}
