package cache

import (
	"net/http"
	"strings"
	"time"
)

// Version is what preconditions compare: the validators of a stored page, and its Date.
// Each is the field's value, "" where the page has none or has different ones.
type Version struct{ ETag, LastModified, Date string }

// PreconditionFailed reports whether the reader's If-Match or, without one, its
// If-Unmodified-Since is false of the stored page, so that 412 is the answer (RFC
// 9110 §13.2.2, steps 1 and 2). They come before [NotModified]. It does not allocate.
func PreconditionFailed(request http.Header, status int, held Version) bool {
	if status < 200 || status > 299 {
		return false // §13.2.1
	}
	if wanted := request["If-Match"]; len(wanted) > 0 {
		return !matchesStrongly(wanted, held.ETag)
	}
	if len(request["If-Unmodified-Since"]) == 0 {
		return false
	}
	since, ok := ParseDate(single(request, "If-Unmodified-Since"))
	if !ok {
		return false // §13.1.4: to be ignored, as where the page has no date
	}
	modified, ok := ParseDate(held.LastModified)
	return ok && modified.After(since)
}

// NotModified reports whether the reader's own preconditions say that it holds
// the stored page already, so that 304 is the answer (RFC 9111 §4.3.2). Status
// is that of the stored page. Only If-None-Match, by weak
// comparison, and, without it, If-Modified-Since count. Whether the page may be
// used at all is for [Decide]. It does not allocate.
func NotModified(request http.Header, status int, held Version) bool {
	if status < 200 || status > 299 {
		return false // RFC 9110 §13.2.1: no preconditions on other answers
	}
	if tags := request["If-None-Match"]; len(tags) > 0 {
		return matchesAny(tags, held.ETag)
	}
	if len(request["If-Modified-Since"]) == 0 {
		return false
	}
	since, ok := ParseDate(single(request, "If-Modified-Since"))
	if !ok {
		return false
	}
	modified, ok := lastChange(held)
	return ok && !modified.After(since)
}

// lastChange is when the page was last modified: its Last-Modified, or else its
// Date (RFC 9111 §4.3.2).
func lastChange(held Version) (time.Time, bool) {
	if t, ok := ParseDate(held.LastModified); ok {
		return t, true
	}
	return ParseDate(held.Date)
}

// matchesAny reports whether tag is among the lines of an If-None-Match field,
// by weak comparison (RFC 9110 §8.8.3.2), or the field is "*".
func matchesAny(lines []string, tag string) bool {
	want := opaqueTag(tag)
	for _, line := range lines {
		if trimOWS(line) == "*" {
			return true
		}
		for line != "" {
			var held string
			held, _, line = nextTag(line)
			if held != "" && held == want {
				return true
			}
		}
	}
	return false
}

// matchesStrongly reports whether tag is among the lines of an If-Match field, by
// strong comparison (RFC 9110 §8.8.3.2), or the field is "*".
func matchesStrongly(lines []string, tag string) bool {
	for _, line := range lines {
		if trimOWS(line) == "*" {
			return true
		}
		for line != "" {
			var wanted string
			var weak bool
			wanted, weak, line = nextTag(line)
			if wanted != "" && !weak && wanted == tag {
				return true
			}
		}
	}
	return false
}

// nextTag cuts the first entity tag off a list, and its weakness off the tag. It is
// not nextElement: within an entity tag a backslash escapes nothing (RFC 9110
// §8.8.3).
func nextTag(list string) (tag string, weak bool, rest string) {
	list = strings.TrimLeft(list, " \t,")
	weak = strings.HasPrefix(list, "W/")
	list = opaqueTag(list)
	end := strings.IndexByte(list, ',')
	if strings.HasPrefix(list, `"`) {
		if closing := strings.IndexByte(list[1:], '"'); closing >= 0 {
			quoted := closing + 2
			end = strings.IndexByte(list[quoted:], ',')
			if end >= 0 {
				end += quoted
			}
		}
	}
	if end < 0 {
		return trimOWS(list), weak, ""
	}
	return trimOWS(list[:end]), weak, list[end+1:]
}

// opaqueTag is an entity tag without its weakness.
func opaqueTag(tag string) string { return strings.TrimPrefix(trimOWS(tag), "W/") }
