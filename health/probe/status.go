package probe

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/health"
)

// maxRetryAfter bounds for how long an origin can have itself left alone.
const maxRetryAfter = time.Hour

// ruled is what an answer's header comes to.
type ruled struct {
	finding
	next  *url.URL // to be asked at the same place; nil when the way ends here
	aside *url.URL // under another of the origin's names, where a page proves as much as is needed
}

// judgeHeader is what the header of an answer says about the origin. A redirect to another
// name of the origin, or below one, is as good as a page; one to the origin itself is followed.
func (t Target) judgeHeader(a *http.Response, page *url.URL) ruled {
	status := a.StatusCode
	answer := fmt.Sprintf("the answer is %d %s", status, http.StatusText(status))
	found := func(class health.Class, reason string, evidence ...string) ruled {
		return ruled{finding: finding{class, health.StageRequest, reason, evidence}}
	}
	if why := t.comesBack(a); why != "" {
		return found(health.LoopDetected, "the origin leads back to this edge: "+why)
	}
	if why := challenges(a.Header); why != "" {
		return found(health.Challenge, answer+", and asks whether a person is there", why)
	}
	switch {
	case status >= 200 && status < 300:
		return ruled{finding: finding{class: health.OK}}
	case status == http.StatusTooManyRequests:
		return found(health.RateLimited, answer+": the edge asks too often", waiting(a)...)
	case status == http.StatusUnavailableForLegalReasons:
		return found(health.Legal, answer, t.blockedBy(a.Header)...)
	case denies(a):
		return found(health.Denied, answer+", to the edge and to a browser alike")
	case status >= 500:
		return found(health.ServerError, answer, waiting(a)...)
	case status >= 300 && status < 400 && status != http.StatusNotModified:
		return t.judgeRedirect(a, page)
	}
	return found(health.StatusUnexpected, answer)
}

// judgeRedirect is judgeHeader for 3xx.
func (t Target) judgeRedirect(a *http.Response, page *url.URL) ruled {
	location := a.Header.Get("Location")
	found := func(class health.Class, format string, arguments ...any) ruled {
		return ruled{finding: finding{class, health.StageRequest, clipped(fmt.Sprintf(format, arguments...), maxReason),
			[]string{fmt.Sprintf("%s answers %d", page, a.StatusCode)}}}
	}
	if location == "" {
		return found(health.RedirectLoop, "a redirect (%d) that does not say where to", a.StatusCode)
	}
	to, err := page.Parse(location)
	switch {
	case err != nil:
		return found(health.RedirectLoop, "a redirect to %q, which is no URL", location)
	case to.Host == "" && (to.Scheme == "http" || to.Scheme == "https"):
		return found(health.RedirectLoop, "a redirect to %q, which has no host", location)
	case to.Scheme != page.Scheme && to.Scheme != "https":
		return found(health.RedirectOffsite, "a redirect to %s, which is not under https", to)
	}
	here := authority(to.Host) == authority(page.Host)
	ours := here || t.Host != "" && authority(to.Host) == authority(t.Host)
	switch {
	case ours, among(to.Host, t.Hosts), authority(to.Host) == authority(t.URL.Host):
	case among(to.Host, t.Elsewhere):
		return found(health.RedirectLoop, "it redirects to %s, another address of the publication, and serves nothing itself: "+
			"let it answer for its own name, or take it out", to.Host)
	case !below(to.Host, t.Hosts):
		return found(health.RedirectOffsite, "a redirect to %s, which is no host of the publication", to.Host)
	}
	next := *to
	next.Fragment, next.RawFragment, next.User = "", "", nil
	if to.Scheme != page.Scheme || !ours {
		return ruled{finding: finding{class: health.OK}, aside: &next}
	}
	if next.Host = page.Host; !here {
		next.Host = t.URL.Host
	}
	if next.String() == page.String() {
		return found(health.RedirectLoop, "a redirect to itself")
	}
	return ruled{finding: finding{class: health.OK}, next: &next}
}

// among reports whether a host is one of several.
func among(host string, hosts []string) bool {
	return slices.ContainsFunc(hosts, func(h string) bool { return authority(h) == authority(host) })
}

// below reports whether a host is under one of several, or beside their www.
func below(host string, hosts []string) bool {
	return slices.ContainsFunc(hosts, func(h string) bool {
		return strings.HasSuffix(authority(host), "."+strings.TrimPrefix(authority(h), "www."))
	})
}

// comesBack says how an answer shows that the request came back to this edge. An edge
// that finds its name in CDN-Loop answers 508 (RFC 5842 §7.2); one behind which somebody took
// CDN-Loop off cannot know, but names what it passed through. Without either, as where
// another cache answers in between, a loop cannot be seen from here.
func (t Target) comesBack(a *http.Response) string {
	if a.StatusCode == http.StatusLoopDetected {
		return "the answer is 508 Loop Detected"
	}
	if t.EdgeID == "" {
		return ""
	}
	for _, name := range [...]string{"Via", "Cache-Status", "Proxy-Status", "Cdn-Loop"} {
		for _, value := range a.Header[name] {
			words := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" ,;=\"()", r) })
			for _, word := range words {
				if strings.EqualFold(word, t.EdgeID) {
					return "the answer's " + name + " names it"
				}
			}
		}
	}
	return ""
}

// denies reports whether the status is one that servers keep robots away with.
func denies(a *http.Response) bool {
	if challenges(a.Header) != "" {
		return false
	}
	switch a.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotAcceptable:
		return true
	}
	return false
}

// challenges says by which field an answer calls itself a test for persons. No other
// field proves it: pages may name the tester's host for other reasons.
func challenges(header http.Header) string {
	if header.Get("Cf-Mitigated") == "challenge" {
		return "the header says cf-mitigated: challenge"
	}
	if action := header.Get("X-Amzn-Waf-Action"); action != "" {
		return "the header says x-amzn-waf-action: " + clipped(action, 40)
	}
	return ""
}

// retryAfter is for how long the answer asks to be left alone (RFC 9110 §10.2.3).
func retryAfter(a *http.Response, now time.Time) time.Duration {
	if a.StatusCode != http.StatusTooManyRequests && a.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	value := strings.TrimSpace(a.Header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(0, at.Sub(now)), maxRetryAfter)
}

// waiting is Retry-After as evidence.
func waiting(a *http.Response) []string {
	if value := a.Header.Get("Retry-After"); value != "" {
		return []string{"it asks to retry after " + clipped(value, 60)}
	}
	return nil
}

// blockedBy is who has a 451 answered, as far as the answer tells (RFC 7725 §4), and
// whether that can be believed.
func (t Target) blockedBy(header http.Header) []string {
	var words []string
	for _, line := range header["Link"] {
		for link := range strings.SplitSeq(line, ",") {
			target, parameters, found := strings.Cut(link, ">")
			if found && strings.Contains(strings.ToLower(parameters), "blocked-by") {
				words = append(words, "blocked by "+clipped(strings.TrimPrefix(strings.TrimSpace(target), "<"), 200))
			}
		}
	}
	if t.secure() {
		return append(words, "it came over verified TLS: the origin's server says it, or the network in front of it")
	}
	return append(words, "it came over plain HTTP: anybody on the way may have said it")
}
