// Package trace makes up what readers ask of a site, to try stores with.
//
// # Contract
//
//   - The same seed gives the same trace, on every machine.
//   - Sizes are those of the web: most pages are small, a few are large (lognormal).
//   - It is for tests and benchmarks.
package trace
