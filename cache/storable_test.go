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

		{"§7.3 a cookie with a stated lifetime is the origin's will", "GET", nil, 200, []string{"Cache-Control: max-age=60", "Set-Cookie: a=b"}, ""},
		{"§7.3 a cookie with Expires", "GET", nil, 200, []string{noonDate, expires, "Set-Cookie: a=b"}, ""},
		{"§7.3 a cookie with Expires and nothing to reckon it from", "GET", nil, 200, []string{expires, "Set-Cookie: a=b"}, cache.ReasonSetCookie},
		{"§7.3 a cookie that has expired already", "GET", nil, 200, []string{noonDate, "Expires: Sun, 01 Mar 2026 11:00:00 GMT", tag, "Set-Cookie: a=b"}, cache.ReasonSetCookie},
		{"§7.3 a cookie with an unreadable Expires", "GET", nil, 200, []string{noonDate, "Expires: 0", tag, "Set-Cookie: a=b"}, cache.ReasonSetCookie},
		{"§7.3 a cookie whose lifetime is over at once", "GET", nil, 200, []string{"Cache-Control: max-age=0", tag, "Set-Cookie: a=b"}, cache.ReasonSetCookie},
		{"§7.3 a cookie with a broken lifetime", "GET", nil, 200, []string{"Cache-Control: max-age=x", tag, "Set-Cookie: a=b"}, cache.ReasonSetCookie},
		{"§7.3 a cookie with two lifetimes", "GET", nil, 200, []string{"Cache-Control: max-age=60, max-age=5", "Set-Cookie: a=b"}, cache.ReasonSetCookie},
		{"§7.3 a cookie and no-cache", "GET", nil, 200, []string{"Cache-Control: no-cache, max-age=60", tag, "Set-Cookie: a=b"}, cache.ReasonSetCookie},
		{"§7.3 a cookie with a guessed lifetime", "GET", nil, 200, []string{"Last-Modified: Sun, 01 Feb 2026 13:00:00 GMT", "Set-Cookie: a=b"}, cache.ReasonSetCookie},
		{"§7.3 a cookie with a validator only", "GET", nil, 200, []string{tag, "Set-Cookie: a=b"}, cache.ReasonSetCookie},
		{"§7.3 a cookie, stated for a CDN", "GET", nil, 200, []string{"CDN-Cache-Control: max-age=60", "Set-Cookie: a=b"}, ""},
		{"§7.3 a cookie, stated for others only", "GET", nil, 200, []string{"CDN-Cache-Control: none", "Cache-Control: max-age=60", tag, "Set-Cookie: a=b"}, cache.ReasonSetCookie},
		{"§7.3 a cookie on a public page", "GET", nil, 200, []string{"Cache-Control: public, max-age=60", "Set-Cookie: a=b"}, ""},
		{"§7.3 a cookie with s-maxage", "GET", nil, 200, []string{"Cache-Control: s-maxage=60", "Set-Cookie: a=b"}, ""},
		{"§5.2.2.4 a cookie that is withheld", "GET", nil, 200, []string{`Cache-Control: no-cache="set-cookie", max-age=60`, "Set-Cookie: a=b"}, ""},

		{"§5.2.2.3 must-understand, understood", "GET", nil, 200, []string{"Cache-Control: must-understand, no-store, max-age=60"}, ""},
		{"§5.2.2.3 must-understand, not understood", "GET", nil, 599, []string{"Cache-Control: must-understand, no-store, max-age=60"}, cache.ReasonMustUnderstand},
		{"§5.2.2.3 even without no-store", "GET", nil, 299, []string{"Cache-Control: must-understand, max-age=60"}, cache.ReasonMustUnderstand},
		{"§5.2.2.3 private stays private", "GET", nil, 200, []string{"Cache-Control: must-understand, no-store, private, max-age=60"}, cache.ReasonPrivate},

		{"RFC 9213 §2.2 a lifetime for CDNs", "GET", nil, 200, []string{"CDN-Cache-Control: max-age=60", "Cache-Control: no-store"}, ""},
		{"RFC 9213 §2.2 no-store for CDNs", "GET", nil, 200, []string{"CDN-Cache-Control: no-store", "Cache-Control: max-age=60"}, cache.ReasonNoStore},
		{"RFC 9213 §2.2 private for CDNs", "GET", nil, 200, []string{"CDN-Cache-Control: private, max-age=60", "Cache-Control: max-age=60"}, cache.ReasonPrivate},
		{"RFC 9213 §2.2 no-store makes max-age inoperative", "GET", nil, 200, []string{"CDN-Cache-Control: max-age=60, no-store"}, cache.ReasonNoStore},
		{"RFC 9213 §2.2 Expires does not count beside it", "GET", nil, 200, []string{"CDN-Cache-Control: none", expires}, cache.ReasonNoFreshness},
		{"RFC 9213 §2.2 nor does Cache-Control", "GET", nil, 200, []string{"CDN-Cache-Control: none", "Cache-Control: no-store", tag}, ""},
		{"RFC 9213 §2.1 an invalid one is not there", "GET", nil, 200, []string{"CDN-Cache-Control: max-age=60, &&&", "Cache-Control: no-store"}, cache.ReasonNoStore},
		{"RFC 9213 §2.1 nor an empty one", "GET", nil, 200, []string{"CDN-Cache-Control:", "Cache-Control: max-age=60"}, ""},
		{"RFC 9213 §2.1 one of a wrong type permits nothing", "GET", nil, 200, []string{`CDN-Cache-Control: max-age="60"`, "Cache-Control: no-store"}, cache.ReasonNoStore},
		{"RFC 9213 §2.1 nor forbids", "GET", nil, 200, []string{`CDN-Cache-Control: max-age="60", no-store`, "Cache-Control: max-age=60"}, ""},
		{"RFC 9213 §2.2 credentials are released for CDNs", "GET", []string{"Authorization: Basic eA=="}, 200, []string{"CDN-Cache-Control: public, max-age=60", "Cache-Control: private"}, ""},
		{"RFC 9213 §2.2 and not by what is for others", "GET", []string{"Authorization: Basic eA=="}, 200, []string{"CDN-Cache-Control: max-age=60", "Cache-Control: public"}, cache.ReasonAuthorization},

		{"§3 an error with a lifetime is the origin's word", "GET", nil, 500, []string{"Cache-Control: max-age=60"}, ""},
		{"§3 a bad gateway with a lifetime", "GET", nil, 502, []string{"Cache-Control: max-age=60"}, ""},
		{"§3 an unavailable page with a lifetime", "GET", nil, 503, []string{"Cache-Control: max-age=60"}, ""},
		{"§3 a gateway's time-out with a lifetime", "GET", nil, 504, []string{"Cache-Control: max-age=60"}, ""},
		{"§3 an unknown client's error with a lifetime", "GET", nil, 499, []string{"Cache-Control: max-age=60"}, ""},
		{"§3 a temporary redirect with a lifetime", "GET", nil, 307, []string{"Cache-Control: max-age=60"}, ""},
		{"§3 a temporary redirect without one", "GET", nil, 307, []string{tag}, cache.ReasonNoFreshness},
		{"§3 an error without one", "GET", nil, 503, []string{tag, "Last-Modified: Sun, 01 Feb 2026 13:00:00 GMT"}, cache.ReasonNoFreshness},
		{"§3 a missing page with a validator", "GET", nil, 404, []string{tag}, ""},
		{"§3 a status beyond the classes", "GET", nil, 600, []string{"Cache-Control: max-age=60"}, cache.ReasonStatus},
		{"RFC 9110 §15.5.13 a failed precondition is one request's", "GET", nil, 412, []string{"Cache-Control: max-age=60"}, cache.ReasonStatus},
		{"RFC 9110 §15.5.20 a misdirected request is one connection's", "GET", nil, 421, []string{"Cache-Control: max-age=60"}, cache.ReasonStatus},
		{"RFC 6585 §3 a 428 is never stored", "GET", nil, 428, []string{"Cache-Control: max-age=60"}, cache.ReasonStatus},
		{"RFC 6585 §5 a 431 is never stored", "GET", nil, 431, []string{"Cache-Control: max-age=60"}, cache.ReasonStatus},
		{"RFC 8297 §2 early hints are never stored", "GET", nil, 103, []string{"Cache-Control: public, max-age=60", tag}, cache.ReasonStatus},
		{"§5.2.2.3 a qualified private stays one", "GET", nil, 200, []string{`Cache-Control: must-understand, no-store, private="X-A", max-age=60`}, ""},
		{"§5.2.2.7 a list that names Vary is the whole answer", "GET", nil, 200, []string{`Cache-Control: private="Vary", max-age=60`}, cache.ReasonPrivate},
		{"§5.4 Pragma in an answer means nothing", "GET", nil, 200, []string{"Pragma: no-cache", "Cache-Control: max-age=60"}, ""},
		{"§5.4 nor does it without Cache-Control", "GET", nil, 200, []string{"Pragma: no-cache", tag}, ""},
		{"§5.5 Warning means nothing", "GET", nil, 200, []string{`Warning: 110 - "stale"`, "Cache-Control: max-age=60"}, ""},
		{"RFC 8246 immutable is no lifetime", "GET", nil, 200, []string{"Cache-Control: immutable"}, cache.ReasonNoFreshness},
		{"RFC 5861 a window of staleness is no lifetime", "GET", nil, 200, []string{"Cache-Control: stale-while-revalidate=60, stale-if-error=60"}, cache.ReasonNoFreshness},
		{"§5.2.2.2 must-revalidate is no lifetime", "GET", nil, 200, []string{"Cache-Control: must-revalidate"}, cache.ReasonNoFreshness},
		{"§3.5 credentials of a proxy are none of the origin's", "GET", []string{"Proxy-Authorization: Basic eA=="}, 200, []string{"Cache-Control: max-age=60"}, ""},
		{"§3.5 credentials and must-revalidate within an error", "GET", []string{"Authorization: Basic eA=="}, 404, []string{"Cache-Control: must-revalidate, max-age=60"}, ""},
		{"§5.2.1.5 the reader's no-store in any case", "GET", []string{"Cache-Control: NO-STORE, max-age=0"}, 200, []string{"Cache-Control: max-age=60"}, cache.ReasonRequestNoStore},

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
	require.Len(t, all, 22)
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
