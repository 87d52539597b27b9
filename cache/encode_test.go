package cache_test

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/cache/memory"
)

func TestAPageInEveryCodingIsThePage(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 3))
		text := article(leastCoded+random.IntN(100<<10), seed)
		if seed%3 == 0 {
			text += noise(random.IntN(4 << 10))
		}
		e := keeping(t, text, "Content-Type: application/json")
		for _, coding := range []string{"gzip", "br", "zstd"} {
			_, body := e.read(t, "Accept-Encoding: "+coding)
			require.Equal(t, text, decoded(t, coding, body), "%s %d", coding, seed)
		}
	}
}

// leastCoded is the shortest body that is coded.
const leastCoded = 256

func TestTheFirstReaderGetsCodedBytesAsTheyArrive(t *testing.T) {
	for _, coding := range []string{"gzip", "br", "zstd"} {
		t.Run(coding, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				streams := make(chan *stream, 1)
				e := newEdge(t, streaming(streams, 200, -1, minute, html, `Etag: "v1"`))
				answers := make(chan cache.Answer, 1)
				go func() { answers <- e.get(t, "Accept-Encoding: "+coding) }()
				origin := <-streams
				text := article(3000, 10)
				origin.send(t, text[:1000])
				a := <-answers
				defer a.Cursor.Close()
				require.Equal(t, coding, field(a, "Content-Encoding"))
				require.Equal(t, `W/"v1"`, field(a, "Etag"))
				require.Equal(t, "Accept-Encoding", field(a, "Vary"))
				require.Empty(t, field(a, "Content-Length"))
				require.EqualValues(t, -1, a.Rendition.Length)
				var got bytes.Buffer
				for end := 1000; ; end += 1000 {
					for { // all there is for now
						synctest.Wait()
						plain, _ := undo(coding, bytes.NewReader(got.Bytes()))
						if len(plain) >= end {
							require.Equal(t, text[:end], plain, "nobody waits for what has arrived")
							break
						}
						chunk, err := a.Cursor.Next(t.Context())
						require.NoError(t, err)
						got.Write(chunk)
					}
					if end == len(text) {
						break
					}
					origin.send(t, text[end:end+1000])
				}
				require.NoError(t, origin.to.Close())
				rest, err := readAll(t.Context(), &a)
				require.NoError(t, err)
				require.Equal(t, text, decoded(t, coding, got.String()+rest))
				synctest.Wait()
				hit, body := e.read(t)
				require.Equal(t, cache.Hit, hit.Result)
				require.Equal(t, text, body, "what is stored is identity")
				require.Equal(t, `"v1"`, field(hit, "Etag"))
				require.Equal(t, "Accept-Encoding", field(hit, "Vary"))
			})
		})
	}
}

func TestAShortBodyOfUnknownLengthStaysAsItCame(t *testing.T) {
	for _, ends := range []bool{true, false} { // at once, or after a while
		synctest.Test(t, func(t *testing.T) {
			streams := make(chan *stream, 1)
			e := newEdge(t, streaming(streams, 200, -1, minute, html, `Etag: "v1"`))
			answers := make(chan cache.Answer, 1)
			go func() { answers <- e.get(t, "Accept-Encoding: gzip") }()
			origin := <-streams
			origin.send(t, "a short page")
			if ends {
				require.NoError(t, origin.to.Close())
			}
			a := <-answers
			if !ends {
				require.NoError(t, origin.to.Close())
			}
			body, err := readAll(t.Context(), &a)
			require.NoError(t, err)
			require.Equal(t, "a short page", body)
			require.Empty(t, field(a, "Content-Encoding"))
			require.Equal(t, `"v1"`, field(a, "Etag"))
			require.Empty(t, field(a, "Vary"))
			synctest.Wait()
		})
	}
}

func TestAReaderWhoLeavesEndsItsEncoder(t *testing.T) {
	e := newEdge(t, nil)
	streams := make(chan *stream, 1)
	e.answers(streaming(streams, 200, 100<<10, minute, html))
	a := e.get(t, "Accept-Encoding: br")
	origin := <-streams
	a.Cursor.Close()
	a.Cursor.Close()
	_, err := a.Cursor.Next(t.Context())
	require.Error(t, err)
	require.NoError(t, origin.to.Close())
}

func TestManyFollowersEachGetTheirCoding(t *testing.T) {
	text := article(300<<10, 11)
	e := newEdge(t, nil)
	streams := make(chan *stream, 1)
	e.answers(streaming(streams, 200, int64(len(text)), minute, html))
	accepts := []string{"gzip", "br", "zstd", "identity"}
	bodies := make([]string, 40)
	var readers sync.WaitGroup
	for i := range bodies {
		readers.Go(func() {
			a, err := e.Answer(t.Context(), e.request(http.MethodGet, "Accept-Encoding: "+accepts[i%4]))
			if err != nil {
				t.Error(err)
				return
			}
			if bodies[i], err = readAll(t.Context(), &a); err != nil {
				t.Error(err)
			}
		})
	}
	origin := <-streams
	for i := 0; i < len(text); i += 10 << 10 {
		origin.send(t, text[i:min(len(text), i+10<<10)])
	}
	require.NoError(t, origin.to.Close())
	readers.Wait()
	for i, body := range bodies {
		require.Equal(t, text, decoded(t, accepts[i%4], body))
	}
	require.Equal(t, 1, e.fetches())
}

func TestALargePageIsCodedAsItLeaves(t *testing.T) {
	text := strings.Repeat(article(1<<20, 12), 9)
	e := newEdgeOf(t, 256<<20, 64<<20, always(200, text, minute, html))
	e.read(t)
	e.waitStored(t, 1)
	before := e.Usage().Bytes
	for range 2 {
		a, body := e.read(t, "Accept-Encoding: zstd")
		require.Equal(t, cache.Hit, a.Result)
		require.Equal(t, "zstd", field(a, "Content-Encoding"))
		require.True(t, text == decoded(t, "zstd", body))
	}
	require.Equal(t, before, e.Usage().Bytes, "nothing of it is kept")
}

func TestAClosedCacheServesIdentity(t *testing.T) {
	text := article(5000, 13)
	e := keeping(t, text, html)
	e.Close()
	a, body := e.read(t, "Accept-Encoding: br")
	require.Equal(t, text, body)
	require.Empty(t, field(a, "Content-Encoding"))
}

func TestWhenTooManyAreCodedAtOnceTheOthersGetIdentity(t *testing.T) {
	text := article(20<<10, 16)
	e := newEdge(t, nil)
	streams := make(chan *stream, 1)
	e.answers(streaming(streams, 200, int64(len(text)), minute, html, `Etag: "v1"`))
	var coded, plain []cache.Answer
	for range 200 {
		a := e.get(t, "Accept-Encoding: zstd")
		if field(a, "Content-Encoding") == "" {
			plain = append(plain, a)
			continue
		}
		require.Empty(t, plain, "not before the limit")
		coded = append(coded, a)
	}
	require.Len(t, coded, 128)
	coded[0].Cursor.Close()
	again := e.get(t, "Accept-Encoding: zstd")
	require.Equal(t, "zstd", field(again, "Content-Encoding"), "one has ended")
	origin := <-streams
	origin.send(t, text)
	require.NoError(t, origin.to.Close())
	for _, a := range append(append(coded[1:], plain...), again) {
		body, err := readAll(t.Context(), &a)
		require.NoError(t, err)
		require.Equal(t, text, decoded(t, field(a, "Content-Encoding"), body))
		require.Equal(t, "Accept-Encoding", field(a, "Vary"))
	}
}

// crowded is a store that has no room for renditions until it is said to.
type crowded struct {
	*memory.Store
	room *atomic.Bool
}

// Grow implements cache.Store.
func (c crowded) Grow(page *cache.Page, n int64) bool { return c.room.Load() && c.Store.Grow(page, n) }

func TestWhereTheStoreHasNoRoomARenditionIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := article(20<<10, 8)
		e := newEdge(t, always(200, text, "Cache-Control: max-age=86400", html, `Etag: "v1"`))
		e.Close()
		store := crowded{e.store, new(atomic.Bool)}
		e.Cache = cache.New(cache.Options{Store: store, MaxPage: 1 << 20})
		defer e.Cache.Close()
		e.read(t)
		synctest.Wait()
		before := e.Usage().Bytes
		for i := range 3 {
			a, body := e.read(t, "Accept-Encoding: br")
			require.Equal(t, cache.Hit, a.Result)
			require.Equal(t, "br", field(a, "Content-Encoding"), "the reader gets it all the same")
			require.Equal(t, `W/"v1"`, field(a, "Etag"))
			require.Equal(t, text, decoded(t, "br", body))
			require.Equal(t, i > 0, a.Cursor != nil, "made once, then for each as it leaves")
		}
		require.Equal(t, before, e.Usage().Bytes)
		store.room.Store(true)
		time.Sleep(59 * time.Second)
		a, _ := e.read(t, "Accept-Encoding: br")
		require.NotNil(t, a.Cursor)
		time.Sleep(time.Second)
		for range 2 {
			a, body := e.read(t, "Accept-Encoding: br")
			require.Nil(t, a.Cursor, "there is room by now")
			require.Equal(t, text, decoded(t, "br", body))
		}
		require.Greater(t, e.Usage().Bytes, before)
	})
}
