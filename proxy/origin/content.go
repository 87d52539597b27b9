package origin

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/heliograph-edge/heliograph/health/gate"
)

// errUnreadable says that a body is in a coding that is not read here.
var errUnreadable = errors.New("the coding is unknown")

// decode is what of the beginning of a body can be judged. Of one that is whole, so much
// is decoded that its end is seen, as far as inspectLimit; else gate.Limit.
// A whole one that ends amid its coding is an error.
func decode(raw []byte, whole bool, coding string) (beginning, error) {
	switch coding {
	case "", "identity":
		return beginning{text: raw, whole: whole}, nil
	case "gzip", "x-gzip":
	default:
		return beginning{}, errUnreadable
	}
	most := gate.Limit
	if whole {
		most = inspectLimit
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(raw))
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(unzipped, int64(most)))
	}
	switch {
	case err == nil:
		return beginning{text: text, whole: whole && len(text) < most}, nil
	case !whole: // the rest is still to come
		return beginning{text: text}, nil
	case err == io.EOF: // not even its header came
		err = io.ErrUnexpectedEOF
	}
	return beginning{}, err
}

// unfinished reports whether the text is that of a page which has a beginning and no end.
func (b beginning) unfinished() bool {
	return b.whole && containsFold(b.text, "<html") && !containsFold(b.text, "</html")
}

// containsFold looks for an ASCII text in lower case, in any case.
func containsFold(text []byte, part string) bool {
	for i := 0; i+len(part) <= len(text); {
		next := bytes.IndexByte(text[i:], part[0])
		if next < 0 {
			return false
		}
		if i += next; i+len(part) <= len(text) && strings.EqualFold(string(text[i:i+len(part)]), part) {
			return true
		}
		i++
	}
	return false
}

// closeDelimited reports whether nothing but the end of the connection ends a body,
// RFC 9112 §6.3, so that a cut cannot be told from the end.
func closeDelimited(response *http.Response) bool {
	return response.ProtoMajor == 1 && response.ContentLength < 0 && len(response.TransferEncoding) == 0
}

// looksHTML reports whether a browser takes an answer for a page.
func looksHTML(kind string, text []byte) bool {
	if kind != "" {
		return isHTML(kind)
	}
	sniffed, _, _ := strings.Cut(http.DetectContentType(text), ";")
	return isHTML(sniffed)
}

// wanted tells whether a request is for what is never a page, and which path it is to
// be judged by. What the browser says it is for counts more than the path's extension.
func wanted(request *http.Request) (asset bool, at string) {
	if request == nil || request.URL == nil {
		return false, ""
	}
	at = request.URL.Path
	switch request.Header.Get("Sec-Fetch-Dest") {
	case "document", "iframe", "frame", "embed", "object", "fencedframe":
		return false, pagePath(at)
	case "script", "style", "image", "font", "audio", "video", "track", "manifest", "json",
		"worker", "sharedworker", "serviceworker", "audioworklet", "paintworklet":
		return true, at
	}
	accept := strings.TrimSpace(request.Header.Get("Accept"))
	switch {
	case strings.Contains(accept, "text/html"), strings.Contains(accept, "application/xhtml+xml"):
		return false, pagePath(at)
	case strings.HasPrefix(accept, "text/css"), strings.HasPrefix(accept, "image/"):
		return true, at
	}
	return isAsset(at), at
}

// pagePath is the path that a page is judged by: without an extension that says
// that it is none.
func pagePath(at string) string {
	if at == "/" {
		return at
	}
	return ""
}

// isAsset reports whether a path ends as that of a file that is never a page.
func isAsset(at string) bool {
	name := path.Base(at)
	if strings.Contains(name, ":") {
		return false // wikis call the page about a picture File:name.jpg
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".js", ".mjs", ".css", ".map", ".json", ".wasm", ".woff", ".woff2", ".ttf", ".otf",
		".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".svg", ".ico", ".mp4", ".webm", ".mp3", ".ogg", ".m4a":
		return true
	}
	return false
}
