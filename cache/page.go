package cache

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Page is a stored response, or one that is being stored. Apart from its body
// while that arrives, and revived, a page never changes: freshening makes a
// new page that shares the body.
type Page struct {
	Key        Key
	Status     int
	Header     http.Header // end-to-end fields without Age; must not be changed
	Origin     string      // that answered, and minted the validators
	Freshness  Freshness
	Validators Validators
	VaryNames  []string
	VaryValues []string
	Body       *Body
	Length     int64 // of the body; -1 when it is not known until the end

	fields  []Field      // Header, in a fixed order, as a rendition sends it
	revived atomic.Int64 // Unix nanoseconds until which a failed refresh is not repeated
}

// Field is one header field, ready to send. Values must not be changed.
type Field struct {
	Name   string // canonical form
	Values []string
}

// perPage is what a page costs besides its own bytes: the Page, its Body, the
// maps and slices of its header, the store's entry and its place in the list
// and the map. Measured by TestPageCostCoversTheHeap of package memory.
const perPage = 900

// perField is what one header field costs besides its bytes: a map slot, the
// slice of values and its string header, and the Field.
const perField = 115

// Cost is the memory that the page takes in a store, in bytes: body, header and
// bookkeeping.
func (p *Page) Cost() int64 {
	n := int64(perPage) + int64(len(p.Key)) + p.Body.capacity()
	for name, values := range p.Header {
		n += perField + int64(len(name))
		for _, v := range values {
			n += 16 + int64(len(v))
		}
	}
	for i := range p.VaryNames {
		n += 32 + int64(len(p.VaryNames[i])+len(p.VaryValues[i]))
	}
	return n
}

// Matches reports whether the page answers a request with these fields.
func (p *Page) Matches(request http.Header) bool {
	return VaryMatch(p.VaryNames, p.VaryValues, request)
}

// Select returns the page that answers a request with these fields, nil when
// none does. Pages come most recent first, so the first match is the one that
// RFC 9111 §4 asks for.
func Select(pages []*Page, request http.Header) *Page {
	for _, p := range pages {
		if p.Matches(request) {
			return p
		}
	}
	return nil
}

// newPage makes the page that a storable answer becomes. Its body is yet to arrive.
func newPage(key Key, request http.Header, got *Fetched) *Page {
	header := got.Response.Header.Clone()
	directives := ParseCacheControl(header["Cache-Control"])
	directives.Withhold(header)
	Hop(header)
	header.Del("Trailer")
	page := &Page{
		Key:    key,
		Status: got.Response.StatusCode,
		Origin: got.Origin,
		Body:   &Body{},
		Length: got.Response.ContentLength,
	}
	page.setHeader(header, request, got)
	return page
}

// freshen makes the page that a 304 turns the stored one into, RFC 9111 §4.3.4.
func (p *Page) freshen(request http.Header, got *Fetched) *Page {
	fresh := &Page{Key: p.Key, Status: p.Status, Origin: p.Origin, Body: p.Body, Length: p.Length}
	fresh.setHeader(Merge(p.Header, got.Response.Header), request, got)
	return fresh
}

// setHeader takes over a header and everything that follows from it.
func (p *Page) setHeader(header, request http.Header, got *Fetched) {
	p.Freshness = Reckon(p.Status, header, got.Requested, got.Responded)
	header.Del("Age") // reckoned anew at every use, RFC 9111 §5.1
	if header.Get("Date") == "" {
		// RFC 9110 §6.6.1: a recipient with a clock must supply what is missing.
		header.Set("Date", got.Responded.UTC().Format(http.TimeFormat))
	}
	p.Header = header
	p.Validators = ValidatorsOf(p.Origin, header)
	p.VaryNames, _ = VaryNames(header)
	if header.Get("Content-Encoding") != "" && !slices.Contains(p.VaryNames, "Accept-Encoding") {
		// The origin forgot to say so, but a reader who cannot read the coding
		// must not get it, from here or from a cache on its way.
		header.Add("Vary", "Accept-Encoding")
		p.VaryNames = append(p.VaryNames, "Accept-Encoding")
		slices.Sort(p.VaryNames)
	}
	p.VaryValues = VaryValues(p.VaryNames, request)
	p.prepare()
}

// finished is the page as it is stored: with the length that was not known while
// its followers were already reading the unfinished one.
func (p *Page) finished() *Page {
	if p.Length >= 0 {
		return p
	}
	whole := &Page{
		Key: p.Key, Status: p.Status, Header: p.Header.Clone(), Origin: p.Origin, Freshness: p.Freshness,
		Validators: p.Validators, VaryNames: p.VaryNames, VaryValues: p.VaryValues, Body: p.Body, Length: p.Body.Size(),
	}
	whole.Header.Set("Content-Length", strconv.FormatInt(whole.Length, 10))
	whole.prepare()
	return whole
}

// isOlder reports whether another page of the same variant was fetched later.
func (p *Page) isOlder(than *Page) bool {
	return than.Freshness.Responded.After(p.Freshness.Responded) &&
		slices.Equal(p.VaryNames, than.VaryNames) && slices.Equal(p.VaryValues, than.VaryValues)
}

// prepare lays out the header as renditions send it.
func (p *Page) prepare() {
	p.fields = make([]Field, 0, len(p.Header))
	for name, values := range p.Header {
		p.fields = append(p.fields, Field{Name: name, Values: values})
	}
	slices.SortFunc(p.fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
}

// revive keeps a stale page in service until the given time after its refresh
// failed, so that not every reader repeats the failure.
func (p *Page) revive(until time.Time) { p.revived.Store(until.UnixNano()) }

// isRevived reports whether a failed refresh is too recent to be repeated.
func (p *Page) isRevived(now time.Time) bool { return now.UnixNano() < p.revived.Load() }
