package lab

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// Marker is the text on every HTML page of the newspaper, and on nothing that a
// fault puts in its place.
const Marker = "The Harbour Gazette"

const (
	pageCacheControl  = "public, max-age=30, stale-while-revalidate=60"
	assetCacheControl = "public, max-age=3600"
	errorCacheControl = "public, max-age=10"
)

// gazette is the edition: page templates, assets and stories.
//
//go:embed gazette
var gazette embed.FS

// newspaper is the publication as one origin serves it.
type newspaper struct {
	origin    string
	stories   []story // newest first
	templates *template.Template
	published time.Time // of the newest story: Last-Modified of every page and asset
	mux       *http.ServeMux
}

// Newspaper is The Harbour Gazette as a handler: pages, assets, a feed, and one
// path for each thing a proxy must carry: /search, /login, /upload, /events,
// /socket, /big, /trailers, /early. Every answer carries X-Served-By with the origin's name. Addresses
// on its pages are absolute under the host that was asked for, as publishing
// systems write them. A query max-age=SECONDS says for how long an answer is fresh. The handler has no state. Newspaper panics if the
// edition in the binary is broken, which the tests rule out.
func Newspaper(origin string) http.Handler {
	paper, err := newNewspaper(origin)
	if err != nil {
		panic(err)
	}
	return paper
}

func newNewspaper(origin string) (*newspaper, error) {
	stories, err := readStories(gazette)
	if err != nil {
		return nil, err
	}
	templates, err := template.ParseFS(gazette, "gazette/pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("cannot read the newspaper's page templates: %w", err)
	}
	mux := http.NewServeMux()
	n := &newspaper{origin: origin, stories: stories, templates: templates, published: stories[0].Published, mux: mux}
	mux.HandleFunc("GET /{$}", n.frontPage)
	mux.HandleFunc("GET /{section}", n.sectionPage)
	mux.HandleFunc("GET /{section}/{slug}", n.articlePage)
	mux.HandleFunc("GET "+LongPath, n.tideTables)
	mux.HandleFunc("GET /assets/{file}", n.asset)
	mux.HandleFunc("GET /feed.xml", n.feed)
	mux.HandleFunc("GET /robots.txt", n.robots)
	mux.HandleFunc("GET /api/latest.json", n.latest)
	mux.HandleFunc("GET /search", n.search)
	mux.HandleFunc("GET /login", n.loginForm)
	mux.HandleFunc("POST /login", n.login)
	mux.HandleFunc("POST /upload", n.upload)
	mux.HandleFunc("GET /events", n.events)
	mux.HandleFunc("GET /socket", echoSocket)
	mux.HandleFunc("GET /big", n.big)
	mux.HandleFunc("GET /trailers", n.trailers)
	mux.HandleFunc("GET /early", n.early)
	mux.HandleFunc("GET /", n.notFound)
	return n, nil
}

// ServeHTTP answers one request.
func (n *newspaper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Served-By", n.origin)
	n.mux.ServeHTTP(w, r)
}

// QuotingPath is the path of an article about blocking that quotes what block pages,
// seizure banners and parking pages say. It is as much the newspaper's as any other.
const QuotingPath = "/culture/filter-exhibition"

// Paths lists what a visitor of the newspaper finds by following links: front
// page, sections, articles, assets, feed. All of it may be cached.
func Paths() []string {
	paths := []string{"/"}
	for _, section := range sections() {
		paths = append(paths, "/"+section.Name)
	}
	stories, err := readStories(gazette)
	if err != nil {
		panic(err) // as in Newspaper
	}
	for _, story := range stories {
		paths = append(paths, story.Path())
	}
	paths = append(paths, LongPath)
	assets, err := fs.ReadDir(gazette, "gazette/assets")
	if err != nil {
		panic(err)
	}
	for _, asset := range assets {
		paths = append(paths, "/assets/"+asset.Name())
	}
	return append(paths, "/feed.xml", "/api/latest.json")
}

// page is what the templates are filled with.
type page struct {
	Base    string // scheme and host that the reader asked for
	Host    string // the host alone, for addresses without a scheme
	Path    string
	Title   string
	Section section
	All     []section
	Lead    story
	Stories []story
	Query   string
	Tides   []tideDay
}

func (n *newspaper) frontPage(w http.ResponseWriter, r *http.Request) {
	n.render(w, r, http.StatusOK, "front.html", page{Title: "All the news of the bay", Lead: n.stories[0], Stories: n.stories[1:]})
}

func (n *newspaper) sectionPage(w http.ResponseWriter, r *http.Request) {
	for _, wanted := range sections() {
		if wanted.Name == r.PathValue("section") {
			n.render(w, r, http.StatusOK, "section.html", page{
				Title: wanted.Title, Section: wanted,
				Stories: n.storiesWhere(func(s story) bool { return s.Section == wanted }),
			})
			return
		}
	}
	n.notFound(w, r)
}

func (n *newspaper) articlePage(w http.ResponseWriter, r *http.Request) {
	for _, told := range n.stories {
		if told.Path() == r.URL.Path {
			n.render(w, r, http.StatusOK, "article.html", page{
				Title: told.Title, Section: told.Section, Lead: told,
				Stories: n.storiesWhere(func(s story) bool { return s.Section == told.Section && s.Slug != told.Slug }),
			})
			return
		}
	}
	n.notFound(w, r)
}

func (n *newspaper) search(w http.ResponseWriter, r *http.Request) {
	query := r.FormValue("q")
	w.Header().Set("Cache-Control", "no-store")
	n.render(w, r, http.StatusOK, "search.html", page{
		Title: "Search", Query: query,
		Stories: n.storiesWhere(func(s story) bool { return query != "" && s.mentions(query) }),
	})
}

func (n *newspaper) notFound(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", errorCacheControl)
	n.render(w, r, http.StatusNotFound, "missing.html", page{Title: "No such page"})
}

func (n *newspaper) asset(w http.ResponseWriter, r *http.Request) {
	name := "gazette/assets/" + r.PathValue("file")
	content, err := gazette.ReadFile(name)
	if err != nil {
		n.notFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", assetCacheControl)
	n.send(w, r, mime.TypeByExtension(path.Ext(name)), content)
}

func (n *newspaper) storiesWhere(wanted func(story) bool) []story {
	var found []story
	for _, s := range n.stories {
		if wanted(s) {
			found = append(found, s)
		}
	}
	return found
}

// redesigned is every page of the newspaper in another design: all stories at full length,
// and nothing of the title, the structure and the links as they were.
func (n *newspaper) redesigned(r *http.Request) []byte {
	var body bytes.Buffer
	p := page{Base: base(r), Host: r.Host, Path: r.URL.Path, All: sections(), Stories: n.stories}
	if err := n.templates.ExecuteTemplate(&body, "redesign.html", p); err != nil {
		return fmt.Appendf(nil, "cannot print the redesign: %v", err)
	}
	return body.Bytes()
}

// base is the scheme and host that the reader asked for.
func base(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// render fills a template and sends the page.
func (n *newspaper) render(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	p.Base, p.Host, p.Path, p.All = base(r), r.Host, r.URL.Path, sections()
	var body bytes.Buffer
	if err := n.templates.ExecuteTemplate(&body, name, p); err != nil {
		http.Error(w, fmt.Sprintf("cannot print the page %s: %v", name, err), http.StatusInternalServerError)
		return
	}
	const html = "text/html; charset=utf-8"
	if status == http.StatusOK {
		n.send(w, r, html, body.Bytes())
		return
	}
	w.Header().Set("Content-Type", html)
	w.Header().Set("Content-Length", fmt.Sprint(body.Len()))
	w.WriteHeader(status)
	w.Write(body.Bytes())
}

// send answers with content, compressed if the reader takes it, or with what a
// conditional or range request makes of it. Without a Cache-Control it is a
// page's, and who shows credentials gets one that others may not have.
func (n *newspaper) send(w http.ResponseWriter, r *http.Request, contentType string, content []byte) {
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Vary", "Accept-Encoding")
	if header.Get("Cache-Control") == "" {
		header.Set("Cache-Control", pageCacheControl)
	}
	if age, err := strconv.ParseUint(r.FormValue("max-age"), 10, 32); err == nil && header.Get("Cache-Control") != "no-store" {
		header.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", age))
	}
	if r.Header.Get("Authorization") != "" && header.Get("Cache-Control") != "no-store" {
		// What is shown to one reader. It is not released to others (RFC 9111 §3.5), and says no more.
		header.Set("Cache-Control", "max-age=30")
	}
	digest := sha256.Sum256(content)
	tag := hex.EncodeToString(digest[:8])
	if takesGzip(r) {
		// RFC 9110 §8.8.3.3: another coding is another representation, with a tag
		// of its own.
		tag += "-gzip"
		content = compress(content)
		header.Set("Content-Encoding", "gzip")
		// ServeContent declares no length for an encoded answer, since a wrapped
		// writer might be what encodes it. Here the bytes are final.
		header.Set("Content-Length", fmt.Sprint(len(content)))
	}
	header.Set("ETag", `"`+tag+`"`)
	if header.Get("Cache-Control") == "no-store" {
		header.Del("ETag")
		header.Set("Content-Length", fmt.Sprint(len(content)))
		w.Write(content)
		return
	}
	http.ServeContent(w, r, "", n.published, bytes.NewReader(content))
}

// takesGzip reports whether to compress. Requests for a part, and those with a
// precondition that can fail, get the bytes as they are.
func takesGzip(r *http.Request) bool {
	for _, name := range []string{"Range", "If-Match", "If-Unmodified-Since"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	return strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
}

func compress(content []byte) []byte {
	var compressed bytes.Buffer
	writer := gzip.NewWriter(&compressed)
	writer.Write(content) // a buffer takes everything
	writer.Close()
	return compressed.Bytes()
}
