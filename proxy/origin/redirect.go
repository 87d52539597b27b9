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

// circle says why an answer's redirect would send a reader round in a circle: it leads
// to the page that was asked for, under an address that the reader's own stands for. It
// is empty where the redirect does not.
func (s *Site) circle(response *http.Response, method string) string {
	asked := response.Request
	if asked == nil || method != http.MethodGet && method != http.MethodHead || !isRedirect(response) {
		return ""
	}
	to, err := url.Parse(response.Header.Get("Location"))
	if err != nil || to.Host == "" || to.RequestURI() != asked.URL.RequestURI() {
		return ""
	}
	if strings.EqualFold(to.Hostname(), asked.URL.Hostname()) {
		if asked.URL.Scheme == "http" && strings.EqualFold(to.Scheme, "https") {
			return "the origin redirects to https: configure its https address"
		}
		return ""
	}
	if len(response.Header["Set-Cookie"]) > 0 {
		return "" // the next request will be another
	}
	for _, o := range s.Origins {
		if strings.EqualFold(to.Host, o.URL.Host) {
			return "the origin redirects to the same page of " + o.ID.Origin + ": let it serve its own"
		}
	}
	return ""
}
