// Package rewrite turns one address space into another.
//
// There are three, and they are never mixed: front (what the reader sees),
// canonical (what is stored and keyed) and origin (what is fetched).
//
// # Contract
//
//   - Everything here is pure: no I/O, no clock, no state.
//   - Doing it twice is the same as doing it once.
//   - An address of somebody else is never touched.
package rewrite
