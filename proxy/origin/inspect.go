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
	"strings"

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
	// sniffed is how much net/http looks at to tell a type.
	sniffed = 512
)

// finding is what an inspection says of an answer.
type finding struct {
	class  health.Class
	stage  health.Stage
	reason string
	// word: the answer may still be passed on where no other origin gives a better one.
	word bool
	// doubtful: it must not be stored, even where it is passed on.
	doubtful bool
	// silent: it says nothing about the origin's health.
	silent bool
}

// impossible says why an answer is none that HTTP allows to the request; empty where it is one.
func (a *Ask) impossible(response *http.Response) string {
	status := response.StatusCode
	switch {
	case status == http.StatusSwitchingProtocols:
		asked, chosen := protocols(a.Header), protocols(response.Header)
		unasked := func(name string) bool { return !slices.Contains(asked, name) }
		if len(chosen) == 0 || slices.ContainsFunc(chosen, unasked) {
			return fmt.Sprintf("switched to protocols %q, and was asked for %q", chosen, asked) // RFC 9110 §7.8
		}
	case status < 200 || status > 599:
		return fmt.Sprintf("answered %d, which is no status of an answer", status) // RFC 9110 §15
	}
	return ""
}

// protocols lists the members of Upgrade.
func protocols(header http.Header) []string {
	var all []string
	for _, line := range header["Upgrade"] {
		for member := range strings.SplitSeq(strings.ToLower(line), ",") {
			if member = strings.TrimSpace(member); member != "" {
				all = append(all, member)
			}
		}
	}
	return all
}

// inspect decides whether an answer is the site's, as far as its header and the
// beginning of its body tell. It reads that beginning and puts it back.
func inspect(response *http.Response, method string, site *Site) finding {
	found := site.judge(response, method)
	switch {
	case method == http.MethodHead:
		found.silent = true // without a body it proves nothing, whatever it says
		return found
	case found.class == health.LoopDetected || isEmpty(response):
		return found
	}
	if kind := kindOf(response.Header); len(site.Markers) > 0 && showsIdentity(response.StatusCode) && (kind == "" || isHTML(kind)) {
		missing := seekIdentity(response, site.Markers, kind == "")
		if missing.class != health.OK {
			return found.without(missing, response.StatusCode, method)
		}
	}
	if found.class == health.OK && method == http.MethodGet {
		return readAhead(response)
	}
	return found
}

// judge decides as far as an answer's header tells.
func (s *Site) judge(response *http.Response, method string) finding {
	status := response.StatusCode
	switch circle := s.circle(response, method); {
	case status == http.StatusLoopDetected:
		return finding{class: health.LoopDetected, stage: health.StageRequest, reason: "508: the request came back to an edge"}
	case status >= 500 && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported:
		// 501 and 505 judge the request, not the origin.
		return finding{class: health.ServerError, stage: health.StageRequest, word: true,
			reason: fmt.Sprintf("answered %d", status)}
	case circle != "":
		return finding{class: health.Redirected, stage: health.StageIdentity, reason: circle}
	case s.leadsAway(response):
		// The publication may well send its readers elsewhere, but so does who
		// blocks it: another origin is asked first. It accuses nobody: which it is,
		// probes of the publication's own pages tell.
		return finding{class: health.Redirected, stage: health.StageIdentity, word: true, doubtful: true, silent: true,
			reason: "redirects to " + clip(response.Header.Get("Location")) + ", which is not the publication's"}
	}
	return finding{class: health.OK}
}

// without is the finding about an answer in whose page the identity could not be found.
func (f finding) without(missing finding, status int, method string) finding {
	switch {
	case missing.class != health.IdentityMissing:
	case f.class == health.ServerError:
		// A server's own error page. It speaks of trouble, not of another publication.
		missing.class, missing.stage = f.class, f.stage
		missing.reason = f.reason + ", and " + missing.reason
	case status == http.StatusForbidden:
		// A server's own refusal, as likely as a block page; the request may be to blame.
		missing.silent = true
		if safe(method) {
			missing.class, missing.word, missing.doubtful = health.StatusUnexpected, true, true
		}
	}
	return missing
}

// isEmpty reports whether an answer has no content, RFC 9110 §15.3.5, §15.3.6 and §15.4.5.
func isEmpty(response *http.Response) bool {
	switch response.StatusCode {
	case http.StatusNoContent, http.StatusResetContent, http.StatusNotModified:
		return true
	}
	return response.ContentLength == 0
}

// clip shortens a text that an origin sent.
func clip(text string) string {
	const most = 200
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
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

// kindOf is an answer's media type without parameters, however broken those are; empty
// where there is none, so that a browser would look at the content.
func kindOf(header http.Header) string {
	value := header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(value)
	if err != nil && kind == "" {
		kind, _, _ = strings.Cut(value, ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
	}
	if !strings.Contains(kind, "/") {
		return ""
	}
	return kind
}

// isHTML reports whether a browser takes the media type for a page.
func isHTML(kind string) bool { return kind == "text/html" || kind == "application/xhtml+xml" }

// seekIdentity looks for every marker in the beginning of the body. An untyped one is
// sniffed, and is well where that shows it to be no page.
func seekIdentity(response *http.Response, markers []string, untyped bool) finding {
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
	if untyped {
		first, err := io.ReadAll(io.LimitReader(text, sniffed))
		switch kind, _, _ := strings.Cut(http.DetectContentType(first), ";"); {
		case err != nil:
			return bodyFinding(err)
		case !isHTML(kind):
			return finding{class: health.OK}
		}
		text = io.MultiReader(bytes.NewReader(first), text)
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
