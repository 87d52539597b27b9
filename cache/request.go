package cache

import (
	"context"
	"net/http"
	"time"
)

// Fetch asks the origins for what a request wants. It is called on a goroutine
// of the cache's or the reader's; it must not touch anything that ends with the
// reader's request, other than through ctx and query.Interim.
type Fetch func(ctx context.Context, r *Request, query Query) (*Fetched, error)

// Query is what the cache adds to a request.
type Query struct {
	// Whole asks for the whole page: the reader's own conditions and ranges stay behind.
	Whole bool
	// Compressed asks for a compressed transfer whatever the reader takes: the cache decodes it.
	Compressed bool
	// Conditions lets the reader's own conditions go along with Whole: nothing is stored
	// that they could be compared with (RFC 9111 §4.3.2).
	Conditions bool
	Validators Validators // to be sent to the origin that minted them, and to no other
	// Range asks for this part of the page, in place of the reader's own Range; "" for
	// none. IfRange goes with it to the origin that minted it, and to no other.
	Range   string
	IfRange Validators
	// Interim is told of each interim answer (1xx) before Fetch returns; nil when nobody
	// wants to know.
	Interim func(code int, header http.Header)
}

// Fetched is an origin's answer.
type Fetched struct {
	Response  *http.Response // its body must be closed
	Origin    string
	Requested time.Time // when the request was sent, RFC 9111 §4.2.3
	Responded time.Time // when the answer's header arrived
	Attempts  int       // how many origins were asked
	Doubtful  bool      // perhaps not the publication's: not to be stored
	// Questionable: to be stored, but never in place of a page that is stored.
	Questionable bool
	// Agreed says of a 404 or 410 that a second origin agrees: it is kept for [GoneFor].
	Agreed bool
	// Lifetime is what a rule of the operator gives the page in place of its own; 0 for none.
	Lifetime time.Duration
}

// Site is what the cache needs to know of the site that a request is for. One
// value serves all of a site's requests; it must not change.
type Site struct {
	Policy Policy
	Outage func() bool // asking an origin of the site is of no use now; nil means false
	// Ailing: no origin of the site is well. Where it is no outage, there is one that answers
	// badly, and is asked all the same. Nil means false.
	Ailing func() bool
	// Lone says that the site has one origin: what a reader holds can be nobody else's.
	Lone  bool
	Fetch Fetch
}

// inOutage reports whether asking an origin of the site is of no use now.
func (s *Site) inOutage() bool { return s.Outage != nil && s.Outage() }

// isAiling reports whether no origin of the site is well.
func (s *Site) isAiling() bool { return s.Ailing != nil && s.Ailing() }

// Request is a reader's request as the cache sees it.
type Request struct {
	Key     Key
	HTTP    *http.Request // cleaned: end-to-end fields only; must not change any more
	Site    *Site
	Interim func(code int, header http.Header) // as in Query, on the goroutine that called Answer; may be nil
	Bypass  bool                               // a rule of the site keeps the request away from what is stored
}
