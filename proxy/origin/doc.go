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
//   - Where an address failed, origins that share its fate are asked last among those that
//     stand as well. Readers who fled from there do not return to them before it stands again,
//     or they have been healthy anew.
//   - What is of no use and better left alone (health.View.LeftAloneUntil) is not asked at
//     all, where the site has another origin. Where nobody may be asked, [Pool.Fetch] says
//     so at once.
//   - Every attempt that came to a result is reported to health. One that was cut
//     short by us, or by the reader leaving, is not, nor is what says nothing about
//     the origin: a HEAD, a refusal that the request may be to blame for, whatever
//     happens while the reader's body still arrives.
//   - An answer without the site's identity is a failed attempt, whatever the method.
//   - A reader who goes on to another origin takes no condition or range along.
//
// # A site's only origin
//
// It is asked whatever its verdict, as often as readers ask: down, blocked, drained, or having
// asked for rest. For whom nothing is stored, nobody else could answer; who wants a block to end
// that attempts prolong adds an alternate. The one exception is a hijacked one.
//
// No request is sent to it twice, in any way: where its connection ends after something of the
// request has left, that is the result; where it had ended before, nothing was sent, and the request
// goes out on another. What tells them apart is connection. Streams of HTTP/2 that a server says it
// has not acted on (RFC 9113 §8.7) are not sent requests. After others, the next requests try HTTP/1.1.
//
// Where no marker says how to tell, what it says is the publication's word,:
// refusals, errors, empty pages, and what is unlike earlier pages are passed on, and may be stored.
// Notices in the publication's place are still never shown.
//
// # What is not there
//
// Of several origins one alone is not believed that there is no such page: a 404 or 410 to a safe
// request has another usable origin asked, once. Its better answer wins; if it agrees the result
// says so, and else it is doubtful. Each origin remembers for 30 s what it lacks, and is asked after
// the others for that. It accuses nobody.
//
// # What is never shown
//
// The gate (package health/gate) stands before the reader: a block page, a seizure
// banner, a parking page, a challenge, a page that is not the site's, and a page where a
// file was asked for are failed attempts, and none of them is passed on for want of
// better. A page that is asked for is held until it can be judged: until its markers or its
// likeness prove it, 64 KiB of it or all of it came, for 2 s at most. What is let through
// unjudged is doubtful. A proven page is held until 36 KiB or all of it came, or it still comes
// after 300 ms. One that stops meanwhile, for 1 s after some bytes or for 2 s without any, is
// asked of another origin from its first byte on. Everything else is read ahead by 64 KiB or
// for 25 ms, whichever is less, and event streams not at all.
//
// Whether a file was asked for is told by the path alone. What a reader's header excuses is
// shown to that reader, and not stored.
//
// What is the origin's own word is passed on for want of better, doubtful ([Result]), so that it
// is never stored and a stale page is preferred: 451, 429, a bare 403, a redirect off the
// publication, the site's own page in place of a file, a 404
// or 410 without the marker, and a page that seems to lack its end.
// An origin that answered 429, to a reader's request or to one that goes on with a body, is asked
// after the others for as long as it says, 5 minutes at most, and nobody is asked after it but
// one that has not said so. Where it is all that is left, it is asked once a second.
//
// # What is gone on with
//
// A body that breaks off, stalls for 2 s or comes at less than 4 KB/s after its reader has a
// part of it goes on from another origin, where both give the same strong entity tag and
// length, and the same last 4 KiB of what the reader has. Only the tag of a file that names no
// origin may be anything but a digest; see resumable. A safe request whose HTTP/2 is cut
// short is sent once more to the same origin by HTTP/1.1, unless that is the site's only one. Where that brings the answer, and it was a
// connection that was lost or the third stream in a minute, the origin is asked by
// HTTP/1.1 for 10 minutes, as long as it speaks it.
package origin
