package origin

import (
	"net/http"
	"net/url"
	"strings"
)

// leadsAway reports whether an answer redirects to a host that is none of the site's.
func (s *Site) leadsAway(response *http.Response) bool {
	return isRedirect(response) && s.foreign(response.Header.Get("Location"))
}

// isRedirect reports whether a browser follows the answer's Location.
func isRedirect(response *http.Response) bool {
	return response.StatusCode >= 300 && response.StatusCode <= 399 && response.Header.Get("Location") != ""
}

// foreign reports whether a browser that follows a reference leaves the publication.
// It reads as browsers do: a backslash is a slash, tabs are nothing, and after http:
// and https: any number of slashes will do.
func (s *Site) foreign(reference string) bool {
	if s.Own == nil {
		return false
	}
	reference = strings.NewReplacer(`\`, "/", "\t", "").Replace(strings.TrimSpace(reference))
	scheme, rest := splitScheme(reference)
	switch {
	case scheme == "" && !strings.HasPrefix(rest, "//"):
		return false
	case scheme != "" && scheme != "http" && scheme != "https":
		return true
	}
	host := strings.TrimLeft(rest, "/")
	if end := strings.IndexAny(host, "/?#"); end >= 0 {
		host = host[:end]
	}
	host = host[strings.LastIndexByte(host, '@')+1:] // without user and password
	return host != "" && !s.Own(host)
}

// splitScheme cuts the scheme, in lower case, off a reference. It is empty where there
// is none, RFC 3986 §4.2.
func splitScheme(reference string) (scheme, rest string) {
	before, after, ok := strings.Cut(reference, ":")
	if !ok || strings.ContainsAny(before, "/?#") {
		return "", reference
	}
	return strings.ToLower(before), after
}

// toItself is the circle of one step.
const toItself = "the origin redirects to the very page that was asked for"

// circle says why an answer's redirect would send a reader round in a circle: once it is made
// neutral it leads to the very page that was asked for. It is empty where the redirect does not,
// or where a cookie that comes with it makes the next request another.
func (s *Site) circle(response *http.Response, method string) string {
	asked := response.Request
	if asked == nil || method != http.MethodGet && method != http.MethodHead || !isRedirect(response) {
		return ""
	}
	to, err := asked.URL.Parse(response.Header.Get("Location"))
	if err != nil || to.RequestURI() != asked.URL.RequestURI() {
		return ""
	}
	again := len(response.Header["Set-Cookie"]) == 0
	switch other := s.otherAt(to, asked.URL); {
	case other != nil && again:
		return "the origin redirects to the same page of " + other.ID.Origin + ": let it serve its own"
	case other != nil:
		return ""
	case asked.URL.Scheme == "http" && to.Scheme == "https" && strings.EqualFold(to.Hostname(), asked.URL.Hostname()):
		return "the origin redirects to https: configure its https address"
	case again && sameAddress(to, asked.URL):
		return toItself
	}
	return ""
}

// otherAt is the origin, other than the one that was asked, whose page a URL is; nil without
// one. An origin that is served on the port of the URL's scheme is preferred to one that is
// served on the port of the other.
func (s *Site) otherAt(to, asked *url.URL) *Origin {
	var other *Origin
	for _, o := range s.Origins {
		switch {
		case o.URL.Scheme == asked.Scheme && sameAddress(o.URL, asked) || !sameAddress(o.URL, to):
		case o.URL.Scheme == to.Scheme:
			return o
		case !sameAddress(to, asked):
			other = o
		}
	}
	return other
}

// sameAddress reports whether two URLs name one host and port. The two schemes' own ports
// count as one: they are made neutral alike.
func sameAddress(a, b *url.URL) bool {
	return strings.EqualFold(a.Hostname(), b.Hostname()) && ownPort(a) == ownPort(b)
}

// ownPort is a URL's port; empty where it is that of a scheme.
func ownPort(u *url.URL) string {
	if port := u.Port(); port != "80" && port != "443" {
		return port
	}
	return ""
}
