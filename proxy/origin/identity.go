package origin

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
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

// beginning is the first part of a body, without its content coding.
type beginning struct {
	text  []byte
	whole bool // the body ends where text ends
}

// seekIdentity looks for every marker in the beginning of the body, and returns what it
// read where they are not all there. An untyped one is sniffed, and is well where that
// shows it to be no page.
func seekIdentity(response *http.Response, markers []string, untyped bool) (finding, beginning) {
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
			return bodyFinding(err, raw.Len()), beginning{}
		}
		text = unzipped
	default:
		missing.reason = fmt.Sprintf("the page came in the coding %q, which was not asked for and cannot be inspected", coding)
		return missing, beginning{}
	}
	if untyped {
		first, err := io.ReadAll(io.LimitReader(text, sniffed))
		switch kind, _, _ := strings.Cut(http.DetectContentType(first), ";"); {
		case err != nil:
			return bodyFinding(err, raw.Len()), beginning{}
		case !isHTML(kind):
			return finding{class: health.OK}, beginning{}
		}
		text = io.MultiReader(bytes.NewReader(first), text)
	}
	seen, err := readUntil(text, markers)
	switch {
	case err == nil:
		return finding{class: health.OK}, seen
	case errors.Is(err, errNoIdentity), limited.N <= 0:
		missing.reason = errNoIdentity.Error()
		return missing, seen
	default:
		return bodyFinding(err, raw.Len()), seen
	}
}

// errNoIdentity says that a page was read without finding the site's identity.
var errNoIdentity = errors.New("the page does not contain the site's identity text")

// readUntil reads text until every marker was seen, and returns what it read.
func readUntil(text io.Reader, markers []string) (beginning, error) {
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
			return beginning{text: page}, nil
		}
		if err == io.EOF {
			return beginning{text: page, whole: true}, errNoIdentity
		}
		if err != nil {
			return beginning{text: page}, err
		}
	}
	return beginning{text: page}, errNoIdentity
}

// bodyFinding says what a body that broke off after some bytes means.
func bodyFinding(err error, after int) finding {
	class := health.Classify(err, health.StageBody)
	if class == health.BodyStalled {
		class = stalledAt(int64(after))
	}
	return finding{class: class, stage: health.StageBody, reason: err.Error()}
}

// stalledAt is the class of a body that stopped coming after some bytes. Between 12 and
// 36 KiB is where some networks freeze connections.
func stalledAt(offset int64) health.Class {
	if offset >= 12<<10 && offset <= 36<<10 {
		return health.BodyStalled16K
	}
	return health.BodyStalled
}

// joined is a body whose beginning was put back.
type joined struct {
	io.Reader
	io.Closer
}
