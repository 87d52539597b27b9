package gate

import "strings"

// asked is what kind of thing a path asks for, as far as its extension tells.
type asked uint8

const (
	askedAnything asked = iota
	askedPage
	// askedCode: what is never a page, whatever a site makes of its paths.
	askedCode
	// askedMedia: pictures and files, whose names some sites also give to pages about them.
	askedMedia
)

// asks reads the extension of a path.
func asks(path string) asked {
	name := path[strings.LastIndexByte(path, '/')+1:]
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || len(name)-dot > 6 {
		return askedAnything
	}
	for _, group := range [...]struct {
		want asked
		list string
	}{
		{askedPage, ".html.htm.xhtml.php.aspx.jsp."},
		{askedCode, ".js.mjs.css.map.json.woff.woff2.ttf.otf.wasm."},
		{askedMedia, ".png.jpg.jpeg.gif.webp.avif.svg.ico.mp4.webm.mp3.ogg.m4a.m3u8.ts.pdf.zip.xml.rss.atom.txt."},
	} {
		if listed(group.list, name[dot:]) {
			if group.want == askedMedia && strings.Contains(name, ":") {
				return askedAnything // wikis call the page about a picture File:name.jpg
			}
			return group.want
		}
	}
	return askedAnything
}

// listed looks for an extension, dot first, in a list of them.
func listed(list, extension string) bool {
	for i := 0; i+len(extension) < len(list); i++ {
		if list[i] == '.' && list[i+len(extension)] == '.' && strings.EqualFold(list[i:i+len(extension)], extension) {
			return true
		}
	}
	return false
}
