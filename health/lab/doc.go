// Package lab is a small invented newspaper on loopback origins that misbehave
// on command. Tests use it as the outside world; the demo command runs it for
// people who want to see an origin disappear.
//
// A [Lab] has a certificate authority of its own, two nameservers, and some [Origin]s:
// a primary and its alternates, each of which serves the same [Newspaper] and the same
// signed canary. [Origin.Break] puts one of the [Faults] in the way, [Origin.Mend] takes
// it out again. A [Reader] visits the newspaper through an edge and keeps a
// [Tally] of what it got.
//
// # Contract
//
//   - Everything is on loopback, and nothing is asked or reached elsewhere. Names are
//     invented: only [Lab.Local] and [Lab.Control] know them. [Lab.Client] and
//     [Lab.DialContext] reach them without asking, and so does any client that is told the address.
//   - Where the system answers for all of 127.0.0.0/8, as Linux does, each origin has an
//     address of its own, and all have the same port. Elsewhere each has a port of 127.0.0.1,
//     and the faults that need more say so. Origins may be told to share the primary's
//     address: [Options.Together].
//   - An origin keeps its address and port for its whole life, also while it is down.
//   - When Break or Mend returns, the change is complete: the next connection, the next
//     request on an open one and the next question to a nameserver meet the new state.
//   - A fault below HTTP closes the connections that are open when it begins
//     and when it ends. A fault of the answers leaves them open; an answer that
//     it holds back goes on when it is mended. What an edge remembers of a name, it goes on
//     remembering for as long as [Options.TTL].
//   - A fault belongs to the name, except those of the connection: what closes a port closes
//     it for everybody there.
//   - Origins speak HTTP/1.1 only, except under [H2Reset]: the faults act on one connection
//     per request.
//   - [Lab.Close] returns when every goroutine of the lab has ended, with the proxies and the
//     control server that were started from it.
//
// Down and blackhole have their full effect on Linux, where a port can be held
// without listening and a queue filled. Elsewhere down gives the port back to
// the system while it lasts, and blackhole accepts and stays silent.
package lab
