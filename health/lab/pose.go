package lab

import (
	"bytes"
	_ "embed"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// The pages that stand in the newspaper's place. None carries the Marker.
var (
	//go:embed notices/block.html
	blockPage string
	//go:embed notices/unknown.html
	unknownPage string
	//go:embed notices/seized.html
	seizedPage string
	//go:embed notices/parked.html
	parkedPage string
	//go:embed notices/fresh.html
	freshPage string
	//go:embed notices/forbidden.html
	forbiddenPage string
	//go:embed notices/challenge.html
	challengePage string
	//go:embed notices/legal.html
	legalPage string
)

// foreignScript is what CopySite adds to the pages that it copies.
const foreignScript = `<script src="https://reading-room.invalid/counter.js"></script>`

// pose answers under the faults of what a whole answer is.
func (s *spell) pose(w http.ResponseWriter, r *http.Request) {
	switch s.fault {
	case BlockPage:
		sendNotice(w, http.StatusOK, "", strings.ReplaceAll(blockPage, "{{host}}", hostOnly(r.Host)))
	case BlockPageUnknown:
		sendNotice(w, http.StatusOK, "", unknownPage)
	case Seized:
		// Real banners ask to be kept: a cache that believes them loses the page.
		sendNotice(w, http.StatusOK, "public, max-age=86400", seizedPage)
	case Parked:
		sendNotice(w, http.StatusOK, "public, max-age=3600", strings.ReplaceAll(parkedPage, "{{host}}", hostOnly(r.Host)))
	case FreshServer:
		if r.URL.Path == "/" {
			sendNotice(w, http.StatusOK, "", freshPage)
			return
		}
		http.NotFound(w, r)
	case Empty200:
		sendNotice(w, http.StatusOK, "", "")
	case ScriptAsHTML:
		if extension := path.Ext(r.URL.Path); extension == ".js" || extension == ".css" {
			sendNotice(w, http.StatusOK, "", strings.ReplaceAll(blockPage, "{{host}}", hostOnly(r.Host)))
			return
		}
		s.publish(w, r)
	case CopySite:
		s.redraft(w, r, func(d *draft) {
			d.finish(bytes.Replace(d.body.Bytes(), []byte("</body>"), []byte(foreignScript+"\n</body>"), 1))
		})
	case Redesign:
		s.redraft(w, r, func(d *draft) {
			page := d.body.Bytes()
			if d.status == http.StatusOK {
				page = s.redesigned(r)
			}
			d.finish(page)
		})
	default: // the canary alone is another one
		s.publish(w, r)
	}
}

// send answers 200 with a text.
func send(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Write([]byte(text))
}

// sendNotice answers with a page that is not the newspaper's.
func sendNotice(w http.ResponseWriter, status int, cacheControl, page string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if cacheControl != "" {
		w.Header().Set("Cache-Control", cacheControl)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(status)
	w.Write([]byte(page))
}

// hostOnly keeps the letters of a host name: the notices are not templates, and
// the name comes from the request.
func hostOnly(host string) string {
	name, _, _ := strings.Cut(host, ":")
	return strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return -1
	}, name)
}
