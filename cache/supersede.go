package cache

import (
	"net/http"
	"time"
)

// edition is what tells which of two origins' versions of a page is the earlier one. Its times
// are zero where they are not known.
type edition struct {
	origin   string
	status   int
	modified time.Time // as Last-Modified says
	made     time.Time // by the edge's own clock
}

// editionOf is the edition that an answer is. A Date of the past does not tell when it was made, since the
// clock that it is from may be slow; the Age that a cache on the way gives it does.
func editionOf(origin string, status int, header http.Header, responded time.Time) edition {
	e := edition{origin: origin, status: status, modified: modifiedAt(single(header, "Last-Modified"), responded)}
	if age := parseAge(header["Age"]); age > 0 {
		e.made = responded.Add(-age)
	}
	return e
}

// edition is the edition that the page is.
func (p *Page) edition() edition {
	f := &p.Freshness
	return edition{
		origin: p.Origin, status: p.Status, modified: modifiedAt(p.Header.Single("Last-Modified"), f.Responded),
		made: f.Responded.Add(-f.InitialAge),
	}
}

// modifiedOnly is the page's edition without when it was made: the age of a page that was just fetched may
// be no more than a slow clock.
func (p *Page) modifiedOnly() edition {
	e := p.edition()
	e.made = time.Time{}
	return e
}

// modifiedAt is when a Last-Modified says that a page was changed. None says so that is later than
// the answer (RFC 9110 §8.8.2.1).
func modifiedAt(field string, responded time.Time) time.Time {
	at, ok := parseDate(field, responded)
	if !ok || at.After(responded) {
		return time.Time{}
	}
	return at
}

// precedes decides whether an edition is an earlier one than another origin's: by Last-Modified where both
// have it, else by when they were made. Between answers of one origin the later one counts, since
// what an origin takes back it means to.
func (e edition) precedes(other edition) bool {
	switch {
	case e.origin == other.origin, e.status/100 != other.status/100:
		return false
	case !e.modified.IsZero() && !other.modified.IsZero():
		return e.modified.Before(other.modified)
	}
	return !e.made.IsZero() && e.made.Before(other.made)
}

// outdates reports whether an answer is an earlier edition of the page than this one, which counts for
// nothing once it is purged.
func (p *Page) outdates(answer edition) bool {
	return p != nil && !p.isGone() && answer.precedes(p.edition())
}

// edition is the edition that the answer is.
func (got *Fetched) edition() edition {
	return editionOf(got.Origin, got.Response.StatusCode, got.Response.Header, got.Responded)
}

// judgesRequest decides whether an answer is about the request it was given to rather than about the
// page: a 4xx other than 404 and 410, a 501 or a 505, that does not say for how long others
// may be given it. Any reader can have an origin answer so, by a field that is too large or
// that it cannot make sense of.
func judgesRequest(got *Fetched) bool {
	status := got.Response.StatusCode
	switch {
	case status == http.StatusNotFound, status == http.StatusGone:
		return false
	case status/100 != 4 && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported:
		return false
	}
	d := ResponseDirectives(got.Response.Header)
	f := Reckon(status, got.Response.Header, got.Requested, got.Responded)
	f.rule(got)
	return d.NoStore || d.Private || d.NoCache || !f.Explicit || f.Lifetime <= 0
}

// yields decides whether the page makes room for an answer that could be stored, and gives the reason why it
// does not; "" where it does. A nil page makes room for anything.
func (p *Page) yields(got *Fetched) Reason {
	switch {
	case p == nil:
		return ""
	case p.outdates(got.edition()):
		return ReasonOlder
	case judgesRequest(got):
		return ReasonStatus
	}
	return ""
}

// held is what is stored of the page that the fill is for; nil for nothing.
func (f *fill) held() *Page {
	if f.stale == nil && f.rest != nil {
		return f.rest.held
	}
	return f.stale
}

// edition is the edition that an answer is which was passed on.
func (a *Answer) edition(now time.Time) edition {
	return editionOf(a.Origin, a.Response.StatusCode, a.Response.Header, now)
}
