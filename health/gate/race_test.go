//go:build race

package gate

// raceEnabled: these tests run under the race detector.
const raceEnabled = true
