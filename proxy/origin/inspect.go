package origin

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"

	"github.com/heliograph-edge/heliograph/health"
)

const (
	// inspectLimit is how much of a page is searched for the site's identity, and
	// so how far the first byte to the reader can be held back. The largest block
	// page known to us has 99 KB.
	inspectLimit = 256 << 10
	// rawLimit is how much is read for that. Compressed text is no longer than
	// plain text by more than this; only what is made to fill memory is.
	rawLimit = inspectLimit + 4<<10
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
			if found.class == health.ServerError && missing.class == health.IdentityMissing {
				// A server's own error page. It speaks of trouble, not of another publication.
				missing.class, missing.stage = found.class, found.stage
				missing.reason = found.reason + ", and " + missing.reason
			}
			missing.word = status == http.StatusForbidden
			return missing
		}
	}
	if found.class == health.OK {
		return readAhead(response)
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
	limited := &io.LimitedReader{R: source, N: rawLimit}
	tee := io.TeeReader(limited, &raw)
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
	case errors.Is(err, errNoIdentity), limited.N <= 0:
		missing.reason = errNoIdentity.Error()
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
	missing := slices.Clone(markers)
	for len(page) < inspectLimit {
		if len(page) == cap(page) {
			page = append(page, make([]byte, len(page))...)[:len(page)]
		}
		searched := len(page)
		n, err := text.Read(page[searched:min(cap(page), inspectLimit)])
		page = page[:searched+n]
		missing = slices.DeleteFunc(missing, func(m string) bool {
			// Of what was searched before, only the end can hold the beginning of a
			// marker: a page that drips must not cost its length at every drop.
			return bytes.Contains(page[max(0, searched-len(m)+1):], []byte(m))
		})
		if len(missing) == 0 {
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

// bodyFinding says what a body that broke off means.
func bodyFinding(err error) finding {
	return finding{class: health.Classify(err, health.StageBody), stage: health.StageBody, reason: err.Error()}
}

// joined is a body whose beginning was put back.
type joined struct {
	io.Reader
	io.Closer
}
