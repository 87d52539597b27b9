package cache

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// arrive appends to a body what a fill would.
func arrive(b *Body, p []byte) {
	for len(p) > 0 {
		if len(b.room()) == 0 {
			b.extend(firstChunk)
		}
		n := copy(b.room(), p)
		b.grow(n)
		p = p[n:]
	}
}

// follow is Follow where it must succeed.
func follow(t *testing.T, b *Body) *Cursor {
	t.Helper()
	c, ok := b.Follow()
	require.True(t, ok)
	return c
}

// rest reads on from a cursor until it gives an error.
func rest(ctx context.Context, c *Cursor) (read []byte, err error) {
	for {
		p, err := c.Next(ctx)
		if err != nil {
			return read, err
		}
		read = append(read, p...)
	}
}

func TestEveryReaderGetsTheSameBytesWhileTheyArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want := make([]byte, 100<<10)
		for i := range want {
			want[i] = byte(rand.Uint32())
		}
		b := new(Body)
		var readers sync.WaitGroup
		for range 50 {
			readers.Go(func() {
				c, ok := b.Follow()
				if !ok {
					t.Error("a body that is kept can be followed at any time")
					return
				}
				defer c.Close()
				got, err := rest(t.Context(), c)
				if err != io.EOF || !bytes.Equal(want, got) {
					t.Errorf("%d bytes of %d, then %v", len(got), len(want), err)
				}
			})
		}
		for left := want; len(left) > 0; {
			n := min(len(left), 1+rand.IntN(3000))
			arrive(b, left[:n])
			left = left[n:]
		}
		b.trim()
		b.end(nil, nil)
		readers.Wait()
	})
}

func TestACursorWaitsForBytesItsContextOrTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(Body)
		c := follow(t, b)
		ctx, cancel := context.WithCancelCause(t.Context())
		got := make(chan error)
		next := func(ctx context.Context) {
			_, err := c.Next(ctx)
			got <- err
		}
		expect := func(want error) {
			t.Helper()
			synctest.Wait()
			require.Equal(t, want, <-got)
		}

		go next(ctx)
		synctest.Wait()
		require.Empty(t, got, "it waits")
		arrive(b, []byte("news"))
		expect(nil)

		gone := errors.New("the reader left")
		go next(ctx)
		synctest.Wait()
		cancel(gone)
		expect(gone)

		go next(t.Context())
		synctest.Wait()
		b.end(nil, http.Header{"X-Sum": {"1"}})
		expect(io.EOF)
		require.Equal(t, http.Header{"X-Sum": {"1"}}, b.Trailer())
		require.EqualValues(t, 4, b.Size())
	})
}

func TestABodyThatBrokeOffGivesWhatArrivedAndThenTheError(t *testing.T) {
	b := new(Body)
	arrive(b, []byte("half"))
	broke := errors.New("reset")
	b.end(broke, nil)
	_, whole := b.Whole()
	require.False(t, whole)
	got, err := rest(t.Context(), follow(t, b))
	require.Equal(t, "half", string(got))
	require.Equal(t, broke, err)
}

func TestAClosedCursorReadsNoFurther(t *testing.T) {
	b := new(Body)
	c := follow(t, b)
	arrive(b, []byte("news"))
	c.Close()
	c.Close()
	_, err := c.Next(t.Context())
	require.Equal(t, errCursorClosed, err)
}

func TestAReaderIsTakenOverTheEndOfABody(t *testing.T) {
	b := new(Body)
	c := follow(t, b)
	arrive(b, []byte("news"))
	b.trim()
	b.end(nil, nil)
	require.Nil(t, b.arrival, "a stored body does not remember who followed it")
	got, err := rest(t.Context(), c)
	require.Equal(t, "news", string(got))
	require.Equal(t, io.EOF, err)
	c.Close()
}

func TestTrimGivesBackWhatIsWorthACopy(t *testing.T) {
	wasteful, tight := new(Body), new(Body)
	arrive(wasteful, make([]byte, firstChunk+10))
	arrive(tight, make([]byte, firstChunk-10))
	held := tight.chunks[0]
	wasteful.trim()
	tight.trim()
	require.EqualValues(t, firstChunk+10, wasteful.capacity())
	require.EqualValues(t, firstChunk, tight.capacity())
	require.Same(t, &held[0], &tight.chunks[0][0], "not copied")
}

func TestAPassingBodyHoldsOnlyWhatSomebodyHasYetToRead(t *testing.T) {
	b := new(Body)
	quick, slow := follow(t, b), follow(t, b)
	arrive(b, make([]byte, 3*firstChunk))
	b.pass()
	_, ok := b.Follow()
	require.False(t, ok, "nobody new can follow from the start")
	for range 100 {
		arrive(b, make([]byte, firstChunk))
		for _, c := range []*Cursor{quick, slow} {
			for read := c.offset; read+2*firstChunk <= b.Size(); read = c.offset {
				_, err := c.Next(t.Context())
				require.NoError(t, err)
			}
		}
		require.True(t, b.waitPassed(t.Context()))
		require.LessOrEqual(t, b.capacity(), int64(4*firstChunk))
		require.LessOrEqual(t, len(b.chunks), 4, "nor is anything kept of chunks that are gone")
	}
	slow.Close()
	arrive(b, make([]byte, 3*firstChunk))
	b.end(nil, nil)
	_, err := rest(t.Context(), quick)
	require.Equal(t, io.EOF, err)
	require.EqualValues(t, 106*firstChunk, quick.offset)
}

func TestAPassingBodyWaitsForItsSlowestReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(Body)
		quick, slow := follow(t, b), follow(t, b)
		b.pass()
		arrive(b, make([]byte, passWindow))
		ctx, cancel := context.WithCancel(t.Context())
		more := make(chan bool)
		wait := func() { more <- b.waitPassed(ctx) }

		go wait()
		for quick.offset < passWindow {
			_, err := quick.Next(t.Context())
			require.NoError(t, err)
		}
		synctest.Wait()
		require.Empty(t, more, "the slow one has read nothing")
		_, err := slow.Next(t.Context())
		require.NoError(t, err)
		require.True(t, <-more)

		arrive(b, make([]byte, firstChunk))
		go wait()
		synctest.Wait()
		slow.Close()
		require.True(t, <-more, "the slow one has left")

		arrive(b, make([]byte, passWindow))
		go wait()
		synctest.Wait()
		cancel()
		require.False(t, <-more, "the fill is ended")
		quick.Close()
		require.False(t, b.waitPassed(t.Context()), "nobody is left")
	})
}

func TestABodyOfGivenBytesIsWhole(t *testing.T) {
	for _, given := range []string{"", "news"} {
		b := NewBody([]byte(given))
		chunks, whole := b.Whole()
		require.True(t, whole)
		require.Equal(t, given, string(bytes.Join(chunks, nil)))
		require.EqualValues(t, len(given), b.Size())
		got, err := rest(t.Context(), follow(t, b))
		require.Equal(t, given, string(got))
		require.Equal(t, io.EOF, err)
	}
}
