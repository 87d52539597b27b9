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
//   - Wrong content is worse than none: what stands in the publication's place falls at
//     once, and Hijacked ends by a signed canary or the operator's word alone.
//   - The edge doubts itself first: what all origins, or a control look
//     ([ControlProber]), say of its own network comes before what is said of one origin.
//   - One truth: routing, metrics, status page and logs all read the same View.
//   - Verdicts outlive a reload (the Tracker is kept) and a restart (they are
//     saved to a file and read back), and so does the patience with networks
//     whose blocks each attempt prolongs.
package health
