package origin

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// read opens the body and reads n bytes of it, all for a negative n.
func read(t *testing.T, b *Body, n int64) (io.ReadCloser, string) {
	t.Helper()
	r, ok := b.open()
	require.True(t, ok)
	var from io.Reader = r
	if n >= 0 {
		from = io.LimitReader(r, n)
	}
	text, err := io.ReadAll(from)
	require.NoError(t, err)
	return r, string(text)
}

func TestABodyCanBeReadAgainFromItsStart(t *testing.T) {
	for _, source := range []io.Reader{
		strings.NewReader("a letter home"), iotest.OneByteReader(strings.NewReader("a letter home")),
		iotest.DataErrReader(strings.NewReader("a letter home")),
	} {
		b := NewBody(source, -1)
		_, text := read(t, b, 0)
		require.Empty(t, text)
		_, text = read(t, b, 4)
		require.Equal(t, "a le", text)
		_, text = read(t, b, 8)
		require.Equal(t, "a letter", text, "from what is kept, then from the source")
		r, text := read(t, b, -1)
		require.Equal(t, "a letter home", text)
		require.NoError(t, r.Close())
		_, text = read(t, b, -1)
		require.Equal(t, "a letter home", text, "closing leaves the source alone")
	}
}

func TestABodyIsKeptUpToTheLimit(t *testing.T) {
	for _, test := range []struct {
		length int
		again  bool
	}{{replayLimit - 1, true}, {replayLimit, true}, {replayLimit + 1, false}, {4 * replayLimit, false}} {
		source := strings.Repeat("x", test.length)
		b := NewBody(strings.NewReader(source), int64(test.length))
		_, text := read(t, b, -1)
		require.True(t, text == source, test.length)
		_, again := b.open()
		require.Equal(t, test.again, again, test.length)
		require.LessOrEqual(t, cap(b.kept), 2*replayLimit)
		if !test.again {
			require.Nil(t, b.kept, "what cannot be sent again is not held")
		}
	}
}

func TestAnAbandonedAttemptGetsNothingMoreOfTheBody(t *testing.T) {
	b := NewBody(strings.NewReader("a letter home"), -1)
	first, _ := read(t, b, 4)
	_, text := read(t, b, -1)
	require.Equal(t, "a letter home", text)
	_, err := first.Read(make([]byte, 10))
	require.ErrorIs(t, err, errTakenOver)
}

func TestABodyInTheMiddleOfAReadIsNotHandedOn(t *testing.T) {
	b := NewBody(nil, -1)
	opened := true
	b.source = readerFunc(func([]byte) (int, error) { // the reader's connection, as it is waited for
		_, opened = b.open()
		return 0, io.EOF
	})
	_, text := read(t, b, -1)
	require.Empty(t, text)
	require.False(t, opened)
	_, text = read(t, b, -1) // and afterwards it is
	require.Empty(t, text)
}

// readerFunc is a function that reads.
type readerFunc func([]byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestAReadersBrokenBodyStaysBroken(t *testing.T) {
	broken := errors.New("the reader's connection broke")
	b := NewBody(io.MultiReader(strings.NewReader("a le"), iotest.ErrReader(broken)), 13)
	for range 2 {
		r, ok := b.open()
		require.True(t, ok)
		text, err := io.ReadAll(r)
		require.ErrorIs(t, err, broken)
		require.Equal(t, "a le", string(text))
	}
}
