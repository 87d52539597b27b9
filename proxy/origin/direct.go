package origin

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/heliograph-edge/heliograph/health"
)

// maxInterim is how many interim answers one request may bring. net/http counts
// none for those who are told of them, so an origin could send them for ever.
const maxInterim = 32

// Ask is what is asked of the origins: a request in canonical space. It must not
// be changed before the answer's body is closed.
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
	// Interim is told of each interim answer on the goroutine that called Fetch. It may be nil.
	Interim func(code int, header http.Header)
}

// safe reports whether asking twice is as good as asking once.
func (a *Ask) safe() bool { return safe(a.Method) }

// safe reports whether the method is registered as safe, RFC 9110 §9.2.1; without PRI,
// which is no method that can be served (RFC 9113 §11.6). Package cache, which is not
// imported here, has the same list; a test compares the two.
func safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace,
		"PROPFIND", "QUERY", "REPORT", "SEARCH":
		return true
	}
	return false
}

// resendable reports whether net/http may send the request again to the same
// origin, on a new connection, although bytes of it went out on an old one.
func (a *Ask) resendable() bool {
	return a.safe() || a.Header.Get("Idempotency-Key") != "" || a.Header.Get("X-Idempotency-Key") != ""
}

// ownConditions are the fields in which a reader tells what it has of a page.
var ownConditions = []string{"If-None-Match", "If-Modified-Since", "If-Range", "Range"}

// direct turns the canonical request into one for this origin: URL, Host and
// whatever names the canonical address. One that has moved on from the origin it was
// meant for leaves the reader's own conditions behind: what the reader has came from
// there, and must not be joined to a part of what this one has. In a PUT they are no
// such thing, but keep it from overwriting.
func (o *Origin) direct(ctx context.Context, ask *Ask, body io.ReadCloser, moved bool) *http.Request {
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
	if moved && (ask.Method == http.MethodGet || ask.Method == http.MethodHead) {
		for _, name := range ownConditions {
			delete(header, name)
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
	once     bool         // the request is not sent again once any of it has left
	stage    atomic.Int32 // index into health.Stages
	sent     atomic.Bool  // a connection was had: bytes of the request may have left
	interims atomic.Int32 // interim answers so far
	// conn is the latest connection, and reused whether it was used before, of the goroutine that
	// sends; nil where another request may be on it.
	conn   *connection
	reused bool
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

// unsent reports whether the attempt failed because a connection that was used before turned
// out to be closed: nothing of the request has left.
func (p *progress) unsent() bool { return p.conn != nil && p.reused && !p.conn.used() }

// heard is told what an attempt's transport tells. Each may be nil.
type heard struct {
	interim   func(code int, header http.Header) // of each interim answer but 100 and 101
	wrote     func()                             // when all of the request was written
	connected func(net.Conn)                     // of each connection that is used for the first time
}

// took takes note of the connection that the request is written to.
func (p *progress) took(info httptrace.GotConnInfo) {
	p.conn, p.reused = connectionOf(info.Conn), info.Reused
	if p.conn == nil {
		return
	}
	most := time.Duration(0)
	if p.once {
		most = loneIdle
	}
	p.conn.begin(info.Reused, info.IdleTime, most)
}

// watch returns ctx with a trace that keeps p, and tells h.
func (p *progress) watch(ctx context.Context, resendable bool, h heard) context.Context {
	ctx = context.WithValue(ctx, progressKey{}, p)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) {
			// The transport asks for another connection only when not a byte went
			// out on the last, or when the request may be sent again.
			if !resendable || p.unsent() {
				p.sent.Store(false)
			}
		},
		ConnectStart:      func(string, string) { p.reach(stageConnect) },
		TLSHandshakeStart: func() { p.reach(stageHandshake) },
		GotConn: func(info httptrace.GotConnInfo) {
			p.sent.Store(true)
			p.reach(stageRequest)
			p.took(info)
			if !info.Reused && h.connected != nil {
				h.connected(info.Conn)
			}
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil && h.wrote != nil {
				h.wrote()
			}
		},
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			if p.interims.Add(1) > maxInterim {
				return fmt.Errorf("malformed answer: more than %d interim ones before it", maxInterim)
			}
			if code != http.StatusContinue && code != http.StatusSwitchingProtocols && h.interim != nil {
				h.interim(code, http.Header(header).Clone())
			}
			return nil
		},
	})
}
