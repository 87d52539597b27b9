package console_test

import (
	"testing"
	"time"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/proxy"
	"github.com/heliograph-edge/heliograph/proxy/console"
)

// BenchmarkRecord counts what it costs to count a hit.
func BenchmarkRecord(b *testing.B) {
	m := console.NewMetrics(console.Build{})
	m.Configure(map[string][]string{"gazette": {"primary"}}, nil)
	hit := &proxy.Record{
		Site: "gazette", Method: "GET", Status: 200, Result: cache.Hit, Bytes: 16 << 10,
		TTFB: 50 * time.Microsecond, Duration: 80 * time.Microsecond,
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Record(hit)
	}
}
