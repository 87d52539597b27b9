package lab

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const (
	// chain is how many redirects RedirectChain has; browsers and probes follow ten at most.
	chain = 12
	// hopQuery counts them.
	hopQuery = "hop"
	// localePath is what RedirectLocale puts before a path.
	localePath = "/en"
)

// redirect answers under the faults that lead somewhere else. The scheme, the name without
// www and the locale are what sound publications do.
func (s *spell) redirect(w http.ResponseWriter, r *http.Request) {
	to := ""
	switch s.fault {
	case RedirectOff:
		to = "http://notice.provider.example/access-denied?address=" + url.QueryEscape(r.Host+r.URL.Path)
	case RedirectLoop:
		// There and back again, so that a look at the last address alone does not show it.
		if to = base(r) + r.URL.Path; !r.URL.Query().Has("again") {
			to += "?again=1"
		}
	case RedirectChain:
		if hops, _ := strconv.Atoi(r.URL.Query().Get(hopQuery)); hops < chain {
			to = fmt.Sprintf("%s%s?%s=%d", base(r), r.URL.Path, hopQuery, hops+1)
		}
	case RedirectBroken:
		to = "https:///access-denied"
	case RedirectScheme:
		if r.TLS == nil {
			to = "https://" + r.Host + r.URL.RequestURI()
		}
	case RedirectApex:
		if s.other != "" && !strings.EqualFold(hostName(r.Host), s.other) {
			to = strings.Replace(base(r), r.Host, withPortOf(s.other, r.Host), 1) + r.URL.RequestURI()
		}
	case RedirectLocale:
		s.redirectLocale(w, r)
		return
	}
	if to == "" {
		s.publish(w, r)
		return
	}
	// Not http.Redirect, which mends what is broken.
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
}

// redirectLocale keeps the pages under a path of their own, and everything else where it is.
func (s *spell) redirectLocale(w http.ResponseWriter, r *http.Request) {
	if within, ok := strings.CutPrefix(r.URL.Path, localePath+"/"); ok {
		inner := r.Clone(r.Context())
		inner.URL.Path = "/" + within
		s.publish(w, inner)
		return
	}
	if !isPage(r.URL.Path) || strings.HasPrefix(r.URL.Path, "/.well-known/") {
		s.publish(w, r)
		return
	}
	w.Header().Set("Location", localePath+r.URL.RequestURI())
	w.WriteHeader(http.StatusFound)
}

// withPortOf is a host name with the port that another host has.
func withPortOf(name, host string) string {
	if _, port, err := net.SplitHostPort(host); err == nil {
		return net.JoinHostPort(name, port)
	}
	return name
}
