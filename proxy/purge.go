package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/heliograph-edge/heliograph/cache"
)

// PurgeOrder is what an operator wants purged: a URL, a prefix, a tag, a whole site, or
// everything.
type PurgeOrder struct {
	Site       string `json:"site,omitempty"`   // all of it, or what a path, prefix or tag is of
	URL        string `json:"url,omitempty"`    // as readers, the publication or an origin have it; or a path
	Prefix     string `json:"prefix,omitempty"` // what the path begins with; or a URL of it
	Tag        string `json:"tag,omitempty"`
	Everything bool   `json:"everything,omitempty"`
	Soft       bool   `json:"soft,omitempty"`    // make it stale, and keep it to stand in
	DryRun     bool   `json:"dry_run,omitempty"` // only count
}

// Purge lets go of what is stored, as [cache.Cache.Purge] does. The error is
// ErrUnknownSite, a RefusedError, or the cache's.
func (e *Edge) Purge(ctx context.Context, o PurgeOrder) (cache.PurgeReport, error) {
	of, what, err := e.sites.Load().selection(o)
	if err != nil {
		return cache.PurgeReport{}, refuse(err)
	}
	return e.cache.Purge(ctx, cache.Purge{Of: of, What: what, Soft: o.Soft, DryRun: o.DryRun})
}

// Purges are those at work and the latest that are done, most recent first.
func (e *Edge) Purges() []cache.PurgeReport { return e.cache.Purges() }

// PurgeOf is how far the purge of that number has come; ok is false where it is not known any more.
func (e *Edge) PurgeOf(id uint64) (r cache.PurgeReport, ok bool) { return e.cache.PurgeOf(id) }

// selection is what an order is about, for the cache and in words.
func (s *Sites) selection(o PurgeOrder) (of cache.Selection, what string, err error) {
	wanted := 0
	for _, given := range []bool{o.URL != "", o.Prefix != "", o.Tag != "", o.Everything, o.Site != "" && o.URL == "" && o.Prefix == "" && o.Tag == ""} {
		if given {
			wanted++
		}
	}
	switch {
	case wanted != 1:
		return of, "", errors.New("say exactly one thing to purge: a url, a prefix, a tag, a site alone, or everything")
	case o.URL != "":
		return s.selectURL(o)
	case o.Prefix != "":
		return s.selectPrefix(o)
	case o.Tag != "":
		if !validTag(o.Tag) {
			return of, "", fmt.Errorf("%q is no tag: it is empty, or has control characters", o.Tag)
		}
		of, what = cache.Selection{Kind: cache.PurgeTag, Tag: o.Tag}, fmt.Sprintf("tag %q", o.Tag)
	case o.Everything:
		return cache.Selection{Kind: cache.PurgeEverything}, "everything", nil
	default:
		of, what = cache.Selection{Kind: cache.PurgeSite}, "all"
	}
	if o.Site == "" {
		return of, what + " of all sites", nil
	}
	site, err := s.named(o.Site)
	if err != nil {
		return of, "", err
	}
	of.Space = site.keeps
	return of, what + " of " + site.Name, nil
}

// selectURL is selection for a URL.
func (s *Sites) selectURL(o PurgeOrder) (of cache.Selection, what string, err error) {
	site, u, err := s.find(o.URL, o.Site)
	if err != nil {
		return of, "", err
	}
	key := site.key(u)
	canonical := site.Space.Canonical
	return cache.Selection{Kind: cache.PurgeURL, Keys: []cache.Key{key}}, canonical.Scheme + "://" + canonical.Host + key.Target(), nil
}

// selectPrefix is selection for a prefix. One that is a path without a site is of all of
// them.
func (s *Sites) selectPrefix(o PurgeOrder) (of cache.Selection, what string, err error) {
	u, err := parsePrefix(o.Prefix)
	if err != nil {
		return of, "", err
	}
	if u.Host == "" && o.Site == "" {
		target := cache.Target(u)
		return cache.Selection{Kind: cache.PurgePrefix, Prefix: target}, "prefix " + target + " of all sites", nil
	}
	site, u, err := s.find(o.Prefix, o.Site)
	if err != nil {
		return of, "", err
	}
	target := cache.Target(u)
	return cache.Selection{Kind: cache.PurgePrefix, Prefix: target, Space: site.keeps}, "prefix " + target + " of " + site.Name, nil
}

// CheckPrefix tells what is wrong with a prefix, wherever it is of; nil where it is one.
func CheckPrefix(prefix string) error {
	_, err := parsePrefix(prefix)
	return err
}

// parsePrefix reads a prefix: a path, or a URL. What every target begins with is asked for in
// other words, so that nobody purges all of it by a variable that is empty.
func parsePrefix(prefix string) (*url.URL, error) {
	u, err := parseAddress(prefix)
	if err == nil && (u.Path == "" || u.Path == "/") && u.RawQuery == "" && !u.ForceQuery {
		return nil, fmt.Errorf("the prefix %q is all there is: ask for everything, or for the site alone", prefix)
	}
	return u, err
}

// validTag reports whether a tag can stand in a field.
func validTag(tag string) bool {
	return strings.TrimSpace(tag) != "" && !strings.ContainsFunc(tag, func(r rune) bool { return r < ' ' || r == 0x7f })
}
