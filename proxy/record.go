package proxy

import (
	"net/http"
	"time"

	"github.com/heliograph-edge/heliograph/cache"
)

// Record is all that is worth knowing about one finished request. Log lines and
// metrics are renderings of it. It holds nothing that tells who the reader is,
// unless the operator asked for that.
type Record struct {
	Start    time.Time
	Duration time.Duration
	TTFB     time.Duration // until the header of the answer was sent; 0 when none was
	Site     string        // empty when no site matched
	Method   string        // as it came; use MethodLabel for metrics
	Path     string        // without query
	Proto    string
	Status   int    // sent; 499 when the reader left before there was an answer
	Bytes    int64  // of the body sent
	Declared int64  // bytes of the request's body, by its Content-Length; 0 without one
	Origin   string // that the answer came from, now or when it was stored
	Attempts int    // origins that were asked for this request
	Result   cache.Result
	Detail   string        // of Cache-Status
	Overdue  time.Duration // how far past its lifetime a stale page was; 0 for others
	Error    string        // RFC 9209 error type; empty when all went well
	Reason   string        // the error in words, for the operator
	Reader   string        // address, as much of it as the operator asked for; empty for none
	Aborted  bool          // the answer broke off after its header was sent
}

// statusLeft is logged for a reader who left before there was an answer. The
// number is the one that nginx made customary.
const statusLeft = 499

// CodeClass is the status as metrics count it.
func (r *Record) CodeClass() string {
	classes := [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}
	if i := r.Status/100 - 1; i >= 0 && i < len(classes) {
		return classes[i]
	}
	return "5xx"
}

// CodeClasses lists the closed set, for metrics that must exist at zero.
func CodeClasses() []string { return []string{"1xx", "2xx", "3xx", "4xx", "5xx"} }

// MethodLabel is the method as metrics count it: one of a closed set.
func (r *Record) MethodLabel() string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions:
		return r.Method
	}
	return "other"
}

// MethodLabels lists the closed set, for metrics that must exist at zero.
func MethodLabels() []string {
	return []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions, "other"}
}
