package proxy

import (
	"iter"
	"net/http"
	"strings"

	"github.com/heliograph-edge/heliograph/cache"
)

// refusal is why a request goes no further.
type refusal struct {
	status int
	error  string // RFC 9209 error type
	reason string
}

// guard decides whether a request may go on at all. edge is this edge's name in
// CDN-Loop. net/http has refused malformed framing before.
func guard(in *http.Request, edge string) (refusal, bool) {
	switch {
	case in.Method == http.MethodConnect, in.Method == http.MethodTrace, in.RequestURI == "*":
		return refusal{http.StatusMethodNotAllowed, requestDenied, in.Method + " is not served"}, false
	case !validHost(in.Host) && (in.Host != "" || in.ProtoAtLeast(1, 1)): // HTTP/1.0 knows none
		return refusal{http.StatusBadRequest, "http_request_error", "the Host is not one"}, false
	case !strings.HasPrefix(in.URL.Path, "/") && (in.URL.Path != "" || in.URL.Host == ""): // RFC 9112 §3.2.2
		return refusal{http.StatusBadRequest, "http_request_error", "the request target is not a path"}, false
	case in.URL.Scheme != "" && in.URL.Host == "": // RFC 9110 §4.2.1
		return refusal{http.StatusBadRequest, "http_request_error", "the request target names no host"}, false
	case looped(in.Header, edge):
		return refusal{http.StatusLoopDetected, "proxy_loop_detected",
			"the request passed this edge before: an origin of the site leads back here"}, false
	}
	return refusal{}, true
}

// validHost reports whether a Host is made of nothing that a host and port is not.
func validHost(host string) bool {
	if host == "" {
		return false
	}
	for i := range len(host) {
		switch c := host[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '.', c == '-', c == ':', c == '[', c == ']', c == '_':
		default:
			return false
		}
	}
	return true
}

// looped reports whether CDN-Loop (RFC 8586) names this edge.
func looped(header http.Header, edge string) bool {
	for member := range members(header["Cdn-Loop"]) {
		name, _, _ := strings.Cut(member, ";")
		if strings.TrimSpace(name) == edge {
			return true
		}
	}
	return false
}

// members are the members of a list that may stand on several lines, RFC 9110 §5.6.1.
func members(lines []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range lines {
			for member := range strings.SplitSeq(line, ",") {
				if member = strings.Trim(member, " \t"); member != "" && !yield(member) {
					return
				}
			}
		}
	}
}

// clean removes from a reader's request, in place, everything that must not reach
// an origin. net/http makes a header map for each request, and nobody else reads
// what is removed.
func clean(in *http.Request, site *Site) {
	trailers := in.Header["Te"]
	cache.Hop(in.Header)
	scrub(in.Header, site)
	if named(trailers, "trailers") {
		in.Header["Te"] = []string{"trailers"} // RFC 9110 §10.1.4: we pass them on
	}
	if !sendsBody(in) {
		delete(in.Header, "Expect") // it is about a body
	}
	if in.Method == http.MethodGet || in.Method == http.MethodHead {
		for _, name := range aboutBodies {
			delete(in.Header, name)
		}
	}
}

// aboutBodies are fields about a request's body. Where that stays behind, its description must
// not reach an origin that goes by it.
var aboutBodies = []string{
	"Content-Type", "Content-Encoding", "Content-Language", "Content-Length", "Content-Location", "Content-Md5",
	"Content-Range", "Content-Digest", "Repr-Digest", "Digest", "Trailer",
}

// The two forms of Accept-Encoding that origins see. Nobody changes header values.
var (
	acceptGzip     = []string{"gzip"}
	acceptIdentity = []string{"identity"}
)

// narrowCodings asks an origin for gzip where the reader takes it or the cache decodes it,
// and for nothing else: what comes can be inspected. The bytes that a range counts are those
// of identity.
func narrowCodings(header http.Header, decodes bool) {
	accepted := cache.NormalAcceptEncoding(header["Accept-Encoding"])
	header["Accept-Encoding"] = acceptIdentity
	if len(header["Range"]) > 0 {
		return
	}
	if decodes || strings.Contains(accepted, "gzip") { // no other coding's name contains it
		header["Accept-Encoding"] = acceptGzip
	}
}

// scrub is the part of clean that is not about the connection. It serves for
// trailers, too.
func scrub(fields http.Header, site *Site) {
	for name := range fields {
		if forwarding(name) {
			delete(fields, name)
		}
	}
	if !site.Cookies {
		delete(fields, "Cookie")
	}
}

// forwarding reports whether a field tells an origin who the reader is, or would
// make it answer for another URL than the one that the page is stored under.
// Names with anything but letters, digits and hyphens are twins of others to servers that
// hand fields on as variables (RFC 3875 §4.1.18).
func forwarding(name string) bool {
	own, private := strings.CutPrefix(name, "X-")
	switch {
	case strings.ContainsFunc(name, isOdd):
		return true
	case private && ordinary(own):
		return false
	case private && (strings.HasSuffix(name, "-Ip") || pretends(own)), redirects(own, private),
		strings.HasSuffix(name, "-Client-Ip"), strings.HasSuffix(name, "-Connecting-Ip"),
		strings.HasSuffix(name, "-Connecting-Ipv6"), strings.HasPrefix(name, "Cloudfront-"):
		return true
	}
	switch name {
	case "Client-Ip", "Ali-Cdn-Real-Ip", "Proxy", // who and where the reader is
		"Cf-Pseudo-Ipv4", "Cf-Ipcountry", "Cf-Ipcity", "Cf-Visitor", "Client-Cert", "Client-Cert-Chain", // RFC 9440 §4
		"Front-End-Https", "Https", "Base-Url", "Http-Url", "Request-Uri", "Destination-Url", "Proxy-Host", "Proxy-Url", // another URL
		"A-Im", "Translate", "Profile", "Surrogate-Capability": // another form of the page, RFC 3229 §10.5.3
		return true
	}
	return false
}

// isOdd reports whether a character of a field's name is none that such names are usually made of.
func isOdd(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-'
}

// redirects reports whether a part of a field's name says that the field is about another method, host
// or address than the request's own. Behind X- more of them do; elsewhere they have meanings of
// their own, such as in Access-Control-Request-Method.
func redirects(name string, private bool) bool {
	if strings.Contains(name, "Script-Name") || strings.Contains(name, "Path-Info") {
		return true
	}
	for part := range strings.SplitSeq(name, "-") {
		switch part {
		case "Override":
			return true
		case "Method", "Host", "Hostname", "Vhost", "Url", "Uri":
			if private {
				return true
			}
		}
		if strings.HasPrefix(part, "Forward") || strings.HasPrefix(part, "Rewrit") || strings.HasPrefix(part, "Original") ||
			private && strings.HasPrefix(part, "Proxy") {
			return true
		}
	}
	return false
}

// ordinary reports whether a field whose name goes on so after X- is one that the scripts of sites, or services
// that call them, send about something else.
func ordinary(name string) bool {
	switch name {
	case "Auth-Method", "Payment-Method", "Shipping-Method", "Callback-Url", "Current-Url", "Page-Url", "Webhook-Url", "Goog-Resource-Uri":
		return true
	}
	return strings.HasPrefix(name, "Amz-Meta-")
}

// pretends reports whether a field whose name goes on so after X- makes some servers or frameworks
// take the request for another: of another scheme, path or port, or one of their own.
func pretends(name string) bool {
	for _, prefix := range [...]string{
		"Http-", "Envoy-", "Accel-", "Sendfile", "Appengine-", "Amz-Website-", "Middleware-", "Invoke-",
		"Remote-", "Ssl-", "Client-Cert", "Backend-",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	switch name {
	case "Scheme", "Proto", "Protocol", "Port", "Ssl", "Https", "Path",
		"Azure-Clientip", "Wap-Profile", "Country-Code", "Now-Route-Matches", "Matched-Path", "Nextjs-Data":
		return true
	}
	return false
}
