package cache

import "net/http"

// ModestRange reports whether a request's Range may be sent to an origin as it is: bytes, few
// ranges, and none that asks for what another asks for as well. An origin that answers
// others with all that they ask for would send a page many times over (RFC 9110 §14.2,
// §17.15); without the Range it sends it once.
func ModestRange(request http.Header) bool {
	specs, ok := parseRange(request)
	if !ok {
		return false
	}
	for i, a := range specs {
		for _, b := range specs[:i] {
			if a.mayMeet(b) {
				return false
			}
		}
	}
	return true
}

// shortSuffix is a suffix that may meet another range without making an answer much larger:
// players ask for the first bytes of a page and a few of the last.
const shortSuffix = 64 << 10

// mayMeet reports whether two members may name the same byte of some page. Of a suffix and
// another that depends on the page's length.
func (s rangeSpec) mayMeet(other rangeSpec) bool {
	if s.first < 0 || other.first < 0 {
		suffix, rest := s, other
		if s.first >= 0 {
			suffix, rest = other, s
		}
		return rest.first < 0 || rest.last < 0 || suffix.last > shortSuffix
	}
	return (s.last < 0 || other.first <= s.last) && (other.last < 0 || s.first <= other.last)
}
