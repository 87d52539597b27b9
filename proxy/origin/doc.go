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
//     origin has transports of its own, so that connections are never shared
//     between origins. Certificates are always verified. What an origin is connected
//     by is its dial.Way, which knows the addresses that are forbidden.
//   - A request that is not safe (RFC 9110 §9.2.1) goes to another origin only
//     while not a byte of it can have been sent.
//   - At most two more origins are asked, by a retry or a hedge, within one deadline
//     and a budget for each of the two. The time that a reader takes to send a body
//     is not part of the deadline.
//   - Where an address failed, origins that share its fate are asked last.
//   - Every attempt that came to a result is reported to health. One that was cut
//     short by us, or by the reader leaving, is not, nor is what says nothing about
//     the origin: a HEAD, a refusal that the request may be to blame for, whatever
//     happens while the reader's body still arrives.
//   - An answer without the site's identity is a failed attempt, whatever the method.
//   - A reader who goes on to another origin takes no condition or range along.
//
// # What is never shown
//
// The gate (package health/gate) stands before the reader: a block page, a seizure
// banner, a parking page, a challenge, a page that is not the site's, and a page where a
// file was asked for are failed attempts, and none of them is passed on for want of
// better. Pages are judged by what is read ahead anyway, 64 KiB or 25 ms at most.
//
// What is the origin's own word is passed on for want of better, doubtful ([Result]), so that it
// is never stored and a stale page is preferred: 451, 429, a bare 403, a redirect off the
// publication, the site's own page in place of a file, and a page that seems to lack its end.
// An origin that answered 429 is asked after the others for as long as it says, 5
// minutes at most, and nobody is asked after it but one that has not said so.
//
// # What is gone on with
//
// A body that breaks off, stalls for 2 s or comes at less than 4 KB/s after its reader has a
// part of it goes on from another origin, where both give the same strong entity tag and
// length; see resumable. A safe request whose HTTP/2 is cut short is sent once more to the same
// origin by HTTP/1.1, which it then stays with for 10 minutes.
package origin
