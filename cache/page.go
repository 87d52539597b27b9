package cache

import (
	"cmp"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// Page is a stored response, or one that is being stored. Apart from its body while
// that arrives, and the marks and renditions that it gathers, a page never changes:
// freshening makes a new page that shares the body.
type Page struct {
	Key       Key
	Status    int
	Header    Header // end-to-end fields without Age
	Origin    string // that answered, and minted the validators
	Freshness Freshness
	// Minted is the entity tag as the origin minted it, where that is not the header's:
	// the tag of a page that was decoded is weak.
	Minted string
	// Decoded says that the body came compressed: what the origin says of its bytes is not
	// about these.
	Decoded bool
	// Questionable says that a page which is not so is never replaced by it.
	Questionable bool
	Variant      *Variant // nil where every request is answered
	Body         *Body
	Length       int64 // of the body; -1 when it is not known until the end
	// Parts tell which bytes of the page the body has, and then Length is that of the
	// page; nil where it has them all.
	Parts *Parts

	revived    atomic.Int64  // Unix nanoseconds until which a failed refresh is not repeated
	expired    atomic.Int64  // Unix nanoseconds from which on it is stale, whatever its lifetime; 0 for never, or purgedHard
	purged     atomic.Uint64 // the number of the last purge that was applied to it
	grown      atomic.Int64  // bytes that its renditions take in the store
	renditions atomic.Pointer[renditions]
}

// Variant tells which of the requests for a key a page answers.
type Variant struct {
	Names  []string // request fields, canonical and sorted
	Values []string // what the request said in them, as [VaryValues] gives it
}

// perPage is what a page costs besides its own bytes: the Page, its Body, the store's
// entry and its place in the list and the map. Measured by
// TestPageCostCoversTheHeap of package memory.
const perPage = 600

// Cost is the memory that the page takes in a store, in bytes: body, header,
// renditions and bookkeeping.
func (p *Page) Cost() int64 {
	n := int64(perPage) + int64(len(p.Key)+len(p.Header)) + p.Body.capacity() + p.grown.Load()
	if p.Variant != nil {
		for i := range p.Variant.Names {
			n += 32 + int64(len(p.Variant.Names[i])+len(p.Variant.Values[i]))
		}
	}
	return n + p.Parts.cost()
}

// Grew notes that the page costs n bytes more. Only the store that holds the page calls
// it, while nothing else reads the cost, or who made the page and has shown it to nobody.
func (p *Page) Grew(n int64) { p.grown.Add(n) }

// SameVariant reports whether both pages answer the same requests.
func (p *Page) SameVariant(other *Page) bool {
	a, b := p.Variant, other.Variant
	if a == nil || b == nil {
		return a == b
	}
	return slices.Equal(a.Names, b.Names) && slices.Equal(a.Values, b.Values)
}

// Validators are what the page can be validated with, and where.
func (p *Page) Validators() Validators {
	v := Validators{Origin: p.Origin, ETag: cmp.Or(p.Minted, p.Header.Single("Etag"))}
	if modified := p.Header.Single("Last-Modified"); isDate(modified) {
		v.LastModified = modified
	}
	return v
}

// varies lists the request fields that the page varies by.
func (p *Page) varies() []string {
	if p.Variant == nil {
		return nil
	}
	return p.Variant.Names
}

// version is what a reader's preconditions are about.
func (p *Page) version() Version {
	return Version{
		ETag: p.Header.Single("Etag"), LastModified: p.Header.Single("Last-Modified"), Date: p.Header.Single("Date"),
	}
}

// Matches reports whether the page answers a request with these fields.
func (p *Page) Matches(request http.Header) bool {
	return p.Variant == nil || VaryMatch(p.Variant.Names, p.Variant.Values, request)
}

// Select returns the page that answers a request with these fields, nil when
// none does. Of several it is the one with the latest Date, as RFC 9111 §4 asks for, and
// of those with the same the one stored last: pages come most recently stored first.
func Select(pages []*Page, request http.Header) *Page {
	var selected *Page
	for _, p := range pages {
		if p.Matches(request) && (selected == nil || p.Freshness.Date.After(selected.Freshness.Date)) {
			selected = p
		}
	}
	return selected
}

// newPage makes the page that a storable answer becomes. Its body is yet to arrive.
func newPage(key Key, request http.Header, got *Fetched) *Page {
	header := got.Response.Header.Clone()
	Hop(header)
	header.Del("Trailer")
	page := &Page{
		Key: key, Status: got.Response.StatusCode, Origin: got.Origin, Questionable: got.Questionable, Body: &Body{}, Length: got.Response.ContentLength,
	}
	page.setHeader(header, request, got)
	return page
}

// freshen makes the page that an answer without a body turns the stored one into: a 304
// (RFC 9111 §4.3.4), or one to HEAD (§4.3.5).
func (p *Page) freshen(request http.Header, got *Fetched) *Page {
	fresh := &Page{Key: p.Key, Status: p.Status, Origin: p.Origin, Minted: p.Minted, Decoded: p.Decoded, Body: p.Body, Length: p.Length, Parts: p.Parts}
	fresh.Questionable = p.Questionable
	fresh.setHeader(merge(p.Header.Unpack(), got.Response.Header), request, got)
	fresh.inherit(p)
	return fresh
}

// setHeader takes over a header and everything that follows from it. What is withheld from
// others counts all the same: a page is not fresher because its age is not for everybody.
func (p *Page) setHeader(header, request http.Header, got *Fetched) {
	p.Freshness = Reckon(p.Status, header, got.Requested, got.Responded)
	p.Freshness.rule(got)
	directives := ResponseDirectives(header)
	directives.Withhold(header)
	header.Del("Age") // reckoned anew at every use, RFC 9111 §5.1
	date := single(header, "Date")
	if _, ok := parseDate(date, got.Responded); !ok {
		// RFC 9110 §6.6.1: a recipient with a clock supplies what is missing, or is no date.
		date = got.Responded.UTC().Format(http.TimeFormat)
	}
	header["Date"] = []string{date}
	if p.Decoded {
		undescribe(header)
	}
	names, _ := VaryNames(header)
	if names = p.settleCodings(header, names); len(names) > 0 {
		p.Variant = &Variant{Names: names, Values: VaryValues(names, request)}
	}
	p.Header = PackHeader(header)
}

// finished is the page as it is stored: with the length that was not known while
// its followers were already reading the unfinished one.
func (p *Page) finished() *Page {
	if p.Length >= 0 {
		return p
	}
	length := p.Body.Size()
	return &Page{
		Key: p.Key, Status: p.Status, Origin: p.Origin, Freshness: p.Freshness, Minted: p.Minted, Decoded: p.Decoded, Questionable: p.Questionable,
		Variant: p.Variant, Body: p.Body, Length: length, Header: p.Header.with(p.lengthFields(length)...),
	}
}

// isOlder reports whether another page of the same variant was fetched later, or is a later
// edition of another origin's.
func (p *Page) isOlder(than *Page) bool {
	return p.SameVariant(than) && (than.Freshness.Responded.After(p.Freshness.Responded) || than.outdates(p.modifiedOnly()))
}

// revive keeps a stale page in service until the given time after its refresh
// failed, so that not every reader repeats the failure.
func (p *Page) revive(until time.Time) { p.revived.Store(until.UnixNano()) }

// isRevived reports whether a failed refresh is too recent to be repeated.
func (p *Page) isRevived(now time.Time) bool { return now.UnixNano() < p.revived.Load() }

// expire makes the page stale from now on: a soft purge. It may still stand in for what
// cannot be had.
func (p *Page) expire(now time.Time) { p.expired.CompareAndSwap(0, now.UnixNano()) }

// purgedHard is when a page expired that counts as not there.
const purgedHard = -1

// let makes the page count as not there: a hard purge. It reports whether it did before.
func (p *Page) let() (first bool) { return p.expired.Swap(purgedHard) != purgedHard }

// isGone reports whether a hard purge was of the page.
func (p *Page) isGone() bool { return p.expired.Load() == purgedHard }

// freshness is the page's freshness, as far as nobody has cut it short.
func (p *Page) freshness() Freshness {
	f := p.Freshness
	if at := p.expired.Load(); at != 0 {
		f.Lifetime = min(f.Lifetime, f.Age(time.Unix(0, at)))
	}
	return f
}

// isConfirmed reports whether a 304 is about the page: from the origin that minted its
// validators, and not about another version of it.
func (p *Page) isConfirmed(got *Fetched) bool {
	held := p.Validators()
	if got.Origin != held.Origin || held.Empty() {
		return false
	}
	given := ValidatorsOf(got.Origin, got.Response.Header)
	return Confirms(held, given)
}
