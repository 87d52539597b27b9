package cache_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

func TestAFreshPageIsServedWithItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, always(200, "news", minute, "Age: 10", `Etag: "1"`))
		a, _ := e.read(t)
		require.Equal(t, cache.Status{Fwd: cache.FwdURIMiss, FwdStatus: 200, Stored: true}, a.Status)
		require.Equal(t, 10*time.Second, a.Age, "§5.1: also of an answer that is just being stored")
		synctest.Wait()
		time.Sleep(5 * time.Second)
		a, body := e.read(t)
		require.Equal(t, "news", body)
		require.Equal(t, cache.Hit, a.Result)
		require.Equal(t, "primary", a.Origin)
		require.Equal(t, 15*time.Second, a.Age)
		require.Equal(t, cache.Status{Hit: true, TTL: 45 * time.Second, HasTTL: true}, a.Status)
		require.Empty(t, field(a, "Age"), "left to whoever sends it")
		require.Equal(t, 1, e.fetches())
	})
}

func TestWhatIsNotForTheCachePasses(t *testing.T) {
	for _, c := range []struct {
		name, method string
		lines        []string
		fwd          string
	}{
		{"§4 POST", "POST", nil, cache.FwdMethod},
		{"§4 OPTIONS", "OPTIONS", nil, cache.FwdMethod},
		{"an upgrade", "GET", []string{"Upgrade: websocket"}, cache.FwdBypass},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdge(t, always(200, "news", "Cache-Control: public, max-age=60"))
				e.read(t) // stored, and yet
				synctest.Wait()
				a := e.ask(t, e.request(c.method, c.lines...))
				require.NotNil(t, a.Response)
				require.Equal(t, cache.Bypass, a.Result)
				require.Equal(t, cache.Status{Fwd: c.fwd, FwdStatus: 200}, a.Status)
				require.False(t, e.last().Whole, "its conditions and ranges are the origin's to heed")
				require.Equal(t, 2, e.fetches())
				require.Equal(t, 1, e.Usage().Pages)
			})
		})
	}
}

func TestAMissThatCannotBeStoredPasses(t *testing.T) {
	for _, c := range []struct{ name, method, line string }{
		{"§5.2.1.5 no-store", "GET", "Cache-Control: no-store"},
		{"HEAD", "HEAD", ""},
		{"several ranges", "GET", "Range: bytes=0-1,3-3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdge(t, always(200, "news", minute))
				r := e.request(c.method)
				if c.line != "" {
					r = e.request(c.method, c.line)
				}
				a := e.ask(t, r)
				require.NotNil(t, a.Response)
				require.Equal(t, cache.Miss, a.Result)
				require.False(t, e.last().Whole)
				e.read(t)
				require.True(t, e.last().Whole, "others are not kept from storing it")
			})
		})
	}
}

func TestAReaderWhoForbidsStoringSpoilsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, always(200, "news", "Cache-Control: max-age=60, stale-while-revalidate=60"))
		e.read(t)
		synctest.Wait()
		time.Sleep(90 * time.Second)
		a := e.get(t, "Cache-Control: no-store")
		require.Equal(t, cache.Stale, a.Result)
		synctest.Wait()
		require.Equal(t, 1, e.fetches(), "no refresh, whose answer would be stored")
		time.Sleep(time.Hour)
		a = e.get(t, "Cache-Control: no-store")
		require.NotNil(t, a.Response)
		require.Equal(t, cache.Miss, a.Result)
		require.Equal(t, 1, e.Usage().Pages)
		e.read(t)
		require.True(t, e.last().Whole)
	})
}

func TestOnlyIfCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, always(200, "news", minute))
		refused := func() {
			t.Helper()
			_, err := e.Answer(t.Context(), e.request("GET", "Cache-Control: only-if-cached"))
			require.ErrorIs(t, err, cache.ErrNotStored)
		}
		refused()
		e.read(t)
		synctest.Wait()
		_, body := e.read(t, "Cache-Control: only-if-cached")
		require.Equal(t, "news", body)
		time.Sleep(time.Hour)
		refused()
		require.Equal(t, 1, e.fetches())
	})
}

func TestWhatNeverEndsIsHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := make(chan *stream, 2)
		e := newEdge(t, streaming(streams, 200, -1, minute, "Content-Type: text/event-stream; charset=utf-8"))
		for range 2 {
			a := e.get(t)
			require.NotNil(t, a.Response)
			origin := <-streams
			require.NoError(t, origin.to.Close())
			_, err := readAll(t.Context(), &a)
			require.NoError(t, err)
		}
		require.False(t, e.last().Whole, "and remembered")
		require.Zero(t, e.Usage().Bytes)
	})
}

func TestHeadIsAnsweredFromAGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, always(200, "news", minute, `Etag: "1"`))
		e.read(t)
		synctest.Wait()
		head := func() cache.Answer { return e.ask(t, e.request(http.MethodHead)) }
		a := head()
		require.Equal(t, cache.Hit, a.Result)
		require.Nil(t, a.Rendition.Body)
		require.EqualValues(t, 4, a.Rendition.Length)

		time.Sleep(time.Hour)
		e.answers(always(304, "", minute, `Etag: "1"`))
		require.Equal(t, cache.Revalidated, head().Result, "§4.3.5 HEAD validates the page")
		require.Equal(t, http.MethodHead, e.last().HTTP.Method)
		require.Equal(t, cache.Hit, e.get(t).Result, "which others profit from")

		time.Sleep(time.Hour)
		e.answers(always(200, "more news", minute, `Etag: "2"`))
		a = head()
		require.Equal(t, cache.Miss, a.Result)
		require.Equal(t, `"2"`, a.Response.Header.Get("Etag"))
		a, body := e.read(t)
		require.Equal(t, cache.Miss, a.Result, "§4.3.5 or ends it")
		require.Equal(t, "more news", body)
	})
}

func TestAReaderWhoHoldsThePageIsToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const modified = "Last-Modified: Sun, 01 Mar 2020 12:00:00 GMT"
		e := newEdge(t, always(200, "news", minute, `Etag: "1"`, modified, "Vary: Accept", "Content-Type: text/html"))
		e.read(t)
		synctest.Wait()
		for _, held := range []string{`If-None-Match: W/"1"`, "If-None-Match: *", "If-Modified-Since: Sun, 01 Mar 2020 12:00:00 GMT"} {
			a := e.get(t, held)
			require.Equal(t, http.StatusNotModified, a.Rendition.Status, held)
			require.Equal(t, cache.Hit, a.Result)
			require.Nil(t, a.Rendition.Body)
			require.Equal(t, `"1"`, field(a, "Etag"), "RFC 9110 §15.4.5")
			require.Equal(t, "Accept", field(a, "Vary"))
			require.NotEmpty(t, field(a, "Date"))
			require.Empty(t, field(a, "Content-Type"))
		}
		for _, held := range []string{`If-None-Match: "2"`, "If-Modified-Since: Sat, 29 Feb 2020 12:00:00 GMT"} {
			a, body := e.read(t, held)
			require.Equal(t, http.StatusOK, a.Rendition.Status, held)
			require.Equal(t, "news", body)
		}
		require.Equal(t, 1, e.fetches())
	})
}

func TestRangesAreCutFromAStoredPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := make(chan *stream, 2)
		e := newEdge(t, streaming(streams, 200, -1, minute, `Etag: "1"`))
		leader := e.get(t)
		a := e.get(t, "Range: bytes=0-1")
		require.Equal(t, http.StatusOK, a.Rendition.Status, "the origin may cut it, and did not")
		a.Cursor.Close()
		origin := <-streams
		go func() {
			origin.send(t, "012345")
			origin.send(t, "6789")
			origin.to.Close()
		}()
		_, err := readAll(t.Context(), &leader)
		require.NoError(t, err)
		synctest.Wait()
		for _, c := range []struct {
			ask, part, span string
		}{
			{"Range: bytes=2-4", "234", "bytes 2-4/10"},
			{"Range: bytes=5-6", "56", "bytes 5-6/10"},
			{"Range: bytes=9-", "9", "bytes 9-9/10"},
			{"Range: bytes=-3", "789", "bytes 7-9/10"},
			{"Range: bytes=-99", "0123456789", "bytes 0-9/10"},
			{"Range: bytes=8-99", "89", "bytes 8-9/10"},
		} {
			a, body := e.read(t, c.ask, `If-Range: "1"`)
			require.Equal(t, http.StatusPartialContent, a.Rendition.Status, c.ask)
			require.Equal(t, c.part, body)
			require.Equal(t, c.span, field(a, "Content-Range"))
		}
		require.Equal(t, http.StatusRequestedRangeNotSatisfiable, e.get(t, "Range: bytes=10-").Rendition.Status)
		require.Equal(t, http.StatusOK, e.get(t, "Range: bytes=2-4", `If-Range: "2"`).Rendition.Status)
		require.Equal(t, 2, e.fetches())
	})
}
