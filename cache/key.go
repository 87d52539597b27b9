package cache

import (
	"net/url"
	"strings"
)

// Key is the name under which the pages of one target are kept: the site and
// the request target, with one space between them. It has no host and no scheme,
// because a page is the same whichever front or origin it came by. The zero
// value is no key.
type Key string

// MakeKey is the key of a request target within a site, whose name contains no
// space. It allocates the key and nothing else for an ordinary target.
func MakeKey(site string, u *url.URL) Key {
	var room [512]byte // longer than all but freak targets
	b := append(room[:0], site...)
	b = append(b, ' ')
	return Key(appendTarget(b, u))
}

// KeyOf is the key of a request target that [Target] or [InvalidatedTargets]
// gave.
func KeyOf(site, target string) Key { return Key(site + " " + target) }

// Site is the site's name within the key.
func (k Key) Site() string {
	site, _, _ := strings.Cut(string(k), " ")
	return site
}

// Target is the request target within the key.
func (k Key) Target() string {
	_, target, _ := strings.Cut(string(k), " ")
	return target
}

// Target is the request target of u in origin form: the one string that is both
// in the key and on the wire, so that an origin never sees two targets as one
// key or the reverse. Send exactly this.
//
// It changes only what RFC 3986 calls equivalent: an empty path becomes "/"
// (§6.2.3), percent escapes are written in upper case (§6.2.2.1), and in the path those
// of letters, digits, "-", "_" and "~" are undone (§6.2.2.2). Bytes that cannot stand in
// a request line, and in the path all that no URI may contain, are escaped, each by
// itself. Dot segments, repeated slashes, escaped dots and the query's escapes and order
// stay as they are: their meaning is the origin's.
func Target(u *url.URL) string {
	var room [512]byte
	return string(appendTarget(room[:0], u))
}

// appendTarget appends what [Target] gives.
func appendTarget(b []byte, u *url.URL) []byte {
	path := writtenPath(u)
	if !strings.HasPrefix(path, "/") && path != "*" {
		b = append(b, '/')
	}
	b = appendEscaped(b, path, true)
	if u.ForceQuery || u.RawQuery != "" {
		b = append(b, '?')
		b = appendEscaped(b, u.RawQuery, false)
	}
	return b
}

// writtenPath is the path as it was written, also where [url.URL.EscapedPath]
// would write it anew because of a byte that it does not like, and lose %2F.
func writtenPath(u *url.URL) string {
	if u.RawPath != "" {
		if plain, err := url.PathUnescape(u.RawPath); err == nil && plain == u.Path {
			return u.RawPath
		}
	}
	return u.EscapedPath()
}

// appendEscaped appends s with its escapes in upper case, and with an escape for
// each byte that cannot stand in the path, or else in the query.
func appendEscaped(b []byte, s string, path bool) []byte {
	const digits = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			if plain := unhex(s[i+1])<<4 | unhex(s[i+2]); path && isPlain(plain) {
				b = append(b, plain)
			} else {
				b = append(b, '%', upperASCII(s[i+1]), upperASCII(s[i+2]))
			}
			i += 2
		case c <= ' ' || c == '#' || c >= 0x7f || path && strings.IndexByte("\"<>?\\^`{|}", c) >= 0:
			b = append(b, '%', digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}

// isPlain reports whether an escape of the byte in a path means the byte itself to everybody
// (RFC 3986 §6.2.2.2). A dot does, too, but may make a segment that somebody resolves.
func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '~'
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func upperASCII(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - ('a' - 'A')
	}
	return c
}
