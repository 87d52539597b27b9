package origin

import (
	"net/http"
	"path"
	"strings"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/gate"
)

// file judges an answer that is no page by its type: it must not begin as one all the same.
// Where a browser shows it as a document of its own, plain text is judged by its wording, and
// a drawing that was not asked for is doubted: it may be a notice as well as a page.
func (l *look) file(found finding, seen beginning) finding {
	if l.response.StatusCode/100 != 2 || isHTML(l.kind) {
		found.doubtful = found.doubtful || l.lenient && isHTML(l.kind)
		return found
	}
	if l.path != "/" {
		l.path = "" // a picture may well come from a path that ends in .php
	}
	if judged := l.judge(seen); judged.Kind.Foreign() {
		if judged.Kind == gate.ForeignType && l.path == "" && l.site.unquestioned() {
			return foundBy(judged, health.StageIdentity).doubted()
		}
		return foundBy(judged, health.StageIdentity)
	}
	if l.navigation && l.kind == "image/svg+xml" && !strings.EqualFold(path.Ext(l.response.Request.URL.Path), ".svg") {
		return foreignAsset("a drawing came where a page was asked for").doubted()
	}
	if l.isInsteadOfPage() {
		return foreignAsset(l.kind + " came where pages are known").doubted()
	}
	return found
}

// isInsteadOfPage reports whether what is no page came where a browser asked for one, of a site
// that is known to have pages, and neither path nor header say that it is a file.
func (l *look) isInsteadOfPage() bool {
	request := l.response.Request
	if l.method != http.MethodGet || request == nil || !isPlain(l.kind) || l.response.Header.Get("Content-Disposition") != "" {
		return false
	}
	known := len(l.known.Markers) > 0 || l.known.Baseline != nil && l.known.Baseline.Pages > 0 && !l.site.unquestioned()
	return known && path.Ext(l.requested()) == "" && strings.Contains(request.Header.Get("Accept"), "text/html")
}

// requested is the path of the request, as it was sent.
func (l *look) requested() string {
	if l.response.Request == nil || l.response.Request.URL == nil {
		return ""
	}
	return l.response.Request.URL.Path
}
