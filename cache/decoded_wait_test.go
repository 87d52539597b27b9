package cache_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheHeaderOfACompressedAnswerDoesNotWaitForItsBody(t *testing.T) {
	text := article(5000, 28)
	for name, c := range map[string]struct{ body, lifetime string }{
		"stored": {zipped(text), minute}, "not stored": {zipped(text), "Cache-Control: no-store"},
		"not gzip after all": {text, minute}, "not gzip, nor stored": {text, "Cache-Control: no-store"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				streams := make(chan *stream, 1)
				e := newEdge(t, streaming(streams, 200, -1, c.lifetime, "Content-Encoding: gzip"))
				began := time.Now()
				a := e.get(t)
				require.LessOrEqual(t, time.Since(began), 20*time.Millisecond)
				if a.Response != nil {
					require.Empty(t, a.Response.Header.Get("Content-Encoding"))
				}
				require.Empty(t, field(a, "Content-Encoding"))
				time.Sleep(time.Second)
				go func() {
					origin := <-streams
					origin.send(t, c.body)
					origin.to.Close()
				}()
				body, err := readAll(t.Context(), &a)
				require.NoError(t, err)
				require.Equal(t, text, body)
			})
		})
	}
}

func TestWhoLeavesBeforeTheFirstCompressedByteEndsTheFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := make(chan *stream, 1)
		e := newEdge(t, streaming(streams, 200, -1, "Cache-Control: no-store", "Content-Encoding: gzip"))
		a := e.get(t)
		require.NoError(t, a.Response.Body.Close())
		synctest.Wait()
		require.True(t, (<-streams).closed.Load())
	})
}
