package origin

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/gate"
)

// learnt is what is known of a site without markers whose front page was seen.
func learnt(t *testing.T) func() gate.Known {
	known := gate.Known{Hosts: []string{"www.gazette.example"}}
	front := gate.Answer{Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte(page + article), Whole: true}
	b, taken := (&gate.Baseline{}).Learn(front, known, gate.Finding{Kind: gate.Genuine}, time.Unix(1_700_000_000, 0))
	require.True(t, taken)
	known.Baseline = b
	return func() gate.Known { return known }
}

// serveAs answers 200 with a body of some type.
func serveAs(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		io.WriteString(w, body)
	}
}

// navigation is a request as a browser makes it for a page.
func navigation(path string) *Ask {
	a := ask(http.MethodGet, path)
	a.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	return a
}

func TestAPageThatIsMerelyUnlikeIsDoubtedAndAccusesNobody(t *testing.T) {
	for path, body := range map[string]string{
		"/embed": `<a href="/news/8812">Ferry back in service</a>`, "/login": "<form><input name=n></form>",
		"/essay": "<h1>On water</h1><p>It has no shape of its own.", "/ok": "<p>ok</p>", "/hello": "hello",
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, serveHTML(200, body), serveHTML(200, body))
			s.unmarked()
			s.pool.site.Known = learnt(t)
			got, err := s.pool.Fetch(t.Context(), navigation(path))
			requireAnswer(t, got, err, "a", body)
			require.True(t, got.Doubtful, "it is not stored")
			require.Len(t, got.Attempts, 2, "another origin is asked first")
			require.Equal(t, health.IdentityMismatch, got.Attempts[0].Class)
			require.Zero(t, s.liveFailures("a"))
			require.Equal(t, health.Unknown, s.tracker.View(id("a")).Verdict)

			s = newScene(t, serveHTML(200, body), serveHTML(200, page+article))
			s.unmarked()
			s.pool.site.Known = learnt(t)
			got, err = s.pool.Fetch(t.Context(), navigation(path))
			requireAnswer(t, got, err, "b", page+article)
			require.False(t, got.Doubtful)
		})
	}
}

func TestWordingOnAPageThatIsUnlikeIsARejection(t *testing.T) {
	for body, class := range map[string]health.Class{denied: health.BlockPage, seized: health.Seized, parked: health.Parked} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, serveHTML(200, body))
			s.unmarked()
			s.pool.site.Known = learnt(t)
			_, err := s.fetch()
			var none *Error
			require.ErrorAs(t, err, &none)
			require.Equal(t, class, none.Class())
			require.Equal(t, 1, s.liveFailures("a"))
		})
	}
}

func TestNoSuccessHidesANotice(t *testing.T) {
	for _, status := range []int{201, 202, 203, 206, 226, 299} {
		for _, marked := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, serveHTML(status, seized), servePage)
				if !marked {
					s.unmarked()
				}
				got, err := s.fetch()
				requireAnswer(t, got, err, "b", page)
				want := health.Seized
				if status == http.StatusPartialContent {
					want = health.ProtocolError
				}
				require.Equal(t, want, got.Attempts[0].Class, status)
			})
		}
	}
}

func TestNoTypeHidesANotice(t *testing.T) {
	const text = "This domain has been seized by order of the court."
	for _, test := range []struct {
		name, kind, body string
		class            health.Class
	}{
		{"XML", "text/xml", `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><h1>` + text + "</h1></html>", health.Seized},
		{"XML of another name", "application/xml", "<html><h1>" + text + "</h1></html>", health.Seized},
		{"plain text", "text/plain", text, health.Seized},
		{"zipped plain text", "text/plain", zipped(t, text), health.Seized},
	} {
		for _, marked := range []bool{true, false} {
			t.Run(test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
						if test.name == "zipped plain text" {
							w.Header().Set("Content-Encoding", "gzip")
						}
						serveAs(test.kind, test.body)(w, r)
					}, servePage)
					if !marked {
						s.unmarked()
					}
					got, err := s.pool.Fetch(t.Context(), navigation("/news"))
					requireAnswer(t, got, err, "b", page)
					require.Equal(t, test.class, got.Attempts[0].Class)
				})
			})
		}
	}
}

func TestPlainTextInPlaceOfAPageIsDoubted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, serveAs("text/plain", "High water at noon."))
		got, err := s.pool.Fetch(t.Context(), navigation("/tide"))
		requireAnswer(t, got, err, "a", "High water at noon.")
		require.True(t, got.Doubtful)
		require.Zero(t, s.liveFailures("a"))
	})
}

func TestADrawingInPlaceOfAPageIsDoubted(t *testing.T) {
	const drawing = `<svg xmlns="http://www.w3.org/2000/svg"><text>Seized</text></svg>`
	for path, doubtful := range map[string]bool{"/news": true, "/chart": true, "/sea.svg": false} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, serveAs("image/svg+xml", drawing))
			asked := navigation(path)
			asked.Header.Set("Sec-Fetch-Dest", "document")
			got, err := s.pool.Fetch(t.Context(), asked)
			requireAnswer(t, got, err, "a", drawing)
			require.Equal(t, doubtful, got.Doubtful, path)
			require.Zero(t, s.liveFailures("a"))
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, serveAs("image/svg+xml", drawing), servePage)
		got, err := s.pool.Fetch(t.Context(), navigation("/news"))
		requireAnswer(t, got, err, "b", page)
		got, err = s.pool.Fetch(t.Context(), ask(http.MethodGet, "/news"))
		requireAnswer(t, got, err, "a", drawing)
		require.False(t, got.Doubtful, "it was not asked for as a page")
	})
}

func TestFilesThatAServerCallsPagesPass(t *testing.T) {
	for path, body := range map[string]string{
		"/api/data.json": `{"title":"This website has been blocked"}`, "/gen.js": "window.tides=[14.12]", "/style.css": "body{color:#222}",
		"/bundle": "window.tides=[14.12]",
	} {
		for _, marked := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, serveHTML(200, body))
				if !marked {
					s.unmarked()
					s.pool.site.Known = learnt(t)
				}
				asked := ask(http.MethodGet, path)
				if path == "/bundle" {
					asked.Header.Set("Sec-Fetch-Dest", "script")
				}
				got, err := s.pool.Fetch(t.Context(), asked)
				requireAnswer(t, got, err, "a", body)
				require.Equal(t, path == "/bundle", got.Doubtful, path)
			})
		}
	}
}

func TestAnApplicationsShellIsNoObjection(t *testing.T) {
	const shell = `<!doctype html><title>App</title><div id="root"></div><script src="/main.js"></script>`
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, serveHTML(200, shell))
		s.unmarked()
		s.pool.site.Known = func() gate.Known { return gate.Known{Wildcard: true} }
		got, err := s.fetch()
		requireAnswer(t, got, err, "a", shell)
		require.False(t, got.Doubtful)
	})
}

func TestAProgramAtTheHomePageIsForeignWherePagesAreKnown(t *testing.T) {
	for _, known := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, serveAs("application/octet-stream", "tide"))
			s.unmarked()
			if known {
				s.pool.site.Known = learnt(t)
			}
			got, err := s.fetch()
			if !known {
				requireAnswer(t, got, err, "a", "tide")
				return
			}
			var none *Error
			require.ErrorAs(t, err, &none)
			require.Equal(t, health.ForeignType, none.Class())
		})
	}
}
