package cache

import "context"

// Store keeps pages by key within a budget of bytes.
//
// The budget counts bodies, headers and bookkeeping ([Page.Cost]) of the pages
// stored, and bytes that were reserved for bodies still arriving; it is never
// exceeded: what does not fit is made room for by letting go of other pages, or
// refused. Outside of it are the headers of pages that are still arriving, the
// windows of bodies that are too large to keep, and pages let go of for as long as
// somebody reads them.
//
// All methods are safe for concurrent use and never block on I/O of another key.
type Store interface {
	// Pages returns the pages stored under key, most recently stored first, nil
	// without any. Asking counts as use. The slice must not be changed.
	Pages(key Key) []*Page
	// Peek is Pages, but asking this way is no use.
	Peek(key Key) []*Page
	// Reserve sets n bytes aside for a body that arrives under key. False means
	// that they cannot be had, and nothing is set aside.
	Reserve(key Key, n int64) bool
	// Release gives back n reserved bytes.
	Release(key Key, n int64)
	// Put stores a page whose body is whole, instead of the page that answers the
	// same requests, and gives back the bytes reserved for it. False means that
	// it did not fit; nothing else was lost but the page it would have replaced.
	Put(page *Page, reserved int64) bool
	// Remove lets go of every page under key and reports whether there was one.
	Remove(key Key) bool
	// Drop lets go of one page that Pages gave, and of no other variant. False means
	// that it is not there any more, or another is in its place.
	Drop(page *Page) bool
	// Grow adds n bytes to what a stored page costs, for a rendition of it, and tells the
	// page. False means that it is not stored any more, or that there is no room.
	Grow(page *Page, n int64) bool
	// Sweep shows every page to visit, a few at a time and in no order, and lets go of
	// those for which that is false. No other call waits for longer than a few visits. A page
	// that is stored meanwhile may be shown or not. It ends early with ctx.
	Sweep(ctx context.Context, visit func(*Page) (keep bool))
	// Usage tells what the store holds now.
	Usage() Usage
}

// Usage is what a store holds.
type Usage struct {
	Pages     int
	Bytes     int64 // reserved bytes included
	Capacity  int64
	Evictions uint64 // pages let go to make room, since the start
}
