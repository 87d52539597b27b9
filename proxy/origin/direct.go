package origin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/heliograph-edge/heliograph/health"
)

// maxInterim is how many interim answers one request may bring. net/http counts
// none for those who are told of them, so an origin could send them for ever.
const maxInterim = 32

// Ask is what is asked of the origins: a request in canonical space. It must not
// be changed while Fetch runs.
type Ask struct {
	Method string
	URL    *url.URL    // path and query; scheme and host are the site's canonical ones
	Header http.Header // end-to-end fields for any origin, forwarding fields included
	Body   *Body       // nil without one
	// Trailer is the request's trailer section; it is filled while the body is read.
	Trailer http.Header
	// Conditional adds the conditions that only the named origin understands. It
	// is called once per attempt, for two attempts perhaps at once. It may be nil.
	Conditional func(origin string, header http.Header)
	// Interim is told of each 103 on the goroutine that called Fetch. It may be nil.
	Interim func(http.Header)
}

// safe reports whether asking twice is as good as asking once: the safe methods
// of RFC 9110 §9.2.1 and of the registry.
func (a *Ask) safe() bool {
	switch a.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, "PROPFIND", "REPORT", "SEARCH", "QUERY":
		return true
	}
	return false
}

// resendable reports whether net/http may send the request again to the same
// origin, on a new connection, although bytes of it went out on an old one.
func (a *Ask) resendable() bool {
	return a.safe() || a.Header.Get("Idempotency-Key") != "" || a.Header.Get("X-Idempotency-Key") != ""
}

// direct turns the canonical request into one for this origin: URL, Host and
// whatever names the canonical address.
func (o *Origin) direct(ctx context.Context, ask *Ask, body io.ReadCloser) *http.Request {
	u := *ask.URL
	u.Scheme, u.Host = o.URL.Scheme, o.URL.Host
	header := ask.Header.Clone()
	canonical := ask.URL.Scheme + "://" + ask.URL.Host
	own := o.URL.Scheme + "://" + o.URL.Host
	for _, name := range []string{"Origin", "Referer"} {
		if value := header.Get(name); value == canonical || strings.HasPrefix(value, canonical+"/") {
			header.Set(name, own+value[len(canonical):])
		}
	}
	if ask.Conditional != nil {
		ask.Conditional(o.ID.Origin, header)
	}
	if _, set := header["User-Agent"]; !set {
		header["User-Agent"] = nil // or net/http would add its own
	}
	request := &http.Request{
		Method: ask.Method, URL: &u, Host: o.URL.Host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if body != nil {
		request.Body, request.ContentLength, request.Trailer = body, ask.Body.Length, ask.Trailer
	}
	return request.WithContext(ctx)
}

// The stages that an attempt tells of, as indices into health.Stages.
const (
	stageConnect = iota + 1
	stageHandshake
	stageRequest
	stageBody
)

// progress is how far an attempt has come, as its transport tells.
type progress struct {
	stage    atomic.Int32 // index into health.Stages
	sent     atomic.Bool  // a connection was had: bytes of the request may have left
	interims atomic.Int32 // interim answers so far
}

// reach notes that a stage has begun. The transport may still tell of a dial that
// another connection has overtaken, so the stage never goes back.
func (p *progress) reach(stage int32) {
	for {
		now := p.stage.Load()
		if now >= stage || p.stage.CompareAndSwap(now, stage) {
			return
		}
	}
}

// at is the furthest stage reached.
func (p *progress) at() health.Stage { return health.Stages()[p.stage.Load()] }

// watch returns ctx with a trace that keeps p, and tells interim of each 103.
func (p *progress) watch(ctx context.Context, resendable bool, interim func(http.Header)) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) {
			// The transport asks for another connection only when not a byte went
			// out on the last, or when the request may be sent again.
			if !resendable {
				p.sent.Store(false)
			}
		},
		ConnectStart:      func(string, string) { p.reach(stageConnect) },
		TLSHandshakeStart: func() { p.reach(stageHandshake) },
		GotConn: func(httptrace.GotConnInfo) {
			p.sent.Store(true)
			p.reach(stageRequest)
		},
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			if p.interims.Add(1) > maxInterim {
				return fmt.Errorf("malformed answer: more than %d interim ones before it", maxInterim)
			}
			if code == http.StatusEarlyHints && interim != nil {
				interim(http.Header(header).Clone())
			}
			return nil
		},
	})
}
