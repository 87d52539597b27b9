package origin

import (
	"context"
	"crypto/tls"
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
	Whole  bool        // the whole page is asked for, as it is for others than this reader
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

// sharing is what an origin that is asked shares its site with.
type sharing uint8

const (
	withNobody sharing = iota // the site's only one: what a reader has of a page is of there
	withOthers
	movedOn // and the request was meant for another
)

// leaveBehind takes out of a request to get something what tells what its reader has of a page,
// which may be another origin's: it must not be compared with what this one has, nor joined to a
// part of it. A part that is wanted whatever the reader has may be asked for, but not once the
// request has moved on. Elsewhere, as in a PUT, the fields keep it from overwriting.
func leaveBehind(header http.Header, method string, s sharing) {
	if s == withNobody || method != http.MethodGet && method != http.MethodHead {
		return
	}
	if len(header["If-Range"]) > 0 || s == movedOn {
		delete(header, "Range") // without If-Range it would be answered whatever has changed, RFC 9110 §13.1.5
	}
	for _, name := range []string{"If-None-Match", "If-Modified-Since", "If-Range"} {
		delete(header, name)
	}
}

// direct turns the canonical request into one for this origin: URL, Host and
// whatever names the canonical address, and without what only another origin understands.
func (o *Origin) direct(ctx context.Context, ask *Ask, body io.ReadCloser, s sharing) *http.Request {
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
	leaveBehind(header, ask.Method, s)
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
	turn   int64                // of the request on it
	seen   *keepAlive           // the origin's
	head   *head                // of the answer on conn; nil where that is
	secure *tls.ConnectionState // of the latest connection; nil without TLS
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

// heard is told what an attempt's transport tells. Each function may be nil.
type heard struct {
	interim   func(code int, header http.Header) // of each interim answer but 100 and 101
	wrote     func()                             // when all of the request was written
	connected func(net.Conn)                     // of each connection that is used for the first time
	seen      *keepAlive                         // of idle connections that end; never nil
}

// took takes note of the connection that the request is written to.
func (p *progress) took(info httptrace.GotConnInfo) {
	p.conn, p.reused, p.head, p.secure = connectionOf(info.Conn), info.Reused, nil, nil
	if outer := securedBy(info.Conn); outer != nil {
		state := outer.ConnectionState()
		p.secure = &state
	}
	if p.conn == nil {
		return
	}
	most := time.Duration(0)
	if p.once {
		most = loneIdle
	}
	p.head = p.conn.begin(info.Reused, info.IdleTime, most)
	p.turn = p.conn.turn.Load()
	if limit := p.seen.limit(time.Now()); info.Reused && limit > 0 && info.IdleTime >= limit {
		p.conn.over.Store(true)
	}
}

// amend gives the answer what net/http has taken from it, or does not know.
func (p *progress) amend(response *http.Response) {
	if p.head != nil {
		p.head.amend(response.Header)
	}
	if response.TLS == nil {
		response.TLS = p.secure
	}
}

// watch returns ctx with a trace that keeps p, and tells h.
func (p *progress) watch(ctx context.Context, resendable bool, h heard) context.Context {
	p.seen = h.seen
	ctx = context.WithValue(ctx, progressKey{}, p)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) {
			// The transport asks for another connection only when not a byte went
			// out on the last, or when the request may be sent again.
			if p.unsent() {
				p.stage.Store(0)
			}
			if !resendable || p.unsent() {
				p.sent.Store(false)
			}
			p.conn, p.reused = nil, false // there may never be another: a dial that fails tells nothing of the last
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
		PutIdleConn: func(err error) {
			if err == nil && p.conn != nil {
				p.conn.rests(p.turn, p.seen, time.Now())
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
