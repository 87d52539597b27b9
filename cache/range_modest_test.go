package cache_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

func TestModestRanges(t *testing.T) {
	for _, c := range []struct {
		name, set string
		want      bool
	}{
		{"one range", "bytes=0-9", true},
		{"one to the end", "bytes=5-", true},
		{"a suffix", "bytes=-500000000", true},
		{"several apart", "bytes=0-1,5-6,100-", true},
		{"the first bytes and a few of the last", "bytes=0-99,-100", true},
		{"§14.2 the same twice", "bytes=0-,0-", false},
		{"§14.2 one within another", "bytes=0-9,5-6", false},
		{"§14.2 one that runs into another", "bytes=5-,0-9", false},
		{"§14.2 two suffixes", "bytes=-1,-2", false},
		{"§14.2 a long suffix beside another", "bytes=0-99,-70000", false},
		{"§14.2 a suffix beside all of it", "bytes=0-,-1", false},
		{"§17.15 more than sixteen", "bytes=0-0" + strings.Repeat(",1-1", 16), false},
		{"§14.1.1 another unit", "lines=0-1", false},
		{"§14.1.1 backwards", "bytes=4-2", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, cache.ModestRange(http.Header{"Range": {c.set}}))
		})
	}
}

func TestASetOfRangesThatIsNotModestIsForThePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, always(200, "0123456789", minute, `Etag: "1"`))
		a := e.get(t, "Range: bytes=0-,0-,0-,0-")
		require.Equal(t, http.StatusOK, a.Rendition.Status)
		require.True(t, e.last().Whole)
		synctest.Wait()
		require.Equal(t, 1, e.Usage().Pages)
	})
}
