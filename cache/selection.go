package cache

import (
	"slices"
	"strings"
)

// PurgeKind says in one word what a purge was asked of. It is fit to label a metric.
type PurgeKind string

// The closed set of kinds.
const (
	PurgeURL        PurgeKind = "url"        // single targets
	PurgePrefix     PurgeKind = "prefix"     // the targets that begin so
	PurgeTag        PurgeKind = "tag"        // the pages that carry a tag
	PurgeSite       PurgeKind = "site"       // all of one site
	PurgeEverything PurgeKind = "everything" // all there is
	PurgeGroup      PurgeKind = "group"      // a group that an origin invalidates (RFC 9875)
)

// PurgeKinds lists the closed set, for metrics that must exist at zero. The caller owns the slice.
func PurgeKinds() []PurgeKind {
	return []PurgeKind{PurgeURL, PurgePrefix, PurgeTag, PurgeSite, PurgeEverything, PurgeGroup}
}

// Selection says which pages are meant: those for which all that it names is so. One
// without anything but a Kind is of all pages.
type Selection struct {
	Kind PurgeKind
	// Space accepts the site's part of a key; nil accepts every site.
	Space  func(site string) bool
	Keys   []Key  // pages of these targets, whole or in part; nil for any
	Prefix string // of the target, as [Target] writes it
	Tag    string // that the page has, see [HasTag]
	groups groupSet
}

// holds reports whether a page is meant.
func (s *Selection) holds(p *Page) bool {
	return s.holdsKey(p.Key) && (s.Tag == "" || p.hasTag(s.Tag)) && (s.groups.empty() || s.groups.hold(p.Header))
}

// holdsKey reports whether pages of a key may be meant.
func (s *Selection) holdsKey(key Key) bool {
	if s.Keys != nil {
		return slices.Contains(s.Keys, wholeKey(key))
	}
	return (s.Space == nil || s.Space(key.Site())) && (s.Prefix == "" || strings.HasPrefix(key.Target(), s.Prefix))
}

// mayHold reports whether a fill may come to a page that is meant. Before its answer is
// there nobody knows the tags of what it fetches.
func (s *Selection) mayHold(f *fill) bool {
	switch {
	case !s.holdsKey(f.key):
		return false
	case s.Tag == "" && s.groups.empty():
		return true
	}
	select {
	case <-f.ready:
		return f.page != nil && s.holds(f.page) || f.stale != nil && s.holds(f.stale)
	default:
		return true
	}
}

// wholeKey is the key of the whole page, of that or of a part of it.
func wholeKey(key Key) Key {
	if i := strings.IndexByte(string(key), 0); i >= 0 {
		return key[:i]
	}
	return key
}

// mostGroups bounds the groups that one purge lists; one of more takes the pages of every
// group.
const mostGroups = 4096

// groupSet is some of the groups of RFC 9875, or every one. The zero value has none.
type groupSet struct {
	names map[string]struct{}
	every bool
}

// newGroupSet makes a set of groups.
func newGroupSet(names []string) groupSet {
	s := groupSet{names: make(map[string]struct{}, len(names))}
	for _, name := range names {
		s.names[name] = struct{}{}
	}
	return s.bounded()
}

// union is a set of what is in either.
func (s groupSet) union(other groupSet) groupSet {
	u := groupSet{names: make(map[string]struct{}, len(s.names)+len(other.names)), every: s.every || other.every}
	for _, names := range []map[string]struct{}{s.names, other.names} {
		for name := range names {
			u.names[name] = struct{}{}
		}
	}
	return u.bounded()
}

// bounded is the set, or that of every group when it is too large to be listed.
func (s groupSet) bounded() groupSet {
	if s.every || len(s.names) > mostGroups {
		return groupSet{every: true}
	}
	return s
}

// empty reports whether the set is of no group.
func (s groupSet) empty() bool { return !s.every && len(s.names) == 0 }

// hold reports whether the page with this header is in a group of the set.
func (s groupSet) hold(h Header) bool {
	var lines []string
	for name, value := range h.All() {
		if name == "Cache-Groups" {
			lines = append(lines, value)
		}
	}
	return slices.ContainsFunc(groupsIn(lines), func(group string) bool {
		_, in := s.names[group]
		return s.every || in
	})
}

// partKey is the key of what is stored of a page in parts.
func partKey(key Key) Key { return key + "\x00part" }
