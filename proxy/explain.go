package proxy

import (
	"fmt"
	"net/http"

	"golang.org/x/net/http/httpguts"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/proxy/origin"
)

// Explanation is why a page comes from where it comes.
type Explanation struct {
	Site *Site
	URL  string // canonical
	cache.Explanation
	Active     string // the origin that readers are sent to
	Candidates []origin.Candidate
}

// Explain tells what is known of an address, given as to [Edge.Purge], and what would
// become of a request for it now. header is the request's; nothing of it is in the
// explanation. The error is
// ErrUnknownSite or a RefusedError.
func (e *Edge) Explain(address, site, method string, header http.Header) (Explanation, error) {
	if !httpguts.ValidHeaderFieldName(method) {
		return Explanation{}, refuse(fmt.Errorf("%q is no method", method))
	}
	of, u, err := e.sites.Load().find(address, site)
	if err != nil {
		return Explanation{}, refuse(err)
	}
	canonical := of.Space.Canonical
	in := &http.Request{
		Method: method, URL: u, Header: header.Clone(), Host: canonical.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if in.Header == nil {
		in.Header = http.Header{}
	}
	clean(in, of)
	request := &cache.Request{Key: of.key(u), HTTP: in, Site: &of.cached, Bypass: of.Rules.bypasses(in.Header)}
	return Explanation{
		Site: of, URL: canonical.Scheme + "://" + canonical.Host + request.Key.Target(),
		Explanation: e.cache.Explain(request), Active: of.Pool.Active(), Candidates: of.Pool.Candidates(request.Key.Target()),
	}, nil
}
