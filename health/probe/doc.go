// Package probe takes one staged look at an origin: resolve, connect,
// handshake, request, body, identity. Where the origin must have a signed canary,
// that is fetched and verified as part of the last.
//
// net/http cannot say where a request died: a reset after the name was sent
// and a reset after the request are one error to it. This package therefore
// walks the stages itself, over a fresh connection every time, and gives each
// its own time, limit and error.
//
// # Contract
//
//   - Verification of certificates is always on.
//   - Nothing is reused, nothing is followed, nothing is kept after a look.
//   - What an origin sends can cost no more than the limits in this package:
//     64 KiB of header, 512 KiB of body before and after decoding, and Timeout. A
//     canary is one more answer within the same Timeout, of 4 KiB before and after.
//   - Functions are safe for concurrent use and leave no goroutine behind.
//   - A look that the caller's context cut short has the class
//     health.InternalError, which counts against nobody.
package probe
