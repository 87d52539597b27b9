package cache_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// modifiedAgo is a Last-Modified of so long before the time that tests begin at.
func modifiedAgo(ago time.Duration) string {
	begin := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // as package synctest has it
	return "Last-Modified: " + begin.Add(-ago).Format(http.TimeFormat)
}

func TestAnEarlierEditionOfAnotherOriginReplacesNoPage(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		name        string
		held, given []string // beside the lifetime
		origin      string
		replaced    bool
	}{
		{"changed before", []string{modifiedAgo(day)}, []string{modifiedAgo(4 * day)}, "alternate", false},
		{"changed at the same time", []string{modifiedAgo(2 * day)}, []string{modifiedAgo(2 * day)}, "alternate", true},
		{"changed since", []string{modifiedAgo(2 * day)}, []string{modifiedAgo(day)}, "alternate", true},
		{"changed since, from a cache", []string{modifiedAgo(2 * day)}, []string{modifiedAgo(day), "Age: 90000"}, "alternate", true},
		{"taken back by the same origin", []string{modifiedAgo(day)}, []string{modifiedAgo(4 * day)}, "primary", true},
		{"without a date", []string{modifiedAgo(day)}, nil, "alternate", true},
		{"in place of one without a date", nil, []string{modifiedAgo(4 * day)}, "alternate", true},
		{"in place of one changed in the future", []string{modifiedAgo(-day)}, []string{modifiedAgo(4 * day)}, "alternate", true},
		{"made before, as the Age of a cache says", nil, []string{"Age: 90000"}, "alternate", false},
		{"made since, as the Age of a cache says", nil, []string{"Age: 60"}, "alternate", true},
		{"by a slow clock", nil, []string{"Date: " + strings.TrimPrefix(modifiedAgo(day), "Last-Modified: ")}, "alternate", true},
	} {
		for _, stands := range []bool{true, false} {
			t.Run(c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					policy := cache.Policy{}
					if stands {
						policy.Stale = 2 * time.Hour
					}
					e := stored(t, policy, append(c.held, minute)...)
					e.answersAs(c.origin, false, always(200, "other news", append(c.given, "Cache-Control: max-age=100000")...))
					a, body := e.read(t)
					synctest.Wait()
					kept, err := readStored(t, e)
					require.NoError(t, err)
					switch {
					case c.replaced:
						require.Equal(t, "other news", body)
						require.Equal(t, "other news", kept)
						require.True(t, a.Status.Stored)
					case stands:
						require.Equal(t, "news", body)
						require.Equal(t, cache.DetailError, a.Status.Detail)
						require.Equal(t, 200, a.Status.FwdStatus)
						require.Equal(t, "news", kept)
					default:
						require.Equal(t, "other news", body, "better than nothing, to who asks")
						require.Equal(t, string(cache.ReasonOlder), a.Status.Detail)
						require.False(t, a.Status.Stored)
						require.Equal(t, "news", kept)
					}
				})
			})
		}
	}
}

// readStored is the body of the only page that is stored.
func readStored(t *testing.T, e *edge) (string, error) {
	a := cache.Answer{}
	pages := e.store.Pages("gazette /")
	if len(pages) != 1 {
		return "", errDown
	}
	a.Rendition.Body, a.Rendition.Length = pages[0].Body, pages[0].Body.Size()
	return readAll(t.Context(), &a)
}

func TestARefreshFromAnotherOriginDoesNotTakeThePageBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{}, "Cache-Control: max-age=60, stale-while-revalidate=7200", modifiedAgo(time.Hour))
		e.answersAs("alternate", false, always(200, "old news", minute, modifiedAgo(48*time.Hour)))
		for range 3 {
			a, body := e.read(t)
			require.Equal(t, "news", body)
			require.Equal(t, cache.Stale, a.Result)
			synctest.Wait()
		}
		require.Equal(t, 2, e.fetches(), "not repeated at once")
	})
}

func TestAReaderWhoStoresNothingGetsTheLaterEditionThatIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{Stale: 2 * time.Hour}, minute, modifiedAgo(time.Hour))
		e.answersAs("alternate", false, always(200, "old news", minute, modifiedAgo(48*time.Hour)))
		_, body := e.read(t, "Cache-Control: no-store")
		require.Equal(t, "news", body)
	})
}

func TestAHardPurgeMakesRoomForAnEarlierEdition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stored(t, cache.Policy{Stale: 2 * time.Hour}, minute, modifiedAgo(time.Hour))
		e.answersAs("alternate", false, always(200, "old news", minute, modifiedAgo(48*time.Hour)))
		e.Invalidate("gazette /")
		e.read(t)
		synctest.Wait()
		a, body := e.read(t)
		require.Equal(t, "old news", body)
		require.Equal(t, cache.Hit, a.Result)
	})
}

func TestAnEarlierEditionOfAnotherOriginSpoilsNoPart(t *testing.T) {
	const page, old = "0123456789", "abcdefghij"
	for _, fresh := range []bool{true, false} {
		for _, asked := range []string{"0-4", "2-6", ""} {
			t.Run(asked, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e := newEdge(t, cutting(page, minute, strong, modifiedAgo(time.Hour)))
					e.site.Policy.Stale = 2 * time.Hour
					e.readPart(t, page, "0", "4")
					synctest.Wait()
					if !fresh {
						time.Sleep(time.Hour)
					}
					e.answersAs("alternate", false, cutting(old, minute, `Etag: "2"`, modifiedAgo(48*time.Hour)))
					var lines []string
					if asked != "" {
						lines = []string{"Range: bytes=" + asked}
					}
					_, body := e.read(t, lines...)
					switch asked {
					case "0-4":
						require.Equal(t, page[:5], body)
					case "2-6":
						require.Contains(t, []string{old[2:7], old}, body, "all of it is of one edition")
					default:
						require.Equal(t, old, body)
					}
					synctest.Wait()
					e.answersAs("primary", false, down)
					_, body = e.read(t, "Range: bytes=0-4")
					if asked == "" && !fresh { // it is not asked whether the whole is later than a part that is of no use to it
						return
					}
					require.Equal(t, page[:5], body)
				})
			})
		}
	}
}

func TestAnAnswerThatJudgesTheRequestSpoilsNoPage(t *testing.T) {
	for _, c := range []struct {
		status int
		lines  string
		kept   bool
	}{
		{400, "", true}, {403, "Cache-Control: no-store", true}, {405, `Etag: "a"`, true}, {406, "Cache-Control: no-cache", true},
		{413, "Cache-Control: max-age=0", true}, {414, `Etag: "a"`, true}, {415, "Expires: 0", true}, {417, "", true}, {422, "", true}, {431, "", true},
		{501, `Etag: "a"`, true}, {505, "", true}, {400, "Cache-Control: max-age=60, private", true},
		{403, minute, false}, {404, "", false}, {410, "", false}, {404, `Etag: "a"`, false},
	} {
		t.Run(http.StatusText(c.status)+" "+c.lines, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var lines []string
				if c.lines != "" {
					lines = append(lines, c.lines)
				}
				e := newEdge(t, always(200, "news", minute))
				e.read(t)
				synctest.Wait()
				e.answers(always(c.status, "no", lines...))
				_, body := e.read(t, "Cache-Control: no-cache")
				require.Equal(t, "no", body, "RFC 9111 §4.3.3: to who asked")
				synctest.Wait()
				e.answers(always(200, "more news", minute))
				a, body := e.read(t)
				if !c.kept {
					require.NotEqual(t, "news", body)
					return
				}
				require.Equal(t, "news", body)
				require.Equal(t, cache.Hit, a.Result)

				time.Sleep(time.Hour)
				e.read(t)
				synctest.Wait()
				require.Equal(t, cache.Hit, e.get(t).Result, "and others are not kept from the cache")
			})
		})
	}
}

func TestAnAnswerThatJudgesARequestForAHeaderEndsNoPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, always(200, "news", minute))
		e.read(t)
		synctest.Wait()
		e.answers(always(400, ""))
		a := e.ask(t, e.request(http.MethodHead, "Cache-Control: no-cache"))
		require.Equal(t, 400, a.Response.StatusCode)
		require.Equal(t, cache.Hit, e.get(t).Result)
	})
}
