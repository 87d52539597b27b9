// Package gate says what the beginning of an answer is: the publication, or
// something that stands in its place.
//
// A block page, a seizure banner, a parked domain and a fresh server all answer
// 200. [Gate.Judge] is given the answer's status, header and beginning, and what
// is [Known] of the site, and returns a [Finding]: one [Kind] out of a closed
// set, with its evidence in words.
//
// # Contract
//
//   - Everything here is pure: no clock, no network, no state that one judgement
//     leaves to the next. Files are read by [LoadFile] alone.
//   - The publisher's markers are sought in all of [Answer.Body]; everything else
//     is judged by its first [Limit] bytes. Time is linear in what is given.
//   - A page with the publisher's markers is genuine, whatever fingerprints say,
//     unless its structure contradicts: hardly any text, no way on into the site,
//     and the wording of a notice. A bare page whose canonical link names the site is
//     no notice: publications print short pieces in the words of those who block them.
//   - A fingerprint is evidence and never a verdict. It is believed only together
//     with a sign that is independent of it: a marker that is missing, a bare
//     page, a way off the site, or no likeness to the pages known as good. With one such
//     sign, only a phrase is believed that none but a notice says to its reader.
//   - One page at every path is a sign and never a verdict: applications that are built in
//     the browser begin so.
//   - What a path that names a file is answered with is a page where it begins as one,
//     whatever it is called. XML is one where its root is XHTML, and plain text that is
//     navigated to is judged by its wording alone.
//   - A page against which nothing speaks but that it is like none that is known is told
//     from the rest by [Finding.MerelyUnlike].
//   - Quoted text (blockquote, q, pre, code, samp, textarea) is not read as the
//     page's own words.
//   - [Unknown] is no objection. It says that nothing proves the page and nothing
//     speaks against it; [Kind.Foreign] tells objections from the rest.
//   - A page in another charset than UTF-8 is decoded before it is read, so that
//     markers and fingerprints are always written in UTF-8.
//   - A [Gate] is safe for concurrent use. A judgement that finds the publication
//     does not allocate, nor does one without an objection; decoding a charset does.
//
// # Case
//
// Markers and fingerprints from files are compared byte for byte, as the lists
// that they come from mean them. The built-in wording is compared with the
// page's visible text after folding: lower case, no accents, one form of each
// Arabic letter, single spaces.
package gate
