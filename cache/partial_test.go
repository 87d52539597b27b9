package cache_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// strong is the entity tag of the pages in these tests.
const strong = `Etag: "1"`

// cutting is an origin that serves single ranges of a page, and heeds If-Range.
func cutting(page string, lines ...string) answering {
	tag := fields(lines...).Get("Etag")
	return func(a ask) (*http.Response, error) {
		asked, condition := a.Range, a.IfRange.ETag
		if asked == "" && !a.Whole { // the reader's own go along
			asked, condition = a.HTTP.Header.Get("Range"), a.HTTP.Header.Get("If-Range")
		}
		if asked == "" || condition != "" && condition != tag {
			return reply(200, page, lines...), nil
		}
		first, last, _ := strings.Cut(strings.TrimPrefix(asked, "bytes="), "-")
		from, to := number(first), len(page)
		switch {
		case first == "":
			from = max(0, to-number(last))
		case last != "":
			to = min(to, number(last)+1)
		}
		if from >= to {
			return reply(416, "", append(lines, fmt.Sprintf("Content-Range: bytes */%d", len(page)))...), nil
		}
		return reply(206, page[from:to], append(lines, fmt.Sprintf("Content-Range: bytes %d-%d/%d", from, to-1, len(page)))...), nil
	}
}

// number is a number in a Range, 0 where there is none.
func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// readPart asks for a range, and wants the 206 that has these bytes.
func (e *edge) readPart(t testing.TB, page, from, to string) cache.Answer {
	t.Helper()
	a, body := e.read(t, "Range: bytes="+from+"-"+to)
	require.Nil(t, a.Response)
	require.Equal(t, http.StatusPartialContent, a.Rendition.Status)
	first, last := number(from), min(number(to), len(page)-1)
	require.True(t, page[first:last+1] == body, "not the bytes of the page")
	require.Equal(t, fmt.Sprintf("bytes %d-%d/%d", first, last, len(page)), field(a, "Content-Range"))
	require.Equal(t, strconv.Itoa(last+1-first), field(a, "Content-Length"))
	synctest.Wait()
	return a
}

// onEdge runs a test in a bubble, with an edge in front of an origin that answers so.
func onEdge(t *testing.T, answer answering, test func(t *testing.T, e *edge)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, newEdge(t, answer))
		synctest.Wait()
	})
}

func TestAPartIsStoredAndServedAgain(t *testing.T) {
	onEdge(t, cutting("0123456789", minute, strong, "Content-Type: text/plain"), func(t *testing.T, e *edge) {
		missed := e.readPart(t, "0123456789", "2", "6")
		require.Equal(t, cache.Status{Fwd: cache.FwdURIMiss, FwdStatus: 206, Stored: true}, missed.Status)
		require.Equal(t, "bytes=2-6", e.last().Range)
		hit := e.readPart(t, "0123456789", "3", "4")
		require.True(t, hit.Status.Hit, "RFC 9111 §3.3: wholly within what is stored")
		require.Equal(t, cache.Hit, hit.Result)
		require.Equal(t, "text/plain", field(hit, "Content-Type"))
		require.Equal(t, 1, e.fetches())
	})
}

func TestAPartIsNeverServedAsThePage(t *testing.T) {
	onEdge(t, cutting("0123456789", minute), func(t *testing.T, e *edge) {
		e.readPart(t, "0123456789", "2", "6")
		a, body := e.read(t)
		require.Equal(t, http.StatusOK, a.Rendition.Status, "RFC 9111 §3.3")
		require.Equal(t, "0123456789", body)
		require.Empty(t, field(a, "Content-Range"))
		require.Equal(t, "", e.last().Range, "without a strong tag nothing can be combined")
		synctest.Wait()
		head := e.ask(t, e.request(http.MethodHead))
		require.Equal(t, "10", field(head, "Content-Length"))
	})
}

func TestOnlyWhatIsMissingIsAskedFor(t *testing.T) {
	onEdge(t, cutting("0123456789", minute, strong), func(t *testing.T, e *edge) {
		e.readPart(t, "0123456789", "2", "4")
		a := e.readPart(t, "0123456789", "3", "7")
		require.Equal(t, cache.FwdPartial, a.Status.Fwd)
		require.Equal(t, "bytes=5-7", e.last().Range)
		require.Equal(t, `"1"`, e.last().IfRange.ETag, "RFC 9110 §13.1.5")
		require.Equal(t, "primary", e.last().IfRange.Origin)
		e.readPart(t, "0123456789", "2", "7")
		require.Equal(t, 2, e.fetches(), "RFC 9111 §3.4: combined")
	})
}

func TestAPageIsCompletedByItsRest(t *testing.T) {
	onEdge(t, cutting("0123456789", minute, strong), func(t *testing.T, e *edge) {
		e.readPart(t, "0123456789", "0", "6")
		a, body := e.read(t)
		require.Equal(t, http.StatusOK, a.Rendition.Status)
		require.Equal(t, "0123456789", body)
		require.Equal(t, "10", field(a, "Content-Length"))
		require.Equal(t, cache.Status{Fwd: cache.FwdPartial, FwdStatus: 206, Stored: true}, a.Status)
		require.Equal(t, "bytes=7-9", e.last().Range)
		synctest.Wait()
		hit, body := e.read(t)
		require.True(t, hit.Status.Hit)
		require.Equal(t, "0123456789", body)
		require.Equal(t, 2, e.fetches())
	})
}

func TestPartsThatAreAllThereBecomeThePage(t *testing.T) {
	onEdge(t, cutting("0123456789", minute, strong), func(t *testing.T, e *edge) {
		e.readPart(t, "0123456789", "5", "9")
		e.readPart(t, "0123456789", "0", "4")
		a, body := e.read(t)
		require.Equal(t, "0123456789", body)
		require.True(t, a.Status.Hit)
		require.Equal(t, http.StatusOK, a.Rendition.Status)
		require.Equal(t, "10", field(a, "Content-Length"))
		require.Empty(t, field(a, "Content-Range"), "RFC 9110 §15.3.7.3")
		require.Equal(t, 1, e.store.Usage().Pages, "the parts are gone")
	})
}

func TestPartsOfAnotherVersionAreNotCombined(t *testing.T) {
	for _, c := range []struct {
		name, origin string
		later        answering
		body         string
	}{
		{"a 206 with another tag", "primary", func(a ask) (*http.Response, error) {
			a.IfRange = cache.Validators{} // it does not heed it
			return cutting("abcdefghij", minute, `Etag: "2"`)(a)
		}, "abcdefghij"},
		{"a 206 without a tag", "primary", func(a ask) (*http.Response, error) {
			a.IfRange = cache.Validators{}
			return cutting("abcdefghij", minute)(a)
		}, "abcdefghij"},
		{"the same tag of another origin", "alternate", cutting("abcdefghij", minute, strong), "abcdefghij"},
		{"the same tag of another length", "primary", cutting("abcdefghijk", minute, strong), "abcdefghijk"},
		{"a 200", "primary", cutting("abcdefghij", minute, `Etag: "2"`), "abcdefghij"},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEdge(t, cutting("0123456789", minute, strong), func(t *testing.T, e *edge) {
				e.readPart(t, "0123456789", "0", "5")
				e.answersAs(c.origin, false, c.later)
				_, body := e.read(t)
				require.Equal(t, c.body, body)
			})
			onEdge(t, cutting("0123456789", minute, strong), func(t *testing.T, e *edge) {
				e.readPart(t, "0123456789", "0", "5")
				e.answersAs(c.origin, false, c.later)
				_, body := e.read(t, "Range: bytes=3-8")
				require.Contains(t, []string{c.body, c.body[3:9]}, body)
				synctest.Wait()
				_, body = e.read(t, "Range: bytes=0-5")
				require.Equal(t, c.body[:6], body, "the old parts are gone")
			})
		})
	}
}

func TestWhatIsStoredAsAPart(t *testing.T) {
	for _, c := range []struct {
		name   string
		lines  []string
		asking []string
		stored bool
	}{
		{"RFC 9111 §3 with a lifetime", []string{minute}, nil, true},
		{"RFC 9111 §4.2.2 with a guessed one", []string{strong, "Last-Modified: Sun, 01 Mar 1998 12:00:00 GMT"}, nil, true},
		{"RFC 9111 §5.2.2.5 no-store", []string{"Cache-Control: no-store", strong}, nil, false},
		{"RFC 9111 §5.2.2.7 private", []string{"Cache-Control: private, max-age=60", strong}, nil, false},
		{"RFC 9111 §5.2.1.5 no-store of the reader", []string{minute}, []string{"Cache-Control: no-store"}, false},
		{"RFC 9111 §3.5 credentials", []string{minute}, []string{"Authorization: Basic abc"}, false},
		{"RFC 9111 §4.1 Vary: *", []string{minute, "Vary: *"}, nil, false},
		{"coded", []string{minute, "Content-Encoding: gzip"}, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEdge(t, cutting("0123456789", c.lines...), func(t *testing.T, e *edge) {
				for range 2 {
					_, body := e.read(t, append(c.asking, "Range: bytes=2-4")...)
					require.Contains(t, []string{"234", "0123456789"}, body)
					synctest.Wait()
				}
				require.Equal(t, c.stored, e.fetches() == 1)
			})
		})
	}
}

func TestPartsThatTheOriginMadeUpAreOnlyPassedOn(t *testing.T) {
	for _, span := range []string{"", "bytes 3-4/10", "bytes 2-5/10", "bytes 2-4/4", "bytes 4-2/10", "lines 2-4/10", "bytes 2-4", "bytes */10"} {
		t.Run(span, func(t *testing.T) {
			onEdge(t, always(206, "234", minute, strong, "Content-Range: "+span), func(t *testing.T, e *edge) {
				for range 2 {
					a, body := e.read(t, "Range: bytes=2-4")
					require.Equal(t, "234", body)
					require.NotNil(t, a.Response)
				}
				require.Equal(t, 2, e.fetches())
				require.Zero(t, e.store.Usage().Pages)
			})
		})
	}
}

func TestAPartOfUnknownLengthIsServedButNotCompleted(t *testing.T) {
	answer := func(a ask) (*http.Response, error) {
		if a.Range == "bytes=2-4" {
			return reply(206, "234", minute, strong, "Content-Range: bytes 2-4/*"), nil
		}
		return reply(200, "0123456789", minute, strong), nil
	}
	onEdge(t, answer, func(t *testing.T, e *edge) {
		for range 2 {
			a, body := e.read(t, "Range: bytes=2-4")
			require.Equal(t, "234", body)
			require.Equal(t, "bytes 2-4/*", field(a, "Content-Range"))
			synctest.Wait()
		}
		require.Equal(t, 1, e.fetches())
		_, body := e.read(t)
		require.Equal(t, "0123456789", body)
	})
}

func TestA200ToARangeIsStoredWhole(t *testing.T) {
	onEdge(t, always(200, "0123456789", minute, strong), func(t *testing.T, e *edge) {
		a, body := e.read(t, "Range: bytes=2-4")
		require.Equal(t, http.StatusPartialContent, a.Rendition.Status)
		require.Equal(t, "234", body)
		synctest.Wait()
		_, body = e.read(t)
		require.Equal(t, "0123456789", body)
		require.Equal(t, 1, e.fetches())
	})
}

func TestA416IsPassedOnAndForgotten(t *testing.T) {
	onEdge(t, cutting("0123456789", minute, strong), func(t *testing.T, e *edge) {
		for range 2 {
			a, _ := e.read(t, "Range: bytes=20-")
			require.Equal(t, http.StatusRequestedRangeNotSatisfiable, a.Response.StatusCode)
		}
		require.Equal(t, 2, e.fetches())
		e.readPart(t, "0123456789", "2", "4")
		a := e.get(t, "Range: bytes=20-")
		require.Equal(t, "bytes */10", field(a, "Content-Range"), "known from the part")
		require.Equal(t, 3, e.fetches())
	})
}

func TestSeveralRangesOfAPageThatIsNotStoredAreTheOrigins(t *testing.T) {
	onEdge(t, always(206, "parts", minute, "Content-Type: multipart/byteranges; boundary=x"), func(t *testing.T, e *edge) {
		a, body := e.read(t, "Range: bytes=0-1,4-5")
		require.Equal(t, "parts", body)
		require.NotNil(t, a.Response)
		require.Equal(t, "", e.last().Query.Range, "the reader's own goes along")
	})
	onEdge(t, cutting("0123456789", minute, strong), func(t *testing.T, e *edge) {
		e.readPart(t, "0123456789", "2", "7")
		a := e.get(t, "Range: bytes=2-3,5-6")
		require.Equal(t, []span{{"bytes 2-3/10", "23"}, {"bytes 5-6/10", "56"}}, spans(t, a.Rendition))
		require.Equal(t, 1, e.fetches())
	})
}

func TestAStalePartIsAskedForAnewAndRevivesTheOthers(t *testing.T) {
	onEdge(t, cutting("0123456789", minute, strong), func(t *testing.T, e *edge) {
		e.readPart(t, "0123456789", "2", "7")
		time.Sleep(2 * time.Minute)
		a := e.readPart(t, "0123456789", "3", "4")
		require.Equal(t, cache.FwdStale, a.Status.Fwd)
		require.Equal(t, 2, e.fetches())
		require.True(t, e.readPart(t, "0123456789", "2", "7").Status.Hit, "RFC 9111 §3.4: the same version, and the newest header")
		e.answers(cutting("abcdefghij", minute, `Etag: "2"`))
		time.Sleep(2 * time.Minute)
		e.readPart(t, "abcdefghij", "3", "4")
		e.readPart(t, "abcdefghij", "2", "7")
	})
}

func TestAStalePartStandsInForAFailure(t *testing.T) {
	onEdge(t, cutting("0123456789", "Cache-Control: max-age=60, stale-if-error=600", strong), func(t *testing.T, e *edge) {
		e.readPart(t, "0123456789", "2", "7")
		time.Sleep(2 * time.Minute)
		e.answers(down)
		a := e.readPart(t, "0123456789", "3", "4")
		require.Equal(t, cache.Stale, a.Result)
		e.answers(always(503, "sorry"))
		time.Sleep(2 * time.Minute)
		a = e.readPart(t, "0123456789", "3", "4")
		require.Equal(t, cache.Stale, a.Result, "RFC 5861 §4")
		_, err := e.Answer(t.Context(), e.request(http.MethodGet, "Range: bytes=0-9"))
		require.NoError(t, err)
	})
}

func TestRequestsThatWantNoPartOfTheStoredOne(t *testing.T) {
	onEdge(t, cutting("0123456789", minute, strong), func(t *testing.T, e *edge) {
		e.readPart(t, "0123456789", "2", "7")
		_, err := e.Answer(t.Context(), e.request(http.MethodGet, "Range: bytes=0-1", "Cache-Control: only-if-cached"))
		require.ErrorIs(t, err, cache.ErrNotStored, "RFC 9111 §5.2.1.7")
		a := e.get(t, "Range: bytes=2-3", `If-None-Match: "1"`)
		require.Equal(t, http.StatusNotModified, a.Rendition.Status, "RFC 9110 §13.2.2: preconditions come first")
		a = e.get(t, "Range: bytes=2-3", `If-Match: "2"`)
		require.Equal(t, http.StatusPreconditionFailed, a.Rendition.Status)
		require.Equal(t, 1, e.fetches())
		a = e.get(t, "Range: bytes=2-3", `If-Range: "2"`)
		require.NotNil(t, a.Response, "RFC 9110 §13.1.5: the reader has another version")
		a.Response.Body.Close()
		e.readPart(t, "0123456789", "2", "7")
		_, body := e.read(t, "Range: bytes=2-3", "Cache-Control: no-cache")
		require.Equal(t, "23", body)
		require.Equal(t, 3, e.fetches(), "RFC 9111 §5.2.1.4")
	})
}

func TestInvalidationForgetsParts(t *testing.T) {
	onEdge(t, cutting("0123456789", minute, strong), func(t *testing.T, e *edge) {
		e.readPart(t, "0123456789", "2", "7")
		e.Invalidate("gazette /")
		require.Zero(t, e.store.Usage().Pages)
		e.readPart(t, "0123456789", "2", "7")
		require.Equal(t, 2, e.fetches(), "RFC 9111 §4.4")
	})
}
