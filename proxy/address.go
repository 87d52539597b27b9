package proxy

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/heliograph-edge/heliograph/cache"
)

// ErrUnknownSite is what an operator gets who names a site, or a host of one, that the edge
// does not serve.
var ErrUnknownSite = errors.New("no such site")

// RefusedError says what is wrong with what an operator asks for.
type RefusedError struct{ error }

// Unwrap returns the error in it.
func (e *RefusedError) Unwrap() error { return e.error }

// refuse makes a RefusedError of an error, unless that says more already.
func refuse(err error) error {
	if errors.Is(err, ErrUnknownSite) {
		return err
	}
	return &RefusedError{err}
}

// named is the site of that name.
func (s *Sites) named(name string) (*Site, error) {
	names := make([]string, 0, len(s.all))
	for _, site := range s.all {
		if site.Name == name {
			return site, nil
		}
		names = append(names, site.Name)
	}
	return nil, fmt.Errorf("%w: %q; this edge serves %s", ErrUnknownSite, name, strings.Join(names, ", "))
}

// find is the site that an operator's address is of, and the URL as a reader's request
// has it. The address is absolute, with a front, the canonical host or that of an origin;
// or it is a path, of the named site or else of the only one.
func (s *Sites) find(address, name string) (*Site, *url.URL, error) {
	u, err := parseAddress(address)
	if err != nil {
		return nil, nil, err
	}
	site, err := s.ofHost(u.Host, name)
	if err != nil {
		return nil, nil, err
	}
	return site, &url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery, ForceQuery: u.ForceQuery}, nil
}

// parseAddress reads an operator's address: an absolute URL, or a path. What a request for it would
// leave out is refused rather than dropped, so that no more is meant than is written.
func parseAddress(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is not a URL: %w", address, errors.Unwrap(err))
	case u.User != nil:
		return nil, errors.New("the URL has a user or a password: leave that out")
	case u.Opaque != "" || u.Host == "" && !strings.HasPrefix(u.Path, "/") || u.Host != "" && u.Scheme != "http" && u.Scheme != "https",
		u.Host == "" && (u.Scheme != "" || strings.HasPrefix(address, "//")): // an empty host
		return nil, fmt.Errorf("%q is neither a URL such as https://www.gazette.example/news nor a path such as /news", address)
	case strings.Contains(address, "#"): // net/url does not tell of an empty one
		return nil, fmt.Errorf("%q has a fragment, which is no part of what is requested: leave it out, or write %%23 for the character", address)
	case u.Host != "" && !validHost(u.Host):
		return nil, fmt.Errorf("%q has a host that is none", address)
	}
	return u, nil
}

// ofHost is the site that a host is of; "" stands for the named site, or else the only one.
func (s *Sites) ofHost(host, name string) (*Site, error) {
	var site *Site
	switch {
	case host == "" && name == "" && len(s.all) == 1:
		return s.all[0], nil
	case host == "" && name == "":
		return nil, errors.New("this edge serves several sites: give a whole URL, or name the site")
	case host == "":
		return s.named(name)
	}
	if site = s.byFront[frontName(host)]; site == nil {
		for _, other := range s.all {
			if other.Space.Own(host) {
				site = other
				break
			}
		}
	}
	if site == nil {
		site = s.fallback
	}
	switch {
	case site == nil:
		return nil, fmt.Errorf("%w: none has the host %q as a front, its canonical host or an origin", ErrUnknownSite, host)
	case name != "" && site.Name != name:
		if _, err := s.named(name); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("the host %q is of the site %s, not of %s", host, site.Name, name)
	}
	return site, nil
}

// key is the key of a request for u.
func (s *Site) key(u *url.URL) cache.Key {
	if s.Rules.shaping() {
		return cache.KeyOf(s.keySpace, s.Rules.target(cache.Target(u)))
	}
	return cache.MakeKey(s.keySpace, u)
}

// keeps reports whether the site's part of a key is one that this site has or had, under
// these rules or earlier ones.
func (s *Site) keeps(keySpace string) bool {
	name, _, _ := strings.Cut(keySpace, "~")
	return name == s.Name
}
