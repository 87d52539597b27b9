// Package memory is the store that keeps pages in memory.
//
// # Contract
//
//   - It keeps within its budget at every moment: bodies, headers and bookkeeping
//     of the pages stored ([cache.Page.Cost]) and reserved bytes together. What
//     [cache.Store] names as outside of it is outside here, too.
//   - Pages leave in the order of their last use, least recent first, shard by shard.
//   - Nothing survives the process.
package memory
