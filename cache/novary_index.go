package cache

import (
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// noVaryPages and noVaryPaths bound what is remembered: a few MiB. Who is forgotten is
	// still found by the exact key.
	noVaryPages, noVaryPaths = 16 << 10, 4 << 10
	// noVaryKey is the longest key that is remembered.
	noVaryKey = 512
	// noVaryForms is how many different fields are remembered of one path, and how many
	// pages that one of them makes equal: variants of one, usually.
	noVaryForms = 4
)

// noVaryIndex finds the pages whose No-Vary-Search makes other targets equal to theirs. It
// only hints: whether a page is still stored, and still says so, is seen in the store.
type noVaryIndex struct {
	some atomic.Bool // there was such a page ever

	mu    sync.Mutex                        // guards what follows
	forms *simplelru.LRU[Key, []noVaryForm] // by path; the latest first
	pages *simplelru.LRU[noVaryName, []Key] // by what they have in common; the latest first
}

// noVaryForm is one value of the field.
type noVaryForm struct {
	field    string
	variance searchVariance
}

// noVaryName is what all targets that a field makes equal have in common.
type noVaryName struct {
	path          Key
	field, normal string
}

// newNoVaryIndex returns an empty index.
func newNoVaryIndex() *noVaryIndex {
	forms, err := simplelru.NewLRU[Key, []noVaryForm](noVaryPaths, nil)
	if err != nil {
		panic(err) // only for a size below one
	}
	pages, err := simplelru.NewLRU[noVaryName, []Key](noVaryPages, nil)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &noVaryIndex{forms: forms, pages: pages}
}

// cutQuery is the key of the path alone, and the query.
func cutQuery(key Key) (path Key, query string) {
	before, query, _ := strings.Cut(string(key), "?")
	return Key(before), query
}

// noVaryField is the field's value in a page, "" without it.
func noVaryField(h Header) string {
	field := ""
	for rest := h; rest != ""; {
		var name, value string
		if name, value, rest = rest.next(); name == "No-Vary-Search" {
			if field != "" {
				value = field + ", " + value
			}
			field = value
		}
	}
	return field
}

// learn remembers a page that was stored, if it has the field.
func (x *noVaryIndex) learn(p *Page) {
	field := noVaryField(p.Header)
	if field == "" || len(p.Key)+len(field) > noVaryKey || strings.IndexByte(string(p.Key), 0) >= 0 {
		return
	}
	variance, ok := parseNoVarySearch([]string{field})
	if !ok {
		return
	}
	path, query := cutQuery(p.Key)
	name := noVaryName{path, field, variance.normal(query)}
	x.mu.Lock()
	defer x.mu.Unlock()
	if known, _ := x.forms.Get(path); len(known) == 0 || known[0].field != field {
		others := slices.DeleteFunc(slices.Clone(known), func(f noVaryForm) bool { return f.field == field })
		forms := append([]noVaryForm{{field, variance}}, others...)
		x.forms.Add(path, forms[:min(len(forms), noVaryForms)])
	}
	if keys, _ := x.pages.Get(name); len(keys) == 0 || keys[0] != p.Key {
		keys = append([]Key{p.Key}, without(keys, p.Key)...)
		x.pages.Add(name, keys[:min(len(keys), noVaryForms)])
	}
	x.some.Store(true)
}

// find lists the keys under which there may be a page for this one, the latest field's first.
func (x *noVaryIndex) find(key Key) []noVaryHint {
	if !x.some.Load() {
		return nil
	}
	path, query := cutQuery(key)
	x.mu.Lock()
	defer x.mu.Unlock()
	forms, _ := x.forms.Get(path)
	var hints []noVaryHint
	for i := range forms {
		name := noVaryName{path, forms[i].field, forms[i].variance.normal(query)}
		keys, _ := x.pages.Get(name)
		for _, other := range without(keys, key) {
			hints = append(hints, noVaryHint{name, other})
		}
	}
	return hints
}

// equals lists the key, and those that are equal to it by the field of a page: what is out
// of date for one target is so for the others.
func (x *noVaryIndex) equals(key Key) []Key {
	keys := []Key{key}
	for _, hint := range x.find(key) {
		keys = append(keys, hint.key)
	}
	return keys
}

// noVaryHint is where a page may be.
type noVaryHint struct {
	name noVaryName
	key  Key
}

// holds reports whether a page says still what the hint was learnt from.
func (h *noVaryHint) holds(p *Page) bool { return noVaryField(p.Header) == h.name.field }

// without are the keys but one, in a slice of their own.
func without(keys []Key, key Key) []Key {
	return slices.DeleteFunc(slices.Clone(keys), func(other Key) bool { return other == key })
}

// forget drops a hint that came to nothing.
func (x *noVaryIndex) forget(h noVaryHint) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if keys, known := x.pages.Peek(h.name); known {
		x.pages.Add(h.name, without(keys, h.key))
	}
}

// equivalent is the request for the page that answers this one because of its
// No-Vary-Search, nil when none does. It is for that page's own target, so that a refresh
// fetches and stores what was stored.
func (c *Cache) equivalent(r *Request) *Request {
	for _, hint := range c.noVary.find(r.Key) {
		pages := c.pages(hint.key)
		if !slices.ContainsFunc(pages, hint.holds) {
			c.noVary.forget(hint)
			continue
		}
		page := Select(pages, r.HTTP.Header)
		if page == nil || !hint.holds(page) || !page.serves(r.HTTP.Header) {
			continue
		}
		target, err := url.ParseRequestURI(hint.key.Target())
		if err != nil || Target(target) != hint.key.Target() {
			continue
		}
		own := *r
		own.Key, own.HTTP = hint.key, r.HTTP.WithContext(r.HTTP.Context())
		own.HTTP.URL = target
		return &own
	}
	return nil
}

// put stores a page, and remembers for which other targets.
func (c *Cache) put(page *Page, reserved int64) bool {
	stored := c.store.Put(page, reserved)
	if stored {
		c.noVary.learn(page)
	}
	return stored
}
