package cache_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

func TestWhoShowsCredentialsGetsOnlyWhatIsMadeForSeveral(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		hit   bool
	}{
		{"§3.5 a lifetime alone", []string{"Cache-Control: max-age=60"}, false},
		{"§3.5 public", []string{"Cache-Control: public, max-age=60"}, true},
		{"§3.5 s-maxage", []string{"Cache-Control: s-maxage=60"}, true},
		{"§3.5 must-revalidate", []string{"Cache-Control: must-revalidate, max-age=60"}, true},
		{"§3.5 proxy-revalidate", []string{"Cache-Control: proxy-revalidate, max-age=60"}, false},
		{"RFC 9213 §2.2 public for CDNs", []string{"CDN-Cache-Control: public, max-age=60", "Cache-Control: max-age=60"}, true},
		{"RFC 9213 §2.2 public for others only", []string{"CDN-Cache-Control: max-age=60", "Cache-Control: public, max-age=60"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdge(t, always(200, "news", c.lines...))
				e.read(t)
				synctest.Wait()
				a, _ := e.read(t, "Authorization: Basic eA==")
				require.Equal(t, c.hit, a.Result == cache.Hit)
				synctest.Wait()
				require.Equal(t, cache.Hit, e.get(t).Result, "for everybody else")
			})
		})
	}
}

func TestWhatIsWithheldGoesToTheReaderWhoAskedForItAlone(t *testing.T) {
	for _, control := range []string{`private="X-Reader, Set-Cookie"`, `no-cache="x-reader, set-cookie"`} {
		t.Run("§3.1 "+control, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdge(t, always(200, "news", "Cache-Control: max-age=60, "+control, "X-Reader: 1", "X-All: 2",
					"Set-Cookie: a=b", "Set-Cookie: c=d", `Etag: "1"`))
				a, _ := e.read(t)
				require.Equal(t, "1", field(a, "X-Reader"))
				require.Equal(t, "a=b, c=d", field(a, "Set-Cookie"))
				synctest.Wait()
				a, _ = e.read(t)
				require.Equal(t, cache.Hit, a.Result)
				require.Empty(t, field(a, "X-Reader"))
				require.Empty(t, field(a, "Set-Cookie"))
				require.Equal(t, "2", field(a, "X-All"))

				time.Sleep(2 * time.Minute)
				e.answers(always(304, "", "Cache-Control: max-age=60, "+control, "X-Reader: 3", `Etag: "1"`))
				a, _ = e.read(t)
				require.Equal(t, cache.Revalidated, a.Result)
				require.Equal(t, "3", field(a, "X-Reader"))
				synctest.Wait()
				require.Empty(t, field(e.get(t), "X-Reader"))
			})
		})
	}
}

func TestOfSeveralPagesTheMostRecentIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		day := "Cache-Control: max-age=86400"
		e := newEdge(t, always(200, "old", day, "Vary: X-A", "Date: "+time.Now().UTC().Format(httpDate)))
		e.read(t, "X-A: 1")
		synctest.Wait()
		time.Sleep(time.Minute)
		e.answers(always(200, "new", day, "Date: "+time.Now().UTC().Format(httpDate)))
		e.read(t, "X-A: 2") // stored, and answers every request
		synctest.Wait()
		_, body := e.read(t, "X-A: 1")
		require.Equal(t, "new", body, "§4: by the Date")
		require.Equal(t, 2, e.fetches())
	})
}

func TestARequestsOwnStaleIfErrorAllowsWhatNothingElseDoes(t *testing.T) {
	for _, c := range []struct {
		name, page, request string
		stale               bool
	}{
		{"RFC 5861 §4 without it", "max-age=60", "", false},
		{"RFC 5861 §4 within it", "max-age=60", "stale-if-error=7200", true},
		{"RFC 5861 §4 beyond it", "max-age=60", "stale-if-error=60", false},
		{"RFC 5861 §4 more than the page's", "max-age=60, stale-if-error=1", "stale-if-error=7200", true},
		{"RFC 5861 §4 less than the page's takes nothing away", "max-age=60, stale-if-error=7200", "stale-if-error=0", true},
		{"§4.2.4 not against must-revalidate", "max-age=60, must-revalidate", "stale-if-error=7200", false},
		{"§4.2.4 not against s-maxage", "s-maxage=60", "stale-if-error=7200", false},
		{"§4.2.4 not against no-cache", "max-age=60, no-cache", "stale-if-error=7200", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := stored(t, cache.Policy{}, "Cache-Control: "+c.page, `Etag: "1"`)
				e.answers(always(503, "sorry"))
				a, _ := e.read(t, "Cache-Control: "+c.request)
				require.Equal(t, c.stale, a.Result == cache.Stale)
			})
		})
	}
}

// httpDate is the form of the Date field.
const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT"
