// Package proxy is the journey of a request.
//
// A reader comes to a front, matches a site, passes the guard, is looked up in
// the cache, and leaves with a rendition. Only if it must, one fill asks the
// origins, and what came back is inspected, made neutral, and stored.
// [Edge.ServeHTTP] is that journey's table of contents.
//
// # Contract
//
//   - What goes to an origin is built here and nowhere else: hop-by-hop fields,
//     forwarding fields, underscore twins and, unless the site asks for them,
//     cookies of the reader stay behind.
//   - Every answer carries Cache-Status, Proxy-Status and Via.
//   - An answer that breaks off is never sent as if it were whole: the reader's
//     connection is cut.
//   - Every request ends in one [Record], whatever happened to it.
//   - The sites are swapped as one value; a request keeps the one it began with.
package proxy
