package proxy

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/heliograph-edge/heliograph/cache"
)

// Rules are what an operator has said of how a site's pages are kept; the zero value says nothing.
// In names and paths, * stands for any text, none included.
type Rules struct {
	// Ignore are query parameters that change nothing of a page, Keep those that alone do. They
	// change the target of safe requests itself: what origins are sent is what is in the key.
	Ignore, Keep []string
	// Bypass are cookies whose bearers get nothing from the cache, and leave nothing in it.
	Bypass []string
	// Lifetimes are for how long pages are fresh, whatever they say; the first whose path fits counts.
	Lifetimes []Lifetime
}

// Lifetime is for how long the pages of some paths are fresh.
type Lifetime struct {
	Path string // as it stands in a request, with its escapes
	For  time.Duration
}

// shaping reports whether targets are changed at all.
func (r *Rules) shaping() bool { return len(r.Ignore) > 0 || len(r.Keep) > 0 }

// target is a target without the query parameters that change nothing. What is left stays as it
// is, in its order.
func (r *Rules) target(target string) string {
	path, query, asked := strings.Cut(target, "?")
	if !asked || !r.shaping() {
		return target
	}
	kept := make([]string, 0, strings.Count(query, "&")+1)
	dropped := false
	for parameter := range strings.SplitSeq(query, "&") {
		if r.counts(parameter) {
			kept = append(kept, parameter)
		} else {
			dropped = true
		}
	}
	switch {
	case !dropped:
		return target
	case len(kept) == 0:
		return path
	}
	return path + "?" + strings.Join(kept, "&")
}

// counts reports whether a query parameter, as it stands in a target, changes what a page is.
func (r *Rules) counts(parameter string) bool {
	written, _, _ := strings.Cut(parameter, "=")
	name, err := url.QueryUnescape(written)
	if err != nil {
		name = written
	}
	if len(r.Keep) > 0 {
		return fitsAny(r.Keep, name)
	}
	return !fitsAny(r.Ignore, name)
}

// bypasses reports whether a request has a cookie that keeps it away from the cache.
func (r *Rules) bypasses(header http.Header) bool {
	if len(r.Bypass) == 0 {
		return false
	}
	for _, line := range header["Cookie"] {
		for cookie := range strings.SplitSeq(line, ";") {
			name, _, _ := strings.Cut(cookie, "=")
			if fitsAny(r.Bypass, strings.TrimSpace(name)) {
				return true
			}
		}
	}
	return false
}

// lifetime is what the rules give an answer in place of a lifetime of its own; 0 where they say
// nothing of it. They are no way around what keeps a page from being shared or used again
// without being asked for, nor for a path that an origin may take for another.
func (r *Rules) lifetime(request *http.Request, response *http.Response) time.Duration {
	if len(r.Lifetimes) == 0 || len(request.Header["Authorization"]) > 0 || len(response.Header["Set-Cookie"]) > 0 {
		return 0
	}
	switch response.StatusCode {
	case http.StatusOK, http.StatusNonAuthoritativeInfo, http.StatusMultipleChoices, http.StatusMovedPermanently,
		http.StatusPermanentRedirect, http.StatusNotModified:
	default:
		return 0
	}
	if d := cache.ResponseDirectives(response.Header); d.NoStore || d.Private || d.NoCache || d.Broken {
		return 0
	}
	path, _, _ := strings.Cut(cache.Target(request.URL), "?")
	if !unambiguous(path) {
		return 0
	}
	for _, l := range r.Lifetimes {
		if fits(l.Path, path) {
			return l.For
		}
	}
	return 0
}

// unambiguous reports whether everybody reads a path as the same.
func unambiguous(path string) bool {
	for segment := range strings.SplitSeq(path[1:], "/") {
		if segment == "." || segment == ".." || strings.ContainsAny(segment, `;\`) {
			return false
		}
	}
	if strings.Contains(path, "//") {
		return false
	}
	for at := strings.IndexByte(path, '%'); at >= 0 && at+3 <= len(path); {
		switch escape := path[at+1 : at+3]; {
		case escape[0] < '2', slices.Contains([]string{"23", "25", "2E", "2F", "3B", "3F", "5C", "7F"}, escape):
			return false
		}
		next := strings.IndexByte(path[at+3:], '%')
		if next < 0 {
			break
		}
		at += 3 + next
	}
	return true
}

// stored tells apart rules under which other pages are stored, or the same for another time. Which
// targets there are is no part of that: a page is stored under the target that it was fetched by.
func (r *Rules) stored() string {
	if len(r.Bypass) == 0 && len(r.Lifetimes) == 0 {
		return ""
	}
	return fmt.Sprintf("%q %v", slices.Sorted(slices.Values(r.Bypass)), r.Lifetimes)
}

// fitsAny reports whether a text fits one of some patterns.
func fitsAny(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return fits(pattern, text) })
}

// fits reports whether a text fits a pattern, in which * stands for any text.
func fits(pattern, text string) bool {
	first, rest, starred := strings.Cut(pattern, "*")
	text, ok := strings.CutPrefix(text, first)
	if !starred || !ok {
		return ok && text == ""
	}
	for {
		var middle string
		middle, rest, starred = strings.Cut(rest, "*")
		if !starred {
			return strings.HasSuffix(text, middle)
		}
		// The first place will do: what is left of the text is then the longest.
		at := strings.Index(text, middle)
		if at < 0 {
			return false
		}
		text = text[at+len(middle):]
	}
}
