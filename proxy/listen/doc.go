// Package listen is the fronts: sockets, TLS, protocols and limits.
//
// # Contract
//
//   - A front that cannot be opened is an error at start, not a surprise later.
//   - Sockets may come from the service manager (systemd socket activation), by
//     the names http, https and admin.
//   - A reader is never shown a certificate for another name than the one asked for.
//   - Shutdown lets requests end; what has not ended by the deadline is cut.
package listen
