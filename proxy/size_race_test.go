//go:build race

package proxy_test

// bigBody is smaller under the race detector, which makes copying slow.
const bigBody = 512 << 20
