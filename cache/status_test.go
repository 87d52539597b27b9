package cache_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		name string
		edge string
		in   cache.Status
		want string
	}{
		{"the zero value", "edge", cache.Status{}, "edge"},
		{"RFC 9211 §2.1 hit", "edge", cache.Status{Hit: true}, "edge; hit"},
		{"RFC 9211 §2.1 a hit has no fwd", "edge", cache.Status{Hit: true, Fwd: cache.FwdStale, FwdStatus: 200, Stored: true, Collapsed: true}, "edge; hit"},
		{"RFC 9211 §2.5 ttl", "edge", cache.Status{Hit: true, HasTTL: true, TTL: 90*time.Second + 999*time.Millisecond}, "edge; hit; ttl=90"},
		{"RFC 9211 §2.5 a stale ttl is negative", "edge", cache.Status{Hit: true, HasTTL: true, TTL: -time.Millisecond}, "edge; hit; ttl=-1"},
		{"RFC 9211 §2.5 whole seconds stay", "edge", cache.Status{Hit: true, HasTTL: true, TTL: -2 * time.Second}, "edge; hit; ttl=-2"},
		{"RFC 9211 §2.5 zero is a ttl", "edge", cache.Status{Hit: true, HasTTL: true}, "edge; hit; ttl=0"},
		{"RFC 9211 §2.2 fwd", "edge", cache.Status{Fwd: cache.FwdURIMiss}, "edge; fwd=uri-miss"},
		{"RFC 9211 §2.3 to §2.6", "edge", cache.Status{Fwd: cache.FwdStale, FwdStatus: 304, Stored: true, Collapsed: true, HasTTL: true, TTL: time.Minute, Detail: "outage"},
			"edge; fwd=stale; fwd-status=304; stored; collapsed; ttl=60; detail=outage"},
		{"RFC 9211 §2.7 key", "edge", cache.Status{Hit: true, Key: "gazette /news"}, `edge; hit; key="gazette /news"`},
		{"RFC 9211 §2.7 a key is a String, also where it could be a Token", "edge", cache.Status{Hit: true, Key: "a"}, `edge; hit; key="a"`},
		{"RFC 9211 §2.7 a key with quotes", "edge", cache.Status{Fwd: cache.FwdMiss, Key: `a "b"?\\x00`}, `edge; fwd=miss; key="a \"b\"?\\\\x00"`},
		{"RFC 9211 §2 all of a hit", "edge", cache.Status{Hit: true, HasTTL: true, TTL: time.Minute, Key: "k", Detail: "revived"}, `edge; hit; ttl=60; key="k"; detail=revived`},
		{"RFC 9211 §2.4 no fwd-status without an answer", "edge", cache.Status{Fwd: cache.FwdStale}, "edge; fwd=stale"},
		{"RFC 9211 §2.6 stored and collapsed are nothing without fwd", "edge", cache.Status{Stored: true, Collapsed: true}, "edge"},
		{"RFC 9211 §2.2 no fwd of one's own", "edge", cache.Status{Fwd: "x; hit", FwdStatus: 200}, "edge"},
		{"RFC 9211 §2.8 a detail in words", "edge", cache.Status{Detail: `say "no" \ yes`}, `edge; detail="say \"no\" \\ yes"`},
		{"RFC 9211 §2.8 bytes that cannot stand in it", "edge", cache.Status{Detail: "a\r\nb: ä"}, `edge; detail="a??b: ??"`},
		{"RFC 9651 §3.3.4 a host name is a token", "edge-1.gazette.example", cache.Status{}, "edge-1.gazette.example"},
		{"RFC 9651 §3.3.4 a digit does not begin one", "1edge", cache.Status{Hit: true}, `"1edge"; hit`},
		{"RFC 9651 §3.3.4 nor does an address", "192.0.2.1:80", cache.Status{}, `"192.0.2.1:80"`},
		{"RFC 9651 §3.3.4 an injected member stays a name", "a, b; hit", cache.Status{}, `"a, b; hit"`},
		{"RFC 9651 §3.3.3 an empty name", "", cache.Status{}, `""`},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, "before, "+c.want, string(c.in.Append([]byte("before, "), c.edge)))
		})
	}
	for _, fwd := range []string{cache.FwdBypass, cache.FwdMethod, cache.FwdURIMiss, cache.FwdVaryMiss,
		cache.FwdMiss, cache.FwdRequest, cache.FwdStale, cache.FwdPartial} {
		require.Equal(t, "edge; fwd="+fwd, string(cache.Status{Fwd: fwd}.Append(nil, "edge")))
	}
}

func FuzzStatus(f *testing.F) {
	f.Add("edge", "stale", "outage", int64(5))
	f.Add("1", "\"", "a\\", int64(-1))
	f.Fuzz(func(t *testing.T, name, fwd, detail string, ttl int64) {
		s := cache.Status{Fwd: fwd, FwdStatus: 200, Detail: detail, HasTTL: true, TTL: time.Duration(ttl)}
		quoted, escaped := false, false
		for _, c := range s.Append(nil, name) {
			require.True(t, c >= ' ' && c < 0x7f)
			switch {
			case escaped:
				escaped = false
			case c == '\\':
				require.True(t, quoted)
				escaped = true
			case c == '"':
				quoted = !quoted
			default:
				require.False(t, !quoted && c == ',', "one member stays one")
			}
		}
		require.False(t, quoted, "quotes are closed")
	})
}
