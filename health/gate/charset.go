package gate

import (
	"bytes"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
)

// metaWindow is how far into a page a browser looks for its charset.
const metaWindow = 1024

// decoded is the body in UTF-8. A charset that is unknown, or that the page
// does not keep to, leaves the bytes as they are. Buffer is reused.
func decoded(a *Answer, body, buffer []byte) (text, kept []byte) {
	name := charsetOf(a, body)
	if name == "" || strings.EqualFold(name, "utf-8") || strings.EqualFold(name, "utf8") {
		return body, buffer
	}
	known, err := htmlindex.Get(name)
	if err != nil || known == encoding.Replacement {
		return body, buffer
	}
	// No charset of the index makes more than three bytes of one.
	if want := 3*len(body) + 16; cap(buffer) < want {
		buffer = make([]byte, want)
	}
	n, _, err := known.NewDecoder().Transform(buffer[:cap(buffer)], body, false)
	if n == 0 && err != nil {
		return body, buffer
	}
	return buffer[:n], buffer
}

// charsetOf is the name of a page's charset: by its first bytes, its header, or
// its meta element, in the order in which browsers believe them.
func charsetOf(a *Answer, body []byte) string {
	switch {
	case bytes.HasPrefix(body, []byte("\xef\xbb\xbf")):
		return ""
	case bytes.HasPrefix(body, []byte("\xff\xfe")):
		return "utf-16le"
	case bytes.HasPrefix(body, []byte("\xfe\xff")):
		return "utf-16be"
	}
	if name := after(a.field("Content-Type"), "charset="); name != "" {
		return name
	}
	window := body[:min(len(body), metaWindow)]
	for at := 0; ; {
		i := indexFold(window[at:], "charset=")
		if i < 0 {
			return ""
		}
		at += i + len("charset=")
		if name := word(window[at:]); len(name) > 0 {
			if equalFold(name, "utf-8") {
				return ""
			}
			return string(name)
		}
	}
}

// after is the word that follows a key.
func after(value, key string) string {
	for i := 0; i+len(key) <= len(value); i++ {
		if strings.EqualFold(value[i:i+len(key)], key) {
			rest := strings.TrimLeft(value[i+len(key):], `"' `)
			if end := strings.IndexAny(rest, `"'; `); end >= 0 {
				rest = rest[:end]
			}
			return rest
		}
	}
	return ""
}

// word is the charset name that text begins with, after quotes.
func word(text []byte) []byte {
	text = bytes.TrimLeft(text, `"' `)
	end := 0
	for end < len(text) && end < 40 && (text[end] == '-' || text[end] == '_' || text[end] == ':' || isLetter(text[end]) || text[end]-'0' < 10) {
		end++
	}
	return text[:end]
}
