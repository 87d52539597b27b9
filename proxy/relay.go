package proxy

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/heliograph-edge/heliograph/cache"
)

// buffers are for relaying answers that are not stored.
var buffers = sync.Pool{New: func() any { return new([writePiece]byte) }}

// relay sends an origin's answer that is not stored.
func (x *exchange) relay(a *cache.Answer) {
	response := a.Response
	defer response.Body.Close()
	header := x.w.Header()
	announced := trailerNames(response.Trailer)
	cache.Hop(response.Header)
	delete(response.Header, "Trailer")
	settleAge(response.Header)
	for name, values := range response.Header {
		header[name] = values
	}
	if len(announced) > 0 {
		header["Trailer"] = []string{strings.Join(announced, ", ")}
	}
	x.toFront(header)
	x.stamp(header, a)
	x.writeHeader(header, response.StatusCode)
	if x.in.Method == http.MethodHead {
		return
	}
	if x.copyBody(response) {
		x.sendTrailers(response.Trailer)
	}
}

// settleAge leaves, in place, the first Age that is one (RFC 9111 §5.1): who comes after us may
// take another of several, or none.
func settleAge(header http.Header) {
	for _, line := range header["Age"] {
		for age := range strings.SplitSeq(line, ",") {
			if age = strings.Trim(age, " \t"); age != "" && strings.Trim(age, "0123456789") == "" {
				header["Age"] = []string{age}
				return
			}
		}
	}
	delete(header, "Age")
}

// copyBody relays a body piece by piece, each as soon as it is there: it may be a
// stream of events.
func (x *exchange) copyBody(response *http.Response) (whole bool) {
	buffer := buffers.Get().(*[writePiece]byte)
	defer buffers.Put(buffer)
	flusher, _ := x.w.(http.Flusher)
	if flusher != nil && response.ContentLength < 0 {
		flusher.Flush() // the header, before the first event
	}
	for {
		n, err := response.Body.Read(buffer[:])
		if n > 0 {
			x.extendDeadline()
			if !x.write(buffer[:n]) {
				return false
			}
			if flusher != nil {
				flusher.Flush()
			}
		}
		if err == io.EOF {
			return true
		}
		if err != nil {
			x.abort(err)
		}
	}
}

// sendTrailers sends the trailer section.
func (x *exchange) sendTrailers(trailer http.Header) {
	header := x.w.Header()
	for _, name := range trailerNames(trailer) {
		if values := trailer[name]; values != nil {
			header[http.TrailerPrefix+name] = values
		}
	}
}

// trailerNames lists the fields of a trailer section that may stand in one. The
// values are nil until the body has ended.
func trailerNames(trailer http.Header) []string {
	if len(trailer) == 0 {
		return nil
	}
	return cache.Trailers(http.Header{"Trailer": slices.Sorted(maps.Keys(trailer))})
}
