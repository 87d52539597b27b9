package cache_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

func TestStorable(t *testing.T) {
	const tag, expires = `Etag: "a"`, "Expires: Sun, 01 Mar 2026 13:00:00 GMT"
	for _, c := range []struct {
		name     string
		method   string
		request  []string
		status   int
		response []string
		want     cache.Reason
	}{
		{"§3 explicit lifetime", "GET", nil, 200, []string{"Cache-Control: max-age=60"}, ""},
		{"§3 s-maxage", "GET", nil, 200, []string{"Cache-Control: s-maxage=60"}, ""},
		{"§3 Expires", "GET", nil, 200, []string{expires}, ""},
		{"§5.3 an unreadable Expires is an expired one", "GET", nil, 200, []string{"Expires: 0"}, ""},
		{"§3 already stale", "GET", nil, 200, []string{"Cache-Control: max-age=0"}, ""},
		{"§3 an entity tag", "GET", nil, 200, []string{tag}, ""},
		{"§4.2.2 Last-Modified", "GET", nil, 200, []string{"Last-Modified: Sun, 01 Feb 2026 13:00:00 GMT"}, ""},
		{"§5.2.2.4 no-cache with a validator", "GET", nil, 200, []string{"Cache-Control: no-cache", tag}, ""},
		{"neither lifetime nor validator", "GET", nil, 200, nil, cache.ReasonNoFreshness},
		{"a Last-Modified that is no date", "GET", nil, 200, []string{"Last-Modified: yesterday"}, cache.ReasonNoFreshness},
		{"public without either", "GET", nil, 200, []string{"Cache-Control: public"}, cache.ReasonNoFreshness},
		{"a broken lifetime is none", "GET", nil, 200, []string{"Cache-Control: max-age=soon"}, cache.ReasonNoFreshness},
		{"a broken lifetime beside a validator", "GET", nil, 200, []string{"Cache-Control: max-age=soon", tag}, ""},
		{"a contradictory lifetime", "GET", nil, 200, []string{"Cache-Control: max-age=60, max-age=5"}, ""},

		{"§3 HEAD makes no page", "HEAD", nil, 200, []string{"Cache-Control: max-age=60"}, cache.ReasonMethod},
		{"§3 POST makes no page", "POST", nil, 200, []string{"Cache-Control: max-age=60"}, cache.ReasonMethod},
		{"§3 an unknown method makes no page", "FETCH", nil, 200, []string{"Cache-Control: max-age=60"}, cache.ReasonMethod},
		{"RFC 9110 §9.1 methods have case", "get", nil, 200, []string{"Cache-Control: max-age=60"}, cache.ReasonMethod},

		{"§5.2.1.5 the reader's no-store", "GET", []string{"Cache-Control: no-store"}, 200, []string{"Cache-Control: max-age=60"}, cache.ReasonRequestNoStore},
		{"§5.2.1.4 the reader's no-cache does not matter here", "GET", []string{"Cache-Control: no-cache"}, 200, []string{"Cache-Control: max-age=60"}, ""},
		{"§5.2.2.5 no-store", "GET", nil, 200, []string{"Cache-Control: no-store"}, cache.ReasonNoStore},
		{"§5.2.2.5 no-store beside a lifetime", "GET", nil, 200, []string{"Cache-Control: max-age=60", "Cache-Control: No-Store", expires}, cache.ReasonNoStore},
		{"§5.2.2.5 no-store beside a broken member", "GET", nil, 200, []string{"Cache-Control: max-age=abc, no-store", tag}, cache.ReasonNoStore},
		{"§5.2.2.7 private", "GET", nil, 200, []string{"Cache-Control: private, max-age=60"}, cache.ReasonPrivate},
		{"§5.2.2.7 private beside public", "GET", nil, 200, []string{"Cache-Control: public, private, max-age=60"}, cache.ReasonPrivate},
		{"§5.2.2.7 private fields only", "GET", nil, 200, []string{`Cache-Control: private="X-A", max-age=60`, "X-A: 1"}, ""},

		{"§3.5 credentials", "GET", []string{"Authorization: Basic eA=="}, 200, []string{"Cache-Control: max-age=60"}, cache.ReasonAuthorization},
		{"§3.5 credentials and Expires", "GET", []string{"Authorization: Basic eA=="}, 200, []string{expires}, cache.ReasonAuthorization},
		{"§3.5 released by public", "GET", []string{"Authorization: Basic eA=="}, 200, []string{"Cache-Control: public, max-age=60"}, ""},
		{"§3.5 released by must-revalidate", "GET", []string{"Authorization: Basic eA=="}, 200, []string{"Cache-Control: must-revalidate, max-age=60"}, ""},
		{"§3.5 released by s-maxage", "GET", []string{"Authorization: Basic eA=="}, 200, []string{"Cache-Control: s-maxage=60"}, ""},
		{"§3.5 not by proxy-revalidate", "GET", []string{"Authorization: Basic eA=="}, 200, []string{"Cache-Control: proxy-revalidate, max-age=60"}, cache.ReasonAuthorization},
		{"§3.5 not by a broken s-maxage", "GET", []string{"Authorization: Basic eA=="}, 200, []string{"Cache-Control: s-maxage=x, max-age=60"}, cache.ReasonAuthorization},

		{"a cookie is a credential", "GET", []string{"Cookie: a=b"}, 200, []string{"Cache-Control: max-age=60"}, cache.ReasonCookie},
		{"a cookie, not released by must-revalidate", "GET", []string{"Cookie: a=b"}, 200, []string{"Cache-Control: must-revalidate, max-age=60"}, cache.ReasonCookie},
		{"a cookie, released by public", "GET", []string{"Cookie: a=b"}, 200, []string{"Cache-Control: public, max-age=60"}, ""},
		{"a cookie, released by s-maxage", "GET", []string{"Cookie: a=b"}, 200, []string{"Cache-Control: s-maxage=60"}, ""},

		{"§4.1 Vary: *", "GET", nil, 200, []string{"Cache-Control: max-age=60", "Vary: *"}, cache.ReasonVaryStar},
		{"§4.1 a star among names", "GET", nil, 200, []string{"Cache-Control: max-age=60", "Vary: Accept", "Vary: X-A, *"}, cache.ReasonVaryStar},
		{"§4.1 a Vary that cannot be read", "GET", nil, 200, []string{"Cache-Control: max-age=60", "Vary: Accept Encoding"}, cache.ReasonVaryStar},
		{"§4.1 Vary with names", "GET", nil, 200, []string{"Cache-Control: max-age=60", "Vary: Accept, , X-A"}, ""},

		{"§7.3 a cookie", "GET", nil, 200, []string{"Cache-Control: max-age=60", "Set-Cookie: a=b"}, cache.ReasonSetCookie},
		{"§7.3 a cookie on a public page", "GET", nil, 200, []string{"Cache-Control: public, max-age=60", "Set-Cookie: a=b"}, ""},
		{"§7.3 a cookie with s-maxage", "GET", nil, 200, []string{"Cache-Control: s-maxage=60", "Set-Cookie: a=b"}, ""},
		{"§5.2.2.4 a cookie that is withheld", "GET", nil, 200, []string{`Cache-Control: no-cache="set-cookie", max-age=60`, "Set-Cookie: a=b"}, ""},

		{"§5.2.2.3 must-understand, understood", "GET", nil, 200, []string{"Cache-Control: must-understand, no-store, max-age=60"}, ""},
		{"§5.2.2.3 must-understand, not understood", "GET", nil, 599, []string{"Cache-Control: must-understand, no-store, max-age=60"}, cache.ReasonMustUnderstand},
		{"§5.2.2.3 even without no-store", "GET", nil, 299, []string{"Cache-Control: must-understand, max-age=60"}, cache.ReasonMustUnderstand},
		{"§5.2.2.3 private stays private", "GET", nil, 200, []string{"Cache-Control: must-understand, no-store, private, max-age=60"}, cache.ReasonPrivate},

		{"RFC 9110 §15.2 interim", "GET", nil, 103, []string{"Cache-Control: max-age=60"}, cache.ReasonStatus},
		{"RFC 9110 §15.2.2 another protocol", "GET", nil, 101, []string{"Cache-Control: max-age=60"}, cache.ReasonUpgrade},
		{"RFC 9110 §15.3.7 a part", "GET", nil, 206, []string{"Cache-Control: max-age=60"}, cache.ReasonPartial},
		{"RFC 9110 §15.4.5 a 304 is no page", "GET", nil, 304, []string{"Cache-Control: max-age=60", tag}, cache.ReasonStatus},
		{"a 416 answers one range", "GET", nil, 416, []string{"Cache-Control: max-age=60"}, cache.ReasonStatus},
		{"RFC 6585 §4 a 429 is never stored", "GET", nil, 429, []string{"Cache-Control: max-age=60"}, cache.ReasonStatus},
		{"RFC 6585 §6 a 511 is never stored", "GET", nil, 511, []string{"Cache-Control: max-age=60"}, cache.ReasonStatus},
		{"no status at all", "GET", nil, 0, []string{"Cache-Control: max-age=60"}, cache.ReasonStatus},
		{"an unknown final status with a lifetime", "GET", nil, 299, []string{"Cache-Control: max-age=60"}, ""},
		{"an unknown error with a lifetime", "GET", nil, 599, []string{expires}, ""},
		{"an unknown status with a validator only", "GET", nil, 599, []string{tag}, cache.ReasonNoFreshness},
		{"§4.2.2 the same, declared public", "GET", nil, 599, []string{"Cache-Control: public", tag}, ""},
		{"an unknown status with a broken lifetime", "GET", nil, 599, []string{"Cache-Control: max-age=x", tag}, cache.ReasonNoFreshness},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, cache.Storable(c.method, fields(c.request...), c.status, fields(c.response...)))
		})
	}
}

func TestStorableByHeuristicOnlyForTheStatusesOfRFC9110Section15Dot1(t *testing.T) {
	can := []int{200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501}
	for status := 200; status <= 599; status++ {
		got := cache.Storable("GET", nil, status, fields(`Etag: "a"`))
		require.Equal(t, slices.Contains(can, status), got == "", fmt.Sprintf("%d: %s", status, got))
	}
}

func TestReasonsAreAClosedSet(t *testing.T) {
	all := cache.Reasons()
	require.Len(t, all, 18)
	require.NotContains(t, all, cache.Reason(""))
	seen := map[cache.Reason]bool{}
	for _, r := range all {
		require.Regexp(t, "^[a-z_]+$", string(r))
		require.False(t, seen[r], "%s is listed twice", r)
		seen[r] = true
	}
}

func BenchmarkStorable(b *testing.B) {
	request := http.Header{"Accept": {"*/*"}}
	response := fields("Cache-Control: public, max-age=600", `Etag: "a"`, "Vary: Accept-Encoding")
	b.ReportAllocs()
	for b.Loop() {
		cache.Storable("GET", request, 200, response)
	}
}
