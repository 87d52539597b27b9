// Package origin fetches from the best origin of a site.
//
// A [Pool] is a site's origins. [Pool.Fetch] takes one request through the
// stages: choose an order by verdict, direct the request to an origin, send it,
// inspect what comes back, and on a failure move to the next origin before the
// reader has seen a byte.
//
// # Contract
//
//   - Host, SNI and the certificate's name follow the origin that is asked. Each
//     origin has a transport of its own, so that connections are never shared
//     between origins. Certificates are always verified.
//   - A request that is not safe (RFC 9110 §9.2.1) goes to another origin only
//     while not a byte of it can have been sent.
//   - At most two more origins are asked, by a retry or a hedge, within one deadline
//     and a budget for each of the two. The time that a reader takes to send a body
//     is not part of the deadline.
//   - Every attempt that came to a result is reported to health. One that was cut
//     short by us, or by the reader leaving, is not, nor is what says nothing about
//     the origin: a HEAD, a refusal that the request may be to blame for, whatever
//     happens while the reader's body still arrives.
//   - An answer without the site's identity is a failed attempt, whatever the method.
//   - A reader who goes on to another origin takes no condition or range along.
package origin
