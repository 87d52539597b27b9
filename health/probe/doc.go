// Package probe takes one staged look at an origin: resolve, connect,
// handshake, request, body, identity. Each of the addresses that the name leads to is
// looked at.
//
// net/http cannot say where a request died: a reset after the name was sent
// and a reset after the request are one error to it. This package therefore
// walks the stages itself, over a fresh connection every time, and gives each
// its own time, limit and error.
//
// # What a look asks
//
// The page; the page once more, in a browser's words, where the edge's own request is
// denied; up to ten redirects that stay at the origin; the canary, where one is wanted,
// along up to ten redirects that stay at the origin or its other names; and a path that nobody can have linked to, where nothing else proves the page. After a
// handshake that was cut or not answered, one ClientHello with another name goes to the same
// address, to see whether it is the name that is cut off. It is never completed. A handshake that
// offers an earlier session and fails is made once more in full before anything is said of it.
//
// # What a redirect is worth
//
// One to the origin itself is followed, and one to another of its names (Target.Hosts), or below
// one, is as good as a page. The canary is followed there too, at the same address: its signature
// is the proof. One to another address of the publication (Target.Elsewhere) is a failure: the
// origin serves nothing, and what it leads to is looked at by itself.
//
// # What is made of DNS
//
// The origin's own resolver is the one that counts: what is missing, failing or certainly
// wrong there fails the look, whatever control resolvers know. Where addresses only
// differ, or somebody injects answers, the addresses are tried. An address that TLS
// verifies is the origin's, and all that fails later is the origin's own fault. One
// that TLS refuses, or that shows another page without TLS, makes the look
// health.DNSPoisoned or health.DNSInjected; beside injected answers so does one that cannot be
// connected to. What was found there is the first evidence.
//
// # What can be told of a loop
//
// An answer of 508, and one that names this edge in Via, Cache-Status, Proxy-Status
// or CDN-Loop. A loop through something that takes all of these off cannot be seen from here;
// the resolver's list of forbidden addresses, which has the edge's own, is what stops that.
//
// # Contract
//
//   - Verification of certificates is always on.
//   - Nothing is reused, and nothing is kept after a look but what the canary's memory and
//     Proved are told.
//   - What an origin sends can cost no more than the limits in this package: 128 KiB
//     of handshake, 64 KiB of header, 512 KiB of body before and after decoding, and Timeout for
//     each address. Further answers are within the same Timeout: 64 KiB of one that is
//     no page. The 4 KiB of a canary have a Timeout of their own, as an origin that takes
//     all of it for the page takes as much again; where that runs out, the canary is health.Slow.
//   - At most 16 addresses are looked at, by First 4 at a time.
//   - A body that comes at less than 4 KB/s over 5 s, or over what there was of them, is
//     throttled. One that is silent for as long as a stage may last has stopped. One that flows
//     until the time has passed is judged by what came; where that cannot tell whose page
//     it is, it is health.Slow. A third of the time is kept for a random path.
//   - Whatever origins send and people read is cut, and has nothing in it that cannot be seen.
//   - Every failed look has a class, a stage, a reason, evidence and steps.
//   - Functions are safe for concurrent use and leave no goroutine behind.
//   - A look that the caller's context cut short has the class
//     health.InternalError, which counts against nobody.
package probe
