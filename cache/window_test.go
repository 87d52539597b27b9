package cache

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// pour is a fill that passes n chunks of a window's sixteenth.
func pour(t *testing.T, b *Body, n int) (done <-chan struct{}) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range n {
			arrive(b, make([]byte, passChunk))
			if !b.waitPassed(t.Context()) {
				return
			}
		}
		b.end(nil, nil)
	}()
	return ended
}

func TestAReaderWhoKeepsOthersWaitingIsCutOff(t *testing.T) {
	for name, between := range map[string]time.Duration{"who stands still": time.Hour, "who drips": passGrace / 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := new(Body)
				quick, slow := follow(t, b), follow(t, b)
				b.pass()
				began := time.Now()
				done := pour(t, b, 100)
				end := make(chan error, 1)
				go func() {
					for {
						if _, err := slow.Next(t.Context()); err != nil {
							end <- err
							return
						}
						time.Sleep(between)
					}
				}()
				_, err := rest(t.Context(), quick)
				require.Equal(t, io.EOF, err)
				require.LessOrEqual(t, time.Since(began), 10*time.Second)
				require.EqualValues(t, 100*passChunk, quick.offset)
				<-done
				require.Equal(t, ErrTooSlow, <-end)
			})
		})
	}
}

func TestAReaderWhoKeepsNobodyWaitingHasTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(Body)
		readers := []*Cursor{follow(t, b), follow(t, b)}
		b.pass()
		pour(t, b, 40)
		for _, c := range readers {
			go func() {
				for {
					if _, err := c.Next(t.Context()); err != nil {
						if err != io.EOF {
							t.Error(err)
						}
						return
					}
					time.Sleep(10 * passGrace)
				}
			}()
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		for _, c := range readers {
			require.EqualValues(t, 40*passChunk, c.offset)
		}
	})
}

func TestReadingOnDoesNotWakeTheOtherReaders(t *testing.T) {
	b := new(Body)
	quick, slow := follow(t, b), follow(t, b)
	b.pass()
	arrive(b, make([]byte, passChunk))
	for quick.offset < b.Size() {
		_, err := quick.Next(t.Context())
		require.NoError(t, err)
	}
	b.mu.Lock()
	_, change, err := quick.nextLocked()
	b.mu.Unlock()
	require.NoError(t, err)
	_, err = slow.Next(t.Context())
	require.NoError(t, err)
	select {
	case <-change:
		require.Fail(t, "nothing has arrived")
	default:
	}
}
