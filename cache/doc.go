// Package cache decides what an edge keeps of a site and when it may be read
// again, as RFC 9111 says a shared cache must.
//
// # Decisions
//
// Every decision is a pure function: it is given the header fields, the times
// and the operator's [Policy], touches nothing, and returns a verdict with its
// reason. In the order in which a request meets them:
//
//   - [MakeKey] and [Target]: under which key a page is kept, and the one string
//     that is both in that key and on the wire to the origin
//   - [SameTarget]: whether a page's No-Vary-Search makes two targets one
//   - [VaryMatch]: whether a stored page was chosen by the same request fields
//   - [Decide]: serve it, serve it and refresh it, validate it first, or refuse
//   - [NotModified]: whether the reader already holds it
//   - [ResponseDirectives]: what an answer says to this cache, in CDN-Cache-Control
//     (RFC 9213) or Cache-Control
//   - [Storable]: whether an answer may be kept, or the [Reason] why not
//   - [Reckon]: how old an answer is and how long it stays fresh
//   - [Confirms] and [Merge]: whether a 304 is about the stored page, and what
//     the page's header becomes
//   - [OnError]: whether a stale page may stand in for a failed fetch
//   - [Invalidates], [InvalidatedTargets] and [InvalidatedGroups]: what an unsafe
//     request spoils
//   - [HasTag] and [Groups]: what else a page can be let go of by (RFC 9875)
//   - [Status]: all of it as one Cache-Status member (RFC 9211)
//
// The decisions on the path of a hit do not allocate.
//
// # Address space
//
// Pages are neutral: keys, stored header fields and bodies are in the site's
// canonical space, never in that of a front or of the origin that happened to
// answer. Header fields are passed with canonical keys, as net/http delivers
// them.
//
// # Doubt
//
// Where an answer is malformed or contradicts itself, the reading is taken that
// stores less, trusts less and serves for a shorter time. The one exception is
// an outage: when no origin is usable, a stored page is served past its lifetime
// as long as [Policy] allows, and says so in its [Decision].
package cache
