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
//   - At most two retries, each to another origin, within one deadline and a
//     retry budget; a hedge counts as a retry.
//   - Every attempt that came to a result is reported to health. One that was cut
//     short by us, or by the reader leaving, is not.
//   - An answer without the site's identity is a failed attempt.
package origin
