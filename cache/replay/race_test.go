//go:build race

package replay_test

// raceEnabled: these tests run under the race detector.
const raceEnabled = true
