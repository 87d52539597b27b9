// Package replay asks stores for what readers asked for, and counts what they had.
//
// # Contract
//
//   - A store is asked as a cache asks it, through [cache.Store]. Pages have the cost of
//     their bodies, and no bodies.
//   - Pages larger than the store's cap are asked of nobody: they are misses of all alike.
//   - [LRU] is what a store is compared with: one list, the least recently used leaves.
package replay
