package cache

import (
	"net/http"
	"slices"
	"strings"

	"github.com/dunglas/httpsfv"
)

// Groups lists the groups that an answer belongs to (RFC 9875 §2), each once. A field that
// is no List of Strings says nothing.
func Groups(h http.Header) []string { return groupsIn(h["Cache-Groups"]) }

// InvalidatedGroups lists the groups that an answer spoils (RFC 9875 §3): those it names, if
// it is a final one to a request whose method is not known to be safe. The status of an
// error does not matter, because the origin says outright what is out of date.
func InvalidatedGroups(method string, status int, h http.Header) []string {
	if status < 200 || safe(method) {
		return nil
	}
	return groupsIn(h["Cache-Group-Invalidation"])
}

// groupsIn reads a List of Strings (RFC 9651 §3.1), whose parameters mean nothing. It is nil
// where a member is of another type: such a field is to be ignored as a whole.
func groupsIn(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	list, err := httpsfv.UnmarshalList(lines)
	if err != nil {
		return nil
	}
	var groups []string
	for _, member := range list {
		item, ok := member.(httpsfv.Item)
		if !ok {
			return nil
		}
		group, ok := item.Value.(string)
		if !ok {
			return nil
		}
		if !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
	}
	return groups
}

// TagsOf lists what the page with the header h can be purged by, sorted, each once: its
// Cache-Tag, Surrogate-Key and xkey, which origins write for other caches, and its groups.
func TagsOf(h Header) []string {
	var tags, groups []string
	for name, value := range h.All() {
		switch name {
		case "Cache-Tag", "Surrogate-Key", "Xkey":
			for value != "" {
				var tag string
				if tag, value = nextTagName(name, value); tag != "" {
					tags = append(tags, tag)
				}
			}
		case "Cache-Groups":
			groups = append(groups, value)
		}
	}
	tags = append(tags, groupsIn(groups)...)
	slices.Sort(tags)
	return slices.Compact(tags)
}

// HasTag reports whether tag is among [TagsOf] the header. Tags are case-sensitive. It
// allocates only for a header whose Cache-Groups contain the tag's text.
func HasTag(h Header, tag string) bool {
	if tag == "" {
		return false
	}
	grouped := false
	for rest := h; rest != ""; {
		var name, value string
		switch name, value, rest = rest.next(); name {
		case "Cache-Tag", "Surrogate-Key", "Xkey":
			for value != "" {
				var held string
				if held, value = nextTagName(name, value); held == tag {
					return true
				}
			}
		case "Cache-Groups":
			grouped = grouped || strings.ContainsAny(tag, `"\`) || strings.Contains(value, tag)
		}
	}
	return grouped && slices.Contains(TagsOf(h), tag)
}

// nextTagName cuts the first tag off a field's value. In Cache-Tag commas separate, so that a
// tag may have spaces within; in the others whitespace does, and in xkey commas, too.
func nextTagName(field, value string) (tag, rest string) {
	separators := ","
	switch field {
	case "Surrogate-Key":
		separators = " \t"
	case "Xkey":
		separators = " \t,"
	}
	end := strings.IndexAny(value, separators)
	if end < 0 {
		return trimOWS(value), ""
	}
	return trimOWS(value[:end]), value[end+1:]
}

// hasTag is [HasTag] of the page's header.
func (p *Page) hasTag(tag string) bool { return HasTag(p.Header, tag) }
