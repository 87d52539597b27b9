// Package resolve finds an origin's addresses by DNS where DNS may lie.
//
// The resolver of the standard library believes the first datagram that fits,
// and cannot tell a name that does not exist from one without addresses. This
// package is a small DNS client of its own: it asks the system's resolver and
// any number of control resolvers at the same time, keeps listening after the
// first answer, and says in a [Finding] what it makes of their answers.
//
// # Contract
//
//   - An address is never believed because DNS gave it: [Result.Addresses] are
//     candidates, best first. What proves one is a verified TLS handshake; see
//     [Resolver.Proved].
//   - An address that [Bogons] contains is never among the candidates. Where
//     nothing else is left the error wraps health.ErrAddressForbidden.
//   - [Compare] is pure. A disagreement that has a harmless explanation is only
//     [Suspected].
//   - What a server sends can cost no more than the limits in this package: 64 KiB
//     for each message, 64 datagrams for each question, and Timeout for each lookup.
//   - TLS certificates of resolvers are always verified.
//   - A Resolver is safe for concurrent use. Its goroutines end with the last
//     lookup that waits for them.
package resolve
