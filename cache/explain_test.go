package cache_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// steps are the lines of an explanation's arithmetic by their names, in words.
func steps(p cache.PageExplanation) map[string]string {
	all := make(map[string]string)
	for _, s := range p.Steps {
		value := ""
		switch s.Is {
		case cache.StepTime:
			value = s.At.UTC().Format(time.TimeOnly) + " "
		case cache.StepDuration:
			value = s.For.String() + " "
		}
		all[s.Name] = value + s.Note
	}
	return all
}

// explained asks for an explanation, and makes sure that it was no use and no fetch.
func (e *edge) explained(t testing.TB, lines ...string) cache.Explanation {
	t.Helper()
	fetches := e.fetches()
	x := e.Explain(e.request(http.MethodGet, lines...))
	require.Equal(t, fetches, e.fetches(), "nothing is fetched for it")
	return x
}

func TestTheArithmeticOfFreshnessIsExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, numbered("Cache-Control: max-age=600, stale-while-revalidate=60", "Age: 100", "Date: Fri, 31 Dec 1999 23:59:30 GMT"))
		e.site.Policy = cache.Policy{Stale: time.Hour, Outage: 24 * time.Hour}
		e.read(t)
		time.Sleep(20 * time.Second)
		x := e.explained(t)
		require.Len(t, x.Pages, 1)
		page := x.Pages[0]
		require.True(t, page.Chosen)
		require.Equal(t, 120*time.Second, page.Age)
		require.Equal(t, 480*time.Second, page.TTL)
		require.Equal(t, map[string]string{
			"Date":                   "23:59:30 when the origin made the answer",
			"arrived":                "00:00:00 when the answer's header was here",
			"apparent age":           "30s arrived - Date, at least 0",
			"initial age":            "1m40s the Age field and the time that asking took: more than the apparent age",
			"resident time":          "20s now - arrived",
			"current age":            "2m0s initial age + resident time",
			"lifetime":               "10m0s max-age in Cache-Control",
			"fresh for":              "8m0s lifetime - current age",
			"stale-while-revalidate": "1m0s past the lifetime, while it is fetched anew: as the answer says",
			"stale-if-error":         "1h0m0s past the lifetime, in place of a failure: the site's cache.stale",
			"outage":                 "24h0m0s past the lifetime, while no origin can be reached: the site's cache.outage",
		}, steps(page))
		require.Equal(t, "serve the stored page", x.Action)
		require.Equal(t, cache.Status{Hit: true, TTL: 480 * time.Second, HasTTL: true}, x.Status)
	})
}

func TestWhereALifetimeComesFromIsExplained(t *testing.T) {
	const date = "Date: Sat, 01 Jan 2000 00:00:00 GMT"
	for _, c := range []struct {
		says  string
		lines []string
	}{
		{"1m0s max-age in Cache-Control", []string{minute}},
		{"2m0s s-maxage in Cache-Control", []string{"Cache-Control: max-age=60, s-maxage=120"}},
		{"5m0s max-age in CDN-Cache-Control", []string{minute, "CDN-Cache-Control: max-age=300"}},
		{"1h0m0s Expires - Date", []string{date, "Expires: Sat, 01 Jan 2000 01:00:00 GMT"}},
		{"0s Expires is not after Date, or is no date", []string{date, "Expires: 0", `Etag: "1"`}},
		{"1h0m0s a guess: a tenth of Date - Last-Modified, a day at most", []string{date, "Last-Modified: Fri, 31 Dec 1999 14:00:00 GMT"}},
		{"0s 0: the answer states none, and none can be guessed", []string{`Etag: "1"`}},
		{"0s 0: a lifetime in Cache-Control cannot be read, or is stated twice", []string{"Cache-Control: max-age=x", `Etag: "1"`}},
	} {
		t.Run(c.says, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdge(t, numbered(c.lines...))
				e.read(t)
				synctest.Wait()
				require.Equal(t, c.says, steps(e.explained(t).Pages[0])["lifetime"])
			})
		})
	}
}

func TestWhatForbidsStaleUseIsExplained(t *testing.T) {
	for line, says := range map[string]string{
		"must-revalidate":          "must-revalidate forbids it past the lifetime",
		"proxy-revalidate":         "proxy-revalidate forbids it past the lifetime",
		"s-maxage=10":              "s-maxage forbids it past the lifetime",
		"stale-if-error=5":         "",
		"no-cache, stale-if-error": "",
	} {
		synctest.Test(t, func(t *testing.T) {
			e := newEdge(t, numbered("Cache-Control: max-age=60, "+line, `Etag: "1"`))
			e.read(t)
			synctest.Wait()
			lines := steps(e.explained(t).Pages[0])
			require.Equal(t, says, lines["no stale use"], line)
			require.Equal(t, says == "", lines["stale-if-error"] != "", line)
			require.Equal(t, strings.Contains(line, "no-cache"), lines["no-cache"] != "", line)
		})
	}
}

func TestWhatWouldHappenNowIsExplained(t *testing.T) {
	for _, c := range []struct {
		name    string
		answer  []string
		after   time.Duration
		request []string
		action  string
		status  cache.Status
	}{
		{"fresh", []string{minute}, 0, nil, "serve the stored page", cache.Status{Hit: true, TTL: time.Minute, HasTTL: true}},
		{"stale", []string{minute, `Etag: "1"`}, time.Hour, nil, "ask primary whether the stored page still holds", cache.Status{Fwd: cache.FwdStale}},
		{"stale without validator", []string{minute}, time.Hour, nil, "fetch the page anew: it has nothing to be validated with", cache.Status{Fwd: cache.FwdStale}},
		{"within stale-while-revalidate", []string{"Cache-Control: max-age=60, stale-while-revalidate=60"}, 90 * time.Second, nil,
			"serve the stored page, and fetch it anew behind the reader's back", cache.Status{Hit: true, TTL: -30 * time.Second, HasTTL: true, Detail: cache.DetailStale}},
		{"only if cached", []string{minute}, time.Hour, []string{"Cache-Control: only-if-cached"}, "answer 504: the request wants only what is stored and usable", cache.Status{}},
		{"no-cache in the request", []string{minute, `Etag: "1"`}, 0, []string{"Cache-Control: no-cache"}, "ask primary whether the stored page still holds", cache.Status{Fwd: cache.FwdRequest}},
		{"another variant", []string{minute, "Vary: Accept-Language"}, 0, []string{"Accept-Language: fa"}, "fetch it from an origin, and store it if that is allowed", cache.Status{Fwd: cache.FwdVaryMiss}},
		{"an upgrade", []string{minute}, 0, []string{"Upgrade: websocket"}, "pass it to an origin: it is not for the cache", cache.Status{Fwd: cache.FwdBypass}},
		{"a private answer", []string{"Cache-Control: private"}, 0, nil, "fetch it for this reader alone: the latest answer could not be stored", cache.Status{Fwd: cache.FwdURIMiss, Detail: "uncacheable"}},
		{"a private answer long ago", []string{"Cache-Control: private"}, time.Hour, nil, "fetch it from an origin, and store it if that is allowed", cache.Status{Fwd: cache.FwdURIMiss}},
		{"a part of nothing", []string{"Cache-Control: no-store"}, time.Hour, []string{"Range: bytes=0-1"}, "ask an origin for that part, and store it if that is allowed", cache.Status{Fwd: cache.FwdURIMiss}},
		{"nothing may be stored", []string{"Cache-Control: no-store"}, 0, []string{"Cache-Control: no-store"}, "fetch it for this reader alone: the request forbids storing", cache.Status{Fwd: cache.FwdURIMiss}},
		{"nothing, and no origin", []string{"Cache-Control: no-store"}, 0, []string{"Cache-Control: only-if-cached"}, "answer 504: nothing stored answers the request, and it forbids asking an origin", cache.Status{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdge(t, numbered(c.answer...))
				e.read(t)
				synctest.Wait()
				time.Sleep(c.after)
				x := e.explained(t, c.request...)
				require.Equal(t, c.action, x.Action)
				require.Equal(t, c.status, x.Status)
			})
		})
	}
}

func TestWhyAnAnswerWasNotStoredIsExplained(t *testing.T) {
	for _, c := range []struct {
		status int
		line   string
		reason cache.Reason
		kept   bool // others are expected to be the same
	}{
		{200, "Cache-Control: no-store", cache.ReasonNoStore, true},
		{200, "Cache-Control: private", cache.ReasonPrivate, true},
		{200, "Vary: *", cache.ReasonVaryStar, true},
		{503, "Retry-After: 1", cache.ReasonNoFreshness, false},
		{429, minute, cache.ReasonStatus, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := newEdge(t, always(c.status, "news", c.line))
			e.read(t)
			synctest.Wait()
			x := e.explained(t)
			require.NotNil(t, x.Refused, c.line)
			require.Equal(t, c.reason, x.Refused.Reason, c.line)
			require.Equal(t, c.kept, !x.Refused.Until.IsZero(), c.line)
			e.answers(numbered(minute))
			time.Sleep(time.Hour)
			e.read(t)
			synctest.Wait()
			x = e.explained(t)
			require.Nil(t, x.Refused, "the latest was stored")
			require.Len(t, x.Pages, 1)
		})
	}
}

func TestAnExplanationShowsVariantsAndNoCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, numbered("Cache-Control: public, max-age=60", "Vary: Cookie, Accept-Language", "Cache-Tag: b, a", `Etag: "1"`))
		e.read(t, "Cookie: session=secret", "Accept-Language: fa")
		e.read(t, "Accept-Language: en")
		synctest.Wait()
		x := e.explained(t, "Cookie: session=secret", "Accept-Language: fa")
		require.Len(t, x.Pages, 2)
		require.True(t, x.Pages[1].Chosen)
		require.Equal(t, []cache.Field{{Name: "Accept-Language", Value: "fa"}, {Name: "Cookie", Value: "(not shown)"}}, x.Pages[1].Vary)
		require.Equal(t, []string{"a", "b"}, x.Pages[0].Tags)
		require.NotContains(t, fmt.Sprintf("%+v", x), "secret")
	})
}

func TestAFillUnderWayIsExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := make(chan *stream, 1)
		e := newEdge(t, streaming(streams, 200, -1, minute))
		a := e.get(t)
		defer a.Cursor.Close()
		require.Equal(t, 1, e.explained(t).Fills)
		require.NoError(t, (<-streams).to.Close())
		synctest.Wait()
		require.Zero(t, e.explained(t).Fills)
	})
}

func TestASoftPurgeAndAFailedRefreshAreExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, numbered(minute))
		e.site.Policy.Stale = time.Hour
		e.read(t)
		time.Sleep(10 * time.Second)
		e.purge(t, cache.Purge{Of: cache.Selection{Kind: cache.PurgeURL, Keys: []cache.Key{"gazette /"}}, Soft: true})
		e.answers(down)
		e.read(t)
		time.Sleep(5 * time.Second)
		x := e.explained(t)
		lines := steps(x.Pages[0])
		require.Equal(t, "00:00:10 by a soft purge, or since HEAD found another page in its place", lines["made stale"])
		require.Equal(t, "1m0s max-age in Cache-Control", lines["lifetime"])
		require.Equal(t, "10s its age at that time, if that is less", lines["lifetime left"])
		require.Equal(t, "5s current age - lifetime left", lines["stale for"])
		require.Equal(t, "00:01:10 its refresh failed, or took too long", lines["not asked again until"])
		require.Equal(t, cache.DetailRevived, x.Status.Detail)
	})
}

func TestAHardPurgedPageIsNotExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, numbered(minute))
		e.read(t)
		synctest.Wait()
		e.purge(t, cache.Purge{Of: cache.Selection{Kind: cache.PurgeEverything}})
		require.Empty(t, e.explained(t).Pages, "from the moment on that the purge was begun")
	})
}

func TestThePageOfAnEqualTargetIsExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, numbered(minute, "No-Vary-Search: params"))
		first, second := e.request(http.MethodGet), e.request(http.MethodGet)
		first.Key, second.Key = "gazette /?a=1", "gazette /?a=2"
		e.ask(t, first)
		synctest.Wait()
		x := e.Explain(second)
		require.Equal(t, first.Key, x.Equal)
		require.Equal(t, "serve the stored page", x.Action)
		e.purge(t, cache.Purge{Of: cache.Selection{Kind: cache.PurgeURL, Keys: []cache.Key{second.Key}}})
		require.Zero(t, e.Usage().Pages, "a purge of the one is of the other")
	})
}
