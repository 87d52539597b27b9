// Package dial connects to origins: directly or through a proxy, to addresses
// that a resolver gives, and only to a key that is pinned where one is.
//
// Probes and readers' requests both connect by it, so that what a probe finds
// well is what readers are sent to.
//
// # Contract
//
//   - An address that the resolver refuses is never connected to.
//   - Verification of certificates is never weakened. A pin is asked for besides.
//   - A proxy's failure wraps health.ErrViaFailed: it is none of the origin's. That the
//     proxy could not connect to the origin is the origin's.
//   - All of it is safe for concurrent use, and keeps no goroutines.
package dial
