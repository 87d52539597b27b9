package origin

import (
	"bytes"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/heliograph-edge/heliograph/health/gate"
)

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
	switch {
	case gate.IsXML(kind) && !isHTML(kind):
		return gate.BeginsAsXHTML(text)
	case kind != "":
		return isHTML(kind)
	}
	sniffed, _, _ := strings.Cut(http.DetectContentType(text), ";")
	return isHTML(sniffed)
}

// wanted tells whether a request is for what is never a page, and which path it is to be judged
// by. The path decides: what a reader's header says of it holds for that reader alone, and can
// only excuse an answer. Where it does, lenient is true.
func wanted(request *http.Request) (asset, lenient bool, at string) {
	if request == nil || request.URL == nil {
		return false, false, ""
	}
	at = request.URL.Path
	asset = isAsset(at)
	accept := strings.TrimSpace(request.Header.Get("Accept"))
	page, file := false, false
	switch request.Header.Get("Sec-Fetch-Dest") {
	case "document", "iframe", "frame", "embed", "object", "fencedframe":
		page = true
	case "script", "style", "image", "font", "audio", "video", "track", "manifest", "json",
		"worker", "sharedworker", "serviceworker", "audioworklet", "paintworklet":
		file = true
	default:
		page = strings.Contains(accept, "text/html") || strings.Contains(accept, "application/xhtml+xml")
		file = !page && (strings.HasPrefix(accept, "text/css") || strings.HasPrefix(accept, "image/"))
	}
	switch {
	case page:
		return false, asset, pagePath(at)
	case file && !asset:
		return false, true, at
	}
	return asset, false, at
}

// navigates reports whether a browser shows what is answered as a document of its own. One
// that does not say what a request is for asks so for paths without an extension.
func navigates(request *http.Request) bool {
	if request == nil || request.URL == nil {
		return false
	}
	if dest := request.Header.Get("Sec-Fetch-Dest"); dest != "" {
		return dest == "document" || dest == "iframe" || dest == "frame"
	}
	return strings.Contains(request.Header.Get("Accept"), "text/html") && path.Ext(request.URL.Path) == ""
}

// isPart reports whether an answer is a part of what was asked for, and not all of it.
func isPart(response *http.Response) bool {
	if response.StatusCode != http.StatusPartialContent {
		return false
	}
	held, length, ok := strings.Cut(strings.TrimPrefix(response.Header.Get("Content-Range"), "bytes 0-"), "/")
	last, err := strconv.ParseInt(held, 10, 64)
	return !ok || err != nil || length != strconv.FormatInt(last+1, 10)
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

// isPlain reports whether a media type is that of text or of anything at all, as nobody publishes
// what he gives a path without an extension.
func isPlain(kind string) bool {
	switch kind {
	case "text/css", "text/csv", "text/javascript", "text/calendar", "text/vcard":
		return false
	case "application/octet-stream":
		return true
	}
	return strings.HasPrefix(kind, "text/") && !gate.IsXML(kind)
}
