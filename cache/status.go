package cache

import (
	"strconv"
	"time"
)

// The reasons to go to an origin that a [Status] can give (RFC 9211 §2.2).
const (
	FwdBypass   = "bypass"    // a rule keeps the request out of the cache
	FwdMethod   = "method"    // its method does
	FwdURIMiss  = "uri-miss"  // nothing is stored for its target
	FwdVaryMiss = "vary-miss" // nothing that its fields would have chosen
	FwdMiss     = "miss"      // nothing, and which of the two is not known
	FwdRequest  = "request"   // a fresh page is stored, but the reader asks for more
	FwdStale    = "stale"     // a stale page is stored
	FwdPartial  = "partial"   // only a part of the page is stored
)

// Status is what the cache did with one request, as a member of the Cache-Status
// field (RFC 9211). The zero value says nothing but that the cache was there.
type Status struct {
	// Hit says that the answer is a stored page and no origin was waited for.
	// Fwd and what belongs to it are then not written.
	Hit bool
	// Fwd is why an origin was asked: one of the Fwd constants. Anything else
	// is not written.
	Fwd string
	// FwdStatus is the status the origin answered with, 0 when it did not.
	FwdStatus int
	// Stored says that the answer was stored.
	Stored bool
	// Collapsed says that the request shared another one's fill.
	Collapsed bool
	// TTL is the page's remaining lifetime, negative when it is stale; it is
	// written, in whole seconds rounded down, only if HasTTL is set.
	TTL    time.Duration
	HasTTL bool
	// Key is the page's key, for operators who have it shown. "" is not written.
	Key string
	// Detail is free to choose; by custom a Detail or Reason constant. "" is
	// not written.
	Detail string
}

// Append appends the member to dst and returns the extended slice. Name is that
// of the edge. Strings that are no token of RFC 9651 §3.3.4 are written as
// quoted strings, with "?" for each byte that cannot stand in one, so that the
// result is always one valid member. It allocates only if dst has no room.
func (s Status) Append(dst []byte, name string) []byte {
	dst = appendItem(dst, name)
	if s.Hit {
		dst = append(dst, "; hit"...)
	} else if isFwd(s.Fwd) {
		dst = append(append(dst, "; fwd="...), s.Fwd...)
		if s.FwdStatus > 0 {
			dst = strconv.AppendInt(append(dst, "; fwd-status="...), int64(s.FwdStatus), 10)
		}
		if s.Stored {
			dst = append(dst, "; stored"...)
		}
		if s.Collapsed {
			dst = append(dst, "; collapsed"...)
		}
	}
	if s.HasTTL {
		dst = strconv.AppendInt(append(dst, "; ttl="...), floorSeconds(s.TTL), 10)
	}
	if s.Key != "" {
		dst = appendString(append(dst, "; key="...), s.Key)
	}
	if s.Detail != "" {
		dst = appendItem(append(dst, "; detail="...), s.Detail)
	}
	return dst
}

// floorSeconds rounds down, so that a page that is stale by half a second has a
// negative ttl.
func floorSeconds(d time.Duration) int64 {
	n := int64(d / time.Second)
	if d%time.Second < 0 {
		n--
	}
	return n
}

func isFwd(s string) bool {
	switch s {
	case FwdBypass, FwdMethod, FwdURIMiss, FwdVaryMiss, FwdMiss, FwdRequest, FwdStale, FwdPartial:
		return true
	}
	return false
}

// appendItem appends s as a token if it is one, else as a quoted string.
func appendItem(dst []byte, s string) []byte {
	if isItemToken(s) {
		return append(dst, s...)
	}
	return appendString(dst, s)
}

// appendString appends s as a quoted string.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c >= 0x7f:
			dst = append(dst, '?')
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// isItemToken reports whether s is a token of RFC 9651 §3.3.4, which is not
// quite that of RFC 9110: it starts with a letter or "*", and may contain ":"
// and "/".
func isItemToken(s string) bool {
	if s == "" || !isAlpha(s[0]) && s[0] != '*' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i]; !isTokenByte(c) && c != ':' && c != '/' {
			return false
		}
	}
	return true
}

func isAlpha(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
