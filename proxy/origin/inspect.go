package origin

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/heliograph-edge/heliograph/health"
)

const (
	// inspectLimit is how much of a page is searched for the site's identity, and
	// so how far the first byte to the reader can be held back. The largest block
	// page known to us has 99 KB.
	inspectLimit = 256 << 10
	// peekSize is how much of an answer with a declared length is waited for
	// before it counts as one: an origin that died after its header is a failed
	// attempt.
	peekSize = 512
)

// finding is what an inspection says of an answer.
type finding struct {
	class  health.Class
	stage  health.Stage
	reason string
	// word: the answer may still be passed on where no other origin gives a better one.
	word bool
}

// inspect decides whether an answer is the site's, as far as its header and the
// beginning of its body tell. It reads that beginning and puts it back.
func inspect(response *http.Response, method string, markers []string) finding {
	status := response.StatusCode
	found := finding{class: health.OK}
	switch {
	case status == http.StatusLoopDetected:
		found = finding{class: health.LoopDetected, stage: health.StageRequest, reason: "508: the request came back to an edge"}
	case status >= 500 && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported:
		// 501 and 505 judge the request, not the origin.
		found = finding{class: health.ServerError, stage: health.StageRequest, word: true,
			reason: fmt.Sprintf("answered %d", status)}
	}
	if method != http.MethodGet || found.class == health.LoopDetected {
		return found
	}
	if len(markers) > 0 && showsIdentity(status) && isHTML(response.Header) {
		if missing := seekIdentity(response, markers); missing.class != health.OK {
			missing.word = status == http.StatusForbidden
			return missing
		}
		return found
	}
	if found.class == health.OK && response.ContentLength > 0 {
		return peek(response)
	}
	return found
}

// showsIdentity lists the statuses whose HTML must show the site's identity: pages,
// and the statuses that block pages and seizure banners come with.
func showsIdentity(status int) bool {
	switch status {
	case http.StatusOK, http.StatusNonAuthoritativeInfo, http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		return true
	}
	return status >= 500
}

// isHTML reports whether a browser would take the answer for a page. One without
// a type is sniffed, and so counts.
func isHTML(header http.Header) bool {
	value := header.Get("Content-Type")
	if value == "" {
		return true
	}
	kind, _, err := mime.ParseMediaType(value)
	return err != nil || kind == "text/html" || kind == "application/xhtml+xml"
}

// seekIdentity looks for every marker in the beginning of the body.
func seekIdentity(response *http.Response, markers []string) finding {
	var raw bytes.Buffer
	source := response.Body
	tee := io.TeeReader(source, &raw)
	defer func() {
		response.Body = &joined{Reader: io.MultiReader(bytes.NewReader(raw.Bytes()), source), Closer: source}
	}()
	missing := finding{class: health.IdentityMissing, stage: health.StageIdentity}
	var text io.Reader = tee
	switch coding := response.Header.Get("Content-Encoding"); coding {
	case "", "identity":
	case "gzip", "x-gzip":
		unzipped, err := gzip.NewReader(tee)
		if err != nil {
			return bodyFinding(err)
		}
		text = unzipped
	default:
		missing.reason = fmt.Sprintf("the page came in the coding %q, which was not asked for and cannot be inspected", coding)
		return missing
	}
	err := readUntil(text, markers)
	switch {
	case err == nil:
		return finding{class: health.OK}
	case errors.Is(err, errNoIdentity):
		missing.reason = err.Error()
		return missing
	default:
		return bodyFinding(err)
	}
}

// errNoIdentity says that a page was read without finding the site's identity.
var errNoIdentity = errors.New("the page does not contain the site's identity text")

// readUntil reads text until every marker was seen.
func readUntil(text io.Reader, markers []string) error {
	page := make([]byte, 0, 8<<10)
	for len(page) < inspectLimit {
		if len(page) == cap(page) {
			page = append(page, make([]byte, len(page))...)[:len(page)]
		}
		n, err := text.Read(page[len(page):min(cap(page), inspectLimit)])
		page = page[:len(page)+n]
		if n > 0 && containsAll(page, markers) {
			return nil
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	return errNoIdentity
}

// containsAll reports whether page contains every marker.
func containsAll(page []byte, markers []string) bool {
	for _, m := range markers {
		if !bytes.Contains(page, []byte(m)) {
			return false
		}
	}
	return true
}

// peek waits for the first bytes of the body and puts them back.
func peek(response *http.Response) finding {
	buffer := make([]byte, min(peekSize, response.ContentLength))
	n, err := response.Body.Read(buffer)
	if err != nil && err != io.EOF {
		return bodyFinding(err)
	}
	response.Body = &joined{
		Reader: io.MultiReader(bytes.NewReader(buffer[:n]), response.Body),
		Closer: response.Body,
	}
	return finding{class: health.OK}
}

// bodyFinding says what a body that broke off means.
func bodyFinding(err error) finding {
	return finding{class: health.Classify(err, health.StageBody), stage: health.StageBody, reason: err.Error()}
}

// joined is a body whose beginning was put back.
type joined struct {
	io.Reader
	io.Closer
}
