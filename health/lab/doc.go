// Package lab is a small invented newspaper on loopback origins that misbehave
// on command. Tests use it as the outside world; the demo command runs it for
// people who want to see an origin disappear.
//
// A [Lab] has a certificate authority of its own and some [Origin]s: a primary
// and its alternates, each a loopback port that serves the same [Newspaper].
// [Origin.Break] puts one of the [Faults] in the way, [Origin.Mend] takes it
// out again. A [Reader] visits the newspaper through an edge and keeps a
// [Tally] of what it got.
//
// # Contract
//
//   - Everything is on 127.0.0.1. Names are invented; no resolver knows them.
//     [Lab.Client] and [Lab.DialContext] reach them, and so does any client
//     that is told the address.
//   - An origin keeps its port for its whole life, also while it is down.
//   - When Break or Mend returns, the change is complete: the next connection,
//     and the next request on an open one, meets the new state.
//   - A fault below HTTP closes the connections that are open when it begins
//     and when it ends. A fault of the answers leaves them open; an answer that
//     it holds back goes on when it is mended.
//   - Origins speak HTTP/1.1 only: the faults act on one connection per request.
//   - [Lab.Close] returns when every goroutine of the lab has ended.
//
// Down and blackhole have their full effect on Linux, where a port can be held
// without listening and a queue filled. Elsewhere down gives the port back to
// the system while it lasts, and blackhole accepts and stays silent.
package lab
