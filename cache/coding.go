package cache

import (
	"math/bits"
	"net/http"
	"slices"
	"strings"
)

// leastCoded is the shortest body that is worth a coding: below it, the fields that a
// coding adds take more than it saves.
const leastCoded = 256

// preferred are the codings that renditions are made in, the best for text first.
var preferred = [...]codings{codingBrotli, codingZstd, codingGzip}

// index is the place of a single coding among those of a page.
func (c codings) index() int { return bits.TrailingZeros8(uint8(c)) }

// name is the coding's name in Content-Encoding, "" of identity.
func (c codings) name() string {
	switch c {
	case codingBrotli:
		return "br"
	case codingGzip:
		return "gzip"
	case codingZstd:
		return "zstd"
	}
	return ""
}

// negotiate chooses the one coding that a reader is sent, out of what Accept-Encoding
// says (RFC 9110 §12.5.3): the one of the highest weight, identity only if that weighs
// more than the others; among equals, the first of [preferred]. A reader without the field
// may take anything, but most such do not: they get identity. So does a reader who accepts
// none of ours and not even that: a page it has to read somehow is better than 406. It does
// not allocate.
func negotiate(lines []string) codings {
	switch {
	case len(lines) == 0:
		return codingIdentity
	case len(lines) > 1:
	case lines[0] == "gzip, deflate, br, zstd", lines[0] == "gzip, deflate, br": // what browsers say
		return codingBrotli
	case lines[0] == "gzip", lines[0] == "gzip, deflate": // and programs
		return codingGzip
	}
	w := weighEach(lines)
	best, most := codingIdentity, w.of(codingIdentity)
	for _, c := range preferred {
		weight := w.of(c)
		if weight > 0 && (weight > most || best == codingIdentity && weight == most) {
			best, most = c, weight
		}
	}
	return best
}

// weights are what Accept-Encoding says of each coding, in thousandths; -1 where it does
// not say.
type weights struct {
	each [4]int
	star int
}

// weighEach reads the lines of an Accept-Encoding field. What is named twice has the lesser
// of its weights.
func weighEach(lines []string) weights {
	w := weights{each: [4]int{-1, -1, -1, -1}, star: -1}
	for _, line := range lines {
		for line != "" {
			var element string
			element, line = nextElement(line)
			name, params, _ := strings.Cut(element, ";")
			name = trimOWS(name)
			weight := weightOf(params)
			held := &w.star
			if coding := codingOf(name); coding != 0 {
				held = &w.each[coding.index()]
			} else if name != "*" {
				continue
			}
			if *held < 0 || weight < *held {
				*held = weight
			}
		}
	}
	return w
}

// of is the weight of one coding. Identity that nothing is said of weighs nothing, and is
// acceptable all the same.
func (w *weights) of(c codings) int {
	if weight := w.each[c.index()]; weight >= 0 {
		return weight
	}
	return max(0, w.star)
}

// weightOf is the weight that the parameters of a member give it, in thousandths; 0 for one
// that cannot be read.
func weightOf(params string) int {
	for params != "" {
		var param string
		param, params, _ = strings.Cut(params, ";")
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(trimOWS(name), "q") {
			return thousandths(trimOWS(value))
		}
	}
	return 1000
}

// thousandths reads a qvalue (RFC 9110 §12.4.2).
func thousandths(s string) int {
	whole, fraction, _ := strings.Cut(s, ".")
	if len(fraction) > 3 || whole != "0" && whole != "1" || strings.Trim(fraction, "0123456789") != "" {
		return 0
	}
	n := int(whole[0]-'0') * 1000
	for i, unit := 0, 100; i < len(fraction); i, unit = i+1, unit/10 {
		n += int(fraction[i]-'0') * unit
	}
	return min(n, 1000)
}

// accepts reports whether a reader has said that it takes a coding.
func accepts(request http.Header, c codings) bool {
	lines := request["Accept-Encoding"]
	if len(lines) == 0 {
		return false
	}
	w := weighEach(lines)
	return w.of(c) > 0
}

// mayTransform reports whether a message allows its content to be coded otherwise: no line
// of its Cache-Control says no-transform (RFC 9110 §7.7), nor one for caches like this.
func mayTransform(h http.Header) bool {
	if len(h["Cache-Control"]) > 0 && ParseCacheControl(h["Cache-Control"]).NoTransform {
		return false
	}
	return !ResponseDirectives(h).NoTransform
}

// offersCodings reports whether a page with this status and header may leave in codings of
// the edge's making, so that what a reader gets depends on Accept-Encoding. length is that of
// the body; what is not known yet counts as short.
func offersCodings(status int, h http.Header, length int64) bool {
	if length < leastCoded {
		return false
	}
	switch status {
	case http.StatusNoContent, http.StatusResetContent, http.StatusPartialContent, http.StatusNotModified:
		return false
	}
	return status >= 200 && len(h["Content-Encoding"]) == 0 && len(h["Content-Range"]) == 0 &&
		compressible(h.Get("Content-Type")) && mayTransform(h)
}

// compressible reports whether content of a media type gets smaller by a coding.
func compressible(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(trimOWS(kind))
	switch {
	case kind == "text/event-stream": // what waits in an encoder is late
		return false
	case strings.HasPrefix(kind, "text/"), strings.HasSuffix(kind, "+xml"), strings.HasSuffix(kind, "+json"):
		return true
	}
	_, found := slices.BinarySearch(compressibleKinds[:], kind)
	return found
}

// compressibleKinds are media types beyond text, sorted. WOFF and the formats of images, sound
// and archives are compressed already.
var compressibleKinds = [...]string{
	"application/ecmascript", "application/font-sfnt", "application/geo+json",
	"application/javascript", "application/json",
	"application/ld+json", "application/manifest+json", "application/opentype", "application/otf",
	"application/rtf", "application/toml", "application/truetype", "application/ttf",
	"application/vnd.ms-fontobject", "application/wasm", "application/x-font-opentype", "application/x-font-otf",
	"application/x-font-truetype", "application/x-font-ttf",
	"application/x-javascript", "application/x-ndjson", "application/x-opentype", "application/x-otf",
	"application/x-ttf", "application/x-web-app-manifest+json", "application/xml",
	"application/xml-dtd", "application/yaml", "font/collection", "font/otf", "font/sfnt", "font/ttf",
	"image/bmp", "image/vnd.microsoft.icon", "image/x-icon",
}

// settleCodings decides what Accept-Encoding means for a page whose header this is, and
// says so in its Vary. names are the request fields that the page varies by. Where the page
// is identity, every reader can be served from it, and Accept-Encoding chooses among
// renditions instead of pages. What came coded is only for those who accept the same as the
// reader who asked for it, also where the origin forgot to say so.
func (p *Page) settleCodings(header http.Header, names []string) []string {
	at, named := slices.BinarySearch(names, "Accept-Encoding")
	switch {
	case header.Get("Content-Encoding") != "":
		if !named {
			header.Add("Vary", "Accept-Encoding")
			names = slices.Insert(names, at, "Accept-Encoding")
		}
		return names
	case !mayTransform(header):
		return names
	}
	if named {
		names = slices.Delete(names, at, at+1)
	} else if offersCodings(p.Status, header, p.Length) {
		header.Add("Vary", "Accept-Encoding")
	}
	return names
}
