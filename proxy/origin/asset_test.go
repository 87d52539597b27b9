package origin

import (
	"io"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

func TestWhatARequestIsFor(t *testing.T) {
	for _, test := range []struct {
		path, dest, accept string
		asset              bool
	}{
		{"/app.js", "", "*/*", true}, {"/a/style.CSS", "", "", true}, {"/font.woff2", "", "", true}, {"/harbour.png", "", "*/*", true},
		{"/", "", "*/*", false}, {"/news.html", "", "", false}, {"/feed.xml", "", "", false}, {"/wiki/File:harbour.png", "", "", false},
		{"/harbour.jpg", "document", "text/html,*/*", false}, {"/harbour.jpg", "", "text/html,application/xhtml+xml,image/avif,*/*", false},
		{"/bundle", "script", "*/*", false}, {"/bundle", "", "text/css,*/*;q=0.1", false}, {"/thumb.php", "", "image/avif,image/webp,*/*;q=0.8", false},
		{"/data", "empty", "*/*", false}, {"/data.json", "empty", "*/*", true},
	} {
		asset, _, _ := wanted(&http.Request{
			URL: &url.URL{Path: test.path}, Header: http.Header{"Sec-Fetch-Dest": {test.dest}, "Accept": {test.accept}},
		})
		require.Equal(t, test.asset, asset, test)
	}
	asset, _, _ := wanted(nil)
	require.False(t, asset)
}

func TestAPageInPlaceOfAFileIsRejected(t *testing.T) {
	script := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		io.WriteString(w, "tide()")
	}
	for _, marked := range []bool{true, false} {
		for path, handler := range map[string]http.HandlerFunc{
			"/app.js":      serveHTML(200, notice),
			"/style.css":   serveHTML(200, article),
			"/font.woff2":  serveHTML(200, article),
			"/harbour.png": serveHTML(200, article),
			"/mislabelled.js": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/javascript")
				io.WriteString(w, article)
			},
		} {
			t.Run(path, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newScene(t, handler, script)
					if !marked {
						s.unmarked()
					}
					got, err := s.pool.Fetch(t.Context(), ask(http.MethodGet, path))
					requireAnswer(t, got, err, "b", "tide()")
					require.Equal(t, []health.Class{health.ForeignType}, s.seen.of("a"))
					require.Equal(t, 1, s.liveFailures("a"))

					_, err = newScene(t, handler).pool.Fetch(t.Context(), ask(http.MethodGet, path))
					var none *Error
					require.ErrorAs(t, err, &none)
				})
			})
		}
	}
}

func TestTheSitesOwnPageInPlaceOfAFileIsPassedOnAndNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := page + article
		s := newScene(t, serveHTML(200, body), serveHTML(200, body))
		got, err := s.pool.Fetch(t.Context(), ask(http.MethodGet, "/gone.js"))
		requireAnswer(t, got, err, "a", body)
		require.True(t, got.Doubtful)
		require.Equal(t, []health.Class{health.ForeignType}, s.seen.of("a"))
		require.Zero(t, s.liveFailures("a"))
	})
}

func TestPagesAndFilesThatAreWhatTheySayPass(t *testing.T) {
	for _, test := range []struct{ path, kind, body string }{
		{"/thumb.php", "image/jpeg", "\xff\xd8\xff"}, {"/download.php", "application/zip", "PK"}, {"/feed.xml", "text/html", article},
		{"/app.js", "text/javascript", "tide()"}, {"/data.json", "application/json", "{}"}, {"/sea.svg", "image/svg+xml", "<svg/>"},
		{"/tides.txt", "text/plain", "<html>"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", test.kind)
				io.WriteString(w, test.body)
			})
			s.unmarked()
			got, err := s.pool.Fetch(t.Context(), ask(http.MethodGet, test.path))
			requireAnswer(t, got, err, "a", test.body)
			require.False(t, got.Doubtful, test.path)
		})
	}
}
