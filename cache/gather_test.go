package cache_test

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestALargePageIsFetchedInSlices(t *testing.T) {
	const slice = 1 << 20
	page := strings.Repeat("0123456789abcdef", 3*slice/16) + "the end"
	synctest.Test(t, func(t *testing.T) {
		e := newEdgeOf(t, 64<<20, 2*slice, cutting(page, minute, strong))
		e.readPart(t, page, "100", "199")
		require.Equal(t, "bytes=100-199", e.last().Range, "before anything is known")
		e.readPart(t, page, "1500000", "1500099")
		require.Equal(t, "bytes=1048576-2097151", e.last().Range)
		e.readPart(t, page, "2000000", "2000099")
		require.Equal(t, 2, e.fetches())
		e.readPart(t, page, "150", "1048580")
		require.Equal(t, "bytes=0-1048575", e.last().Range)
		e.readPart(t, page, "3145730", "4000000")
		require.Equal(t, "bytes=3145728-3145734", e.last().Range)
		require.LessOrEqual(t, e.store.Usage().Bytes, int64(2*slice+10_000), "no more of it than one page may have")

		a, body := e.read(t, "Range: bytes=10-")
		require.True(t, page[10:] == body)
		require.NotNil(t, a.Response, "more than is ever stored")
		require.Equal(t, "", e.last().Query.Range)
	})
}

func TestAPartTooLargeToStoreKeepsNoOtherOut(t *testing.T) {
	page := strings.Repeat("x", 3<<20)
	synctest.Test(t, func(t *testing.T) {
		e := newEdgeOf(t, 64<<20, 2<<20, cutting(page, minute, strong))
		a, body := e.read(t, "Range: bytes=0-")
		require.NotNil(t, a.Response)
		require.Len(t, body, len(page))
		e.readPart(t, page, "0", "9")
		require.True(t, e.readPart(t, page, "0", "9").Status.Hit)
	})
}

func TestReadersOfMoreThanIsStoredDoNotQueue(t *testing.T) {
	page := strings.Repeat("x", 3<<20)
	for name, asked := range map[string]string{"open-ended": "bytes=0-", "a suffix": "bytes=-3000000"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdgeOf(t, 64<<20, 2<<20, func(a ask) (*http.Response, error) {
					time.Sleep(time.Second)
					return cutting(page, minute, strong)(a)
				})
				for _, most := range []time.Duration{2 * time.Second, time.Second} { // one round, once
					began := time.Now()
					waits := make(chan time.Duration, 8)
					for range 8 {
						go func() {
							a, err := e.Answer(t.Context(), e.request(http.MethodGet, "Range: "+asked))
							if err == nil {
								_, err = readAll(t.Context(), &a)
							}
							if err != nil {
								t.Error(err)
							}
							waits <- time.Since(began)
						}()
					}
					for range 8 {
						require.LessOrEqual(t, <-waits, most)
					}
				}
				a := e.get(t, "Range: "+asked)
				require.Equal(t, "too_large", a.Status.Detail)
				require.Equal(t, "too_large", e.Explain(e.request(http.MethodGet, "Range: "+asked)).Status.Detail)
				require.NoError(t, a.Response.Body.Close())
				e.readPart(t, page, "3000000", "3000009")
				require.Equal(t, "bytes=2097152-3145727", e.last().Range, "a slice: the length is known")
				_, body := e.read(t, "Range: bytes=3000000-")
				require.Len(t, body, len(page)-3000000)
				require.Equal(t, "bytes=2097152-3145727", e.last().Range, "what is short enough comes from the slices")
			})
		})
	}
}

func TestAReaderWhomAPartIsNotForWaitsForNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, func(ask) (*http.Response, error) {
			time.Sleep(time.Second)
			return reply(206, "234", minute, strong, "Content-Range: bytes 3-5/10"), nil // another part than was asked for
		})
		began := time.Now()
		waits := make(chan time.Duration, 8)
		for range 8 {
			go func() {
				if a, err := e.Answer(t.Context(), e.request(http.MethodGet, "Range: bytes=2-4")); err == nil {
					a.Response.Body.Close()
				}
				waits <- time.Since(began)
			}()
		}
		for range 8 {
			require.LessOrEqual(t, <-waits, 2*time.Second)
		}
	})
}

func TestTwoReadersOfASliceAskOnce(t *testing.T) {
	page := strings.Repeat("x", 3<<20)
	synctest.Test(t, func(t *testing.T) {
		e := newEdgeOf(t, 64<<20, 2<<20, cutting(page, minute, strong))
		e.readPart(t, page, "0", "9")
		e.answers(func(a ask) (*http.Response, error) {
			time.Sleep(time.Second)
			return cutting(page, minute, strong)(a)
		})
		sizes := make(chan int, 3)
		for _, asked := range []string{"bytes=1100000-1100009", "bytes=1200000-1200019", "bytes=1300000-1300029"} {
			go func() {
				a, err := e.Answer(t.Context(), e.request(http.MethodGet, "Range: "+asked))
				if err != nil {
					sizes <- 0
					return
				}
				body, _ := readAll(t.Context(), &a)
				sizes <- len(body)
			}()
		}
		require.Equal(t, 60, <-sizes+<-sizes+<-sizes)
		require.Equal(t, 2, e.fetches())
	})
}

func TestAReaderWhoLeavesAPartDoesNotSpoilIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := make(chan *stream, 1)
		e := newEdge(t, streaming(streams, 206, 5, minute, strong, "Content-Range: bytes 2-6/10"))
		a := e.get(t, "Range: bytes=2-6")
		origin := <-streams
		origin.send(t, "23")
		a.Cursor.Close()
		origin.send(t, "456")
		require.NoError(t, origin.to.Close())
		synctest.Wait()
		require.True(t, e.readPart(t, "0123456789", "2", "6").Status.Hit)
	})
}

func TestABrokenBodyIsKeptAsAPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := make(chan *stream, 1)
		e := newEdge(t, streaming(streams, 200, 10, minute, strong))
		a := e.get(t)
		origin := <-streams
		origin.send(t, "012345")
		origin.to.CloseWithError(errors.New("reset"))
		_, err := readAll(t.Context(), &a)
		require.ErrorContains(t, err, "reset")
		synctest.Wait()
		e.answers(cutting("0123456789", minute, strong))
		_, body := e.read(t)
		require.Equal(t, "0123456789", body)
		require.Equal(t, "bytes=6-9", e.last().Range, "RFC 9111 §3.3")
	})
	synctest.Test(t, func(t *testing.T) {
		streams := make(chan *stream, 1)
		e := newEdge(t, streaming(streams, 206, 5, minute, strong, "Content-Range: bytes 2-6/10"))
		a := e.get(t, "Range: bytes=2-6")
		origin := <-streams
		origin.send(t, "234")
		origin.to.CloseWithError(errors.New("reset"))
		_, err := readAll(t.Context(), &a)
		require.ErrorContains(t, err, "reset")
		synctest.Wait()
		e.answers(cutting("0123456789", minute, strong))
		e.readPart(t, "0123456789", "2", "6")
		require.Equal(t, "bytes=5-6", e.last().Range)
	})
}

func TestPartsGluedTogetherEqualThePage(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 2))
			text := make([]byte, 2+random.IntN(3000))
			for i := range text {
				text[i] = byte(random.Uint32())
			}
			page := string(text)
			e := newEdge(t, cutting(page, minute, strong))
			for range 1 + random.IntN(20) {
				from := random.IntN(len(page))
				to := from + random.IntN(len(page)/4+1)
				e.readPart(t, page, strconv.Itoa(from), strconv.Itoa(to))
			}
			a, body := e.read(t)
			require.Equal(t, page, body)
			require.Equal(t, http.StatusOK, a.Rendition.Status)
			synctest.Wait()
			before := e.fetches()
			from := random.IntN(len(page))
			e.readPart(t, page, strconv.Itoa(from), strconv.Itoa(len(page)-1))
			require.Equal(t, before, e.fetches(), "all of it is there")
		})
	}
}
