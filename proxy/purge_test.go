package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/proxy"
	"github.com/heliograph-edge/heliograph/proxy/rewrite"
)

// purge orders a purge, and fails the test when it is refused.
func (s *stage) purge(o proxy.PurgeOrder) cache.PurgeReport {
	s.t.Helper()
	r, err := s.edge.Purge(s.t.Context(), o)
	require.NoError(s.t, err)
	return r
}

func TestAPurgeFindsThePageByEveryAddressItHas(t *testing.T) {
	origin := newOrigin(t, pageHandler("news"))
	s := newStage(t, plan{origins: []*httptest.Server{origin}})
	for _, address := range []string{
		"https://" + front + "/news/1?page=2", "http://" + strings.ToUpper(front) + "/news/1?page=2", "http://" + front + ":8080/news/1?page=2",
		"https://" + otherFront + "/news/1?page=2", canonical + "/news/1?page=2", origin.URL + "/news/1?page=2", "/news/1?page=2",
	} {
		s.get("/news/1?page=2")
		s.waitPages(1)
		r := s.purge(proxy.PurgeOrder{URL: address})
		require.EqualValues(t, 1, r.Matched, address)
		require.False(t, r.Done.IsZero(), "a URL is purged at once")
		require.Equal(t, canonical+"/news/1?page=2", r.What)
		require.Zero(t, s.cache.Usage().Pages, address)
	}
	s.get("/news/1")
	s.waitPages(1)
	require.Zero(t, s.purge(proxy.PurgeOrder{URL: "/news/2"}).Matched)
	require.Zero(t, s.purge(proxy.PurgeOrder{URL: "/news/1?"}).Matched, "the origin may tell it from the other")
}

func TestAPurgeOfAnUnreadableTargetIsOfWhatTheOriginGets(t *testing.T) {
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, pageHandler("news"))}})
	s.get("/%d8%aa%db%8c%d8%aa%d8%b1")
	s.waitPages(1)
	require.EqualValues(t, 1, s.purge(proxy.PurgeOrder{URL: "https://" + front + "/تیتر"}).Matched)
}

func TestAPurgeOrderThatIsWrongIsRefused(t *testing.T) {
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, pageHandler("news"))}})
	for _, c := range []struct {
		order   proxy.PurgeOrder
		unknown bool
		says    string
	}{
		{proxy.PurgeOrder{}, false, "exactly one thing"},
		{proxy.PurgeOrder{URL: "/", Tag: "a"}, false, "exactly one thing"},
		{proxy.PurgeOrder{Everything: true, Site: "gazette"}, false, "exactly one thing"},
		{proxy.PurgeOrder{Prefix: "/", Everything: true}, false, "exactly one thing"},
		{proxy.PurgeOrder{URL: "news"}, false, "neither a URL"},
		{proxy.PurgeOrder{URL: "ftp://" + front + "/"}, false, "neither a URL"},
		{proxy.PurgeOrder{URL: "//" + front + "/"}, false, "neither a URL"},
		{proxy.PurgeOrder{URL: "mailto:editor@gazette.example"}, false, "neither a URL"},
		{proxy.PurgeOrder{URL: "https://user:secret@" + front + "/"}, false, "leave that out"},
		{proxy.PurgeOrder{URL: "https://" + front + "/%zz"}, false, "is not a URL"},
		{proxy.PurgeOrder{URL: "https://front%20.test/"}, false, "is not a URL"},
		{proxy.PurgeOrder{URL: "/news#top"}, false, "has a fragment"},
		{proxy.PurgeOrder{URL: "/news#"}, false, "has a fragment"},
		{proxy.PurgeOrder{URL: "https://" + front + "/#/news"}, false, "has a fragment"},
		{proxy.PurgeOrder{URL: "///news"}, false, "neither a URL"},
		{proxy.PurgeOrder{URL: "https:///news"}, false, "neither a URL"},
		{proxy.PurgeOrder{URL: "https:/news"}, false, "neither a URL"},
		{proxy.PurgeOrder{Prefix: "/#/news"}, false, "has a fragment"},
		{proxy.PurgeOrder{Prefix: "/#/news", Site: "gazette"}, false, "has a fragment"},
		{proxy.PurgeOrder{Prefix: "https://" + front + "#/news"}, false, "has a fragment"},
		{proxy.PurgeOrder{Prefix: "//"}, false, "neither a URL"},
		{proxy.PurgeOrder{Prefix: "//", Site: "gazette"}, false, "neither a URL"},
		{proxy.PurgeOrder{Prefix: "///"}, false, "neither a URL"},
		{proxy.PurgeOrder{Prefix: "//news"}, false, "neither a URL"},
		{proxy.PurgeOrder{Prefix: "news"}, false, "neither a URL"},
		{proxy.PurgeOrder{Prefix: "?a=b"}, false, "neither a URL"},
		{proxy.PurgeOrder{Prefix: "/"}, false, "all there is"},
		{proxy.PurgeOrder{Prefix: "/", Site: "gazette"}, false, "all there is"},
		{proxy.PurgeOrder{Prefix: "https://" + front}, false, "all there is"},
		{proxy.PurgeOrder{Prefix: canonical + "/"}, false, "all there is"},
		{proxy.PurgeOrder{Tag: "a\nb"}, false, "is no tag"},
		{proxy.PurgeOrder{Tag: "  "}, false, "is no tag"},
		{proxy.PurgeOrder{URL: "https://elsewhere.test/"}, true, "elsewhere.test"},
		{proxy.PurgeOrder{Site: "herald"}, true, "this edge serves gazette"},
		{proxy.PurgeOrder{Site: "herald", Tag: "a"}, true, "herald"},
		{proxy.PurgeOrder{Site: "herald", URL: "/"}, true, "herald"},
		{proxy.PurgeOrder{Site: "herald", URL: canonical + "/"}, true, "herald"},
	} {
		_, err := s.edge.Purge(t.Context(), c.order)
		require.ErrorContains(t, err, c.says, "%+v", c.order)
		var wrong *proxy.RefusedError
		if c.unknown {
			require.ErrorIs(t, err, proxy.ErrUnknownSite)
		} else {
			require.ErrorAs(t, err, &wrong)
		}
		require.NotContains(t, err.Error(), "secret", "%+v", c.order)
	}
}

func TestAPurgeOfASiteIsAlsoOfWhatItStoredUnderOtherRules(t *testing.T) {
	for _, order := range []proxy.PurgeOrder{
		{Site: "gazette"}, {Prefix: "/n"}, {Prefix: "https://" + front + "/ne"}, {Prefix: "/news", Site: "gazette"}, {Everything: true},
		{Tag: "front", Site: "gazette"}, {Tag: "front"},
	} {
		t.Run(fmt.Sprintf("%+v", order), func(t *testing.T) {
			server := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Cache-Tag", "front")
				pageHandler("news")(w, r)
			})
			s := newStage(t, plan{origins: []*httptest.Server{server}})
			s.get("/news")
			s.waitPages(1)
			other, err := url.Parse("https://new.gazette.example")
			require.NoError(t, err)
			before := s.edge.Sites().All()[0]
			s.edge.Serve(proxy.NewSites(edgeID, []*proxy.Site{
				{Name: "gazette", Fronts: []string{front}, Space: rewrite.Space{Canonical: other, Origins: before.Space.Origins}, Pool: before.Pool},
				{Name: "gazette-2", Fronts: []string{otherFront}, Space: rewrite.Space{Canonical: other}, Pool: before.Pool},
			}))
			s.get("/news")
			s.waitPages(2)
			s.purge(order)
			s.waitPages(0)
		})
	}
}

func TestAPathIsOfOneSiteOnly(t *testing.T) {
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, pageHandler("news"))}})
	first := s.edge.Sites().All()[0]
	s.edge.Serve(proxy.NewSites(edgeID, []*proxy.Site{
		{Name: "gazette", Fronts: []string{front}, Space: first.Space, Pool: first.Pool},
		{Name: "herald", Fronts: []string{otherFront}, Space: first.Space, Pool: first.Pool},
	}))
	s.get("/")
	s.get("/", "Host", otherFront)
	s.waitPages(2)
	_, err := s.edge.Purge(t.Context(), proxy.PurgeOrder{URL: "/"})
	require.ErrorContains(t, err, "several sites")
	_, err = s.edge.Purge(t.Context(), proxy.PurgeOrder{URL: "http://" + otherFront + "/", Site: "gazette"})
	require.ErrorContains(t, err, "is of the site herald")
	require.EqualValues(t, 1, s.purge(proxy.PurgeOrder{URL: "/", Site: "herald"}).Matched)
	s.waitPages(1)
	a, _ := s.get("/")
	require.Contains(t, a.Header.Get("Cache-Status"), "hit")
}

// RFC 9875 §3.
func TestAnAnswerInvalidatesGroupsBeforeItIsSent(t *testing.T) {
	var asked atomic.Int64
	server := newOrigin(t, counted(&asked, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Cache-Group-Invalidation", `"live"`)
			io.WriteString(w, "taken")
			return
		}
		w.Header().Set("Cache-Groups", fmt.Sprintf("%q", strings.TrimPrefix(r.URL.Path, "/")))
		pageHandler("news")(w, r)
	}))
	s := newStage(t, plan{origins: []*httptest.Server{server}})
	for range 20 {
		s.get("/live")
		s.get("/archive")
		s.waitPages(2)
		before := asked.Load()
		s.send(http.MethodPost, "/vote", strings.NewReader("yes"))
		a, _ := s.get("/live")
		require.Contains(t, a.Header.Get("Cache-Status"), "fwd=uri-miss")
		a, _ = s.get("/archive")
		require.Contains(t, a.Header.Get("Cache-Status"), "hit")
		require.Equal(t, before+2, asked.Load())
	}
	require.Empty(t, s.edge.Purges())
}

func TestAPageIsExplained(t *testing.T) {
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, pageHandler("news")), newOrigin(t, pageHandler("news"))}})
	s.get("/news", "Accept-Language", "fa")
	s.waitPages(1)
	e, err := s.edge.Explain("https://"+front+"/news", "", http.MethodGet, http.Header{"Cookie": {"session=secret"}})
	require.NoError(t, err)
	require.Equal(t, "gazette", e.Site.Name)
	require.Equal(t, canonical+"/news", e.URL)
	require.Equal(t, "origin-a", e.Active)
	require.Equal(t, "serve the stored page", e.Action)
	require.Len(t, e.Pages, 1)
	require.Equal(t, "origin-a", e.Pages[0].Origin)
	require.Len(t, e.Candidates, 2)
	require.True(t, e.Candidates[0].Active)
	require.True(t, e.Candidates[1].Asked)
	require.Equal(t, "origin-b", e.Candidates[1].View.ID.Origin)

	for _, bad := range []struct{ address, site, method string }{{"news", "", "GET"}, {"/", "", "GET "}, {"/", "", ""}} {
		_, err = s.edge.Explain(bad.address, bad.site, bad.method, nil)
		var wrong *proxy.RefusedError
		require.ErrorAs(t, err, &wrong, "%+v", bad)
	}
	_, err = s.edge.Explain("https://elsewhere.test/", "", http.MethodGet, nil)
	require.ErrorIs(t, err, proxy.ErrUnknownSite)
}
