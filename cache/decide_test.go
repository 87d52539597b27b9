package cache_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// page is the freshness of a page with this Cache-Control that arrived at noon.
func page(control string) cache.Freshness {
	return cache.Reckon(200, fields("Cache-Control: "+control, noonDate), noon, noon)
}

func TestDecide(t *testing.T) {
	policy := cache.Policy{Stale: time.Hour, Outage: 24 * time.Hour}
	for _, c := range []struct {
		name    string
		page    string // its Cache-Control
		request string // that of the request
		after   time.Duration
		outage  bool
		want    cache.Action
		detail  string
	}{
		{"§4.2 fresh", "max-age=60", "", 59 * time.Second, false, cache.Serve, ""},
		{"§4.2 no longer fresh at the end of the lifetime", "max-age=60", "", time.Minute, false, cache.Validate, cache.DetailStale},
		{"§4.2 stale", "max-age=60", "", time.Hour, false, cache.Validate, cache.DetailStale},
		{"§4.2.1 broken is stale", "max-age=x", "", 0, false, cache.Validate, cache.DetailStale},
		{"§5.2.2.4 no-cache, though fresh", "max-age=60, no-cache", "", 0, false, cache.Validate, cache.DetailStale},
		{"§5.2.2.4 qualified no-cache is no obstacle", `max-age=60, no-cache="X-A"`, "", 0, false, cache.Serve, ""},
		{"§5.2.2.2 must-revalidate, fresh", "max-age=60, must-revalidate", "", 0, false, cache.Serve, ""},
		{"§5.2.2.2 must-revalidate, stale", "max-age=60, must-revalidate", "", time.Hour, false, cache.Validate, cache.DetailStale},

		{"§5.2.1.4 no-cache", "max-age=60", "no-cache", 0, false, cache.Validate, cache.DetailRequest},
		{"§5.2.1.4 no-cache of a stale page", "max-age=60", "no-cache", time.Hour, false, cache.Validate, cache.DetailStale},
		{"§5.2.1.4 no-cache is stronger than max-stale", "max-age=60", "no-cache, max-stale", time.Hour, false, cache.Validate, cache.DetailStale},
		{"§5.2.1.1 max-age=0 on a page just made", "max-age=60", "max-age=0", 0, false, cache.Serve, ""},
		{"§5.2.1.1 max-age=0", "max-age=60", "max-age=0", time.Second, false, cache.Validate, cache.DetailRequest},
		{"§5.2.1.1 young enough", "max-age=60", "max-age=10", 10 * time.Second, false, cache.Serve, ""},
		{"§5.2.1.1 too old", "max-age=60", "max-age=10", 11 * time.Second, false, cache.Validate, cache.DetailRequest},
		{"§5.2.1.1 max-age does not make a page fresh", "max-age=60", "max-age=9999", time.Hour, false, cache.Validate, cache.DetailStale},
		{"§5.2.1.3 fresh for long enough", "max-age=60", "min-fresh=30", 30 * time.Second, false, cache.Serve, ""},
		{"§5.2.1.3 not fresh for long enough", "max-age=60", "min-fresh=30", 31 * time.Second, false, cache.Validate, cache.DetailRequest},
		{"§5.2.1.2 max-stale", "max-age=60", "max-stale=10", 70 * time.Second, false, cache.Serve, cache.DetailStale},
		{"§5.2.1.2 beyond max-stale", "max-age=60", "max-stale=10", 71 * time.Second, false, cache.Validate, cache.DetailStale},
		{"§5.2.1.2 max-stale of any age", "max-age=60", "max-stale", 9999 * time.Hour, false, cache.Serve, cache.DetailStale},
		{"§5.2.1.2 together with max-age", "max-age=60", "max-age=65, max-stale=10", 65 * time.Second, false, cache.Serve, cache.DetailStale},
		{"§5.2.1.2 max-age still bounds it", "max-age=60", "max-age=65, max-stale=10", 66 * time.Second, false, cache.Validate, cache.DetailStale},
		{"§4.2.4 max-stale against must-revalidate", "max-age=60, must-revalidate", "max-stale", 61 * time.Second, false, cache.Validate, cache.DetailStale},
		{"§4.2.4 max-stale against proxy-revalidate", "max-age=60, proxy-revalidate", "max-stale", 61 * time.Second, false, cache.Validate, cache.DetailStale},
		{"§4.2.4 max-stale against s-maxage", "s-maxage=60", "max-stale", 61 * time.Second, false, cache.Validate, cache.DetailStale},
		{"§4.2.4 max-stale against no-cache", "max-age=60, no-cache", "max-stale", 61 * time.Second, false, cache.Validate, cache.DetailStale},
		{"RFC 8246 §2 immutable is not validated because of max-age", "max-age=60, immutable", "max-age=0", 30 * time.Second, false, cache.Serve, ""},
		{"RFC 8246 §2 but because of no-cache", "max-age=60, immutable", "no-cache", 30 * time.Second, false, cache.Validate, cache.DetailRequest},
		{"RFC 8246 §2 also beside max-age", "max-age=60, immutable", "max-age=0, no-cache", 30 * time.Second, false, cache.Validate, cache.DetailRequest},
		{"RFC 8246 §2 and because of min-fresh", "max-age=60, immutable", "min-fresh=60", 30 * time.Second, false, cache.Validate, cache.DetailRequest},
		{"RFC 8246 §2 it is not so once stale", "max-age=60, immutable", "max-age=90", 61 * time.Second, false, cache.Validate, cache.DetailStale},
		{"RFC 8246 §2 nor with max-stale", "max-age=60, immutable", "max-age=60, max-stale", 61 * time.Second, false, cache.Validate, cache.DetailStale},
		{"RFC 8246 §2 immutable and no-cache is validated", "max-age=60, immutable, no-cache", "", 0, false, cache.Validate, cache.DetailStale},
		{"§5.2.1.1 the smaller of max-age and what is left", "max-age=60", "max-age=30, min-fresh=40", 25 * time.Second, false, cache.Validate, cache.DetailRequest},
		{"§5.2.1.3 min-fresh of a stale page", "max-age=60", "min-fresh=1, max-stale", 61 * time.Second, false, cache.Validate, cache.DetailStale},
		{"§5.2.1.3 an unreadable min-fresh is met by no page", "max-age=60", "min-fresh=x", 0, false, cache.Validate, cache.DetailRequest},
		{"§5.2.1.2 an unreadable max-stale permits nothing", "max-age=60", "max-stale=x", 61 * time.Second, false, cache.Validate, cache.DetailStale},
		{"§5.2.1.2 max-stale=0", "max-age=60", "max-stale=0", 61 * time.Second, false, cache.Validate, cache.DetailStale},
		{"§5.2.1.4 a qualified no-cache asks for all the same", "max-age=60", `no-cache="X-A"`, 0, false, cache.Validate, cache.DetailRequest},
		{"§5.2.1.6 no-transform has nothing against a stored page", "max-age=60", "no-transform", 0, false, cache.Serve, ""},
		{"§5.2.3 an unknown demand is none", "max-age=60", "fresher-than=9", 0, false, cache.Serve, ""},
		{"§5.2.2.2 must-revalidate is not for a demand of the reader", "max-age=60, must-revalidate", "max-age=30", 20 * time.Second, false, cache.Serve, ""},
		{"§4.2.1 max-age and no-cache: the more restrictive", "no-cache, max-age=60", "max-stale", 0, false, cache.Validate, cache.DetailStale},
		{"§5.2.1.7 only-if-cached, fresh", "max-age=60", "only-if-cached", 0, false, cache.Serve, ""},
		{"§5.2.1.7 only-if-cached, stale", "max-age=60", "only-if-cached", time.Hour, false, cache.Refuse, cache.DetailStale},
		{"§5.2.1.7 only-if-cached, not fresh enough", "max-age=60", "only-if-cached, min-fresh=99", 0, false, cache.Refuse, cache.DetailRequest},
		{"§5.2.1.7 only-if-cached with max-stale", "max-age=60", "only-if-cached, max-stale", time.Hour, false, cache.Serve, cache.DetailStale},
		{"§5.2.1.5 no-store forbids storing, not serving", "max-age=60", "no-store", 0, false, cache.Serve, ""},
		{"a demand that cannot be read is a demand", "max-age=60", "max-age=x", 0, false, cache.Validate, cache.DetailRequest},

		{"RFC 5861 §3 within stale-while-revalidate", "max-age=60, stale-while-revalidate=30", "", 89 * time.Second, false, cache.ServeAndRefresh, cache.DetailStale},
		{"RFC 5861 §3 beyond it", "max-age=60, stale-while-revalidate=30", "", 90 * time.Second, false, cache.Validate, cache.DetailStale},
		{"RFC 5861 §3 of no length", "max-age=60, stale-while-revalidate=0", "", time.Minute, false, cache.Validate, cache.DetailStale},
		{"RFC 5861 §3 before it is needed", "max-age=60, stale-while-revalidate=30", "", 59 * time.Second, false, cache.Serve, ""},
		{"§4.2.4 against must-revalidate", "max-age=60, must-revalidate, stale-while-revalidate=30", "", 61 * time.Second, false, cache.Validate, cache.DetailStale},
		{"§4.2.4 against proxy-revalidate", "max-age=60, proxy-revalidate, stale-while-revalidate=30", "", 61 * time.Second, false, cache.Validate, cache.DetailStale},
		{"RFC 5861 §3 max-stale is enough without it", "max-age=60, stale-while-revalidate=1", "max-stale=30", 70 * time.Second, false, cache.Serve, cache.DetailStale},
		{"RFC 5861 §3 no-cache wants no stale page", "max-age=60, stale-while-revalidate=30", "no-cache", 61 * time.Second, false, cache.Validate, cache.DetailStale},
		{"RFC 5861 §3 min-fresh wants no stale page", "max-age=60, stale-while-revalidate=30", "min-fresh=1", 61 * time.Second, false, cache.Validate, cache.DetailStale},
		{"§4.2.4 against s-maxage", "s-maxage=60, stale-while-revalidate=30", "", 61 * time.Second, false, cache.Validate, cache.DetailStale},
		{"§4.2.4 against no-cache", "max-age=60, no-cache, stale-while-revalidate=30", "", 61 * time.Second, false, cache.Validate, cache.DetailStale},
		{"§5.2.1.1 max-age wants no stale page", "max-age=60, stale-while-revalidate=30", "max-age=99", 61 * time.Second, false, cache.Validate, cache.DetailStale},
		{"RFC 5861 §3 with only-if-cached", "max-age=60, stale-while-revalidate=30", "only-if-cached", 61 * time.Second, false, cache.ServeAndRefresh, cache.DetailStale},

		{"outage, fresh", "max-age=60", "", 0, true, cache.Serve, ""},
		{"outage, stale", "max-age=60", "", time.Hour, true, cache.Serve, cache.DetailOutage},
		{"outage, at the operator's limit", "max-age=60", "", 24*time.Hour + time.Minute, true, cache.Serve, cache.DetailOutage},
		{"outage, beyond it", "max-age=60", "", 24*time.Hour + 61*time.Second, true, cache.Validate, cache.DetailStale},
		{"outage and must-revalidate", "max-age=60, must-revalidate", "", time.Hour, true, cache.Serve, cache.DetailOutage},
		{"outage and s-maxage", "s-maxage=60", "", time.Hour, true, cache.Serve, cache.DetailOutage},
		{"outage and no-cache", "max-age=60, no-cache", "", 0, true, cache.Serve, cache.DetailOutage},
		{"outage and a reader's demand", "max-age=60", "no-cache", 0, true, cache.Serve, cache.DetailOutage},
		{"outage and only-if-cached", "max-age=60", "only-if-cached", time.Hour, true, cache.Serve, cache.DetailOutage},
		{"outage, no refresh is started", "max-age=60, stale-while-revalidate=99", "", 61 * time.Second, true, cache.Serve, cache.DetailOutage},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, now := page(c.page), noon.Add(c.after)
			request := cache.ParseCacheControl([]string{c.request})
			got := cache.Decide(&f, request, false, policy, c.outage, now)
			require.Equal(t, cache.Decision{Action: c.want, Detail: c.detail, Stale: f.TTL(now) <= 0, TTL: f.TTL(now)}, got)
		})
	}
}

func TestDecideHeedsPragma(t *testing.T) {
	f := page("max-age=60")
	got := cache.Decide(&f, directives(nil), true, cache.Policy{}, false, noon)
	require.Equal(t, cache.Decision{Action: cache.Validate, Detail: cache.DetailRequest, TTL: time.Minute}, got, "§5.4")
}

func TestTheZeroPolicyServesNothingStale(t *testing.T) {
	f := page("max-age=60")
	got := cache.Decide(&f, directives(nil), false, cache.Policy{}, true, noon.Add(time.Hour))
	require.Equal(t, cache.Validate, got.Action)
	serve, _ := cache.OnError(&f, cache.Policy{}, true, noon.Add(time.Hour))
	require.False(t, serve)
}

func TestOnError(t *testing.T) {
	policy := cache.Policy{Stale: time.Hour, Outage: 24 * time.Hour}
	for _, c := range []struct {
		name   string
		page   string
		after  time.Duration
		outage bool
		serve  bool
		detail string
	}{
		{"§4.2.4 within the operator's limit", "max-age=60", time.Hour + time.Minute, false, true, cache.DetailError},
		{"§4.2.4 beyond it", "max-age=60", time.Hour + 61*time.Second, false, false, ""},
		{"RFC 5861 §4 within stale-if-error", "max-age=60, stale-if-error=7200", 2*time.Hour + time.Minute, false, true, cache.DetailError},
		{"RFC 5861 §4 beyond it", "max-age=60, stale-if-error=7200", 2*time.Hour + 61*time.Second, false, false, ""},
		{"RFC 5861 §4 a shorter one restricts the operator", "max-age=60, stale-if-error=5", 66 * time.Second, false, false, ""},
		{"RFC 5861 §4 zero forbids", "max-age=60, stale-if-error=0", 61 * time.Second, false, false, ""},
		{"§5.2.2.2 must-revalidate", "max-age=60, must-revalidate", 61 * time.Second, false, false, ""},
		{"§5.2.2.8 proxy-revalidate", "max-age=60, proxy-revalidate", 61 * time.Second, false, false, ""},
		{"§5.2.2.10 s-maxage", "s-maxage=60", 61 * time.Second, false, false, ""},
		{"§5.2.2.8 overrules stale-if-error", "max-age=60, proxy-revalidate, stale-if-error=99", 61 * time.Second, false, false, ""},
		{"§5.2.2.10 overrules stale-if-error", "s-maxage=60, stale-if-error=99", 61 * time.Second, false, false, ""},
		{"§5.2.2.4 overrules stale-if-error", "max-age=60, no-cache, stale-if-error=99", 61 * time.Second, false, false, ""},
		{"RFC 8246 immutable does not matter once stale", "max-age=60, immutable", time.Hour + 61*time.Second, false, false, ""},
		{"§5.2.2.2 overrules stale-if-error", "max-age=60, must-revalidate, stale-if-error=99", 61 * time.Second, false, false, ""},
		{"§5.2.2.4 no-cache, even fresh", "max-age=60, no-cache", 0, false, false, ""},
		{"still fresh: the reader had asked for more", "max-age=60", 0, false, true, cache.DetailError},
		{"still fresh, with must-revalidate", "max-age=60, must-revalidate", 0, false, true, cache.DetailError},
		{"outage within its limit", "max-age=60", 24 * time.Hour, true, true, cache.DetailOutage},
		{"outage overrules must-revalidate", "max-age=60, must-revalidate", time.Hour, true, true, cache.DetailOutage},
		{"outage overrules no-cache", "max-age=60, no-cache", time.Hour, true, true, cache.DetailOutage},
		{"outage overrules a short stale-if-error", "max-age=60, stale-if-error=0", time.Hour, true, true, cache.DetailOutage},
		{"outage beyond its limit", "max-age=60", 25 * time.Hour, true, false, ""},
		{"outage beyond its limit, within stale-if-error", "max-age=60, stale-if-error=999999", 25 * time.Hour, true, true, cache.DetailError},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := page(c.page)
			serve, detail := cache.OnError(&f, policy, c.outage, noon.Add(c.after))
			require.Equal(t, c.serve, serve)
			require.Equal(t, c.detail, detail)
		})
	}
}

func TestActionsHaveNames(t *testing.T) {
	require.Equal(t, "serve, serve and refresh, validate, refuse, unknown",
		fmt.Sprintf("%v, %v, %v, %v, %v", cache.Serve, cache.ServeAndRefresh, cache.Validate, cache.Refuse, cache.Action(99)))
}

func ExampleDecide() {
	arrived := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f := cache.Reckon(200, fields("Cache-Control: max-age=600, must-revalidate"), arrived, arrived)
	policy := cache.Policy{Outage: 30 * 24 * time.Hour}
	none := cache.ParseCacheControl(nil)

	for _, outage := range []bool{false, true} {
		d := cache.Decide(&f, none, false, policy, outage, arrived.Add(time.Hour))
		fmt.Println(d.Action, d.Detail, d.TTL)
	}
	// Output:
	// validate stale -50m0s
	// serve outage -50m0s
}

func BenchmarkDecide(b *testing.B) {
	f := page("max-age=600")
	request := cache.ParseCacheControl(nil)
	now := noon.Add(time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		cache.Decide(&f, request, false, cache.Policy{}, false, now)
	}
}
