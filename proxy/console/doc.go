// Package console is what operators and machines see of an edge: metrics, status
// and the admin API.
//
// # Contract
//
//   - It reads snapshots and records; it never decides anything about a request.
//   - Label values come from closed sets: sites and origins of the configuration,
//     and the words of packages cache, health and proxy. Every combination exists
//     at zero from the start, and is gone when its site or origin is.
//   - Nothing here tells who a reader is.
package console
