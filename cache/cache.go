package cache

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// revivedFor is how long a failed refresh is not repeated.
	revivedFor = 60 * time.Second
	// patience is how long a reader waits for a page to be validated where the stale
	// one may be served in place of an error. It is when a hedge is due at the latest.
	patience = time.Second
	// slowRest is how long the others do not wait at all after that.
	slowRest = 10 * time.Second
	// rounds bounds how often a reader joins a fill that turns out to be of
	// another variant before it fetches alone.
	rounds = 3
)

// Result says in one word how an answer came about.
type Result string

// The closed set of results.
const (
	Hit         Result = "hit"         // stored and fresh
	Stale       Result = "stale"       // stored, past its lifetime
	Revalidated Result = "revalidated" // stored, and an origin said that it still holds
	Miss        Result = "miss"        // fetched, or followed while being fetched
	Bypass      Result = "bypass"      // not for the cache
	Failed      Result = "error"       // none of them: an error page
)

// Results lists the closed set, for metrics that must exist at zero.
func Results() []Result { return []Result{Hit, Stale, Revalidated, Miss, Bypass, Failed} }

// Answer is what a reader gets: a rendition, or a response passed through.
type Answer struct {
	Rendition Rendition      // when Response is nil
	Cursor    *Cursor        // follows a body that is still arriving; nil when it is whole. Must be closed.
	Response  *http.Response // passed through; its body must be closed
	Age       time.Duration  // of a page; 0 when passed through
	Origin    string         // that the answer came from, now or when it was stored
	Attempts  int            // how many origins were asked for this reader
	Result    Result
	Status    Status

	doubtful bool // passed through, and perhaps not the publication's
}

// Cache answers requests from a [Store], and fills it. Its methods are safe for
// concurrent use. Make one with [New] and end it with Close.
type Cache struct {
	store   Store
	maxPage int64
	now     func() time.Time
	count   Counters
	coders  coders

	ctx    context.Context // of all fills; ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup // fills

	mu       sync.Mutex // guards everything that follows
	closed   bool
	fills    map[string]*fill
	byKey    map[Key]int           // how many of fills are for a key
	ending   map[Key]chan struct{} // closed when what has arrived of a key is stored
	declined *simplelru.LRU[Key, refusal]
	purging  *purging // in part

	refreshing map[string]int // how many refreshes are under way, by the site of their keys

	noVary *noVaryIndex // has a lock of its own
}

// Counters tell what happened since the start.
type Counters struct {
	Collapsed   atomic.Uint64 // readers who followed another's fill
	FillAborts  atomic.Uint64 // fills that ended before their body was whole
	Refreshes   atomic.Uint64 // refreshes behind a reader's back
	Uncacheable map[Reason]*atomic.Uint64
	Renditions  map[string]*atomic.Uint64 // that were made to be kept, by coding
	Parts       map[PartOutcome]*atomic.Uint64
}

// Options are what a Cache needs.
type Options struct {
	Store   Store
	MaxPage int64            // largest body that is stored, in bytes
	Now     func() time.Time // nil means time.Now
	// Purged is told of each purge that an operator asked for when it is done. It must be
	// quick. May be nil.
	Purged func(PurgeReport)
}

// New returns a cache over a store.
func New(o Options) *Cache {
	if o.Now == nil {
		o.Now = time.Now
	}
	ctx, cancel := context.WithCancel(context.Background())
	declined, err := simplelru.NewLRU[Key, refusal](declinedKeys, nil)
	if err != nil {
		panic(err) // only for a size below one
	}
	c := &Cache{
		store: o.Store, maxPage: o.MaxPage, now: o.Now, ctx: ctx, cancel: cancel,
		fills: make(map[string]*fill), byKey: make(map[Key]int), ending: make(map[Key]chan struct{}), refreshing: make(map[string]int), declined: declined, purging: newPurging(),
		noVary: newNoVaryIndex(),
	}
	c.coders.open()
	c.purging.told = o.Purged
	c.count.Uncacheable = make(map[Reason]*atomic.Uint64)
	for _, r := range Reasons() {
		c.count.Uncacheable[r] = new(atomic.Uint64)
	}
	c.count.Renditions = make(map[string]*atomic.Uint64)
	for _, coding := range preferred {
		c.count.Renditions[coding.name()] = new(atomic.Uint64)
	}
	c.count.Parts = make(map[PartOutcome]*atomic.Uint64)
	for _, o := range PartOutcomes() {
		c.count.Parts[o] = new(atomic.Uint64)
	}
	return c
}

// Close ends all fills and waits for them. Readers who follow one get an error.
func (c *Cache) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.work.Wait()
}

// Counters are the cache's own; they may be read at any time.
func (c *Cache) Counters() *Counters { return &c.count }

// Usage tells what the store holds now.
func (c *Cache) Usage() Usage { return c.store.Usage() }

// Answer finds, follows or fetches what the request asks for. The error is
// Fetch's, ErrNotStored for a request that allows nothing but a stored page, or
// ctx's.
func (c *Cache) Answer(ctx context.Context, r *Request) (Answer, error) {
	for range rounds {
		if a, err := c.answer(ctx, r); err != errLookAgain {
			return a, err
		}
	}
	return c.pass(ctx, r, Query{Interim: r.Interim}, Status{Fwd: FwdURIMiss})
}

// answer is Answer. The error is errLookAgain where the store has changed since it was
// looked into.
func (c *Cache) answer(ctx context.Context, r *Request) (Answer, error) {
	if fwd := bypass(r); fwd != "" {
		return c.pass(ctx, r, Query{Interim: r.Interim}, Status{Fwd: fwd})
	}
	now := c.now()
	pages := c.pages(r.Key)
	page := Select(pages, r.HTTP.Header)
	if page == nil {
		if other := c.equivalent(r); other != nil {
			return c.answer(ctx, other)
		}
	}
	if page == nil || !page.serves(r.HTTP.Header) {
		if c.awaitEnd(ctx, r, page) {
			return Answer{}, errLookAgain
		}
		return c.miss(ctx, r, pages)
	}
	directives := ParseCacheControl(r.HTTP.Header["Cache-Control"])
	decision := c.decide(page, r, directives, now)
	switch decision.Action {
	case Serve:
		return c.stored(ctx, page, r, decision, now), nil
	case ServeAndRefresh:
		if !directives.NoStore && !page.isRevived(now) {
			c.refresh(r, page)
		}
		return c.stored(ctx, page, r, decision, now), nil
	}
	switch {
	case c.awaitEnd(ctx, r, page):
		return Answer{}, errLookAgain
	case decision.Action == Refuse:
		return Answer{}, ErrNotStored
	}
	status := Status{Fwd: decision.Detail}
	switch recourseOf(r.HTTP.Method, false, directives, c.isDeclined(audience(r))) {
	case recoursePass:
		return c.passOver(ctx, r, page, status)
	case recourseHead:
		return c.head(ctx, r, page, status)
	case recourseDeclined:
		status.Detail = "uncacheable"
		return c.passOver(ctx, r, page, status)
	}
	return c.follow(ctx, r, page, status)
}

// bypass reports why a request does not look into the cache at all, as the
// word that Cache-Status has for it; empty when it does.
func bypass(r *Request) string {
	switch {
	case r.HTTP.Method != http.MethodGet && r.HTTP.Method != http.MethodHead:
		return FwdMethod
	case r.Bypass, r.HTTP.Header.Get("Upgrade") != "":
		return FwdBypass
	}
	return ""
}

// decide is [Decide], with the state of the origins asked for only when it matters.
func (c *Cache) decide(page *Page, r *Request, directives Directives, now time.Time) Decision {
	outage, f := false, page.freshness()
	if ttl := f.TTL(now); ttl <= 0 || f.NoCache {
		if ttl <= 0 && page.isRevived(now) && !demandsMore(directives, r.HTTP.Header) && f.mayServeStale(r.Site.Policy, now) {
			return Decision{Action: Serve, Stale: true, TTL: ttl, Detail: DetailRevived}
		}
		outage = r.Site.inOutage()
	}
	return Decide(&f, directives, PragmaNoCache(r.HTTP.Header), r.Site.Policy, outage, now)
}

// mayServeStale reports whether an error would allow the page to be served.
func (f Freshness) mayServeStale(p Policy, now time.Time) bool {
	serve, _ := OnError(&f, p, false, now)
	return serve
}

// stored is the answer that a stored page gives.
func (c *Cache) stored(ctx context.Context, page *Page, r *Request, d Decision, now time.Time) Answer {
	a := Answer{
		Age:    page.Freshness.Age(now),
		Origin: page.Origin,
		Result: Hit,
		Status: Status{Hit: true, TTL: d.TTL, HasTTL: true, Detail: d.Detail},
	}
	a.Rendition, a.Cursor = c.render(ctx, page, r)
	if d.Stale {
		a.Result = Stale
	}
	return a
}

// miss goes on where nothing stored answers the request.
func (c *Cache) miss(ctx context.Context, r *Request, others []*Page) (Answer, error) {
	fwd := FwdURIMiss
	if len(others) > 0 {
		fwd = FwdVaryMiss
	}
	directives := ParseCacheControl(r.HTTP.Header["Cache-Control"])
	switch recourseOf(r.HTTP.Method, r.ranged(), directives, c.isDeclined(audience(r))) {
	case recourseParts:
		a, err := c.answerPart(ctx, r, directives, Status{Fwd: fwd})
		if err != errLookAgain {
			c.count.Parts[partOutcome(a, err)].Add(1)
		}
		return a, err
	case recourseRefuse:
		return Answer{}, ErrNotStored
	case recoursePass, recourseHead:
		return c.pass(ctx, r, Query{Interim: r.Interim}, Status{Fwd: fwd})
	case recourseDeclined:
		return c.pass(ctx, r, Query{Interim: r.Interim}, Status{Fwd: fwd, Detail: "uncacheable"})
	}
	if c.restOfPage(r) != nil {
		fwd = FwdPartial
	}
	return c.follow(ctx, r, nil, Status{Fwd: fwd})
}

// Invalidate lets go of what is stored under key. Fills that are under way store
// nothing, and readers who come later do not follow them.
func (c *Cache) Invalidate(key Key) {
	for _, key := range c.noVary.equals(key) {
		for _, f := range c.leaveAll(key) {
			f.spoil()
		}
		c.mu.Lock() // not between an update's look at the store and its Put
		c.purging.invalidatedLocked(key, c.now())
		for _, key := range []Key{key, partKey(key)} {
			for _, page := range c.store.Peek(key) {
				page.let() // or who found it before would have it validated, or stand in, for those who come later
			}
			c.store.Remove(key)
		}
		c.mu.Unlock()
	}
}

// leaveAll takes all fills of a key out of the way of later readers.
func (c *Cache) leaveAll(key Key) []*fill {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey[key] == 0 {
		return nil
	}
	var left []*fill
	for _, f := range c.fills {
		if f.key == key {
			left = append(left, f)
			c.leaveLocked(f)
		}
	}
	return left
}
