// Package memory is the store that keeps pages in memory.
//
// # Contract
//
//   - It keeps within its budget at every moment: bodies, headers, bookkeeping
//     and reserved bytes together ([cache.Page.Cost]).
//   - Pages leave in the order of their last use, least recent first, shard by shard.
//   - Nothing survives the process.
package memory
