// Package mirrors reads where else a publication says that it can be found: lists of
// mirrors in the shape that the field uses, lists that the publication has signed,
// and the notices on its own pages.
//
// # What is believed
//
//   - [Parse] reads the list of Bypass Censorship, versions 1 and 2. Nobody signs it,
//     so what it gives is for operators to look at and for probes to try.
//   - [Accept] reads a list of our own shape under a minisign signature. Only the
//     publication can have made it; [Accept] alone says which one counts.
//   - [Candidates] reads a page. Whoever can inject a page can write a notice, so a
//     [Candidate] is a question and never an origin: it becomes one only when it
//     shows the site's canary, or when it and the publication name each other and an
//     operator agrees.
//
// # The signed list
//
//	{
//	  "heliograph_list": 1,
//	  "site": "gazette",
//	  "version": 42,
//	  "issued": "2026-03-14T12:00:00Z",
//	  "expires": "2026-03-16T12:00:00Z",
//	  "addresses": [{"url": "https://gazette-42.example"}]
//	}
//
// beside it, as a file of its own, what "minisign -S" makes of exactly these bytes.
// The version is a whole number from 1 on and grows with every list that is signed.
// Fields that are not known are ignored, and are under the signature as the others.
// An empty list of addresses takes all earlier ones back.
//
// A signature alone does not help against yesterday's list: it is as well signed as
// today's. Hence the version, which never goes back, and the time of expiry, after
// which a list that nobody renews is worth nothing.
//
// # Contract
//
//   - Everything here is pure: the time and what was seen before are arguments. There
//     is no clock, no network and no file.
//   - Whatever comes in, the work is bounded: by [MaxBytes] and [MaxEntries] for a
//     list, [MaxSigned] and [MaxSignature] for a signed one, [MaxPage] and
//     [MaxCandidates] for a page. A list is read as a stream; one that is longer is
//     refused when the bound is reached, whatever is left of it.
//   - One bad entry does not spoil a list that nobody signed: it is left out and
//     counted under its [Flaw], with the first few named. A signed list is right as
//     a whole or refused.
//   - Every address that is given out is in one form: http or https, the host in
//     lower case and as A-labels, no default port, no user, no fragment. None leads
//     to a private, reserved or local place.
//   - Where a list is refused the error is a [*Refusal] with a [Reason] out of a
//     closed set.
package mirrors
