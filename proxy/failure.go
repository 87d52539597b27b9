package proxy

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/proxy/origin"
)

// retryAfter is when a reader may try again, in seconds: about when the next
// probe of an origin that is down has come back.
const retryAfter = "10"

// requestDenied is the RFC 9209 error type of what a rule or the reader forbids.
const requestDenied = "http_request_denied"

// refuse answers a request that goes no further.
func (x *exchange) refuse(r refusal) {
	x.rec.Result, x.rec.Error, x.rec.Reason = cache.Bypass, r.error, r.reason
	if (r.status == http.StatusBadRequest || r.status == http.StatusRequestTimeout) && x.in.ProtoMajor == 1 {
		x.w.Header()["Connection"] = []string{"close"}
	}
	if r.status == http.StatusMethodNotAllowed {
		x.w.Header()["Allow"] = []string{"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"}
	}
	x.page(r.status, r.error, cache.Status{Detail: "refused"})
}

// fail answers a request that neither the cache nor an origin could. known is what
// the cache knew when it asked; its zero value stands for nothing.
func (x *exchange) fail(err error, known cache.Status) {
	switch cause := context.Cause(x.in.Context()); {
	case cause == errMalformed:
		x.refuse(refusal{http.StatusBadRequest, "http_request_error", cause.Error()})
		return
	case cause == origin.ErrBodyStalled, errors.Is(err, origin.ErrBodyStalled):
		x.refuse(refusal{http.StatusRequestTimeout, "http_request_error", origin.ErrBodyStalled.Error()})
		return
	}
	if x.left() {
		x.rec.Status, x.rec.Reason = statusLeft, "the reader left"
		panic(http.ErrAbortHandler)
	}
	status, kind := failure(err)
	var none *origin.Error
	if errors.As(err, &none) && none.RetryAfter > 0 {
		x.retryAfter = none.RetryAfter
	}
	x.page(status, kind, x.failed(err, kind, known))
}

// failed notes an error in the record, and is what Cache-Status says of it.
func (x *exchange) failed(err error, kind string, known cache.Status) cache.Status {
	x.rec.Result, x.rec.Error, x.rec.Reason = cache.Failed, kind, err.Error()
	var none *origin.Error
	if errors.As(err, &none) {
		x.rec.Attempts = len(none.Attempts)
	}
	switch {
	case errors.Is(err, cache.ErrNotStored):
		return cache.Status{Detail: "only-if-cached"} // no origin was asked
	case known.Fwd != "":
		return known
	case x.in.Method != http.MethodGet && x.in.Method != http.MethodHead:
		return cache.Status{Fwd: cache.FwdMethod}
	}
	return cache.Status{Fwd: cache.FwdURIMiss}
}

// failure is the status and RFC 9209 error type that stand for an error.
func failure(err error) (status int, kind string) {
	var none *origin.Error
	var unasked *cache.UnaskedError
	switch {
	case errors.Is(err, cache.ErrNotStored):
		return http.StatusGatewayTimeout, requestDenied // RFC 9111 §5.2.1.7
	case errors.As(err, &unasked):
		return http.StatusBadGateway, unasked.ProxyError()
	case !errors.As(err, &none):
		return http.StatusServiceUnavailable, "proxy_internal_error"
	case len(none.Attempts) == 0:
		return http.StatusServiceUnavailable, "destination_unavailable"
	}
	switch class := none.Class(); class {
	case health.Challenge:
		// The origin is there, and lets no machine in for now.
		return http.StatusServiceUnavailable, class.ProxyError()
	case health.DNSTimeout, health.ConnectTimeout, health.TLSTimeout, health.FirstByteTimeout, health.BodyStalled, health.BodyStalled16K:
		return http.StatusGatewayTimeout, class.ProxyError()
	default:
		return http.StatusBadGateway, class.ProxyError()
	}
}

// page sends a page of our own. It names nothing that is behind the edge.
func (x *exchange) page(status int, kind string, cached cache.Status) {
	header := x.w.Header()
	body := plainPage(status)
	header["Content-Type"] = []string{"text/plain; charset=utf-8"}
	if strings.Contains(x.in.Header.Get("Accept"), "text/html") {
		body = htmlPage(status)
		header["Content-Type"] = []string{"text/html; charset=utf-8"}
	}
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	header["Cache-Control"] = []string{"no-store"}
	header["Cache-Status"] = []string{string(cached.Append(nil, Name))}
	header["Proxy-Status"] = []string{Name + "; error=" + kind}
	if status >= 500 && status != http.StatusLoopDetected && kind != requestDenied { // asking again would not help
		header["Retry-After"] = []string{x.patience()}
	}
	x.stampVia(header)
	x.writeHeader(header, status)
	if x.in.Method != http.MethodHead {
		x.write([]byte(body))
	}
}

// patience is for how many seconds a reader is asked to wait: as long as the origins
// asked for, where they did.
func (x *exchange) patience() string {
	if x.retryAfter <= 0 {
		return retryAfter
	}
	return strconv.Itoa(int(math.Ceil(x.retryAfter.Seconds())))
}

// sentence is what a reader is told.
func sentence(status int) string {
	switch {
	case status == http.StatusMisdirectedRequest:
		return "This address is not served here."
	case status == http.StatusLoopDetected:
		return "This request went round in a circle."
	case status >= 500:
		return "The publication cannot be reached at the moment. Please try again in a little while."
	default:
		return "This request cannot be answered."
	}
}

// plainPage is the page for programs.
func plainPage(status int) string {
	return strconv.Itoa(status) + " " + http.StatusText(status) + "\n" + sentence(status) + "\n"
}

// htmlPage is the page for people.
func htmlPage(status int) string {
	return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>` + strconv.Itoa(status) + " " + http.StatusText(status) + `</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto;padding:0 1rem;color-scheme:light dark}</style>
</head><body><h1>` + http.StatusText(status) + `</h1><p>` + sentence(status) + `</p></body></html>
`
}
