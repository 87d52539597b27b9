package cache_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

func TestABodyThatBreaksOffIsNotStored(t *testing.T) {
	for _, c := range []struct {
		name     string
		declared int64
		end      error // of the origin's connection; nil is a clean end
	}{
		{"in the middle of chunks", -1, io.ErrUnexpectedEOF},
		{"before its declared length", 10, io.ErrUnexpectedEOF},
		{"cleanly, but before its declared length", 10, nil},
		{"after more than its declared length", 3, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				streams := make(chan *stream, 1)
				e := newEdge(t, streaming(streams, 200, c.declared, minute))
				readers := []cache.Answer{e.get(t), e.get(t)}
				origin := <-streams
				go func() {
					_, _ = io.WriteString(origin.to, "half")
					origin.to.CloseWithError(c.end)
				}()
				for i := range readers {
					got, err := readAll(t.Context(), &readers[i])
					require.Error(t, err, "no reader takes it for the whole")
					require.NotEqual(t, io.EOF, err)
					require.True(t, strings.HasPrefix("half", got))
				}
				synctest.Wait()
				require.True(t, origin.closed.Load())
				require.Zero(t, e.Usage().Bytes)
				require.EqualValues(t, 1, e.Counters().FillAborts.Load())

				e.answers(always(200, "whole", minute))
				_, body := e.read(t)
				require.Equal(t, "whole", body, "the next reader begins anew")
			})
		})
	}
}

// endless is a body that counts what was read of it and never ends by itself.
type endless struct {
	context.Context
	begin <-chan struct{} // nothing arrives before it is closed
	limit int64
	read  atomic.Int64
}

// Read implements io.Reader.
func (b *endless) Read(p []byte) (int, error) {
	<-b.begin
	if err := b.Err(); err != nil {
		return 0, err
	}
	left := b.limit - b.read.Load()
	if left <= 0 {
		return 0, io.EOF
	}
	n := min(len(p), int(left))
	b.read.Add(int64(n))
	return n, nil
}

// Close implements io.Closer.
func (b *endless) Close() error { return nil }

// pouring answers with bodies of size bytes whose length is not declared.
func pouring(bodies chan<- *endless, begin <-chan struct{}, size int64) answering {
	return func(a ask) (*http.Response, error) {
		b := &endless{Context: a.Context, begin: begin, limit: size}
		bodies <- b
		response := replyOf(200, -1, minute)
		response.Body = b
		return response, nil
	}
}

func TestABodyThatTurnsOutTooLargePassesInAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const maxPage, size = 256 << 10, 16 << 20
		const window = 1<<20 + 64<<10 // and one chunk
		bodies, begin := make(chan *endless, 4), make(chan struct{})
		e := newEdgeOf(t, 64<<20, maxPage, pouring(bodies, begin, size))
		leader, follower := e.get(t), e.get(t)
		close(begin)
		origin := <-bodies
		synctest.Wait()
		require.LessOrEqual(t, origin.read.Load(), int64(window), "nobody reads")
		require.Zero(t, e.Usage().Bytes, "the store's budget is given back")

		late := e.get(t)
		require.NotNil(t, late.Response, "who comes now fetches alone")
		require.False(t, e.last().Whole)
		require.NoError(t, late.Response.Body.Close())

		var read int64
		for _, a := range []cache.Answer{leader, follower} {
			for range 20 {
				p, err := a.Cursor.Next(t.Context())
				require.NoError(t, err)
				read += int64(len(p))
				synctest.Wait()
				require.LessOrEqual(t, origin.read.Load(), read+window)
			}
		}
		leader.Cursor.Close()
		rest, err := readAll(t.Context(), &follower)
		require.NoError(t, err, "the others go on without one who left")
		require.NotEmpty(t, rest)
		require.EqualValues(t, size, origin.read.Load())
		synctest.Wait()
		require.Zero(t, e.Usage().Pages)

		e.get(t).Response.Body.Close()
		require.False(t, e.last().Whole, "remembered, although the header does not tell")
		time.Sleep(2 * time.Minute)
		e.get(t).Cursor.Close()
		require.True(t, e.last().Whole)
		synctest.Wait()
		require.EqualValues(t, 2, e.Counters().Uncacheable[cache.ReasonTooLarge].Load(), "once for each fill")
	})
}

func TestABodyThatIsNotStoredEndsWithItsLastReader(t *testing.T) {
	for _, c := range []struct {
		name string
		ask  func(e *edge, ctx context.Context) // leaves, one way or another
	}{
		{"who closes the answer", func(e *edge, ctx context.Context) {
			if a, err := e.Answer(ctx, e.request(http.MethodGet)); err == nil {
				a.Cursor.Close()
			}
		}},
		{"whose request ends", func(e *edge, ctx context.Context) {
			ctx, cancel := context.WithCancel(ctx)
			_, _ = e.Answer(ctx, e.request(http.MethodGet))
			cancel()
		}},
		{"who had the page already", func(e *edge, ctx context.Context) {
			_, _ = e.Answer(ctx, e.request(http.MethodGet, "If-None-Match: *"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bodies, begin := make(chan *endless, 1), make(chan struct{})
				e := newEdgeOf(t, 64<<20, 64<<10, pouring(bodies, begin, 1<<40))
				c.ask(e, t.Context())
				close(begin)
				synctest.Wait()
				require.Error(t, (<-bodies).Err(), "the fetch is ended")
				require.EqualValues(t, 1, e.Counters().FillAborts.Load())
				require.Zero(t, e.Usage().Bytes)
			})
		})
	}
}

func TestTheLargestPageIsStoredAndNoLargerOne(t *testing.T) {
	const maxPage = 10_000
	for _, c := range []struct {
		size, declared int64
		stored         bool
	}{
		{0, 0, true}, {0, -1, true}, {1, -1, true}, {4096, -1, true}, {4097, 4097, true},
		{maxPage, maxPage, true}, {maxPage, -1, true},
		{maxPage + 1, maxPage + 1, false}, {maxPage + 1, -1, false},
	} {
		t.Run(fmt.Sprintf("%d of declared %d", c.size, c.declared), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEdgeOf(t, 8<<20, maxPage, func(ask) (*http.Response, error) {
					response := replyOf(200, c.declared, minute)
					response.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", int(c.size))))
					return response, nil
				})
				a, body := e.read(t)
				require.Len(t, body, int(c.size))
				require.Equal(t, c.declared > maxPage, a.Response != nil, "handed over where the header tells")
				synctest.Wait()
				if !c.stored {
					require.Zero(t, e.Usage().Bytes)
					return
				}
				a, body = e.read(t)
				require.Equal(t, cache.Hit, a.Result)
				require.Len(t, body, int(c.size))
				require.Equal(t, c.size, a.Rendition.Length)
				require.Less(t, e.Usage().Bytes, c.size+c.size/8+3000, "what was not used is given back")
			})
		})
	}
}

func TestAPageThatTheStoreHasNoRoomForPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdgeOf(t, 10_000, 1<<20, always(200, strings.Repeat("x", 20_000), minute))
		_, body := e.read(t)
		require.Len(t, body, 20_000)
		synctest.Wait()
		require.Zero(t, e.Usage().Bytes)
		require.EqualValues(t, 1, e.Counters().Uncacheable[cache.ReasonNoSpace].Load())
	})
}

func TestTrailersFollowTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, func(ask) (*http.Response, error) {
			response := replyOf(200, -1, minute, "Trailer: X-Sum")
			response.Body = io.NopCloser(strings.NewReader("news"))
			response.Trailer = http.Header{"X-Sum": {"1"}}
			return response, nil
		})
		a, _ := e.read(t)
		require.Equal(t, http.Header{"X-Sum": {"1"}}, a.Rendition.Body.Trailer())
		require.Empty(t, field(a, "Trailer"))
	})
}

func TestAnInvalidatedFillIsNeitherStoredNorFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := make(chan *stream, 1)
		e := newEdge(t, streaming(streams, 200, -1, minute))
		before := e.get(t)
		origin := <-streams
		origin.send(t, "old ")
		e.Invalidate("gazette /elsewhere")
		require.NotNil(t, e.get(t).Cursor, "other pages are not touched")
		e.Invalidate("gazette /")

		e.answers(always(200, "new", minute))
		_, body := e.read(t)
		require.Equal(t, "new", body, "a reader who comes later does not see what was before")
		origin.send(t, "news")
		require.NoError(t, origin.to.Close())
		body, err := readAll(t.Context(), &before)
		require.NoError(t, err)
		require.Equal(t, "old news", body)
		synctest.Wait()
		_, body = e.read(t)
		require.Equal(t, "new", body, "nor is it replaced by that")
		require.Equal(t, 2, e.fetches())

		e.Invalidate("gazette /")
		require.Zero(t, e.Usage().Bytes)
	})
}
