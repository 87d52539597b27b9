package cache_test

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// heeding is an origin whose page has the tag "1" and heeds If-None-Match where it is passed on.
func heeding(a ask) (*http.Response, error) {
	if a.Conditions && a.HTTP.Header.Get("If-None-Match") == `"1"` {
		return reply(304, "", minute, `Etag: "1"`), nil
	}
	return reply(200, "news", minute, `Etag: "1"`), nil
}

func TestConditionsGoToTheOnlyOriginWhereNothingIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, heeding)
		conditional := func() *cache.Request {
			r := e.request(http.MethodGet, `If-None-Match: "1"`)
			site := *r.Site
			site.Lone = true
			r.Site = &site
			return r
		}
		a := e.ask(t, conditional())
		require.Equal(t, http.StatusNotModified, a.Response.StatusCode, "§4.3.2 it was not for the cache to evaluate")
		a.Response.Body.Close()
		synctest.Wait()
		require.Zero(t, e.Usage().Pages)

		e.read(t)
		synctest.Wait()
		a = e.ask(t, conditional())
		require.Equal(t, http.StatusNotModified, a.Rendition.Status, "now it is")
		require.Equal(t, 2, e.fetches())
	})
}

func TestConditionsStayBehindWhereThereAreSeveralOrigins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, heeding)
		a := e.ask(t, e.request(http.MethodGet, `If-None-Match: "1"`))
		require.Equal(t, http.StatusNotModified, a.Rendition.Status, "the page that was fetched is what the reader holds")
		require.False(t, e.last().Conditions)
		synctest.Wait()
		require.Equal(t, 1, e.Usage().Pages)
	})
}

func TestTheOnlyOriginIsAskedOnceByAReaderWithoutGzip(t *testing.T) {
	for _, c := range []struct {
		accept     string
		compressed bool
	}{
		{"X-None: 1", false}, {"Accept-Encoding: identity", false}, {"Accept-Encoding: br", false}, {"Accept-Encoding: gzip;q=0, *", false},
		{"Accept-Encoding: gzip", true}, {"Accept-Encoding: x-gzip", true}, {"Accept-Encoding: *", true},
	} {
		for _, zips := range []bool{false, true} { // whatever it is asked for
			e := newEdge(t, func(a ask) (*http.Response, error) {
				if a.Compressed || zips {
					return alwaysZipped("news", "Cache-Control: max-age=60, no-transform")(a)
				}
				return reply(200, "news", "Cache-Control: max-age=60, no-transform"), nil
			})
			e.site.Lone = true
			a, body := e.read(t, c.accept)
			require.Equal(t, c.compressed, e.last().Compressed, c.accept)
			require.Equal(t, "news", decoded(t, field(a, "Content-Encoding"), body))
			require.Equal(t, c.compressed || zips, field(a, "Content-Encoding") == "gzip", c.accept)
			require.Equal(t, 1, e.fetches(), c.accept)
		}
	}
}
