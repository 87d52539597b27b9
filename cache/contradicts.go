package cache

import (
	"net/url"
	"strings"
)

// decodings is how often a path may have been escaped on top of itself.
const decodings = 3

// Contradicts reports whether a content type contradicts what the path of a target ends as: a
// page in place of a style sheet, data in place of a picture. Where an origin takes
// /account/x.css for /account and gives it the lifetime of style sheets, its answer is one
// reader's, and a cache that kept it would hand it to who asks next. Nothing in a name excuses it, since
// readers choose names: a wiki's page File:harbour.jpg is passed on and not stored.
//
// The path is read as anybody on the way may read it: with its escapes decoded, up to several
// times, and cut where parameters, a query, a fragment or a line may begin. No content type
// contradicts nothing; nor do bytes of any kind, or plain text, which servers call what they do
// not know.
func Contradicts(target, contentType string) bool {
	given := formOf(contentType)
	if given == formAny {
		return false
	}
	path, _, _ := strings.Cut(target, "?")
	for range decodings {
		for reading := range strings.FieldsFuncSeq(path, endsPath) {
			if endsOtherwise(reading, given) {
				return true
			}
		}
		plain, err := url.PathUnescape(path)
		if err != nil || plain == path {
			break
		}
		path = plain
	}
	return false
}

// endsPath reports whether some take a path to end at a character, once it is decoded.
func endsPath(c rune) bool { return c < ' ' || c == 0x7f || c == '?' || c == '#' }

// beginsParameter reports whether some take a parameter, or what is no more of the name, to begin at a
// character.
func beginsParameter(c rune) bool { return strings.ContainsRune(";,!|&@$~", c) }

// endsOtherwise reports whether a reading of a path ends as a file of another form than the given
// one.
func endsOtherwise(path string, given form) bool {
	path = strings.TrimRight(strings.ReplaceAll(path, `\`, "/"), " .")
	whole := len(path)
	path = strings.TrimRight(path, "/ .")
	isDirectory := len(path) < whole
	for part := range strings.FieldsFuncSeq(path[strings.LastIndexByte(path, '/')+1:], beginsParameter) {
		part = strings.TrimRight(part, " .")
		dot := strings.LastIndexByte(part, '.')
		if dot < 0 {
			continue
		}
		extension := strings.ToLower(part[dot+1:])
		switch wanted := formsOf(extension); {
		case wanted == 0:
		case isDirectory && extension == "js": // a page about node.js is as ordinary as it can be
		case wanted&given == 0:
			return true
		}
	}
	return false
}

// form is what a file or an answer can be, as a set.
type form uint16

const (
	formPage form = 1 << iota
	formData
	formMarkup
	formStyle
	formScript
	formImage
	formFont
	formMedia
	formDocument
	formText
	formOther
	formAny form = 0
)

// formsOf is what files with an extension are; 0 where anything may have it.
func formsOf(extension string) form {
	switch extension {
	case "css", "less":
		return formStyle
	case "js", "mjs", "cjs", "ejs":
		return formScript
	case "json", "map", "geojson", "webmanifest":
		return formData | formScript
	case "png", "apng", "jpg", "jpeg", "jfif", "gif", "webp", "avif", "ico", "bmp", "tif", "tiff", "heic", "jxl", "cur", "pict":
		return formImage | formMedia
	case "svg", "svgz":
		return formImage | formMarkup
	case "woff", "woff2", "ttf", "otf", "eot":
		return formFont | formOther
	case "mp4", "m4v", "webm", "mov", "avi", "mkv", "mp3", "m4a", "ogg", "oga", "ogv", "opus", "wav", "flac", "aac", "mid", "midi",
		"aiff", "mpg", "mpeg", "wmv":
		return formMedia | formOther
	case "ts", "m3u8", "m3u":
		return formMedia | formScript | formOther
	case "rss":
		return formMarkup | formData
	case "vtt", "srt":
		return formText | formMedia | formOther
	case "mpd", "pls":
		return formMedia | formMarkup
	case "pdf", "ps", "eps", "epub", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods", "odp", "rtf":
		return formDocument | formOther | formText
	case "zip", "gz", "tgz", "bz2", "xz", "zst", "7z", "rar", "tar", "jar", "apk", "dmg", "iso", "exe", "msi", "bin", "wasm", "swf", "class",
		"rpm", "deb":
		return formOther | formDocument
	case "txt", "csv":
		return formText | formOther
	}
	return 0
}

// formOf is what an answer with a content type is; formAny where that says nothing.
func formOf(contentType string) form {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	switch kind {
	case "text/plain", "application/octet-stream", "binary/octet-stream", "application/unknown", "application/download",
		"application/force-download", "application/x-download", "multipart/byteranges":
		return formAny
	case "text/html", "application/xhtml+xml":
		return formPage
	case "application/json", "text/json", "application/x-json", "application/x-ndjson":
		return formData
	case "application/xml", "text/xml":
		return formMarkup
	case "text/css":
		return formStyle
	case "text/javascript", "application/javascript", "application/x-javascript", "text/ecmascript", "application/ecmascript", "text/jsx":
		return formScript
	case "application/pdf", "application/postscript", "application/msword", "application/epub+zip", "application/rtf":
		return formDocument
	case "application/ogg", "application/vnd.apple.mpegurl", "application/x-mpegurl":
		return formMedia
	}
	top, sub, ok := strings.Cut(kind, "/")
	switch {
	case !ok:
		return formAny
	case top == "image":
		return formImage
	case top == "font":
		return formFont
	case top == "audio", top == "video":
		return formMedia
	case strings.HasSuffix(sub, "+json"):
		return formData
	case strings.HasSuffix(sub, "+xml"):
		return formMarkup
	case top == "text":
		return formText
	}
	return formOther
}
