package origin

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

// digest is an entity tag as those have that are made of the content.
const digest = `"d41d8cd98f00b204e9800998ecf8427e"`

func TestOnlyADigestTellsThatTwoOriginsPagesAreEqual(t *testing.T) {
	for _, test := range []struct {
		kind, tag string
		elsewhere bool
	}{
		{"video/mp4", `"65e1c2a0-4e200"`, true},
		{"image/png", `"65e1c2a0-4e200"`, true},
		{"image/svg+xml", `"65e1c2a0-4e200"`, false},
		{"audio/x-mpegurl", `"65e1c2a0-4e200"`, false},
		{"text/html", `"65e1c2a0-4e200"`, false},
		{"text/html", `"9a7c0-4e200-5f3e1b2a4c5d6e-gzip"`, false},
		{"text/html", `"rvlj3b1qk9d2tz4e0w8"`, false},
		{"application/json", `"1d3a8f5c2b6e7f0:0"`, false},
		{"", `"65e1c2a0-4e200"`, false},
		{"text/html", digest, true},
		{"text/css", `"1B2M2Y8AsgTpgAmY7PhCfg=="`, true},
	} {
		response := &http.Response{StatusCode: 200, ContentLength: 9, Header: http.Header{"Etag": {test.tag}, "Content-Type": {test.kind}}}
		v, ok := validatorOf(response)
		require.True(t, ok, test.tag)
		require.Equal(t, test.elsewhere, v.elsewhere, "%s %s", test.kind, test.tag)
	}
}

// issue is one origin's copy of a long page, in which it names itself or not.
func issue(tag, host string, stops bool) http.HandlerFunc {
	body := page + strings.Repeat("<p>High water at noon.", 10_000) + "<a href='https://" + host + "/'>More</a>"
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", tag)
		w.Header().Set("Content-Type", "text/html")
		if stops {
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			w.Write([]byte(body[:40_000]))
			http.NewResponseController(w).Flush()
			hang(w, r)
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(body))
	}
}

func TestAPageThatStopsIsGoneOnWithWhereItsTagIsADigest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, issue(digest, "gazette.example", true), issue(digest, "gazette.example", false))
		got, err := s.fetch()
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(readAll(t, got), "More</a>"))
		require.Contains(t, s.seen.of("a"), health.BodyStalled)

		s = newScene(t, issue(`"65e1c2a0-4e200"`, "a.gazette.example", true), issue(`"65e1c2a0-4e200"`, "b.gazette.example", false))
		got, err = s.fetch()
		require.NoError(t, err)
		text, err := io.ReadAll(got.Response.Body)
		require.Error(t, err, "its end would be another page's")
		require.Len(t, text, 40_000)
		require.NoError(t, got.Response.Body.Close())
		require.Zero(t, s.at["b"].requests.Load())
	})
}

// chunked is a part of the film without a length of its own, cut or lengthened by some bytes.
func chunked(more int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var from int
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
		w.Header().Set("Etag", tag)
		w.Header().Set("Content-Type", "video/mp4")
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(film)-1, len(film)))
		w.WriteHeader(http.StatusPartialContent)
		http.NewResponseController(w).Flush()
		w.Write(append(film[:len(film):len(film)], film...)[from : len(film)+more])
	}
}

func TestAPartWithoutALengthEndsWhereThePageDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, edition{tag, film, 100_000, breakOff}.ServeHTTP, chunked(1000))
		require.Equal(t, string(film), readAll(t, s.film()))
		require.Equal(t, []health.Class{health.OK}, s.seen.of("b"))

		s = newScene(t, edition{tag, film, 100_000, breakOff}.ServeHTTP, chunked(-1000), edition{etag: tag, body: film}.ServeHTTP)
		told := s.resumes()
		require.Equal(t, string(film), readAll(t, s.film()))
		require.Equal(t, []string{"a>b@100000", fmt.Sprintf("b>c@%d", len(film)-1000)}, *told)
		require.Equal(t, []health.Class{health.OK, health.BodyTruncated}, s.seen.of("b"))

		s = newScene(t, edition{tag, film, 100_000, breakOff}.ServeHTTP, chunked(-1000))
		got := s.film()
		text, err := io.ReadAll(got.Response.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.Len(t, text, len(film)-1000)
		require.NoError(t, got.Response.Body.Close())
	})
}

func TestAStallThatEndsByItselfCostsNoTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stalling := func(w http.ResponseWriter, r *http.Request) {
			for at := 80_000; at < 160_000; at += 40_000 {
				time.Sleep(stallTime + stallTime/2)
				w.Write(film[at : at+40_000])
				http.NewResponseController(w).Flush()
			}
			breakOff(w, r)
		}
		var asked int
		s := newScene(t, edition{tag, film, 80_000, stalling}.ServeHTTP, func(w http.ResponseWriter, r *http.Request) {
			if asked++; asked < 3 {
				time.Sleep(stallTime)
			}
			edition{etag: tag, body: film}.ServeHTTP(w, r)
		})
		require.Equal(t, string(film), readAll(t, s.film()))
		require.Equal(t, 3, asked)
	})
}

func TestAContinuationThatAsksToBeLeftAloneIsHeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, edition{tag, film, 100_000, breakOff}.ServeHTTP, refusing(429, "Retry-After", "60"), edition{etag: tag, body: film}.ServeHTTP)
		require.Equal(t, string(film), readAll(t, s.film()))
		require.True(t, s.at["b"].origin.resting(time.Now().Add(59*time.Second)))
		require.False(t, s.at["b"].origin.resting(time.Now().Add(61*time.Second)))
		require.Equal(t, string(film), readAll(t, s.film()))
		require.EqualValues(t, 1, s.at["b"].requests.Load())
	})
}

func TestWhatOnlyItsOriginCanGoOnWithIsAskedOfNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, servePage, servePage)
		b := &resumable{pool: s.pool, attempt: &attempt{place: 0}}
		require.Equal(t, -1, b.successor(health.BodyStalled))
		require.Equal(t, 0, b.successor(health.StreamReset), "by HTTP/1.1, where HTTP/2 broke")
		b.asked = []int{0}
		require.Equal(t, -1, b.successor(health.StreamReset))
		b.page.elsewhere = true
		require.Equal(t, 1, b.successor(health.StreamReset))
	})
}
