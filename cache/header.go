package cache

import (
	"encoding/binary"
	"iter"
	"maps"
	"net/http"
	"slices"
)

// Header is the header of a stored page in one string: a small fraction of what an
// [http.Header] takes, shared by everybody who reads it, and never changed. Its fields
// are in the order of their names, lines of one name in the order they came. The zero
// value has none.
//
// Each field is the number of its name in [wellKnown], or zero and the name with its
// length, and then the value with its length; lengths are unsigned varints.
type Header string

// Field is one header field, ready to send.
type Field struct {
	Name  string // canonical form
	Value string
}

// PackHeader makes a Header of h.
func PackHeader(h http.Header) Header {
	size := 0
	for name, values := range h {
		for _, v := range values {
			size += len(name) + len(v) + 4
		}
	}
	b := make([]byte, 0, size)
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			b = appendField(b, name, v)
		}
	}
	return Header(b)
}

// appendField appends one field in its packed form.
func appendField(b []byte, name, value string) []byte {
	if at, ok := slices.BinarySearch(wellKnown[:], name); ok {
		b = append(b, byte(at+1))
	} else {
		b = append(b, 0)
		b = binary.AppendUvarint(b, uint64(len(name)))
		b = append(b, name...)
	}
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

// All are the fields in their order. The strings share the header's memory.
func (h Header) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for rest := h; rest != ""; {
			var name, value string
			name, value, rest = rest.next()
			if !yield(name, value) {
				return
			}
		}
	}
}

// next is the first field and what comes after it.
func (h Header) next() (name, value string, rest Header) {
	at := h[0]
	rest = h[1:]
	if at == 0 {
		name, rest = rest.text()
	} else {
		name = wellKnown[at-1]
	}
	value, rest = rest.text()
	return name, value, rest
}

// text is the text at the front, behind its length, and what comes after it.
func (h Header) text() (text string, rest Header) {
	length, shift := 0, 0
	for i := range len(h) {
		length |= int(h[i]&0x7f) << shift
		if shift += 7; h[i] < 0x80 {
			return string(h[i+1 : i+1+length]), h[i+1+length:]
		}
	}
	return "", "" // PackHeader writes nothing of the kind
}

// Get is the first value of the named field, "" without one. The name is canonical.
func (h Header) Get(name string) string {
	for rest := h; rest != ""; {
		var n, value string
		if n, value, rest = rest.next(); n == name {
			return value
		}
	}
	return ""
}

// Has reports whether there is such a field. The name is canonical.
func (h Header) Has(name string) bool {
	for rest := h; rest != ""; {
		var n string
		if n, _, rest = rest.next(); n == name {
			return true
		}
	}
	return false
}

// Single is the value of a field that must appear once: "" when it is absent, or when
// it appears several times with different values.
func (h Header) Single(name string) string {
	single, some := "", false
	for rest := h; rest != ""; {
		var n, value string
		n, value, rest = rest.next()
		switch {
		case n != name:
		case some && value != single:
			return ""
		default:
			single, some = value, true
		}
	}
	return single
}

// Unpack makes an [http.Header] of it, which is the caller's.
func (h Header) Unpack() http.Header {
	all := make(http.Header)
	for name, value := range h.All() {
		all[name] = append(all[name], value)
	}
	return all
}

// Size is the number of bytes that the fields take in HTTP/1.1.
func (h Header) Size() int {
	n := 0
	for name, value := range h.All() {
		n += len(name) + len(": ") + len(value) + len("\r\n")
	}
	return n
}

// with is the header with other values for some fields; an empty one removes the field.
func (h Header) with(own ...Field) Header {
	all := h.Unpack()
	for _, f := range own {
		if f.Value == "" {
			delete(all, f.Name)
			continue
		}
		all[f.Name] = []string{f.Value}
	}
	return PackHeader(all)
}

// wellKnown are names that answers have, sorted, so that a page need not hold them. At
// most 255; what is stored beyond the process names its fields in full.
var wellKnown = [...]string{
	"Accept-Ch", "Accept-Patch", "Accept-Ranges", "Access-Control-Allow-Credentials",
	"Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "Access-Control-Allow-Origin",
	"Access-Control-Expose-Headers", "Access-Control-Max-Age", "Age", "Allow", "Alt-Svc", "Cache-Control",
	"Cache-Group-Invalidation", "Cache-Groups", "Cache-Status", "Cache-Tag", "Cdn-Cache-Control",
	"Clear-Site-Data", "Content-Digest", "Content-Disposition", "Content-Encoding", "Content-Language",
	"Content-Length", "Content-Location", "Content-Range", "Content-Security-Policy",
	"Content-Security-Policy-Report-Only", "Content-Type", "Cross-Origin-Embedder-Policy",
	"Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Date", "Digest", "Etag", "Expires",
	"Last-Modified", "Link", "Location", "No-Vary-Search", "Origin-Agent-Cluster", "Permissions-Policy",
	"Pragma", "Proxy-Status", "Referrer-Policy", "Refresh", "Repr-Digest", "Retry-After", "Server",
	"Server-Timing", "Set-Cookie", "Sourcemap", "Strict-Transport-Security", "Surrogate-Control",
	"Surrogate-Key", "Timing-Allow-Origin", "Vary", "Via", "Warning", "Www-Authenticate", "X-Cache",
	"X-Content-Type-Options", "X-Dns-Prefetch-Control", "X-Download-Options", "X-Frame-Options",
	"X-Permitted-Cross-Domain-Policies", "X-Powered-By", "X-Request-Id", "X-Robots-Tag", "X-Served-By",
	"X-Ua-Compatible", "X-Varnish", "X-Xss-Protection", "Xkey",
}
