package cache

import (
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// noVaryPages and noVaryPaths bound the bytes that are remembered, 8 MiB of them: readers who
	// invent queries make new names. Who is forgotten is still found by the exact key.
	noVaryPages, noVaryPaths = 6 << 20, 2 << 20
	// noVaryEntry is what an entry costs besides its strings: its places in the list and the
	// map, and the target of a key. Measured by TestWhatIsRememberedOfNoVarySearchIsBoundedInBytes.
	noVaryEntry = 320
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

	mu    sync.RWMutex                          // guards what follows; the slices in it never change
	forms noVaryList[Key, []noVaryForm]         // by path; the latest first
	pages noVaryList[noVaryName, []noVaryEqual] // by what they have in common; the latest first
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

// noVaryEqual is one of the pages that have a name.
type noVaryEqual struct {
	key    Key
	target *url.URL // nil where it cannot be asked for as the key says
}

// noVaryList is an LRU of as many entries as have most bytes.
type noVaryList[K comparable, V any] struct {
	lru         *simplelru.LRU[K, V]
	cost        func(K, V) int
	bytes, most int
}

// newNoVaryList returns an empty list.
func newNoVaryList[K comparable, V any](most int, cost func(K, V) int) noVaryList[K, V] {
	lru, err := simplelru.NewLRU[K, V](most/noVaryEntry, nil)
	if err != nil {
		panic(err) // only for a size below one
	}
	return noVaryList[K, V]{lru: lru, cost: cost, most: most}
}

// put adds an entry, or changes it, and forgets those that were not used for longest.
func (l *noVaryList[K, V]) put(k K, v V) {
	if before, known := l.lru.Peek(k); known {
		l.bytes -= l.cost(k, before)
	}
	l.bytes += l.cost(k, v)
	for l.lru.Add(k, v); l.bytes > l.most; {
		k, v, _ := l.lru.RemoveOldest()
		l.bytes -= l.cost(k, v)
	}
}

// newNoVaryIndex returns an empty index.
func newNoVaryIndex() *noVaryIndex {
	return &noVaryIndex{
		forms: newNoVaryList(noVaryPaths, func(path Key, forms []noVaryForm) int {
			n := noVaryEntry + len(path)
			for _, f := range forms {
				n += noVaryEntry + 3*len(f.field) // once as it is, and parsed into names of 16 bytes each
			}
			return n
		}),
		pages: newNoVaryList(noVaryPages, func(name noVaryName, pages []noVaryEqual) int {
			n := noVaryEntry + len(name.path) + len(name.field) + len(name.normal)
			for _, p := range pages {
				n += noVaryEntry + 2*len(p.key)
			}
			return n
		}),
	}
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
	field = strings.Clone(field) // or all of the header would stay for its sake
	name := noVaryName{path, field, variance.normal(query)}
	own := noVaryEqual{key: p.Key}
	if target, err := url.ParseRequestURI(p.Key.Target()); err == nil && Target(target) == p.Key.Target() {
		own.target = target
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if known, _ := x.forms.lru.Get(path); len(known) == 0 || known[0].field != field {
		others := slices.DeleteFunc(slices.Clone(known), func(f noVaryForm) bool { return f.field == field })
		forms := append([]noVaryForm{{field, variance}}, others...)
		x.forms.put(path, forms[:min(len(forms), noVaryForms)])
	}
	if pages, _ := x.pages.lru.Get(name); len(pages) == 0 || pages[0].key != p.Key {
		pages = append([]noVaryEqual{own}, without(pages, p.Key)...)
		x.pages.put(name, pages[:min(len(pages), noVaryForms)])
	}
	x.some.Store(true)
}

// formsOf are the values of the field that pages of the path have, the latest first.
func (x *noVaryIndex) formsOf(path Key) []noVaryForm {
	x.mu.RLock()
	defer x.mu.RUnlock()
	forms, _ := x.forms.lru.Peek(path)
	return forms
}

// pagesOf are the pages that have a name, the latest first.
func (x *noVaryIndex) pagesOf(name noVaryName) []noVaryEqual {
	x.mu.RLock()
	defer x.mu.RUnlock()
	pages, _ := x.pages.lru.Peek(name)
	return pages
}

// used notes that a page was found by its name, where that makes nobody wait.
func (x *noVaryIndex) used(name noVaryName) {
	if x.mu.TryLock() {
		defer x.mu.Unlock()
		x.forms.lru.Get(name.path)
		x.pages.lru.Get(name)
	}
}

// find goes over what there may be a page in for a key, the latest field's first.
func (x *noVaryIndex) find(key Key) iter.Seq[noVaryHint] {
	return func(yield func(noVaryHint) bool) {
		if !x.some.Load() {
			return
		}
		path, query := cutQuery(key)
		for _, form := range x.formsOf(path) {
			name := noVaryName{path, form.field, form.variance.normal(query)}
			for _, other := range x.pagesOf(name) {
				if other.key != key && !yield(noVaryHint{name, other.key, other.target}) {
					return
				}
			}
		}
	}
}

// equals lists the key, and those that are equal to it by the field of a page: what is out
// of date for one target is so for the others.
func (x *noVaryIndex) equals(key Key) []Key {
	keys := []Key{key}
	for hint := range x.find(key) {
		keys = append(keys, hint.key)
	}
	return keys
}

// noVaryHint is where a page may be.
type noVaryHint struct {
	name   noVaryName
	key    Key
	target *url.URL // as in noVaryEqual
}

// holds reports whether a page says still what the hint was learnt from.
func (h *noVaryHint) holds(p *Page) bool { return noVaryField(p.Header) == h.name.field }

// without are the pages but one, in a slice of their own.
func without(pages []noVaryEqual, key Key) []noVaryEqual {
	return slices.DeleteFunc(slices.Clone(pages), func(other noVaryEqual) bool { return other.key == key })
}

// forget drops a hint that came to nothing.
func (x *noVaryIndex) forget(h noVaryHint) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if pages, known := x.pages.lru.Peek(h.name); known {
		x.pages.put(h.name, without(pages, h.key))
	}
}

// equivalent is the request for the page that answers this one because of its
// No-Vary-Search, nil when none does. It is for that page's own target, so that a refresh
// fetches and stores what was stored.
func (c *Cache) equivalent(r *Request) *Request {
	for hint := range c.noVary.find(r.Key) {
		pages := c.pages(hint.key)
		if !slices.ContainsFunc(pages, hint.holds) {
			c.noVary.forget(hint)
			continue
		}
		page := Select(pages, r.HTTP.Header)
		if page == nil || !hint.holds(page) || !page.serves(r.HTTP.Header) {
			continue
		}
		if hint.target == nil {
			continue
		}
		c.noVary.used(hint.name)
		own := &struct { // together: on the way of a hit
			Request
			asks   http.Request
			target url.URL
		}{*r, *r.HTTP, *hint.target}
		own.asks.URL = &own.target
		own.Key, own.HTTP = hint.key, &own.asks
		return &own.Request
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
