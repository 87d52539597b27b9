//go:build !race

package proxy_test

// bigBody is how large a body passes through in TestLargeAnswerTakesLittleMemory.
const bigBody = 4 << 30

// raced: see the other.
const raced = false
