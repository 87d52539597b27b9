//go:build race

package proxy_test

// bigBody is smaller under the race detector, which makes copying slow.
const bigBody = 512 << 20

// raced: sync.Pool loses what it is given now and then, so that allocations tell nothing.
const raced = true
