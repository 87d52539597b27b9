// Package health turns what is seen of origins into verdicts.
//
// Two things are seen: probes (package health/probe) and readers' own requests
// (package proxy/origin). Both arrive as an [Observation] at a [Tracker], which
// runs one pure state machine per origin and publishes its [View].
//
// # Contract
//
//   - The state machine, [State.Next], has no clock, no lock and no I/O: the
//     observation carries its time.
//   - A look that was cut short by us (shutdown, reload, a reader who left) is
//     no observation at all. Callers drop it; it never counts as a failure.
//   - One truth: routing, metrics, status page and logs all read the same View.
//   - Verdicts outlive a reload (the Tracker is kept) and a restart (they are
//     saved to a file and read back).
package health
