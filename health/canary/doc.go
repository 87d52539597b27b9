// Package canary is the signed proof that an origin is run by the publication.
//
// A canary is a small text at [Path] of every origin:
//
//	heliograph-canary: 1
//	site: gazette
//	sequence: 42
//	issued: 2026-03-14T12:00:00Z
//	expires: 2026-03-21T12:00:00Z
//	signature: 1Jf0…==
//
// A page can be copied, and so can the text that it is known by. A canary can be
// copied as well, but not made: who holds a seized domain can show the last one
// only until it expires, and no longer than it takes for a newer one to be seen.
//
// # The format
//
//   - At most [MaxBytes] of UTF-8 text in lines of "key: value": one space, a value
//     of printable characters that neither begins nor ends with a space, no empty
//     line, no key twice. Keys are a-z, 0-9 and -, and begin with a letter.
//   - The first line is the format's version. The last one is the signature, in
//     base64 (RFC 4648, section 4, padded). Between them stand site, sequence, issued
//     and expires, each once, in any order. Keys that are not known are kept in
//     [Canary.Extra], and are as much under the signature as the others.
//   - The sequence is a whole number from 1 on. It grows with every canary that is
//     signed. Times are RFC 3339 in UTC, with a Z, in whole seconds.
//   - Lines end with LF. CRLF is read as LF, and the last line may lack its end,
//     since editors and transfers change these without telling; nothing else is mended.
//   - Signed (Ed25519, RFC 8032) is a prefix that no other use of the key has,
//     followed by everything before the signature's line, byte by byte, with LF.
//
// # Contract
//
//   - Everything but [Memory] is pure: time and what was seen before are arguments.
//     There is no I/O.
//   - Whatever the text is, [Parse] and [Verify] end with a [Canary] or a [*Refusal]
//     of a [Reason] out of a closed set, in time and memory bounded by MaxBytes.
//   - One signature stands for one text, up to the line ends. Keys for which that
//     does not hold (points of small order) are refused by [ParseKey].
//   - A [SigningKey] is in no output of package fmt, no error and no log; only
//     [SigningKey.File] has it.
package canary
