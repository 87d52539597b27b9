// Package memory is the store that keeps pages in memory.
//
// # Contract
//
//   - It keeps within its budget at every moment: bodies, headers and bookkeeping
//     of the pages stored ([cache.Page.Cost]) and reserved bytes together. What
//     [cache.Store] names as outside of it is outside here, too.
//   - What is asked for stays; what was asked for once leaves first, so that neither a
//     scan nor the two thirds of a site that one reader asks for once take the front page
//     along.
//   - Nothing survives the process.
//
// # Who leaves
//
// The budget is split among shards, each with a lock, and each of them keeps its pages in
// least-recently-used lists, of which there are three instead of one (S3-FIFO, SOSP 2023):
//
//   - small: what came, in its order. It keeps a tenth of the budget. At its end a page that
//     was asked for meanwhile moves on to main, and any other leaves.
//   - main: at its end a page that was asked for since it was looked at last goes back to
//     the front, up to three times, and any other leaves.
//   - ghost: the hashes of keys that left unasked-for, a third as many as there are pages.
//     One that comes back goes to main at once.
//
// It is LRU at heart: who was not asked for longest is at the end of each list. But being
// asked for is noted, and acted on only when room is needed, so that a hit moves nothing and
// shuts nobody out. An eviction looks at a bounded number of entries.
//
// Package replay compares the hit ratio with that of one LRU list: make bench-hitratio.
package memory
